// All meters of one process: made, begun, ended and read together.
//
//   made      with a control connection only: where nobody asks, nothing is measured
//   enabled   with the agent; the kill switch takes everything off again
//   named     the first tenant of this process: from then on CPU and threads are told apart
//   settle    before each report: what was seen is divided
//
// What a meter needs of the process it finds in here; what it measures it writes to `usage`.

import type { CarrierObserver } from '#carriers'
import { LOOP_BEAT_MS } from '../limits.ts'
import type { Workflow } from '../bags.ts'
import { EventLoopMeter } from './event-loop.ts'
import { Links } from './links.ts'
import { LoopClock } from './loop-totals.ts'
import { LoopWait } from './loop-wait.ts'
import { openRequestMeter } from './requests.ts'
import { ThreadPoolMeter } from './thread-pool.ts'
import { Usage } from './usage.ts'

type Parts = {
  readonly epoch: number
  readonly reads: Pick<Workflow, 'tenant' | 'members'>
  readonly detached: <R>(fn: () => R) => R
  /** Somebody will ask. */
  readonly isWanted: boolean
  /** Speed of the links of this machine; undefined = what the system says. */
  readonly linkMbits?: number | undefined
}

export class Meters {
  readonly usage: Usage
  readonly #parts: Parts
  /** Told of the beats of the loop by whoever watches them. */
  readonly wait = new LoopWait(LOOP_BEAT_MS)
  readonly #links: Links
  #clock: LoopClock | undefined
  #loop: EventLoopMeter | undefined
  #threads: ThreadPoolMeter | undefined
  #isNamed = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.#links = new Links({
      mbits: parts.linkMbits,
      nowMs: () => performance.now(),
      read: (path) => process.getBuiltinModule('node:fs').readFileSync(path, 'utf8'),
    })
    this.usage = new Usage({ epoch: parts.epoch, reads: parts.reads, nowMs: () => performance.now() })
  }

  /** For carriers: what tells of requests; undefined = nobody will ask. */
  enable(finished: (tenant: string, latencyMs: number) => void): CarrierObserver | undefined {
    const { detached, isWanted, reads } = this.#parts
    if (!isWanted) return undefined
    this.disable()
    const clock = detached(() => new LoopClock())
    this.#clock = clock
    this.#loop = new EventLoopMeter({
      usage: this.usage,
      wait: this.wait,
      totals: () => clock.read(),
      detached,
      nowMs: () => performance.now(),
      random: Math.random,
    })
    this.#threads = new ThreadPoolMeter(this.usage)
    if (this.#isNamed) this.#begin()
    return openRequestMeter({ usage: this.usage, tenantOf: (baggage) => reads.tenant(baggage), finished })
  }

  disable(): void {
    this.#loop?.stop()
    this.#threads?.stop()
    this.#clock?.close()
    this.#loop = undefined
    this.#threads = undefined
    this.#clock = undefined
  }

  /** A tenant is known here. Cost: one comparison after the first. */
  named(): void {
    if (this.#isNamed) return
    this.#isNamed = true
    this.#begin()
  }

  settle(): void {
    this.usage.settleOld()
    this.#loop?.settle()
    this.#threads?.settle()
    this.usage.utilised('network', () => this.#links.utilisation())
  }

  /** After a report; true = places were given anew. */
  renewed(): boolean {
    const isNew = this.usage.renewed()
    if (isNew) this.#loop?.renewed()
    return isNew
  }

  #begin(): void {
    // What was seen while nobody was metered.
    this.wait.take()
    this.#loop?.start()
    this.#threads?.start()
  }
}
