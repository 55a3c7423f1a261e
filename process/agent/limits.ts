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
/** node:http's own limit of a head; all heads of an answer together (100 Continue, and again). */
export const RESPONSE_HEAD_BYTES_MAX = 16 * 1024
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
/** One second without a request. */
export const LOOP_BEATS_UNASKED_MAX = 50
/** What comes this soon after a late beat waited for the same thing: one turn of a loop that has work. */
export const LOOP_FRESH_MS = 1
/** A delay below this is no delay, and an attribute of its own is 25 bytes a span. */
export const LOOP_DELAY_TOLD_MS = 1
export const CONTROL_TIMEOUT_MS = 5000
/** The server sends a comment every 10 s; three missed ones mean the connection is dead. */
export const STREAM_SILENCE_MS_MAX = 30_000
export const RECONNECT_MS_MIN = 500
/**
 * A server that is back is followed within this, also after a long absence: somebody waits to steer. A
 * thousand processes are then some 330 small requests a second.
 */
export const RECONNECT_MS_MAX = 4000
/** A desired state of 256 packages of 4 kB each. */
export const STATE_BYTES_MAX = 1024 * 1024

/**
 * Names an application may announce through tracepoint(): the vocabulary stays bounded whatever names it
 * makes up.
 */
export const NAMES_MAX = 1000
/** Members of a list that a query can see: as many as a Value holds. */
export const HOST_LIST_MAX = 256
/** Prototypes that a property is looked for on; class hierarchies are not deeper. */
export const PROTOTYPES_MAX = 8
/** Functions told in the vocabulary: the server takes 10,000 tracepoints of a process. */
export const FUNCTIONS_TOLD_MAX = 8000
/**
 * Of one core, for one tool; for all together, twice that. Above, a tool is sampled ever more rarely. At 1 us
 * a pack, 1 % is 10,000 requests a second: a common query is exact on a busy service.
 */
export const BUDGET = 0.01
/** A window of the budget: a second of reporting. */
export const WINDOW_NS = 1e9
/**
 * Seconds whose budget a burst may take: code that has never run is a hundred times slower than it will be,
 * and the first requests after a query came must not be sampled for it.
 */
export const SAVED_WINDOWS_MAX = 10
export const ADVICE_NS_PER_SECOND_MAX = 20_000_000
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
/** Tracepoints with advice that a report names: what is woven is for a person to read. */
export const WOVEN_TOLD_MAX = 256

/**
 * What is kept apart by the meter of workflows. A report is sent each second: 256 workflows in 32 resources
 * of three columns are 24,576 numbers, about 250 kB when all are in use, a quarter of what the server takes.
 */
export const METER_WORKFLOWS_MAX = 256
export const METER_RESOURCES_MAX = 32
export const METER_POINTS_MAX = 48

/** Latencies of a workflow that are kept between two reports, for their 99th percentile. */
export const METER_LATENCIES_MAX = 512

/** A tenant's name in reports; longer ones are cut. */
export const TENANT_LENGTH_MAX = 128

/** A rate's probability is that of the interval before; a second is what rates are told in. */
export const SAMPLING_INTERVAL_MS = 1000
/**
 * Tenants with a bucket or a debt, 100 B each; of more, those asked least recently start anew with a full
 * one.
 */
export const SAMPLING_TENANTS_MAX = 4096
/**
 * Requests that a mark or a tenant may still decide about, 300 B each: 3 MB. As many as a busy process
 * serves at once; the oldest keep the decision they have.
 */
export const HELD_ROOTS_MAX = 10_000

/** Places where a rule looks for a tenant: header, query, path, and as many again for old clients. */
export const TENANT_RULES_MAX = 8

/** A signed token that is looked at: what most servers take as one header. */
export const TENANT_TOKEN_LENGTH_MAX = 8_192
/** Tokens that were believed and are remembered: 1 kB each, 1 MB. */
export const TENANT_CLAIMS_MAX = 1_000
