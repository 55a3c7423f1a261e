// Static types of terms: enough to refuse what can never be meant. Variables are of any type until a value is
// there; null is of every type.

import type { Reporter } from '#base'
import type { FunctionName } from '#protocol'
import type { Term } from './resolved.ts'
import type { Range } from './syntax.ts'

export type Type = 'any' | 'boolean' | 'number' | 'string' | 'histogram'

/** `args`: the type of each; the last one repeats. 'same' = all of one type. */
type Signature = {
  readonly args: readonly (Type | 'same')[]
  readonly min: number
  readonly max: number
  readonly result: Type | 'same'
}

const signature = (
  args: Signature['args'],
  result: Signature['result'],
  min = args.length,
  max = args.length,
): Signature => ({ args, min, max, result })

const SIGNATURES: Readonly<Record<FunctionName, Signature>> = {
  and: signature(['boolean', 'boolean'], 'boolean'),
  or: signature(['boolean', 'boolean'], 'boolean'),
  not: signature(['boolean'], 'boolean'),
  eq: signature(['same', 'same'], 'boolean'),
  ne: signature(['same', 'same'], 'boolean'),
  lt: signature(['same', 'same'], 'boolean'),
  le: signature(['same', 'same'], 'boolean'),
  gt: signature(['same', 'same'], 'boolean'),
  ge: signature(['same', 'same'], 'boolean'),
  add: signature(['same', 'same'], 'same'),
  sub: signature(['number', 'number'], 'number'),
  mul: signature(['number', 'number'], 'number'),
  div: signature(['number', 'number'], 'number'),
  mod: signature(['number', 'number'], 'number'),
  neg: signature(['number'], 'number'),
  if: signature(['boolean', 'any', 'any'], 'any'),
  coalesce: signature(['any'], 'any', 1, 8),
  abs: signature(['number'], 'number'),
  floor: signature(['number'], 'number'),
  ceil: signature(['number'], 'number'),
  round: signature(['number'], 'number'),
  length: signature(['any'], 'number'),
  lower: signature(['string'], 'string'),
  upper: signature(['string'], 'string'),
  contains: signature(['any', 'any'], 'boolean'),
  startsWith: signature(['string', 'string'], 'boolean'),
  endsWith: signature(['string', 'string'], 'boolean'),
  like: signature(['string', 'string'], 'boolean'),
  bucket: signature(['number', 'number'], 'number'),
  quantile: signature(['histogram', 'number'], 'number'),
}

/** The type of a term; what does not fit is reported. */
export function typeOf(term: Term, report: Reporter): Type {
  switch (term.kind) {
    case 'literal':
      return term.value === null ? 'any' : typeOfValue(term.value)
    case 'var':
      return 'any'
    case 'matched':
      return 'boolean'
    case 'aggregate':
      return typeOfAggregate(term, report)
    case 'call':
      return typeOfCall(term, report)
  }
}

function typeOfAggregate(term: Extract<Term, { kind: 'aggregate' }>, report: Reporter): Type {
  const type = typeOf(term.arg, report)
  const isNumeric = term.fn === 'sum' || term.fn === 'average' || term.fn === 'histogram'
  if (isNumeric && type !== 'any' && type !== 'number')
    report.error(term.arg, `a number belongs here, not a ${type}`, {
      note: 'SUM, AVERAGE, HISTOGRAM and percentiles are of numbers',
    })
  if (term.fn === 'min' || term.fn === 'max') return type
  return term.fn === 'histogram' && term.quantile === undefined ? 'histogram' : 'number'
}

function typeOfCall(term: Extract<Term, { kind: 'call' }>, report: Reporter): Type {
  const { args, min, max, result } = SIGNATURES[term.fn]
  const types = term.args.map((arg) => typeOf(arg, report))
  if (types.length < min || types.length > max) {
    const count = min === max ? `${min}` : `${min} to ${max}`
    report.error(term, `${term.fn} takes ${count} arguments, not ${types.length}`)
    return 'any'
  }
  const wanted = types.map((_, i) => args[Math.min(i, args.length - 1)])
  const same = types.find((type, i) => wanted[i] === 'same' && type !== 'any') ?? 'any'
  types.forEach((type, i) => {
    const one = wanted[i]
    expect(report, term.args[i], one === 'same' ? same : one, type)
  })
  if (term.fn === 'add' && same === 'boolean') report.error(term, 'true and false cannot be added')
  return result === 'same' ? same : result
}

function expect(report: Reporter, range: Range, wanted: Type, found: Type): void {
  if (wanted === 'any' || found === 'any' || wanted === found) return
  report.error(range, `a ${wanted} belongs here, not a ${found}`)
}

function typeOfValue(value: string | number | bigint | boolean): Type {
  return typeof value === 'string' ? 'string' : typeof value === 'boolean' ? 'boolean' : 'number'
}
