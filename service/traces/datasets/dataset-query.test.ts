// Questions to a dataset on the real store, against the same questions in plain JavaScript.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '#base'
import type { FeatureValue } from '#model'
import type { DatasetColumn, DatasetQuery, DatasetScalar, DatasetWhere } from '#protocol'
import { openStore, type Store } from '#store'
import { runCompare } from './compare.ts'
import { datasetBlock, ensureTable, type DatasetRow } from './dataset-table.ts'
import { changeDataset, createDataset, sourceOf, tableOf, type StoredDataset } from './definition.ts'
import { runQuery } from './run-query.ts'

const COLUMNS: readonly DatasetColumn[] = [
  { name: 'duration_ms', type: 'number', unit: 'ms' },
  { name: 'spans', type: 'number' },
  { name: 'service', type: 'string' },
  { name: 'hostile', type: 'string' },
  { name: 'failed', type: 'boolean' },
  { name: 'tags', type: 'strings' },
  { name: 'noise', type: 'number' },
]
const definition = { owner: 'team', filter: '', features: 'a', rowPer: 'trace' as const }
const made = (tableId: number, columns = COLUMNS): StoredDataset =>
  createDataset({ name: 'd', tableId, isBuiltIn: false, definition, columns, atMs: 1, by: 'test' })

type Plain = { readonly [column: string]: FeatureValue } & {
  readonly weight: number
  readonly timeMs: number
}
const NOW_SECONDS = Math.floor(Date.now() / 1000)
const BASE_MS = 1_790_000_000_000
const HOSTILE = ["'; DROP TABLE dataset_1; --", '\\', '`f0`', '{p0:String}', '\0', '\u202e', '', 'é']

const random = ((): (() => number) => {
  const words = new Uint8Array(4)
  const source = seededRandom(7)
  return () => {
    source.fill(words)
    return new DataView(words.buffer).getUint32(0) / 2 ** 32
  }
})()

function plainRows(count: number, isWeighted: boolean): Plain[] {
  return Array.from({ length: count }, (_, i) => {
    const service = i % 13 === 0 ? null : ['gateway', 'namenode', 'datanode'][i % 3]!
    const failed = i % 7 === 0 ? null : random() < (service === 'namenode' ? 0.3 : 0.05)
    return {
      timeMs: BASE_MS + i * 500,
      weight: isWeighted ? [1, 4, 2.5][i % 3]! : 1,
      duration_ms: i % 11 === 0 ? null : Math.round(random() * 1e5) / 100 + (failed === true ? 300 : 0),
      spans: Math.floor(random() * 50) - 5,
      service,
      hostile: HOSTILE[i % HOSTILE.length]!,
      failed,
      tags: ['a', 'b', 'c'].filter(() => random() < 0.4),
      noise: random(),
    }
  })
}

const idOf = (i: number): string => (i + 1).toString(16).padStart(32, '0')

function rowsOf(dataset: StoredDataset, plain: readonly Plain[], version = 1n): DatasetRow[] {
  return plain.map((row, i) => ({
    traceId: idOf(i),
    element: '',
    startNs: BigInt(row.timeMs) * 1_000_000n,
    version,
    isDeleted: false,
    weight: row.weight,
    values: dataset.columns.map(({ name }) => row[name] ?? null),
  }))
}

// --- the same in JavaScript

const sumOf = (rows: readonly Plain[], value: (row: Plain) => number): number =>
  rows.reduce((sum, row) => sum + value(row), 0)

function holds(where: DatasetWhere, row: Plain): boolean {
  assert.ok(typeof where === 'object')
  if ('and' in where) return where.and.every((part) => holds(part, row))
  if ('or' in where) return where.or.some((part) => holds(part, row))
  if ('not' in where) return !holds(where.not, row)
  const { column, op, value } = where
  const cell = row[column] ?? null
  if (Array.isArray(cell)) {
    if (op === 'exists') return cell.length > 0
    if (op === 'in') return cell.some((member) => (value as readonly DatasetScalar[]).includes(member))
    if (op === 'contains') return cell.some((member: string) => member.includes(String(value)))
    return cell.includes(value) === (op === '=')
  }
  if (op === '!=') return cell !== value
  if (cell === null) return false
  switch (op) {
    case 'exists':
      return true
    case 'in':
      return (value as readonly FeatureValue[]).includes(cell)
    case 'contains':
      return String(cell).includes(String(value))
    case '=':
      return cell === value
    case '<':
      return Buffer.compare(...orderOf(cell, value)) < 0
    case '<=':
      return Buffer.compare(...orderOf(cell, value)) <= 0
    case '>':
      return Buffer.compare(...orderOf(cell, value)) > 0
    case '>=':
      return Buffer.compare(...orderOf(cell, value)) >= 0
  }
}

