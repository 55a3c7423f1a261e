// A query over stored traces: each trace of a stretch of time as a causal DAG, the advice of the query run
// along it, all into one table.
//
//   search, newest first ─ some at a time ─► spans ─► model ─► causal events ─► advice ─► groups ─► rows
//
// Bounded by traces, spans and time; what was not looked at is told. Runs in the read thread.

import { buildTrace, causalEvents, type OtlpSpan } from '#model'
import type { PastResults, TraceSummary } from '#protocol'
import { ExecutionError, openPast, type PastQuery } from '#query'
import { batchesOf, type TraceReader } from '#traces'
import {
  PAST_BATCH_SPANS,
  PAST_MS_MAX,
  PAST_SPANS_MAX,
  PAST_TRACE_SPANS_MAX,
  PAST_TRACES_MAX,
  SEARCH_LIMIT_MAX,
} from './limits.ts'
import { rowToJson } from './result-rows.ts'

export type PastRead = {
  readonly text: string
  readonly views: Readonly<Record<string, string>>
  readonly fromNs: bigint
  readonly toNs: bigint
}

type Surroundings = {
  readonly reader: Pick<TraceReader, 'search' | 'spansOfTraces'>
  readonly nowMs: () => number
  readonly signal: AbortSignal
}

/** Errors: QueryError E_QUERY; those of the reader. */
export async function askPast(read: PastRead, around: Surroundings): Promise<PastResults> {
  const past = openPast(read.text, { views: read.views })
  const asked = new Asked(past)
  const endMs = around.nowMs() + PAST_MS_MAX
  const isOver = (): boolean =>
    asked.traces >= PAST_TRACES_MAX || asked.spans >= PAST_SPANS_MAX || around.nowMs() >= endMs
  let oldest: TraceSummary | undefined
  let isWhole = true
  for await (const batch of batches(read, around)) {
    if (isOver()) {
      isWhole = false
      break
    }
    const small = batch.filter(({ spanCount }) => spanCount <= PAST_TRACE_SPANS_MAX)
    asked.skipped += batch.length - small.length
    const spans = await around.reader.spansOfTraces(
      small.map(({ traceId }) => traceId),
      around.signal,
    )
    for (const own of spans.values()) asked.take(own)
    oldest = batch.at(-1)
  }
  const fromNs = isWhole || oldest === undefined ? String(read.fromNs) : oldest.startNs
  return {
    columns: past.columns,
    rows: past.rows().map(rowToJson),
    ...past.counts(),
    coverage: {
      traces: asked.traces,
      spans: asked.spans,
      skipped: asked.skipped,
      isWhole,
      fromNs,
      toNs: String(read.toNs),
    },
    assumed: asked.assumed,
    warnings: asked.traces === 0 ? [] : past.unseen().map(unseenText),
  }
}

/** What the query has been asked of. */
class Asked {
  readonly #past: PastQuery
  traces = 0
  spans = 0
  skipped = 0
  assumed = 0

  constructor(past: PastQuery) {
    this.#past = past
  }

  take(spans: readonly OtlpSpan[]): void {
    const { events, assumed } = causalEvents(buildTrace(spans))
    this.traces += 1
    this.spans += spans.length
    this.assumed += assumed
    try {
      this.#past.take({ events })
    } catch (error: unknown) {
      if (!(error instanceof ExecutionError)) throw error
      this.skipped += 1
    }
  }
}

const unseenText = (name: string): string =>
  `nothing stored is at ${name}: there are span.start, span.end, those of HTTP, and span events by name`

/** Summaries of the traces that began in the stretch, newest first: those whose spans are read at once. */
async function* batches(
  { fromNs, toNs }: PastRead,
  { reader, signal }: Surroundings,
): AsyncGenerator<readonly TraceSummary[]> {
  let cursor: string | undefined
  do {
    const page = await reader.search({ fromNs, toNs, limit: SEARCH_LIMIT_MAX, cursor }, signal)
    yield* batchesOf(page.traces, PAST_BATCH_SPANS)
    cursor = page.nextCursor
  } while (cursor !== undefined)
}
