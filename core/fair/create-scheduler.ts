// A scheduler by its name.

import { ArrivalOrder } from './arrival-order.ts'
import { RoundRobin } from './round-robin.ts'
import type { Algorithm, Scheduler } from './scheduler.ts'
import { TagQueue, type TagOptions } from './tag-queue.ts'

/** Slots and rate must have been checked by the caller: see simulate.ts and gate.ts. */
export function createScheduler(algorithm: Algorithm, options: TagOptions): Scheduler {
  switch (algorithm) {
    case 'fifo':
      return new ArrivalOrder()
    case 'rr':
      return new RoundRobin({ isByCost: false })
    case 'drr':
      return new RoundRobin({ isByCost: true })
    default:
      return new TagQueue(algorithm, options)
  }
}
