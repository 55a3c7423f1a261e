// Limits of the server, each with its reason.

/** A tool package is text of a few kB; a hello with 10,000 tracepoints of 60 bytes is 600 kB. */
export const BODY_BYTES_MAX = 1024 * 1024

/**
 * Bytes of files that are being imported at once, after decompression: three of the largest (20 MiB, as a
 * request of OTLP), beside what the OTLP port may hold.
 */
export const IMPORT_BYTES_IN_FLIGHT_MAX = 64 * 1024 * 1024

/** A body that is not here after this long is a slow loris. */
export const BODY_MS_MAX = 10_000

/**
 * Node's own limits, set on the listener: headers within 16 kB and 10 s, 5 s between requests of a
 * connection.
 */
export const HEADERS_BYTES_MAX = 16 * 1024
export const HEADERS_MS_MAX = 10_000
export const KEEP_ALIVE_MS = 5_000

/**
 * Connections at one time: UI tabs, CLI calls and one stream an agent. 2,000 agents on one server is where it
 * is split.
 */
export const CONNECTIONS_MAX = 4_096

/** Spans in one answer of /traces/{id}; the rest is read in pages. 5,000 x about 1 kB = 5 MB of JSON. */
export const TRACE_VIEW_SPANS_MAX = 5_000
export const SPANS_PAGE_DEFAULT = 1_000
export const SPANS_PAGE_MAX = 5_000

/**
 * Spans of one trace that are modelled; a larger one is shown in part and says so. 200,000 are
 * read as an outline in about 0.5 s and are about 200 MB in the read thread.
 */
export const TRACE_MODEL_SPANS_MAX = 200_000

/** Points (events) of an outline: about 20 B each, 1 MB in all. */
export const OUTLINE_POINTS_MAX = 50_000
/** Matches of a search inside a trace. */
export const FIND_SPANS_MAX = 10_000

/**
 * Critical paths of many traces in one answer: 1,000 traces, 300,000 spans and 10 s, whichever is first.
 * Reading takes about 5 us a span, adding up 3 us; the rest of the traces is counted as left out.
 */
export const PATHS_TRACES_DEFAULT = 200
export const PATHS_TRACES_MAX = 1_000
export const PATHS_SPANS_MAX = 300_000
export const PATHS_MS_MAX = 10_000
/** Spans of traces that are read together: a batch is one query and a few MB. */
export const PATHS_BATCH_SPANS = 20_000

/** Columns of the heatmap of a search: one for each 4 px of a wide screen. */
export const HEAT_COLUMNS_MAX = 500
export const HEAT_NS_DEFAULT = 3_600_000_000_000n

/** The service graph looks back this long unless told otherwise, and at most a day. */
export const GRAPH_MS_DEFAULT = 15 * 60_000
export const GRAPH_MS_MAX = 24 * 3_600_000

/** Trace list. */
export const SEARCH_LIMIT_DEFAULT = 20
export const SEARCH_LIMIT_MAX = 1_000
export const FILTER_TEXT_MAX = 1_024
export const FILTER_ATTRIBUTES_MAX = 16

/** Live list: how often new traces are looked for, how many are told at once, how many listen. */
export const LIVE_POLL_MS = 500
export const LIVE_BATCH_MAX = 100
export const LIVE_LISTENERS_MAX = 256
/**
 * Ids already told: the newest this many. 10 polls of full batches, so that a trace is told once although
 * polls overlap.
 */
export const LIVE_SEEN_MAX = 1_000
/**
 * Polls look back this far by start of trace: traces appear when they are quiet, up to 60 s after they
 * started.
 */
export const LIVE_LOOK_BACK_MS = 60_000

/** A comment on every stream, so that both ends notice a dead connection. */
export const STREAM_BEAT_MS = 10_000
/** Bytes that may wait for a slow reader of a stream before it is cut off. */
export const STREAM_BACKLOG_BYTES_MAX = 1024 * 1024

/** A login link works once, within this long; each printed link makes one. */
export const LOGIN_TOKEN_MS = 10 * 60_000
export const LOGIN_TOKENS_MAX = 100
/** A browser stays logged in for a working week. */
export const SESSION_MS = 7 * 24 * 3_600_000

