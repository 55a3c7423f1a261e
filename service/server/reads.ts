// Reading traces for the API: search, the model of one trace, its pages, its critical path. Answers are JSON
// bytes, so that they cross from the read thread to the socket without being touched again.
//
// A model is kept for a few seconds under its trace id: the page, its spans and its critical path are usually
// asked together.
// Owner: the read thread (read-worker.ts); tests use it directly.

import {
  buildTrace,
  criticalPath,
  toCriticalPathView,
  toSpanView,
  toTraceView,
  type PointRef,
  type Trace,
} from '#model'
import type { OtlpRequest, SpanPage, TraceFilter, TraceReader } from '#traces'
import { READ_MS_MAX, TRACE_MODEL_SPANS_MAX, TRACE_READ_PAGE } from './limits.ts'

/** What the API asks. undefined in an answer = no such trace. */
export type Read =
  | { readonly kind: 'search'; readonly filter: TraceFilter }
  | { readonly kind: 'view'; readonly traceId: string; readonly limit: number }
  | { readonly kind: 'spans'; readonly traceId: string; readonly offset: number; readonly limit: number }
  | { readonly kind: 'otlp'; readonly traceId: string; readonly offset: number; readonly limit: number }
  | {
      readonly kind: 'critical-path'
      readonly traceId: string
      readonly from?: PointRef
      readonly to?: PointRef
    }
  | { readonly kind: 'facets'; readonly service?: string }

export interface Reads {
  read(read: Read): Promise<Uint8Array | undefined>
}

/** Models kept, and for how long: 4 traces of 200,000 spans are the most the thread may hold. */
const MODELS_MAX = 4
const MODEL_MS_MAX = 10_000

export class TraceReads implements Reads {
  readonly #reader: TraceReader
  readonly #nowMs: () => number
  readonly #models = new Map<string, { readonly trace: Promise<Trace>; readonly atMs: number }>()
  readonly #sizes = new Map<string, number>()

  constructor(reader: TraceReader, nowMs: () => number) {
    this.#reader = reader
    this.#nowMs = nowMs
  }

  async read(read: Read): Promise<Uint8Array | undefined> {
    const answer = await this.#answer(read, AbortSignal.timeout(READ_MS_MAX))
    return answer === undefined ? undefined : Buffer.from(JSON.stringify(answer))
  }

  async #answer(read: Read, signal: AbortSignal): Promise<unknown> {
    if (read.kind === 'search') return this.#reader.search(read.filter, signal)
    if (read.kind === 'facets') return this.#facets(read.service)
    if (read.kind === 'otlp') return this.#otlp(read.traceId, read, signal)
    const trace = await this.#model(read.traceId, signal)
    if (trace.blocks.length === 0) return undefined
    switch (read.kind) {
      case 'view':
        return toTraceView(trace, { limit: read.limit })
      case 'spans': {
        const shown = trace.blocks.slice(read.offset, read.offset + read.limit)
        return {
          spans: shown.map((block) => toSpanView(trace, block)),
          offset: read.offset,
          totalSpans: trace.blocks.length,
        }
      }
      case 'critical-path':
        return toCriticalPathView(criticalPath(trace, { from: read.from, to: read.to }))
    }
  }

  async #otlp(
    traceId: string,
    page: { readonly offset: number; readonly limit: number },
    signal: AbortSignal,
  ): Promise<OtlpRequest | undefined> {
    const request = await this.#reader.otlp(traceId, page, signal)
    const isPast = page.offset > 0 || page.limit === 0
    return request.resourceSpans.length > 0 || isPast ? request : undefined
  }

  async #facets(service: string | undefined): Promise<unknown> {
    const [services, attributeKeys, operations] = await Promise.all([
      this.#reader.services(),
      this.#reader.attributeKeys(),
      service === undefined ? [] : this.#reader.operations(service),
    ])
    return { services, attributeKeys, operations }
  }

  /**
   * One model at a time and per id; a trace that has grown since is seen at the latest MODEL_MS_MAX later.
   */
  #model(traceId: string, signal: AbortSignal): Promise<Trace> {
    for (const [id, { atMs }] of this.#models)
      if (this.#nowMs() - atMs > this.#ageMax(id)) this.#models.delete(id)
    const known = this.#models.get(traceId)
    if (known !== undefined) return known.trace
    const oldest = this.#models.keys().next().value
    if (this.#models.size >= MODELS_MAX && oldest !== undefined) this.#models.delete(oldest)
    const trace = this.#spans(traceId, signal).then(({ spans, totalSpans }) => {
      this.#sizes.set(traceId, spans.length)
      return withNotice(buildTrace(spans), totalSpans)
    })
    this.#models.set(traceId, { trace, atMs: this.#nowMs() })
    trace.catch(() => this.#models.delete(traceId))
    return trace
  }

  /** Whole up to what the reader gives at once, then in pages up to TRACE_MODEL_SPANS_MAX. */
  async #spans(traceId: string, signal: AbortSignal): Promise<SpanPage> {
    const spans = await this.#reader.trace(traceId, { maxSpans: TRACE_MODEL_SPANS_MAX, signal })
    if (spans.length < TRACE_READ_PAGE) return { spans, totalSpans: spans.length }
    const all = [...spans]
    for (;;) {
      const page = { offset: all.length, limit: TRACE_READ_PAGE }
      const { spans: more, totalSpans } = await this.#reader.spansOf(traceId, page, signal)
      all.push(...more)
      const isWhole = more.length === 0 || all.length >= totalSpans
      if (isWhole || all.length >= TRACE_MODEL_SPANS_MAX) return { spans: all, totalSpans }
    }
  }

  /**
   * Small traces are cheap to build and still growing while somebody looks: they are read anew after half a
   * second.
   */
  #ageMax(traceId: string): number {
    const size = this.#sizes.get(traceId)
    if (this.#sizes.size > MODELS_MAX * 4) this.#sizes.clear()
    return size !== undefined && size < 10_000 ? 500 : MODEL_MS_MAX
  }
}

/** A trace that was not read whole says so first of all. */
function withNotice(trace: Trace, totalSpans: number): Trace {
  if (totalSpans <= trace.blocks.length + trace.repairCount) return trace
  const message = `only ${trace.blocks.length} of its ${totalSpans} spans are shown: it is too large`
  const notice = { kind: 'not-all-read', message } as const
  return { ...trace, repairs: [notice, ...trace.repairs], repairCount: trace.repairCount + 1 }
}
