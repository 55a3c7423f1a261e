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
export type { SpanPage, TraceFilter, TraceReader } from './trace-reader.ts'
export { startTraceWorker } from './start-trace-worker.ts'
export type { TraceWorkerHandle, TraceWorkerOptions, TraceWorkerStats } from './start-trace-worker.ts'
export { openTraceReader, TraceReaderError } from './store-trace-reader.ts'