/** Tokens with names: each request with a token looks through them. */
export const TOKENS_MAX = 256
/** A month unless it says otherwise, a year at most: a token that nobody remembers ends. */
export const TOKEN_TTL_MS_DEFAULT = 30 * 24 * 3_600_000
export const TOKEN_TTL_MS_MAX = 366 * 24 * 3_600_000
/**
 * Of one token. A glob of 20 characters takes 1 ms against the longest tracepoint there may be (2,048), and
 * it is the operator who writes globs.
 */
export const GRANTS_MAX = 16
export const GRANT_CHARS_MAX = 256
/** How late the end of a token reaches streams that it opened. */
export const TOKEN_TICK_MS = 1_000

/** Signed state is valid this long and renewed at a third of it: two renewals may be lost. */
export const STATE_VALID_MS = 90_000
export const STATE_RENEW_MS = 30_000
export const PACKAGES_MAX = 256

/** Policies end to the second; shares follow demand every five, which is how often agents are told anew. */
export const SAMPLING_TICK_MS = 1_000
export const SHARES_EVERY_TICKS = 5
/** Two reports nearer than that say nothing about a rate. */
export const SAMPLING_DEMAND_MS_MIN = 500
/** A year; without a lifetime a policy lives until it is removed. */
export const SAMPLING_TTL_SECONDS_MAX = 366 * 24 * 3_600
/** All policies of rates together: at 20 spans a trace the 20,000 spans/s that one server is stated for. */
export const SAMPLED_PER_SECOND = 1_000
/** Canopy's default (4.1): enough to see what a tenant does, too little for one tenant to fill the store. */
export const SAMPLED_PER_SECOND_OF_TENANT = 5

/** Agents known at one time; the longest silent is forgotten. One view is about 1 kB. */
export const AGENTS_MAX = 10_000
/** An agent that said nothing this long is shown as gone, later forgotten. Reports come once a second. */
export const AGENT_SILENT_MS = 5_000
export const AGENT_FORGET_MS = 10 * 60_000
export const TRACEPOINTS_PER_AGENT_MAX = 20_000

/** Restart of a dead worker: 100 ms, doubled up to 10 s, back to 100 ms after a minute of life. */
export const RESTART_MS_MIN = 100
export const RESTART_MS_MAX = 10_000
export const RESTART_CALM_MS = 60_000

/** Requests under way get this long at shutdown. */
export const CLOSE_MS_MAX = 5_000

/** A read (search, trace) that takes longer is told so: 504. */
export const READ_MS_MAX = 30_000

/** Ports tried by --auto-port. */
export const AUTO_PORTS_MAX = 50

/** What one reading of the audit log checks and may show: 1 MiB, about 4,000 entries, 10 ms of hashing. */
export const AUDIT_READ_BYTES_MAX = 1024 * 1024

/** Live queries at one time: each is a package, and agents hold PACKAGES_MAX. */
export const QUERIES_MAX = 128
/** A query is forgotten everywhere after this long unless it says otherwise. */
export const QUERY_TTL_MS_DEFAULT = 10 * 60_000
/** Of baggage that a query may want a request to carry: a third of what a header has room for. */
export const QUERY_BUDGET_BYTES_DEFAULT = 1024
export const QUERY_BUDGET_BYTES_MAX = 3072
export const QUERY_TTL_MS_MAX = 24 * 3_600_000
/** Results are told to streams as often as agents report. */
export const QUERY_TICK_MS = 1_000
/** Rates are over this long: two or three reports of each process. */
export const RATE_WINDOW_MS = 3_000
/** Processes whose totals one query holds; those that are gone count too. */
export const QUERY_AGENTS_MAX = 10_000
/** Columns of a result that totals are wanted of: all subsets of three are eight passes over the groups. */
export const ROLLED_UP_COLUMNS_MAX = 3
/** Groups of one result over all processes: 10,000 merge in about 10 ms. */
export const MERGED_GROUPS_MAX = 10_000

/** A query over stored traces looks back this long unless told otherwise. */
export const PAST_MS_DEFAULT = 3_600_000
/**
 * It looks at so many traces and spans, newest first, and for so long, whichever is first: 300,000 spans are
 * about 5 s of reading, modelling and running advice.
 */
