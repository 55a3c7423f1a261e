// Rows on their way into the tables: gathered for a second, then one insert a dataset.
//
//   add(trace's rows) -> rows, and tombstones for rows of an earlier reading that are no more
//       earlier rows known (written within the last minutes)? at once : asked of the table when written
//   flush -> ensureTable (once a version) -> insert with a token -> holds released: now durable
//
// What is buffered is bounded: the feature worker evaluates nothing while `hasRoom` is false.

import type { Clock } from '#base'
import { StoreError, type Store } from '#store'
import { text } from '../read-rows.ts'
import { datasetBlock, ensureTable, minuteOf, type DatasetRow } from './dataset-table.ts'
import { tableOf, type StoredDataset } from './definition.ts'
import type { Hold } from './hold.ts'
import {
  BUFFERED_ROWS_MAX,
  CELLS_PER_INSERT_MAX,
  FLUSH_MS,
  FLUSH_ROWS,
  PRIOR_TRACES_PER_QUERY_MAX,
  STORE_RETRY_MS,
  WRITTEN_ROWS_MAX,
} from './limits.ts'

/** All rows of one trace in one dataset, as read at one time. */
export type TraceRows = {
  readonly traceId: string
  readonly startNs: bigint
  readonly weight: number
  readonly version: bigint
  /** There may be rows of an earlier reading. */
  readonly isAgain: boolean
  readonly rows: readonly { readonly element: string; readonly values: DatasetRow['values'] }[]
}

type Pending = {
  readonly dataset: StoredDataset
  readonly rows: DatasetRow[]
  /** Trace to where its rows stand now, where it is not known where they stood. */
  readonly unknown: Map<string, { readonly keys: ReadonlySet<string>; readonly version: bigint }>
  readonly holds: Hold[]
}

export class RowWriter {
  readonly #store: Store
  readonly #clock: Clock
  readonly #epoch: string
  readonly #pending = new Map<string, Pending>()
  /** Table and trace to the keys of its rows and when they were read, oldest first. */
  readonly #written = new Map<string, { readonly keys: readonly string[]; readonly version: bigint }>()
  readonly #ensured = new Set<string>()
  #dropped: ReadonlySet<number> = new Set()
  #writtenRows = 0
  #bufferedRows = 0
  #inserts = 0
  #flushing: Promise<void> | undefined
  #lastFlushMs = 0
  readonly counts = { rowsWritten: 0, rowsTakenBack: 0, rowsFailed: 0, inserts: 0 }

  constructor(store: Store, clock: Clock, epoch: string) {
    this.#store = store
    this.#clock = clock
    this.#epoch = epoch
  }

  get hasRoom(): boolean {
    return this.#bufferedRows < BUFFERED_ROWS_MAX
  }

  get bufferedRows(): number {
    return this.#bufferedRows
  }

  /** Rows of these tables are not written any more. */
  drop(tableIds: ReadonlySet<number>): void {
    this.#dropped = tableIds
  }

  /** Holds until the rows are durable. What was read before what is written already is nothing new. */
  add(dataset: StoredDataset, given: TraceRows, hold: Hold): void {
    const key = `${dataset.tableId}.${given.traceId}`
    const prior = this.#written.get(key)
    if (prior !== undefined && given.version < prior.version) return
    const minute = minuteOf(given.startNs)
    const keys = given.rows.map(({ element }) => `${minute}/${element}`)
    const isUnknown = prior === undefined && given.isAgain
    if (keys.length === 0 && prior === undefined && !isUnknown) return
    const pending = this.#pendingOf(dataset)
    pending.holds.push(hold.hold())
    for (const { element, values } of given.rows) pending.rows.push(rowOf(given, element, values))
    this.#bufferedRows += given.rows.length
    if (isUnknown) pending.unknown.set(given.traceId, { keys: new Set(keys), version: given.version })
    if (prior !== undefined) this.#takeBack(pending, given, prior.keys, new Set(keys))
    this.#remember(key, keys, given.version)
  }

  /** Writes what has waited long enough, or much; isAll = everything. Never rejects. */
  flushDue(isAll = false): void {
    const nowMs = this.#clock.monotonicMs()
    const isDue = isAll || nowMs - this.#lastFlushMs >= FLUSH_MS || this.#bufferedRows >= FLUSH_ROWS
    if (this.#flushing !== undefined || this.#pending.size === 0 || !isDue) return
    this.#lastFlushMs = nowMs
    const taken = [...this.#pending.values()]
    this.#pending.clear()
    this.#flushing = this.#flush(taken).finally(() => {
      this.#flushing = undefined
    })
  }

  /** Everything that was added is durable, or given up. */
  async drain(): Promise<void> {
    for (;;) {
      await this.#flushing
      if (this.#pending.size === 0) return
      this.flushDue(true)
    }
  }

  #pendingOf(dataset: StoredDataset): Pending {
    const key = `${dataset.tableId}.${dataset.version}`
    let pending = this.#pending.get(key)
    if (pending === undefined) {
      pending = { dataset, rows: [], unknown: new Map(), holds: [] }
      this.#pending.set(key, pending)
    }
    return pending
  }

