// Conditions: comparisons and their and, or, not. Two-valued: nothing equals nothing, is less than nothing
// and is like nothing; `a != b` says no more than `not (a = b)`.
//
// An attribute has the type its sender gave it. It is compared as what it is compared with: with a number by
// its number (`http.status_code = 500` holds for "500" too), with a text by its text; a list equals what one
// of its members equals.

import { matchesGlob } from '#base'
import type { Node, Run, Shape, Step, Value } from './program.ts'
import type { CompareOp } from './syntax.ts'
import { one, type Item } from './types.ts'

export type Kind = 'number' | 'string' | 'boolean' | 'any'

/** As what two sides are compared; undefined: they can never be equal. */
export function commonKind(left: Item, right: Item): Kind | undefined {
  const kinds = [left, right].filter((item): item is Kind => KINDS.has(item))
  if (kinds.length < 2) return undefined
  const [a, b] = kinds
  return a === 'any' ? b : b === 'any' || a === b ? a : undefined
}

const KINDS: ReadonlySet<string> = new Set(['number', 'string', 'boolean', 'any'])

type Test = (a: Value, b: Value) => boolean

/** The step of a comparison of two single values of a common kind. */
export function comparison(op: CompareOp, kind: Kind, left: Node, right: Node): Step {
  const test = TESTS[op](kind)
  const build = ([a, b]: readonly Run[]): Run => {
    if (right.isLiteral) return literalTest(op, kind, a, b, test)
    return (scope) => test(a(scope), b(scope))
  }
  return {
    key: `${op} ${kind}`,
    type: one('boolean'),
    inputs: [left, right],
    shape: equality(op, left, right),
    build,
  }
}

function equality(op: CompareOp, field: Node, { shape }: Node): Shape | undefined {
  if (op !== '=' || field.shape?.of !== 'field' || field.type.item !== 'string') return undefined
  if (shape?.of !== 'literal' || typeof shape.value !== 'string') return undefined
  return { of: 'equal', field, text: shape.value }
}

/** Most comparisons are of a text with one that stands in the query. */
function literalTest(op: CompareOp, kind: Kind, left: Run, right: Run, test: Test): Run {
  let wanted: Value | undefined
  const literal = (scope: Parameters<Run>[0]): Value =>
    wanted === undefined ? (wanted = right(scope)) : wanted
  if (op === '=' && kind === 'string') {
    return (scope) => {
      const value = left(scope)
      return typeof value === 'string' ? value === literal(scope) : test(value, literal(scope))
    }
  }
  return (scope) => test(left(scope), literal(scope))
}

export function membership(kind: Kind, left: Node, list: readonly Node[]): Step {
  const equal = TESTS['='](kind)
  const build =
    ([value, ...members]: readonly Run[]): Run =>
    (scope) => {
      const wanted = value(scope)
      scope.budget.spend(members.length)
      return members.some((member) => equal(wanted, member(scope)))
    }
  return { key: `in ${kind}`, type: one('boolean'), inputs: [left, ...list], build }
}

export function connective(kind: 'and' | 'or' | 'not', inputs: readonly Node[]): Step {
  const build = ([a, b]: readonly Run[]): Run => {
    if (kind === 'not') return (scope) => a(scope) !== true
    if (kind === 'and') return (scope) => a(scope) === true && b(scope) === true
    return (scope) => a(scope) === true || b(scope) === true
  }
  const [left, right] = inputs
  const shape: Shape | undefined = kind === 'and' ? { of: 'both', left, right } : undefined
  return { key: kind, type: one('boolean'), inputs, shape, build }
}

/** An attribute alone is a condition: whether it is true. */
export const truth = (input: Node): Step => ({
  key: 'true',
  type: one('boolean'),
  inputs: [input],
  build:
    ([value]) =>
    (scope) => {
      const found = value(scope)
      return found === true || found === 'true'
    },
})

const equals: Readonly<Record<Kind, Test>> = {
  number: (a, b) => toNumber(a) === toNumber(b),
  string: (a, b) => toText(a) === toText(b),
  boolean: (a, b) => String(a) === String(b),
  any: (a, b) =>
    typeof a === 'number' || typeof b === 'number' ? toNumber(a) === toNumber(b) : toText(a) === toText(b),
}

function equalAs(kind: Kind): Test {
  const equal = equals[kind]
  return (a, b) => {
    if (a === null || b === null) return false
    if (Array.isArray(a))
      return a.some((member: Value) => member !== null && isPlain(member) && equal(member, b))
    return isPlain(a) && equal(a, b)
  }
}

/** Below 0, 0, above 0; NaN: they have no order. */
function ordered(kind: Kind, holds: (order: number) => boolean): Test {
  const byNumber: Test = (a, b) => holds((toNumber(a) ?? Number.NaN) - (toNumber(b) ?? Number.NaN))
  const byText: Test = (a, b) => {
    const [left, right] = [toText(a), toText(b)]
    return left !== undefined && right !== undefined && holds(left < right ? -1 : left > right ? 1 : 0)
  }
  const test: Test =
    kind === 'number'
      ? byNumber
      : kind === 'any'
        ? (a, b) => (typeof a === 'number' || typeof b === 'number' ? byNumber(a, b) : byText(a, b))
        : byText
  return (a, b) => a !== null && b !== null && test(a, b)
}

const TESTS: Readonly<Record<CompareOp, (kind: Kind) => Test>> = {
  '=': equalAs,
  '!=': (kind) => {
    const equal = equalAs(kind)
    return (a, b) => !equal(a, b)
  },
  '<': (kind) => ordered(kind, (order) => order < 0),
  '<=': (kind) => ordered(kind, (order) => order <= 0),
  '>': (kind) => ordered(kind, (order) => order > 0),
  '>=': (kind) => ordered(kind, (order) => order >= 0),
  like: () => (a, b) => {
    const [text, pattern] = [toText(a), toText(b)]
    return text !== undefined && pattern !== undefined && matchesGlob(text, pattern)
  },
}

const isPlain = (value: Value): boolean => typeof value !== 'object'

/** A number, or a text that is one. */
export function toNumber(value: Value): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || value.length > 40 || value.trim() === '') return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

function toText(value: Value): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}
