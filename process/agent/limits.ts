// Every bound of the agent, with its reason.

/**
 * Encoded spans that wait: at ~450 B a span about 9,000 spans, some seconds of 2,000 spans/s with a dead
 * collector. Beyond: dropped, counted.
 */
export const QUEUE_BYTES_MAX = 4 * 1024 * 1024
/**
 * One request: far below the 20 MiB a collector must accept, large enough that overheads vanish (512 spans
 * ~ 230 kB).
 */
export const BATCH_BYTES_MAX = 512 * 1024
/** OTEL_BSP_MAX_EXPORT_BATCH_SIZE's default. */
export const BATCH_SPANS_MAX = 512
/** OTEL_BSP_MAX_QUEUE_SIZE's default. */
export const QUEUE_SPANS_MAX = 2048
/**
 * One span: a span whose attributes exceed it is dropped and counted, so one huge string cannot evict a
 * thousand spans.
 */
export const SPAN_BYTES_MAX = 64 * 1024
/**
 * Ended spans that wait to be encoded together: 64 x 0.7 us is a pause that nobody sees. Only spans of few
 * characters wait, so they hold 64 x 4,096 characters = 256 kB at most.
 */
export const ENCODE_SPANS = 64
export const SMALL_SPAN_CHARS = 4096
/** OTEL_BSP_SCHEDULE_DELAY is 5 s by default; a live view wants to see spans in the same second. */
export const EXPORT_DELAY_MS = 500
/** OTEL_EXPORTER_OTLP_TIMEOUT's default. */
export const EXPORT_TIMEOUT_MS = 10_000
/**
 * Exponential from here to there, with jitter; a batch is given up after RETRIES_MAX (about half a minute).
 */
export const RETRY_MS_MIN = 500
export const RETRY_MS_MAX = 10_000
export const RETRIES_MAX = 6
/** A collector's answer is a few bytes; reading without end was CVE-2026 class in Go and .NET exporters. */
export const RESPONSE_BYTES_MAX = 64 * 1024
/** The promise of the surface: exit is never delayed longer. */
export const EXIT_FLUSH_MS_MAX = 300

/** OpenTelemetry's defaults for OTEL_*_LIMIT. */
export const ATTRIBUTES_MAX = 128
export const EVENTS_MAX = 128
export const LINKS_MAX = 128

/**
 * Spans a join remembers; a Promise.all of more keeps these many. Half of LINKS_MAX, so that an
 * application's own links find room.
 */
export const TRAIL_MAX = 64
/** Shorter trails are not worth looking at where executions join: joins are many and growth is slow. */
export const TRAIL_TIDY_MIN = 16

/** Reports and reconnects of the control connection. */
export const REPORT_EVERY_MS = 1000
/** The event loop is looked at this often for its delay: 50 wakings a second, below 0.1 % of a core. */
export const LOOP_BEAT_MS = 20
export const CONTROL_TIMEOUT_MS = 5000
/** The server sends a comment every 10 s; three missed ones mean the connection is dead. */
export const STREAM_SILENCE_MS_MAX = 30_000
export const RECONNECT_MS_MIN = 500
export const RECONNECT_MS_MAX = 30_000
/** A desired state of 256 packages of 4 kB each. */
export const STATE_BYTES_MAX = 1024 * 1024

/**
 * Names an application may announce through tracepoint(), resource(): the vocabulary stays bounded whatever
 * names it makes up.
 */
export const NAMES_MAX = 1000
/** Members of a list that a query can see: as many as a Value holds. */
export const HOST_LIST_MAX = 256
/** Prototypes that a property is looked for on; class hierarchies are not deeper. */
export const PROTOTYPES_MAX = 8
/** Functions told in the vocabulary: the server takes 10,000 tracepoints of a process. */
export const FUNCTIONS_TOLD_MAX = 8000
/**
 * Of one core, in a second of reporting: 10 ms for one tool (1 %), 20 ms for all (2 %). Above, a tool is
 * sampled ever more rarely. At 1 us a pack, 1 % is 10,000 requests a second: a common query is exact on a
 * busy service.
 */
export const TOOL_NS_PER_SECOND_MAX = 10_000_000
export const ADVICE_NS_PER_SECOND_MAX = 20_000_000
/**
 * What was not used in so many seconds may be used at once: 50 ms for one tool. Its first runs are not
 * compiled yet and take a hundred times as long, and requests come in bursts; neither should cost exactness.
 */
export const SAVED_WINDOWS = 4
/** One run in this many is timed: two clock reads (~100 ns) would double the price of a short advice. */
export const ADVICE_SAMPLE_EVERY = 64
/** Above that every run is timed: the clock is 1.5 % of it, and dear advice is known by its first runs. */
export const DEAR_NS = 6400
/**
 * What a hit costs beside its advice, and one that is passed by: the call of the hook, its list of arguments,
 * the draw.
 */
export const HIT_NS = 50
/** Hits passed by that are charged together. */
export const PASSED_CHARGED_EVERY = 1024
/** Rarer than this a result says nothing any more, and even passing by costs too much: disarmed. */
export const SAMPLED_EVERY_MAX = 1024
/** After that time it is tried again, sampled as rarely as can be. */
export const DISARMED_MS = 10_000

/**
 * A loop that is late by 50 ms is felt by its users; where advice took half of that or more, a tool gives way
 * (watchdog.ts).
 */
export const LOOP_LATE_MS = 50
export const LOOP_PART = 0.5
/** Above 90 % of its limit V8 collects without end; 5 % is what is worth giving back then. */
export const HEAP_FULL = 0.9
export const HEAP_PART = 0.05
/**
 * Results in one report, as JSON: half of what the server reads (1 MiB); those that have no room come with
 * the next report, in turns.
 */
export const RESULTS_BYTES_MAX = 512 * 1024

/** Places that a tool could not reach, told with each report: a pattern may be at thousands. */
export const MISSED_TOLD_MAX = 20
