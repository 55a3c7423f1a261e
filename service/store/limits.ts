// Every maximum of store/, with its reason.

/**
 * A query that takes longer has run away: interactive search answers in tens of ms, a full scan of 100 M rows
 * in about 5 s.
 */
export const QUERY_MS_MAX = 15_000

/** Past its deadline the engine gets this long to stop a query by itself; then the child is killed. */
export const KILL_GRACE_MS = 2_000

/**
 * Between telling the caller of a runaway query and the end of the child: enough for one answer over a local
 * socket.
 */
export const LAST_WORDS_MS = 50

/** An insert of one 8 MiB segment takes 50-200 ms; a slow disk may take seconds for its fsync. */
export const INSERT_MS_MAX = 60_000

/**
 * One block holds records of 32 MiB, or one record that came as 20 MiB of OTLP. Attributes of events become
 * JSON text, where a control character takes six bytes: 120 MiB at most, and the fixed columns.
 */
export const BODY_BYTES_MAX = 256 * 1024 * 1024

/**
 * Parameters travel in the URL: 2,000 trace ids are 80 kB. The same as ClickHouse's own http_max_uri_size.
 */
export const URI_BYTES_MAX = 1024 * 1024

/** Two readers of the UI, the trace worker's rereads and one search that takes its time. */
export const QUERY_CONNECTIONS = 4

/** One block is encoded while another is written; more would only make more, smaller parts under merge. */
export const INSERT_CONNECTIONS = 2

/** Native calls of the addon block a thread of libuv's pool each: all connections plus spares for files. */
export const CHILD_THREADS = QUERY_CONNECTIONS + INSERT_CONNECTIONS + 2

/**
 * The child answers /ping from its event loop, which no query blocks; silence this long means that it hangs.
 */
export const PING_SILENCE_MS_MAX = 10_000
export const PING_EVERY_MS = 2_000

/**
 * Between looks at what merges made while nothing is inserted. What they have read stays 480 s: 48 looks.
 */
export const PART_CHECK_MS = 10_000

/**
 * What the engine set aside as broken is kept a day for whoever wants to look; we look every hour. At
 * most it is what one crash on a full disk cuts short: the parts of a few merges.
 */
export const SET_ASIDE_MS_MAX = 24 * 3_600_000
export const SET_ASIDE_CHECK_MS = 3_600_000

/** Tables are created and changed with this much room: their files are a few kB. */
export const SCHEMA_ROOM_BYTES_MIN = 1024 * 1024

/**
 * A child that dies at once (data directory locked by a dying predecessor) is started again after this,
 * doubled up to the max.
 */
export const RESTART_MS_MIN = 50
export const RESTART_MS_MAX = 2_000

/** An insert that failed for a passing reason is tried again after this, doubled up to the max. */
export const RETRY_MS_MIN = 50
export const RETRY_MS_MAX = 2_000

/**
 * Refusals for a passing reason (memory, parts) after which one insert is given up: about a minute of them.
 */
export const INSERT_REFUSALS_MAX = 32

/** How long a query waits for an engine that is starting (cold file cache: 5 s measured). */
export const READY_MS_MAX = 20_000

/** A graceful end gives running statements this long. */
export const CLOSE_MS_MAX = 3_000

/** sockaddr_un holds 108 bytes on Linux and 104 on macOS, terminator included. */
export const SOCKET_PATH_BYTES_MAX = 100

/** Default ages and sizes. Age counts from arrival. */
export const RETENTION_HOURS_DEFAULT = 7 * 24
export const STORE_BYTES_MAX_DEFAULT = 20 * 1024 * 1024 * 1024
/** Between looks at the size: at 60 MB/s of ingest (about 5 MB/s on disk) 300 MB may come in between. */
export const SIZE_CHECK_MS = 60_000

/**
 * The engine's own bounds. Server memory 1.5 GB: measured 270 MB at rest, inserts of 8 MiB segments +200 MB,
 * the rest for searches; a query may take half of it and fails beyond that with a code instead of swelling.
 * Two threads a query leave room for ingest on a small machine; caches are small because the page cache of
 * the system holds the same data.
 */
export const ENGINE_ARGUMENTS: readonly string[] = [
  '--max_server_memory_usage=1500000000',
  '--max_memory_usage=750000000',
  '--max_threads=2',
  '--max_insert_threads=1',
  '--max_result_bytes=134217728',
  '--mark_cache_size=67108864',
  '--uncompressed_cache_size=0',
  '--index_mark_cache_size=16777216',
  '--output_format_json_quote_64bit_integers=1',
  // A block we send is one part and one deduplication token: never split it.
  '--max_insert_block_size=16777216',
  '--async_insert=0',
]
