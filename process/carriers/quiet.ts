// Requests of our own that nobody shall see: the agent's exports and its control connection.
//
// Requests are created synchronously, so a counter that is up during one synchronous call marks exactly the
// requests made in it.
import { Baggage } from '#baggage'
import { scopeOf, type Frame } from '#context'

let depth = 0

/** Runs fn; a request that fn creates carries nothing and is not observed. */
export function quietly<R>(fn: () => R): R {
  depth++
  try {
    return fn()
  } finally {
    depth--
  }
}

export function isQuiet(): boolean {
  return depth > 0
}

/** What a request carries that is made outside every execution. Never entered: outside stays outside. */
export const emptyFrame: Frame = { baggage: Baggage.empty, scope: scopeOf({ id: 0, root: 0 }) }
