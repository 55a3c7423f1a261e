// Datasets over the API: what one is, what is asked of it, what is answered. Served under /api/v1/datasets.
//
// A dataset is a table of features: one row a trace, or one row an element of it (a block, a unit, an
// edge, a
// point). Each row leads to its trace and says how many traces it stands for (its weight).

import type { Diagnostic } from '#base'

/** `element` is another word for `block`. */
export type DatasetRowPer = 'trace' | 'unit' | 'block' | 'point' | 'edge'
export type DatasetColumnType = 'number' | 'string' | 'strings' | 'boolean'
export type DatasetColumn = {
  readonly name: string
  readonly type: DatasetColumnType
  readonly unit?: string
}

/** What a user writes. */
export type DatasetDefinition = {
  /** Whose features these are: cost and quarantine are counted by owner. */
  readonly owner: string
  /** Which traces: a predicate of the feature language; '' = all. */
  readonly filter: string
  /** Pipelines of the feature language; each RecordAs is a column. Of a file the text that was read. */
  readonly features: string
  /** A TypeScript file in the server's folder of features, instead of pipelines. */
  readonly file?: string
  readonly rowPer: DatasetRowPer
  readonly retentionHours?: number
  readonly maxBytes?: number
}

/** What it costs and how it fares, since the server started. */
export type DatasetUse = {
  readonly traces: number
  readonly rows: number
  readonly cpuMs: number
  /** Traces that have no row because their features failed, and the last of them. */
  readonly failures: number
  readonly lastFailure?: { readonly message: string; readonly traceId: string }
  /** Of the owner: evaluation stopped until then, as it cost too much too often. */
  readonly quarantinedUntilMs?: number
}

export type BackfillState = 'waiting' | 'running' | 'done' | 'cancelled' | 'failed'
export type BackfillView = {
  readonly dataset: string
  readonly version: number
  readonly fromMs: number
  readonly toMs: number
  readonly state: BackfillState
  readonly tracesDone: number
  readonly tracesTotal: number
  readonly rows: number
  readonly startedMs: number
  readonly by: string
  readonly error?: string
}

export type DatasetView = DatasetDefinition & {
  readonly name: string
  readonly version: number
  readonly columns: readonly DatasetColumn[]
  /** Comes with the server; its definition may be replaced. */
  readonly isBuiltIn: boolean
  readonly changedMs: number
  readonly changedBy: string
  /** Earlier versions, newest first. */
  readonly history: readonly { readonly version: number; readonly changedMs: number; readonly by: string }[]
  readonly use?: DatasetUse
  readonly backfill?: BackfillView
  /** Of texts that stand, but not quite as meant. */
  readonly warnings?: readonly Diagnostic[]
}

export type DatasetScalar = string | number | boolean
export type DatasetOperator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'contains' | 'exists'

/**
 * A condition on rows, as a tree or as text: `service = 'gateway' and duration_ms > 100`. `=` on a set
 * holds
 * when the set has that member; a condition on a missing value does not hold, so `not` is its complement.
 */
export type DatasetWhere =
  | string
  | { readonly and: readonly DatasetWhere[] }
  | { readonly or: readonly DatasetWhere[] }
  | { readonly not: DatasetWhere }
  | {
      readonly column: string
      readonly op: DatasetOperator
      readonly value?: DatasetScalar | readonly DatasetScalar[]
    }

/** ns (17 digits and more) or ms since the epoch, or ISO 8601. */
export type DatasetInstant = string | number

export type DatasetQuery = {
  /**
   * `count`, `sum(x)`, `avg(x)`, `min(x)`, `max(x)`, `p50(x)`..`p99(x)`, `distinct(x)`, `example`,
   * each maybe
   * `as name`. Or columns only: then rows are answered.
   */
  readonly select: readonly string[]
  /** `service`, `duration_ms / 50` (buckets of 50), `duration_ms / log 4` (4 buckets a doubling). */
  readonly groupBy?: readonly string[]
  readonly where?: DatasetWhere
  /** from <= start of the trace < to. */
  readonly from?: DatasetInstant
  readonly to?: DatasetInstant
  /** A time series: rows by time and group; `limit` counts groups then. */
  readonly everySeconds?: number
  /** Names of what is selected or grouped by; `-` before = largest first. */
  readonly orderBy?: readonly string[]
  readonly limit?: number
}

export type DatasetResultColumn = {
  readonly name: string
  readonly role: 'time' | 'group' | 'value'
  readonly type: DatasetColumnType | 'time'
  readonly unit?: string
}

export type DatasetResult = {
  readonly columns: readonly DatasetResultColumn[]
  /** By column name; time is ms since the epoch, the begin of its interval. */
  readonly rows: readonly { readonly [column: string]: DatasetScalar | readonly string[] | null }[]
  /** Rows that the conditions hold for, and what they stand for. */
  readonly matched: { readonly rows: number; readonly weight: number }
  /** More groups or rows than the limit. */
  readonly isCut: boolean
  /** Percentiles and distinct counts are estimates: there were too many rows for exact ones. */
  readonly isApproximate: boolean
  readonly version: number
}

export type DatasetCompare = {
  readonly a: DatasetWhere
  /** Default: everything that is not in a. */
  readonly b?: DatasetWhere
  readonly from?: DatasetInstant
  readonly to?: DatasetInstant
  /** Default: all. */
  readonly columns?: readonly string[]
}

export type DatasetPopulation = { readonly rows: number; readonly weight: number }

/** Shares are of the population's weight, 0..1. */
export type DatasetShare = {
  /** null = missing; undefined = all values that are not listed. */
  readonly value: DatasetScalar | null | undefined
  readonly a: number
  readonly b: number
  readonly delta: number
  /** Corrected probability that so large a difference is chance. */
  readonly q: number
}

export type DatasetNumbers = {
  readonly mean: number | null
  readonly p50: number | null
  readonly p95: number | null
  readonly missing: number
}

export type DatasetBin = {
  readonly from: number
  readonly to: number
  readonly a: number
  readonly b: number
}

/**
 * How one column differs. effect, 0..1: for categories the share that would have to move (total variation),
 * for numbers the largest distance between the two distributions (Kolmogorov-Smirnov).
 */
export type DatasetDifference = {
  readonly column: string
  readonly type: DatasetColumnType
  readonly unit?: string
  readonly effect: number
  readonly p: number
  /** p corrected for the number of columns (Benjamini-Hochberg). */
  readonly q: number
  readonly isSignificant: boolean
} & (
  | { readonly kind: 'categories'; readonly values: readonly DatasetShare[]; readonly distinct: number }
  | {
      readonly kind: 'numbers'
      readonly a: DatasetNumbers
      readonly b: DatasetNumbers
      readonly bins: readonly DatasetBin[]
    }
)

export type DatasetComparison = {
  readonly a: DatasetPopulation
  readonly b: DatasetPopulation
  /** Rows that are in both. */
  readonly shared: DatasetPopulation
  readonly correction: 'benjamini-hochberg'
  /** isSignificant = q below this. */
  readonly level: number
  /** Significant ones first, then by effect. */
  readonly columns: readonly DatasetDifference[]
  readonly version: number
}
