// Which of some traces match a TraceQL query: their spans are read, some traces at a time, modelled and
// evaluated. One matcher serves one search: what it has looked at it does not look at again, and what it may
// look at is bounded.

import type { Clock } from '#base'
import { buildTrace, evaluateTraceQuery, type TraceQuery } from '#model'
import type { TraceSummary } from '#protocol'
import type { Store } from '#store'
import {
  MATCH_BATCH_SPANS_MAX,
  MATCH_MS_MAX,
  MATCH_SPANS_MAX,
  MATCH_SPANS_PER_TRACE_MAX,
  MATCH_TRACES_MAX,
} from './assembly-limits.ts'
import { batchesOf, readManyTraces } from './many-traces.ts'
import type { MatchedTrace } from './trace-reader.ts'

export class TraceMatcher {
  readonly #store: Store
  readonly #clock: Clock
  readonly #beganMs: number
  readonly #query: TraceQuery
  readonly #signal: AbortSignal | undefined
  readonly #known = new Map<string, Omit<MatchedTrace, 'summary'> | undefined>()
  /** Of patterns, over all traces. */
  readonly #cost = { steps: 0 }
  inspectedTraces = 0
  inspectedSpans = 0
  isCut = false

  constructor(
    { store, clock }: { readonly store: Store; readonly clock: Clock },
    query: TraceQuery,
    signal: AbortSignal | undefined,
  ) {
    this.#store = store
    this.#clock = clock
    this.#beganMs = clock.monotonicMs()
    this.#query = query
    this.#signal = signal
  }

  /** No more may be looked at. */
  get isOver(): boolean {
    return (
      this.inspectedTraces >= MATCH_TRACES_MAX ||
      this.inspectedSpans >= MATCH_SPANS_MAX ||
      this.#clock.monotonicMs() - this.#beganMs >= MATCH_MS_MAX
    )
  }

  /**
   * Those that match, in their order, until `wanted` are found; `last` is how far it came: undefined = all
   * were looked at.
   */
  async matching(
    summaries: readonly TraceSummary[],
    wanted: number,
  ): Promise<{ readonly found: MatchedTrace[]; readonly last?: TraceSummary }> {
    const found: MatchedTrace[] = []
    let at = 0
    for (const batch of batchesOf(summaries, MATCH_BATCH_SPANS_MAX)) {
      if (found.length >= wanted) return { found }
      await this.#look(batch.filter(({ traceId }) => !this.#known.has(traceId)))
      for (const summary of batch) {
        const known = this.#known.get(summary.traceId)
        if (known !== undefined) found.push({ summary, ...known })
      }
      at += batch.length
      const last = summaries[at - 1]
      if (this.isOver && at < summaries.length && last !== undefined) {
        this.isCut = true
        return { found, last }
      }
    }
    return { found }
  }

  async #look(summaries: readonly TraceSummary[]): Promise<void> {
    const spans = await readManyTraces(
      this.#store,
      summaries.map(({ traceId }) => traceId),
      { spansPerTraceMax: MATCH_SPANS_PER_TRACE_MAX, signal: this.#signal },
    )
    this.isCut ||= summaries.some(({ spanCount }) => spanCount > MATCH_SPANS_PER_TRACE_MAX)
    for (const { traceId } of summaries) {
      const own = spans.get(traceId) ?? []
      this.inspectedTraces++
      this.inspectedSpans += own.length
      const trace = buildTrace(own)
      const match = evaluateTraceQuery(this.#query, trace, this.#cost)
      this.isCut ||= match.isCut
      this.#known.set(traceId, match.spansets.length > 0 ? { trace, match } : undefined)
      this.#signal?.throwIfAborted()
    }
  }
}
