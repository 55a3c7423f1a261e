// What the pictures of a result are made of: pivot tables, lines and heatmaps out of rows and what went by.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ColumnRole, QueryResults, ResultRow, RollUp } from '#protocol'
import { SNAPSHOTS_MAX } from '../../base/limits.ts'
import { heatOf } from './heat.ts'
import { pivotOf } from './pivot.ts'
import { settingsOf, viewOf } from './settings.ts'
import { shapeOf } from './shape.ts'
import { withSnapshot, type Snapshot } from './snapshots.ts'
import { tabSeparated } from './tab-separated.ts'
import { closedWindows, timelineOf } from './timeline.ts'

function results(given: {
  readonly columns: Readonly<Record<string, ColumnRole>>
  readonly rows: readonly ResultRow[]
  readonly rates?: readonly ResultRow[]
  readonly rollUps?: readonly RollUp[]
  readonly timeMs?: number
}): QueryResults {
  const { columns, rows, rates = [], rollUps, timeMs = 1_000_000 } = given
  return {
    id: '01020304',
    seq: 1,
    timeMs,
    columns: Object.keys(columns),
    roles: Object.values(columns),
    rows,
    total: rows.length,
    ...(rollUps === undefined ? {} : { rollUps }),
    perSecond: { rows: rates, total: 0 },
    coverage: { connected: 1, installed: 1, functions: 0, missed: [], sampled: [], refused: [] },
    use: { runs: 0, ns: 0, packedBytes: 0 },
    plan: { kind: 'baggage', sinceMs: 0 },
    drops: { otherRows: 0, overflows: 0, lost: 0 },
  }
}

const KEYED = { client: 'key', node: 'key', COUNT: 'count', p99: 'quantile' } as const
const ROWS = [
  { client: 'a', node: 'dn2', COUNT: 3, p99: 7 },
  { client: 'a', node: 'dn10', COUNT: 1, p99: 9 },
  { client: 'b', node: 'dn2', COUNT: 4, p99: 5 },
]
const ROLL_UPS: readonly RollUp[] = [
  { by: [], rows: [{ client: null, node: null, COUNT: 8, p99: 8.5 }] },
  {
    by: ['client'],
    rows: [
      { client: 'a', node: null, COUNT: 4, p99: 8.8 },
      { client: 'b', node: null, COUNT: 4, p99: 5 },
    ],
  },
  { by: ['node'], rows: [{ client: null, node: 'dn2', COUNT: 7, p99: 6.9 }] },
  { by: ['client', 'node'], rows: ROWS },
]

describe('a pivot table', () => {
  const given = results({
    columns: KEYED,
    rows: ROWS,
    rates: ROWS.map((row) => ({ ...row, COUNT: row.COUNT / 2 })),
    rollUps: ROLL_UPS,
  })
  const shape = shapeOf(given)
  const axes = { rows: 'client', columns: 'node', order: 'name' } as const

  test('has the totals that the server merged, and no sum of percentiles', () => {
    const pivot = pivotOf(given, [], shape, { ...axes, measure: 'p99', isRate: false })
    assert.deepEqual(pivot.columns, ['dn2', 'dn10'])
    assert.equal(pivot.cell('a', 'dn10').value, 9)
    assert.equal(pivot.cell('b', 'dn10').value, null)
    assert.equal(pivot.rowTotal('a').value, 8.8)
    assert.equal(pivot.grand.value, 8.5)
    assert.equal(pivot.noTotals, undefined)
  })

  test('leaves totals blank, and says why, where there are none', () => {
    const { rollUps: _, ...bare } = given
    const pivot = pivotOf(bare, [], shape, { ...axes, measure: 'p99', isRate: false })
    assert.equal(pivot.grand.value, null)
    assert.equal(pivot.noTotals, 'not known yet')
  })

  test('adds up rates, orders by size, and remembers what each cell was', () => {
    const past = [1, 2].map((n): Snapshot => ({
      timeMs: n,
      rows: ROWS,
      rates: ROWS.map((row) => ({ ...row, COUNT: row.COUNT * n })),
      runs: 0,
    }))
    const pivot = pivotOf(given, past, shape, { ...axes, order: 'size', measure: 'COUNT', isRate: true })
    assert.equal(pivot.grand.value, 4)
    assert.equal(pivot.columnTotal('dn2').value, 3.5)
    assert.equal(pivot.most, 2)
    assert.deepEqual(pivot.cell('b', 'dn2').past, [4, 8])
    assert.deepEqual(pivot.grand.past, [8, 16])
    assert.deepEqual(pivot.rows, ['a', 'b'])
  })
})

