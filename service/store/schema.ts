// The tables, as numbered steps. A step that was released is never changed; a change is a new step.
//
// docs/formats/tables.md says what each column means. The choices here, in short:
// - spans ORDER BY (ingest_hour, trace_id, span_id): a trace is one range per hour of arrival, so reading it
// touches a few
//   granules; time filters prune by hour through the minmax index on start_ns. Search by service, name and
//   duration never comes here: `traces` answers it.
// - ReplacingMergeTree(seq): a span sent twice, or again with other content, ends as its last arrival (the
// last write wins).
// - age counts from ingest_time, which no sender chooses (a span dated 1970 or 2554 lives as long as any
// other).
// - resource and scope are one text per distinct value; LowCardinality stores it once a part and filters run
// on distinct values.
// - the part is on disk before insert answers: fsync_after_insert, fsync_part_directory.

import type { Migration } from './migrations.ts'

// A merge costs about 10 us a span, four times the insert, so parts are merged ten at a time and not beyond
// 256 MiB: each span is merged twice in its life instead of four to five times, at the price of some more
// parts to look into (80 at 20 GB). Small last parts also let retention by size drop the oldest without
// dropping a whole day.
const DURABLE = `fsync_after_insert = 1, fsync_part_directory = 1,
        non_replicated_deduplication_window = 10000, merge_selector_base = 10,
        max_bytes_to_merge_at_max_space_in_pool = 268435456, ttl_only_drop_parts = 1`

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'spans and traces',
    statements: [
      `CREATE TABLE IF NOT EXISTS spans (
        ingest_time DateTime CODEC(DoubleDelta, LZ4),
        ingest_hour DateTime MATERIALIZED toStartOfHour(ingest_time) CODEC(DoubleDelta, LZ4),
        seq UInt64 CODEC(Delta, LZ4),
        trace_id FixedString(16) CODEC(LZ4),
        span_id FixedString(8) CODEC(NONE),
        parent_span_id FixedString(8) CODEC(LZ4),
        start_ns UInt64 CODEC(Delta, ZSTD(1)),
        duration_ns UInt64 CODEC(T64, ZSTD(1)),
        service LowCardinality(String),
        name LowCardinality(String),
        kind UInt8,
        status_code UInt8,
        status_message LowCardinality(String),
        trace_state LowCardinality(String),
        flags UInt32 CODEC(T64, LZ4),
        dropped_attributes UInt32 CODEC(T64, LZ4),
        dropped_events UInt32 CODEC(T64, LZ4),
        dropped_links UInt32 CODEC(T64, LZ4),
        resource LowCardinality(String),
        scope LowCardinality(String),
        attr_string Map(LowCardinality(String), String) CODEC(ZSTD(1)),
        attr_int Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
        attr_double Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
        attr_bool Map(LowCardinality(String), UInt8) CODEC(ZSTD(1)),
        attr_other Map(LowCardinality(String), String) CODEC(ZSTD(1)),
        event_time_ns Array(UInt64) CODEC(Delta, ZSTD(1)),
        event_name Array(LowCardinality(String)),
        event_attributes Array(String) CODEC(ZSTD(1)),
        event_dropped_attributes Array(UInt32) CODEC(ZSTD(1)),
        link_trace_id Array(FixedString(16)),
        link_span_id Array(FixedString(8)),
        link_trace_state Array(String) CODEC(ZSTD(1)),
        link_flags Array(UInt32) CODEC(ZSTD(1)),
        link_attributes Array(String) CODEC(ZSTD(1)),
        link_dropped_attributes Array(UInt32) CODEC(ZSTD(1)),
        INDEX by_start start_ns TYPE minmax GRANULARITY 1,
        INDEX by_attr_string mapValues(attr_string) TYPE bloom_filter(0.02) GRANULARITY 2
      ) ENGINE = ReplacingMergeTree(seq)
      PARTITION BY toDate(ingest_time)
      PRIMARY KEY (ingest_hour, trace_id) ORDER BY (ingest_hour, trace_id, span_id)
      TTL ingest_time + toIntervalHour(168)
      SETTINGS ${DURABLE}, index_granularity = 4096`,
      `CREATE TABLE IF NOT EXISTS traces (
        start_ns UInt64 CODEC(Delta, ZSTD(1)),
        trace_id FixedString(16),
        version UInt64 CODEC(Delta, LZ4),
        is_deleted UInt8,
        ingest_time DateTime CODEC(DoubleDelta, LZ4),
        duration_ns UInt64 CODEC(T64, ZSTD(1)),
        root_service LowCardinality(String),
        root_name LowCardinality(String),
        has_root UInt8,
        span_count UInt32 CODEC(T64, LZ4),
        error_count UInt32 CODEC(T64, LZ4),
        services Map(LowCardinality(String), UInt32),
        operations Array(LowCardinality(String)),
        INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1
      ) ENGINE = ReplacingMergeTree(version)
      PARTITION BY toDate(ingest_time)
      ORDER BY (start_ns, trace_id)
      TTL ingest_time + toIntervalHour(168)
      SETTINGS ${DURABLE}, index_granularity = 1024`,
    ],
  },
  {
    version: 2,
    name: 'delayed features',
    statements: [
      `CREATE TABLE IF NOT EXISTS delayed_features (
        owner LowCardinality(String),
        trace_id FixedString(16),
        version UInt64 CODEC(Delta, LZ4),
        is_done UInt8,
        ingest_time DateTime CODEC(Delta, LZ4)
      ) ENGINE = ReplacingMergeTree(version, is_done)
      ORDER BY (owner, trace_id)
      TTL ingest_time + toIntervalHour(168)
      SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000`,
    ],
  },
  {
    version: 3,
    name: 'weights of traces',
    // By the tail rule, beside what the spans' own tracestate says; without a rule 1, which costs nothing.
    statements: ['ALTER TABLE traces ADD COLUMN IF NOT EXISTS weight Float64 DEFAULT 1 CODEC(ZSTD(1))'],
  },
  {
    version: 4,
    name: 'parts of inserts in one file',
    // A wide part is about 70 files, each opened, written and synced alone: most of what the engine did for
    // an insert. What comes from the log (at most 32 MiB of records) becomes a part of one data file; ten of
    // them merged are wide as before, so that a search over much data reads the columns it needs.
    statements: ['ALTER TABLE spans MODIFY SETTING min_bytes_for_wide_part = 67108864'],
  },
  {
    version: 5,
    name: 'columns that LZ4 leaves large',
    // Numbers and names that vary but carry few bits: 4.4 bytes a span become 3.1.
    statements: [
      `ALTER TABLE spans MODIFY COLUMN seq CODEC(Delta, ZSTD(1)),
        MODIFY COLUMN kind CODEC(ZSTD(1)), MODIFY COLUMN name CODEC(ZSTD(1))`,
    ],
  },
  {
    version: 6,
    name: 'weights of traces by their heads',
    // Lists, heatmaps and the service graph count by summaries, without reading spans.
    statements: ['ALTER TABLE traces ADD COLUMN IF NOT EXISTS head_weight Float64 DEFAULT 1 CODEC(ZSTD(1))'],
  },
]
