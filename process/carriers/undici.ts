// fetch and undici: Node's own and any `undici` package the application loads.
//
//   dispatch (patched)        -> the frame is remembered by handler; a queued request is dispatched in it
//   undici:request:create     -> observer.clientStart -> addHeader
//   undici:request:headers    -> flow-back joined, the caller's frame entered before its promise settles
//   undici:request:trailers   -> the same for trailers; end of the exchange (also undici:request:error)
//
// The trap: with limited connections a request waits in a queue and is created by whoever frees a connection,
// in that one's context. When tried without the patch, 36 of 40 requests carried another's header. The
// channels give no way to know whose request it is; the handler does: it is one object from the caller's
// first dispatch to the last client's, retries and redirects included.
import type { Baggage } from '#baggage'
import { currentFrame, enter, runWith, type Frame, type Scope } from '#context'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Socket } from 'node:net'
import type { ClientExchange } from './exchange.ts'
import { HOSTS_REMEMBERED_MAX } from './limits.ts'
import { emptyFrame, isQuiet } from './quiet.ts'
import { installUndiciDispatch, type Dispatched } from './undici-dispatch.ts'
import { ACCEPT_HEADER, RETURN_HEADER } from './head-lines.ts'
import { withBaggage, type Wire } from './wire.ts'

const SENT = 'undici:client:sendHeaders'
type Listened = [channel: string, step: (message: object) => void]
const EXCHANGE: unique symbol = Symbol('crosscut.undici')

/** What `undici:request:create` publishes, as far as versions 5 to 8 agree. */
interface UndiciRequest {
  readonly origin?: unknown
  readonly method?: unknown
  readonly path?: unknown
  /** Versions 6 and later: names and values in turn. Version 5: text. */
  headers?: unknown
  addHeader(name: string, value: string): unknown
}

export function installUndici(wire: Wire): () => void {
  const dispatch = installUndiciDispatch(wire)
  const origins = new Origins()
  const steps: Listened[] = [
    ['undici:request:create', (message) => startRequest(wire, origins, dispatch.current(), message)],
    ...(wire.isTimed ? [[SENT, takeSocket] satisfies Listened] : []),
    ['undici:request:headers', (message) => takeHeaders(wire, message)],
    ['undici:request:trailers', (message) => takeTrailers(wire, message)],
    ['undici:request:error', (message) => takeError(wire, message)],
  ]
  const subscriptions = steps.map(([channel, step]) => {
    const listener = (message: unknown): void => {
      try {
        if (typeof message === 'object' && message !== null) step(message)
      } catch (error: unknown) {
        wire.hookFailed(error)
      }
    }
    subscribe(channel, listener)
    return () => unsubscribe(channel, listener)
  })
  return () => {
    dispatch.uninstall()
    for (const end of subscriptions) end()
  }
}

interface Origin {
  readonly isSecure: boolean
  readonly host: string
  readonly port: number
}

/** Parsed once: a request has its origin as text, and an application talks to few. */
class Origins {
  readonly #known = new Map<string, Origin>()

  of(text: string): Origin {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const { protocol, hostname, port } = new URL(text)
    const isSecure = protocol === 'https:'
    const origin = { isSecure, host: hostname, port: port === '' ? (isSecure ? 443 : 80) : Number(port) }
    if (this.#known.size >= HOSTS_REMEMBERED_MAX) this.#known.clear()
    this.#known.set(text, origin)
    return origin
  }
}

class Exchange implements ClientExchange {
  readonly side = 'client'
  readonly transport = 'undici'
  readonly wire: Wire
  readonly secure: boolean
  readonly method: string
  readonly host: string
  readonly port: number
  readonly path: string
  readonly scope: Scope
  readonly isTold: boolean
  /** Held before it is created: what is left then is what is left. */
  readonly delayMs = 0
  readonly startedAtMs: number
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

