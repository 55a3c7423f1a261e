// Bounds of a query, with their reasons. Parsing, planning and the static cost stay small for any text.

import { EXPRESSION_DEPTH_MAX as ADVICE_DEPTH_MAX, EXPRESSION_NODES_MAX as ADVICE_NODES_MAX } from '#advice'
import { assert } from '#base'

/** The longest query of the papers has 400 characters; generated ones stay below this. */
export const QUERY_CHARS_MAX = 16 * 1024
/** Nesting of parentheses and calls: the parser recurses, and 64 levels fit any stack. */
export const EXPRESSION_DEPTH_MAX = 64
/** Nodes of one expression, its Lets and columns of views written out: what a hit may have to evaluate. */
export const EXPRESSION_NODES_MAX = 512
/** How deep such an expression nests: what advice takes. */
export const TERM_DEPTH_MAX = 72
/** Joined sources of a query with its views; each is an advice and a field of the bag. */
export const SOURCES_MAX = 32
/** Tracepoints of one From or Join (a union). */
export const UNION_MAX = 32
/** Views inside views. */
export const VIEW_DEPTH_MAX = 8
export const SELECT_ITEMS_MAX = 32
/** FirstN and MostRecentN: each kept event rides in the baggage of every request. */
export const KEEP_MAX = 64
/** Rows at one event, and bytes of what is packed for one join, where a recorded execution is evaluated. */
export const EVALUATED_ROWS_MAX = 100_000
export const EVALUATED_TUPLE_BYTES_MAX = 4 * 1024 * 1024
/** Events of a recorded execution that `evaluate` takes: the definition compares every pair. */
export const EVENTS_MAX = 20_000
/**
 * Events of one stored trace that a query over the past takes: advice runs along them in linear time, and a
 * trace of 100,000 spans has 200,000 to 600,000. About 1 kB each while it is read.
 */
export const PAST_EVENTS_MAX = 600_000
/** As for a live query on the server: what a page or a terminal can show is far below. */
export const PAST_GROUPS_MAX = 10_000
export const PAST_BYTES_MAX = 64 * 1024 * 1024

/** Reports that tell an event: losing two in a row loses none. A process holds GROUPS_MAX rows meanwhile. */
export const TOLD_IN_REPORTS = 3
/** An execution of which nothing was told for so long has ended, or waits for something else than us. */
export const QUIET_MS = 5_000
/** Longer than TOLD_IN_REPORTS reports: what is repeated must be known. */
export const FORGET_EVENTS_MS = 30_000
/** Held at once for one query; an event of some variables takes about 500 bytes. */
export const EVENTS_GATHERED_MAX = 100_000
/** Of one execution: packing is quadratic in them. */
export const EXECUTION_EVENTS_MAX = 2_000
export const GATHERED_GROUPS_MAX = 10_000

assert(EXPRESSION_NODES_MAX <= ADVICE_NODES_MAX, 'what a text may say a process may be told')
assert(TERM_DEPTH_MAX <= ADVICE_DEPTH_MAX, 'what a text may say a process may be told')
