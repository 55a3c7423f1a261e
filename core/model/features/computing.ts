// Stages that compute with numbers. What has no answer (division by zero, a number beyond what can be held)
// is null and counted; of null everything is null, until Default.

import { mapped, type Node, type Run, type Scope, type Steps, type Value } from './program.ts'
import type { CheckedCall, FunctionSpec } from './spec.ts'
import { conversion, isElement, sameShape, unitNamed, UNITS, type Type } from './types.ts'

const isNumeric = ({ item }: Type): boolean => item === 'number' || item === 'any'

function arithmetic(
  name: string,
  says: string,
  apply: (a: number, b: number) => number,
  unitOf: (call: CheckedCall, left: Type, right: Type) => string | undefined,
): FunctionSpec {
  return {
    group: 'compute',
    usage: `${name}(pipeline)`,
    says,
    takes: isNumeric,
    needs: 'numbers',
    apply: (call) => {
      const given = call.operand()
      if (given === undefined) return undefined
      const input = call.numeric()
      const operand = inUnitOf(call.steps, given, input.type)
      const unit = unitOf(call, input.type, operand.type)
      const build = ([run, by]: readonly Run[]): Run =>
        mapped((scope, value) => combine(scope, value, by(scope), apply), input.type.isMany)([run])
      const type = sameShape(input.type, 'number', unit)
      return call.steps.add({ key: name, type, inputs: [input, operand], build })
    },
  }
}

function combine(scope: Scope, a: Value, b: Value, apply: (a: number, b: number) => number): Value {
  return typeof a === 'number' && typeof b === 'number' ? scope.budget.finite(apply(a, b)) : null
}

/** Adding needs two of one kind; a number without a unit is taken for it. */
function commonUnit(call: CheckedCall, { unit: left }: Type, { unit: right }: Type): string | undefined {
  if (left !== undefined && right !== undefined && left !== right)
    call.reject(`${left} and ${right} do not go together`)
  return left ?? right
}

/** Of two units the product has one of its own, which we do not name. */
const productUnit = (_: CheckedCall, { unit: left }: Type, { unit: right }: Type): string | undefined =>
  left === undefined ? right : right === undefined ? left : undefined

/** ns by ns is a plain number. */
const quotientUnit = (_: CheckedCall, { unit: left }: Type, { unit: right }: Type): string | undefined =>
  right === undefined ? left : undefined

const inUnit: FunctionSpec = {
  group: 'compute',
  usage: 'In(unit)',
  says: 'the same in another unit of time or size',
  takes: ({ item, unit }) => item === 'number' && unit !== undefined,
  needs: 'numbers with a unit (Counter(name, unit) says which)',
  apply: (call) => {
    const { steps, input } = call
    const told = call.nameArg('a unit')
    if (told === undefined || input.type.unit === undefined) return undefined
    const unit = unitNamed(told)
    if (conversion(input.type.unit, unit) !== undefined) return converted(steps, input, unit)
    const fitting = UNITS.filter((one) => conversion(input.type.unit ?? '', one) !== undefined)
    call.reject(`${input.type.unit} cannot be given in ${told}`, fitting.join(' '))
    return undefined
  },
}

/** The same numbers in another unit of their kind. */
function converted(steps: Steps, input: Node, unit: string): Node {
  const convert = conversion(input.type.unit ?? unit, unit)
  const build = mapped(
    ({ budget }, value) =>
      typeof value === 'number' && convert !== undefined ? budget.finite(convert(value)) : null,
    input.type.isMany,
  )
  return steps.add({ key: `In ${unit}`, type: sameShape(input.type, 'number', unit), inputs: [input], build })
}

/** A number in the unit of another, where it can be; else as it is. */
export function inUnitOf(steps: Steps, node: Node, { unit }: Type): Node {
  const from = node.type.unit
  if (unit === undefined || from === undefined || from === unit || conversion(from, unit) === undefined)
    return node
  return converted(steps, node, unit)
}

const defaultTo: FunctionSpec = {
  group: 'compute',
  usage: 'Default(value)',
  says: 'the value where there is none',
  takes: ({ item, isMany }) => !isMany && !isElement(item),
  needs: 'one number, text or truth',
  apply: (call) => {
    const { steps, input } = call
    const other = call.operand(input.type)
    if (other === undefined) return undefined
    const build = ([run, or]: readonly Run[]): Run => {
      return (scope) => run(scope) ?? or(scope)
    }
    const type = input.type.item === 'any' ? other.type : input.type
    return steps.add({ key: 'Default', type, inputs: [input, other], build })
  },
}

export const COMPUTING: Readonly<Record<string, FunctionSpec>> = {
  Add: arithmetic('Add', 'plus', (a, b) => a + b, commonUnit),
  Subtract: arithmetic('Subtract', 'minus', (a, b) => a - b, commonUnit),
  Multiply: arithmetic('Multiply', 'times', (a, b) => a * b, productUnit),
  Divide: arithmetic('Divide', 'divided by; by zero there is none', (a, b) => a / b, quotientUnit),
  In: inUnit,
  Default: defaultTo,
}
