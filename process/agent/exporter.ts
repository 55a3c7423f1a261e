// Sends batches to a collector: OTLP/HTTP with protobuf, one request at a time over one kept connection.
//
//   idle ──span──► timer (delay) ─┬► sending ──2xx──► settled ──another full?──► sending
//     └──full batch──────────────┘      │                  └──rest──► timer
//                                       │ 429 502 503 504, network ──► backoff ──► sending
//                                       │    (Retry-After, else doubling, jittered)
//                                       └ any other answer, or tries used up ──► dropped, counted
//
// Under load only full batches leave: one request for each 512 spans, not one as soon as the last is answered
// (153 for 3,200 spans, a quarter of what tracing cost).
// Timers and the connection are unref'd: sending never keeps the host alive. When its event loop runs empty
// we hold it for at most EXIT_FLUSH_MS_MAX; at process.exit the open batch is written into the kept
// connection in one synchronous write.

import type { Batch, SpanQueue } from './batch.ts'
import type { Collector } from './collector.ts'
import type { Ledger } from './guard.ts'
import type { Answer } from './http-answer.ts'
import { EXIT_FLUSH_MS_MAX, RETRIES_MAX, RETRY_MS_MAX, RETRY_MS_MIN } from './limits.ts'
import { COLLECTOR, PeerError } from './peer-error.ts'
import type { ExporterSettings } from './settings.ts'

/** Answers that say "try again" (OTLP specification, retryable response codes). */
const RETRYABLE = new Set([429, 502, 503, 504])

export type Exporter = {
  /** There is something to send; goes within the batch delay. */
  wake(): void
  /** Sends all there is now; settles when it is settled or the time is over. Never rejects. */
  flush(withinMs: number): Promise<void>
  /** The last words, in process.on('exit'). */
  flushSync(): void
}

type Parts = {
  readonly queue: SpanQueue
  readonly ledger: Ledger
  readonly settings: ExporterSettings
  readonly delayMs: number
  /**
   * Runs a function outside every execution and without instrumentation: our requests and timers are not
   * the host's.
   */
  readonly detached: <R>(fn: () => R) => R
}

export function openExporter(parts: Parts): Exporter {
  const { queue } = parts
  const channel = new Channel(parts)
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  /** The delay is over, or somebody cannot wait: a batch goes though it is not full. */
  let isDue = false

  const next = (): Batch | undefined => {
    const full = queue.takeFull()
    if (full !== undefined || !isDue) return full
    isDue = false
    return queue.take()
  }
  const run = async (): Promise<void> => {
    for (let batch = next(); batch !== undefined; batch = next()) await channel.deliver(batch)
  }
  const start = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    running ??= parts
      .detached(run)
      .catch((error: unknown) => parts.ledger.fail('exporter', error))
      .finally(() => {
        running = undefined
        if (!queue.isEmpty) wake()
      })
    return running
  }
  const wake = (): void => {
    if (timer === undefined && running === undefined)
      timer = parts.detached(() => setTimeout(due, parts.delayMs).unref())
  }
  const due = (): Promise<void> => {
    isDue = true
    return start()
  }
  const drain = async (): Promise<void> => {
    for (isDue = true; isDue;) await start()
  }
  queue.onFull = () => {
    if (running === undefined) parts.detached(() => setImmediate(start).unref())
  }
  return {
    wake,
    async flush(withinMs) {
      if (queue.isEmpty) return
      channel.hurry()
      await Promise.race([drain(), channel.heldFor(withinMs)])
      channel.release()
    },
    flushSync: () => channel.sendNow(queue.take()),
  }
}

/** Delivers batch by batch. Owns the one in flight. */
class Channel {
  readonly #parts: Parts
  #collector: Collector | undefined
  #isHurried = false
  #endWait: (() => void) | undefined
  #hold: NodeJS.Timeout | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async deliver(batch: Batch): Promise<void> {
    const { queue, ledger } = this.#parts
    for (let tries = 0; ; tries += 1) {
      const answer = await this.#post(batch).catch((error: unknown) => {
        ledger.note('export', error)
        return undefined
      })
      if (answer !== undefined && answer.status >= 200 && answer.status < 300)
        return queue.settleSent(batch, rejectedSpans(answer.body, batch.spans))
      if (answer !== undefined) ledger.note('export', PeerError.ofStatus(COLLECTOR, answer.status))
      if (answer !== undefined && !RETRYABLE.has(answer.status))
        return queue.settleDropped(batch, 'export-refused')
      if (tries >= RETRIES_MAX || this.#isHurried) return queue.settleDropped(batch, 'export-failed')
      await this.#wait(backoffMs(tries, answer?.retryAfterMs))
    }
  }

  async #post(batch: Batch): Promise<Answer> {
    const { settings, detached } = this.#parts
    const body = settings.isGzip ? await gzip(batch.body) : batch.body
    if (this.#collector === undefined) {
      // With the first batch: a process without spans has no use for it.
      const { Collector } = await import('./collector.ts')
      this.#collector = new Collector(settings, detached)
      if (this.#isHurried) this.#collector.connection.hold()
    }
    return await this.#collector.post(body)
  }

  /** From here on nothing is tried twice, and a wait ends now: the process is leaving. */
  hurry(): void {
    this.#isHurried = true
    this.#endWait?.()
    this.#collector?.connection.hold()
  }

  heldFor(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#hold = setTimeout(
        () => {
          this.#collector?.connection.abort()
          resolve()
        },
        Math.min(ms, EXIT_FLUSH_MS_MAX),
      )
    })
  }

  release(): void {
    clearTimeout(this.#hold)
    this.#isHurried = false
    this.#collector?.connection.release()
  }

  sendNow(batch: Batch | undefined): void {
    if (batch === undefined) return
    const { queue, settings } = this.#parts
    const { body } = batch
    const sent = settings.isGzip ? process.getBuiltinModule('node:zlib').gzipSync(body, { level: 1 }) : body
    if (this.#collector?.sendNow(sent) === true) queue.settleSent(batch)
    else queue.settleDropped(batch, 'exit')
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref()
      this.#endWait = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function gzip(body: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    process
      .getBuiltinModule('node:zlib')
      .gzip(body, { level: 1 }, (error, zipped) => (error === null ? resolve(zipped) : reject(error)))
  })
}

/** Full jitter in the upper half, so that a fleet does not come back in step. */
function backoffMs(tries: number, retryAfterMs: number | undefined): number {
  const base = Math.min(RETRY_MS_MAX, retryAfterMs ?? RETRY_MS_MIN * 2 ** tries)
  return base * (0.5 + Math.random() / 2) + (retryAfterMs === undefined ? 0 : base / 2)
}

/**
 * ExportTraceServiceResponse { 1: partial_success { 1: rejected_spans varint, 2: message } }: only the
 * number is of interest. Anything else counts as "all taken": the answer was 2xx.
 */
function rejectedSpans(body: Uint8Array, spans: number): number {
  if (body.length < 4 || body[0] !== 0x0a || body[2] !== 0x08) return 0
  let value = 0
  for (let i = 3, scale = 1; i < body.length && i < 12; i += 1, scale *= 128) {
    const byte = body[i] ?? 0
    value += (byte & 127) * scale
    if (byte < 128) return Math.min(value, spans)
  }
  return 0
}
