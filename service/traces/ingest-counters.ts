// What ingest has taken and refused since it started, over HTTP, gRPC and imports.

import type { BatchOutcome } from './ingest-batch.ts'

/** Written by the listeners and by imports, read by stats(). */
export class IngestCounters {
  requests = 0
  /** Of these, over gRPC. */
  grpcRequests = 0
  acceptedSpans = 0
  rejectedSpans = 0
  acceptedBatches = 0
  duplicateBatches = 0
  bodyBytes = 0
  decodedBytes = 0
  readonly refused: { [status: string]: number } = {}

  accept(
    outcome: Omit<BatchOutcome, 'message'>,
    body: { readonly wireBytes: number; readonly decodedBytes: number },
  ): void {
    this.bodyBytes += body.wireBytes
    this.decodedBytes += body.decodedBytes
    this.rejectedSpans += outcome.rejectedSpans
    if (outcome.isDuplicate) {
      this.duplicateBatches++
      return
    }
    this.acceptedBatches++
    this.acceptedSpans += outcome.acceptedSpans
  }

  /** A refusal over gRPC counts under the status that HTTP would have given. */
  refuse(status: number): void {
    this.refused[status] = (this.refused[status] ?? 0) + 1
  }
}
