// Does the process suffer from what advice does in it? Asked once a second, which is also the window of the
// budget.
//
//   loop   it was late by LOOP_LATE_MS or more, and advice is known to have taken half of that or more
//   heap   it is nearly full, and what tools hold of it is a twentieth or more
//
// A loop that the host itself blocks and a heap that it fills are the host's own: no tool is touched for
// them. The budget comes first, within microseconds; what is seen here has got past it: a few long runs, cut
// as if they were collections of garbage, and what results keep.

import type { DegradedBy } from '#protocol'
import { HEAP_FULL, HEAP_PART, LOOP_BEAT_MS, LOOP_LATE_MS, LOOP_PART } from './limits.ts'

/** How a process is. */
export type Vitals = {
  /** By how much its loop was late at most, in this window. */
  readonly lateMs: number
  readonly heapBytes: number
  readonly heapBytesMax: number
}
/** What advice has of it. */
export type Share = { readonly feltNs: number; readonly heldBytes: number }

/** What advice is to blame for, if for anything. */
export function blameFor(vitals: Vitals, { feltNs, heldBytes }: Share): DegradedBy | undefined {
  const { lateMs, heapBytes, heapBytesMax } = vitals
  if (lateMs >= LOOP_LATE_MS && feltNs / 1e6 >= lateMs * LOOP_PART) return 'loop'
  const isFull = heapBytes >= heapBytesMax * HEAP_FULL
  return isFull && heldBytes >= heapBytesMax * HEAP_PART ? 'heap' : undefined
}

type Histogram = ReturnType<typeof import('node:perf_hooks').monitorEventLoopDelay>

/** Of one process; measures from the first reading on. */
export class LoopAndHeap {
  readonly #histogram: Histogram
  readonly #heap = process.getBuiltinModule('node:v8').getHeapStatistics
  readonly #onBeats: (beats: Histogram) => void
  lateMsP99 = 0

  /** `onBeats`: told of those of a window before they are forgotten. */
  constructor(onBeats: (beats: Histogram) => void) {
    this.#onBeats = onBeats
    const { monitorEventLoopDelay } = process.getBuiltinModule('node:perf_hooks')
    this.#histogram = monitorEventLoopDelay({ resolution: LOOP_BEAT_MS })
    this.#histogram.enable()
  }

  /** Since it was last asked. */
  read(): Vitals {
    this.lateMsP99 = late(this.#histogram.percentile(99))
    const lateMs = late(this.#histogram.max)
    this.#onBeats(this.#histogram)
    this.#histogram.reset()
    const { used_heap_size: heapBytes, heap_size_limit: heapBytesMax } = this.#heap()
    return { lateMs, heapBytes, heapBytesMax }
  }

  close(): void {
    this.#histogram.disable()
  }
}

/** Node's histogram counts from beat to beat: an idle loop shows the beat itself. */
function late(ns: number): number {
  const ms = ns / 1e6 - LOOP_BEAT_MS
  return ms > 0 ? Math.round(ms * 100) / 100 : 0
}
