// node:http and node:https servers: each request is a new execution; what it carries comes from its headers
// and flows back in the answer.
//
//   http.server.request.start -> headers, new frame, observer, enter: the handler and all it awaits run in it
//   req.emit, res.emit        -> listeners run in the request's frame (http-events.ts)
//   res.writeHead             -> the handler's baggage as a header; what grows later as a trailer in res.end
//   res 'close'               -> observer.serverEnd; `finish` never comes for an aborted request
//
// The channel gives start and objects; nothing gives the moment before the headers leave. Upgrade and CONNECT
// have no channel and no response: they stay outside (docs/reference/carriers.md).
import type { Baggage } from '#baggage'
import {
  currentFrame,
  enter,
  HOME,
  newExecution,
  scopeOf,
  withScopeValue,
  type Frame,
  type Scope,
} from '#context'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Connection, ServerExchange } from './exchange.ts'
import { RequestLines, RETURN_HEADER } from './head-lines.ts'
import { keepBaggage, type HttpEvents, type HttpExchange } from './http-events.ts'
import { IncomingMessageClass, ServerResponseClass } from './node-http.ts'
import type { TraceParent } from './trace-context.ts'
import { CARRIED, type Incoming, type Wire } from './wire.ts'

const CONNECTION: unique symbol = Symbol('crosscut.connection')
const START = 'http.server.request.start'

declare module 'node:net' {
  interface Socket {
    [CONNECTION]?: KnownConnection
  }
}

/** Subscribes; the function given back ends it. Requests under way finish as they began. */
export function installHttpServer(wire: Wire, events: HttpEvents): () => void {
  const { prototype } = ServerResponseClass
  events.replace(prototype, 'writeHead', writingHead(prototype.writeHead))
  events.replace(prototype, 'end', ending(prototype.end))
  const onStart = (message: unknown): void => {
    try {
      startRequest({ wire, events }, message)
    } catch (error: unknown) {
      wire.hookFailed(error)
    }
  }
  subscribe(START, onStart)
  return () => void unsubscribe(START, onStart)
}

type Parts = { readonly wire: Wire; readonly events: HttpEvents }

/** A check of a range list is a call into C++, so it is made once a connection. */
type KnownConnection = Connection & { readonly isTrusted: boolean }

class Exchange implements ServerExchange, HttpExchange {
  readonly side = 'server'
  readonly wire: Wire
  readonly events: HttpEvents
  readonly connection: Connection
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly lines: RequestLines
  readonly incoming: Incoming
  readonly startedAtMs: number
  baggage: Baggage
  scope: Scope
  returned: Baggage
  aborted = false
  handle: unknown = undefined
  frame: Frame
  /** What the caller knows already: it sent it, or a header of ours told it. */
  known: Baggage
  isHeadWritten = false
  isClosed = false
  isRefused = false
  /** Whoever may hold requests has seen it. */
  isAsked = false

  constructor(parts: Parts, { request, response }: Started, connection: KnownConnection) {
    const lines = new RequestLines(request)
    const incoming = parts.wire.read(lines, connection.isTrusted)
    this.wire = parts.wire
    this.events = parts.events
    this.connection = connection
    this.request = request
    this.response = response
    this.lines = lines
    this.incoming = incoming
    this.startedAtMs = parts.wire.stamp()
    this.baggage = incoming.baggage
    this.returned = incoming.baggage
    this.known = incoming.baggage
    const carriesForOthers = incoming.remote !== undefined || incoming.foreign !== ''
    const scope = scopeOf(newExecution())
    this.scope = carriesForOthers ? withScopeValue(scope, CARRIED, incoming) : scope
    this.frame = { baggage: this.baggage, scope: this.scope }
  }

  get remote(): TraceParent | undefined {
    return this.incoming.remote
  }

  get tracestate(): string {
    return this.incoming.tracestate
  }

  get host(): string | undefined {
    return this.lines.host
  }

  get userAgent(): string | undefined {
    return this.lines.userAgent
  }

  onEnd(): void {}

  onClose(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.aborted = !this.response.writableFinished
    this.wire.serverStep('serverEnd', this)
    this.events.closed()
  }
}

function startRequest(parts: Parts, message: unknown): void {
  if (!isStart(message)) return
  const { wire, events } = parts
  const { request, response } = message
  const connection = (request.socket[CONNECTION] ??= knownConnection(wire, request.socket))
  const exchange = new Exchange(parts, message, connection)
  wire.serverStep('serverStart', exchange)
  exchange.frame = { baggage: exchange.baggage, scope: exchange.scope }
  events.opened()
  request[HOME] = exchange
  response[HOME] = exchange
  enter(exchange.frame)
}

