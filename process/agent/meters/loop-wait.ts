// How long a callback waits for the event loop, on average over all times at which one may become ready.
//
//   due   |----20 ms----|----20 ms----|.......... loop busy .........|
//   wait            0            0    |\                             late by L: whoever came in it
//                                     | \____ from L down to 0       waited L/2 on average
//
// A mean over beats would count a stall of a second once, as a beat that was on time; a mean over time counts
// it as what it was to those who came in it: L^2 / 2 of the time, and the wait that a beat met stands for the
// time before it.

export class LoopWait {
  readonly #beatMs: number
  /** Integral of the wait over time, and that time. */
  #area = 0
  #timeMs = 0

  constructor(beatMs: number) {
    this.#beatMs = beatMs
  }

  beat(lateMs: number): void {
    this.#area += this.#beatMs * Math.min(lateMs, this.#beatMs) + (lateMs * lateMs) / 2
    this.#timeMs += this.#beatMs + lateMs
  }

  /** Mean ms since it was last asked; 0 when nobody looked. */
  take(): number {
    const mean = this.#timeMs > 0 ? this.#area / this.#timeMs : 0
    this.#area = 0
    this.#timeMs = 0
    return mean
  }
}
