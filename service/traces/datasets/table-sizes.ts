// Tables of datasets: those that are no more go, those that are too large lose their oldest rows. Age is the
// table's own TTL (dataset-table.ts).

import { enforceSize, engineOf, type Store } from '#store'
import { tableOf, type StoredDataset } from './definition.ts'
import { DATASET_BYTES_DEFAULT } from './limits.ts'

/** Errors: those of the store. */
export async function keepSizes(
  store: Store,
  datasets: readonly StoredDataset[],
  dropped: readonly number[],
): Promise<void> {
  const rows = await store.query(`SELECT name FROM system.tables
    WHERE database = currentDatabase() AND name LIKE 'dataset\\_%'`)
  const there = new Set(rows.map(({ name }) => String(name)))
  for (const tableId of dropped) {
    const table = tableOf({ tableId })
    if (there.has(table)) await store.command(`DROP TABLE IF EXISTS ${table}`)
  }
  for (const dataset of datasets)
    if (there.has(tableOf(dataset)))
      await enforceSize(engineOf(store), dataset.maxBytes ?? DATASET_BYTES_DEFAULT, [tableOf(dataset)])
}
