// The examples of docs/reference/traceql.md find what stands beside them, and the page has everything that
// the language has.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { INTRINSICS } from './fields.ts'
import { evaluateTraceQuery, parseTraceQuery } from './index.ts'
import { TRACE } from './traceql.fixture.ts'

const PAGE = readFileSync(new URL('../../../docs/reference/traceql.md', import.meta.url), 'utf8')

const examples = [...PAGE.matchAll(/```traceql\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
  block
    .trim()
    .split('\n')
    .map((line) => line.split('→').map((part) => part.trim())),
)

for (const [text = '', finds] of examples) {
  test(`the page is right about ${text}`, () => {
    const { query, diagnostics } = parseTraceQuery(text)
    assert.ok(query !== undefined, diagnostics.map(({ message }) => message).join('; '))
    const { spansets } = evaluateTraceQuery(query, TRACE)
    const found = spansets.map(({ blocks }) => blocks.map(({ name }) => name).join(' ')).join(', ')
    assert.equal(found === '' ? 'nothing' : found, finds)
  })
}

test('the page has every field, operator, aggregate and stage', () => {
  assert.ok(examples.length > 60)
  const text = examples.map(([query]) => query).join('\n')
  const operators = ['', '!', '&'].flatMap((mode) =>
    ['>>', '<<', '>', '<', '~'].map((op) => ` ${mode}${op} `),
  )
  const words = [
    ...[
      '&&',
      '||',
      '=~',
      '!~',
      '!=',
      '<=',
      '>=',
      ' + ',
      ' - ',
      ' * ',
      ' / ',
      ' % ',
      ' ^ ',
      '!.',
      'nil',
      'true',
    ],
    ...['span.', 'resource.', 'event.', 'link.', 'instrumentation.', 'minInt', 'maxInt', 'with ('],
    ...['count()', 'avg(', 'min(', 'max(', 'sum(', 'by(', 'coalesce()', 'select('],
  ]
  for (const word of [...operators, ...words]) assert.ok(text.includes(word), word)
  for (const name of Object.keys(INTRINSICS)) assert.ok(text.includes(name), name)
})
