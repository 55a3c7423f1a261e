// Starts ingest: worker threads that own the OTLP listener and the log, and the ports by which a consumer learns of sealed
// segments. The handle lives in the thread that starts it (server/).
//
//   startIngest -> Worker (ingest-worker.ts) --IngestToConsumer--> trace worker
//                                            <--ConsumerToIngest--

import type { MessagePort } from 'node:worker_threads'
import type { SegmentInfo } from '#log'

export type IngestOptions = {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** Folder of the log; created. */
  readonly dir: string
  /** When given, requests need `Authorization: Bearer <token>`. Required beyond loopback. */
  readonly token?: string
  /** Exact browser origins that may post, `*` never. Default none. */
  readonly allowedOrigins?: readonly string[]
  /** Host names that requests may be addressed to, beside loopback names and `host`. */
  readonly allowedHosts?: readonly string[]
}

export type IngestStats = {
  readonly requests: number
  readonly acceptedSpans: number
  readonly rejectedSpans: number
  readonly acceptedBatches: number
  readonly duplicateBatches: number
  readonly bodyBytes: number
  /** Body bytes after decompression. */
  readonly decodedBytes: number
  readonly logBytes: number
  readonly logBytesLive: number
  readonly segmentsSealed: number
  readonly segmentsLive: number
  readonly syncs: number
  readonly syncMsTotal: number
  readonly syncMsMax: number
  /** Refused requests by HTTP status. */
  readonly refused: { readonly [status: string]: number }
  /** What opening the log found: acked records lost by damage, records torn by a crash. */
  readonly lostRecords: number
  readonly tornRecords: number
}

export type IngestHandle = {
  readonly host: string
  readonly port: number
  /** A port for one consumer: transfer it to the trace worker. All sealed segments not yet dropped are announced on it first. */
  connect(): MessagePort
  stats(): Promise<IngestStats>
  /** Resolves after requests under way were answered and the log is sealed. */
  close(): Promise<void>
}

/** From ingest to the consumer. Read it with `readSegment(nodeDisk, segment)` of #log and decodeSpanBlock(record.payload). */
export type IngestToConsumer = { readonly kind: 'sealed'; readonly segment: SegmentInfo }

/** From the consumer: it has the segment for good. */
export type ConsumerToIngest = { readonly kind: 'drop'; readonly segmentId: string }
