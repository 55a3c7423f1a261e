// Tells the agent what a tenant took of something with a queue.

import type { LeftGate } from '#fair'
import { host } from './host.ts'

/** For a gate: what it tells of each call that left. Calls that were given up used nothing. */
export function tellUse(resource: string, kind: 'pool' | 'lock'): (left: LeftGate) => void {
  return ({ flow, outcome, waitMs, holdMs }) => {
    if (outcome === 'served') host()?.used({ resource, kind, tenant: flow, waitMs, serviceMs: holdMs })
  }
}
