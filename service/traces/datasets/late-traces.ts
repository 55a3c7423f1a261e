// Traces whose spans are not in memory: named, then read from the store, many at once, then ready.
//
//   add(item) -> unread --readSome, one read at a time--> ready -> take
//                  ^--- fewer at a time, a second later ---' the store was away, or refused so many
//
// What is gone or runs away is let go of and counted. Owner: the feature pipeline.

import type { Clock } from '#base'
import { StoreError, type Store } from '#store'
import { READ_TRACES_MAX, STORE_RETRY_MS, UNREAD_MAX } from './limits.ts'
import { readTraces } from './stored-traces.ts'
import type { Item, Ready } from './trace-items.ts'

type Ports = {
  readonly store: Store
  readonly clock: Clock
  /** Grows: a later reading has at least the spans of an earlier one. */
  readonly nextVersion: () => bigint
  readonly onRead: () => void
}

/** Late spans come a few at a time: one read takes all that came meanwhile. */
const READ_EVERY_MS = 100

export class LateTraces {
  readonly #ports: Ports
  readonly #unread: Item[] = []
  readonly #ready: Ready[] = []
  #isReading = false
  #readSize = READ_TRACES_MAX
  #nextReadMs = 0
  readonly counts = { tracesFromStore: 0, tracesTooLarge: 0, tracesGone: 0, readFailures: 0 }

  constructor(ports: Ports) {
    this.#ports = ports
  }

  get waiting(): number {
    return this.#unread.length + this.#ready.length
  }

  get readyCount(): number {
    return this.#ready.length
  }

  /** False = there are too many already; who is patient always has room. */
  add(item: Item): boolean {
    if (!item.isPatient && this.#unread.length >= UNREAD_MAX) return false
    this.#unread.push(item)
    return true
  }

  take(): Ready | undefined {
    return this.#ready.shift()
  }

  /** Begins the next read when it is time. Never rejects. */
  readSome(): void {
    const nowMs = this.#ports.clock.monotonicMs()
    if (this.#isReading || this.#unread.length === 0 || nowMs < this.#nextReadMs) return
    this.#isReading = true
    this.#nextReadMs = nowMs + READ_EVERY_MS
    const items = this.#unread.splice(0, this.#readSize)
    void this.#read(items, this.#ports.nextVersion()).finally(() => {
      this.#isReading = false
      this.#ports.onRead()
    })
  }

  async #read(items: readonly Item[], version: bigint): Promise<void> {
    try {
      const ids = [...new Set(items.map(({ traceId }) => traceId))]
      const { spans, tooLarge, weights } = await readTraces(this.#ports.store, ids)
      for (const item of items) {
        const found = spans.get(item.traceId)
        const tailWeight = weights.get(item.traceId) ?? 1
        if (found !== undefined) this.#ready.push({ ...item, spans: found, version, tailWeight })
        else {
          this.counts[tooLarge.has(item.traceId) ? 'tracesTooLarge' : 'tracesGone']++
          item.hold.release()
        }
      }
      this.counts.tracesFromStore += items.length
      this.#readSize = Math.min(READ_TRACES_MAX, this.#readSize * 2)
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
