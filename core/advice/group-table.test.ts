// What a table holds of hostile keys and values, and what it says of the rest.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AggregateName } from '#protocol'
import { AGGREGATES, GroupTable, GROUPS_MAX, TABLE_BYTES_MAX, valueFrom, type Value } from './index.ts'

/** As `emit` does. */
function add(table: GroupTable, keys: readonly Value[], values: readonly Value[]): boolean {
  const states = table.statesFor(keys, 1)
  if (states === undefined) return false
  return table.folds.map((fold, i) => table.put(states, i, fold.add(states[i], values[i], 1))).every(Boolean)
}

test('2,000 groups have a row, the next is one of the others, and each hit is in one of the two', () => {
  const table = new GroupTable(['count'])
  for (let i = 0; i < 10_000; i++) add(table, [`user ${i}`], [true])
  assert.equal(table.size, GROUPS_MAX)
  const { hits, otherRows, groups } = table.snapshot()
  assert.deepEqual([hits, otherRows, groups.length], [10_000, 8000, GROUPS_MAX])
  add(table, ['user 7'], [true])
  assert.deepEqual(table.groups()[7], { keys: ['user 7'], states: [2] })
})

const HOSTILE: readonly (readonly [string, AggregateName, (i: number) => Value, (i: number) => Value])[] = [
  ['long keys', 'count', (i) => valueFrom(`${i}${'x'.repeat(1e5)}`), () => true],
  ['keys of control characters', 'count', (i) => `${'\u0001'.repeat(200)}${i}`, () => true],
  ['keys of lone surrogates', 'count', (i) => `${'\ud800'.repeat(200)}${i}`, () => true],
  ['keys of three bytes a character', 'count', (i) => `${'\u8a9e'.repeat(300)}${i}`, () => true],
  ['long smallest texts', 'min', (i) => i, (i) => `${'y'.repeat(4000)}${i}`],
  ['distinct numbers', 'distinct', (i) => i % 100, (i) => i],
  ['distinct texts', 'distinct', (i) => i % 100, (i) => `${'z'.repeat(300)}${i}`],
  ['wide histograms', 'histogram', (i) => i % 100, (i) => 1.021 ** Math.floor(i / 100)],
]
for (const [what, fold, key, value] of HOSTILE) {
  test(`${what} stay within the bytes of a report, and what has no room is told`, () => {
    const table = new GroupTable([fold])
    let refused = 0
    for (let i = 0; i < 20_000; i++) if (!add(table, [key(i)], [value(i)])) refused += 1
    const json = Buffer.byteLength(JSON.stringify(table.snapshot()))
    assert.ok(json <= table.bytes + 100, `${json} bytes, counted ${table.bytes}`)
    assert.ok(table.bytes <= TABLE_BYTES_MAX)
    assert.ok(refused > 0)
    assert.equal(table.hits, 20_000)
  })
}

test('what counts goes on where a list stands still', () => {
  const table = new GroupTable(['distinct', 'count'], { groups: 10, bytes: 200 })
  for (let i = 0; i < 50; i++) add(table, ['k'], [`value number ${i}`, true])
  const [{ states }] = table.groups()
  assert.equal(states[1], 50)
  const distinct = Number(AGGREGATES.distinct.read(states[0]))
  assert.ok(distinct > 0 && distinct < 50, `${distinct}`)
})

test('a table that is let go counts all its rows as others, and begins anew', () => {
  const table = new GroupTable(['count'])
  for (let i = 0; i < 30; i++) add(table, [i % 3], [true])
  table.release()
  add(table, ['new'], [true])
  assert.deepEqual(table.snapshot(), { hits: 31, otherRows: 30, groups: [[['new'], [1]]] })
})