  constructor(wire: Wire, request: UndiciRequest, origin: Origin, dispatched: Dispatched | undefined) {
    this.wire = wire
    this.secure = origin.isSecure
    this.method = String(request.method)
    this.host = origin.host
    this.port = origin.port
    this.path = String(request.path)
    this.handler = dispatched?.handler
    this.frame = (dispatched === undefined ? currentFrame() : dispatched.frame) ?? emptyFrame
    this.scope = this.frame.scope
    this.baggage = this.frame.baggage
    this.isTold = wire.tellsHost(this.host)
    this.startedAtMs = dispatched?.atMs ?? (wire.isTimed ? performance.now() : 0)
  }
}

function startRequest(
  wire: Wire,
  origins: Origins,
  dispatched: Dispatched | undefined,
  message: object,
): void {
  if (dispatched?.isQuiet ?? isQuiet()) return
  if (!('request' in message) || !isRequest(message.request)) return
  const request = message.request
  const exchange = new Exchange(wire, request, origins.of(String(request.origin)), dispatched)
  wire.clientStep('clientStart', exchange)
  keepFrame(exchange)
  const list = Array.isArray(request.headers) ? request.headers : undefined
  const out = wire.write(
    exchange,
    exchange.isTold,
    list === undefined ? undefined : headerIn(list, 'baggage'),
  )
  putHeader(request, list, 'traceparent', out.traceparent)
  if (out.traceparent !== '') putHeader(request, list, 'tracestate', out.tracestate, true)
  putHeader(request, list, 'baggage', out.baggage, true)
  putHeader(request, list, ACCEPT_HEADER, exchange.isTold ? '1' : '', true)
  Reflect.set(request, EXCHANGE, exchange)
}

/** It is on its connection: nobody is before it any more. */
function takeSocket(message: object): void {
  const exchange = exchangeOf(message)
  if (exchange === undefined || exchange.connectedAtMs !== 0) return
  exchange.connectedAtMs = performance.now()
  if ('socket' in message && message.socket instanceof Socket) exchange.socket = message.socket
}

function isRequest(request: unknown): request is UndiciRequest {
  return (
    typeof request === 'object' &&
    request !== null &&
    'addHeader' in request &&
    typeof request.addHeader === 'function'
  )
}

function headerIn(list: readonly unknown[], name: string): string | undefined {
  const at = indexOfHeader(list, name)
  const value = at < 0 ? undefined : list[at + 1]
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.join(',') : undefined
}

function indexOfHeader(list: readonly unknown[], name: string): number {
  for (let i = 0; i + 1 < list.length; i += 2) {
    const key = list[i]
    if (typeof key === 'string' && key.length === name.length && key.toLowerCase() === name) return i
  }
  return -1
}

/** Sets, replaces what the application copied, or (`isExact`) takes away what must not be sent. */
function putHeader(
  request: UndiciRequest,
  list: unknown[] | undefined,
  name: string,
  value: string,
  isExact = false,
): void {
  const at = list === undefined ? -1 : indexOfHeader(list, name)
  if (at < 0 || list === undefined) {
    if (value !== '') request.addHeader(name, value)
  } else if (value !== '') list[at + 1] = value
  else if (isExact) list.splice(at, 2)
}

function takeHeaders(wire: Wire, message: object): void {
  const exchange = exchangeOf(message)
  if (exchange === undefined || !('response' in message)) return
  const response = message.response
  if (
    typeof response !== 'object' ||
    response === null ||
    !('statusCode' in response) ||
    !('headers' in response)
  )
    return
  const status = Number(response.statusCode)
  // 1xx is news, not the answer.
  if (status < 200) return
  exchange.statusCode = status
  takeReturn(wire, exchange, response.headers)
  wire.clientStep('clientResponse', exchange)
  enterJoined(exchange)
}

function takeTrailers(wire: Wire, message: object): void {
  const exchange = exchangeOf(message)
  if (exchange === undefined) return
  exchange.returned = emptyFrame.baggage
  if ('trailers' in message) takeReturn(wire, exchange, message.trailers)
  endExchange(wire, exchange)
  enterJoined(exchange)
}

function takeError(wire: Wire, message: object): void {
  const exchange = exchangeOf(message)
  if (exchange === undefined || exchange.isEnded) return
  exchange.error = 'error' in message ? message.error : undefined
  exchange.returned = emptyFrame.baggage
  endExchange(wire, exchange)
  enterJoined(exchange)
}

function endExchange(wire: Wire, exchange: Exchange): void {
  if (exchange.isEnded) return
  exchange.isEnded = true
  wire.clientStep('clientEnd', exchange)
}

function takeReturn(wire: Wire, exchange: Exchange, headers: unknown): void {
  if (!exchange.isTold) return
  const value = returnIn(headers)
  const returned = value === undefined ? undefined : wire.decodeValue(value)
  if (returned !== undefined) exchange.returned = returned
}

/** Names and values in turn, as Buffers (up to version 7) or text, or an object (version 8's trailers). */
function returnIn(headers: unknown): string | undefined {
  if (Array.isArray(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name: unknown = headers[i]
      if (
        isLike(name) &&
        name.length === RETURN_HEADER.length &&
        String(name).toLowerCase() === RETURN_HEADER
      )
        return String(headers[i + 1])
    }
    return undefined
  }
  const value: unknown =
    typeof headers === 'object' && headers !== null ? Reflect.get(headers, RETURN_HEADER) : undefined
  return typeof value === 'string' ? value : undefined
}

function isLike(name: unknown): name is { length: number } {
  return typeof name === 'string' || Buffer.isBuffer(name)
}

/**
 * undici runs its handlers in the context of whoever opened the socket. Right after this channel it settles
 * the caller's promise: it shall do so in the caller's frame, with what came back. Node's callback scope ends
 * the entering.
 */
function enterJoined(exchange: Exchange): void {
  if (exchange.returned !== emptyFrame.baggage) {
    exchange.frame = withBaggage(exchange.frame, exchange.returned)
    if (isResource(exchange.handler)) joinInResource(exchange, exchange.handler)
  }
  enter(exchange.frame === emptyFrame ? undefined : exchange.frame)
}

interface Resource {
  runInAsyncScope(fn: (...args: unknown[]) => unknown, thisArg?: unknown, ...args: unknown[]): unknown
}

function isResource(handler: object | undefined): handler is Resource {
  return (
    handler !== undefined && 'runInAsyncScope' in handler && typeof handler.runInAsyncScope === 'function'
  )
}

/**
 * undici.request, stream and pipeline go back to the caller's frame by their own AsyncResource, which knows
 * nothing of the answer.
 */
function joinInResource(exchange: Exchange, handler: Resource): void {
  const original = handler.runInAsyncScope
  handler.runInAsyncScope = function (fn, thisArg, ...args) {
    return Reflect.apply(original, this, [
      () => runWith(exchange.frame, () => Reflect.apply(fn, thisArg, args)),
    ])
  }
}

/** The observer may have changed the caller's baggage: what comes back joins that. */
function keepFrame(exchange: Exchange): void {
  const current = currentFrame()
  if (current !== undefined && current.scope.execution === exchange.scope.execution) exchange.frame = current
}

function exchangeOf(message: object): Exchange | undefined {
  if (!('request' in message) || typeof message.request !== 'object' || message.request === null)
    return undefined
  const exchange: unknown = Reflect.get(message.request, EXCHANGE)
  return exchange instanceof Exchange ? exchange : undefined
}
