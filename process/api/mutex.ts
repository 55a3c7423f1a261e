// One holder at a time, first come, first served.

import { FairGate } from './fair-gate.ts'

export type LockOptions = { readonly name?: string }

export class Mutex {
  #gate: FairGate

  constructor(options: LockOptions = {}) {
    this.#gate = new FairGate({ name: options.name ?? 'mutex', slots: 1 })
  }

  get name(): string {
    return this.#gate.name
  }

  get queued(): number {
    return this.#gate.queued
  }

  /** Runs fn while nobody else does. Errors: fn's own; the signal's reason while waiting. */
  run<R>(fn: () => R | Promise<R>, options: { readonly signal?: AbortSignal } = {}): Promise<R> {
    return this.#gate.run(fn, options)
  }
}
