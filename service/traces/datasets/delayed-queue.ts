// Traces whose features could not be evaluated in time, by owner: durable in the store, worked off
// when there is
// nothing else to do. Owner '*' = all of them.
//
//   add -> buffered -> insert -> hold released         take -> oldest first, some of each owner: under way
//   done -> a row of the same key that says so, if it was not added again meanwhile
//
// Source: Canopy 4.2 (the global persistent queue, delayed extractors).

import type { Clock } from '#base'
import { StoreError, type NativeBlock, type Store } from '#store'
import { text } from '../read-rows.ts'
import type { Hold } from './hold.ts'
import {
  DELAYED_MAX,
  DELAYED_OF_OWNER_MAX,
  DELAYED_PAGE,
  DELAYED_PAGE_OF_OWNER,
  DELAYED_UNDER_WAY_MAX,
  FLUSH_MS,
} from './limits.ts'

export const ALL_OWNERS = '*'

export type Delayed = { readonly owner: string; readonly traceId: string }
type Change = Delayed & { readonly isDone: boolean; readonly version: bigint }

export class DelayedQueue {
  readonly #store: Store
  readonly #clock: Clock
  readonly #epoch: string
  #changes: Change[] = []
  #holds: Hold[] = []
  /** By owner: traces that were taken, and whether they were added again since. */
  readonly #underWay = new Map<string, Map<string, { isAgain: boolean }>>()
  /** By owner: behind which version to look; none = from the begin. */
  readonly #cursors = new Map<string, bigint>()
  #inserts = 0
  #version = 0n
  /** About how many, by owner: one that rests for long must not fill the queue of the others. */
  readonly #waiting = new Map<string, number>()
  #flushing: Promise<void> | undefined
  #lastFlushMs = 0
  readonly counts = { delayed: 0, workedOff: 0, dropped: 0 }

  constructor(store: Store, clock: Clock, epoch: string) {
    this.#store = store
    this.#clock = clock
    this.#epoch = epoch
  }

  /** How many there are, about. */
  get waiting(): number {
    let sum = 0
    for (const count of this.#waiting.values()) sum += count
    return sum
  }

  /** Learns what an earlier worker left. Errors: those of the store. */
  async start(): Promise<void> {
    const rows = await this.#store.query(
      'SELECT owner, toFloat64(count()) AS n FROM delayed_features FINAL GROUP BY owner',
    )
    for (const row of rows) this.#count(text(row['owner']), Number(row['n']))
  }

