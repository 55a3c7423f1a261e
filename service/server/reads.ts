// Reading traces for the API: search, the model of one trace, its pages, its critical path. Answers are JSON
// bytes, so that they cross from the read thread to the socket without being touched again.
//
// A model is kept for a few seconds under its trace id: the page, its spans and its critical path are usually
// asked together.
// Owner: the read thread (read-worker.ts); tests use it directly.

import {
  buildTrace,
  criticalPath,
  impactOf,
  PathProfile,
  toCriticalPathView,
  toSpanView,
  toTraceView,
  weightOf,
  type Block,
  type PointRef,
  type Trace,
  type WhatIf,
} from '#model'
import type { ImpactView, SpanView, TraceOutlineAnswer, TracePathsView, TraceSummary } from '#protocol'
import {
  batchesOf,
  spansOfOutline,
  type OtlpRequest,
  type SpanPage,
  type TraceFilter,
  type TraceReader,
} from '#traces'
import type { CompatRead, CompatReads } from './compat/compat-reads.ts'
import type { DatasetRead } from './dataset-reads.ts'
import { readFeatureRows, type FeatureRowsRead } from './feature-rows.ts'
import {
  FIND_SPANS_MAX,
  PATHS_BATCH_SPANS,
  PATHS_MS_MAX,
  PATHS_SPANS_MAX,
  READ_MS_MAX,
  TRACE_MODEL_SPANS_MAX,
  TRACE_VIEW_SPANS_MAX,
} from './limits.ts'
import { askPast, type PastRead } from './past-query.ts'
import { outlineAsItCame, outlineOfModel } from './outline-view.ts'

/** What the API asks. undefined in an answer = no such trace. */
export type Read =
  | DatasetRead
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
  /** isModelled: wait for the model instead of answering as it came. */
  | { readonly kind: 'outline'; readonly traceId: string; readonly isModelled: boolean }
  | { readonly kind: 'span'; readonly traceId: string; readonly spanId: string }
  | { readonly kind: 'find'; readonly traceId: string; readonly text: string }
  | { readonly kind: 'impact'; readonly traceId: string; readonly spanId: string }
  /** Critical paths of what a search finds, added up. */
  | { readonly kind: 'paths'; readonly filter: TraceFilter; readonly change?: WhatIf }
  | {
      readonly kind: 'heat'
      readonly filter: TraceFilter
      readonly fromNs: bigint
      readonly toNs: bigint
      readonly columns: number
    }
  | { readonly kind: 'graph'; readonly fromNs: bigint; readonly toNs: bigint }
  | { readonly kind: 'facets'; readonly service?: string }
  | ({ readonly kind: 'past' } & PastRead)
  | ({ readonly kind: 'feature-rows' } & FeatureRowsRead)
  | { readonly kind: 'compat'; readonly read: CompatRead }

export type TraceRead = Exclude<Read, DatasetRead>

export interface Reads {
  read(read: Read): Promise<Uint8Array | undefined>
}

/** Models kept, and for how long: 4 traces of 200,000 spans are the most the thread may hold. */
const MODELS_MAX = 4
const MODEL_MS_MAX = 10_000

export class TraceReads {
  readonly #reader: TraceReader
  readonly #nowMs: () => number
  readonly #compat: CompatReads | undefined
  readonly #models = new Map<string, { readonly trace: Promise<Trace>; readonly atMs: number }>()
  readonly #sizes = new Map<string, number>()

  /** Without `compat` other systems' APIs are not answered. */
  constructor(reader: TraceReader, nowMs: () => number, compat?: CompatReads) {
    this.#reader = reader
    this.#nowMs = nowMs
    this.#compat = compat
  }

  async read(read: TraceRead): Promise<Uint8Array | undefined> {
    const answer = await this.#answer(read, AbortSignal.timeout(READ_MS_MAX))
    if (answer === undefined || answer instanceof Uint8Array) return answer
    return Buffer.from(JSON.stringify(answer))
  }

