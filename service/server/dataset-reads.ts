// Questions to datasets, in the read thread: compiled and asked there, so that a large answer is made
// into JSON
// away from the main event loop.

import type { DatasetCompare, DatasetQuery } from '#protocol'
import { StoreError, type Store } from '#store'
import { ensureTable, runCompare, runQuery, sourceOf, type StoredDataset } from '#traces'
import { READ_MS_MAX } from './limits.ts'

export type DatasetRead =
  | { readonly kind: 'dataset-query'; readonly dataset: StoredDataset; readonly query: DatasetQuery }
  | { readonly kind: 'dataset-compare'; readonly dataset: StoredDataset; readonly compare: DatasetCompare }

/** Of the engine: no such table, no such column. The feature worker has not made them yet. */
const NOT_THERE_YET: ReadonlySet<number | undefined> = new Set([60, 47])

/** Errors: DatasetError; those of the store. */
export async function readDataset(store: Store, read: DatasetRead): Promise<Uint8Array> {
  const answer = await ask(store, read).catch(async (error: unknown) => {
    if (!(error instanceof StoreError && NOT_THERE_YET.has(error.engineCode))) throw error
    await ensureTable(store, read.dataset)
    return await ask(store, read)
  })
  return Buffer.from(JSON.stringify(answer))
}

function ask(store: Store, read: DatasetRead): Promise<unknown> {
  const source = sourceOf(read.dataset)
  const signal = AbortSignal.timeout(READ_MS_MAX)
  return read.kind === 'dataset-query'
    ? runQuery(store, source, read.query, signal)
    : runCompare(store, source, read.compare, signal)
}
