// The examples of docs/reference/features.md give what stands below them, and it has one of each construct.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDiagnostic } from '#base'
import { compileFeatures, compileFilter } from '../index.ts'
import type { FeatureValue, RowPer } from '../index.ts'
import { PAGE, TRACE } from '../testing/reference-page.ts'
import { FUNCTIONS } from './functions.ts'
import { FIELDS } from './measures.ts'

/** As a cell shows it. */
const cellOf = (value: FeatureValue): string =>
  value === null ? 'null' : Array.isArray(value) ? value.join(', ') : String(value)

const EXAMPLE = /```features(?: rowPer=(\w+))?\n([\s\S]*?)```\n\n((?:\|.*\n)+)/g
for (const [, rowPer, text, table] of PAGE.matchAll(EXAMPLE)) {
  test(`the page is right about ${text.split('\n')[0]} ..`, () => {
    const options = rowPer === undefined ? {} : { rowPer: rowPer as RowPer }
    const { program, diagnostics } = compileFeatures(text, options)
    assert.deepEqual(diagnostics.map(formatDiagnostic), [])
    assert.ok(program)
    const head = program.columns.map(({ name, unit }) => (unit === undefined ? name : `${name} (${unit})`))
    const rows = program.evaluate(TRACE).map(({ values }) => values.map(cellOf))
    const [wantedHead, , ...wanted] = table.trim().split('\n').map(cellsOf)
    assert.deepEqual(wantedHead, head)
    assert.deepEqual(rows, wanted)
  })
}

const FILTER = /```filter\n([\s\S]*?)```\n\n(holds|does not hold)\n/g
for (const [, text, said] of PAGE.matchAll(FILTER)) {
  test(`the page is right that ${text.trim().split('\n').at(-1)} ${said}`, () => {
    const { filter, diagnostics } = compileFilter(text)
    assert.deepEqual(diagnostics, [])
    assert.equal(filter?.(TRACE), said === 'holds')
  })
}

test('the example of a mistake is what is said of it', () => {
  const { diagnostics } = compileFeatures('Blocks | Sum | RecordAs("x")')
  assert.ok(PAGE.includes(diagnostics.map(formatDiagnostic).join('\n')))
})

const SIGNS = ['=', '!=', '==', '>=', '<', '~', '->', '&&', '||', '!(', ', ', '--']
const WORDS = ['and', 'or', 'not', 'like', 'in (', 'Trace', 'Root', 'Row', 'It', 'Rows', 'RecordAs(', '10ms']
test('the page has an example of each construct', () => {
  const examples = [...PAGE.matchAll(EXAMPLE), ...PAGE.matchAll(FILTER)].map((match) =>
    match.slice(1, 3).join('\n'),
  )
  const all = examples.join('\n')
  assert.deepEqual(
    [...FUNCTIONS.keys(), ...SIGNS, ...WORDS].filter((construct) => !all.includes(construct)),
    [],
  )
})

test('the page lists every function and field, as the language has them', () => {
  for (const [name, { usage, says }] of FUNCTIONS)
    assert.ok(PAGE.includes(`| \`${usage}\` | ${says} |`), `${name}: | \`${usage}\` | ${says} |`)
  for (const [item, fields] of Object.entries(FIELDS)) {
    const row = `| ${item} | ${Object.keys(fields)
      .map((field) => `\`${field}\``)
      .join(', ')} |`
    assert.ok(PAGE.includes(row), row)
  }
})

const cellsOf = (line: string): readonly string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
