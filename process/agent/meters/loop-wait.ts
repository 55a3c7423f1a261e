// How long a callback waits for the event loop, on average over all times at which one may become ready.
//
//   due   |----20 ms----|----20 ms----|.......... loop busy .........|
//   wait            0            0    |\                             d since the beat before, late by L
//                                     | \____ from L down to 0       whoever came in L waited L/2 on average
//
// A mean over beats would count a stall of a second once, as a beat that was on time; a mean over time counts
// it as what it was to those who came in it: L^2 / 2 of the time. A short stall is met by one beat of many,
// and the wait that it met stands for the time before it, B L. Together (d^2 - B^2) / 2, so sums of the beats
// and of their squares say it all: the histogram that Node keeps of them, without a timer of our own.

/** From beat to beat, in ns: Node's IntervalHistogram. */
export type Beats = { readonly count: number; readonly mean: number; readonly stddev: number }

export class LoopWait {
  readonly #beatMs: number
  /** Integral of the wait over time, and that time. */
  #area = 0
  #timeMs = 0

  constructor(beatMs: number) {
    this.#beatMs = beatMs
  }

  saw({ count, mean, stddev }: Beats): void {
    if (count === 0) return
    const meanSq = (mean * mean + stddev * stddev) / 1e12
    this.#area += (count * Math.max(0, meanSq - this.#beatMs * this.#beatMs)) / 2
    this.#timeMs += (count * mean) / 1e6
  }

  /** Mean ms since it was last asked; 0 when nobody looked. */
  take(): number {
    const mean = this.#timeMs > 0 ? this.#area / this.#timeMs : 0
    this.#area = 0
    this.#timeMs = 0
    return mean
  }
}