/** Texts by their bytes, numbers by value: as byte strings of one order. */
function orderOf(cell: FeatureValue, value: unknown): [Buffer, Buffer] {
  if (typeof cell === 'string') return [Buffer.from(cell), Buffer.from(String(value))]
  const [a, b] = [Number(cell), Number(value)]
  return [Buffer.of(a < b ? 0 : a > b ? 2 : 1), Buffer.of(1)]
}

const near = (actual: unknown, expected: number, what: string): void =>
  assert.ok(
    typeof actual === 'number' && Math.abs(actual - expected) <= Math.abs(expected) * 1e-9 + 1e-9,
    `${what}: ${String(actual)} is not ${expected}`,
  )

/** A value of the data with at most its level of the weight below it, and at most the rest above. */
function isQuantile(value: unknown, level: number, rows: readonly Plain[], column: string): void {
  const there = rows.filter((row) => row[column] !== null)
  const total = sumOf(there, ({ weight }) => weight)
  const x = Number(value)
  const below = sumOf(
    there.filter((row) => Number(row[column]) < x),
    ({ weight }) => weight,
  )
  const above = sumOf(
    there.filter((row) => Number(row[column]) > x),
    ({ weight }) => weight,
  )
  assert.ok(
    there.some((row) => row[column] === x),
    `${x} is a value of the data`,
  )
  assert.ok(below <= level * total + 1 && above <= (1 - level) * total + 1, `${x} is the ${level} quantile`)
}

