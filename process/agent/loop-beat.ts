// How late the event loop is, now: what a request that is taken up has waited for before anybody saw it.
//
//   beats  |----20 ms----|----20 ms----|...........(loop busy)...........|
//                                      ^ due        ^ delay() = now - due  ^ beats again: that late
//
// A request that comes while the loop is busy is read right after what kept it busy: before the next beat
// (then that beat is overdue) or just behind it (then it was late). Delays shorter than a beat are not seen.

import { LOOP_BEAT_MS, LOOP_BEATS_UNASKED_MAX, LOOP_FRESH_MS } from './limits.ts'

/**
 * Owned by one agent; beats from the first request on, and rests when there are none: 50 beats a second cost
 * a process that does nothing else 2.7 ms of CPU.
 */
export class LoopBeat {
  #timer: NodeJS.Timeout | undefined
  #dueMs = Infinity
  #beatMs = -Infinity
  #lateMs = 0
  /** Since a request was last taken up. */
  #beatsUnasked = 0

  /** `nowMs` is performance.now(). Cost: two comparisons. */
  delayMs(nowMs: number): number {
    if (nowMs > this.#dueMs) return nowMs - this.#dueMs
    return nowMs - this.#beatMs < LOOP_FRESH_MS ? this.#lateMs : 0
  }

  /** At each request; `detached` calls outside every execution. */
  start(detached: <R>(fn: () => R) => R): void {
    this.#beatsUnasked = 0
    this.#timer ??= detached(() => {
      this.#dueMs = performance.now() + LOOP_BEAT_MS
      return setInterval(() => this.#beat(), LOOP_BEAT_MS).unref()
    })
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#dueMs = Infinity
  }

  #beat(): void {
    this.#beatMs = performance.now()
    this.#lateMs = Math.max(0, this.#beatMs - this.#dueMs)
    this.#dueMs = this.#beatMs + LOOP_BEAT_MS
    this.#beatsUnasked += 1
    if (this.#beatsUnasked > LOOP_BEATS_UNASKED_MAX) this.stop()
  }
}
