// Values of fields and how they compare. Nothing here throws: what cannot be compared is not equal, not
// different, not less and not more.
//
// A field may have many values (a list, the events of a span): = and =~ and the orders hold if they hold for
// any, != and !~ if the opposite holds for none. nil = the field is not there.

import type { AttributeValue } from '#protocol'
import type { ArithmeticOp, CompareOp } from './syntax.ts'

/** undefined = nil. An object is a value that exists and compares with nothing (a list of key-values). */
export type Value = number | bigint | string | boolean | object | undefined
export type Values = Value | readonly Value[]

export function valueOf(attribute: AttributeValue | undefined): Values {
  if (attribute === undefined || attribute === null) return undefined
  if (Array.isArray(attribute)) return attribute.map((item: AttributeValue) => scalarOf(item))
  return scalarOf(attribute)
}

function scalarOf(item: AttributeValue): Value {
  if (item === null) return undefined
  return typeof item === 'object' ? OPAQUE : item
}

const OPAQUE: object = Object.freeze({})

export const isMany = (values: Values): values is readonly Value[] => Array.isArray(values)

export const isNil = (values: Values): boolean => values === undefined

/** An attribute alone as a condition: true and nothing else. */
export const isTrue = (values: Values): boolean =>
  isMany(values) ? values.some((value) => value === true) : values === true

export function compare(op: CompareOp, left: Values, right: Values): boolean {
  const lefts = isMany(left) ? left : [left]
  const rights = isMany(right) ? right : [right]
  const any = (holds: (order: Order) => boolean): boolean =>
    lefts.some((a) => rights.some((b) => holds(orderOf(a, b))))
  switch (op) {
    case '=':
      return any((order) => order === 0)
    case '!=':
      return any((order) => order !== undefined) && !any((order) => order === 0)
    case '<':
      return any((order) => order === -1)
    case '>':
      return any((order) => order === 1)
    case '<=':
      return any((order) => order === -1 || order === 0)
    case '>=':
      return any((order) => order === 1 || order === 0)
  }
}

/** undefined = they do not compare. true and false are equal or not: 2 = different, without an order. */
type Order = -1 | 0 | 1 | 2 | undefined

function orderOf(a: Value, b: Value): Order {
  // NaN is in no order.
  if (isNumber(a) && isNumber(b)) return a < b ? -1 : a > b ? 1 : a >= b ? 0 : undefined
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  if (typeof a === 'boolean' && typeof b === 'boolean') return a === b ? 0 : 2
  if (typeof a === 'string' && isNumber(b)) return orderOf(wholeOf(a), b)
  if (isNumber(a) && typeof b === 'string') return orderOf(a, wholeOf(b))
  return undefined
}

const isNumber = (value: Value): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint'

/** Whole numbers beyond 2^53 are read as text, so that no digit is lost (attribute-text.ts). */
function wholeOf(text: string): bigint | undefined {
  if (!/^-?\d{16,19}$/.test(text)) return undefined
  const whole = BigInt(text)
  const isExact = whole <= BigInt(Number.MAX_SAFE_INTEGER) && whole >= BigInt(Number.MIN_SAFE_INTEGER)
  return isExact ? undefined : whole
}

export function calculate(op: ArithmeticOp, left: Values, right: Values): Values {
  if (isMany(left) || isMany(right) || !isNumber(left) || !isNumber(right)) return undefined
  const [a, b] = [Number(left), Number(right)]
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return finite(a / b)
    case '%':
      return finite(a % b)
    case '^':
      return finite(a ** b)
  }
}

const finite = (number: number): number | undefined => (Number.isFinite(number) ? number : undefined)

/** The numbers among values, for aggregates. */
export function numbersOf(values: Values): number[] {
  return (isMany(values) ? values : [values]).filter(isNumber).map(Number).filter(Number.isFinite)
}

export function textsOf(values: Values): string[] {
  return (isMany(values) ? values : [values]).filter((value) => typeof value === 'string')
}
