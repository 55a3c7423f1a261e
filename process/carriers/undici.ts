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
import { enter, runWith } from '#context'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { isIP, Socket } from 'node:net'
import { emptyFrame, isQuiet } from './quiet.ts'
import { installUndiciDispatch } from './undici-dispatch.ts'
import { Origins, UndiciExchange, type Dispatched } from './undici-exchange.ts'
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
  const origins = new Origins()
  const dispatch = installUndiciDispatch(wire, origins)
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

function startRequest(
  wire: Wire,
  origins: Origins,
  dispatched: Dispatched | undefined,
  message: object,
): void {
  if (dispatched?.isQuiet ?? isQuiet()) return
  if (!('request' in message) || !isRequest(message.request)) return
  const request = message.request
  const begun = dispatched?.begun
  if (dispatched !== undefined) dispatched.begun = undefined
  const exchange = begun ?? newExchange(wire, request, origins, dispatched)
  exchange.path = String(request.path)
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
  if (exchange.isRouted) keepName(request, exchange)
  Reflect.set(request, EXCHANGE, exchange)
}

function newExchange(
  wire: Wire,
  request: UndiciRequest,
  origins: Origins,
  dispatched: Dispatched | undefined,
): UndiciExchange {
  const origin = origins.of(String(request.origin))
  const exchange = new UndiciExchange(wire, request, { origin, dispatched, isAsked: false })
  exchange.begin()
  return exchange
}

/** Its Host header and the name that a server of TLS must prove are those of whom it would have called. */
function keepName(request: UndiciRequest, { origin }: UndiciExchange): void {
  if (typeof Reflect.get(request, 'host') === 'string') return
  request.addHeader('host', origin.authority)
  if (origin.isSecure && isIP(origin.host) === 0) Reflect.set(request, 'servername', origin.host)
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
  exchange.end()
  enterJoined(exchange)
}

function takeError(wire: Wire, message: object): void {
  const exchange = exchangeOf(message)
  if (exchange === undefined || exchange.isEnded) return
  exchange.error = 'error' in message ? message.error : undefined
  exchange.returned = emptyFrame.baggage
  exchange.end()
  enterJoined(exchange)
}

function takeReturn(wire: Wire, exchange: UndiciExchange, headers: unknown): void {
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
function enterJoined(exchange: UndiciExchange): void {
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
function joinInResource(exchange: UndiciExchange, handler: Resource): void {
  const original = handler.runInAsyncScope
  handler.runInAsyncScope = function (fn, thisArg, ...args) {
    return Reflect.apply(original, this, [
      () => runWith(exchange.frame, () => Reflect.apply(fn, thisArg, args)),
    ])
  }
}

function exchangeOf(message: object): UndiciExchange | undefined {
  if (!('request' in message) || typeof message.request !== 'object' || message.request === null)
    return undefined
  const exchange: unknown = Reflect.get(message.request, EXCHANGE)
  return exchange instanceof UndiciExchange ? exchange : undefined
}
