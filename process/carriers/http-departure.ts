// Requests that leave by node:http are asked for before they take a connection.
//
//   new ClientRequest --> agent.addRequest --held--> addRequest      one more waits in no pool
//                              |  destroyed meanwhile: leaves, and fails as one that lost its socket
//                              \--> go(error): destroyed with it, nothing was sent
//
// Headers and body wait in the request, as they do for a connection. `onSocket` without a socket is how agents
// of Node itself tell a request that there will be none: it ends with the error it was destroyed with.
// A request without an agent (`createConnection` in its options) is not asked for.
import { currentFrame, runWith } from '#context'
import type { Agent, ClientRequest } from 'node:http'
import type { HeldCall } from './holds.ts'
import { isQuiet } from './quiet.ts'
import { replaceMethod } from './replace-method.ts'
import type { Wire } from './wire.ts'

type AddRequest = (this: Agent, request: ClientRequest, ...rest: unknown[]) => void

/** Until they leave, as it was when they were held. Their deadline travels less that. */
const delays = new WeakMap<ClientRequest, number>()

export function delayOf(request: ClientRequest): number {
  return delays.get(request) ?? 0
}

export function patchAgents(wire: Wire): () => void {
  const { prototype } = process.getBuiltinModule('node:http').Agent
  const native: unknown = Reflect.get(prototype, 'addRequest')
  if (!isAddRequest(native)) throw new TypeError('node:http takes requests in addRequest')
  return replaceMethod(
    prototype,
    'addRequest',
    function addRequest(this: Agent, request: ClientRequest, ...rest: unknown[]) {
      if (!hold(wire, request, rest[0], () => native.call(this, request, ...rest)))
        native.call(this, request, ...rest)
    },
  )
}

function hold(wire: Wire, request: ClientRequest, options: unknown, add: () => void): boolean {
  const ask = wire.holds.client
  if (ask === undefined || isQuiet() || request.destroyed) return false
  const frame = currentFrame()
  const waiting = new Waiting(request)
  try {
    const held = ask({ frame, host: request.host, port: portOf(options, request) }, (error) => {
      if (!waiting.end() || request.destroyed) return
      if (error !== undefined) return fail(request, error)
      try {
        runWith(frame, add)
      } catch (thrown: unknown) {
        // In its constructor it would have been thrown to the caller, who has gone on.
        fail(request, thrown instanceof Error ? thrown : new Error(String(thrown)))
      }
    })
    if (held === undefined) return false
    waiting.begin(held)
    delays.set(request, held.waitMs)
    return true
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

  begin(held: HeldCall): void {
    if (this.#isOver) return
    const request = this.#request
    const native = request.destroy
    const over = () => this.end()
    this.#restore = replaceMethod(request, 'destroy', function destroy(this: ClientRequest, error?: Error) {
      if (over()) held.leave()
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
