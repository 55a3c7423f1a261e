// The TypeScript feature files of docs/reference/features.md, run as the server runs them, give what stands
// below them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FeatureValue, RowPer } from '#model'
import { askFeatureFile } from '#traces'
import { PAGE, TRACE } from '../../core/model/testing/reference-page.ts'

const cellOf = (value: FeatureValue): string => (Array.isArray(value) ? value.join(', ') : String(value))
const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

const EXAMPLE = /```ts(?: rowPer=(\w+))?\n([\s\S]*?)```\n\n((?:\|.*\n)+)/g
const examples = [...PAGE.matchAll(EXAMPLE)]

test('the page has a file with a row a trace, and one with a row an element', () =>
  assert.deepEqual(
    examples.map(([, rowPer]) => rowPer),
    [undefined, 'block'],
  ))

for (const [, rowPer = 'trace', source = '', table = ''] of examples)
  test(`the page is right about rows of a ${rowPer}`, async () => {
    const file = { name: 'page.ts', source, rowPer: rowPer as RowPer }
    const { columns, rows } = await askFeatureFile(file, TRACE)
    const [head = [], , ...wanted] = table.trim().split('\n').map(cellsOf)
    assert.deepEqual(
      head,
      columns.map(({ name, unit }) => (unit === undefined ? name : `${name} (${unit})`)),
    )
    assert.deepEqual(
      rows.map(({ values }) => values.map(cellOf)),
      wanted,
    )
  })
