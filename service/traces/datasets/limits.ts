// Every maximum of datasets, with its reason.

/** Definitions: a page lists them, each live trace is looked at by each. */
export const DATASETS_MAX = 200
/** Canopy's widest data sets have some hundred columns; each is a file a part and a slot a row. */
export const COLUMNS_MAX = 300
/** Columns that newer versions left out keep their values, until there are so many. */
export const RETIRED_COLUMNS_MAX = 300
/** Earlier versions that are remembered. */
export const HISTORY_MAX = 20
export const NAME_CHARS_MAX = 64
export const DEFINITION_CHARS_MAX = 64 * 1024

/** Default age and size of one dataset: 2 GiB are 10 M rows of 60 columns. */
export const RETENTION_HOURS_DEFAULT = 30 * 24
export const RETENTION_HOURS_MAX = 20 * 365 * 24
export const DATASET_BYTES_DEFAULT = 2 * 1024 ** 3
export const DATASET_BYTES_MIN = 1024 ** 2
/** Between looks at ages and sizes. */
export const RETENTION_CHECK_MS = 60_000

/** Rows of one trace in one dataset; a trace of more blocks has the first ones. */
export const ROWS_PER_TRACE_MAX = 10_000
/** Longer texts are cut: a value is for grouping, the trace has it whole. */
export const TEXT_CHARS_MAX = 1_024
export const SET_MEMBERS_MAX = 100

// Asking.

/** A statement of the notebook. */
export const SQL_CHARS_MAX = 16 * 1024
export const SELECT_MAX = 50
export const GROUP_BY_MAX = 8
export const ORDER_BY_MAX = 8
export const WHERE_NODES_MAX = 500
export const WHERE_DEPTH_MAX = 32
export const IN_VALUES_MAX = 1_000
export const GROUPS_DEFAULT = 100
/** As many rows as are made into JSON in about 20 ms. */
export const GROUPS_MAX = 10_000
/** Lines of a chart that can be told apart. */
export const SERIES_DEFAULT = 10
export const SERIES_MAX = 1_000
/** Points in time of a series: pixels of a wide screen. */
export const INTERVALS_MAX = 5_000
/** Series times intervals. */
export const SERIES_ROWS_MAX = 100_000
/** Up to here percentiles hold all values (8 B each: 160 MB); beyond it a t-digest. */
export const EXACT_ROWS_MAX = 20_000_000
/** A query of 10 M rows takes a second; beyond this the engine is stopped. */
export const QUERY_MS_MAX = 15_000

/** Columns in one pass of a comparison: each has its own hash table. */
export const COMPARE_COLUMNS_PER_PASS = 32
/** Values of a column that a comparison holds apart, the most frequent ones; the others count as one. */
export const COMPARE_VALUES_MAX = 200
/** Bins of a numeric column: 64 a doubling over 60 doublings, both signs. */
export const COMPARE_BINS_MAX = 8_000
export const COMPARE_VALUES_SHOWN = 20
export const COMPARE_BINS_SHOWN = 40
export const SIGNIFICANCE_LEVEL = 0.05

// Extracting. CPU is of the feature worker's thread.

/**
 * Jobs of one owner that wait, as in Canopy ("short"): a model of 30 spans is 30 kB, so 200 owners
 * with full
 * queues hold 100 MB. More go to the delayed queue.
 */
export const OWNER_QUEUE_MAX = 16
export const OWNERS_MAX = DATASETS_MAX + 1
/** What an owner gets a round: some twenty traces of 60 features, and a twentieth of a blink. */
export const QUANTUM_MS = 2
/** Sealing (0.5 s), quiet (0.8 s), this and a write (1 s) stay within 5 s from the root to its row. */
export const LATE_MS = 1_000
/** While traces are late an owner gets at least this after each model: a job of twenty features. */
export const SHARE_MS_MIN = 0.05
/**
 * A trace of 20 spans with 60 features takes 0.1 ms. An owner may take a hundred times as long before
 * it counts
 * as a strike, and 20 us more for each span.
 */
