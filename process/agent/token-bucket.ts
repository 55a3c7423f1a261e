// A bucket of tokens: so many come in a second, so many it holds, each trace takes one.
//
// Filled when looked at, so an idle bucket costs nothing. Source: Canopy 4.1 (buckets global and per tenant).

export class TokenBucket {
  #perSecond: number
  #tokens: number
  #filledMs: number

  /** Starts full: the first traces after a policy came are what its owner waits for. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#tokens = holds(perSecond)
    this.#filledMs = nowMs
  }

  /** What is in it stays in it. */
  become(perSecond: number, nowMs: number): void {
    if (perSecond === this.#perSecond) return
    this.#fill(nowMs)
    this.#perSecond = perSecond
    this.#tokens = Math.min(this.#tokens, holds(perSecond))
  }

  has(nowMs: number): boolean {
    this.#fill(nowMs)
    return this.#tokens >= 1
  }

  /** Only after `has`. */
  take(): void {
    this.#tokens -= 1
  }

  #fill(nowMs: number): void {
    const seconds = (nowMs - this.#filledMs) / 1000
    if (seconds <= 0) return
    this.#filledMs = nowMs
    this.#tokens = Math.min(holds(this.#perSecond), this.#tokens + seconds * this.#perSecond)
  }
}

/** A second's worth, and at least the one that a rate below one a second saves up for. */
const holds = (perSecond: number): number => (perSecond > 0 ? Math.max(1, perSecond) : 0)
