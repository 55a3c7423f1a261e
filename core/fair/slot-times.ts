// When each began, of jobs whose coming and going is seen and whose begin is not: behind `slots` servers that
// take the oldest first, somebody begins when he comes and a server is free, or when somebody else goes.
//
//   enters ──> [ waiting, oldest first ] ──> slots ──> leaves: the oldest of those who wait begins now
//
// For pools that tell neither: libuv's threads, worker threads behind a queue. Where the order was another
// one after all (priorities, a slot more), who leaves while he waits by this book was served for no time:
// totals of all stay right, and the book goes on.

export type SlotJob = { readonly enteredAtMs: number; begunAtMs: number | undefined }

export type SlotTime = { readonly waitMs: number; readonly serviceMs: number }

/** Owns the jobs between entering and leaving. Cost: O(1) a step. */
export class SlotTimes {
  readonly #slots: number
  #running = 0
  /** In the order of coming. */
  readonly #waiting = new Set<SlotJob>()

  constructor(slots: number) {
    this.#slots = slots
  }

  /** Entered and not left. */
  get size(): number {
    return this.#running + this.#waiting.size
  }

  enter(nowMs: number): SlotJob {
    const job: SlotJob = { enteredAtMs: nowMs, begunAtMs: undefined }
    if (this.#running < this.#slots) this.#begin(job, nowMs)
    else this.#waiting.add(job)
    return job
  }

  leave(job: SlotJob, nowMs: number): SlotTime {
    const begunAtMs = job.begunAtMs ?? nowMs
    if (!this.#waiting.delete(job)) {
      this.#running -= 1
      const [next] = this.#waiting
      if (next !== undefined) {
        this.#waiting.delete(next)
        this.#begin(next, nowMs)
      }
    }
    return { waitMs: begunAtMs - job.enteredAtMs, serviceMs: nowMs - begunAtMs }
  }

  #begin(job: SlotJob, nowMs: number): void {
    job.begunAtMs = nowMs
    this.#running += 1
  }
}