export const PAST_TRACES_MAX = 20_000
export const PAST_SPANS_MAX = 300_000
export const PAST_MS_MAX = 20_000
/** Spans of traces that are read together: one query of the store and some 20 MB. */
export const PAST_BATCH_SPANS = 10_000
/** A larger trace is skipped and counted: its events are held at once. */
export const PAST_TRACE_SPANS_MAX = 100_000

/**
 * Rows of features over the whole store come in answers of so many traces and spans (about 0.5 s of reading
 * and evaluating) and rows (20,000 are some MB of JSON; more are drawn from).
 */
export const FEATURE_ROWS_TRACES_MAX = 1_000
export const FEATURE_ROWS_SPANS_MAX = 50_000
export const FEATURE_ROWS_ROWS_MAX = 20_000
/** A larger trace is skipped and counted: it would be an answer of its own. */
export const FEATURE_ROWS_TRACE_SPANS_MAX = 50_000

/** Notebooks: text that people type. 500 of them at their most are 32 MB, held in memory. */
export const NOTEBOOKS_MAX = 500
export const NOTEBOOK_BYTES_MAX = 64 * 1024
export const NOTEBOOK_CELLS_MAX = 100
export const NOTEBOOK_NAME_CHARS_MAX = 120
/** Versions in a file, and bytes of them: the oldest go first. Writing one is one fsync of 256 kB. */
export const NOTEBOOK_VERSIONS_MAX = 20
export const NOTEBOOK_FILE_BYTES_MAX = 256 * 1024

// --- Jaeger's and Tempo's APIs

/** The reader's own page. */
export const TRACE_READ_PAGE = 10_000

/** Jaeger answers a search with whole traces: 100 by its own default, 20 as Grafana asks. */
export const COMPAT_LIMIT_DEFAULT = 20
export const COMPAT_LIMIT_MAX = 200
/** Spans in one answer of Jaeger's API: 60,000 x about 1.5 kB = 90 MB of JSON, as much as a page can hold. */
export const COMPAT_SPANS_MAX = 60_000
/** `?traceID=` many times. */
export const COMPAT_TRACES_BY_ID_MAX = 20
/** Tempo's default is 3 spans of each spanset. */
export const COMPAT_SPANS_PER_SPANSET_DEFAULT = 3
export const COMPAT_SPANS_PER_SPANSET_MAX = 1_000
/** Values of a tag: what fits into a list that somebody looks through. */
export const COMPAT_TAGS_MAX = 1_000

/** Policies decide once a second, as agents report. */
export const CONTROL_STEP_MS = 1_000

/** Policies that run at a time: each looks at all tenants and resources every second. */
export const POLICIES_MAX = 32

/**
 * Policies of users run in processes of their own. A step looks at some thousand numbers, which takes
 * milliseconds; half of the time to the next one is more than it can need, and all others wait for it. Node
 * starts one in 100 ms, on a busy machine in some seconds. 64 MB are a hundred times what a step is shown.
 */
export const POLICY_STEP_MS_MAX = 500
export const POLICY_LOAD_MS_MAX = 5_000
export const POLICY_HEAP_MB_MAX = 64
/** Files in the list of what can be set. */
export const POLICY_FILES_SHOWN = 64

/** Decisions of a policy in its view: what one reads on a page. */
export const DECISIONS_SHOWN = 100

/** Of who blames whom: a matrix that one can read. */
export const BLAME_TENANTS_SHOWN = 24
export const BLAME_CAUSES_SHOWN = 24

/** Of the timeline: two or three screens. */
export const EPISODES_SHOWN = 200

/** A limit of which so much is used holds somebody (as service/control counts it). */
export const BINDING_USE_SHOWN = 0.9

/**
 * The past of the pipeline: an hour of samples, each of about 20 numbers and what was lost meanwhile, is
 * 720 x 0.5 kB. An answer has at most so many points: 120 x 30 columns are 30 kB.
 */
export const PIPELINE_SAMPLE_MS = 5_000
export const PIPELINE_MINUTES_MAX = 60
export const PIPELINE_POINTS_MAX = 120
/** Causes of losses that are told apart: reasons come from agents, statuses from senders. */
export const PIPELINE_CAUSES_MAX = 200
export const PIPELINE_OWNERS_MAX = 32
