// How values are spread: numbers in bins of equal width, or of equal ratio where they go over decades; texts
// by count.

import type { FeatureValue } from '#model'
import { NOTEBOOK_BINS } from '../../base/limits.ts'

export type Bin = { readonly from: number; readonly to: number; readonly count: number }

/** Decades beyond which bins have equal ratios. */
const WIDE = 50

export function binsOf(values: readonly number[]): readonly Bin[] {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b)
  const [least, most] = [sorted[0], sorted.at(-1)]
  if (least === undefined || most === undefined) return []
  const isLog = least > 0 && most / sorted[sorted.length >> 1]! > WIDE
  const [low, high] = isLog ? [Math.log(least), Math.log(most)] : [least, most]
  const width = (high - low) / NOTEBOOK_BINS
  // All alike, or nearer to each other than numbers can be told apart.
  if (width === 0) return [{ from: least, to: most, count: sorted.length }]
  const counts = new Array<number>(NOTEBOOK_BINS).fill(0)
  for (const value of sorted) {
    const place = ((isLog ? Math.log(value) : value) - low) / width
    counts[Math.min(NOTEBOOK_BINS - 1, Math.max(0, Math.floor(place)))]!++
  }
  const edge = (i: number): number => (isLog ? Math.exp(low + i * width) : low + i * width)
  return counts.map((count, i) => ({ from: edge(i), to: edge(i + 1), count }))
}

export type Counted = { readonly value: string; readonly count: number }

/** The most frequent first; of a set each member. */
export function countsOf(values: readonly FeatureValue[], most: number): readonly Counted[] {
  const counts = new Map<string, number>()
  for (const value of values.flat()) {
    const text = value === null ? '(none)' : String(value)
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, most)
}
