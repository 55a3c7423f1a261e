// node:http and node:https servers: each request is a new execution; what it carries comes from its headers
// and flows back in the answer.
//
//   http.server.request.start -> headers, new frame, observer, enter: the handler and all it awaits run in it
//   req.emit, res.emit        -> listeners run in the request's frame (on 24 and 26 some arrive without any)
//   res.writeHead             -> the handler's baggage as a header; what grows later as a trailer in res.end
//   res 'close'               -> observer.serverEnd; `finish` never comes for an aborted request
//
// The channel gives start and objects. Nothing gives the moment before the headers leave, nor the frame to
// events: for those, four functions are put on the two objects of the request, shared by all requests, their
// state under one symbol. They die with the request. Upgrade and CONNECT have no channel and no response:
// they stay outside (docs/reference/carriers.md).
import type { Baggage } from '#baggage'
import { currentFrame, enter, newExecution, runWith, scopeOf, type Frame, type Scope } from '#context'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { IncomingMessageClass, ServerResponseClass } from './node-http.ts'
import type { ServerExchange } from './exchange.ts'
import type { TraceParent } from './trace-context.ts'
import { CARRIED, RETURN_HEADER, withBaggage, type Incoming, type Wire } from './wire.ts'

const EXCHANGE: unique symbol = Symbol('crosscut.server')
const TRUST: unique symbol = Symbol('crosscut.trust')
const START = 'http.server.request.start'

declare module 'node:http' {
  interface IncomingMessage {
    [EXCHANGE]?: Exchange
  }
  interface ServerResponse {
    [EXCHANGE]?: Exchange
  }
}

declare module 'node:net' {
  interface Socket {
    [TRUST]?: boolean
  }
}

/** Subscribes; the function given back ends it. Requests under way finish as they began. */
export function installHttpServer(wire: Wire): () => void {
  const onStart = (message: unknown): void => {
    try {
      startRequest(wire, message)
    } catch (error: unknown) {
      wire.hookFailed(error)
    }
  }
  subscribe(START, onStart)
  return () => void unsubscribe(START, onStart)
}

class Exchange implements ServerExchange {
  readonly side = 'server'
  readonly wire: Wire
  readonly secure: boolean
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly remote: TraceParent | undefined
  readonly tracestate: string
  readonly isAccepting: boolean
  baggage: Baggage
  scope: Scope
  returned: Baggage
  aborted = false
  handle: unknown = undefined
  /** The last frame of this execution that was seen at the response; events run in it. */
  frame: Frame
  /** What the caller knows already: it sent it, or a header of ours told it. */
  known: Baggage
  isHeadWritten = false
  readonly requestEmit: IncomingMessage['emit']
  readonly responseEmit: ServerResponse['emit']
  readonly writeHead: ServerResponse['writeHead']
  readonly end: ServerResponse['end']

  constructor(wire: Wire, request: IncomingMessage, response: ServerResponse, incoming: Incoming) {
    this.wire = wire
    this.secure = 'encrypted' in request.socket
    this.request = request
    this.response = response
    this.remote = incoming.remote
    this.tracestate = incoming.tracestate
    this.isAccepting = incoming.isAccepting
    this.baggage = incoming.baggage
    this.returned = incoming.baggage
    this.known = incoming.baggage
    const carriesForOthers = incoming.remote !== undefined || incoming.foreign !== ''
    this.scope = scopeOf(newExecution(), carriesForOthers ? { [CARRIED]: incoming } : undefined)
    this.frame = { baggage: this.baggage, scope: this.scope }
    this.requestEmit = request.emit
    this.responseEmit = response.emit
    this.writeHead = response.writeHead
    this.end = response.end
  }
}

function startRequest(wire: Wire, message: unknown): void {
  if (!isStart(message)) return
  const { request, response } = message
  const exchange = new Exchange(wire, request, response, wire.read(request.headers, isTrusted(wire, request)))
  wire.serverStep('serverStart', exchange)
  exchange.frame = { baggage: exchange.baggage, scope: exchange.scope }
  request[EXCHANGE] = exchange
  response[EXCHANGE] = exchange
  request.emit = emitOfRequest
  response.emit = emitOfResponse
  if (exchange.isAccepting || wire.watches('serverHead')) response.writeHead = writeHead
  if (exchange.isAccepting) response.end = end
  enter(exchange.frame)
}

function isStart(message: unknown): message is { request: IncomingMessage; response: ServerResponse } {
  return (
    typeof message === 'object' &&
    message !== null &&
    'request' in message &&
    message.request instanceof IncomingMessageClass &&
    'response' in message &&
    message.response instanceof ServerResponseClass
  )
}

/** Decided once a connection, not once a request: a check of a range list is a call into C++. */
function isTrusted(wire: Wire, request: IncomingMessage): boolean {
  const socket = request.socket
  return (socket[TRUST] ??= wire.trustsPeer(socket.remoteAddress))
}

