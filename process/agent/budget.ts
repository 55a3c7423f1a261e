// What advice costs the host, and the breaker that stops it.
//
// One run in ADVICE_SAMPLE_EVERY is timed and stands for all; a sample is cut at SAMPLE_NS_MAX, for what is
// longer was a garbage collection or a descheduled thread: the verifier bounds an advice to ~10 us. Each
// second of reporting is a window; a window above the budget trips the breaker, and advice stays off for
// BREAKER_OPEN_MS. Nothing else of the agent is affected.

import { ADVICE_NS_PER_SECOND_MAX, ADVICE_SAMPLE_EVERY, BREAKER_OPEN_MS } from './limits.ts'

const SAMPLE_NS_MAX = 100_000

export class AdviceBudget {
  adviceRuns = 0
  adviceNs = 0
  trips = 0
  readonly #now: () => number
  #windowNs = 0
  #openUntilMs = -1

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  get isTripped(): boolean {
    return this.#openUntilMs >= 0
  }

  /** Runs one advice, timed now and then. */
  spend<E>(advice: { run(environment: E): void }, environment: E): void {
    this.adviceRuns += 1
    if (this.adviceRuns % ADVICE_SAMPLE_EVERY !== 0) return advice.run(environment)
    const startMs = this.#now()
    try {
      advice.run(environment)
    } finally {
      this.#charge(Math.min(SAMPLE_NS_MAX, (this.#now() - startMs) * 1e6))
    }
  }

  /** Ends a window; called once a second. */
  turn(): void {
    this.#windowNs = 0
    if (this.isTripped && this.#now() >= this.#openUntilMs) this.#openUntilMs = -1
  }

  #charge(sampleNs: number): void {
    const ns = sampleNs * ADVICE_SAMPLE_EVERY
    this.adviceNs += ns
    this.#windowNs += ns
    if (this.#windowNs <= ADVICE_NS_PER_SECOND_MAX || this.isTripped) return
    this.trips += 1
    this.#openUntilMs = this.#now() + BREAKER_OPEN_MS
  }
}
