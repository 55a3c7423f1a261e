// What every scheduler does: requests wait in it, and a slot that is free asks it for the next one.
//
//   enqueue -> [ waiting ] -> dequeue(slot) -> running: measure* -> complete
//                   \-> remove (gave up)
//
// Pure: time is an argument, in any unit that never goes back; a caller who has only a clock that jumps must
// not pass it. Costs are in units of which one slot does `slotRate` in a unit of time.

import type { Flow, Request } from './flow.ts'

/** Names as in SURFACES, and msf2q; the E variants learn what requests cost. */
export type Algorithm =
  | 'fifo'
  | 'rr'
  | 'drr'
  | 'wfq'
  | 'wf2q'
  | 'msf2q'
  | 'sfq'
  | '2dfq'
  | 'wfqE'
  | 'wf2qE'
  | '2dfqE'

export const ALGORITHMS = [
  'fifo',
  'rr',
  'drr',
  'wfq',
  'wf2q',
  'msf2q',
  'sfq',
  '2dfq',
  'wfqE',
  'wf2qE',
  '2dfqE',
] as const satisfies readonly Algorithm[]

export interface Scheduler {
  /** How many wait. */
  readonly queued: number
  enqueue(request: Request, now: number): void
  /** The next for this slot, which now runs; undefined only when none waits (work conservation). */
  dequeue(slot: number, now: number): Request | undefined
  /** Takes a waiting request out. */
  remove(request: Request, now: number): void
  /** What a running request has used so far, in all: charged at once when more than estimated. */
  measure(request: Request, used: number): void
  /** It ended and used this much in all; what it was charged too much is given back. */
  complete(request: Request, used: number, now: number): void
  setWeight(flow: Flow, weight: number, now: number): void
}
