// Rows of features over stored traces, for notebooks: what a dataset of these features would hold, without
// making one. An answer is of one stretch of traces; the next goes on where it ended, until all are seen.
//
//   search, newest first ─ as many as fit ─► spans ─► model ─► filter ─► program ─► draw of rows
//
// Bounded by traces, spans and rows of an answer; runs in the read thread, so the owners' queues of the
// feature worker are not delayed by somebody who looks around.

import {
  buildTrace,
  compileFeatures,
  compileFilter,
  FeatureBudget,
  prepareTrace,
  RowSample,
  weightOf,
  type FeatureValue,
} from '#model'
import type { DatasetRowPer, FeatureRowsView, TraceSummary } from '#protocol'
import { batchesOf, type TraceReader } from '#traces'
import {
  FEATURE_ROWS_ROWS_MAX,
  FEATURE_ROWS_SPANS_MAX,
  FEATURE_ROWS_TRACE_SPANS_MAX,
  FEATURE_ROWS_TRACES_MAX,
  PAST_BATCH_SPANS,
} from './limits.ts'

export type FeatureRowsRead = {
  readonly features: string
  /** '' = every trace. */
  readonly filter: string
  readonly rowPer: DatasetRowPer
  readonly fromNs: bigint | undefined
  readonly toNs: bigint | undefined
  readonly cursor: string | undefined
}

type Row = {
  readonly traceId: string
  readonly element?: string
  readonly weight: number
  readonly values: readonly FeatureValue[]
}

/** undefined = a text does not stand: whoever asks compiles it first. Errors: those of the reader. */
export async function readFeatureRows(
  read: FeatureRowsRead,
  reader: Pick<TraceReader, 'search' | 'spansOfTraces' | 'tailWeights'>,
  signal: AbortSignal,
): Promise<FeatureRowsView | undefined> {
  const { program } = compileFeatures(read.features, { rowPer: read.rowPer })
  const filter = read.filter.trim() === '' ? () => true : compileFilter(read.filter).filter
  if (program === undefined || filter === undefined) return undefined
  const { traces, nextCursor } = await stretch(read, reader, signal)
  const small = traces.filter(({ spanCount }) => spanCount <= FEATURE_ROWS_TRACE_SPANS_MAX)
  const sample = new RowSample<Row>(FEATURE_ROWS_ROWS_MAX)
  const counts = { rowCount: 0, traces: 0, matched: 0, spans: 0 }
  for (const batch of batchesOf(small, PAST_BATCH_SPANS)) {
    const ids = batch.map(({ traceId }) => traceId)
    const [spans, tails] = await Promise.all([
      reader.spansOfTraces(ids, signal),
      reader.tailWeights(ids, signal),
    ])
    for (const [traceId, own] of spans) {
      counts.traces += 1
      counts.spans += own.length
      const trace = buildTrace(own)
      const prepared = prepareTrace(trace)
      const budget = new FeatureBudget()
      if (!filter(prepared, budget)) continue
      counts.matched += 1
      const weight = weightOf(trace, tails.get(traceId))
      for (const { element, values } of program.evaluate(prepared, budget)) {
        counts.rowCount += 1
        sample.add({ traceId, ...(element === undefined ? {} : { element }), weight, values })
      }
    }
  }
  const oldestNs = traces.at(-1)?.startNs
  return {
    columns: program.columns,
    rows: sample.rows(),
    ...counts,
    skipped: traces.length - small.length,
    ...(oldestNs === undefined ? {} : { oldestNs }),
    ...(nextCursor === undefined ? {} : { nextCursor }),
  }
}

/** As many traces as have room in one answer: a page that is too heavy is asked for again, shorter. */
async function stretch(
  { fromNs, toNs, cursor }: FeatureRowsRead,
  reader: Pick<TraceReader, 'search'>,
  signal: AbortSignal,
): Promise<{ readonly traces: readonly TraceSummary[]; readonly nextCursor?: string }> {
  const filter = {
    ...(fromNs === undefined ? {} : { fromNs }),
    ...(toNs === undefined ? {} : { toNs }),
    ...(cursor === undefined ? {} : { cursor }),
  }
  const page = await reader.search({ ...filter, limit: FEATURE_ROWS_TRACES_MAX }, signal)
  let spans = 0
  const heavy = page.traces.findIndex(({ spanCount }, at) => {
    spans += spanCount <= FEATURE_ROWS_TRACE_SPANS_MAX ? spanCount : 0
    return at > 0 && spans > FEATURE_ROWS_SPANS_MAX
  })
  return heavy < 0 ? page : await reader.search({ ...filter, limit: heavy }, signal)
}
