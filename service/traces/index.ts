// The face of traces/: see README.md.

// Ingest: from a request to the log.
export * from './span-batch.ts'
export { decodeSpanBlock, encodeSpanBlock, SPAN_BLOCK_VERSION, SpanBlockError } from './span-block.ts'
export { decodeOtlpProtobuf } from './otlp-protobuf.ts'
export { OTLP_DESCRIPTOR } from './otlp-descriptor.ts'
export { SpanBatchBuilder } from './span-batch-builder.ts'
export { batchKey, BatchIngest } from './ingest-batch.ts'
export type { BatchIngestPorts, BatchOutcome, OtlpFormat } from './ingest-batch.ts'
export { IngestError, startIngest } from './ingest.ts'
export { IMPORT_FORMATS } from './import-file.ts'
export type { ImportCounts, ImportFormat } from './import-file.ts'
export { ByteBudget, withBody } from './ingest-body.ts'
export { Refusal } from './ingest-refusal.ts'
export type {
  ConsumerToIngest,
  IngestHandle,
  IngestOptions,
  IngestStats,
  IngestToConsumer,
} from './ingest.ts'

// From the log to traces that can be read.
export type { OtlpRequest } from './otlp-rows.ts'
export { encodeOtlp, messageField } from './otlp-encode.ts'
export type { MatchedTrace, MatchedTraces, SpanPage, TraceFilter, TraceReader } from './trace-reader.ts'
export { openVocabulary } from './vocabulary.ts'
export type { Operation, Scope, TagValue, Vocabulary } from './vocabulary.ts'
export { batchesOf } from './many-traces.ts'
export { DEFAULT_TRIGGERS, type Triggers } from './triggers.ts'
export { TRIGGER_MS_MAX, TRIGGER_MS_MIN } from './assembly-limits.ts'
export { startTraceWorker } from './start-trace-worker.ts'
export type { TraceWorkerHandle, TraceWorkerOptions, TraceWorkerStats } from './start-trace-worker.ts'
export { spansOfOutline, type SpanShape, type TraceOutline } from './trace-outline.ts'
export { openTraceReader, TraceReaderError } from './store-trace-reader.ts'

// Datasets: features of traces as tables.
export { runCompare } from './datasets/compare.ts'
export { parseWhere } from './datasets/where-text.ts'
export { parseSql } from './datasets/sql.ts'
export { runQuery, type DatasetSource } from './datasets/run-query.ts'
export { DatasetError } from './datasets/query-error.ts'
export { ensureTable } from './datasets/dataset-table.ts'
export { compileDataset, compilePipelines } from './datasets/compile-dataset.ts'
export { BUILT_IN_DATASETS, BUILT_IN_OWNER } from './datasets/built-in.ts'
export type { BackfillJob } from './datasets/backfills.ts'
export type { FeatureStats } from './datasets/feature-pipeline.ts'
export type { Trial } from './datasets/trials.ts'
export { confined } from './feature-files/confined.ts'
export { askFeatureFile, columnsOfFile, readFeatureFile } from './feature-files/feature-file.ts'
export { FeatureFileError } from './feature-files/file-values.ts'
export { FeatureWorkerError, startFeatureWorker } from './start-feature-worker.ts'
export type { FeatureWorkerHandle } from './start-feature-worker.ts'
export { changeDataset, createDataset, sourceOf, type StoredDataset } from './datasets/definition.ts'
export * as datasetLimits from './datasets/limits.ts'
