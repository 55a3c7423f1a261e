// A mergeable histogram: buckets whose bounds grow by 2 %, so a quantile is within 1 % of a value that was
// counted. Merging adds counts, so the order of merging and of adding does not matter.
//
//   bucket i holds (G^(i-1), G^i], G = 1.02
//   state: [zeros, [i, count, ..] of positive values, [i, count, ..] of negative ones]
//
// Beyond BUCKETS_MAX the lowest buckets of a side are taken together: small values lose first.
// Source: Masson, Rim, Lee, "DDSketch" (VLDB'19).

import { BUCKETS_MAX } from './limits.ts'
import { isNumeric, type Value } from './values.ts'

const GROWTH = 1.02
const LOG_GROWTH = Math.log(GROWTH)

export type HistogramState = readonly [number, readonly number[], readonly number[]]
export const EMPTY_HISTOGRAM: HistogramState = [0, [], []]

export function addToHistogram(state: HistogramState, value: Value, weight: number): HistogramState {
  if (!isNumeric(value)) return state
  const number = Number(value)
  const [zeros, positive, negative] = state
  if (number === 0) return [zeros + weight, positive, negative]
  const index = Math.ceil(Math.log(Math.abs(number)) / LOG_GROWTH - 1e-9)
  return number > 0
    ? [zeros, mergeBuckets(positive, [index, weight], 1), negative]
    : [zeros, positive, mergeBuckets(negative, [index, weight], 1)]
}

export function mergeHistograms(a: HistogramState, b: HistogramState, scale: number): HistogramState {
  return [a[0] + b[0] * scale, mergeBuckets(a[1], b[1], scale), mergeBuckets(a[2], b[2], scale)]
}

/** Two lists of index and count, ascending by index. */
function mergeBuckets(a: readonly number[], b: readonly number[], scale: number): readonly number[] {
  const counts = new Map<number, number>()
  for (let i = 0; i < a.length; i += 2) counts.set(a[i], a[i + 1])
  for (let i = 0; i < b.length; i += 2) counts.set(b[i], (counts.get(b[i]) ?? 0) + b[i + 1] * scale)
  const sorted = [...counts].sort(([x], [y]) => x - y)
  const spare = Math.max(0, sorted.length - BUCKETS_MAX)
  const lowest = sorted.slice(0, spare + 1).reduce((sum, [, count]) => sum + count, 0)
  return (spare === 0 ? sorted : [[sorted[spare][0], lowest] as const, ...sorted.slice(spare + 1)]).flat()
}

/** The state out of a value that travelled; undefined for what is none. */
export function histogramFrom(value: Value): HistogramState | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined
  const [zeros, positive, negative] = value
  return typeof zeros === 'number' && isBuckets(positive) && isBuckets(negative)
    ? [zeros, positive, negative]
    : undefined
}

function isBuckets(value: Value): value is readonly number[] {
  return Array.isArray(value) && value.length % 2 === 0 && value.every((one) => typeof one === 'number')
}

/** The value below which a share `q` of the counted ones lies, to 1 %; null when nothing was counted. */
export function quantileOf(value: Value, q: number): Value {
  const state = histogramFrom(value)
  if (state === undefined) return null
  const ascending = ascendingOf(state)
  const total = ascending.reduce((sum, [, count]) => sum + count, 0)
  if (total === 0) return null
  let below = 0
  for (const [middle, count] of ascending) {
    below += count
    if (below >= q * total) return middle
  }
  return ascending.at(-1)?.[0] ?? null
}

/** Middle and count of each bucket, smallest value first. */
export function ascendingOf([zeros, positive, negative]: HistogramState): readonly (readonly [
  number,
  number,
])[] {
  const pairs = (buckets: readonly number[], sign: number) =>
    Array.from(
      { length: buckets.length / 2 },
      (_, i) => [sign * middleOf(buckets[2 * i]), buckets[2 * i + 1]] as const,
    )
  return [
    ...pairs(negative, -1).reverse(),
    ...(zeros === 0 ? [] : [[0, zeros] as const]),
    ...pairs(positive, 1),
  ]
}

/** The point that is off by the same share from both bounds. */
const middleOf = (index: number): number => (2 * GROWTH ** index) / (GROWTH + 1)
