// What a query may call, by the names it has in the language, and how operators bind.

import type { AggregateName, FunctionName } from '#protocol'

/** Scalar functions, lower case: names are not case-sensitive. */
export const SCALAR_NAMES: Readonly<Record<string, FunctionName>> = {
  if: 'if',
  coalesce: 'coalesce',
  abs: 'abs',
  floor: 'floor',
  ceil: 'ceil',
  round: 'round',
  length: 'length',
  lower: 'lower',
  upper: 'upper',
  contains: 'contains',
  startswith: 'startsWith',
  endswith: 'endsWith',
  like: 'like',
  bucket: 'bucket',
}

type Aggregated = { readonly fn: AggregateName; readonly quantile?: number }

export const AGGREGATE_NAMES: Readonly<Record<string, Aggregated>> = {
  count: { fn: 'count' },
  sum: { fn: 'sum' },
  min: { fn: 'min' },
  max: { fn: 'max' },
  average: { fn: 'average' },
  avg: { fn: 'average' },
  histogram: { fn: 'histogram' },
  distinct: { fn: 'distinct' },
}

/** P50, P99, P999: digits behind a point, the first two as percent. P100 is none: it would be the tenth. */
const PERCENTILE = /^p(\d{2})(|\d*[1-9])$/i

export function aggregateNamed(name: string): Aggregated | undefined {
  const lower = name.toLowerCase()
  if (Object.hasOwn(AGGREGATE_NAMES, lower)) return AGGREGATE_NAMES[lower]
  const digits = PERCENTILE.exec(name)
  if (digits === null) return undefined
  return { fn: 'histogram', quantile: Number(`0.${digits[1]}${digits[2]}`) }
}

export function scalarNamed(name: string): FunctionName | undefined {
  const lower = name.toLowerCase()
  return Object.hasOwn(SCALAR_NAMES, lower) ? SCALAR_NAMES[lower] : undefined
}

export const callableNames = (): readonly string[] => [
  ...Object.values(SCALAR_NAMES),
  ...Object.keys(AGGREGATE_NAMES).map((name) => name.toUpperCase()),
  'P50',
  'P90',
  'P95',
  'P99',
  'P999',
]

export type Binary = {
  readonly fn: FunctionName
  readonly level: number
  /** A chain of it may be grouped in any way. */
  readonly isAssociative?: boolean
}

/** Higher binds tighter; all to the left. */
export const BINARY: Readonly<Record<string, Binary>> = {
  or: { fn: 'or', level: 1, isAssociative: true },
  '||': { fn: 'or', level: 1, isAssociative: true },
  and: { fn: 'and', level: 2, isAssociative: true },
  '&&': { fn: 'and', level: 2, isAssociative: true },
  '==': { fn: 'eq', level: 4 },
  '=': { fn: 'eq', level: 4 },
  '!=': { fn: 'ne', level: 4 },
  '<>': { fn: 'ne', level: 4 },
  '<': { fn: 'lt', level: 4 },
  '<=': { fn: 'le', level: 4 },
  '>': { fn: 'gt', level: 4 },
  '>=': { fn: 'ge', level: 4 },
  like: { fn: 'like', level: 4 },
  '+': { fn: 'add', level: 5 },
  '-': { fn: 'sub', level: 5 },
  '*': { fn: 'mul', level: 6 },
  '/': { fn: 'div', level: 6 },
  '%': { fn: 'mod', level: 6 },
}
/** Between `and` and the comparisons: `not a == b` is `not (a == b)`. */
export const NOT_LEVEL = 3

export function binaryNamed(text: string): Binary | undefined {
  const lower = text.toLowerCase()
  return Object.hasOwn(BINARY, lower) ? BINARY[lower] : undefined
}
