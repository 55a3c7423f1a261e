// What the API of live queries takes and answers.

import type { DegradedBy } from './agent-messages.ts'

/** A row of a result, keyed by the columns of Select. Whole numbers beyond 2^53 are decimal strings. */
export type ResultRow = { readonly [column: string]: unknown }

/** Who runs a query: processes that have it, that were told and refused, that are connected. */
export type QueryCoverage = {
  readonly connected: number
  readonly installed: number
  /** Woven functions that its advice is at, in all processes. */
  readonly functions: number
  /** Where its advice should be and cannot: each place once, with how many processes say so. */
  readonly missed: readonly {
    readonly tracepoint: string
    readonly reason: string
    readonly agents: number
  }[]
  /**
   * Where it costs too much, and how: one hit in `every` is counted, `every` times; 0 = disarmed there; 1 =
   * it did for a while, and `estimated` hits of the total were not looked at.
   */
  readonly sampled: readonly {
    readonly agent: string
    readonly service: string
    readonly every: number
    readonly estimated: number
    readonly why?: DegradedBy
  }[]
  readonly refused: readonly { readonly agent: string; readonly service: string; readonly error: string }[]
}

/**
 * What a column of a result is: it names the group (`window`, `key`), or it is an aggregate. `value` is an
 * expression over aggregates. Counts and sums of two groups add up; those of the others do not.
 */
export type ColumnRole =
  | 'window'
  | 'key'
  | 'count'
  | 'sum'
  | 'min'
  | 'max'
  | 'average'
  | 'quantile'
  | 'histogram'
  | 'distinct'
  | 'value'

/** Rows of groups that agree in some columns, put together: what names them otherwise is null. */
export type RollUp = { readonly by: readonly string[]; readonly rows: readonly ResultRow[] }

/**
 * How a query is answered: its tuples ride in baggage, or (recorded) every event is told with its causal
 * stamp and joined on the server.
 */
export type QueryPlan = {
  readonly kind: 'baggage' | 'recorded'
  /** Rows count from then. */
  readonly sinceMs: number
  /** Why it is not what it would be by itself. */
  readonly reason?: string
}

export type QueryView = {
  readonly id: string
  readonly name?: string
  readonly text: string
  readonly columns: readonly string[]
  /** As the audit log names them. */
  readonly installedBy: string
  readonly createdMs: number
  /** Removed everywhere then. */
  readonly expiresMs: number
  readonly plan: QueryPlan
  readonly coverage: QueryCoverage
  /** Tuples counted so far. */
  readonly total: number
}

/** What it costs, over all processes that run it, since they do. */
export type QueryUse = {
  readonly runs: number
  /** Of event loops, measured by sampling. */
  readonly ns: number
  /** Bytes of baggage that a pack adds, at most of any process. */
  readonly packedBytes: number
}

export type QueryResults = {
  readonly id: string
  /** Grows with each change: give it as `since`. */
  readonly seq: number
  readonly timeMs: number
  readonly columns: readonly string[]
  /** Of each column. */
  readonly roles: readonly ColumnRole[]
  /** Since the query was installed. */
  readonly rows: readonly ResultRow[]
  /** As asked for by `by`: for each subset of those columns, the empty one is the grand total. Exact, since
   *  states are merged and not values; Top does not cut it. */
  readonly rollUps?: readonly RollUp[]
  /** Top shows no more rows than that. */
  readonly top?: number
  readonly total: number
  /** Over the last seconds: COUNT and SUM columns as rates, beside the columns that name the group. */
  readonly perSecond: { readonly rows: readonly ResultRow[]; readonly total: number }
  readonly coverage: QueryCoverage
  readonly plan: QueryPlan
  readonly use: QueryUse
  readonly drops: {
    /** Tuples that found no group any more: there is a limit to groups. */
    readonly otherRows: number
    /** Hits whose tuples had no room in the baggage. */
    readonly overflows: number
    /** Of the recorded plan: events that could not be joined, for they were too late or too many. */
    readonly lost: number
  }
}

/** A query over stored traces: what the newest of a stretch of time answer, as many as may be looked at. */
export type PastResults = {
  readonly columns: readonly string[]
  readonly rows: readonly ResultRow[]
  /** Tuples counted. */
  readonly total: number
  readonly coverage: {
    /** That began in the stretch, newest first. */
    readonly traces: number
    readonly spans: number
    /** Traces that are too large to be asked. */
    readonly skipped: number
    /** All that there are; else the traces that began before `fromNs` were not looked at. */
    readonly isWhole: boolean
    /** ns since the epoch, decimal. */
    readonly fromNs: string
    readonly toNs: string
  }
  /** Pairs of spans that nothing but their times says happened one before the other. */
  readonly assumed: number
  /** Tuples that found no group any more. */
  readonly otherRows: number
  readonly warnings: readonly string[]
}
