// Traces whose spans are not in memory: named, then measured, then read from the store, many at once, then
// ready.
//
//   add(item) -> unread --sizes--> sized --spans, so many a read--> ready -> take
//                  ^--- fewer at a time, a second later ---' the store was away, or refused so many
//                  ^--- of owners that rest: their spans are let go of -----'
//
// One read is under way at a time, while what is ready is made into rows; none begins while as many are
// ready as one read has, so twice as many spans and one large trace are in memory at most. What is gone is
// let go of and counted, what runs away is handed back unread. Owner: the feature pipeline, which has one
// for live traces and one for patient ones.

import type { Clock } from '#base'
import { StoreError, type Store } from '#store'
import { batchesOf, readManyTraces } from '../many-traces.ts'
import { FEATURE_SPANS_MAX, READ_SPANS_MAX, READ_TRACES_MAX, STORE_RETRY_MS } from './limits.ts'
import { sizesOf, type StoredSize } from './stored-traces.ts'
import type { Item, Ready } from './trace-items.ts'

type Ports = {
  readonly store: Store
  readonly clock: Clock
  /** Grows: a later reading has at least the spans of an earlier one. */
  readonly nextVersion: () => bigint
  readonly onRead: () => void
  /** It has more spans than features are made of: its hold is the receiver's to release. */
  readonly onTooLarge: (item: Item) => void
  /** Its owner rests: it stays unread. */
  readonly isResting: (item: Item) => boolean
  /** Between reads: who come a few at a time are read together. */
  readonly readEveryMs: number
}

type Sized = Item & StoredSize

export class LateTraces {
  readonly #ports: Ports
  #unread: Item[] = []
  #sized: Sized[] = []
  #ready: Ready[] = []
  #readySpans = 0
  #isReading = false
  #readSize = READ_TRACES_MAX
  #nextReadMs = 0
  readonly counts = { tracesFromStore: 0, tracesGone: 0, readFailures: 0 }

  constructor(ports: Ports) {
    this.#ports = ports
  }

  /** Named, but not read. */
  get unreadCount(): number {
    return this.#unread.length + this.#sized.length
  }

  get waiting(): number {
    return this.unreadCount + this.#ready.length
  }

  add(item: Item): void {
    this.#unread.push(item)
  }

  /** The first that fits. */
  take(fits: (item: Item) => boolean): Ready | undefined {
    const place = this.#ready.findIndex(fits)
    if (place < 0) return undefined
    const [ready] = this.#ready.splice(place, 1)
    this.#readySpans -= ready?.spans.length ?? 0
    return ready
  }

  /** Begins the next read when it is time. Never rejects. */
  readSome(): void {
    const { clock, onRead, readEveryMs } = this.#ports
    const nowMs = clock.monotonicMs()
    if (this.#isReading || nowMs < this.#nextReadMs) return
    if (this.#isFull) this.#setAside()
    if (this.#isFull) return
    const items = this.#sized.length > 0 ? [] : this.#nextUnread()
    if (items.length + this.#sized.length === 0) return
    this.#isReading = true
    this.#nextReadMs = nowMs + readEveryMs
    void this.#read(items).finally(() => {
      this.#isReading = false
      onRead()
    })
  }

  get #isFull(): boolean {
    return this.#readySpans >= READ_SPANS_MAX || this.#ready.length >= READ_TRACES_MAX
  }

  #nextUnread(): readonly Item[] {
    const { isResting } = this.#ports
    const items: Item[] = []
    const left: Item[] = []
    for (const item of this.#unread) {
      const isNext = items.length < this.#readSize && !isResting(item)
      const list = isNext ? items : left
      list.push(item)
    }
    this.#unread = left
    return items
  }

  /** Spans of owners that rest must not keep others' out of memory. */
  #setAside(): void {
    const kept: Ready[] = []
    for (const ready of this.#ready) {
      if (!this.#ports.isResting(ready)) kept.push(ready)
      else {
        const { spans, version: _version, tailWeight: _weight, ...item } = ready
        this.#readySpans -= spans.length
        this.#unread.push(item)
      }
    }
    this.#ready = kept
  }

  async #read(items: readonly Item[]): Promise<void> {
    if (items.length > 0) await this.#orAgain(items, () => this.#measure(items))
    const [batch = []] = batchesOf(this.#sized, READ_SPANS_MAX)
    const some = batch.slice(0, this.#readSize)
    if (some.length === 0) return
    this.#sized = this.#sized.slice(some.length)
    await this.#orAgain(some, () => this.#readSpans(some))
  }

  async #measure(items: readonly Item[]): Promise<void> {
    const sizes = await sizesOf(this.#ports.store, idsOf(items))
    for (const item of items) {
      const size = sizes.get(item.traceId)
      if (size === undefined) this.#letGo(item)
      else if (size.spanCount > FEATURE_SPANS_MAX) this.#ports.onTooLarge(item)
      else this.#sized.push({ ...item, ...size })
    }
  }

  async #readSpans(items: readonly Sized[]): Promise<void> {
    const version = this.#ports.nextVersion()
    const traces = await readManyTraces(this.#ports.store, idsOf(items))
    for (const item of items) {
      const spans = traces.get(item.traceId)
      if (spans === undefined) this.#letGo(item)
      else {
        this.#ready.push({ ...item, spans, version })
        this.#readySpans += spans.length
        this.counts.tracesFromStore++
      }
    }
    this.#readSize = Math.min(READ_TRACES_MAX, this.#readSize * 2)
  }

  #letGo(item: Item): void {
    this.counts.tracesGone++
    item.hold.release()
  }

  async #orAgain(items: readonly Item[], work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error: unknown) {
      this.#readAgain(items, error)
    }
  }

  /** Fewer at a time; one that fails alone is given up, as the summary of such a trace is. */
  #readAgain(items: readonly Item[], error: unknown): void {
    const code = error instanceof StoreError ? error.code : 'E_STORE_QUERY'
    this.counts.readFailures++
    if (code === 'E_STORE_CLOSED') return
    if (code !== 'E_STORE_UNAVAILABLE' && items.length === 1) {
      process.stderr.write(`crosscut: no features of trace ${items[0]?.traceId}: ${String(error)}\n`)
      return items[0]?.hold.release()
    }
    if (code !== 'E_STORE_UNAVAILABLE') this.#readSize = Math.max(1, items.length >> 2)
    this.#unread.unshift(...items)
    this.#nextReadMs = this.#ports.clock.monotonicMs() + STORE_RETRY_MS
  }
}

const idsOf = (items: readonly Item[]): string[] => [...new Set(items.map(({ traceId }) => traceId))]
