// What a grant over tracepoints covers: by a table of last accepted and first refused, and as a law over all
// names.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { coversTracepoint, matchesTracepoint } from './tracepoint-name.ts'

for (const [grant, wanted, isCovered] of [
  ['http.server.response', 'http.server.response', true],
  ['http.server.response', 'http.server.respons', false],
  ['http.*', 'http.server.*', true],
  ['http.*', 'http*', false],
  ['http.*', 'http.server.response,http.client.response', true],
  ['http.*', 'http.server.response,node.gc', false],
  ['http.*,node.gc', 'http.server.response,node.gc', true],
  // `*` stands for any run without `/`, so it never holds a `**`.
  ['http.*', 'http.**', false],
  ['http.**', 'http.**', true],
  ['*/*', '**', false],
  ['**', '**', true],
  ['**', '', true],
  ['http.*', '', false],
  ['http.*', 'http.a,', false],
  // Any end of a path names a file: a short name may mean one that stands elsewhere.
  ['shop/**', 'shop/src/store.ts:get', true],
  ['shop/**', 'shop/src/*.ts:*', true],
  ['shop/**', 'shop/**:get', true],
  ['shop/**', 'store.ts:get', false],
  ['shop/**', 'workshop/store.ts:get', false],
  ['shop/**', '**/store.ts:get', false],
  ['src/store.ts:*', 'store.ts:get', false],
  ['store.ts:*', 'src/store.ts:get', true],
  // What is inside a file covers no name of another kind.
  ['http.*', 'http.ts:get', false],
  // Where in the function makes no difference.
  ['store.ts:get', 'store.ts:get@return', true],
  ['store.ts:get', 'store.ts:get@17', true],
  ['store.ts:get', 'store.ts:getAll@17', false],
] as const) {
  test(`${grant} ${isCovered ? 'covers' : 'does not cover'} '${wanted}'`, () => {
    assert.equal(coversTracepoint(grant, wanted), isCovered)
  })
}

const literal = fc.constantFrom('a', 'b', '/', ':', '.', '\0', 'a/b:')
const piece = fc.oneof(literal, fc.constantFrom('*', '**', ','))
const pieces = fc.array(piece, { maxLength: 6 })
const runs = fc.array(fc.array(literal, { maxLength: 3 }), { minLength: 6, maxLength: 6 })

/** With each star of the pattern replaced by the next of `by`. */
const filled = (pattern: readonly string[], by: readonly (readonly string[])[]): string[] => {
  let next = 0
  return pattern.flatMap((one) => (one.startsWith('*') ? (by[next++ % by.length] ?? []) : [one]))
}

/** A glob with a folder or a file in it may be the end of a path. */
const fitsAnywhere = (grant: string, hit: string): boolean =>
  grant
    .split(',')
    .flatMap((glob) => (/[/:]/.test(glob) ? [glob, `**/${glob}`] : [glob]))
    .some((one) => matchesTracepoint(one, hit))

test('what a covered pattern matches, the grant matches', () => {
  let covered = 0
  const stars = fc.array(pieces, { minLength: 6, maxLength: 6 })
  const place = fc.constantFrom('', '@return', '@17')
  const law = fc.property(pieces, stars, runs, place, (glob, narrower, names, at) => {
    const grant = glob.join('')
    const asked = filled(glob, narrower)
    const wanted = asked.join('') + at
    if (!coversTracepoint(grant, wanted)) return
    for (const hit of filled(asked, names).join('').split(',')) {
      if (!matchesTracepoint(wanted, hit + at)) continue
      covered++
      assert.ok(fitsAnywhere(grant, hit), `${grant} does not match ${hit}, but covers ${wanted}`)
    }
  })
  fc.assert(law, { numRuns: 20_000 })
  assert.ok(covered > 1_000, `only ${covered} cases say something`)
})

test('a grant covers itself, and each name that it matches unless that may be the end of a path', () => {
  const law = fc.property(pieces, runs, (glob, names) => {
    const grant = glob.join('').replaceAll('\0', 'c')
    const hit = filled(glob, names).join('').replaceAll('\0', 'c')
    assert.ok(coversTracepoint(grant, grant))
    if (matchesTracepoint(grant, hit) && !/[:,]/.test(hit)) assert.ok(coversTracepoint(grant, hit))
  })
  fc.assert(law, { numRuns: 5_000 })
})
