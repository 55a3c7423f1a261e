// The scalar functions of advice: total, without side effects, linear in their input.
//
// Null in, null out, but for `eq ne` (null is a value like others), `and or not` (three-valued: null is
// unknown), `if` and `coalesce`. What makes no sense for a type gives null: nothing ever throws.

import { matchesGlob } from '#base'
import type { FunctionName } from '#protocol'
import { LIST_LENGTH_MAX, TEXT_CHARS_MAX } from './limits.ts'
import { quantileOf } from './histogram.ts'
import { compareValues, isNumeric, numeric, whole, type Value } from './values.ts'

type Scalar = {
  readonly min: number
  readonly max: number
  /** Units of ~50 ns beyond the call itself; text functions look at each character. */
  readonly cost: number
  readonly apply: (args: readonly Value[]) => Value
}

const fixed = (count: number, apply: Scalar['apply'], cost = 1): Scalar => ({
  min: count,
  max: count,
  cost,
  apply,
})

/** Null where any argument is. */
const strict =
  (apply: Scalar['apply']): Scalar['apply'] =>
  (args) =>
    args.includes(null) ? null : apply(args)

const ordered = (accept: (order: number) => boolean): Scalar =>
  fixed(
    2,
    strict(([a, b]) => (isComparable(a, b) ? accept(compareValues(a, b)) : null)),
  )

const ofNumbers = (
  floats: (a: number, b: number) => number,
  wholes: (a: bigint, b: bigint) => bigint,
): Scalar =>
  fixed(
    2,
    strict(([a, b]) => arithmetic(a, b, floats, wholes)),
  )

const ofText = (count: 1 | 2, apply: (a: string, b: string) => Value): Scalar =>
  fixed(
    count,
    strict(([a, b = '']) => (typeof a === 'string' && typeof b === 'string' ? apply(a, b) : null)),
    4,
  )

const rounding = (round: (value: number) => number): Scalar =>
  fixed(
    1,
    strict(([a]) => (typeof a === 'number' ? numeric(round(a)) : typeof a === 'bigint' ? a : null)),
  )

export const FUNCTIONS: Readonly<Record<FunctionName, Scalar>> = {
  and: fixed(2, ([a, b]) => (a === false || b === false ? false : a === true && b === true ? true : null)),
  or: fixed(2, ([a, b]) => (a === true || b === true ? true : a === false && b === false ? false : null)),
  not: fixed(1, ([a]) => (typeof a === 'boolean' ? !a : null)),
  eq: fixed(2, ([a, b]) => compareValues(a, b) === 0),
  ne: fixed(2, ([a, b]) => compareValues(a, b) !== 0),
  lt: ordered((order) => order < 0),
  le: ordered((order) => order <= 0),
  gt: ordered((order) => order > 0),
  ge: ordered((order) => order >= 0),
  add: fixed(
    2,
    strict(([a, b]) => add(a, b)),
  ),
  sub: ofNumbers(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  mul: ofNumbers(
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  div: fixed(
    2,
    strict(([a, b]) => (isNumeric(a) && isNumeric(b) ? numeric(Number(a) / Number(b)) : null)),
  ),
  mod: fixed(
    2,
    strict(([a, b]) =>
      isNumeric(b) && Number(b) !== 0
        ? arithmetic(
            a,
            b,
            (x, y) => x % y,
            (x, y) => x % y,
          )
        : null,
    ),
  ),
  neg: fixed(
    1,
    strict(([a]) =>
      arithmetic(
        0,
        a,
        (x, y) => x - y,
        (x, y) => x - y,
      ),
    ),
  ),
  if: fixed(3, ([condition, then, otherwise]) => (condition === true ? then : otherwise)),
  coalesce: { min: 1, max: 8, cost: 1, apply: (args) => args.find((arg) => arg !== null) ?? null },
  abs: fixed(
    1,
    strict(([a]) =>
      typeof a === 'number' ? Math.abs(a) : typeof a === 'bigint' ? whole(a < 0n ? -a : a) : null,
    ),
  ),
  floor: rounding(Math.floor),
  ceil: rounding(Math.ceil),
  round: rounding(Math.round),
  length: fixed(1, ([a]) => (typeof a === 'string' || Array.isArray(a) ? a.length : null)),
  lower: ofText(1, (a) => a.toLowerCase()),
  upper: ofText(1, (a) => a.toUpperCase()),
  contains: fixed(
    2,
    strict(([a, b]) => contains(a, b)),
    8,
  ),
  startsWith: ofText(2, (a, b) => a.startsWith(b)),
  endsWith: ofText(2, (a, b) => a.endsWith(b)),
  like: { ...ofText(2, matchesGlob), cost: 16 },
  bucket: fixed(
    2,
    strict(([a, width]) => bucket(a, width)),
  ),
  quantile: fixed(
    2,
    strict(([state, q]) => (typeof q === 'number' ? quantileOf(state, q) : null)),
  ),
}

/** The function's value; null for a wrong number of arguments. */
export function applyFunction(name: FunctionName, args: readonly Value[]): Value {
  const { min, max, apply } = FUNCTIONS[name]
  return args.length < min || args.length > max ? null : apply(args)
}

function isComparable(a: Value, b: Value): boolean {
  return (isNumeric(a) && isNumeric(b)) || typeof a === typeof b
}

/** Exact for whole numbers of any size; else as doubles. */
function arithmetic(
  a: Value,
  b: Value,
  floats: (a: number, b: number) => number,
  wholes: (a: bigint, b: bigint) => bigint,
): Value {
  if (!isNumeric(a) || !isNumeric(b)) return null
  if (typeof a === 'number' && typeof b === 'number') {
    const result = floats(a, b)
    if (Number.isSafeInteger(result) || !(Number.isInteger(a) && Number.isInteger(b))) return numeric(result)
  }
  const isWhole = (value: number | bigint): boolean => typeof value === 'bigint' || Number.isInteger(value)
  if (isWhole(a) && isWhole(b)) return bounded(wholes(BigInt(a), BigInt(b)))
  return numeric(floats(Number(a), Number(b)))
}

/** Products of products grow without end: beyond 512 bits there is no value. */
const WHOLE_MAX = 1n << 512n

function bounded(value: bigint): Value {
  return value > WHOLE_MAX || value < -WHOLE_MAX ? null : whole(value)
}

/** Counters and sums of small numbers, which nearly all are, take the first line. */
export function add(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && Number.isSafeInteger(a + b)) return a + b
  if (typeof a === 'string' && typeof b === 'string') return (a + b).slice(0, TEXT_CHARS_MAX)
  return arithmetic(
    a,
    b,
    (x, y) => x + y,
    (x, y) => x + y,
  )
}

export function multiply(a: Value, b: Value): Value {
  if (b === 1) return a
  return FUNCTIONS.mul.apply([a, b])
}

function contains(a: Value, b: Value): Value {
  if (typeof a === 'string') return typeof b === 'string' ? a.includes(b) : null
  return Array.isArray(a) ? a.slice(0, LIST_LENGTH_MAX).some((one) => compareValues(one, b) === 0) : null
}

/** The largest multiple of `width` at or below. */
function bucket(a: Value, width: Value): Value {
  if (!isNumeric(a) || !isNumeric(width) || Number(width) <= 0) return null
  if (typeof a === 'number') return numeric(Math.floor(a / Number(width)) * Number(width))
  if (!Number.isInteger(Number(width))) return numeric(Math.floor(Number(a) / Number(width)) * Number(width))
  const by = BigInt(width)
  const rest = ((a % by) + by) % by
  return whole(a - rest)
}
