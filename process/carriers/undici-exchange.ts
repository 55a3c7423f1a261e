// One call of fetch or undici, from its dispatch or its creation to its end.
import type { Baggage } from '#baggage'
import { currentFrame, type Frame, type Scope } from '#context'
import type { Socket } from 'node:net'
import type { ClientExchange } from './exchange.ts'
import { HOSTS_REMEMBERED_MAX } from './limits.ts'
import { emptyFrame } from './quiet.ts'
import type { Wire } from './wire.ts'

/** A request on its way to a connection. */
export interface Dispatched {
  readonly handler: object
  readonly frame: Frame | undefined
  /** Dispatched inside `quietly`; it may be created much later. */
  readonly isQuiet: boolean
  /** performance.now(); 0 unless metered. */
  readonly atMs: number
  /** It began when it was dispatched, for somebody holds calls: its first request is not announced again. */
  begun: UndiciExchange | undefined
}

export interface Origin {
  readonly isSecure: boolean
  readonly host: string
  readonly port: number
  /** As a Host header says it. */
  readonly authority: string
}

/** Parsed once: a request has its origin as text, and an application talks to few. */
export class Origins {
  readonly #known = new Map<string, Origin>()

  of(text: string): Origin {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const { protocol, hostname, port, host } = new URL(text)
    const isSecure = protocol === 'https:'
    const number = port === '' ? (isSecure ? 443 : 80) : Number(port)
    const origin = { isSecure, host: hostname, port: number, authority: host }
    if (this.#known.size >= HOSTS_REMEMBERED_MAX) this.#known.clear()
    this.#known.set(text, origin)
    return origin
  }
}

/** What a request and the options of a dispatch have in common. */
export type Asked = { readonly method?: unknown; readonly path?: unknown }

export class UndiciExchange implements ClientExchange {
  readonly side = 'client'
  readonly transport = 'undici'
  readonly wire: Wire
  readonly secure: boolean
  method: string
  host: string
  port: number
  path: string
  readonly scope: Scope
  isTold: boolean
  readonly isAsked: boolean
  /** Of whom it would have called. */
  readonly origin: Origin
  /** Its dispatcher has one host, and asks no options for another. */
  isBound = false
  isRouted = false
  startedAtMs: number
  connectedAtMs = 0
  socket: Socket | undefined = undefined
  /** The object that undici calls back; absent when the dispatch was not seen. */
  readonly handler: object | undefined
  traceparent = ''
  tracestate = ''
  baggage: Baggage
  statusCode = 0
  returned: Baggage = emptyFrame.baggage
  error: unknown = undefined
  handle: unknown = undefined
  frame: Frame
  isEnded = false

  constructor(
    wire: Wire,
    { method, path }: Asked,
    { origin, dispatched, isAsked }: { origin: Origin; dispatched: Dispatched | undefined; isAsked: boolean },
  ) {
    this.wire = wire
    this.secure = origin.isSecure
    this.method = String(method)
    this.host = origin.host
    this.port = origin.port
    this.path = String(path)
    this.handler = dispatched?.handler
    this.frame = (dispatched === undefined ? currentFrame() : dispatched.frame) ?? emptyFrame
    this.scope = this.frame.scope
    this.baggage = this.frame.baggage
    this.isTold = wire.tellsHost(this.host)
    this.isAsked = isAsked
    this.origin = origin
    this.startedAtMs = dispatched?.atMs ?? wire.stamp()
  }

  begin(): void {
    this.wire.clientStep('clientStart', this)
    // The observer may have changed the caller's baggage: what comes back joins that.
    const current = currentFrame()
    if (current !== undefined && current.scope.execution === this.scope.execution) this.frame = current
  }

  end(): void {
    if (this.isEnded) return
    this.isEnded = true
    this.wire.clientStep('clientEnd', this)
  }

  goTo(host: string, port: number): boolean {
    if (!this.isAsked || this.isBound || !this.wire.tellsHost(host)) return false
    this.host = host
    this.port = port
    this.isRouted = true
    this.isTold = true
    return true
  }
}