export const JOB_MS_MAX = 10
export const JOB_MS_PER_SPAN = 0.02
/** Once is an accident (a pause for garbage), twenty times in a minute is what the features are. */
export const STRIKES_MAX = 20
export const STRIKE_WINDOW_MS = 60_000
export const QUARANTINE_MS_MIN = 60_000
export const QUARANTINE_MS_MAX = 3_600_000

/** Batches kept for traces that come due: 48 MiB of records are two seconds at 50,000 spans/s. */
export const CACHE_BYTES_MAX = 96 * 1024 * 1024
/** A runaway trace (a context that leaks into everything) has no features: its model would take 100 MB. */
export const FEATURE_SPANS_MAX = 50_000
/** Spans in one answer of the store: 10 MB of rows. */
export const READ_SPANS_MAX = 20_000
/** Traces read at once: of six spans each 6,000 spans in 120 ms, the same 200 traces took 50 ms. */
export const READ_TRACES_MAX = 1_000
/** Late spans come a few at a time: one read takes all that came meanwhile. */
export const READ_LATE_EVERY_MS = 100
/** Due traces that wait for their turn; more go to the delayed queue, ids only. */
export const INCOMING_MAX = 20_000
/** Due traces that wait to be read from the store; more go to the delayed queue. */
export const UNREAD_MAX = 5_000
/**
 * Traces in the delayed queue that all owners are to look at: 1 M ids are 40 MB of store; beyond it they are
 * dropped and counted. So are those of one owner: as many as come in two minutes at 800 a second.
 */
export const DELAYED_MAX = 1_000_000
export const DELAYED_OF_OWNER_MAX = 100_000
export const DELAYED_HOURS_MAX = 7 * 24
/** Traces of one owner, and of all, that one look into the delayed queue finds: 10,000 ids are 1 MB. */
export const DELAYED_PAGE_OF_OWNER = 1_000
export const DELAYED_PAGE = 10_000
/** Of one owner between the delayed queue and durable rows, which are written once a second. */
export const DELAYED_UNDER_WAY_MAX = 4_000
/** Between looks into the delayed queue when it had nothing that may go on. */
export const DELAYED_CHECK_MS = 500

/** The thread works so long before it lets messages in. */
export const SLICE_MS = 5
/** Rows wait so long at most before they are written; an insert costs some 10 ms whatever is in it. */
export const FLUSH_MS = 1_000
export const FLUSH_ROWS = 20_000
/**
 * Rows times columns of one insert, about 5 MB: below the 10 MiB from which the engine keeps a file, and
 * buffers of some MB, for each column; 20,000 rows of 300 columns went over what one statement may take.
 */
export const CELLS_PER_INSERT_MAX = 500_000
/** Rows in memory while the store is slow; beyond it nothing is evaluated. */
export const BUFFERED_ROWS_MAX = 200_000
/** Where rows of recent traces stand, to take them back; 100 B each. */
export const WRITTEN_ROWS_MAX = 500_000
export const PRIOR_TRACES_PER_QUERY_MAX = 1_000
export const STORE_RETRY_MS = 1_000
/** An orderly end waits so long for rows under way. */
export const CLOSE_MS_MAX = 5_000

/** Traces that are named and wait to be read, while there are more: two reads. */
export const PATIENT_UNREAD_MIN = 2 * READ_TRACES_MAX
/** Traces of one step of a backfill: two reads, so that the next ones are named while these are read. */
export const BACKFILL_PAGE = 2 * READ_TRACES_MAX
/** Steps that wait to be durable: rows are written once a second. */
export const BACKFILL_PAGES_UNDER_WAY_MAX = 8
export const BACKFILLS_MAX = 20
export const BACKFILL_SAVE_MS = 1_000
/** Traces a new definition is tried on before it takes effect. */
export const CANARY_TRACES = 50

/**
 * The feature worker is asked how it is so often, and ended when it says nothing for so long: then it
 * hangs.
 */
export const PING_MS = 5_000
export const SILENCE_MS_MAX = 30_000
/**
 * Heap of the feature worker: 200 MB of batches and models at 50,000 spans/s, the largest trace 500 MB
 * more.
 */
export const FEATURE_HEAP_MB_MAX = 1_536
