// One request seen from one side, and who watches it.
//
// The instrumentation makes one exchange object a request and hands the same object to the observer at each
// step, so that observing costs no further allocation. The observer owns `handle`, and may change what is
// marked as changeable before the step returns: that is how a span gets into `scope`, into `traceparent`, and
// into the baggage that travels.
//
//   server:  serverStart (before the handler; scope, baggage) -> serverHead (before headers leave; returned)
//            -> serverEnd (at close)
//   client:  clientStart (traceparent, tracestate, baggage to send) -> clientResponse (headers in; returned)
//            -> clientEnd (body read, failed or aborted)
//   threads: messageSend (traceparent, baggage) -> messageReceive (scope, baggage)
//            -> messageEnd (listeners have returned)
import type { Baggage } from '#baggage'
import type { Scope } from '#context'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TraceParent } from './trace-context.ts'

/** A connection to a server: what is the same for all its requests. */
export interface Connection {
  readonly isSecure: boolean
  readonly peerAddress: string | undefined
  readonly peerPort: number | undefined
  /** The observer's own. */
  handle: unknown
}

export interface ServerExchange {
  readonly side: 'server'
  readonly connection: Connection
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Two of its header lines; the first of each. */
  readonly host: string | undefined
  readonly userAgent: string | undefined
  /** performance.now() when it was taken up; 0 unless somebody meters. */
  readonly startedAtMs: number
  /** The caller's span, when it sent a valid traceparent. */
  readonly remote: TraceParent | undefined
  /** The caller's tracestate, cleaned; '' when absent. */
  readonly tracestate: string
  /** Changeable in serverStart: what the new execution starts with. */
  baggage: Baggage
  /** Changeable in serverStart: scope of the new execution. */
  scope: Scope
  /** Changeable in serverHead: what flows back to the caller; only sent when the caller accepts. */
  returned: Baggage
  /** Somebody else answered it before the application saw it. */
  isRefused: boolean
  /** True once the response ended before it was complete (client gone, socket error). */
  aborted: boolean
  /** The observer's own. */
  handle: unknown
}

export interface ClientExchange {
  readonly side: 'client'
  readonly transport: 'http' | 'undici'
  readonly secure: boolean
  readonly method: string
  /** Whom it calls: as the application said, until `goTo`. */
  readonly host: string
  readonly port: number
  /** Path with query, as sent. */
  readonly path: string
  /** The scope of the caller. */
  readonly scope: Scope
  /**
   * performance.now() when it asked for a connection, which is after any hold, and when it had one; 0 unless
   * metered.
   */
  readonly startedAtMs: number
  readonly connectedAtMs: number
  /** The connection it had; undefined unless metered. */
  readonly socket: Socket | undefined
  /** Changeable in clientStart: '' = none is sent. */
  traceparent: string
  tracestate: string
  /** Changeable in clientStart: what the request carries (where policy allows). */
  baggage: Baggage
  /** It has no connection yet: whoever holds calls is asked next. */
  readonly isAsked: boolean
  /** 0 until a response came. */
  statusCode: number
  /** Changeable in clientResponse and clientEnd: joined into the caller (the response's baggage at first). */
  returned: Baggage
  error: unknown
  handle: unknown
  /**
   * Calls another host in its stead, while it is asked for; its head stays as it is. False: nothing is told
   * to that host, or the connection is chosen by others.
   */
  goTo(host: string, port: number): boolean
}

export interface MessageExchange {
  readonly side: 'message'
  readonly threadId: number
  readonly remote: TraceParent | undefined
  /** messageSend: '' = none. */
  traceparent: string
  baggage: Baggage
  scope: Scope
  handle: unknown
}

/** All optional, called synchronously; what they throw is caught and counted (E_OBSERVER). */
export interface CarrierObserver {
  serverStart?(exchange: ServerExchange): void
  serverHead?(exchange: ServerExchange): void
  serverEnd?(exchange: ServerExchange): void
  clientStart?(exchange: ClientExchange): void
  clientResponse?(exchange: ClientExchange): void
  clientEnd?(exchange: ClientExchange): void
  messageSend?(exchange: MessageExchange): void
  messageReceive?(exchange: MessageExchange): void
  messageEnd?(exchange: MessageExchange): void
}
