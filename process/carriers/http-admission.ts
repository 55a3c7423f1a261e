// Requests that arrive are asked for before the application's handler sees them.
//
//   parser --> channel: the request's frame --> server.emit('request') --held--> go, in its frame: emit
//
// `emit` is put on the two classes of servers, for no channel lies between the parsed head and the handler.
// The body waits in the stream: nobody reads it, so Node stops reading the socket when its buffer is full.
import { runWith } from '#context'
import type { Server } from 'node:http'
import { serverExchangeOf } from './http-server.ts'
import { replaceMethod } from './replace-method.ts'
import type { Wire } from './wire.ts'

/** Events with which a request is handed to the application. */
const ARRIVALS: ReadonlySet<string | symbol> = new Set(['request', 'checkContinue', 'checkExpectation'])

type Emit = (this: Server, type: string | symbol, ...rest: unknown[]) => boolean

export function patchServers(wire: Wire): () => void {
  const classes = [
    process.getBuiltinModule('node:http').Server,
    process.getBuiltinModule('node:https').Server,
  ]
  const undo = classes.map(({ prototype }) =>
    replaceMethod(prototype, 'emit', emitting(prototype.emit as Emit, wire)),
  )
  return () => {
    for (const step of undo) step()
  }
}

function emitting(native: Emit, wire: Wire): Emit {
  return function emit(type, ...rest) {
    const isTaken = ARRIVALS.has(type) && take(wire, rest[0], () => native.call(this, type, ...rest))
    return isTaken || native.call(this, type, ...rest)
  }
}

/** Once a request: a handler of `checkContinue` hands it on by emitting `request` itself. */
function take(wire: Wire, request: unknown, emitNow: () => void): boolean {
  const hold = wire.holds.server
  const exchange = hold === undefined ? undefined : serverExchangeOf(request)
  if (hold === undefined || exchange === undefined || exchange.isAsked) return false
  exchange.isAsked = true
  try {
    return hold(exchange, () => {
      if (exchange.isClosed) return
      try {
        runWith(exchange.frame, emitNow)
      } catch (error: unknown) {
        // The host's: it reaches the process as it would have, and not who let the request go.
        process.nextTick(() => {
          throw error
        })
      }
    })
  } catch (error: unknown) {
    wire.hookFailed(error)
    return false
  }
}
