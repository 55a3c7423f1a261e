// Which order is the newest, and which comes too late to be one: the network may bring them late, twice and
// out of order, and neither machine's clock is to be trusted.
//
//   sentMs     10      11      12              11          13
//   arrives    110     111     112             113         170
//              taken   taken   taken (least    old         late: 57 ms behind the quickest of this stream
//                               way: 100)
//
// `sentMs` grows, so what is not larger than the last came twice or was overtaken: also for who records
// orders
// and plays them back. How long an order was under way nobody knows; how much longer than the quickest one of
// this stream, is known without comparing clocks. A new stream begins anew, for the server may be another
// one.

import type { ControlOrder } from '#protocol'

export type Judgement = 'taken' | 'old' | 'late'

export class OrderBook {
  #lastSentMs = 0
  #leastWayMs = Number.POSITIVE_INFINITY

  /** `sentMs` of the last order that was taken; 0 = none. */
  get last(): number {
    return this.#lastSentMs
  }

  streamBegan(): void {
    this.#leastWayMs = Number.POSITIVE_INFINITY
  }

  /** `nowMs` is of a clock that does not jump. */
  judge({ sentMs, forMs }: Pick<ControlOrder, 'sentMs' | 'forMs'>, nowMs: number): Judgement {
    if (sentMs <= this.#lastSentMs) return 'old'
    const wayMs = nowMs - sentMs
    this.#leastWayMs = Math.min(this.#leastWayMs, wayMs)
    if (wayMs - this.#leastWayMs > forMs) return 'late'
    this.#lastSentMs = sentMs
    return 'taken'
  }
}