  add({ owner, traceId }: Delayed, hold: Hold): void {
    const most = owner === ALL_OWNERS ? DELAYED_MAX : DELAYED_OF_OWNER_MAX
    if ((this.#waiting.get(owner) ?? 0) >= most) {
      this.counts.dropped++
      return
    }
    this.#count(owner, 1)
    this.counts.delayed++
    const taken = this.#underWay.get(owner)?.get(traceId)
    if (taken !== undefined) taken.isAgain = true
    this.#changes.push({ owner, traceId, isDone: false, version: this.#nextVersion() })
    this.#holds.push(hold.hold())
  }

  /** Some that wait, of owners that may be served; they are under way until `done`. */
  async take(resting: readonly string[]): Promise<Delayed[]> {
    const busy = [...this.#underWay].flatMap(([owner, { size }]) =>
      size < DELAYED_UNDER_WAY_MAX ? [] : [owner],
    )
    const passed = new Set([...resting, ...busy])
    const owners = [...this.#cursors.keys()]
    const rows = await this.#store.query(
      `WITH indexOf({owners:Array(String)}, owner) AS place
      SELECT owner, lower(hex(trace_id)) AS id, version FROM delayed_features FINAL
      WHERE NOT has({passed:Array(String)}, owner)
        AND version > toUInt64OrZero(arrayElement({cursors:Array(String)}, place))
      ORDER BY version LIMIT {each:UInt32} BY owner LIMIT {most:UInt32}`,
      {
        params: {
          passed: [...passed],
          owners,
          cursors: owners.map((owner) => String(this.#cursors.get(owner))),
          each: DELAYED_PAGE_OF_OWNER,
          most: DELAYED_PAGE,
        },
      },
    )
    const isAll = owners.length + passed.size + this.#underWay.size + this.#changes.length === 0
    if (rows.length === 0 && isAll) this.#waiting.clear()
    const found = Map.groupBy(rows, (row) => text(row['owner']))
    // Who has no more is looked at from the begin again: what stays, stays for a reason that passes.
    for (const owner of owners) if (!found.has(owner) && !passed.has(owner)) this.#cursors.delete(owner)
    return [...found].flatMap(([owner, own]) => {
      this.#cursors.set(owner, BigInt(text(own.at(-1)?.['version'])))
      return this.#taken(
        owner,
        own.map((row) => text(row['id'])),
      )
    })
  }

  /** Those that are not under way yet. */
  #taken(owner: string, traceIds: readonly string[]): Delayed[] {
    const underWay = this.#underWay.get(owner) ?? new Map<string, { isAgain: boolean }>()
    const fresh = traceIds.filter((traceId) => !underWay.has(traceId))
    if (fresh.length > 0) this.#underWay.set(owner, underWay)
    for (const traceId of fresh) underWay.set(traceId, { isAgain: false })
    return fresh.map((traceId) => ({ owner, traceId }))
  }

  done({ owner, traceId }: Delayed): void {
    this.#count(owner, -1)
    this.counts.workedOff++
    // It was refused, or is due again: that it is done would be the newer word, and lose it.
    if (this.#underWay.get(owner)?.get(traceId)?.isAgain === true) return this.#forget({ owner, traceId })
    this.#changes.push({ owner, traceId, isDone: true, version: this.#nextVersion() })
  }

  #forget({ owner, traceId }: Delayed): void {
    const underWay = this.#underWay.get(owner)
    underWay?.delete(traceId)
    if (underWay?.size === 0) this.#underWay.delete(owner)
  }

  flushDue(isAll = false): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#flushing !== undefined || this.#changes.length === 0) return
    if (!isAll && nowMs - this.#lastFlushMs < FLUSH_MS) return
    this.#lastFlushMs = nowMs
    const [changes, holds] = [this.#changes, this.#holds]
    this.#changes = []
    this.#holds = []
    const token = `delayed.${this.#epoch}.${this.#inserts++}`
    const nowSeconds = Number(this.#clock.nowNs() / 1_000_000_000n)
    this.#flushing = this.#store
      .insert('delayed_features', blockOf(changes, nowSeconds), { token })
      .then(
        () => {
          for (const hold of holds) hold.release()
        },
        // The store is closed: holds stay, so the log keeps the segments and tells of them again.
        (error: unknown) => {
          this.counts.dropped += changes.filter(({ isDone }) => !isDone).length
          if (error instanceof StoreError && error.code === 'E_STORE_CLOSED') return
          process.stderr.write(`crosscut: the delayed queue could not be written: ${String(error)}\n`)
        },
      )
      .finally(() => {
        this.#flushing = undefined
        for (const change of changes) if (change.isDone) this.#forget(change)
      })
  }

  #count(owner: string, change: number): void {
    const count = (this.#waiting.get(owner) ?? 0) + change
    if (count > 0) this.#waiting.set(owner, count)
    else this.#waiting.delete(owner)
  }

  #nextVersion(): bigint {
    const nowNs = this.#clock.nowNs()
    this.#version = nowNs > this.#version ? nowNs : this.#version + 1n
    return this.#version
  }

  async drain(): Promise<void> {
    for (;;) {
      await this.#flushing
      if (this.#changes.length === 0) return
      this.flushDue(true)
    }
  }
}

const UTF8 = new TextEncoder()

function blockOf(changes: readonly Change[], nowSeconds: number): NativeBlock {
  return {
    rowCount: changes.length,
    columns: [
      {
        name: 'owner',
        type: 'String',
        write: (writer) => {
          for (const { owner } of changes) writer.string(UTF8.encode(owner))
        },
      },
      {
        name: 'trace_id',
        type: 'FixedString(16)',
        write: (writer) => {
          for (const { traceId } of changes) writer.raw(Buffer.from(traceId, 'hex'))
        },
      },
      {
        name: 'version',
        type: 'UInt64',
        write: (writer) => writer.memory(BigUint64Array.from(changes, ({ version }) => version)),
      },
      {
        name: 'is_done',
        type: 'UInt8',
        write: (writer) => writer.raw(Uint8Array.from(changes, ({ isDone }) => Number(isDone))),
      },
      {
        name: 'ingest_time',
        type: 'DateTime',
        write: (writer) => writer.memory(new Uint32Array(changes.length).fill(nowSeconds)),
      },
    ],
  }
}
