// The face of traces/: see README.md.

// Ingest: from a request to the log.
export * from './span-batch.ts'
export type { ConsumerToIngest, IngestHandle, IngestOptions, IngestStats, IngestToConsumer } from './ingest.ts'

// From the log to traces that can be read.
export type { SpanPage, TraceFilter, TraceReader } from './trace-reader.ts'
