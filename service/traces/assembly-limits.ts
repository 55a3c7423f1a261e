// Every maximum of assembling and reading traces, with its reason.

/**
 * A trace with a root is summarised when no span came for this long: exporters of one request flush within a
 * second of each other.
 */
export const ROOTED_IDLE_MS = 800
/**
 * Without a root, wait a little longer for it; sealing (500 ms), this and the insert stay within 3 s from
 * request to search.
 */
export const ROOTLESS_IDLE_MS = 1_200
/** A trace that never falls quiet is summarised this often all the same. */
export const SUMMARY_EVERY_MS_MAX = 10_000
/**
 * After its last span a trace stays in memory this long; OpenTelemetry's batch processor exports every 5 s,
 * retries after 30 s.
 */
export const RETAIN_MS = 30_000
/**
 * An orderly end waits so long for what is under way: inserts take 50-200 ms, a restart of the child 1.5 s.
 */
export const CLOSE_MS_MAX = 5_000
/** Between attempts to write summaries that failed. */
export const SUMMARY_RETRY_MS = 1_000
/** Looking for due traces. */
export const TICK_MS = 100

/**
 * Span ids in memory: 8 bytes each in tables at most 3/4 and on average 1/2 full, so 16 B a span: 2 M spans
 * are 32 MB.
 */
export const SPANS_IN_MEMORY_MAX = 2_000_000
/** About 1 kB each with its counters, beside its names: 100 MB at most. */
export const TRACES_IN_MEMORY_MAX = 100_000
/**
 * Names of services and operations of all traces in memory, one or two bytes a character: 128 MB at most.
 * Usual traces hold some hundred each; hostile ones 256 operations of 2 kB, half a megabyte for 11 kB sent.
 */
export const TEXT_CHARS_IN_MEMORY_MAX = 64 * 1024 * 1024
/**
 * Summaries of traces put out of memory, waiting to be written; beyond it no more segments are taken. With
 * what one batch of 20 MiB adds on top (500,000 spans, each a trace of its own), some 300 MB at most.
 */
export const EVICTED_WAITING_MAX = 50_000
/**
 * Beyond this a trace is a runaway (a context that leaks into everything): its spans are stored, its ids no
 * longer kept.
 */
export const SPANS_PER_TRACE_MAX = 200_000
/**
 * Ids of traces that left memory: 80 B each. A span for one of these is late: its trace is read again from
 * the store.
 */
export const FINISHED_IDS_MAX = 200_000
/**
 * At a start, traces with spans that arrived in the last minute before the newest one are known to be in the
 * store: twice RETAIN_MS, so all that the worker before us still had in memory, and all segments that were
 * inserted but not yet dropped.
 */
export const KNOWN_BEFORE_SECONDS = 60

/** Per summary: more services or operations than these are counted under OVERFLOW_NAME. */
export const SERVICES_PER_SUMMARY_MAX = 64
export const OPERATIONS_PER_SUMMARY_MAX = 256
export const OVERFLOW_NAME = '*'

/** Traces per query that computes summaries again; 1000 ids of 32 digits are 35 kB of parameters. */
export const REREAD_TRACES_MAX = 500

/**
 * One insert takes records of at most so many bytes: a segment of 8 MiB is one block, one giant record is
 * another.
 */
export const BLOCK_RECORD_BYTES_MAX = 32 * 1024 * 1024

/**
 * While the store writes one block this thread encodes the next; the store's insert connections are as many.
 */
export const INSERTS_AT_ONCE = 2

/** Search answers. */
export const SEARCH_LIMIT_DEFAULT = 20
export const SEARCH_LIMIT_MAX = 1_000
/** A trace is read whole up to here (about 20 MB of rows); larger ones are read in pages. */
export const SPANS_PER_TRACE_READ_MAX = 20_000
export const SPANS_PER_PAGE_MAX = 10_000
export const NAMES_MAX = 1_000

/** A trace that begins so much after now is of a clock that is ahead: it is listed after all others. */
export const AHEAD_NS_MAX = 60_000_000_000n
