// What a definition makes of stored traces, before it is in force: counted and timed, nothing is written.

import { buildTrace, FeatureBudget, prepareTrace, type Trace } from '#model'
import type { Store } from '#store'
import { FileHosts } from '../feature-files/file-hosts.ts'
import { text } from '../read-rows.ts'
import type { StoredDataset } from './definition.ts'
import { CANARY_TRACES, FEATURE_SPANS_MAX } from './limits.ts'
import { fileProgramOf, type EvaluationPorts } from './live-datasets.ts'
import { readTraces } from './stored-traces.ts'

export type Trial = {
  readonly traces: number
  readonly matched: number
  readonly rows: number
  readonly overBudget: number
  readonly cpuMs: number
  readonly cpuMsMax: number
  /** The first trace on which a feature file failed; no more are tried then. */
  readonly failure?: { readonly message: string; readonly traceId: string }
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
  const files = new FileHosts()
  let trial: Trial = { traces: 0, matched: 0, rows: 0, overBudget: 0, cpuMs: 0, cpuMsMax: 0 }
  try {
    for await (const one of readTraces(ports.store, traceIds)) {
      const step = await tryOne({ ...ports, files }, dataset, buildTrace(one))
      trial = added(trial, step)
      if (trial.failure !== undefined) break
    }
    return trial
  } finally {
    files.close()
  }
}

type Step = Pick<Trial, 'rows' | 'overBudget' | 'cpuMs' | 'failure'> & { readonly isMatched: boolean }

function added(trial: Trial, { isMatched, rows, overBudget, cpuMs, failure }: Step): Trial {
  return {
    traces: trial.traces + 1,
    matched: trial.matched + Number(isMatched),
    rows: trial.rows + rows,
    overBudget: trial.overBudget + overBudget,
    cpuMs: trial.cpuMs + cpuMs,
    cpuMsMax: Math.max(trial.cpuMsMax, cpuMs),
    ...(failure === undefined ? {} : { failure }),
  }
}

async function tryOne(
  ports: EvaluationPorts & { readonly files: FileHosts },
  dataset: StoredDataset,
  trace: Trace,
): Promise<Step> {
  const { program, filter } = ports.compile(dataset)
  const prepared = prepareTrace(trace)
  const budget = new FeatureBudget()
  const beganMs = ports.cpuMs()
  ports.evaluating?.(dataset.tableId)
  const isMatched = filter(prepared, budget)
  const rows = isMatched ? (program?.evaluate(prepared, budget).length ?? 0) : 0
  ports.evaluating?.(0)
  const step = { isMatched, rows, overBudget: budget.overBudget, cpuMs: ports.cpuMs() - beganMs }
  if (program !== undefined || !isMatched) return step
  const { outcomes, cpuMs } = await ports.files.run(dataset.owner, [fileProgramOf(dataset)], trace)
  const [outcome] = outcomes
  if (outcome?.kind === 'rows') return { ...step, rows: outcome.rows.length, cpuMs }
  return { ...step, cpuMs, failure: { message: outcome?.message ?? '', traceId: trace.traceId } }
}
