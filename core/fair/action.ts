// What becomes of who arrives at a control point, the mildest first:
//
//   reorder   it goes at once, in the order of a scheduler where there is one         go
//   delay     its tenant is over its rate: it waits for its turn                      wait
//   reject    it would wait longer than anybody should, or than it has: told when     refuse 429, 503
//             to come again, before it has cost anything
//   cancel    its time is over: nobody waits for the answer any more                  drop
//
// Pure. Deadlines are kept as what remains, never as a time of day: clocks of two machines differ.

export type Arrival = {
  /** Until its turn, as things stand: 0 = now. */
  readonly waitMs: number
  /** Until its deadline; Infinity = it has none. */
  readonly remainingMs: number
  /** What it takes once it goes, as far as is known. */
  readonly serviceMs?: number
  /** Nobody waits longer where he can be told to come again. */
  readonly waitMsMax: number
  /** Can it be told so? An explicit `await controlPoint()` cannot. */
  readonly canRefuse: boolean
  /** Does it hold something that others wait for? */
  readonly isHolding?: boolean
}

export type Action =
  | { readonly kind: 'go' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'refuse'; readonly retryAfterSeconds: number }
  | { readonly kind: 'drop' }

/** Whole seconds, as the header Retry-After has them. */
const RETRY_AFTER_SECONDS_MAX = 60

/** Of nonsense (NaN) the mildest is made: who cannot be judged is not held. */
export function actionFor(arrival: Arrival): Action {
  const { waitMs, remainingMs, serviceMs = 0, waitMsMax, canRefuse, isHolding = false } = arrival
  // It may go on being late: stopped here it would keep what it holds.
  if (isHolding) return { kind: 'go' }
  if (canRefuse && remainingMs <= 0) return { kind: 'drop' }
  if (!(waitMs > 0)) return { kind: 'go' }
  const isTooLong = waitMs > waitMsMax || waitMs + serviceMs > remainingMs
  if (canRefuse && isTooLong) return { kind: 'refuse', retryAfterSeconds: retryAfter(waitMs) }
  return { kind: 'wait', ms: waitMs }
}

function retryAfter(waitMs: number): number {
  return Math.min(RETRY_AFTER_SECONDS_MAX, Math.max(1, Math.ceil(waitMs / 1000)))
}
