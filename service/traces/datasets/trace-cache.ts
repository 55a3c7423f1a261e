// Spans of the last seconds in memory, as the batches they came in, so that a trace that is due need
// not be read from the store.
//
//   add(record) -> batch, rows by trace id        oldest batches leave when there are too many bytes
//   spans(id, n) -> the n spans of the trace, the last arrival of each; undefined = not all here
//
// Whether a trace is whole is not guessed: the assembler has counted its spans.

import type { OtlpSpan } from '#model'
import { BatchSpans } from '../batch-spans.ts'
import { decodeSpanBlock } from '../span-block.ts'
import type { SpanBatch } from '../span-batch.ts'
import { SpanRowReader } from '../read-rows.ts'
import { CACHE_BYTES_MAX } from './limits.ts'

/** A batch; `keys`: whose spans it has. */
type Kept = { readonly spans: BatchSpans; readonly keys: readonly string[]; readonly bytes: number }

/** A row of a batch in one number: ordinal of the batch, then 24 bits of row. */
const ROW_BITS = 2 ** 24
/** Their resources and scopes are read together: exporters send the same ones again and again. */
const BATCHES_PER_READER = 64

export class TraceCache {
  readonly #bytesMax: number
  readonly #batches = new Map<number, Kept>()
  readonly #rows = new Map<string, number[]>()
  #reader = new SpanRowReader()
  #next = 0
  #bytes = 0

  constructor(bytesMax: number = CACHE_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Takes the payload of a log record; one that cannot be decoded is left to the store. */
  add(payload: Uint8Array): void {
    let batch: SpanBatch
    try {
      batch = decodeSpanBlock(payload)
    } catch {
      // Of a newer format, or damaged: the pipeline has put it aside and said so.
      return
    }
    const ordinal = this.#next++
    // Objects made of a batch (texts, resources) are about as large as it is.
    const bytes = 2 * payload.byteLength
    if (ordinal % BATCHES_PER_READER === 0) this.#reader = new SpanRowReader()
    const keys: string[] = []
    this.#batches.set(ordinal, { spans: new BatchSpans(batch, this.#reader), keys, bytes })
    this.#bytes += bytes
    const all = keysOf(batch)
    let rows: number[] = []
    for (let row = 0; row < batch.spanCount; row++) {
      const key = all.slice(16 * row, 16 * row + 16)
      // Spans of a trace come one after the other, more often than not.
      if (key !== keys.at(-1)) {
        rows = this.#rowsOf(key)
        keys.push(key)
      }
      rows.push(ordinal * ROW_BITS + row)
    }
    while (this.#bytes > this.#bytesMax && this.#batches.size > 1) this.#evict()
  }

  /** By start, then span id: the order in which the store gives them. */
  spans(traceId: string, spanCount: number): OtlpSpan[] | undefined {
    const rows = this.#rows.get(Buffer.from(traceId, 'hex').toString('latin1'))
    if (rows === undefined || rows.length < spanCount) return undefined
    const spans = new Map<string, OtlpSpan>()
    for (const row of rows) {
      const kept = this.#batches.get(Math.floor(row / ROW_BITS))
      if (kept === undefined) return undefined
      const span = kept.spans.span(row % ROW_BITS, traceId)
      spans.set(span.spanId, span)
    }
    if (spans.size !== spanCount) return undefined
    return [...spans.values()].sort(byStart)
  }

  #rowsOf(key: string): number[] {
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    const rows: number[] = []
    this.#rows.set(key, rows)
    return rows
  }

  #evict(): void {
    const [first] = this.#batches
    if (first === undefined) return
    const [ordinal, { keys, bytes }] = first
    this.#batches.delete(ordinal)
    this.#bytes -= bytes
    // What is left of a trace that lost a part is no trace.
    for (const key of keys) this.#rows.delete(key)
  }
}

function byStart(a: OtlpSpan, b: OtlpSpan): number {
  if (a.startTimeUnixNano !== b.startTimeUnixNano) return a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1
  return a.spanId < b.spanId ? -1 : 1
}

/** The raw 16 bytes of all ids as latin1 text, as in the assembler. */
function keysOf({ traceIds: { buffer, byteOffset, byteLength } }: SpanBatch): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
}
