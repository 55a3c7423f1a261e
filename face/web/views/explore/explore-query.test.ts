// From what the address says to questions, and from answers to pictures.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { DatasetColumn, DatasetResult } from '#protocol'
import { offersFor } from './offers.ts'
import {
  bandsOf,
  cellsOfRegion,
  chartsOf,
  functionColumns,
  functionRows,
  halves,
  heatOf,
  intervals,
  nextBand,
  populationWheres,
  regionCompare,
  regionOfCells,
  stepSeconds,
  type Facts,
  type Side,
} from './explore-query.ts'
import { readExplore } from './explore-state.ts'
import { standingOut } from './stand-out.ts'
import { columnsIn } from './where.ts'

const COLUMNS: readonly DatasetColumn[] = [
  { name: 'service', type: 'string' },
  { name: 'ms', type: 'number', unit: 'ms' },
]
const read = (search: string) => readExplore(new URLSearchParams(search), COLUMNS)
const FACTS: Facts = {
  fromMs: 0,
  toMs: 600_000,
  rows: 10,
  weight: 10,
  version: 1,
  least: 1,
  middle: 10,
  most: 1000,
}
const result = (rows: DatasetResult['rows'], columns: DatasetResult['columns'] = []): DatasetResult => ({
  columns,
  rows,
  matched: { rows: rows.length, weight: rows.length },
  isCut: false,
  isApproximate: false,
  version: 1,
})

describe('time', () => {
  test('intervals are the ones of the server, and only whole ones up to now', () => {
    assert.equal(stepSeconds({ fromMs: 0, toMs: 3_600_000 }), 60)
    assert.equal(stepSeconds({ fromMs: 0, toMs: 100_000 }), 1)
    assert.deepEqual(intervals({ fromMs: 1_500, toMs: 4_100 }, 1), [1000, 2000, 3000, 4000])
    assert.deepEqual(intervals({ fromMs: 1_500, toMs: 4_100 }, 1, 4_100), [1000, 2000, 3000])
  })

  test('no stretch has more points than a picture can show, or none', () => {
    fc.assert(
      fc.property(fc.nat(2e9), fc.integer({ min: 1, max: 2e12 }), (fromMs, forMs) => {
        const times = { fromMs, toMs: fromMs + forMs }
        const count = intervals(times, stepSeconds(times)).length
        assert.ok(count >= 1 && count <= 102, String(count))
      }),
    )
  })
})

describe('lines', () => {
  test('percentiles share a chart; counts are 0 where nothing was, percentiles unknown', () => {
    const explore = read('show=count&show=p50(ms)&show=p99(ms)')
    const rows = [
      { time: 0, _0: 3, _1: 10, _2: 20 },
      { time: 2000, _0: 1, _1: 5, _2: 5 },
    ]
    const charts = chartsOf(explore, result(rows), [0, 1000, 2000])
    assert.deepEqual(
      charts.map(({ title, lines }) => [title, lines]),
      [
        ['count', [{ name: 'count', values: [3, 0, 1] }]],
        [
          'ms',
          [
            { name: 'p50', values: [10, null, 5] },
            { name: 'p99', values: [20, null, 5] },
          ],
        ],
      ],
    )
  })

  test('groups are lines, the largest first; a missing value has a name', () => {
    const explore = read('by=service&show=count')
    const rows = [
      { time: 0, service: 'a', _0: 1 },
      { time: 0, service: null, _0: 5 },
    ]
    const [chart] = chartsOf(explore, result(rows), [0])
    assert.deepEqual(
      chart?.lines.map(({ name }) => name),
      ['(none)', 'a'],
    )
  })
})

describe('a heatmap', () => {
  test('latencies have bands of equal ratio, counts of equal width, and the reader can say otherwise', () => {
    assert.equal(bandsOf(FACTS, undefined).kind, 'log')
    assert.deepEqual(bandsOf({ ...FACTS, least: 0, middle: 20, most: 40 }, undefined), {
      kind: 'linear',
      size: 1,
    })
    assert.equal(bandsOf({ ...FACTS, least: -5 }, undefined).kind, 'linear')
    assert.equal(bandsOf(FACTS, 'linear').kind, 'linear')
    assert.ok(bandsOf({ ...FACTS, least: 3, middle: 3, most: 3 }, undefined).size > 0)
  })

  const bands = { kind: 'log', size: 2 } as const
  const given = { timesMs: [0, 1000, 2000], stepMs: 1000 }
  const heat = heatOf(
    read(''),
    result([
      { time: 0, ms: 1, _n: 4 },
      { time: 1000, ms: 2 ** 1.5, _n: 2 },
      { time: 2000, ms: null, _n: 1 },
    ]),
    bands,
    given,
  )

  test('has a band for each step between the lowest and the highest, and one for what has none', () => {
    assert.deepEqual(
      heat.lows.map((low) => (low === null ? null : Math.round(low * 100) / 100)),
      [2.83, 2, 1.41, 1, null],
    )
    assert.deepEqual([heat.at(3, 0), heat.at(0, 1), heat.at(4, 2), heat.at(1, 1), heat.most], [4, 2, 1, 0, 4])
  })

  test('a dragged region means exactly the cells it covers, and is drawn over them again', () => {
    const cell = fc.record({ row: fc.nat(3), column: fc.nat(2) })
    fc.assert(
      fc.property(cell, cell, (one, two) => {
        const from = { row: Math.min(one.row, two.row), column: Math.min(one.column, two.column) }
        const to = { row: Math.max(one.row, two.row), column: Math.max(one.column, two.column) }
        const region = regionOfCells(heat, bands, from, to)
        assert.ok(Math.abs(region.low! - heat.lows[to.row]!) < 1e-9)
        assert.ok(Math.abs(region.high! - nextBand(heat.lows[from.row]!, bands)) < 1e-9)
        assert.deepEqual(cellsOfRegion(heat, bands, region), { from, to })
      }),
    )
  })

  test('a region of another time is not on the picture', () => {
    assert.equal(cellsOfRegion(heat, bands, { fromMs: 9000, toMs: 9999 }), undefined)
  })
})