  async #answer(read: TraceRead, signal: AbortSignal): Promise<unknown> {
    if (read.kind === 'search') return this.#reader.search(read.filter, signal)
    if (read.kind === 'compat') return this.#compat?.answer(read.read, signal)
    if (read.kind === 'facets') return this.#facets(read.service)
    if (read.kind === 'past') return askPast(read, { reader: this.#reader, nowMs: this.#nowMs, signal })
    if (read.kind === 'feature-rows') return readFeatureRows(read, this.#reader, signal)
    if (read.kind === 'otlp') return this.#otlp(read.traceId, read, signal)
    if (read.kind === 'paths') return this.#paths(read.filter, read.change, signal)
    if (read.kind === 'heat') return this.#reader.heat(read.filter, read, signal)
    if (read.kind === 'graph') return this.#reader.serviceGraph(read, signal)
    if (read.kind === 'outline') return this.#outline(read.traceId, read.isModelled, signal)
    if (read.kind === 'find') {
      const wanted = { text: read.text, limit: FIND_SPANS_MAX }
      return { spanIds: await this.#reader.spanIdsWith(read.traceId, wanted, signal) }
    }
    const trace = await this.#model(read.traceId, signal)
    if (trace.blocks.length === 0) return undefined
    switch (read.kind) {
      case 'span': {
        const block = trace.blocks.find(({ spanId }) => spanId === read.spanId)
        return block === undefined ? undefined : (await this.#spanViews(trace, [block], signal))[0]
      }
      case 'impact':
        return impactView(trace, read.spanId)
      case 'view': {
        const shown = trace.blocks.slice(0, read.limit)
        const view = await this.#weighed(trace, toTraceView(trace, { limit: 0 }), signal)
        return { ...view, spans: await this.#spanViews(trace, shown, signal) }
      }
      case 'spans': {
        const { offset } = read
        const shown = trace.blocks.slice(offset, offset + read.limit)
        return {
          spans: await this.#spanViews(trace, shown, signal),
          offset,
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

  /** Small traces whole, so that the page asks once; large ones in columns, at once and then modelled. */
  async #outline(
    traceId: string,
    isModelled: boolean,
    signal: AbortSignal,
  ): Promise<TraceOutlineAnswer | undefined> {
    if (isModelled) {
      const trace = await this.#model(traceId, signal)
      if (trace.blocks.length === 0) return undefined
      return { kind: 'outline', outline: await this.#weighed(trace, outlineOfModel(trace), signal) }
    }
    if ((await this.#count(traceId, signal)) <= TRACE_VIEW_SPANS_MAX) {
      const trace = await this.#model(traceId, signal)
      if (trace.blocks.length === 0) return undefined
      return { kind: 'whole', view: await this.#weighed(trace, toTraceView(trace), signal) }
    }
    const [outline] = await this.#reader.outlines([traceId], { maxSpans: TRACE_MODEL_SPANS_MAX, signal })
    return outline === undefined ? undefined : { kind: 'outline', outline: outlineAsItCame(outline) }
  }

  /** With how many traces it stands for: by its head and by the tail rule. */
  async #weighed<V extends { readonly summary: TraceSummary }>(
    trace: Trace,
    view: V,
    signal: AbortSignal,
  ): Promise<V> {
    const tails = await this.#reader.tailWeights([trace.traceId], signal)
    const weight = weightOf(trace, tails.get(trace.traceId))
    return weight > 1 ? { ...view, summary: { ...view.summary, weight } } : view
  }

  /** With attributes: those of a small trace are there, those of a large one are read for these blocks. */
  async #spanViews(trace: Trace, blocks: readonly Block[], signal: AbortSignal): Promise<SpanView[]> {
    if (this.#isWhole(trace)) return blocks.map((block) => toSpanView(trace, block))
    const ids = blocks.map(({ spanId }) => spanId)
    const spans = await this.#reader.spansById(trace.traceId, ids, signal)
    const bySpanId = new Map(spans.map((span) => [span.spanId, span]))
    return blocks.map((block) =>
      toSpanView(trace, { ...block, span: bySpanId.get(block.spanId) ?? block.span }),
    )
  }

  #isWhole(trace: Trace): boolean {
    return trace.blocks.length <= TRACE_VIEW_SPANS_MAX
  }

  async #count(traceId: string, signal: AbortSignal): Promise<number> {
    return (await this.#reader.spansOf(traceId, { offset: 0, limit: 0 }, signal)).totalSpans
  }

  /** Reads outlines of the found traces batch by batch until a budget is used up. */
  async #paths(
    filter: TraceFilter,
    change: WhatIf | undefined,
    signal: AbortSignal,
  ): Promise<TracePathsView> {
    const endMs = this.#nowMs() + PATHS_MS_MAX
    const { traces, nextCursor } = await this.#reader.search(filter, signal)
    const profile = new PathProfile(change)
    let left = PATHS_SPANS_MAX
    let skipped = 0
    for (const batch of batchesOf(traces, PATHS_BATCH_SPANS)) {
      const wanted = batch.reduce((sum, { spanCount }) => sum + spanCount, 0)
      if (wanted > left || this.#nowMs() > endMs) {
        skipped += batch.length
        continue
      }
      left -= wanted
      const ids = batch.map(({ traceId }) => traceId)
      // Spans that came since the search are read too, unless a trace runs away.
      const outlines = await this.#reader.outlines(ids, { maxSpans: 2 * wanted + 1_000, signal })
      const weights = new Map(batch.map(({ traceId, weight }) => [traceId, weight]))
      for (const outline of outlines)
        profile.add(buildTrace(spansOfOutline(outline)), weights.get(outline.traceId))
      skipped += batch.length - outlines.length
    }
    const starts = traces.map(({ startNs }) => BigInt(startNs)).sort((a, b) => (a < b ? -1 : 1))
    return {
      ...profile.view(),
      ...(starts.length === 0 ? {} : { fromNs: String(starts[0]), toNs: String(starts.at(-1)) }),
      skipped,
      hasMore: nextCursor !== undefined,
    }
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
      const built = withNotice(buildTrace(spans), totalSpans)
      this.#sizes.set(traceId, spans.length)
      // Its age counts from when it is there: a large one may take longer to read than it is kept.
      if (this.#models.get(traceId)?.trace === trace)
        this.#models.set(traceId, { trace, atMs: this.#nowMs() })
      return built
    })
    this.#models.set(traceId, { trace, atMs: Infinity })
    trace.catch(() => this.#models.delete(traceId))
    return trace
  }

  /** A small trace whole; of a large one the outline, up to TRACE_MODEL_SPANS_MAX. */
  async #spans(traceId: string, signal: AbortSignal): Promise<SpanPage> {
    const totalSpans = await this.#count(traceId, signal)
    if (totalSpans <= TRACE_VIEW_SPANS_MAX) {
      const spans = await this.#reader.trace(traceId, { maxSpans: TRACE_VIEW_SPANS_MAX, signal })
      return { spans, totalSpans: spans.length }
    }
    const [outline] = await this.#reader.outlines([traceId], { maxSpans: TRACE_MODEL_SPANS_MAX, signal })
    return { spans: outline === undefined ? [] : spansOfOutline(outline), totalSpans }
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

function impactView(trace: Trace, spanId: string): ImpactView | undefined {
  const impact = impactOf(trace, spanId)
  if (impact === undefined) return undefined
  const pathNs = criticalPath(trace).reduce(
    (sum, section) => (section.spanId === spanId ? sum + section.endNs - section.startNs : sum),
    0n,
  )
  const { slackNs, dragNs, workNs } = impact
  return {
    spanId,
    workNs: String(workNs),
    pathNs: String(pathNs),
    ...(slackNs === undefined ? {} : { slackNs: String(slackNs) }),
    dragNs: String(dragNs),
  }
}

/** A trace that was not read whole says so first of all. */
function withNotice(trace: Trace, totalSpans: number): Trace {
  if (totalSpans <= trace.blocks.length + trace.repairCount) return trace
  const message = `only ${trace.blocks.length} of its ${totalSpans} spans are shown: it is too large`
  const notice = { kind: 'not-all-read', message } as const
  return { ...trace, repairs: [notice, ...trace.repairs], repairCount: trace.repairCount + 1 }
}
