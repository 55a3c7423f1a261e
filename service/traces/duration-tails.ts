// How long the slowest traces of each operation take, and how often it is seen, over the last minutes.
//
// Two windows: one fills, the one before is full; both count. Durations go into buckets an eighth of an
// octave wide, so a percentile is known to 9 %, in 1.3 kB an operation. Of more operations than have room
// the least recently seen is forgotten: it is rare then.

import { TAIL_OPERATIONS_MAX, TAIL_SAMPLES_MIN, TAIL_WINDOW_MS } from './assembly-limits.ts'

/** 2^40 ns are 18 minutes; longer ones share the last bucket, where each is slow. */
const OCTAVES = 40
const PER_OCTAVE = 8
const BUCKETS = OCTAVES * PER_OCTAVE

class Window {
  readonly counts = new Uint32Array(BUCKETS)
  total = 0
}

type Operation = { now: Window; before: Window | undefined; turn: number }

export class DurationTails {
  readonly #operations = new Map<string, Operation>()

  /** Of the traces before this one; NaN while too few are known. */
  p99Ns(operation: string, nowMs: number): number {
    const held = this.#at(operation, nowMs)
    const total = seenIn(held)
    if (held === undefined || total < TAIL_SAMPLES_MIN) return Number.NaN
    let above = total / 100
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) {
      above -= (held.now.counts[bucket] ?? 0) + (held.before?.counts[bucket] ?? 0)
      if (above < 0) return upperNs(bucket)
    }
    return 0
  }

  /** In this window and the one before. */
  seen(operation: string, nowMs: number): number {
    return seenIn(this.#at(operation, nowMs))
  }

  add(operation: string, durationNs: number, nowMs: number): void {
    const turn = Math.floor(nowMs / TAIL_WINDOW_MS)
    const held = this.#at(operation, nowMs) ?? { now: new Window(), before: undefined, turn }
    this.#operations.delete(operation)
    this.#operations.set(operation, held)
    held.now.counts[bucketOf(durationNs)]! += 1
    held.now.total += 1
    if (this.#operations.size <= TAIL_OPERATIONS_MAX) return
    for (const oldest of this.#operations.keys()) {
      this.#operations.delete(oldest)
      return
    }
  }

  #at(operation: string, nowMs: number): Operation | undefined {
    const held = this.#operations.get(operation)
    if (held === undefined) return undefined
    const turn = Math.floor(nowMs / TAIL_WINDOW_MS)
    if (turn === held.turn) return held
    held.before = turn === held.turn + 1 ? held.now : undefined
    held.now = new Window()
    held.turn = turn
    return held
  }
}

const seenIn = (held: Operation | undefined): number =>
  held === undefined ? 0 : held.now.total + (held.before?.total ?? 0)

function bucketOf(durationNs: number): number {
  const at = Math.floor(Math.log2(Math.max(1, durationNs)) * PER_OCTAVE)
  return Math.min(BUCKETS - 1, at)
}

const upperNs = (bucket: number): number =>
  bucket === BUCKETS - 1 ? 2 ** (bucket / PER_OCTAVE) : 2 ** ((bucket + 1) / PER_OCTAVE)
