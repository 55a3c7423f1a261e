// FIFO: whoever came first is next, whoever he is. What every resource does by itself, and the baseline.

import { Flow, type Request } from './flow.ts'
import type { Scheduler } from './scheduler.ts'

export class ArrivalOrder implements Scheduler {
  /** All requests in one line, over all flows. */
  #line = new Flow(0, 1)
  #queued = 0

  get queued(): number {
    return this.#queued
  }

  enqueue(request: Request): void {
    this.#line.append(request)
    this.#queued += 1
  }

  dequeue(): Request | undefined {
    const request = this.#line.head
    if (request !== undefined) this.remove(request)
    return request
  }

  remove(request: Request): void {
    this.#line.unlink(request)
    this.#queued -= 1
  }

  measure(): void {}
  complete(): void {}

  setWeight(flow: Flow, weight: number): void {
    flow.weight = weight
  }
}
