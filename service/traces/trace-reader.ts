// How server/ reads traces. Implemented by store-trace-reader.ts; the interface lives apart so that server/
// and its tests depend on the promise only.

import type { OtlpSpan, Trace, TraceMatch } from '#model'
import type { ServiceGraphView, TraceHeatView, TraceSearchResult, TraceSummary } from '#protocol'
import type { OtlpRequest } from './otlp-rows.ts'
import type { TraceOutline } from './trace-outline.ts'

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
  /** TraceQL: the trace matches it. Errors: E_BAD_FILTER when it is none. */
  readonly q?: string
  /** Default 20, at most 1000. */
  readonly limit?: number
  /** nextCursor of the page before; E_BAD_CURSOR if it is not one of ours. */
  readonly cursor?: string
}

export type MatchedTrace = {
  readonly summary: TraceSummary
  readonly trace: Trace
  readonly match: TraceMatch
}

export type MatchedTraces = {
  readonly traces: readonly MatchedTrace[]
  readonly nextCursor?: string
  /** What was looked at to find them. */
  readonly inspectedTraces: number
  readonly inspectedSpans: number
  /** A bound was met: older traces, or spans of a large one, were not looked at. */
  readonly isCut: boolean
}

export type SpanPage = { readonly spans: readonly OtlpSpan[]; readonly totalSpans: number }

export interface TraceReader {
  /**
   * Newest traces first, by start; those that claim to begin in the future come last. Shapes: pages stay
   * disjoint while new traces arrive.
   */
  search(filter: TraceFilter, signal?: AbortSignal): Promise<TraceSearchResult>
  /** The same for a filter with a query, with what matched in each. */
  match(filter: TraceFilter & { readonly q: string }, signal?: AbortSignal): Promise<MatchedTraces>
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
  /** All spans of some traces, by trace; those that are not there are left out. */
  spansOfTraces(
    traceIds: readonly string[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly OtlpSpan[]>>
  /** What the tail rule lets each trace stand for; those that it says nothing of are left out. */
  tailWeights(traceIds: readonly string[], signal?: AbortSignal): Promise<ReadonlyMap<string, number>>
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
  /** Everything but attributes, of several traces at once; those that do not exist are left out. */
  outlines(
    traceIds: readonly string[],
    options: { readonly maxSpans: number; readonly signal?: AbortSignal },
  ): Promise<TraceOutline[]>
  /** Some spans of a trace with everything, in no order; at most SPANS_PER_PAGE_MAX. */
  spansById(traceId: string, spanIds: readonly string[], signal?: AbortSignal): Promise<OtlpSpan[]>
  /** Ids of spans that contain the text, in any case: in name, service, status, attributes or events. */
  spanIdsWith(
    traceId: string,
    wanted: { readonly text: string; readonly limit: number },
    signal?: AbortSignal,
  ): Promise<string[]>
  /** All traces that fit, counted by start and duration; limit and cursor mean nothing here. */
  heat(
    filter: TraceFilter,
    range: { readonly fromNs: bigint; readonly toNs: bigint; readonly columns: number },
    signal?: AbortSignal,
  ): Promise<TraceHeatView>
  /** Who calls whom, from the spans that started in the range. */
  serviceGraph(
    range: { readonly fromNs: bigint; readonly toNs: bigint },
    signal?: AbortSignal,
  ): Promise<ServiceGraphView>
  /** For filters: names of the last retention period, most spans first. */
  services(): Promise<string[]>
  operations(service: string): Promise<string[]>
  attributeKeys(): Promise<string[]>
}
