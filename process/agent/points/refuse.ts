// The answer to a request that is not let in: it says what to do, and costs as little as can be.

import type { ServerExchange } from '#carriers'
import { REFUSALS_WAITING_MAX, REFUSAL_DELAY_MS } from './limits.ts'

const TEXTS = {
  429: ['E_THROTTLED', 'this tenant sends more than it may now; come again later'],
  503: ['E_OVERLOADED', 'too many requests wait; come again later'],
  504: ['E_DEADLINE', 'the deadline that came with this request has passed'],
} as const

/**
 * A body of this size is read to its end and the connection kept: what is larger costs more than a new
 * one.
 */
const BODY_KEPT_BYTES = 64 * 1024

export function refuse(
  exchange: ServerExchange,
  status: keyof typeof TEXTS,
  retryAfterSeconds?: number,
): void {
  const [code, message] = TEXTS[status]
  answer(exchange, { status, code, message, retryAfterSeconds })
}

/** Those who are over their rate are told so after a while. */
export class LateRefusals {
  readonly #detached: <R>(fn: () => R) => R
  #waiting = 0

  constructor(detached: <R>(fn: () => R) => R) {
    this.#detached = detached
  }

  refuse(exchange: ServerExchange, retryAfterSeconds: number): void {
    const tell = () => refuse(exchange, 429, retryAfterSeconds)
    if (this.#waiting >= REFUSALS_WAITING_MAX) return tell()
    // Also if its client does not wait for the answer.
    exchange.isRefused = true
    this.#waiting += 1
    const timer = this.#detached(() => setTimeout(tell, REFUSAL_DELAY_MS))
    exchange.response.once('close', () => {
      this.#waiting -= 1
      clearTimeout(timer)
    })
  }
}

/** As this tool asks for; it says so, for whoever wonders where that answer comes from. */
export function reject(exchange: ServerExchange, status: number, tool: string): void {
  answer(exchange, { status, code: 'E_REJECTED', message: `the tool ${tool} refuses this request` })
}

type Answer = {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly retryAfterSeconds?: number | undefined
}

/** Nothing if an answer has begun or nobody is there any more. */
function answer(exchange: ServerExchange, { status, code, message, retryAfterSeconds }: Answer): void {
  const { request, response } = exchange
  if (response.headersSent || response.destroyed) return
  exchange.isRefused = true
  const body = `${JSON.stringify({ error: { code, message } })}\n`
  const length = Number(request.headers['content-length'] ?? 0)
  const isLarge = !(length <= BODY_KEPT_BYTES) || 'transfer-encoding' in request.headers
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...(isLarge ? { connection: 'close' } : {}),
  })
  response.end(body)
}
