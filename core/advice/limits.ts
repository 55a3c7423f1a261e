// Bounds of a tool package and of what its advice may do. Together they bound what one request can be made
// to pay.

import { assert } from '#base'

/**
 * Units an advice may cost with one row; one unit is about 50 ns, so at most ~50 us a run. Rows multiply it,
 * up to ROWS_MAX.
 */
export const COST_MAX = 1000
export const INSTRUCTIONS_MAX = 64
/** Tracepoints of one package. */
export const ADVICE_MAX = 64
export const PARAMETERS_MAX = 64
export const NAME_LENGTH_MAX = 256
/** A constant travels in baggage with each request: 1 kB is a quarter of what fits the header. */
export const TEXT_LENGTH_MAX = 1024
export const SCHEMA_LENGTH_MAX = 16 * 1024
/** Expressions are evaluated by recursion; 64 levels fit any stack. */
export const EXPRESSION_DEPTH_MAX = 72
export const EXPRESSION_NODES_MAX = 512
/** Columns and parts of a packed tuple, keys and folds of a result. */
export const COLUMNS_MAX = 64

/** Text that advice looks at; a longer one is cut. */
export const TEXT_CHARS_MAX = 4096
export const LIST_LENGTH_MAX = 256

/** Rows at one hit: unpacked tuples multiply; what is beyond is dropped and counted. */
export const ROWS_MAX = 256
/**
 * Bytes of one field of packed tuples: a quarter of the 3 KiB that a header has room for. Beyond, a pack is
 * refused and counted as overflow.
 */
export const TUPLE_BYTES_MAX = 1024
/** Events that First and MostRecent may keep. */
export const KEEP_MAX = 64
/** Components whose newest version is remembered: one for each request under way and query. */
export const OWNED_TUPLES_MAX = 16_384

/** Groups of one result in one process; the rows beyond are counted as one. */
export const GROUPS_MAX = 2000
/** Reports that may tell a group before it is forgotten: a minute of them. */
export const FORGET_AFTER_MAX = 60
/**
 * Of one result in one process, as JSON in a report: below half of what the server reads (1 MiB), with keys
 * that are escaped and lists that grow. Beyond, there are no more groups and texts and lists stand still.
 */
export const TABLE_BYTES_MAX = 400_000
/** JSON of a number at most, with its comma. */
export const NUMBER_BYTES = 24
/** Distinct values of one group; beyond, the count stands still and says so. */
export const DISTINCT_MAX = 1000
/** Buckets of a histogram: at 2 % a bucket, 512 reach from 1 to 25,000; neighbours are merged beyond. */
export const BUCKETS_MAX = 512

assert((OWNED_TUPLES_MAX & (OWNED_TUPLES_MAX - 1)) === 0, 'a place in the table is a mask of the id')
assert(KEEP_MAX <= ROWS_MAX, 'what is kept can be unpacked')
