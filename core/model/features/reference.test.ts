// The examples of docs/reference/features.md give what stands below them, and it has one of each construct.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { formatDiagnostic } from '#base'
import { buildTrace, compileFeatures, compileFilter } from '../index.ts'
import type { FeatureValue, LooseOtlpSpan, RowPer } from '../index.ts'
import { FUNCTIONS } from './functions.ts'
import { FIELDS } from './measures.ts'

const PAGE = readFileSync(new URL('../../../docs/reference/features.md', import.meta.url), 'utf8')
const nanos = (ms: number): string => `${1_790_000_000_000 + ms}000000`

type Brief = {
  readonly id: string
  readonly up?: string
  readonly unit?: string
  readonly service: string
  readonly ms: readonly [number, number]
  readonly events?: readonly { readonly ms: number }[]
  readonly links?: readonly {
    readonly from: string
    readonly ms: readonly [number, number]
    readonly attributes: object
  }[]
}

/** The page has times in ms and links that say only what differs. */
function spanOf({ id, up, unit, service, ms, events = [], links = [], ...more }: Brief): LooseOtlpSpan {
  const traceId = 'c0'.repeat(16)
  return {
    ...more,
    traceId,
    spanId: id,
    parentSpanId: up ?? '',
    startTimeUnixNano: nanos(ms[0]),
    endTimeUnixNano: nanos(ms[1]),
    resource: {
      'service.name': service,
      'host.name': service,
      ...(unit === undefined ? {} : { 'crosscut.unit_name': unit }),
    },
    events: events.map(({ ms: at, ...event }) => ({ ...event, timeUnixNano: nanos(at) })),
    links: links.map(({ from, ms: [left, arrived], attributes }) => {
      const times = { 'crosscut.edge.from_ns': nanos(left), 'crosscut.edge.to_ns': nanos(arrived) }
      return { traceId, spanId: from, attributes: { ...attributes, ...times } }
    }),
  }
}

const [, json = '[]'] = /```json\n([\s\S]*?)```/.exec(PAGE) ?? []
const TRACE = buildTrace((JSON.parse(json) as readonly Brief[]).map(spanOf))

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
