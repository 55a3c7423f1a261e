// Sends batches to a collector: OTLP/HTTP with protobuf, one request at a time over one kept connection.
//
//   idle ──span──► timer (delay) ──► sending ──2xx──► settled ──more?──► sending
//                                       │ 429 502 503 504, network ──► backoff ──► sending
//                                       │    (Retry-After, else doubling, jittered)
//                                       └ any other answer, or tries used up ──► dropped, counted
//
// Timers and the socket are unref'd: sending never keeps the host alive. When its event loop runs empty we
// hold it for at most EXIT_FLUSH_MS_MAX; at process.exit the open batch is written into the kept connection
// in one synchronous write.

import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Batch, SpanQueue } from './batch.ts'
import type { Ledger } from './guard.ts'
import { EXIT_FLUSH_MS_MAX, RESPONSE_BYTES_MAX, RETRIES_MAX, RETRY_MS_MAX, RETRY_MS_MIN } from './limits.ts'
import type { ExporterSettings } from './settings.ts'

/** Answers that say "try again" (OTLP specification, retryable response codes). */
const RETRYABLE = new Set([429, 502, 503, 504])

type Answer = {
  readonly status: number
  readonly retryAfterMs: number | undefined
  readonly body: Uint8Array
}

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

  const run = async (): Promise<void> => {
    for (let batch = queue.take(); batch !== undefined; batch = queue.take()) await channel.deliver(batch)
  }
  const start = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    running ??= parts
      .detached(run)
      .catch((error: unknown) => parts.ledger.fail('exporter', error))
      .finally(() => {
        running = undefined
      })
    return running
  }
  queue.onFull = () => {
    if (running === undefined) parts.detached(() => setImmediate(start).unref())
  }
  return {
    wake() {
      if (timer === undefined && running === undefined)
        timer = parts.detached(() => setTimeout(start, parts.delayMs).unref())
    },
    async flush(withinMs) {
      if (queue.isEmpty) return
      channel.hurry()
      await Promise.race([start(), channel.heldFor(withinMs)])
      channel.release()
    },
    flushSync: () => channel.sendNow(queue.take()),
  }
}

