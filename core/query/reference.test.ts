// The examples of docs/reference/query-language.md give the tables that stand below them.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { AGGREGATE_NAMES, SCALAR_NAMES } from './functions.ts'
import { evaluate, type RecordedExecution } from './index.ts'

const PAGE = readFileSync(new URL('../../docs/reference/query-language.md', import.meta.url), 'utf8')

const MS = 1_000_000
const read = (table: string, bytes: number, ms: number) => ({
  tracepoint: 'db.read',
  vars: { table, bytes, time: ms * MS },
})
const come = (user: string, ms: number) => ({ tracepoint: 'front.user', vars: { user, time: ms * MS } })
const EXECUTION: RecordedExecution = {
  events: [
    { id: 'a1', ...come('ann', 0), after: [] },
    { id: 'a2', ...read('orders', 200, 400), after: ['a1'] },
    { id: 'a3', ...read('orders', 300, 900), after: ['a2'] },
    { id: 'a4', ...read('users', 2048, 1100), after: ['a3'] },
    { id: 'b1', ...come('bob', 1200), after: [] },
    { id: 'b2', ...read('orders', 100, 1600), after: ['b1'] },
  ],
}

const EXAMPLE = /```query\n([\s\S]*?)```\n\n((?:\|.*\n)+)/g

const VIEW = /```query name=(\w+)\n([\s\S]*?)```/g
const views = Object.fromEntries([...PAGE.matchAll(VIEW)].map(([, name, text]) => [name, text]))

for (const [, text, table] of PAGE.matchAll(EXAMPLE)) {
  test(`the page is right about ${text.replaceAll('\n', ' ').trim()}`, () => {
    const [head, , ...lines] = table.trim().split('\n').map(cellsOf)
    const rows = evaluate(text, EXECUTION, { views }).map((row) => head.map((column) => String(row[column])))
    assert.deepEqual(rows, lines)
  })
}

const CONSTRUCTS = [
  ...[
    'From',
    'Join',
    'Left Join',
    'Where',
    'Let',
    'GroupBy',
    'Select',
    'DISTINCT',
    'TOP',
    'Top',
    'Every',
    'By',
  ],
  ...[
    'First(',
    'MostRecent(',
    'FirstN(',
    'MostRecentN(',
    'In latency',
    'P50(',
    'P999(',
    'COUNT(DISTINCT',
    '--',
  ],
  ...[' or ', '||', ' and ', '&&', 'not ', '==', '!=', '<>', '<', '<=', '>', '>=', ' like ', '+', '-', '*'],
  ...[' / ', ' % ', 'null', '"', '1s', '500ms', '1KiB', '25%'],
  ...Object.values(SCALAR_NAMES).map((name) => `${name}(`),
  ...Object.keys(AGGREGATE_NAMES).flatMap((name) => (name === 'avg' ? [] : [name.toUpperCase()])),
]
test('the page has an example of each construct', () => {
  const examples = [...PAGE.matchAll(EXAMPLE)].map(([, text]) => text).join('\n')
  assert.deepEqual(
    CONSTRUCTS.filter((construct) => !examples.includes(construct)),
    [],
  )
})

const cellsOf = (line: string): readonly string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
