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

/** Columns of the list's heatmap, 10 px each on a laptop, and how often it is asked for. */
export const HEAT_PLOT_COLUMNS = 120
export const HEAT_PLOT_REFRESH_MS = 10_000

/** The service graph joins spans with their parents: some hundred ms of the store's time. */
export const SERVICE_GRAPH_REFRESH_MS = 30_000

/** A trace that begins so much after now is of a clock that is ahead: it is listed after all others. */
export const AHEAD_MS_MAX = 60_000

/** Conditions of one question to a dataset: more chips than fit on a screen. */
export const EXPLORE_WHERE_MAX = 40
/** Columns to group by at once: names of more parts nobody reads. */
export const EXPLORE_GROUP_BY_MAX = 3
/** Aggregates at once: as many as there are pictures on a tall screen. */
export const EXPLORE_SHOWN_MAX = 8
/** Points of time in a picture; the server's bound for 200 bands is 500. */
export const EXPLORE_POINTS = 100
/** Bands of a heatmap: 40 of them are 8 px each on a laptop. */
export const EXPLORE_BANDS = 40
/** Bands asked for: every possible one, the server cuts the rarest. */
export const EXPLORE_BANDS_ASKED = 200
/** Groups and rows in one answer: a row is a dozen nodes. */
export const EXPLORE_GROUPS_MAX = 200
export const EXPLORE_ROWS_MAX = 200
/** Groups of each population in the table of functions, the heaviest ones. */
export const EXPLORE_FUNCTIONS_MAX = 1_000
/** Columns of features in the table of rows; the trace has the others. */
export const EXPLORE_COLUMNS_SHOWN = 16
/** Values of a column in the list beside, and of a population in a comparison. */
export const EXPLORE_VALUES_SHOWN = 12
export const COMPARE_VALUES_SHOWN = 5
/** A range up to now is asked for again after this long; a fixed one never. */
export const EXPLORE_REFRESH_MS = 10_000
/** The list of datasets, and a backfill that runs. */
export const DATASETS_REFRESH_MS = 3_000
/** Datasets whose stored rows the list counts, and how often. */
export const DATASETS_COUNTED_MAX = 50
export const DATASETS_COUNT_REFRESH_MS = 30_000
/** Cells of a notebook, as many as the server keeps. */
export const NOTEBOOK_CELLS_MAX = 100
/** Changes that are not saved stand in the address as far as it holds them: proxies allow 8 kB. */
export const NOTEBOOK_ADDRESS_CHARS_MAX = 7_000
/** How often the list, and an open notebook, ask whether somebody else has saved one. */
export const NOTEBOOKS_REFRESH_MS = 10_000
/** Rows of a cell that plots are made of; those that are shown are fewer. */
export const NOTEBOOK_ROWS_MAX = 20_000
export const NOTEBOOK_ROWS_SHOWN = 30
export const NOTEBOOK_BINS = 40
/** Traces that new features are tried on in the page: 20 of 100 spans are 2 MB and some ms. */
export const PREVIEW_TRACES = 20
/** Spans of one of them; larger ones are left out. */
export const PREVIEW_SPANS_MAX = 2_000
export const PREVIEW_ROWS_MAX = 50

/** Tenants and resources: reports come once a second; the past is a line of which two seconds are a pixel. */
export const CONTROL_REFRESH_MS = 1_000
export const CONTROL_PAST_REFRESH_MS = 2_000
export const POLICY_TYPES_REFRESH_MS = 10_000
/** Somebody pressed a button and waits. */
export const SETTING_MS_MAX = 10_000

/** Rows and columns of a matrix that one can read, and decisions below each other. */
export const MATRIX_NAMES_MAX = 24
export const EPISODES_SHOWN_MAX = 60

/** Spans of a page of an export, the most that the server gives at once. */
export const EXPORT_PAGE_SPANS = 5_000
/** Spans of a trace that the page takes along: about 100 MB of text; the command line streams larger ones. */
export const EXPORT_SPANS_MAX = 100_000

/** The pipeline takes a sample every five seconds. */
export const PIPELINE_REFRESH_MS = 5_000
