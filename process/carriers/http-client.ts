// node:http and node:https clients: headers out with the head, flow-back in at the response and at its
// trailers.
//
//   http.client.request.created  -> observer.clientStart (nothing is sent yet); while somebody holds calls,
//                                   before that, in agent.addRequest (http-departure.ts)
//   req._storeHeader             -> headers out, between the first line and the application's
//   http.client.response.finish  -> status; `crosscut-baggage` joined: listeners run in the joined frame
//   req.emit, res.emit           -> listeners run in the request's frame (http-events.ts)
//   res 'end'                    -> trailers joined
//   req 'close'                  -> observer.clientEnd: answered and read, failed, aborted or upgraded
//
// Lines are put where Node renders the head, for setHeader checks name and value once more and keeps them in
// an object: 3 us a request for three headers, against 0.3. Trap: with headers given as an array, or with
// `Expect`, Node renders the head before it publishes. Then our lines are put into the rendered head, which
// has not been written to a socket yet.
import type { Baggage } from '#baggage'
import { currentFrame, enter, HOME, type Frame, type Scope } from '#context'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { ClientExchange } from './exchange.ts'
import { ACCEPT_HEADER, hasLine, RETURN_HEADER } from './head-lines.ts'
import { isOutside, keepBaggage, type HttpEvents, type HttpExchange } from './http-events.ts'
import { ClientRequestClass, IncomingMessageClass, validateHeaderValue } from './node-http.ts'
import { withBaggage, type Outgoing, type Wire } from './wire.ts'
import { emptyFrame, isQuiet } from './quiet.ts'

const CREATED = 'http.client.request.created'
const RESPONSE = 'http.client.response.finish'
const ERROR = 'http.client.request.error'

/** The socket of a request that has no exchange yet. */
const EARLY: unique symbol = Symbol('crosscut.early')

declare module 'node:http' {
  interface ClientRequest {
    [EARLY]?: Socket | undefined
  }
}

export function installHttpClient(wire: Wire, events: HttpEvents): () => void {
  const { prototype: read } = IncomingMessageClass
  events.replace(read, Symbol.asyncIterator, iterating(read[Symbol.asyncIterator]))
  const { prototype: written } = ClientRequestClass
  events.replace(written, '_storeHeader', storingHeader(Reflect.get(written, '_storeHeader')))
  if (wire.isTimed) events.replace(written, 'onSocket', gettingSocket(Reflect.get(written, 'onSocket')))
  const parts = { wire, events }
  const guarded =
    (step: (parts: Parts, message: object) => void) =>
    (message: unknown): void => {
      try {
        if (typeof message === 'object' && message !== null) step(parts, message)
      } catch (error: unknown) {
        wire.hookFailed(error)
      }
    }
  const onCreated = guarded(startRequest)
  const onResponse = guarded(takeResponse)
  const onError = guarded(takeError)
  subscribe(CREATED, onCreated)
  subscribe(RESPONSE, onResponse)
  subscribe(ERROR, onError)
  return () => {
    unsubscribe(CREATED, onCreated)
    unsubscribe(RESPONSE, onResponse)
    unsubscribe(ERROR, onError)
  }
}

type Parts = { readonly wire: Wire; readonly events: HttpEvents }

export class Exchange implements ClientExchange, HttpExchange {
  readonly side = 'client'
  readonly transport = 'http'
  readonly wire: Wire
  readonly events: HttpEvents
  readonly request: ClientRequest
  readonly secure: boolean
  readonly method: string
  host: string
  readonly path: string
  readonly scope: Scope
  isTold: boolean
  readonly isAsked: boolean
  destination: { readonly host: string; readonly port: number } | undefined = undefined
  startedAtMs: number
  connectedAtMs = 0
  socket: Socket | undefined = undefined
  traceparent = ''
  tracestate = ''
  baggage: Baggage
  statusCode = 0
  returned: Baggage
  error: unknown = undefined
  handle: unknown = undefined
  frame: Frame
  /** Our lines are not in it yet. */
  isHeadOpen = false
  /** Trailers only come with chunks; without them nothing of ours happens at `end`. */
  hasTrailers = false
  isClosed = false
  /** As its agent was told. */
  readonly agentPort: number | undefined