  #takeBack(
    { rows }: Pending,
    { traceId, version }: Pick<TraceRows, 'traceId' | 'version'>,
    prior: readonly string[],
    keys: ReadonlySet<string>,
  ): void {
    for (const key of prior) {
      if (keys.has(key)) continue
      rows.push(tombstone(traceId, version, key))
      this.#bufferedRows++
      this.counts.rowsTakenBack++
    }
  }

  #remember(key: string, keys: readonly string[], version: bigint): void {
    this.#writtenRows += keys.length + 1 - this.#forget(key)
    this.#written.set(key, { keys, version })
    if (this.#writtenRows > WRITTEN_ROWS_MAX) this.#forgetOldest()
  }

  /** A tenth at once: a Map finds its first key behind all that was deleted before it, 0.15 ms each time. */
  #forgetOldest(): void {
    for (const oldest of this.#written.keys()) {
      this.#writtenRows -= this.#forget(oldest)
      if (this.#writtenRows <= 0.9 * WRITTEN_ROWS_MAX) return
    }
  }

  #forget(key: string): number {
    const written = this.#written.get(key)
    this.#written.delete(key)
    return written === undefined ? 0 : written.keys.length + 1
  }

  async #flush(taken: readonly Pending[]): Promise<void> {
    for (const pending of taken) {
      const isSettled = await this.#write(pending)
      // Tombstones that were found on the way are counted too.
      this.#bufferedRows -= pending.rows.length
      if (isSettled) for (const hold of pending.holds) hold.release()
    }
  }

  /** True = it is in, or can never be; false = the store is closed. While the store is away it waits. */
  async #write(pending: Pending): Promise<boolean> {
    const { dataset, rows } = pending
    for (;;) {
      if (this.#dropped.has(dataset.tableId)) return true
      try {
        await this.#ensure(dataset)
        await this.#takeBackUnknown(pending)
        await this.#insert(dataset, rows)
        return true
      } catch (error: unknown) {
        const code = error instanceof StoreError ? error.code : 'E_STORE_QUERY'
        if (code === 'E_STORE_CLOSED') return false
        if (code === 'E_STORE_QUERY') return this.#giveUp(pending, error)
        await this.#pause(STORE_RETRY_MS)
      }
    }
  }

  /** In parts that the engine takes in one piece: each column of a large part has buffers of its own. */
  async #insert(dataset: StoredDataset, rows: readonly DatasetRow[]): Promise<void> {
    const most = Math.max(1, Math.floor(CELLS_PER_INSERT_MAX / (dataset.columns.length + 1)))
    for (let at = 0; at < rows.length; at += most) {
      const some = rows.slice(at, at + most)
      const nowSeconds = Number(this.#clock.nowNs() / 1_000_000_000n)
      const token = `dataset.${this.#epoch}.${this.#inserts++}`
      await this.#store.insert(tableOf(dataset), datasetBlock(dataset, some, nowSeconds), { token })
      this.counts.inserts++
      this.counts.rowsWritten += some.length
    }
  }

  #giveUp({ dataset, rows }: Pending, error: unknown): true {
    // A table that was just dropped refuses its last rows.
    if (this.#dropped.has(dataset.tableId)) return true
    this.#ensured.delete(`${dataset.tableId}.${dataset.version}`)
    this.counts.rowsFailed += rows.length
    process.stderr.write(
      `crosscut: ${rows.length} rows of dataset ${dataset.name} failed: ${String(error)}\n`,
    )
    return true
  }

  async #ensure(dataset: StoredDataset): Promise<void> {
    const key = `${dataset.tableId}.${dataset.version}`
    if (this.#ensured.has(key)) return
    await ensureTable(this.#store, dataset)
    this.#ensured.add(key)
  }

  async #takeBackUnknown(pending: Pending): Promise<void> {
    const ids = [...pending.unknown.keys()]
    for (let at = 0; at < ids.length; at += PRIOR_TRACES_PER_QUERY_MAX) {
      const some = ids.slice(at, at + PRIOR_TRACES_PER_QUERY_MAX)
      const there = await this.#store.query(
        `SELECT lower(hex(trace_id)) AS id, minute, element FROM ${tableOf(pending.dataset)} FINAL
        WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))`,
        { params: { ids: some } },
      )
      const prior = Map.groupBy(there, (row) => text(row['id']))
      for (const traceId of some) {
        const now = pending.unknown.get(traceId)
        const keys = prior.get(traceId)?.map((row) => `${text(row['minute'])}/${text(row['element'])}`)
        if (now !== undefined && keys !== undefined)
          this.#takeBack(pending, { traceId, version: now.version }, keys, now.keys)
      }
    }
    pending.unknown.clear()
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#clock.setTimer(ms, resolve)
    return promise
  }
}

function rowOf(
  { traceId, startNs, version, weight }: TraceRows,
  element: string,
  values: DatasetRow['values'],
): DatasetRow {
  return { traceId, element, startNs, version, isDeleted: false, weight, values }
}

function tombstone(traceId: string, version: bigint, key: string): DatasetRow {
  const slash = key.indexOf('/')
  return {
    traceId,
    element: key.slice(slash + 1),
    startNs: BigInt(key.slice(0, slash)) * 60_000_000_000n,
    version,
    isDeleted: true,
    weight: 1,
    values: [],
  }
}
