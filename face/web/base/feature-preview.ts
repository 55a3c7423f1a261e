// What features give on traces that are stored, evaluated in the page by the very code of the server: the
// first rows are there before anything is saved.
//
//   newest summaries -> each trace, small ones whole -> model -> rows

import { buildTrace, compileFeatures, compileFilter, RowSample, type FeatureValue, type Trace } from '#model'
import type { DatasetColumn, DatasetRowPer, SpanView } from '#protocol'
import { readSmallTrace, searchTraces } from './api.ts'
import { PREVIEW_ROWS_MAX, PREVIEW_SPANS_MAX, PREVIEW_TRACES } from './limits.ts'

export { RowSample }

export type Preview = {
  readonly columns: readonly DatasetColumn[]
  readonly rows: readonly {
    readonly traceId: string
    readonly element: string | undefined
    readonly values: readonly FeatureValue[]
  }[]
  /** Of the sample: those that the filter lets through, and how many there are. */
  readonly traces: number
  readonly sampled: number
  readonly rowCount: number
}

/** The newest traces of a search that are not too large to be read whole. */
export async function sampleTraces(
  signal: AbortSignal,
  search: URLSearchParams = new URLSearchParams(),
  count = PREVIEW_TRACES,
): Promise<readonly Trace[]> {
  const asked = new URLSearchParams([...search, ['limit', String(count)]])
  const { traces } = await searchTraces(asked, signal)
  const small = traces.filter(({ spanCount }) => spanCount <= PREVIEW_SPANS_MAX)
  const models: Trace[] = []
  // A few at a time: the server has others to answer.
  for (let at = 0; at < small.length; at += READ_AT_ONCE) {
    const some = small.slice(at, at + READ_AT_ONCE)
    const read = await Promise.all(
      some.map(({ traceId }) => readSmallTrace(traceId, signal).catch(() => undefined)),
    )
    for (const trace of read)
      if (trace !== undefined)
        models.push(buildTrace(trace.spans.map((span) => looseSpan(trace.traceId, span))))
  }
  return models
}

const READ_AT_ONCE = 20

const STATUS = { unset: 0, ok: 1, error: 2 } as const

/** As it was exported: what alignment added is taken off again, the model finds it anew. */
function looseSpan(traceId: string, span: SpanView) {
  const raw = (ns: string): string => String(BigInt(ns) - BigInt(span.shiftNs))
  return {
    traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? '',
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: raw(span.startNs),
    endTimeUnixNano: raw(span.endNs),
    status: { code: STATUS[span.status.code], message: span.status.message ?? '' },
    attributes: span.attributes,
    resource: { attributes: span.resource },
    scope: { name: span.scope.name, version: span.scope.version ?? '' },
    events: span.events.map(({ timeNs, name, attributes }) => ({
      timeUnixNano: raw(timeNs),
      name,
      attributes,
    })),
    links: span.links,
  }
}

/** undefined while the texts do not stand: the editor says why. */
export function previewOf(
  {
    features,
    filter,
    rowPer,
  }: { readonly features: string; readonly filter: string; readonly rowPer: DatasetRowPer },
  traces: readonly Trace[],
  rowsMax = PREVIEW_ROWS_MAX,
): Preview | undefined {
  const { program } = compileFeatures(features, { rowPer })
  const wanted = filter.trim() === '' ? () => true : compileFilter(filter).filter
  if (program === undefined || wanted === undefined) return undefined
  const chosen = traces.filter((trace) => wanted(trace))
  const rows = chosen.flatMap((trace) =>
    program.evaluate(trace).map(({ element, values }) => ({ traceId: trace.traceId, element, values })),
  )
  return {
    columns: program.columns,
    rows: rows.slice(0, rowsMax),
    traces: chosen.length,
    sampled: traces.length,
    rowCount: rows.length,
  }
}
