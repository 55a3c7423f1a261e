// Limits of the server, each with its reason.

/** A tool package is text of a few kB; a hello with 10,000 tracepoints of 60 bytes is 600 kB. */
export const BODY_BYTES_MAX = 1024 * 1024

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
 * Spans of one trace that are modelled; a larger one is shown in part and says so. 200,000 are read in about
 * 20 pages and are about 300 MB in the read thread.
 */
export const TRACE_MODEL_SPANS_MAX = 200_000
/** The reader's own page. */
export const TRACE_READ_PAGE = 10_000

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

/** Signed state is valid this long and renewed at a third of it: two renewals may be lost. */
export const STATE_VALID_MS = 90_000
export const STATE_RENEW_MS = 30_000
export const PACKAGES_MAX = 256

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
