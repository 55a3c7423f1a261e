// One holder at a time, first come, first served: whoever takes a lock expects its order to be that of the
// calls, so tenants do not matter here.

import { Gate } from '#fair'
import type { HostApi } from '#protocol'
import { holding } from './holding.ts'
import { host } from './host.ts'
import { LockRecord } from './lock-record.ts'
import { tellUse } from './use.ts'

export type LockOptions = { readonly name?: string }
type Work<R> = () => R | Promise<R>
type Waiting = { readonly signal?: AbortSignal }

export class Mutex {
  readonly #gate: Gate
  readonly #record: LockRecord

  constructor(options: LockOptions = {}) {
    const name = options.name ?? 'mutex'
    const onLeft = tellUse(name, 'lock')
    this.#gate = new Gate({ name, slots: 1, algorithm: 'fifo', nowMs: () => performance.now(), onLeft })
    this.#record = new LockRecord(this.name)
  }

  get name(): string {
    return this.#gate.name
  }

  get queued(): number {
    return this.#gate.queued
  }

  /** Runs fn while nobody else does. Errors: fn's own; the signal's reason while waiting. */
  run<R>(fn: Work<R>, options: Waiting = {}): Promise<R> {
    const agent = host()
    return agent === undefined
      ? this.#gate.run({ ...options, flow: '' }, fn)
      : this.#recorded(agent, fn, options)
  }

  #recorded<R>(agent: HostApi, fn: Work<R>, options: Waiting): Promise<R> {
    const sinceMs = performance.now()
    let isWaiting = false
    const held = async (): Promise<R> => {
      if (isWaiting) this.#record.acquired(agent, sinceMs)
      try {
        return await holding(agent, fn)
      } finally {
        if (this.queued > 0) this.#record.released(agent)
      }
    }
    const result = this.#gate.run({ ...options, flow: agent.tenant() ?? '' }, held)
    // A gate that is free calls at once.
    isWaiting = true
    return result
  }
}
