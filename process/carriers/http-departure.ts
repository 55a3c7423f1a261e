// Requests that leave by node:http are asked for before they take a connection. Loaded with the first hold of
// calls.
//
//   new ClientRequest --> agent.addRequest: begun --held--> addRequest      one more waits in no pool
//                              |    destroyed meanwhile: leaves, and fails as one that lost its socket
//                              \--> go(error): destroyed with it, nothing was sent
//
// Headers and body wait in the request, as they do for a connection. `onSocket` without a socket is how
// agents of Node itself tell a request that there will be none: it ends with the error it was destroyed with.
// Where it goes stands in the options of the agent: another destination changes nothing in the request. A
// request without an agent (`createConnection` in its options) is not asked for.
import { currentFrame, runWith } from '#context'
import type { Agent, ClientRequest } from 'node:http'
import type { Exchange } from './http-client.ts'
import { replaceMethod } from './replace-method.ts'

type AddRequest = (this: Agent, request: ClientRequest, ...rest: unknown[]) => void

/** undefined: it is not asked for. */
export type Begin = (request: ClientRequest, agentPort: number) => Exchange | undefined

export function patchAgents(begin: Begin): () => void {
  const { prototype } = process.getBuiltinModule('node:http').Agent
  const native: unknown = Reflect.get(prototype, 'addRequest')
  if (!isAddRequest(native)) throw new TypeError('node:http takes requests in addRequest')
  return replaceMethod(
    prototype,
    'addRequest',
    function addRequest(this: Agent, request: ClientRequest, ...[options, ...rest]: unknown[]) {
      const exchange = begin(request, portOf(options, request))
      if (exchange === undefined) return native.call(this, request, options, ...rest)
      const add = () => {
        exchange.startedAtMs = exchange.wire.stamp()
        try {
          native.call(this, request, destined(exchange, options), ...rest)
        } catch (error: unknown) {
          exchange.error = error
          exchange.onClose()
          throw error
        }
      }
      if (!hold(exchange, add)) add()
    },
  )
}

function hold(exchange: Exchange, add: () => void): boolean {
  const { request, wire } = exchange
  const frame = currentFrame()
  const waiting = new Waiting(request)
  try {
    const leave = wire.holds.client?.(exchange, (error) => {
      if (!waiting.end() || request.destroyed) return
      if (error !== undefined) return fail(request, error)
      try {
        runWith(frame, add)
      } catch (thrown: unknown) {
        // In its constructor it would have been thrown to the caller, who has gone on.
        fail(request, thrown instanceof Error ? thrown : new Error(String(thrown)))
      }
    })
    if (leave !== undefined) waiting.begin(leave)
    return leave !== undefined
  } catch (error: unknown) {
    wire.hookFailed(error)
    return false
  }
}

/**
 * A request between its making and its connection: `destroy` on it, for there is no event before a socket.
 */
class Waiting {
  readonly #request: ClientRequest
  #restore: (() => void) | undefined
  #isOver = false

  constructor(request: ClientRequest) {
    this.#request = request
  }

  begin(leave: () => void): void {
    if (this.#isOver) return
    const request = this.#request
    const native = request.destroy
    const over = () => this.end()
    this.#restore = replaceMethod(request, 'destroy', function destroy(this: ClientRequest, error?: Error) {
      if (over()) leave()
      const result = native.call(this, error)
      endWithoutSocket(request)
      return result
    })
  }

  /** False = it was over before. */
  end(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#restore?.()
    return true
  }
}

function fail(request: ClientRequest, error: Error): void {
  request.destroy(error)
  endWithoutSocket(request)
}

function endWithoutSocket(request: ClientRequest): void {
  const onSocket: unknown = Reflect.get(request, 'onSocket')
  if (typeof onSocket === 'function') Reflect.apply(onSocket, request, [undefined])
}

/**
 * Options with another destination. The name that a server of TLS must prove is that of the Host header;
 * where there is none, Node would take it from `host`.
 */
function destined({ destination, request, secure }: Exchange, options: unknown): unknown {
  if (destination === undefined || typeof options !== 'object') return options
  const { host, port } = destination
  const name = secure && !request.hasHeader('host') ? { servername: request.host } : {}
  return { ...name, ...options, host, hostname: host, port }
}

/** As the agent will use it. */
function portOf(options: unknown, request: ClientRequest): number {
  const port: unknown =
    typeof options === 'object' && options !== null ? Reflect.get(options, 'port') : undefined
  const given = Number(port)
  return Number.isInteger(given) && given > 0 ? given : request.protocol === 'https:' ? 443 : 80
}

function isAddRequest(value: unknown): value is AddRequest {
  return typeof value === 'function'
}