/** One connection to one collector. Owns the batch in flight. */
class Channel {
  readonly #parts: Parts
  readonly #url: URL
  readonly #isSecure: boolean
  #agent: import('node:http').Agent | undefined
  #request: ClientRequest | undefined
  #isHurried = false
  #endWait: (() => void) | undefined
  #hold: NodeJS.Timeout | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#url = parts.settings.url
    this.#isSecure = this.#url.protocol === 'https:'
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
      if (answer !== undefined) ledger.note('export', new ExportError(answer.status))
      if (answer !== undefined && !RETRYABLE.has(answer.status))
        return queue.settleDropped(batch, 'export-refused')
      if (tries >= RETRIES_MAX || this.#isHurried) return queue.settleDropped(batch, 'export-failed')
      await this.#wait(backoffMs(tries, answer?.retryAfterMs))
    }
  }

  /** From here on nothing is tried twice, and a wait ends now: the process is leaving. */
  hurry(): void {
    this.#isHurried = true
    this.#endWait?.()
    this.#request?.socket?.ref()
  }

  heldFor(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#hold = setTimeout(
        () => {
          this.#request?.destroy()
          resolve()
        },
        Math.min(ms, EXIT_FLUSH_MS_MAX),
      )
    })
  }

  release(): void {
    clearTimeout(this.#hold)
    this.#isHurried = false
    this.#request?.socket?.unref()
  }

  /**
   * Node hands a small write on an idle connection to the kernel at once, so it leaves even though the
   * process ends now.
   */
  sendNow(batch: Batch | undefined): void {
    if (batch === undefined) return
    const socket = Object.values(this.#agent?.freeSockets ?? {})[0]?.[0]
    if (socket === undefined || this.#isSecure) return this.#parts.queue.settleDropped(batch, 'exit')
    const lines = [
      `POST ${this.#url.pathname}${this.#url.search} HTTP/1.1`,
      `Host: ${this.#url.host}`,
      ...Object.entries(this.#headers(batch.body.length)).map(([name, value]) => `${name}: ${value}`),
      '',
      '',
    ]
    socket.write(Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), batch.body]))
    this.#parts.queue.settleSent(batch)
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

  #headers(bodyBytes: number): Record<string, string | number> {
    return {
      ...Object.fromEntries(this.#parts.settings.headers),
      'content-type': 'application/x-protobuf',
      'content-length': bodyBytes,
      'user-agent': 'crosscut-agent',
    }
  }

  async #post(batch: Batch): Promise<Answer> {
    const body = this.#parts.settings.isGzip ? await gzip(batch.body) : batch.body
    const headers = this.#headers(body.length)
    if (this.#parts.settings.isGzip) headers['content-encoding'] = 'gzip'
    return await new Promise((resolve, reject) => {
      const request = this.#open(headers)
      this.#request = request
      request.on('socket', (socket) => {
        if (!this.#isHurried) socket.unref()
      })
      // Of the whole exchange: an answer of one byte a second would never be idle long enough.
      const late = (): void => void request.destroy(new ExportError('timeout'))
      const deadline = setTimeout(late, this.#timeoutMs()).unref()
      request.on('error', reject)
      let isAnswered = false
      request.on('response', (response) => {
        isAnswered = true
        readAnswer(response).then(resolve, reject)
      })
      // Always the last event, and the only one when the answer is 101 Switching Protocols.
      request.on('close', () => {
        clearTimeout(deadline)
        if (!isAnswered) reject(new ExportError('closed'))
      })
      request.end(body)
    })
  }

  /** 0 is OpenTelemetry's way to say "no limit". */
  #timeoutMs(): number {
    const { timeoutMs } = this.#parts.settings
    const LONGEST_TIMER_MS = 2 ** 31 - 1
    return timeoutMs === 0 ? LONGEST_TIMER_MS : Math.min(timeoutMs, LONGEST_TIMER_MS)
  }

  /** A new request; http or https is loaded with the first one, not at the start of the host. */
  #open(headers: Record<string, string | number>): ClientRequest {
    const { settings } = this.#parts
    const http = this.#isSecure
      ? process.getBuiltinModule('node:https')
      : process.getBuiltinModule('node:http')
    this.#agent ??= new http.Agent({ keepAlive: true, maxSockets: 1, ...trusted(settings) })
    return this.#parts.detached(() =>
      http.request(this.#url, { method: 'POST', agent: this.#agent, headers }),
    )
  }
}

/** Errors: code E_EXPORT with the answer's status. */
class ExportError extends Error {
  readonly code = 'E_EXPORT'

  constructor(status: number | 'timeout' | 'closed') {
    super(
      status === 'timeout'
        ? 'the collector did not answer in time'
        : status === 'closed'
          ? 'the collector closed the connection without an answer'
          : `the collector answered ${status}`,
    )
  }
}

function trusted(settings: ExporterSettings): { ca?: Buffer } {
  if (settings.certificateFile === undefined) return {}
  return { ca: process.getBuiltinModule('node:fs').readFileSync(settings.certificateFile) }
}

function gzip(body: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    process
      .getBuiltinModule('node:zlib')
      .gzip(body, { level: 1 }, (error, zipped) => (error === null ? resolve(zipped) : reject(error)))
  })
}

function readAnswer(response: IncomingMessage): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= RESPONSE_BYTES_MAX) chunks.push(chunk)
      else response.destroy(new ExportError(response.statusCode ?? 0))
    })
    response.on('error', reject)
    response.on('end', () => {
      const seconds = Number(response.headers['retry-after'])
      resolve({
        status: response.statusCode ?? 0,
        retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined,
        body: Buffer.concat(chunks),
      })
    })
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
