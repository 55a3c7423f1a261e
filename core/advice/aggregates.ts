// The aggregates: what is kept of many values, and how two of those are put together. A state is itself a
// Value, so it rides in baggage and in reports; merging is associative and commutative, and merging a state
// `scale` times is adding its values so often (a packed tuple joined to that many others).

import type { AggregateName } from '#protocol'
import { add, multiply } from './functions.ts'
import { addToHistogram, EMPTY_HISTOGRAM, histogramFrom, mergeHistograms } from './histogram.ts'
import { DISTINCT_MAX } from './limits.ts'
import { canonicalKey, compareValues, copied, isNumeric, numeric, type Value } from './values.ts'

export type Aggregate = {
  readonly zero: Value
  /** `weight` times this value; null adds nothing. */
  add(state: Value, value: Value, weight: number): Value
  merge(state: Value, part: Value, scale: number): Value
  read(state: Value): Value
}

const countAggregate: Aggregate = {
  zero: 0,
  add: (state, value, weight) => (value === null ? state : add(state, weight)),
  merge: (state, part, scale) => add(state, multiply(numberOr0(part), scale)),
  read: (state) => state,
}

const sumAggregate: Aggregate = {
  // Nothing summed is null, not 0: SUM of no numbers is unknown.
  zero: null,
  add: (state, value, weight) => plus(state, isNumeric(value) ? multiply(value, weight) : null),
  merge: (state, part, scale) => plus(state, isNumeric(part) ? multiply(part, scale) : null),
  read: (state) => state,
}

/** [sum, count] */
const averageAggregate: Aggregate = {
  zero: null,
  add: (state, value, weight) =>
    isNumeric(value) ? pairPlus(state, [multiply(value, weight), weight]) : state,
  merge(state, part, scale) {
    const [sum, count] = pairOf(part)
    return part === null ? state : pairPlus(state, [multiply(sum, scale), multiply(count, scale)])
  },
  read(state) {
    const [sum, count] = pairOf(state)
    return isNumeric(sum) && isNumeric(count) && count !== 0 ? numeric(Number(sum) / Number(count)) : null
  },
}

const extremum = (sign: 1 | -1): Aggregate => {
  const better = (state: Value, value: Value): Value => {
    if (value === null) return state
    return state === null || sign * compareValues(value, state) > 0 ? copied(value) : state
  }
  return { zero: null, add: better, merge: better, read: (state) => state }
}

const histogramAggregate: Aggregate = {
  zero: EMPTY_HISTOGRAM,
  add: (state, value, weight) => addToHistogram(histogramFrom(state) ?? EMPTY_HISTOGRAM, value, weight),
  merge(state, part, scale) {
    const added = histogramFrom(part)
    const held = histogramFrom(state) ?? EMPTY_HISTOGRAM
    return added === undefined ? held : mergeHistograms(held, added, scale)
  },
  read: (state) => state,
}

/** The values themselves, sorted, up to DISTINCT_MAX; then the count stands still. */
const distinctAggregate: Aggregate = {
  zero: [],
  add: (state, value) => (value === null ? state : withValues(state, [value])),
  merge: (state, part) => withValues(state, Array.isArray(part) ? part : []),
  read: (state) => (Array.isArray(state) ? state.length : 0),
}

export const AGGREGATES: Readonly<Record<AggregateName, Aggregate>> = {
  count: countAggregate,
  sum: sumAggregate,
  average: averageAggregate,
  min: extremum(-1),
  max: extremum(1),
  histogram: histogramAggregate,
  distinct: distinctAggregate,
}

const numberOr0 = (value: Value): Value => (isNumeric(value) ? value : 0)

function plus(state: Value, value: Value): Value {
  if (value === null) return state
  return state === null ? value : add(state, value)
}

function pairOf(state: Value): readonly [Value, Value] {
  return Array.isArray(state) && state.length === 2 ? [state[0], state[1]] : [0, 0]
}

function pairPlus(state: Value, [sum, count]: readonly [Value, Value]): Value {
  const [heldSum, heldCount] = pairOf(state)
  return [add(heldSum, sum), add(heldCount, count)]
}

function withValues(state: Value, values: readonly Value[]): Value {
  const held = Array.isArray(state) ? state : []
  const known = new Map(held.map((value) => [canonicalKey(value), value]))
  for (const value of values) {
    const key = canonicalKey(value)
    if (!known.has(key)) known.set(key, copied(value))
  }
  if (known.size === held.length) return held
  return [...known.values()].sort(compareValues).slice(0, DISTINCT_MAX)
}