  constructor({ wire, events }: Parts, request: ClientRequest, agentPort: number | undefined) {
    const frame = currentFrame() ?? emptyFrame
    this.wire = wire
    this.events = events
    this.request = request
    this.secure = request.protocol === 'https:'
    this.method = request.method
    this.host = request.host
    this.path = request.path
    this.frame = frame
    this.scope = frame.scope
    this.baggage = frame.baggage
    this.returned = emptyFrame.baggage
    this.isAsked = agentPort !== undefined
    this.agentPort = agentPort
    this.startedAtMs = wire.stamp()
    this.isTold = isUnixSocket(request) || wire.tellsHost(request.host)
  }

  /** Worked out only for whoever wants it. */
  get port(): number {
    return this.destination?.port ?? this.agentPort ?? portOf(this.request, this.secure)
  }

  goTo(host: string, port: number): boolean {
    if (!this.isAsked || isUnixSocket(this.request) || !this.wire.tellsHost(host)) return false
    this.destination = { host, port }
    this.host = host
    this.isTold = true
    return true
  }

  onEnd(response: IncomingMessage): void {
    if (this.hasTrailers && response.rawTrailers.length > 0) takeTrailers(this, response)
  }

  onClose(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.wire.clientStep('clientEnd', this)
    this.events.closed()
  }
}

function startRequest(parts: Parts, message: object): void {
  if (isQuiet() || !('request' in message) || !(message.request instanceof ClientRequestClass)) return
  if (exchangeOf(message.request) === undefined) begin(parts, message.request)
}

/** Its agent is asked for a connection next, at this port. undefined: nobody asks for it. */
export function beginAsked(parts: Parts, request: ClientRequest, agentPort: number): Exchange | undefined {
  if (parts.wire.holds.client === undefined || isQuiet() || request.destroyed) return undefined
  try {
    return begin(parts, request, agentPort)
  } catch (error: unknown) {
    parts.wire.hookFailed(error)
    return undefined
  }
}

/** In its constructor. */
function begin(parts: Parts, request: ClientRequest, agentPort?: number): Exchange {
  const { wire, events } = parts
  const exchange = new Exchange(parts, request, agentPort)
  wire.clientStep('clientStart', exchange)
  // The observer may have changed the caller's baggage.
  exchange.frame = currentFrame() ?? emptyFrame
  if (request.headersSent) putIntoRenderedHead(exchange)
  else exchange.isHeadOpen = true
  events.opened()
  if (request[EARLY] !== undefined) {
    exchange.connectedAtMs = exchange.startedAtMs
    exchange.socket = request[EARLY]
    request[EARLY] = undefined
  }
  request[HOME] = exchange
  return exchange
}

/** The last moment before the head is text. `headers` is Node's own object: names in lower case. */
function storingHeader(native: unknown): Function {
  if (typeof native !== 'function') throw new TypeError('node:http renders heads in _storeHeader')
  return function _storeHeader(this: ClientRequest, firstLine: string, headers: unknown): unknown {
    const exchange = this[HOME]
    const isOpen = exchange instanceof Exchange && exchange.isHeadOpen
    return native.call(this, isOpen ? firstLine + takeOver(exchange, headers) : firstLine, headers)
  }
}

/**
 * The agent of node:http has found it a connection, or made one: at once, before the request is announced, or
 * when another request left one.
 */
function gettingSocket(native: unknown): Function {
  if (typeof native !== 'function') throw new TypeError('node:http hands sockets over in onSocket')
  return function onSocket(this: ClientRequest, socket: Socket | undefined, ...rest: unknown[]): unknown {
    const exchange = this[HOME]
    if (exchange === undefined) this[EARLY] = socket
    else if (exchange instanceof Exchange && exchange.connectedAtMs === 0) {
      exchange.connectedAtMs = performance.now()
      exchange.socket = socket
    }
    return native.call(this, socket, ...rest)
  }
}