test('a pivot table by windows has a past in the totals across them only', () => {
  const window = (at: number): string => `${at}000000000`
  const rows = [
    { window: window(10), service: 'a', COUNT: 4 },
    { window: window(11), service: 'a', COUNT: 6 },
    { window: window(11), service: '* 1', COUNT: 1 },
  ]
  const whole = results({
    columns: { window: 'window', service: 'key', COUNT: 'count' },
    rows,
    rollUps: [
      { by: [], rows: [{ window: null, service: null, COUNT: 11 }] },
      { by: ['service'], rows: [{ window: null, service: 'a', COUNT: 10 }] },
      { by: ['service', 'window'], rows },
    ],
  })
  const known = pivotOf(whole, [], shapeOf(whole), {
    rows: 'service',
    columns: 'window',
    measure: 'COUNT',
    isRate: false,
    order: 'name',
  })
  assert.deepEqual(known.rowTotal('a'), { value: 10, past: [4, 6] })
  assert.deepEqual(known.grand, { value: 11, past: [4, 7] })
  assert.deepEqual(known.cell('a', window(10)), { value: 4, past: [] })
})

describe('lines over time', () => {
  const second = (at: number): string => `${at}000000000`
  const windowed = results({
    columns: { window: 'window', service: 'key', COUNT: 'count', mean: 'average' },
    timeMs: 14_500,
    rows: [
      { window: second(10), service: 'a', COUNT: 4, mean: 1 },
      { window: second(10), service: 'b', COUNT: 9, mean: 2 },
      { window: second(12), service: 'a', COUNT: 6, mean: 3 },
      { window: second(11), service: 'b', COUNT: 1, mean: 4 },
      { window: second(14), service: 'a', COUNT: 1, mean: 5 },
    ],
  })
  const shape = shapeOf(windowed)

  test('of windows: each that has closed, 0 where nothing was counted, the largest first', () => {
    const { timesMs, lines, per } = timelineOf(windowed, [], shape, { measure: 'COUNT', isRate: false })
    assert.deepEqual(timesMs, [10_000, 11_000, 12_000])
    assert.deepEqual(lines, [
      { name: 'a', values: [4, 0, 6] },
      { name: 'b', values: [9, 1, 0] },
    ])
    assert.equal(per, 'window')
  })

  test('an average of nothing is a gap, not 0', () => {
    const { lines } = timelineOf(windowed, [], shape, { measure: 'mean', isRate: true })
    assert.deepEqual(lines.find(({ name }) => name === 'a')?.values, [1, null, 3])
  })

  test('a gap of days between two windows does not become a million points', () => {
    const rows = [0, 1, 10_000_000].map((at) => ({ window: second(at), service: 'a', COUNT: 1, mean: 1 }))
    const { windows } = closedWindows({ rows, timeMs: 1e13 }, 'window')
    assert.ok(windows.size <= 5_000)
  })

  test('without windows: what grows as a rate, the others as they stood; what is beyond the limit is counted', () => {
    const columns = { service: 'key', COUNT: 'count', p50: 'quantile' } as const
    const past = [1, 2].map((n): Snapshot => {
      const rows = [
        { service: 'a', COUNT: 10 * n, p50: n },
        { service: 'b', COUNT: n, p50: 9 },
      ]
      return { timeMs: n * 1000, rows, rates: rows.map((row) => ({ ...row, COUNT: 5 })), runs: 0 }
    })
    const given = results({ columns, rows: past[1]!.rows })
    const bare = shapeOf(given)
    const rates = timelineOf(given, past, bare, { measure: 'COUNT', isRate: true }, 1)
    assert.deepEqual([rates.lines[0]?.values, rates.per, rates.leftOut], [[5, 5], 'second', 1])
    const stood = timelineOf(given, past, bare, { measure: 'p50', isRate: true })
    assert.deepEqual([stood.lines.map(({ name }) => name), stood.per], [['b', 'a'], 'so far'])
  })
})

