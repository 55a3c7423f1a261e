// From a body to an ack, without HTTP: decode, encode as a span block, append under the body's hash.
//
//   body --decode (in slices)--> SpanBatch --copy--> block --log.append(block, sha256(body))--> durable
//
// The hash makes retries harmless: OTLP has no idempotency key, but a retry is the same bytes (reliability
// 1.1). Owner of the builders: this class; one is in use by one body at a time and goes back to the pool.

import { createHash } from 'node:crypto'
import type { Clock, Random } from '#base'
import type { Log } from '#log'
import { decodeJaegerJson } from './jaeger-json.ts'
import type { DecodeReport } from './otlp-error.ts'
import { decodeOtlpJson, decodeOtlpJsonLines } from './otlp-json.ts'
import { decodeOtlpProtobuf } from './otlp-protobuf.ts'
import { SpanBatchBuilder, type Stamp } from './span-batch-builder.ts'
import { encodeSpanBlock } from './span-block.ts'
import { decodeZipkinJson } from './zipkin-json.ts'

/** What the OTLP port takes. */
export type OtlpFormat = 'protobuf' | 'json'
export type BatchFormat = OtlpFormat | 'json-lines' | 'jaeger' | 'zipkin'

/** Yields now and then, so that others may run. Errors: OtlpError. */
type Decoder = (body: Uint8Array, builder: SpanBatchBuilder) => Generator<void, DecodeReport>

const DECODERS: { readonly [format in BatchFormat]: Decoder } = {
  protobuf: decodeOtlpProtobuf,
  json: decodeOtlpJson,
  'json-lines': decodeOtlpJsonLines,
  jaeger: decodeJaegerJson,
  zipkin: decodeZipkinJson,
}

export type BatchOutcome = {
  readonly acceptedSpans: number
  readonly rejectedSpans: number
  /** For the sender; '' = nothing was left out. */
  readonly message: string
  /** True = the same body is durable already. */
  readonly isDuplicate: boolean
}

export type BatchIngestPorts = {
  readonly log: Pick<Log, 'append'>
  readonly clock: Clock
  readonly random: Random
  /** Lets other work of this thread run; resolves soon. */
  readonly yieldTurn: () => Promise<void>
}

/** Builders kept for reuse; a builder after a usual request holds about 1 MiB. */
const POOL_MAX = 8
const KEY_BYTES = 16

export class BatchIngest {
  readonly #ports: BatchIngestPorts
  readonly #pool: SpanBatchBuilder[] = []

  constructor(ports: BatchIngestPorts) {
    this.#ports = ports
  }

  /**
   * Resolves when durable. Errors: OtlpError (the body), LogError (the disk). Owns: the body until it
   * settles.
   */
  async ingest(body: Uint8Array, format: BatchFormat, stamps: readonly Stamp[] = []): Promise<BatchOutcome> {
    const { block, spanCount, report } = await this.#decode(body, format, stamps)
    const outcome = { acceptedSpans: spanCount, rejectedSpans: report.rejectedSpans, message: report.message }
    if (block === undefined) return { ...outcome, isDuplicate: false }
    const { isDuplicate } = await this.#ports.log.append(block, batchKey(body))
    return { ...outcome, isDuplicate }
  }

  async #decode(
    body: Uint8Array,
    format: BatchFormat,
    stamps: readonly Stamp[],
  ): Promise<{ block?: Uint8Array; spanCount: number; report: DecodeReport }> {
    const builder = this.#pool.pop() ?? new SpanBatchBuilder(this.#ports.random.uint32())
    try {
      builder.stampResources(stamps)
      const decoding = DECODERS[format](body, builder)
      let step = decoding.next()
      for (; step.done !== true; step = decoding.next()) await this.#ports.yieldTurn()
      const { spanCount } = builder
      if (spanCount === 0) return { spanCount, report: step.value }
      return {
        block: encodeSpanBlock(builder.finish(this.#ports.clock.nowNs())),
        spanCount,
        report: step.value,
      }
    } finally {
      builder.reset()
      if (this.#pool.length < POOL_MAX) this.#pool.push(builder)
    }
  }
}

/**
 * What makes two requests one: the first 128 bits of SHA-256 of the body, so that nobody can craft a body
 * that hides another.
 */
export const batchKey = (body: Uint8Array): Uint8Array =>
  createHash('sha256').update(body).digest().subarray(0, KEY_BYTES)
