// Traces read back from the store, many at once: for late spans, for what was delayed, for backfills.

import type { OtlpSpan } from '#model'
import type { Store } from '#store'
import { batchesOf, readManyTraces } from '../many-traces.ts'
import { text } from '../read-rows.ts'
import { FEATURE_SPANS_MAX, READ_SPANS_MAX } from './limits.ts'

export type StoredTraces = {
  /** By trace id; absent = not in the store (any more). */
  readonly spans: ReadonlyMap<string, OtlpSpan[]>
  /** Runaway traces: more spans than features look at. */
  readonly tooLarge: ReadonlySet<string>
  /** What the tail rule let each stand for. */
  readonly weights: ReadonlyMap<string, number>
}

/** Errors: those of the store. */
export async function readTraces(store: Store, ids: readonly string[]): Promise<StoredTraces> {
  const counted = await store.query(
    `SELECT lower(hex(trace_id)) AS id, toFloat64(uniqExact(span_id)) AS n FROM spans
    WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16)) GROUP BY trace_id`,
    { params: { ids } },
  )
  const sizes = counted.map((row) => ({ id: text(row['id']), spanCount: Number(row['n']) }))
  const tooLarge = new Set(sizes.filter(({ spanCount }) => spanCount > FEATURE_SPANS_MAX).map(({ id }) => id))
  const spans = new Map<string, OtlpSpan[]>()
  const small = sizes.filter(({ id }) => !tooLarge.has(id))
  for (const some of batchesOf(small, READ_SPANS_MAX)) {
    const read = await readManyTraces(
      store,
      some.map(({ id }) => id),
    )
    for (const [id, own] of read) spans.set(id, own)
  }
  return { spans, tooLarge, weights: await readWeights(store, ids) }
}

async function readWeights(store: Store, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await store.query(
    `SELECT lower(hex(trace_id)) AS id, argMax(weight, (is_deleted = 0, version)) AS last_weight FROM traces
    WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16)) GROUP BY trace_id`,
    { params: { ids } },
  )
  return new Map(rows.map((row) => [text(row['id']), Number(row['last_weight'])]))
}