describe('two populations', () => {
  test('a region is compared with the rest of the picture, under the same conditions', () => {
    const explore = read(`where=${encodeURIComponent("service = 'web'")}`)
    const region = { fromMs: 1000, toMs: 2000, low: 5, high: 10 }
    const inside = { and: ['timeMs >= 1000', 'timeMs < 2000', 'ms >= 5', 'ms < 10'] }
    const all = { and: ["service = 'web'"] }
    assert.deepEqual(regionCompare(explore, FACTS, region), {
      a: { and: [all, inside] },
      b: { and: [all, { not: inside }] },
      from: 0,
      to: 600_000,
    })
  })

  test('an empty second population is everything else', () => {
    const { b } = populationWheres(read(`a=${encodeURIComponent('ms > 1')}`))
    assert.deepEqual(b, { and: [{ and: [] }, { not: 'ms > 1' }] })
    assert.deepEqual(halves({ fromMs: 0, toMs: 10 }), { a: 'timeMs >= 5', b: 'timeMs < 5' })
  })

  test('columns that populations were chosen by are named, also in quotes', () => {
    assert.deepEqual(columnsIn("version = 'v2' and `a b` > 1", ['version', 'a b', 'v', 'ion']), [
      'version',
      'a b',
    ])
  })

  const side = (traces: number, rows: DatasetResult['rows'], weight = traces): Side => ({
    groups: result(rows),
    totals: { ...result([{ _traces: traces }]), matched: { rows: traces, weight } },
  })

  test('time is normalised by traces: the changes add up to the whole difference', () => {
    const a = side(10, [
      { service: 'web', _inclusive: 500, _exclusive: 300, _traces: 10, _n: 20, _example: 'x' },
      { service: 'new', _inclusive: 100, _exclusive: 100, _traces: 5, _n: 5, _example: 'y' },
    ])
    const b = side(20, [
      { service: 'web', _inclusive: 200, _exclusive: 100, _traces: 20, _n: 40, _example: 'z' },
    ])
    const rows = functionRows(['service'], a, b)
    assert.deepEqual(
      rows.map(({ name, delta }) => [name, delta]),
      [
        ['web', 40],
        ['new', 10],
      ],
    )
    assert.deepEqual(rows[1]?.a, {
      share: 0.5,
      perCall: 20,
      perTrace: 10,
      exclusivePerTrace: 10,
      example: 'y',
    })
    assert.equal(rows[1]?.b.perCall, null)
  })

  test('a sampled population counts for as many traces as it stands for', () => {
    const group = [{ service: 'web', _inclusive: 400, _traces: 10, _n: 40, _example: 'x' }]
    const [row] = functionRows(['service'], side(10, group, 40), side(10, []))
    assert.equal(row?.a.perTrace, 10)
    assert.equal(row?.a.share, 1)
  })

  test('functions are told apart by what is grouped by, else by what names them', () => {
    const columns: DatasetColumn[] = ['root_service', 'caller', 'name', 'callee', 'operation'].map(
      (name) => ({
        name,
        type: 'string',
      }),
    )
    assert.deepEqual(functionColumns(read(''), columns), ['callee', 'name'])
    assert.deepEqual(functionColumns(read('by=service'), columns), ['service'])
  })
})

describe('a number that stands out', () => {
  test('is the stretch with the largest surplus', () => {
    const bins = [
      { from: 0, to: 1, a: 0.1, b: 0.5 },
      { from: 1, to: 2, a: 0.3, b: 0.1 },
      { from: 2, to: 3, a: 0.1, b: 0.11 },
      { from: 3, to: 4, a: 0.4, b: 0.2 },
      { from: 4, to: 5, a: 0.1, b: 0.09 },
    ]
    assert.deepEqual(standingOut(bins), { from: 1, to: 5 })
    assert.equal(standingOut(bins.map((bin) => ({ ...bin, b: bin.a }))), undefined)
  })
})

describe('what is offered while a condition is typed', () => {
  const texts = (typed: string): readonly string[] => offersFor(typed, COLUMNS).map(({ text }) => text)
  test('columns first, then what their type can be compared by', () => {
    assert.deepEqual(texts(''), ['service ', 'ms '])
    assert.deepEqual(texts('m'), ['ms '])
    assert.deepEqual(texts('ms > 3 and ser'), ['ms > 3 and service '])
    assert.equal(texts('ms ')[0], 'ms >= ')
    assert.deepEqual(texts("service = 'm"), [])
  })
})