describe('a heatmap', () => {
  const columns = { service: 'key', COUNT: 'count', spread: 'histogram' } as const
  // Buckets of 2 %: 100 is about 7.2, 116 is two bands above.
  const at = (timeMs: number, low: number, high: number): Snapshot => ({
    timeMs,
    rows: [{ service: 'a', COUNT: low + high, spread: [0, [100, low, 116, high], []] }],
    rates: [],
    runs: 0,
  })
  const past = [at(1000, 5, 0), at(2000, 5, 2), at(3000, 9, 2)]
  const given = results({ columns, rows: past[2]!.rows })
  const shape = shapeOf(given)
  const choice = { measure: 'spread', isRate: false, x: undefined, group: undefined }

  test('of a histogram over time shows what came in between', () => {
    const heat = heatOf(given, past, shape, choice, undefined)
    assert.deepEqual(heat.timesMs, [2000, 3000])
    const cells = heat.rows.map((_, row) => [heat.at(row, 0), heat.at(row, 1)])
    assert.deepEqual(cells, [
      [2, 0],
      [0, 0],
      [0, 4],
    ])
    assert.equal(heat.most, 4)
  })

  test('of a histogram by a key is all of it, and of a group only that', () => {
    const byKey = heatOf(given, past, shape, { ...choice, x: 'service' }, undefined)
    assert.deepEqual([byKey.columns, byKey.most], [['a'], 9])
    assert.equal(heatOf(given, past, shape, { ...choice, group: 'z' }, undefined).rows.length, 0)
  })
})

describe('what is remembered and chosen', () => {
  test('snapshots are bounded, and a result that is no newer adds none', () => {
    let past: readonly Snapshot[] = []
    for (let i = 0; i < SNAPSHOTS_MAX + 20; i++)
      past = withSnapshot(past, results({ columns: KEYED, rows: ROWS, timeMs: i }))
    assert.equal(past.length, SNAPSHOTS_MAX)
    assert.equal(withSnapshot(past, results({ columns: KEYED, rows: [], timeMs: 5 })), past)
    const wide = Array.from({ length: 60_000 }, () => ({ client: 'a' }))
    for (const timeMs of [10_001, 10_002])
      past = withSnapshot(past, results({ columns: KEYED, rows: wide, timeMs }))
    assert.equal(past.length, 1)
  })

  test('the address decides, and what it does not know or cannot mean is chosen from the columns', () => {
    const shape = shapeOf({ columns: Object.keys(KEYED), roles: Object.values(KEYED) })
    const chosen = settingsOf(new URLSearchParams('of=p99&rows=node&off=["a"]'), shape, 'pivot')
    assert.deepEqual([chosen.measure, chosen.rows, chosen.columns], ['p99', 'node', 'client'])
    assert.deepEqual([...chosen.off], ['a'])
    const wrong = settingsOf(new URLSearchParams('of=x&rows=COUNT&cols=client&off=["'), shape, 'pivot')
    assert.deepEqual([wrong.measure, wrong.rows, wrong.columns], ['COUNT', 'node', 'client'])
    assert.equal(wrong.off.size, 0)
    assert.equal(viewOf(new URLSearchParams('view=pivot'), true), 'pivot')
    assert.equal(viewOf(new URLSearchParams('view=pivot'), false), 'plan')
    assert.equal(viewOf(new URLSearchParams('view=x'), true), 'table')
  })

  test('rows go to a spreadsheet as values, never as formulas', () => {
    const given = {
      columns: ['a\tb', 'n'],
      rows: [
        { 'a\tb': '=1+1', n: -2 },
        { 'a\tb': 'x\ny', n: null },
      ],
    }
    assert.equal(tabSeparated(given), "a b\tn\n'=1+1\t-2\nx y\t")
  })
})
