// Attributes as text: a table of values there and back, and the search in them.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { attributesText, parseAttributes, searchFragments } from './attribute-text.ts'
import { batchOf, type FixtureAttributes } from './span-batch.fixture.ts'

function textOf(attributes: FixtureAttributes): string {
  const { attributes: columns, strings } = batchOf([{ traceId: '1', spanId: '1', attributes }])
  return attributesText(columns, strings, 0)
}

const CASES: readonly { readonly given: FixtureAttributes; readonly text: string; readonly read: unknown }[] =
  [
    { given: {}, text: '{}', read: {} },
    { given: { a: 'x "y"\n' }, text: '{"a":"x \\"y\\"\\n"}', read: { a: 'x "y"\n' } },
    {
      given: { a: 5n, b: 2n ** 63n - 1n },
      text: '{"a":{"int":"5"},"b":{"int":"9223372036854775807"}}',
      read: { a: 5, b: '9223372036854775807' },
    },
    {
      given: { a: 1.5, b: NaN, c: -Infinity, d: -0 },
      text: '{"a":{"double":1.5},"b":{"double":"NaN"},"c":{"double":"-Infinity"},"d":{"double":"-0"}}',
      read: { a: 1.5, b: 'NaN', c: '-Infinity', d: -0 },
    },
    {
      given: { a: true, b: false, c: null },
      text: '{"a":true,"b":false,"c":null}',
      read: { a: true, b: false, c: null },
    },
    { given: { a: Uint8Array.of(1, 2, 255) }, text: '{"a":{"bytes":"AQL/"}}', read: { a: 'AQL/' } },
    {
      given: { a: { array: '[{"stringValue":"x"},{"arrayValue":{"values":[{"intValue":"7"}]}}]' } },
      text: '{"a":{"array":[{"stringValue":"x"},{"arrayValue":{"values":[{"intValue":"7"}]}}]}}',
      read: { a: ['x', [7]] },
    },
    {
      given: { a: { kvlist: '[{"key":"k","value":{"boolValue":true}},{"key":"n"}]' } },
      text: '{"a":{"kvlist":[{"key":"k","value":{"boolValue":true}},{"key":"n"}]}}',
      read: { a: { k: true, n: null } },
    },
  ]

describe('attributes as text', () => {
  for (const { given, text, read } of CASES) {
    it(`writes and reads ${text}`, () => {
      assert.equal(textOf(given), text)
      assert.deepEqual(parseAttributes(text), read)
    })
  }

  it('keeps every string, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (key, value) => {
        const text = textOf(Object.fromEntries([[key, value]]))
        assert.deepEqual(parseAttributes(text), Object.fromEntries([[key, value]]))
      }),
      { seed: 1 },
    )
  })

  it('is found by the fragment of its key and value, and by no other', () => {
    const evil = '"host.name":"A"'
    const text = textOf({ 'host.name': 'B', note: evil, n: 7n, ok: true })
    const isFound = (key: string, value: string): boolean =>
      searchFragments(key, value).some((fragment) => text.includes(fragment))
    assert.equal(isFound('host.name', 'B'), true)
    assert.equal(isFound('host.name', 'A'), false)
    assert.equal(isFound('note', evil), true)
    assert.equal(isFound('n', '7'), true)
    assert.equal(isFound('ok', 'true'), true)
    assert.equal(isFound('ok', 'false'), false)
  })

  it('reads damage as text instead of throwing', () => {
    assert.deepEqual(parseAttributes('{"a":'), { 'crosscut.unreadable': '{"a":' })
    assert.deepEqual(parseAttributes('[1]'), {})
  })
})