// In these four, no exchange means that somebody put our function on an object of their own: then it does
// what Node's does.

function emitOfRequest(this: IncomingMessage, ...args: Parameters<IncomingMessage['emit']>): boolean {
  const exchange = this[EXCHANGE]
  if (exchange === undefined) return Reflect.apply(IncomingMessageClass.prototype.emit, this, args)
  return emitInFrame(exchange, this, exchange.requestEmit, args)
}

function emitOfResponse(this: ServerResponse, ...args: Parameters<ServerResponse['emit']>): boolean {
  const exchange = this[EXCHANGE]
  if (exchange === undefined) return Reflect.apply(ServerResponseClass.prototype.emit, this, args)
  if (args[0] === 'close') endRequest(exchange)
  return emitInFrame(exchange, this, exchange.responseEmit, args)
}

/**
 * Listeners see the request's frame. Events of one exchange happen one after the other, so what a `data`
 * listener packed is there in `end`: the frame is kept from one emit to the next, and added where Node or a
 * listener brings an older one.
 */
function emitInFrame<T extends EventEmitter>(
  exchange: Exchange,
  target: T,
  emit: (this: T, ...args: never[]) => boolean,
  args: [event: string | symbol, ...rest: unknown[]],
): boolean {
  // Most events of a request have no listener: nobody would see the frame. Entering one costs a copy of
  // Node's context map.
  if (target.listenerCount(args[0]) === 0) return Reflect.apply(emit, target, args)
  const current = currentFrame()
  const isOwn = isOwnFrame(exchange, current)
  if (isOwn && current.baggage === exchange.frame.baggage) {
    const isHeard = Reflect.apply(emit, target, args)
    keepFrame(exchange, currentFrame())
    return isHeard
  }
  return runWith(isOwn ? withBaggage(current, exchange.frame.baggage) : exchange.frame, () => {
    const isHeard = Reflect.apply(emit, target, args)
    keepFrame(exchange, currentFrame())
    return isHeard
  })
}

function isOwnFrame(exchange: Exchange, frame: Frame | undefined): frame is Frame {
  return frame !== undefined && frame.scope.execution === exchange.scope.execution
}

function keepFrame(exchange: Exchange, frame: Frame | undefined): boolean {
  if (!isOwnFrame(exchange, frame)) return false
  exchange.frame = frame
  return true
}

function endRequest(exchange: Exchange): void {
  exchange.aborted = !exchange.response.writableFinished
  exchange.wire.serverStep('serverEnd', exchange)
}

/** Node calls this for implicit headers too: first write, flushHeaders, end. */
function writeHead(this: ServerResponse, ...args: unknown[]): ServerResponse {
  const exchange = this[EXCHANGE]
  if (exchange === undefined) return Reflect.apply(ServerResponseClass.prototype.writeHead, this, args)
  let given = args
  if (!exchange.isHeadWritten && !this.headersSent) {
    try {
      given = withReturnHeader(exchange, args)
    } catch (error: unknown) {
      exchange.wire.hookFailed(error)
    }
  }
  return Reflect.apply(exchange.writeHead, this, given)
}

/** The arguments of writeHead with our header in them. Never changes an object of the caller. */
function withReturnHeader(exchange: Exchange, args: unknown[]): unknown[] {
  exchange.isHeadWritten = true
  const value = takeReturn(exchange)
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

function end(this: ServerResponse, ...args: unknown[]): ServerResponse {
  const exchange = this[EXCHANGE]
  if (exchange === undefined) return Reflect.apply(ServerResponseClass.prototype.end, this, args)
  if (this.headersSent && !this.writableEnded) {
    try {
      addReturnTrailer(exchange)
    } catch (error: unknown) {
      exchange.wire.hookFailed(error)
    }
  }
  return Reflect.apply(exchange.end, this, args)
}

function addReturnTrailer(exchange: Exchange): void {
  const response = exchange.response
  const value = takeReturn(exchange)
  if (value === undefined) return
  // Without chunks Node drops trailers silently: Content-Length, 204, 304, HEAD, HTTP/1.0.
  if (response.chunkedEncoding && Reflect.get(response, '_hasBody') !== false)
    response.addTrailers({ [RETURN_HEADER]: value })
  else exchange.wire.counts.return_too_late++
}

/**
 * What the caller does not know yet, encoded; undefined when there is nothing new, or this is not the
 * request's own execution.
 */
function takeReturn(exchange: Exchange): string | undefined {
  const wire = exchange.wire
  if (!keepFrame(exchange, currentFrame()) && currentFrame() !== undefined)
    wire.counts.return_foreign_execution++
  exchange.returned = exchange.frame.baggage
  wire.serverStep('serverHead', exchange)
  if (
    !exchange.isAccepting ||
    exchange.returned === exchange.known ||
    exchange.returned.equals(exchange.known)
  )
    return undefined
  exchange.known = exchange.returned
  return wire.encodeReturn(exchange.returned)
}
