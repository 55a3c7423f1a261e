// Every bound of the browser app, with its reason.

/**
 * Rows the list keeps. A row is about 20 DOM nodes: 500 rows are 10,000 nodes, which a laptop lays out in <
 * 30 ms. More is not read by scrolling but by filtering; older pages come by cursor and push nothing out
 * before this.
 */
export const LIST_ROWS_MAX = 500

/** Rows a page of the list asks for: two screens on a tall display. */
export const LIST_PAGE_ROWS = 100

/** The live stream may bring thousands a second; the page is redrawn at most this often. */
export const LIVE_REDRAW_MS = 250

/**
 * While the pointer moves over the rows, and this long after, they stand still: nobody can click what runs
 * away. Long enough to read a row and decide, short enough that a forgotten pointer does not stop the tail.
 */
export const LIVE_HOLD_MS = 1_200

/** Names of services and attributes change by deploys, not by seconds. */
export const FACETS_REFRESH_MS = 60_000

/** Points in the scatter: one frame draws 5,000 discs in about 4 ms. */
export const SCATTER_POINTS_MAX = 5_000

/**
 * Spans of one trace held in memory: at ~1 kB of attributes each about 250 MB, the most a tab should take.
 */
export const TRACE_SPANS_MAX = 250_000

/**
 * Spans per further page of a large trace (the most that the API gives): ~5 MB of JSON, parsed in < 50 ms.
 */
export const TRACE_PAGE_SPANS = 5_000

/**
 * A span id has 16 characters: 64 of them keep the URL below 1.5 kB, far from the 8 kB that proxies allow.
 */
export const URL_COLLAPSED_MAX = 64

/** A trace is complete some seconds after its end (senders batch for 5 s); until then it is read again. */
export const TRACE_YOUNG_NS = 15_000_000_000n
export const TRACE_REFRESH_MS = 3_000

/** Browsers refuse more than about 100 history changes in 30 s; a zoom by wheel makes 60 a second. */
export const URL_SETTLE_MS = 250

/** Arrows drawn in one frame; more are a hairball and nobody follows them. */
export const ARROWS_MAX = 400

/** Thin lines that join the sections of the critical path; more on one screen are a curtain. */
export const PATH_TURNS_MAX = 60

/** Characters of one attribute value shown before "show all". */
export const VALUE_PREVIEW_CHARS = 600

/**
 * Characters of a name put on a canvas: more never fit, and measuring a megabyte per frame would freeze the
 * page.
 */
export const CANVAS_TEXT_CHARS = 200

/** The shortest time window of the waterfall: 100 ns over 1000 px is 0.1 ns a pixel, below any clock. */
export const WINDOW_NS_MIN = 100n

/** How often the list of running queries is asked for, and the vocabulary of the editor. */
export const QUERIES_REFRESH_MS = 3_000
export const VOCABULARY_REFRESH_MS = 5_000

/** How often the system page asks again. */
export const AGENTS_REFRESH_MS = 2_000

/** Waits before the live stream is tried again: doubled from the first to the last. */
export const STREAM_RETRY_MS_MIN = 1_000
export const STREAM_RETRY_MS_MAX = 15_000

/** Matches of a search inside a trace that `n` can visit. */
export const SEARCH_MATCHES_MAX = 100_000

/** Seconds of a result that the page remembers: five minutes, a point a second. */
export const SNAPSHOTS_MAX = 300

/**
 * Rows in all of them: about 300 B each, so 30 MB at most. A result of 2,000 rows is remembered for 50 s.
 */
export const SNAPSHOT_ROWS_MAX = 100_000

/** Lines in one picture: as many as there are hues to tell them by. */
export const LINES_MAX = 11

/** Rows and columns of a pivot table, and of a heatmap by names: more is for Where and Top. */
export const PIVOT_ROWS_MAX = 200
export const PIVOT_COLUMNS_MAX = 40

/** Columns of time in a heatmap; rows of values, each 17 % wider than the one below: five decades. */
export const HEAT_COLUMNS_MAX = 300
export const HEAT_BANDS_MAX = 80

/** Rows of a result in the page: each is a handful of nodes, drawn anew once a second. */
export const ROWS_SHOWN_MAX = 500

/** Rates in a sparkline: a minute, one a second. */
export const RATES_SHOWN_MAX = 60

/** A trace that begins so much after now is of a clock that is ahead: it is listed after all others. */
export const AHEAD_MS_MAX = 60_000
