// A simulated world on one thread: virtual time, and an order of events that the seed decides.
//
//   wait(ms) --> queue of (time, tie) --> run() takes the earliest, lets every promise it woke go on, takes
//   the next
//
// Nothing here reads a real clock or real randomness, so a seed replays a failure exactly.

import type { Clock, Random } from '#base'
import { seededRandom } from '#base'

type Event = {
  readonly timeMs: number
  readonly tie: number
  readonly fire: () => void
  isCancelled: boolean
}

export class World {
  readonly random: Random
  readonly clock: Clock
  #nowMs = 0
  #events: Event[] = []

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.clock = {
      nowNs: () => BigInt(Math.floor(this.#nowMs * 1e6)) + 1_700_000_000_000_000_000n,
      monotonicMs: () => this.#nowMs,
      setTimer: (ms, fn) => {
        const event = this.#schedule(ms, fn)
        return {
          cancel: () => {
            event.isCancelled = true
          },
        }
      },
    }
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** 0 <= result < bound. */
  below(bound: number): number {
    return this.random.uint32() % bound
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#schedule(ms, resolve))
  }

  /** Runs until `isDone`, nothing is left, or the steps are used up: then something hangs or spins. */
  async run(isDone: () => boolean, stepsMax: number): Promise<boolean> {
    for (let step = 0; step < stepsMax; step++) {
      // Every promise that is ready goes on before time does.
      await new Promise<void>((resolve) => setImmediate(resolve))
      if (isDone()) return true
      const event = this.#next()
      if (event === undefined) return isDone()
      this.#nowMs = event.timeMs
      if (!event.isCancelled) event.fire()
    }
    return false
  }

  #schedule(ms: number, fire: () => void): Event {
    const event = { timeMs: this.#nowMs + ms, tie: this.random.uint32(), fire, isCancelled: false }
    this.#events.push(event)
    return event
  }

  #next(): Event | undefined {
    let best = 0
    for (let i = 1; i < this.#events.length; i++) {
      const [one, other] = [this.#events[i]!, this.#events[best]!]
      if (one.timeMs < other.timeMs || (one.timeMs === other.timeMs && one.tie < other.tie)) best = i
    }
    const event = this.#events[best]
    if (event !== undefined) {
      this.#events[best] = this.#events[this.#events.length - 1]!
      this.#events.pop()
    }
    return event
  }
}
