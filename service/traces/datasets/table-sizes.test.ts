// How long rows of datasets live, on the real store: by age, by size, and as long as their dataset does.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openStore, type Store } from '#store'
import { datasetBlock, ensureTable, type DatasetRow } from './dataset-table.ts'
import { createDataset, tableOf, type StoredDataset } from './definition.ts'
import { keepSizes } from './table-sizes.ts'

const NOW_SECONDS = Math.floor(Date.now() / 1000)
const HOUR = 3_600
const ROWS = 5_000

const datasetOf = (tableId: number, more: Partial<StoredDataset> = {}): StoredDataset => ({
  ...createDataset({
    name: `d${tableId}`,
    tableId,
    isBuiltIn: false,
    definition: { owner: 'team', filter: '', features: '', rowPer: 'trace' },
    columns: [{ name: 'n', type: 'number' }],
    atMs: 1,
    by: 'test',
  }),
  ...more,
})

describe('tables of datasets', () => {
  const dir = mkdtempSync(join(tmpdir(), 'crosscut-sizes-'))
  let store: Store
  let inserts = 0

  before(async () => {
    store = openStore({ dir })
    await store.ready()
  })
  after(async () => {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  })

  /** Rows that arrived so long ago, in a part of their own. */
  async function insert(dataset: StoredDataset, value: number, ageSeconds: number): Promise<void> {
    const rows = Array.from({ length: ROWS }, (_, i): DatasetRow => {
      const traceId = (++inserts).toString(16).padStart(32, '0')
      // Nothing of it compresses to nothing: parts have sizes.
      const startNs = BigInt(i) * 1_000_003n
      return { traceId, element: '', startNs, version: 1n, isDeleted: false, weight: 1, values: [value] }
    })
    await ensureTable(store, dataset)
    await store.insert(tableOf(dataset), datasetBlock(dataset, rows, NOW_SECONDS - ageSeconds), {
      token: `sizes.${inserts}`,
    })
  }

  /** Which values are left. */
  async function values(dataset: StoredDataset): Promise<number[]> {
    const rows = await store.query(`SELECT DISTINCT f0 AS value FROM ${tableOf(dataset)} ORDER BY value`)
    return rows.map((row) => Number(row['value']))
  }

  /** Once the engine has looked at ages: it does so in its own time. */
  async function collected(dataset: StoredDataset, count: number): Promise<number[]> {
    const endMs = performance.now() + 20_000
    for (;;) {
      await store.command(`OPTIMIZE TABLE ${tableOf(dataset)} FINAL`)
      const left = await values(dataset)
      if (left.length <= count || performance.now() > endMs) return left
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async function bytesOf(dataset: StoredDataset): Promise<number> {
    const [row] = await store.query(
      `SELECT toFloat64(sum(bytes_on_disk)) AS bytes FROM system.parts
      WHERE active AND database = currentDatabase() AND table = {table:String}`,
      { params: { table: tableOf(dataset) } },
    )
    return Number(row?.['bytes'])
  }

  async function tables(): Promise<string[]> {
    const rows = await store.query(`SELECT name FROM system.tables
      WHERE database = currentDatabase() AND startsWith(name, 'dataset_') ORDER BY name`)
    return rows.map((row) => String(row['name']))
  }

  it('one that is too large loses what arrived first, part by part, until it fits; others lose nothing', async () => {
    const [large, other] = [datasetOf(1), datasetOf(2)]
    // Parts of different days are never merged into one.
    for (const [value, days] of [
      [1, 3],
      [2, 2],
      [3, 1],
    ] as const)
      await insert(large, value, days * 24 * HOUR)
    await insert(other, 9, 5 * 24 * HOUR)
    const bytes = await bytesOf(large)
    await keepSizes(store, [{ ...large, maxBytes: bytes }, other], [])
    assert.deepEqual(
      [await values(large), await values(other)],
      [[1, 2, 3], [9]],
      'at its limit it keeps all',
    )
    await keepSizes(store, [{ ...large, maxBytes: bytes - 1 }, other], [])
    assert.deepEqual(
      [await values(large), await values(other)],
      [[2, 3], [9]],
      'one byte more is a part less',
    )
    await keepSizes(store, [{ ...large, maxBytes: Math.ceil(bytes / 2) }, other], [])
    assert.deepEqual([await values(large), await values(other)], [[3], [9]])
    assert.ok((await bytesOf(large)) <= bytes / 2)
  })

  it('rows older than its age go; a new age holds for rows that are there', async () => {
    const aging = datasetOf(3, { retentionHours: 48 })
    await insert(aging, 1, 72 * HOUR)
    await insert(aging, 2, 30 * HOUR)
    await insert(aging, 3, 0)
    assert.deepEqual(await collected(aging, 2), [2, 3])
    await ensureTable(store, { ...aging, version: 2, retentionHours: 24 })
    assert.deepEqual(await collected(aging, 1), [3])
  })

  it('a table goes with its dataset, and one that was never made is no mistake', async () => {
    assert.deepEqual(await tables(), ['dataset_1', 'dataset_2', 'dataset_3'])
    await keepSizes(store, [datasetOf(1), datasetOf(7)], [2, 3, 8])
    assert.deepEqual(await tables(), ['dataset_1'])
  })
})
