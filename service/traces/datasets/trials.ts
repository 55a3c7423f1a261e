// What a definition makes of stored traces, before it is in force: counted and timed, nothing is written.

import { buildTrace, FeatureBudget, prepareTrace } from '#model'
import type { Store } from '#store'
import { text } from '../read-rows.ts'
import type { StoredDataset } from './definition.ts'
import { CANARY_TRACES, FEATURE_SPANS_MAX } from './limits.ts'
import type { EvaluationPorts } from './live-datasets.ts'
import { readTraces } from './stored-traces.ts'

export type Trial = {
  readonly traces: number
  readonly matched: number
  readonly rows: number
  readonly overBudget: number
  readonly cpuMs: number
  readonly cpuMsMax: number
}

type Ports = EvaluationPorts & { readonly store: Store }

/** Of the newest traces. Errors: those of the store. */
export async function tryOut(ports: Ports, dataset: StoredDataset): Promise<Trial> {
  const rows = await ports.store.query(
    `SELECT lower(hex(trace_id)) AS id FROM traces WHERE is_deleted = 0 AND span_count <= {spans:UInt32}
    ORDER BY start_ns DESC LIMIT 1 BY trace_id LIMIT {most:UInt32}`,
    { params: { most: CANARY_TRACES, spans: FEATURE_SPANS_MAX } },
  )
  return tryOn(
    ports,
    dataset,
    rows.map(({ id }) => text(id)),
  )
}

/** Of these traces. Errors: those of the store. */
export async function tryOn(
  ports: Ports,
  dataset: StoredDataset,
  traceIds: readonly string[],
): Promise<Trial> {
  const { spans } = await readTraces(ports.store, traceIds)
  const { program, filter } = ports.compile(dataset)
  const trial = { traces: 0, matched: 0, rows: 0, overBudget: 0, cpuMs: 0, cpuMsMax: 0 }
  for (const one of spans.values()) {
    const trace = prepareTrace(buildTrace(one))
    const budget = new FeatureBudget()
    const beganMs = ports.cpuMs()
    trial.traces++
    ports.evaluating?.(dataset.tableId)
    if (filter(trace, budget)) {
      trial.matched++
      trial.rows += program.evaluate(trace, budget).length
    }
    ports.evaluating?.(0)
    trial.overBudget += budget.overBudget
    const spentMs = ports.cpuMs() - beganMs
    trial.cpuMs += spentMs
    trial.cpuMsMax = Math.max(trial.cpuMsMax, spentMs)
  }
  return trial
}
