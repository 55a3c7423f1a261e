// The live list: listeners of one filter share one poll of the store, and each trace is told once per
// version.
//
// Polled rather than pushed: the store is the one place that knows what a filter matches and it deduplicates;
// a poll every 500 ms of the newest traces costs the same however many tabs listen. Nobody listens, nothing
// is asked.

import type { TraceSearchResult, TraceSummary } from '#protocol'
import type { TraceFilter } from '#traces'
import type { EventStream } from './http-io.ts'
import {
  LIVE_BATCH_MAX,
  LIVE_LISTENERS_MAX,
  LIVE_LOOK_BACK_MS,
  LIVE_POLL_MS,
  LIVE_SEEN_MAX,
} from './limits.ts'
import type { Reads } from './reads.ts'
import { RequestError } from './server-error.ts'

type Channel = {
  readonly filter: TraceFilter
  readonly streams: Set<EventStream>
  readonly seen: Map<string, string>
  timer?: NodeJS.Timeout
}

export class LiveTraces {
  readonly #reads: Reads
  readonly #nowNs: () => bigint
  readonly #channels = new Map<string, Channel>()
  #listeners = 0

  constructor(reads: Reads, nowNs: () => bigint) {
    this.#reads = reads
    this.#nowNs = nowNs
  }

  get listeners(): number {
    return this.#listeners
  }

  /** Call before the stream is opened. Errors: 503 when too many listen. */
  checkRoom(): void {
    if (this.#listeners >= LIVE_LISTENERS_MAX)
      throw new RequestError(
        503,
        'E_BUSY',
        `${LIVE_LISTENERS_MAX} live lists are open`,
        'close one, or try again',
      )
  }

  /** `key` names the filter: same key, same filter. Time bounds and paging of the filter are not used. */
  listen(stream: EventStream, key: string, filter: TraceFilter): void {
    const { fromNs: _from, toNs: _to, cursor: _cursor, limit: _limit, ...conditions } = filter
    const channel: Channel = this.#channels.get(key) ?? {
      filter: conditions,
      streams: new Set(),
      seen: new Map(),
    }
    this.#channels.set(key, channel)
    // Who joins late is told what the others were told already: the channel forgets what it has seen.
    channel.seen.clear()
    channel.streams.add(stream)
    this.#listeners += 1
    stream.onClose(() => {
      this.#listeners -= 1
      channel.streams.delete(stream)
      if (channel.streams.size > 0) return
      clearTimeout(channel.timer)
      this.#channels.delete(key)
    })
    if (channel.timer === undefined) this.#poll(channel)
  }

  close(): void {
    for (const { streams, timer } of this.#channels.values()) {
      clearTimeout(timer)
      for (const stream of streams) stream.close()
    }
    this.#channels.clear()
  }

  #poll(channel: Channel): void {
    channel.timer = setTimeout(() => {
      void this.#tell(channel)
        .catch(() => {})
        .then(() => {
          if (channel.streams.size > 0) this.#poll(channel)
        })
    }, LIVE_POLL_MS)
  }

  /** A failed poll is tried again: the store may be starting. */
  async #tell(channel: Channel): Promise<void> {
    const fromNs = this.#nowNs() - BigInt(LIVE_LOOK_BACK_MS) * 1_000_000n
    const bytes = await this.#reads.read({
      kind: 'search',
      filter: { ...channel.filter, fromNs, limit: LIVE_BATCH_MAX },
    })
    if (bytes === undefined) return
    const { traces }: TraceSearchResult = JSON.parse(Buffer.from(bytes).toString('utf8'))
    const fresh = traces.filter((trace) => channel.seen.get(trace.traceId) !== versionOf(trace))
    for (const trace of fresh) {
      channel.seen.delete(trace.traceId)
      channel.seen.set(trace.traceId, versionOf(trace))
    }
    for (const id of channel.seen.keys()) {
      if (channel.seen.size <= LIVE_SEEN_MAX) break
      channel.seen.delete(id)
    }
    if (fresh.length === 0) return
    const data = JSON.stringify({ traces: fresh })
    for (const stream of channel.streams) stream.send(data)
  }
}

function versionOf({ spanCount, errorCount, durationNs, hasRoot }: TraceSummary): string {
  return `${spanCount} ${errorCount} ${durationNs} ${hasRoot}`
}
