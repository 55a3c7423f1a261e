// Runs what has a lock or a slot: no control point stops it, for others wait for what it holds.

import type { HostApi } from '#protocol'

/** Gives what fn gives, throws what it throws. Without an order in force the agent only calls fn. */
export function holding<R>(agent: HostApi | undefined, fn: () => R): R {
  return agent?.whileHolding === undefined ? fn() : agent.whileHolding(fn)
}
