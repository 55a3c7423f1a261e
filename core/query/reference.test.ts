// The examples of docs/reference/query-language.md give the tables that stand below them.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { evaluate, type RecordedExecution } from './index.ts'

const PAGE = readFileSync(new URL('../../docs/reference/query-language.md', import.meta.url), 'utf8')

const EXECUTION: RecordedExecution = {
  events: [
    { id: 'a1', tracepoint: 'front.user', vars: { user: 'ann' }, after: [] },
    { id: 'a2', tracepoint: 'db.read', vars: { table: 'orders', bytes: 200 }, after: ['a1'] },
    { id: 'a3', tracepoint: 'db.read', vars: { table: 'orders', bytes: 300 }, after: ['a2'] },
    { id: 'a4', tracepoint: 'db.read', vars: { table: 'users', bytes: 2048 }, after: ['a3'] },
    { id: 'b1', tracepoint: 'front.user', vars: { user: 'bob' }, after: [] },
    { id: 'b2', tracepoint: 'db.read', vars: { table: 'orders', bytes: 100 }, after: ['b1'] },
  ],
}

const EXAMPLE = /```query\n([\s\S]*?)```\n\n((?:\|.*\n)+)/g

for (const [, text, table] of PAGE.matchAll(EXAMPLE)) {
  test(`the page is right about ${text.replaceAll('\n', ' ').trim()}`, () => {
    const [head, , ...lines] = table.trim().split('\n').map(cellsOf)
    const rows = evaluate(text, EXECUTION).map((row) => head.map((column) => String(row[column])))
    assert.deepEqual(rows, lines)
  })
}

test('the page has examples', () => assert.ok([...PAGE.matchAll(EXAMPLE)].length >= 7))

const cellsOf = (line: string): readonly string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
