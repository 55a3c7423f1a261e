// The filter language: typed, in the address, in the request.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  NO_FILTER,
  filterRequest,
  readFilter,
  typeFilter,
  writeFilter,
  type TraceFilter,
} from './trace-filter.ts'

test('what is typed is understood', () => {
  const cases: readonly (readonly [string, Partial<TraceFilter>])[] = [
    ['service=web', { service: 'web' }],
    ['GET /cart', { name: 'GET /cart' }],
    ['name="POST /a b"', { name: 'POST /a b' }],
    ['>100ms <2s', { minMs: 100, maxMs: 2_000 }],
    ['duration>=1.5s', { minMs: 1_500 }],
    ['>250', { minMs: 250 }],
    ['>500us', { minMs: 0.5 }],
    ['error', { isError: true }],
    [
      'http.route=/x db.system:redis',
      {
        attributes: [
          ['http.route', '/x'],
          ['db.system', 'redis'],
        ],
      },
    ],
    ['url=http://a/?b=c', { attributes: [['url', 'http://a/?b=c']] }],
    ['service=web checkout >1s', { service: 'web', name: 'checkout', minMs: 1_000 }],
    ['a="unclosed', { attributes: [['a', 'unclosed']] }],
    ['<script>', { name: '<script>' }],
    ['', {}],
  ]
  for (const [typed, filter] of cases)
    assert.deepEqual(typeFilter(NO_FILTER, typed), { ...NO_FILTER, ...filter }, typed)
})

test('a key that is given again replaces its value', () => {
  assert.deepEqual(typeFilter(typeFilter(NO_FILTER, 'a=1'), 'a=2').attributes, [['a', '2']])
})

const word = fc.string({ minLength: 1 })
const filters: fc.Arbitrary<TraceFilter> = fc.record(
  {
    service: fc.option(word, { nil: undefined }),
    name: fc.option(word, { nil: undefined }),
    minMs: fc.option(fc.nat(), { nil: undefined }),
    maxMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }).map(Math.abs), { nil: undefined }),
    isError: fc.constantFrom(true, undefined),
    attributes: fc.uniqueArray(fc.tuple(word, fc.string()), { selector: ([key]) => key }),
    range: fc.oneof(
      fc.constant({ kind: 'all' as const }),
      fc.integer({ min: 1, max: 9_999_999 }).map((minutes) => ({ kind: 'last' as const, minutes })),
      fc
        .tuple(fc.bigInt(0n, 10n ** 18n), fc.bigInt(0n, 10n ** 18n))
        .map(([fromNs, toNs]) => ({ kind: 'between' as const, fromNs, toNs })),
    ),
  },
  { noNullPrototype: true },
)

test('a filter survives the address', () => {
  fc.assert(
    fc.property(filters, (filter) => {
      const query = new URLSearchParams()
      writeFilter(query, filter)
      assert.deepEqual(readFilter(new URLSearchParams(query.toString())), filter)
    }),
  )
})

test('nonsense in the address is no filter', () => {
  const query = new URLSearchParams('minMs=abc&maxMs=-1&error=yes&last=0&from=1&to=x&attr.=1')
  assert.deepEqual(readFilter(query), {
    ...NO_FILTER,
    service: undefined,
    name: undefined,
    minMs: undefined,
    maxMs: undefined,
    isError: undefined,
  })
})

test('the last minutes become instants in the request', () => {
  const query = filterRequest({ ...NO_FILTER, range: { kind: 'last', minutes: 5 } }, 1_000_000_000)
  assert.equal(query.get('from'), String(999_700_000n * 1_000_000n))
  assert.equal(query.has('last'), false)
})
