// Traces read back from the store, many at once: for late spans, for what was delayed, for backfills.

import type { OtlpSpan } from '#model'
import type { Store } from '#store'
import { batchesOf, readManyTraces } from '../many-traces.ts'
import { text } from '../read-rows.ts'
import { FEATURE_SPANS_MAX, READ_SPANS_MAX } from './limits.ts'

/** Of a trace, before its spans are read. */
export type StoredSize = {
  readonly spanCount: number
  /** What the tail rule let it stand for. */
  readonly tailWeight: number
}

/** By trace id; absent = not in the store (any more). Errors: those of the store. */
export async function sizesOf(
  store: Store,
  ids: readonly string[],
): Promise<ReadonlyMap<string, StoredSize>> {
  const [counted, weighed] = await Promise.all([
    store.query(
      `SELECT lower(hex(trace_id)) AS id, toFloat64(uniqExact(span_id)) AS n FROM spans
      WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16)) GROUP BY trace_id`,
      { params: { ids } },
    ),
    store.query(
      `SELECT lower(hex(trace_id)) AS id, argMax(weight, (is_deleted = 0, version)) AS last_weight FROM traces
      WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16)) GROUP BY trace_id`,
      { params: { ids } },
    ),
  ])
  const weights = new Map(weighed.map((row) => [text(row['id']), Number(row['last_weight'])]))
  return new Map(
    counted.map((row) => {
      const id = text(row['id'])
      return [id, { spanCount: Number(row['n']), tailWeight: weights.get(id) ?? 1 }]
    }),
  )
}

/** Trace after trace, without runaway ones: so many in memory as one read has. Errors: those of the store. */
export async function* readTraces(store: Store, ids: readonly string[]): AsyncGenerator<OtlpSpan[]> {
  const sizes = await sizesOf(store, ids)
  const small = [...sizes].flatMap(([id, { spanCount }]) =>
    spanCount > FEATURE_SPANS_MAX ? [] : [{ id, spanCount }],
  )
  for (const some of batchesOf(small, READ_SPANS_MAX)) {
    const ofBatch = some.map(({ id }) => id)
    yield* (await readManyTraces(store, ofBatch)).values()
  }
}
