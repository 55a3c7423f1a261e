// Notebooks: the address and back, how values are spread, answers as lines.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DatasetResult } from '#protocol'
import { binsOf, countsOf } from './bins.ts'
import { readNotebook, ROW_PER, SAMPLES, writeNotebook, type Cell } from './cells.ts'
import { linesOf } from './sql-lines.ts'

test('a notebook is read back from its address as it was written', () => {
  const text = fc.string({ unit: fc.constantFrom(...`a:/|&=?#%\n"'<é\u202e😀`), maxLength: 30 })
  const cell: fc.Arbitrary<Cell> = fc.oneof(
    fc
      .tuple(fc.constantFrom(...ROW_PER), text)
      .map(([rowPer, one]) => ({ kind: 'features' as const, rowPer, text: one })),
    fc
      .tuple(fc.constantFrom('sql' as const, 'text' as const), text)
      .map(([kind, one]) => ({ kind, text: one })),
  )
  fc.assert(
    fc.property(fc.array(cell, { maxLength: 8 }), fc.constantFrom(...SAMPLES), (cells, sample) => {
      const search = writeNotebook({ cells, sample }).toString()
      assert.deepEqual(readNotebook(new URLSearchParams(search)), { cells, sample })
    }),
  )
})

test('what is no cell is left out', () => {
  const query = new URLSearchParams('cell=js:alert(1)&cell=sql:SELECT&cell=features/moon:x&sample=1001')
  assert.deepEqual(readNotebook(query), {
    cells: [
      { kind: 'sql', text: 'SELECT' },
      { kind: 'features', rowPer: 'trace', text: 'x' },
    ],
    sample: 20,
  })
})

test('every number is in one bin, and bins are next to each other', () => {
  const numbers = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { maxLength: 60 })
  fc.assert(
    fc.property(numbers, (values) => {
      const bins = binsOf(values)
      assert.equal(
        bins.reduce((sum, { count }) => sum + count, 0),
        values.length,
      )
      for (let i = 1; i < bins.length; i++) assert.equal(bins[i]!.from, bins[i - 1]!.to)
    }),
  )
  assert.deepEqual(binsOf([NaN, Infinity]), [])
})

test('texts are counted, sets by their members', () => {
  assert.deepEqual(countsOf(['b', ['a', 'b'], null], 2), [
    { value: 'b', count: 2 },
    { value: '(none)', count: 1 },
  ])
})

test('an answer by time has a picture a value, a line a group, and gaps', () => {
  const result: DatasetResult = {
    columns: [
      { name: 'time', role: 'time', type: 'time' },
      { name: 'service', role: 'group', type: 'string' },
      { name: 'count', role: 'value', type: 'number' },
      { name: 'example', role: 'value', type: 'string' },
    ],
    rows: [
      { time: 2000, service: 'a', count: 2, example: 'x' },
      { time: 1000, service: 'a', count: 1, example: 'x' },
      { time: 2000, service: null, count: 5, example: 'x' },
    ],
    matched: { rows: 8, weight: 8 },
    isCut: false,
    isApproximate: false,
    version: 1,
  }
  assert.deepEqual(linesOf(result, 9), [
    {
      measure: 'count',
      timesMs: [1000, 2000],
      lines: [
        { name: 'a', values: [1, 2] },
        { name: '(none)', values: [null, 5] },
      ],
    },
  ])
  assert.deepEqual(linesOf({ ...result, columns: result.columns.slice(1) }, 9), [])
})
