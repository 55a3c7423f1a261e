// How server/ reads traces. Implemented by store-trace-reader.ts; the interface lives apart so that server/
// and its tests depend on the promise only.

import type { OtlpSpan } from '#model'
import type { TraceSearchResult, TraceSummary } from '#protocol'
import type { OtlpRequest } from './otlp-rows.ts'

/** All given conditions hold together; service, name and attributes must hold for one and the same span. */
export type TraceFilter = {
  readonly service?: string
  readonly name?: string
  /** Duration of the whole trace. */
  readonly minMs?: number
  readonly maxMs?: number
  /** Attribute of the span or of its resource equals this text (numbers and booleans by their JSON text). */
  readonly attributes?: { readonly [key: string]: string }
  /** Start of the trace, ns since the epoch; both ends included. */
  readonly fromNs?: bigint
  readonly toNs?: bigint
  readonly isError?: boolean
  /** Default 20, at most 1000. */
  readonly limit?: number
  /** nextCursor of the page before; E_BAD_CURSOR if it is not one of ours. */
  readonly cursor?: string
}

export type SpanPage = { readonly spans: readonly OtlpSpan[]; readonly totalSpans: number }

export interface TraceReader {
  /**
   * Newest traces first, by start; those that claim to begin in the future come last. Shapes: pages stay
   * disjoint while new traces arrive.
   */
  search(filter: TraceFilter, signal?: AbortSignal): Promise<TraceSearchResult>
  /** undefined = no such trace. */
  summary(traceId: string, signal?: AbortSignal): Promise<TraceSummary | undefined>
  /**
   * All spans by start, deduplicated by span id, at most `maxSpans` (default SPANS_PER_TRACE_READ_MAX); [] =
   * no such trace.
   */
  trace(
    traceId: string,
    options?: { readonly maxSpans?: number; readonly signal?: AbortSignal },
  ): Promise<OtlpSpan[]>
  /** The same order, in pages. */
  spansOf(
    traceId: string,
    page: { readonly offset: number; readonly limit: number },
    signal?: AbortSignal,
  ): Promise<SpanPage>
  /** The same page with everything it came with. */
  otlp(
    traceId: string,
    page: { readonly offset: number; readonly limit: number },
    signal?: AbortSignal,
  ): Promise<OtlpRequest>
  /** For filters: names of the last retention period, most spans first. */
  services(): Promise<string[]>
  operations(service: string): Promise<string[]>
  attributeKeys(): Promise<string[]>
}
