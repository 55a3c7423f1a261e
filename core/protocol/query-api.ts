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

export type QueryView = {
  readonly id: string
  readonly name?: string
  readonly text: string
  readonly columns: readonly string[]
  readonly createdMs: number
  /** Removed everywhere then. */
  readonly expiresMs: number
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
  /** Since the query was installed. */
  readonly rows: readonly ResultRow[]
  readonly total: number
  /** Over the last seconds: COUNT and SUM columns as rates, beside the columns that name the group. */
  readonly perSecond: { readonly rows: readonly ResultRow[]; readonly total: number }
  readonly coverage: QueryCoverage
  readonly use: QueryUse
  readonly drops: {
    /** Tuples that found no group any more: there is a limit to groups. */
    readonly otherRows: number
    /** Hits whose tuples had no room in the baggage. */
    readonly overflows: number
  }
}
