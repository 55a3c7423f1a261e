// Values of slots: what anything from outside becomes, equality, order, and the JSON they travel as.
//
// Whole numbers are numbers while they are safe and bigints beyond, so 5 and 5n are one value on every path.
// Order is total, by kind first: null < false < true < numbers < text < lists; it decides MIN, MAX and rows.

import type { Value } from '#protocol'
import { LIST_LENGTH_MAX, TEXT_CHARS_MAX } from './limits.ts'

export type { Value }

const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER)

/** A whole number in its one form. */
export function whole(value: bigint): number | bigint {
  return value <= SAFE_MAX && value >= -SAFE_MAX ? Number(value) : value
}

/** What a value of an application is here; null for what cannot travel. Text and lists are cut. */
export function valueFrom(given: unknown, depth = 0): Value {
  switch (typeof given) {
    case 'boolean':
      return given
    case 'string':
      return given.length > TEXT_CHARS_MAX ? given.slice(0, TEXT_CHARS_MAX) : given
    case 'number':
      return numeric(given)
    case 'bigint':
      return whole(given)
    default:
      return Array.isArray(given) && depth < 2
        ? given.slice(0, LIST_LENGTH_MAX).map((one) => valueFrom(one, depth + 1))
        : null
  }
}

/** V8 keeps a cut of this length and more as a view of the text it was cut from. */
const VIEW_CHARS_MIN = 13

/** The same value, whose texts keep no other text alive. */
export function copied(value: Value): Value {
  if (typeof value === 'string') return value.length < VIEW_CHARS_MIN ? value : value.split('').join('')
  return Array.isArray(value) ? value.map(copied) : value
}

/** NaN and infinities are no values; whole numbers beyond the safe ones are bigints; there is no -0. */
export function numeric(value: number): Value {
  if (Number.isSafeInteger(value)) return value + 0
  if (!Number.isFinite(value)) return null
  return Number.isInteger(value) ? BigInt(value) : value
}

export const isNumeric = (value: Value): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint'

/** -1, 0 or 1. */
export function compareValues(a: Value, b: Value): number {
  const kinds = kindOf(a) - kindOf(b)
  if (kinds !== 0) return Math.sign(kinds)
  if (Array.isArray(a) && Array.isArray(b)) return compareLists(a, b)
  if (a === b || a === null || b === null) return 0
  return a < b ? -1 : a > b ? 1 : 0
}

function compareLists(a: readonly Value[], b: readonly Value[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareValues(a[i], b[i])
    if (order !== 0) return order
  }
  return Math.sign(a.length - b.length)
}

function kindOf(value: Value): number {
  if (value === null) return 0
  if (value === false) return 1
  if (value === true) return 2
  if (isNumeric(value)) return 3
  return typeof value === 'string' ? 4 : 5
}

/** A text that equal values share, and only they. */
export function canonicalKey(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalKey).join(',')}]`
  return String(value)
}

/** JSON has no bigint: `{ "n": "digits" }`. */
export function valueToJson(value: Value): unknown {
  if (typeof value === 'bigint') return { n: value.toString() }
  return Array.isArray(value) ? value.map(valueToJson) : value
}

export function valueFromJson(json: unknown, depth = 0): Value {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    const digits: unknown = 'n' in json ? json.n : undefined
    return typeof digits === 'string' && /^-?\d{1,80}$/.test(digits) ? whole(BigInt(digits)) : null
  }
  if (Array.isArray(json)) return depth > 4 ? null : json.map((one) => valueFromJson(one, depth + 1))
  return valueFrom(json)
}
