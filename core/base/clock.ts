// Time as a port: whoever needs it is given one, so that a whole system can run in a seeded simulation.

export interface Clock {
  /** Wall time, ns since the epoch; may jump. */
  nowNs(): bigint
  /** For durations: never goes back, any origin. */
  monotonicMs(): number
  /** Calls `fn` once, not before `ms` have passed. */
  setTimer(ms: number, fn: () => void): { cancel(): void }
}