for (const isWeighted of [false, true]) {
  describe(`a dataset of 3000 rows that weigh ${isWeighted ? 'differently' : 'one each'}`, () => {
    const dir = mkdtempSync(join(tmpdir(), 'crosscut-dataset-'))
    const dataset = made(1)
    const source = sourceOf(dataset)
    const plain = plainRows(3000, isWeighted)
    let store: Store

    before(async () => {
      store = openStore({ dir })
      await store.ready()
      await ensureTable(store, dataset)
      const rows = rowsOf(dataset, plain)
      for (const part of [0, 1, 2])
        await store.insert(
          tableOf(dataset),
          datasetBlock(dataset, rows.slice(part * 1000, part * 1000 + 1000), NOW_SECONDS),
          { token: `t.${part}` },
        )
    })
    after(async () => {
      await store.close()
      rmSync(dir, { recursive: true, force: true })
    })
    const query = (request: DatasetQuery) => runQuery(store, source, request)

    it('comes back row by row, hostile texts and missing values included', async () => {
      const names = ['traceId', 'timeMs', 'weight', ...COLUMNS.map(({ name }) => name)]
      const answer = await query({ select: names, orderBy: ['timeMs'], limit: 10_000 })
      assert.equal(answer.rows.length, plain.length)
      answer.rows.forEach((row, i) => assert.deepEqual(row, { traceId: idOf(i), ...plain[i] }))
    })

    it('counts and sums by group, as weighed', async () => {
      const answer = await query({
        select: ['count', 'sum(duration_ms)', 'avg(duration_ms)', 'min(duration_ms)', 'max(duration_ms)']
          .concat(['p50(duration_ms)', 'p99(duration_ms)', 'count(duration_ms)', 'distinct(spans)'])
          .concat(['avg(failed)', 'distinct(tags)']),
        groupBy: ['service'],
      })
      assert.equal(answer.rows.length, 4)
      assert.equal(answer.isApproximate, false)
      for (const row of answer.rows) {
        const group = plain.filter(({ service }) => service === row['service'])
        const there = group.filter(({ duration_ms }) => duration_ms !== null)
        const numbers = there.map(({ duration_ms }) => Number(duration_ms))
        const weight = sumOf(there, (one) => one.weight)
        const sum = sumOf(there, (one) => Number(one['duration_ms']) * one.weight)
        const judged = group.filter(({ failed }) => failed !== null)
        near(
          row['count'],
          sumOf(group, (one) => one.weight),
          'count',
        )
        near(row['sum(duration_ms)'], sum, 'sum')
        near(row['avg(duration_ms)'], sum / weight, 'avg')
        near(row['min(duration_ms)'], Math.min(...numbers), 'min')
        near(row['max(duration_ms)'], Math.max(...numbers), 'max')
        near(row['count(duration_ms)'], weight, 'present')
        near(row['distinct(spans)'], new Set(group.map(({ spans }) => spans)).size, 'distinct')
        near(row['distinct(tags)'], 3, 'distinct members')
        near(
          row['avg(failed)'],
          sumOf(judged, (one) => Number(one['failed']) * one.weight) / sumOf(judged, (one) => one.weight),
          'share of true',
        )
        isQuantile(row['p50(duration_ms)'], 0.5, group, 'duration_ms')
        isQuantile(row['p99(duration_ms)'], 0.99, group, 'duration_ms')
      }
      const counts = answer.rows.map((row) => Number(row['count']))
      assert.deepEqual(
        counts,
        counts.toSorted((a, b) => b - a),
      )
    })

    it('takes rows apart by the members of a set, and into buckets', async () => {
      const byTag = await query({ select: ['count'], groupBy: ['tags'] })
      for (const row of byTag.rows)
        near(
          row['count'],
          sumOf(
            plain.filter(({ tags }) => (tags as string[]).includes(String(row['tags']))),
            (r) => r.weight,
          ),
          'tag',
        )
      const linear = await query({ select: ['count as n'], groupBy: ['duration_ms / 100'] })
      const logarithmic = await query({ select: ['count as n'], groupBy: ['duration_ms / log 1'] })
      const bucketOf = (value: FeatureValue, isLog: boolean): number | null =>
        value === null
          ? null
          : isLog
            ? Number(value) > 0
              ? 2 ** Math.floor(Math.log2(Number(value)))
              : null
            : Math.floor(Number(value) / 100) * 100
      for (const [answer, isLog] of [
        [linear, false],
        [logarithmic, true],
      ] as const) {
        for (const row of answer.rows)
          near(
            row['n'],
            sumOf(
              plain.filter(({ duration_ms }) => bucketOf(duration_ms ?? null, isLog) === row['duration_ms']),
              (r) => r.weight,
            ),
            `bucket ${String(row['duration_ms'])}`,
          )
      }
    })

    it('draws a series of the largest groups over time', async () => {
      const answer = await query({
        select: ['count', 'p99(duration_ms)'],
        groupBy: ['service'],
        everySeconds: 60,
        limit: 2,
        from: BASE_MS + 60_000,
        to: new Date(BASE_MS + 600_000).toISOString(),
      })
      const ranged = plain.filter(({ timeMs }) => timeMs >= BASE_MS + 60_000 && timeMs < BASE_MS + 600_000)
      const sizes = Map.groupBy(ranged, ({ service }) => service)
      const largest = [...sizes]
        .map(([service, rows]) => ({ service, weight: sumOf(rows, (r) => r.weight) }))
        .sort((a, b) => b.weight - a.weight || (String(a.service) < String(b.service) ? -1 : 1))
        .slice(0, 2)
        .map(({ service }) => service)
      assert.deepEqual(new Set(answer.rows.map((row) => row['service'])), new Set(largest))
      const intervals = new Set(ranged.map(({ timeMs }) => Math.floor(timeMs / 60_000) * 60_000))
      assert.deepEqual(new Set(answer.rows.map((row) => row['time'])), intervals)
      for (const row of answer.rows) {
        const group = ranged.filter(
          ({ timeMs, service }) =>
            Math.floor(timeMs / 60_000) * 60_000 === row['time'] && service === row['service'],
        )
        near(
          row['count'],
          sumOf(group, (r) => r.weight),
          'count',
        )
        isQuantile(row['p99(duration_ms)'], 0.99, group, 'duration_ms')
      }
      near(answer.matched.rows, ranged.length, 'matched')
    })

    it('any condition selects what it says', async () => {
      const test: fc.Arbitrary<DatasetWhere> = fc.oneof(
        fc.record({
          column: fc.constant('spans'),
          op: fc.constantFrom('=', '!=', '<', '<=', '>', '>=', 'exists'),
          value: fc.integer({ min: -6, max: 46 }),
        }),
        fc.record({
          column: fc.constantFrom('service', 'hostile'),
          op: fc.constantFrom('=', '!=', '<', '>=', 'contains', 'exists'),
          value: fc.constantFrom('gateway', 'node', ...HOSTILE),
        }),
        fc.record({
          column: fc.constant('tags'),
          op: fc.constantFrom('=', '!=', 'contains', 'exists'),
          value: fc.constantFrom('a', 'b', 'z'),
        }),
        fc.record({ column: fc.constant('failed'), op: fc.constantFrom('=', '!='), value: fc.boolean() }),
        fc.record({
          column: fc.constantFrom('service', 'tags'),
          op: fc.constant('in' as const),
          value: fc.array(fc.constantFrom('gateway', 'a', ...HOSTILE), { minLength: 1, maxLength: 3 }),
        }),
      ) as fc.Arbitrary<DatasetWhere>
      const { tree } = fc.letrec<{ tree: DatasetWhere }>((tie) => ({
        tree: fc.oneof(
          { maxDepth: 3 },
          test,
          fc.record({ and: fc.array(tie('tree'), { maxLength: 3 }) }),
          fc.record({ or: fc.array(tie('tree'), { maxLength: 3 }) }),
          fc.record({ not: tie('tree') }),
        ),
      }))
      await fc.assert(
        fc.asyncProperty(tree, async (where) => {
          const { matched } = await query({ select: ['count'], where })
          assert.equal(matched.rows, plain.filter((row) => holds(where, row)).length)
        }),
        { numRuns: 60 },
      )
    })

    it('compares two populations over every column', async () => {
      const where: DatasetWhere = { column: 'service', op: '=', value: 'namenode' }
      const answer = await runCompare(store, source, { a: where })
      const [a, b] = [plain.filter((row) => holds(where, row)), plain.filter((row) => !holds(where, row))]
      const [weightA, weightB] = [sumOf(a, (r) => r.weight), sumOf(b, (r) => r.weight)]
      assert.deepEqual([answer.a.rows, answer.b.rows, answer.shared.rows], [a.length, b.length, 0])
      near(answer.a.weight, weightA, 'weight of a')
      const found = new Map(answer.columns.map((one) => [one.column, one]))
      assert.equal(answer.columns.length, COLUMNS.length)
      assert.equal(answer.columns[0]?.column, 'service')
      assert.equal(answer.columns[0]?.effect, 1)
      const failed = found.get('failed')
      assert.ok(failed?.kind === 'categories' && failed.isSignificant)
      for (const share of failed.values) {
        const of = (rows: readonly Plain[], total: number): number =>
          sumOf(
            rows.filter((row) => row['failed'] === share.value),
            (r) => r.weight,
          ) / total
        near(share.a, of(a, weightA), 'share in a')
        near(share.b, of(b, weightB), 'share in b')
        near(share.delta, of(a, weightA) - of(b, weightB), 'delta')
      }
      const noise = found.get('noise')
      assert.ok(noise?.kind === 'numbers' && !noise.isSignificant)
      const spans = found.get('spans')
      assert.ok(spans?.kind === 'numbers')
      // Whole numbers below 128 have bins of their own: the distance is that of the values.
      const share = (rows: readonly Plain[], x: number, total: number): number =>
        sumOf(
          rows.filter((row) => Number(row['spans']) <= x),
          (r) => r.weight,
        ) / total
      const distances = plain.map(({ spans: x }) =>
        Math.abs(share(a, Number(x), weightA) - share(b, Number(x), weightB)),
      )
      near(spans.effect, Math.max(...distances.slice(0, 400)), 'distance')
      near(spans.a.mean, sumOf(a, (r) => Number(r['spans']) * r.weight) / weightA, 'mean')
      isQuantile(spans.a.p50, 0.5, a, 'spans')
      isQuantile(spans.b.p95, 0.95, b, 'spans')
      near(
        spans.bins.reduce((sum, bin) => sum + bin.a, 0),
        1,
        'all bins of a',
      )
      const tags = found.get('tags')
      assert.ok(tags?.kind === 'categories' && tags.values.length === 3)
      // Two populations that overlap, over chosen columns.
      const other: DatasetWhere = { column: 'failed', op: '=', value: true }
      const both = await runCompare(store, source, { a: where, b: other, columns: ['spans', 'tags'] })
      const failing = plain.filter((row) => holds(other, row))
      const shared = a.filter((row) => holds(other, row))
      assert.deepEqual(
        [both.a.rows, both.b.rows, both.shared.rows],
        [a.length, failing.length, shared.length],
      )
      near(
        both.shared.weight,
        sumOf(shared, (r) => r.weight),
        'weight of both',
      )
      assert.deepEqual(both.columns.map(({ column }) => column).toSorted(), ['spans', 'tags'])
      const chosen = both.columns.find(({ column }) => column === 'spans')
      assert.ok(chosen?.kind === 'numbers')
      const failingWeight = sumOf(failing, (r) => r.weight)
      near(chosen.b.mean, sumOf(failing, (r) => Number(r['spans']) * r.weight) / failingWeight, 'mean of b')
      isQuantile(chosen.b.p50, 0.5, failing, 'spans')
    })
  })
}