/** Our lines; what the application has under their names goes, its members of baggage go with ours. */
function takeOver(exchange: Exchange, headers: unknown): string {
  exchange.isHeadOpen = false
  try {
    const given = typeof headers === 'object' && headers !== null ? headers : NO_HEADERS
    const { request, isTold } = exchange
    const out = outgoing(exchange, 'baggage' in given)
    if (out.traceparent !== '') {
      if ('traceparent' in given) request.removeHeader('traceparent')
      if ('tracestate' in given) request.removeHeader('tracestate')
    }
    if ('baggage' in given) request.removeHeader('baggage')
    if (ACCEPT_HEADER in given) request.removeHeader(ACCEPT_HEADER)
    return (
      lineOf('traceparent', out.traceparent) +
      lineOf('tracestate', out.tracestate) +
      lineOf('baggage', out.baggage) +
      lineOf(ACCEPT_HEADER, isTold ? '1' : '')
    )
  } catch (error: unknown) {
    exchange.wire.hookFailed(error)
    return ''
  }
}

const NO_HEADERS: object = Object.freeze({})

const lineOf = (name: string, value: string): string => (value === '' ? '' : `${name}: ${value}\r\n`)

function outgoing(exchange: Exchange, hasBaggage: boolean): Outgoing {
  const existing = hasBaggage ? exchange.request.getHeader('baggage') : undefined
  const out = exchange.wire.write(
    exchange,
    exchange.isTold,
    typeof existing === 'number' ? String(existing) : existing,
  )
  // The only value that an application may have made without anybody looking at it since.
  if (out.tracestate !== '') validateHeaderValue('tracestate', out.tracestate)
  return out
}

/**
 * `_header` is the text of the head; with Expect it also waits as the first element of outputData. Not on a
 * socket before the next tick.
 */
function putIntoRenderedHead(exchange: Exchange): void {
  const request = exchange.request
  const head: unknown = Reflect.get(request, '_header')
  if (typeof head !== 'string' || !head.endsWith('\r\n\r\n'))
    return void exchange.wire.counts.headers_already_sent++
  const lower = head.toLowerCase()
  const out = outgoing(exchange, exchange.request.hasHeader('baggage'))
  const missing = (name: string, value: string): string =>
    lower.includes(`\r\n${name}:`) ? '' : lineOf(name, value)
  const lines =
    missing('traceparent', out.traceparent) +
    missing('tracestate', out.tracestate) +
    missing('baggage', out.baggage) +
    missing(ACCEPT_HEADER, exchange.isTold ? '1' : '')
  const longer = `${head.slice(0, -2)}${lines}\r\n`
  const waiting: unknown = Reflect.get(request, 'outputData')
  const first: unknown = Array.isArray(waiting) ? waiting[0] : undefined
  const isQueued =
    typeof first === 'object' &&
    first !== null &&
    'data' in first &&
    typeof first.data === 'string' &&
    first.data.startsWith(head)
  if (Reflect.get(request, '_headerSent') === true && !isQueued)
    return void exchange.wire.counts.headers_already_sent++
  if (isQueued) first.data = longer + String(first.data).slice(head.length)
  Reflect.set(request, '_header', longer)
}

function takeResponse({ wire }: Parts, message: object): void {
  if (
    !('request' in message) ||
    !('response' in message) ||
    !(message.response instanceof IncomingMessageClass)
  )
    return
  const exchange = exchangeOf(message.request)
  if (exchange === undefined) return
  const response = message.response
  exchange.statusCode = response.statusCode ?? 0
  response[HOME] = exchange
  // The raw list is looked through first: `headers` is an object that Node makes at its first use, which may
  // never come.
  exchange.hasTrailers = exchange.isTold && !hasLine(response.rawHeaders, 'content-length')
  if (exchange.isTold && hasLine(response.rawHeaders, RETURN_HEADER))
    takeReturn(wire, exchange, response.headers)
  wire.clientStep('clientResponse', exchange)
  joinReturned(exchange)
}

