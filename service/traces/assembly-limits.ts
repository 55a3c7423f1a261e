// Every maximum of assembling and reading traces, with its reason.

/**
 * After its last span a trace stays in memory this long; OpenTelemetry's batch processor exports every 5 s,
 * retries after 30 s.
 */
export const RETAIN_MS = 30_000
/**
 * No trigger may wait longer than this: until a trace is summarised its segments stay in the log, and what
 * the tail rule dropped comes back only within DROP_AFTER_MS. The least is the step in which due ones are
 * looked for.
 */
export const TRIGGER_MS_MAX = RETAIN_MS
export const TRIGGER_MS_MIN = 100
/**
 * An orderly end waits so long for what is under way: inserts take 50-200 ms, a restart of the child 1.5 s.
 */
export const CLOSE_MS_MAX = 5_000
/** Between attempts to write summaries that failed. */
export const SUMMARY_RETRY_MS = 1_000
/** Looking for due traces. */
export const TICK_MS = TRIGGER_MS_MIN

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

/**
 * Operations whose text is kept to be shared among traces: a large system has some thousand. Hostile ones of
 * 2 kB are 16 MB.
 */
export const OPERATION_TEXTS_MAX = 8192

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

/** The tail rule's memory of an operation: this long and the same before it. */
export const TAIL_WINDOW_MS = 5 * 60_000
/** Below this a p99 is one trace's word: none is slow. */
export const TAIL_SAMPLES_MIN = 200
/** Operations with their durations, 2.6 kB each in two windows: 10 MB. */
export const TAIL_OPERATIONS_MAX = 4096
/** A trace leaves memory 30 s after its last span; by then nothing can make it failed or slow any more. */
export const DROP_AFTER_MS = 2 * RETAIN_MS
/**
 * How often spans of dropped traces are deleted, and how many traces at once: a delete rewrites a mask in
 * each part.
 */
export const DELETE_EVERY_MS = 10_000
export const DELETE_TRACES_MAX = 20_000
/** Ids that wait to be deleted, 100 B each: 50 MB. Beyond, the oldest go before their time. */
export const DROPPED_WAITING_MAX = 500_000

/** Search answers. */
export const SEARCH_LIMIT_DEFAULT = 20
export const SEARCH_LIMIT_MAX = 1_000
/** A trace is read whole up to here (about 20 MB of rows); larger ones are read in pages. */
export const SPANS_PER_TRACE_READ_MAX = 20_000
export const SPANS_PER_PAGE_MAX = 10_000
export const NAMES_MAX = 1_000

/**
 * Of an outline: kinds of spans (resource, name, kind, status) whose texts are read, and spans whose links
 * and events are. A trace has some dozens of kinds; one with a name of its own for every span shows the rest
 * without.
 */
export const OUTLINE_SHAPES_MAX = 50_000
export const OUTLINE_EXTRAS_MAX = 50_000

/** Calls between services looked at for the service graph, newest first: some seconds of a busy system. */
export const GRAPH_SPANS_MAX = 2_000_000
export const GRAPH_EDGES_MAX = 2_000
/** How long before a span its trace may have begun, to count for as many as the trace stands for. */
export const GRAPH_TRACE_NS_MAX = 3_600_000_000_000n

/** A trace that begins so much after now is of a clock that is ahead: it is listed after all others. */
export const AHEAD_NS_MAX = 60_000_000_000n

/**
 * A search by TraceQL looks at so many traces, at so many spans of them together, and for so long; what is
 * older is for the next page. 27,000 spans took 1.1 s of CPU here and 1.9 s in the engine.
 */
export const MATCH_TRACES_MAX = 5_000
export const MATCH_SPANS_MAX = 200_000
export const MATCH_MS_MAX = 10_000
/** Each round looks at more candidates than the one before: rare matches are far apart. */
export const MATCH_ROUND_GROWTH = 4
export const MATCH_ROUND_MAX = 2_000
/** Of one trace; a larger one is matched by its first spans, and the answer says so. */
export const MATCH_SPANS_PER_TRACE_MAX = 50_000
/** Spans of several traces read at once: 20 MB of rows. */
export const MATCH_BATCH_SPANS_MAX = 20_000

/** Tags and their values are looked for in the newest spans only: the same ones come in every second. */
export const TAG_SPANS_MAX = 200_000
/** Distinct resources looked at for their keys and values. */
export const TAG_RESOURCES_MAX = 2_000
/** A service graph joins the spans of the newest hours with their parents: 2 M spans are 1 s and 200 MB. */
export const DEPENDENCY_SPANS_MAX = 2_000_000
