// Requests that leave by fetch and undici are asked for when they are dispatched. Loaded with the first hold
// of calls.
//
//   dispatch --> begun --held--> go: dispatched, to another origin if it was sent elsewhere
//                       |  signal aborted meanwhile: leaves, and fails with its reason
//                       \--> go(error): its handler is told, nothing was sent
import type { Dispatched, UndiciExchange } from './undici-exchange.ts'

/** A dispatch that its caller made. */
export type Departure = {
  /** Calls this origin. */
  begin(origin: string): UndiciExchange
  /** The dispatcher. */
  readonly self: unknown
  readonly dispatched: Dispatched
  readonly options: object
  /** These options, too, belong to it. */
  know(options: object): void
  go(options: object): unknown
}

/** undici takes `true` for "send me more"; whoever waits for the answer waits on. */
export function departUndici(departure: Departure): unknown {
  const { options, dispatched, go } = departure
  const exchange = begun(departure)
  if (exchange === undefined) return go(options)
  const leave = () => {
    exchange.startedAtMs = exchange.wire.stamp()
    return go(destined(exchange, departure))
  }
  const fail = (error: Error) => {
    dispatched.begun = undefined
    go(throwing(error))
  }
  return hold(exchange, options, { leave, fail }) || leave()
}

/** undefined: nobody knows whom it calls. */
function begun({ self, dispatched, options, begin }: Departure): UndiciExchange | undefined {
  try {
    const own = ownOrigin(self)
    const exchange = begin(String(own ?? Reflect.get(options, 'origin')))
    exchange.isBound = own !== undefined
    exchange.begin()
    dispatched.begun = exchange
    return exchange
  } catch {
    // No origin: undici refuses it, and says why.
    return undefined
  }
}

/** How a call goes on. */
type Ways = { leave(): unknown; fail(error: Error): unknown }

function hold(exchange: UndiciExchange, options: object, ways: Ways): boolean {
  const { wire } = exchange
  let isOver = false
  let ignore = () => {}
  const end = (error?: Error) => {
    if (isOver) return
    isOver = true
    ignore()
    try {
      if (error === undefined) return void ways.leave()
      exchange.error = error
      exchange.end()
      ways.fail(error)
    } catch (thrown: unknown) {
      // Most versions tell the handler what goes wrong with options. What one throws all the same it would
      // have thrown to the caller, who has gone on.
      if (error === undefined || !tellFailure(exchange.handler, error)) wire.hookFailed(thrown)
    }
  }
  try {
    const leave = wire.holds.client?.(exchange, end)
    if (leave === undefined) return false
    ignore = whenAborted(options, (reason) => {
      leave()
      end(reason)
    })
    return true
  } catch (error: unknown) {
    wire.hookFailed(error)
    return false
  }
}

function destined({ isRouted, secure, host, port }: UndiciExchange, { options, know }: Departure): object {
  if (!isRouted) return options
  const name = host.includes(':') ? `[${host}]` : host
  const elsewhere = { ...options, origin: `http${secure ? 's' : ''}://${name}:${port}` }
  know(elsewhere)
  return elsewhere
}

/** A Client's or Pool's, whatever its options say. */
function ownOrigin(dispatcher: unknown): unknown {
  if (typeof dispatcher !== 'object' || dispatcher === null) return undefined
  const key = Object.getOwnPropertySymbols(dispatcher).find(({ description }) => description === 'url')
  const url: unknown = key === undefined ? undefined : Reflect.get(dispatcher, key)
  return url instanceof URL ? url.origin : undefined
}

/** fetch keeps its signal to itself, and tells its caller at once. */
function whenAborted(options: object, abort: (reason: Error) => void): () => void {
  const signal: unknown = Reflect.get(options, 'signal')
  if (!(signal instanceof AbortSignal)) return () => {}
  const aborted = () => abort(signal.reason)
  signal.addEventListener('abort', aborted)
  return () => signal.removeEventListener('abort', aborted)
}

/**
 * Options that fail with this error: undici reads them where it hands what goes wrong to the handler,
 * whatever
 * the handler's interface is in that version.
 */
function throwing(error: Error): object {
  const fail = (): never => {
    throw error
  }
  return new Proxy({}, { get: fail, has: fail, ownKeys: fail, getOwnPropertyDescriptor: fail })
}

/** In the handler's own interface, the newer one or the older. False = it has neither. */
function tellFailure(handler: object | undefined, error: Error): boolean {
  if (handler === undefined) return false
  const newer: unknown = Reflect.get(handler, 'onResponseError')
  const older: unknown = Reflect.get(handler, 'onError')
  if (typeof newer === 'function') Reflect.apply(newer, handler, [null, error])
  else if (typeof older === 'function') Reflect.apply(older, handler, [error])
  else return false
  return true
}
