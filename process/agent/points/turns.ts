// Which request's handler begins next, where more arrive than the event loop can serve: by weight and by what
// the handlers of a tenant took before, not by arrival.
//
//   arrivals --> [ Gate, one slot ] --> handler's synchronous part --> as long as TURN_MS lasts: the next one
//                                                                 \--> setImmediate: I/O and timers first
//
// The one slot is the event loop. The gate's clock only runs while a handler does, so what a tenant pays is
// the time for which nobody else could run. What a handler does after its first await is not seen here.

import { Gate } from '#fair'
import { TURN_MS, TURNS_WAITING_MAX } from './limits.ts'

export class Turns {
  readonly #detached: <R>(fn: () => R) => R
  readonly #nowMs: () => number
  #busyMs = 0
  #turnMs = 0
  readonly #gate = new Gate({
    name: 'turns',
    slots: 1,
    nowMs: () => this.#busyMs,
    waitingMax: TURNS_WAITING_MAX,
  })

  constructor(detached: <R>(fn: () => R) => R, nowMs: () => number = () => performance.now()) {
    this.#detached = detached
    this.#nowMs = nowMs
  }

  get queued(): number {
    return this.#gate.queued
  }

  /**
   * Calls `run` when it is its turn, at once if nobody else has it. False = too many wait. `run` must not
   * throw.
   */
  enter(
    tenant: string,
    run: () => void,
    how: { readonly weights: ReadonlyMap<string, number> | undefined; readonly signal?: AbortSignal },
  ): boolean {
    if (this.#gate.queued >= TURNS_WAITING_MAX) return false
    this.#gate.setOrderedWeights(how.weights)
    const call = { flow: tenant, ...(how.signal === undefined ? {} : { signal: how.signal }) }
    // Given up while it waited: nobody is there to be told.
    this.#detached(() => void this.#gate.run(call, () => this.#serve(run)).catch(() => {}))
    return true
  }

  #serve(run: () => void): Promise<void> | undefined {
    const beganMs = this.#nowMs()
    run()
    const ms = this.#nowMs() - beganMs
    this.#busyMs += ms
    this.#turnMs += ms
    if (this.#turnMs < TURN_MS) return undefined
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#turnMs = 0
        resolve()
      })
    })
  }
}