/** Consumed here: belongs to this hop, and an application that copies headers must not hand it on. */
function takeReturn(wire: Wire, exchange: Exchange, headers: NodeJS.Dict<string | string[]>): void {
  const value = headers[RETURN_HEADER]
  if (value === undefined) return
  delete headers[RETURN_HEADER]
  const returned = typeof value === 'string' ? wire.decodeValue(value) : undefined
  if (returned !== undefined) exchange.returned = returned
}

/**
 * From here to the end of Node's callback the caller's frame holds what came back; a promise resolved here
 * hands it to its await.
 */
function joinReturned(exchange: Exchange): void {
  if (exchange.returned === emptyFrame.baggage) return
  const current = currentFrame()
  const isOwn = keepBaggage(exchange, current)
  exchange.frame = withBaggage(exchange.frame, exchange.returned)
  if (isOutside(exchange) || current === exchange.frame) return
  const isElsewhere = isOwn && current !== undefined && current.scope !== exchange.frame.scope
  enter(isElsewhere ? withBaggage(current, exchange.frame.baggage) : exchange.frame)
}

/** Before listeners of `end` run: in the frame of the exchange, which holds what the trailers brought. */
function takeTrailers(exchange: Exchange, response: IncomingMessage): void {
  try {
    exchange.returned = emptyFrame.baggage
    takeReturn(exchange.wire, exchange, response.trailers)
    exchange.frame = withBaggage(exchange.frame, exchange.returned)
  } catch (error: unknown) {
    exchange.wire.hookFailed(error)
  }
}

type Iterate = (this: IncomingMessage) => NodeJS.AsyncIterator<unknown>

/**
 * `for await` ends in the frame where it began, by Node's own binding, so what the trailers brought is joined
 * once more at its last step.
 */
function iterating(native: Iterate): Iterate {
  return function (this: IncomingMessage) {
    const iterator = native.call(this)
    const exchange = this[HOME]
    if (!(exchange instanceof Exchange) || !exchange.hasTrailers) return iterator
    const next = iterator.next.bind(iterator)
    iterator.next = () =>
      next().then((step: IteratorResult<unknown>) => {
        if (step.done === true) joinReturned(exchange)
        return step
      })
    return iterator
  }
}

function takeError(_parts: Parts, message: object): void {
  const exchange = 'request' in message ? exchangeOf(message.request) : undefined
  if (exchange !== undefined && 'error' in message) exchange.error = message.error
}

function exchangeOf(request: unknown): Exchange | undefined {
  const home = request instanceof ClientRequestClass ? request[HOME] : undefined
  return home instanceof Exchange ? home : undefined
}

function isUnixSocket(request: ClientRequest): boolean {
  return 'socketPath' in request && typeof request.socketPath === 'string'
}

/**
 * The request keeps its host, not its port: that is only in the Host header, which an application may set to
 * anything.
 */
function portOf(request: ClientRequest, isSecure: boolean): number {
  const usual = isSecure ? 443 : 80
  const header = request.getHeader('host')
  if (
    typeof header !== 'string' ||
    !header.startsWith(request.host, header.startsWith('[') && !request.host.startsWith('[') ? 1 : 0)
  )
    return usual
  if (header === lastHost.header && usual === lastHost.usual) return lastHost.port
  const colon = header.lastIndexOf(':')
  const given = colon > header.lastIndexOf(']') ? Number(header.slice(colon + 1)) : usual
  const port = Number.isInteger(given) && given > 0 ? given : usual
  lastHost = { header, usual, port }
  return port
}

/** Requests of a service go to few hosts, and often to the same as the one before. */
let lastHost = { header: '', usual: 0, port: 0 }
