// Every bound of the log, with its reason.

/**
 * A segment is sealed at this size. One insert into the store takes a whole segment: 8 MiB is about 20,000
 * spans, a good block for a columnar store, and what is read again after a crash of the consumer is small.
 */
export const SEGMENT_BYTES_MAX = 8 * 1024 * 1024

/**
 * ... or so long after its first record, so that a quiet system still shows its traces within a second or
 * two.
 */
export const SEGMENT_AGE_MS_MAX = 500

/**
 * One record is one request: at most 20 MiB of OTLP, whose columns may take up to three times that
 * (traces/ingest-limits.ts has the arithmetic). A longer length in a header is damage, not a record.
 */
export const RECORD_BYTES_MAX = 64 * 1024 * 1024

/** One write + fdatasync takes at most so many bytes of waiting records (at least one record). */
export const GROUP_BYTES_MAX = 8 * 1024 * 1024

/**
 * Waiting for the disk; beyond it append refuses with E_LOG_BUSY. Eight groups: at 50 MB/s, one second of a
 * slow disk.
 */
export const PENDING_BYTES_MAX = 64 * 1024 * 1024

/**
 * All segments not yet dropped; beyond it append refuses with E_LOG_FULL, before the disk is full for the
 * store too.
 */
export const LOG_BYTES_MAX = 4 * 1024 * 1024 * 1024

/**
 * Keys in one generation of the window of recent keys; two generations are kept, so at least this many of the
 * newest batches are recognised. 65,536 batches of 512 spans are 33 M spans; a generation is 1 MiB on disk,
 * about 4 MiB in memory.
 */
export const KEYS_PER_GENERATION = 65_536

/**
 * 2020-01-01. Sequences of a new log begin at the milliseconds since then: with 40 bits, which is what the
 * store has for them beside 24 for the place of a span in its record, until 2054.
 */
export const SEQUENCE_EPOCH_MS = 1_577_836_800_000

/** Segment files are named by ten digits: 160 years at two a second. */
export const SEGMENT_NUMBER_MAX = 9_999_999_999

if (GROUP_BYTES_MAX > PENDING_BYTES_MAX) throw new Error('a group must fit into what may wait')
if (RECORD_BYTES_MAX > PENDING_BYTES_MAX) throw new Error('a record must fit into what may wait')
