// A gate with a number of slots. Today it serves in order of arrival; `cost` and the tenant are kept for
// fair scheduling (Retro, 2DFQ), which comes with resource control and changes the order, not the
// interface.

import { WaitLine, waitIn } from './wait-line.ts'

export type FairGateOptions = { readonly name: string; readonly slots: number }
export type RunOptions = { readonly cost?: number; readonly signal?: AbortSignal }

/** Errors: RangeError when slots is not a positive integer. */
export class FairGate {
  readonly name: string
  readonly slots: number
  #free: number
  #line = new WaitLine()

  constructor(options: FairGateOptions) {
    if (!Number.isSafeInteger(options.slots) || options.slots < 1) {
      throw new RangeError(`FairGate ${options.name}: slots must be a positive integer, got ${options.slots}`)
    }
    this.name = options.name
    this.slots = options.slots
    this.#free = options.slots
  }

  /** How many wait. */
  get queued(): number {
    return this.#line.size
  }

  /**
   * Runs fn when a slot is free; the slot is given back however fn ends. Errors: fn's own; the signal's
   * reason while waiting.
   */
  async run<R>(fn: () => R | Promise<R>, options: RunOptions = {}): Promise<R> {
    options.signal?.throwIfAborted()
    if (this.#free > 0) this.#free -= 1
    else await waitIn(this.#line, options.signal)
    try {
      return await fn()
    } finally {
      this.#release()
    }
  }

  /** The slot goes from hand to hand: nobody who comes between can take it. */
  #release(): void {
    const next = this.#line.next()
    if (next === undefined) this.#free += 1
    else next.grant()
  }
}
