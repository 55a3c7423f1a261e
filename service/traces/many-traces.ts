// Spans of many traces read at once: for queries, features and backfills that look at trace after trace.

import type { OtlpSpan } from '#model'
import type { Store } from '#store'
import { SPAN_COLUMNS, SpanRowReader } from './read-rows.ts'

export type ManyTraces = ReadonlyMap<string, OtlpSpan[]>

/**
 * By trace id, each trace's spans by start, the newest arrival of each; absent = not in the store.
 * spansPerTraceMax: of each trace, the first ones. Errors: those of the store.
 */
export async function readManyTraces(
  store: Store,
  traceIds: readonly string[],
  {
    spansPerTraceMax = 0,
    signal,
  }: { readonly spansPerTraceMax?: number; readonly signal?: AbortSignal } = {},
): Promise<ManyTraces> {
  const ids = traceIds.filter((id) => /^[0-9a-f]{32}$/i.test(id))
  if (ids.length === 0) return new Map()
  const rows = await store.query(
    `SELECT ${SPAN_COLUMNS} FROM (SELECT * FROM spans
      WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))
      ORDER BY trace_id, span_id, seq DESC LIMIT 1 BY trace_id, span_id)
    ORDER BY trace_id, start_ns, span_id ${spansPerTraceMax > 0 ? 'LIMIT {limit:UInt32} BY trace_id' : ''}`,
    { params: { ids, ...(spansPerTraceMax > 0 ? { limit: spansPerTraceMax } : {}) }, signal },
  )
  const reader = new SpanRowReader()
  return Map.groupBy(
    rows.map((row) => reader.span(row)),
    ({ traceId }) => traceId,
  )
}

/** As many together as have at most `spansMax` spans; at least one. */
export function* batchesOf<T extends { readonly spanCount: number }>(
  traces: Iterable<T>,
  spansMax: number,
): Generator<readonly T[]> {
  let batch: T[] = []
  let spans = 0
  for (const trace of traces) {
    if (batch.length > 0 && spans + trace.spanCount > spansMax) {
      yield batch
      batch = []
      spans = 0
    }
    batch.push(trace)
    spans += trace.spanCount
  }
  if (batch.length > 0) yield batch
}
