// A query whose names are resolved: which source a variable is read from, what a view stands for. Lets are
// gone (their expression stands where they were named); views stand as queries of their own.

import type { AggregateName, FunctionName, Keep } from '#protocol'
import type { Range } from './syntax.ts'

/** Identity of a source (one From or Join) within a query and all views in it. */
export type SourceId = number

export type Constant = Range & {
  readonly kind: 'literal'
  readonly value: string | number | bigint | boolean | null
}
/** Variable of the tracepoint, or column of the view, behind a source. */
export type Variable = Range & { readonly kind: 'var'; readonly source: SourceId; readonly name: string }
/** True where an outer join found an event; no user writes it, rewrites do. */
export type Matched = Range & { readonly kind: 'matched'; readonly source: SourceId }
export type Applied = Range & {
  readonly kind: 'call'
  readonly fn: FunctionName
  readonly args: readonly Term[]
}
export type Aggregated = Range & {
  readonly kind: 'aggregate'
  readonly fn: AggregateName
  readonly arg: Term
  readonly quantile?: number
}
export type Term = Constant | Variable | Matched | Applied | Aggregated

export type ResolvedSource = {
  readonly id: SourceId
  readonly alias: string
  readonly keep: Keep | undefined
  readonly isOuter: boolean
  /** The source that this one happened before; undefined for the root. */
  readonly after: SourceId | undefined
  readonly of: Tracepoints | View
}
export type Tracepoints = { readonly kind: 'tracepoints'; readonly names: readonly string[] }
export type View = { readonly kind: 'view'; readonly name: string; readonly query: ResolvedQuery }

export type Column = { readonly name: string; readonly value: Term }

export type ResolvedQuery = {
  readonly root: ResolvedSource
  /** In the order of the text: each is joined to one before it. */
  readonly joins: readonly ResolvedSource[]
  readonly wheres: readonly Term[]
  readonly groupBy: readonly Term[]
  readonly columns: readonly Column[]
  readonly isDistinct: boolean
  /** With windows: the root's time, cut to this many ns, groups first. */
  readonly everyNs: number | undefined
  readonly top: { readonly count: number; readonly by: Term } | undefined
}

export const isAggregating = ({ groupBy, columns }: ResolvedQuery): boolean =>
  groupBy.length > 0 || columns.some(({ value }) => hasAggregate(value))

export function hasAggregate(term: Term): boolean {
  return term.kind === 'aggregate' || (term.kind === 'call' && term.args.some(hasAggregate))
}

/** The same meaning, whatever the place in the text. */
export function sameTerm(a: Term, b: Term): boolean {
  return keyOf(a) === keyOf(b)
}

/** A text that equal terms share. */
export function keyOf(term: Term): string {
  switch (term.kind) {
    case 'literal':
      return printConstant(term)
    case 'var':
      return `${term.source}.${JSON.stringify(term.name)}`
    case 'matched':
      return `matched ${term.source}`
    case 'call':
      return `${term.fn}(${term.args.map(keyOf).join(',')})`
    case 'aggregate':
      return `${term.fn}${term.quantile ?? ''}[${keyOf(term.arg)}]`
  }
}

/** As it is written: digits, or a text in quotes. */
export const printConstant = ({ value }: Constant): string =>
  typeof value === 'bigint' ? value.toString() : JSON.stringify(value)

/** The term with each variable replaced by what `change` gives for it. */
export function mapVariables(term: Term, change: (variable: Variable | Matched) => Term): Term {
  switch (term.kind) {
    case 'literal':
      return term
    case 'var':
    case 'matched':
      return change(term)
    case 'call':
      return { ...term, args: term.args.map((arg) => mapVariables(arg, change)) }
    case 'aggregate':
      return { ...term, arg: mapVariables(term.arg, change) }
  }
}

/** Sources a term reads from. */
export function sourcesIn(term: Term, found: Set<SourceId> = new Set()): Set<SourceId> {
  if (term.kind === 'var' || term.kind === 'matched') found.add(term.source)
  else if (term.kind === 'call') for (const arg of term.args) sourcesIn(arg, found)
  else if (term.kind === 'aggregate') sourcesIn(term.arg, found)
  return found
}