describe('rows written again', () => {
  it('the newest version stands, what is taken back is gone, columns come and go', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'crosscut-dataset-'))
    const store = openStore({ dir })
    try {
      await store.ready()
      const first = made(3, COLUMNS.slice(0, 3))
      await ensureTable(store, first)
      const plain = plainRows(10, false)
      const put = (dataset: StoredDataset, rows: readonly DatasetRow[], token: string) =>
        store.insert(tableOf(dataset), datasetBlock(dataset, rows, NOW_SECONDS), { token })
      await put(first, rowsOf(first, plain), '1')
      const [gone, ...kept] = rowsOf(first, plain)
      await put(first, [{ ...gone!, version: 2n, isDeleted: true, values: [] }], '2')
      await put(
        first,
        kept.slice(0, 3).map((row) => ({ ...row, version: 2n, values: [1, 2, 'new'] })),
        '3',
      )
      await put(
        first,
        kept.slice(0, 1).map((row) => ({ ...row, version: 1n, values: [9, 9, 'old'] })),
        '4',
      )
      const select = ['traceId', 'service', 'spans']
      const answer = await runQuery(store, sourceOf(first), { select, orderBy: ['timeMs'] })
      assert.deepEqual(
        answer.rows.map((row) => [row['traceId'], row['service']]),
        kept.map(({ traceId, values }, i) => [traceId, i < 3 ? 'new' : values[2]]),
      )
      const change = { definition: { ...definition, features: 'b' }, atMs: 2, by: 'test' }
      const second = changeDataset(first, { ...change, columns: [COLUMNS[4]!, COLUMNS[2]!] })
      assert.deepEqual([second.version, second.columns.map(({ field }) => field)], [2, ['f3', 'f2']])
      await ensureTable(store, second)
      await put(second, [{ ...kept[4]!, version: 3n, values: [true, 'second'] }], '5')
      const after = await runQuery(store, sourceOf(second), { select: ['count'], groupBy: ['failed'] })
      assert.deepEqual(after.rows, [
        { failed: null, count: 8 },
        { failed: true, count: 1 },
      ])
      await assert.rejects(runQuery(store, sourceOf(second), { select: ['max(spans)'] }), {
        code: 'E_DATASET_COLUMN',
      })
      const third = changeDataset(second, {
        ...change,
        definition: { ...definition, features: 'c' },
        columns: COLUMNS.slice(0, 3),
      })
      assert.deepEqual(
        third.columns.map(({ field }) => field),
        ['f0', 'f1', 'f2'],
      )
    } finally {
      await store.close()
      rmSync(dir, { recursive: true, force: true })
    }
  })
})