type Started = { readonly request: IncomingMessage; readonly response: ServerResponse }

export function serverExchangeOf(request: unknown): Exchange | undefined {
  const home = request instanceof IncomingMessageClass ? request[HOME] : undefined
  return home instanceof Exchange ? home : undefined
}

function isStart(message: unknown): message is Started {
  return (
    typeof message === 'object' &&
    message !== null &&
    'request' in message &&
    message.request instanceof IncomingMessageClass &&
    'response' in message &&
    message.response instanceof ServerResponseClass
  )
}

function knownConnection(wire: Wire, socket: Socket): KnownConnection {
  const { remoteAddress, remotePort } = socket
  return {
    isSecure: 'encrypted' in socket,
    isTrusted: wire.trustsPeer(remoteAddress),
    peerAddress: remoteAddress,
    peerPort: remotePort,
    handle: undefined,
  }
}

/** Node calls this for implicit headers too: first write, flushHeaders, end. */
function writingHead(native: Function): Function {
  return function writeHead(this: ServerResponse, ...args: unknown[]): unknown {
    const exchange = this[HOME]
    if (!(exchange instanceof Exchange)) return native.apply(this, args)
    return native.apply(this, headArguments(exchange, args))
  }
}

function headArguments(exchange: Exchange, args: unknown[]): unknown[] {
  if (exchange.isHeadWritten || exchange.response.headersSent) return args
  exchange.isHeadWritten = true
  try {
    return withReturnHeader(exchange, args)
  } catch (error: unknown) {
    exchange.wire.hookFailed(error)
    return args
  }
}

/** The arguments of writeHead with our header in them. Never changes an object of the caller. */
function withReturnHeader(exchange: Exchange, args: unknown[]): unknown[] {
  keepCurrent(exchange)
  exchange.returned = exchange.frame.baggage
  exchange.wire.serverStep('serverHead', exchange)
  const value = newsFor(exchange)
  if (value === undefined) return args
  const at = typeof args[1] === 'string' ? 2 : args[1] === undefined || args[1] === null ? 2 : 1
  const headers = args[at]
  if (typeof headers !== 'object' || headers === null) {
    exchange.response.setHeader(RETURN_HEADER, value)
    return args
  }
  const given = [...args]
  // With headers set before, Node merges arrays by other rules than without: the argument is extended,
  // setHeader is not used.
  if (Array.isArray(headers))
    given[at] = Array.isArray(headers[0])
      ? [...headers, [RETURN_HEADER, value]]
      : [...headers, RETURN_HEADER, value]
  else given[at] = { ...headers, [RETURN_HEADER]: value }
  return given
}

function ending(native: Function): Function {
  return function end(this: ServerResponse, ...args: unknown[]): unknown {
    const exchange = this[HOME]
    if (exchange instanceof Exchange && this.headersSent && !this.writableEnded) {
      try {
        addReturnTrailer(exchange)
      } catch (error: unknown) {
        exchange.wire.hookFailed(error)
      }
    }
    return native.apply(this, args)
  }
}

function addReturnTrailer(exchange: Exchange): void {
  const response = exchange.response
  keepCurrent(exchange)
  exchange.returned = exchange.frame.baggage
  const value = newsFor(exchange)
  if (value === undefined) return
  // Without chunks Node drops trailers silently: Content-Length, 204, 304, HEAD, HTTP/1.0.
  if (response.chunkedEncoding && Reflect.get(response, '_hasBody') !== false)
    response.addTrailers({ [RETURN_HEADER]: value })
  else exchange.wire.counts.return_too_late++
}

/** What this point of the request carries; whoever answers from another execution is counted. */
function keepCurrent(exchange: Exchange): void {
  const current = currentFrame()
  if (!keepBaggage(exchange, current) && current !== undefined)
    exchange.wire.counts.return_foreign_execution++
}

/** What the caller does not know yet, encoded; undefined when there is nothing new, or it does not accept. */
function newsFor(exchange: Exchange): string | undefined {
  const { returned, known, wire, incoming } = exchange
  if (!incoming.isAccepting || returned === known || returned.equals(known)) return undefined
  exchange.known = returned
  return wire.encodeReturn(returned)
}
