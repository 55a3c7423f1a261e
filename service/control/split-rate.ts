// A rate over the instances of a point, by what passes at each now (Retro 4.3). Instances come and go: one
// that has just come passes nothing yet, and gets a little so that it can show what it needs.
//
//   rate 100   passing 30 10 0   ->   73.5 25.3 1.2      what passes, plus a twentieth of an equal share
//
// Nothing is kept back: the parts add up to the rate, so an instance that goes takes its part along for one
// step and no longer.

import { RATE_NONE } from './limits.ts'

/** Of an equal share, for a place where nothing has passed yet. */
const NEWCOMER_SHARE = 0.05

/** One part for each of `passing`, in passages a second; what is no number passes nothing. */
export function splitRate(rate: number, passing: readonly number[]): number[] {
  if (rate === Number.POSITIVE_INFINITY) return passing.map(() => rate)
  const passes = passing.map((one) => (one > RATE_NONE && one < Number.POSITIVE_INFINITY ? one : 0))
  const total = passes.reduce((sum, one) => sum + one, 0)
  if (!(total > 0 && total < Number.POSITIVE_INFINITY)) return passing.map(() => rate / passing.length)
  const little = (NEWCOMER_SHARE * total) / passes.length
  const all = total * (1 + NEWCOMER_SHARE)
  return passes.map((one) => rate * ((one + little) / all))
}
