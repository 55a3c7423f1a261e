// What the parser makes of a text: a frozen tree with a span on every node. Names are not resolved yet.
//
//   Query ── from: Source, joins: Join[], lets, wheres, groupBy: Expr[], select: Item[], top, everyNs
//   Expr  ── literal | path (e.host) | call (add, eq, lower, ..) | aggregate (SUM, P99, ..)

import type { Range } from '#base'
import type { AggregateName, FunctionName, Keep } from '#protocol'

export type { Range }

export type Name = Range & { readonly text: string }

export type Literal = Range & {
  readonly kind: 'literal'
  /** bigint: a whole number that no double is exact for. */
  readonly value: string | number | bigint | boolean | null
}
/** `e.args.id`: a source, a Let or a view first, what is read from it behind. */
export type Path = Range & { readonly kind: 'path'; readonly parts: readonly Name[] }
export type Call = Range & {
  readonly kind: 'call'
  readonly fn: FunctionName
  readonly args: readonly Expr[]
}
export type AggregateExpr = Range & {
  readonly kind: 'aggregate'
  readonly fn: AggregateName
  /** COUNT counts rows: the argument is true then. */
  readonly arg: Expr
  /** Of a histogram: which quantile is read, in [0, 1]. */
  readonly quantile?: number
}
export type Expr = Literal | Path | Call | AggregateExpr

/** One or several tracepoints or views: their union. */
export type Source = Range & { readonly names: readonly Name[]; readonly keep: Keep | undefined }

export type Join = Range & {
  readonly isOuter: boolean
  readonly alias: Name
  readonly source: Source
  /** The event that must come first, as written left of the arrow: always the alias. */
  readonly before: Name
  readonly after: Name
}

export type Let = Range & { readonly name: Name; readonly value: Expr }

export type Item = Range & {
  readonly value: Expr
  /** Column of the result: the alias, else the text without spaces. */
  readonly column: string
}

export type Top = Range & { readonly count: number; readonly by: Expr | undefined }

export type Query = {
  readonly text: string
  readonly alias: Name | undefined
  readonly from: Source
  readonly joins: readonly Join[]
  readonly lets: readonly Let[]
  readonly wheres: readonly Expr[]
  readonly groupBy: readonly Expr[]
  readonly isDistinct: boolean
  readonly select: readonly Item[]
  readonly top: Top | undefined
  readonly everyNs: number | undefined
}
