// Expressions over slots: from JSON, their cost, and as closures.

import type { Expression } from '#protocol'
import { applyFunction, FUNCTIONS } from './functions.ts'
import { EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX, NAME_LENGTH_MAX, TEXT_LENGTH_MAX } from './limits.ts'
import { AdviceRefusal } from './refusal.ts'
import { compareValues, valueFrom, type Value } from './values.ts'

/** Shapes only. Errors: AdviceRefusal. */
export function parseExpression(json: unknown, where: string): Expression {
  let nodes = 0
  const parse = (value: unknown, depth: number): Expression => {
    nodes++
    if (depth > EXPRESSION_DEPTH_MAX || nodes > EXPRESSION_NODES_MAX)
      throw new AdviceRefusal('E_ADVICE_TOO_LARGE', where, 'the expression is too deep or too long')
    if (typeof value !== 'object' || value === null) return constant(value, where)
    if ('slot' in value) return { slot: name(value.slot, where) }
    if ('parameter' in value) return { parameter: name(value.parameter, where) }
    if (!('call' in value) || !('args' in value) || !Array.isArray(value.args))
      throw new AdviceRefusal(
        'E_ADVICE_FORMAT',
        where,
        'an expression is a constant, a slot, a parameter or a call',
      )
    const { call } = value
    if (!isFunction(call))
      throw new AdviceRefusal(
        'E_ADVICE_UNKNOWN_OP',
        where,
        `this agent has no function ${String(call).slice(0, 40)}`,
      )
    const args = value.args.map((arg) => parse(arg, depth + 1))
    const { min, max } = FUNCTIONS[call]
    if (args.length < min || args.length > max)
      throw new AdviceRefusal('E_ADVICE_FORMAT', where, `${call} does not take ${args.length} arguments`)
    return { call, args }
  }
  return parse(json, 0)
}

const isFunction = (name: unknown): name is keyof typeof FUNCTIONS =>
  typeof name === 'string' && Object.hasOwn(FUNCTIONS, name)

function constant(value: unknown, where: string): string | number | boolean | null {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value === 'string') {
    if (value.length <= TEXT_LENGTH_MAX) return value
    throw new AdviceRefusal('E_ADVICE_TOO_LARGE', where, `a text has at most ${TEXT_LENGTH_MAX} characters`)
  }
  throw new AdviceRefusal('E_ADVICE_FORMAT', where, 'a constant is text, a number, true, false or null')
}

function name(value: unknown, where: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= NAME_LENGTH_MAX) return value
  throw new AdviceRefusal('E_ADVICE_FORMAT', where, 'a name is missing')
}

/** Slots and parameters it reads. */
export function readsOf(expression: Expression): {
  readonly slots: readonly string[]
  readonly parameters: readonly string[]
} {
  if (typeof expression !== 'object' || expression === null) return { slots: [], parameters: [] }
  if ('slot' in expression) return { slots: [expression.slot], parameters: [] }
  if ('parameter' in expression) return { slots: [], parameters: [expression.parameter] }
  const inner = expression.args.map(readsOf)
  return {
    slots: inner.flatMap(({ slots }) => slots),
    parameters: inner.flatMap(({ parameters }) => parameters),
  }
}

/** Units of ~50 ns. */
export function costOfExpression(expression: Expression): number {
  if (typeof expression !== 'object' || expression === null || !('call' in expression)) return 0
  return expression.args.reduce<number>(
    (sum, arg) => sum + costOfExpression(arg),
    FUNCTIONS[expression.call].cost,
  )
}

export type Evaluate = (slots: readonly Value[]) => Value

export type Places = {
  place(slot: string): number
  parameter(name: string): Value
}

/** Total: whatever the slots hold, a value comes out. */
export function compileExpression(expression: Expression, places: Places): Evaluate {
  if (typeof expression !== 'object' || expression === null) {
    const value = valueFrom(expression)
    return () => value
  }
  if ('slot' in expression) {
    const at = places.place(expression.slot)
    return (slots) => slots[at] ?? null
  }
  if ('parameter' in expression) {
    const value = places.parameter(expression.parameter)
    return () => value
  }
  const { call } = expression
  const args = expression.args.map((arg) => compileExpression(arg, places))
  const [a, b] = args
  // What stands in most conditions, without a list of arguments.
  if (call === 'eq') return (slots) => isSame(a(slots), b(slots))
  if (call === 'ne') return (slots) => !isSame(a(slots), b(slots))
  return (slots) =>
    applyFunction(
      call,
      args.map((arg) => arg(slots)),
    )
}

const isSame = (a: Value, b: Value): boolean => a === b || compareValues(a, b) === 0
