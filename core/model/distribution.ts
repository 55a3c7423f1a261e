// A distribution of durations that can be merged: counts in buckets of a quarter of a power of two, each with
// one example. Quantiles are those of the buckets, so at most 19 % off; sums are kept exactly, beside.
//
// Merging is commutative and associative: counts add up, and of two examples the one whose text comes first
// stays.

import type { DistributionView } from '#protocol'

const PER_POWER = 4

export type Example = { readonly traceId: string; readonly spanId?: string }
type Bucket = { count: number; example: Example }

export class Distribution {
  readonly #buckets = new Map<number, Bucket>()
  #count = 0

  /** Not whole when those that were added have weights. */
  get count(): number {
    return this.#count
  }

  /** weight: how many such it stands for, 1 and more. */
  add(ns: number, example: Example, weight = 1): void {
    this.#put(bucketOf(ns), weight, example)
  }

  merge(other: Distribution): void {
    for (const [index, { count, example }] of other.#buckets) this.#put(index, count, example)
  }

  /** The middle of the bucket that holds the quantile, 0..1; 0 when empty. */
  quantileNs(q: number): number {
    let left = Math.min(this.#count, Math.max(1, Math.ceil(q * this.#count)))
    for (const [index, { count }] of this.#ascending()) {
      left -= count
      if (left <= 0) return index < 0 ? 0 : Math.round(2 ** ((index + 0.5) / PER_POWER))
    }
    return 0
  }

  view(): DistributionView {
    return this.#ascending().map(([index, { count, example }]) => ({
      ns: String(lowerBound(index)),
      count: Math.round(count),
      ...example,
    }))
  }

  #put(index: number, count: number, example: Example): void {
    this.#count += count
    const known = this.#buckets.get(index)
    if (known === undefined) {
      this.#buckets.set(index, { count, example })
      return
    }
    known.count += count
    if (textOf(example) < textOf(known.example)) known.example = example
  }

  #ascending(): [number, Bucket][] {
    return [...this.#buckets].sort(([a], [b]) => a - b)
  }
}

/** -1 holds what took no time at all. */
function bucketOf(ns: number): number {
  return ns < 1 ? -1 : Math.floor(Math.log2(ns) * PER_POWER)
}

function lowerBound(index: number): number {
  return index < 0 ? 0 : Math.ceil(2 ** (index / PER_POWER))
}

function textOf({ traceId, spanId = '' }: Example): string {
  return traceId + spanId
}
