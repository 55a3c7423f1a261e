// Where a number is more frequent in one population than in the other: the stretch of bins with the largest
// surplus. Kadane's maximum subarray over the differences of shares.

import type { DatasetBin } from '#protocol'

/** undefined: nowhere in particular. */
export function standingOut(
  bins: readonly DatasetBin[],
): { readonly from: number; readonly to: number } | undefined {
  let best = 0
  let range: readonly [number, number] | undefined
  let sum = 0
  let begin = 0
  bins.forEach(({ a, b }, i) => {
    if (sum <= 0) {
      sum = 0
      begin = i
    }
    sum += a - b
    if (sum <= best) return
    best = sum
    range = [begin, i]
  })
  if (range === undefined || best < SURPLUS_MIN) return undefined
  return { from: bins[range[0]]!.from, to: bins[range[1]]!.to }
}

/** Of the population; less is not worth a condition. */
const SURPLUS_MIN = 0.02
