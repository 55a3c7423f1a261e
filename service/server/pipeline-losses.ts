// All that can be lost or left out on the way of a trace, by the counter that tells of it. What is not here
// is in no list of the page: a new counter of drops adds a line.

import type { AgentView, PipelineLoss, PipelineStage } from '#protocol'
import type { Metric } from './metrics.ts'

type Cause = Pick<PipelineLoss, 'stage' | 'what' | 'unit' | 'isIntentional'>

const loss = (stage: PipelineStage, unit: string, what: string): Cause => ({
  stage,
  unit,
  what,
  isIntentional: false,
})
const meant = (stage: PipelineStage, unit: string, what: string): Cause => ({
  ...loss(stage, unit, what),
  isIntentional: true,
})

/** By metric, without `crosscut_` and `_total`. A label (status, dataset) stands behind the words. */
const CAUSES: { readonly [metric: string]: Cause } = {
  ingest_refused: loss('ingest', 'requests', 'refused with status'),
  ingest_rejected_spans: loss('ingest', 'spans', 'malformed: no ids, no times'),
  ingest_duplicate_batches: meant('ingest', 'requests', 'sent again, known already'),
  ingest_lost_records: loss('ingest', 'records', 'of the log that a disk lost'),
  ingest_torn_records: loss('ingest', 'records', 'of the log half written when the power went, never acked'),
  traces_damaged_records: loss('traces', 'records', 'of the log that could not be read'),
  traces_duplicate_spans: meant('traces', 'spans', 'came twice, are kept once'),
  traces_evicted_traces: meant('traces', 'traces', 'put out of memory early, read again from the store'),
  traces_fenced_traces: loss('traces', 'traces', 'running away: their spans are kept, no features are made'),
  traces_summaries_failed: loss('traces', 'traces', 'without a summary: the store refused it'),
  traces_tail_dropped: meant('traces', 'traces', 'not kept by the tail rule; others stand for them'),
  features_traces_too_large: loss('features', 'traces', 'too large for features'),
  features_traces_gone: loss('features', 'traces', 'no longer stored when their turn came'),
  features_traces_dropped: loss('features', 'traces', 'beyond what the delayed queue holds'),
  features_dataset_failures: loss('features', 'traces', 'without a row, their features failed, in'),
  features_read_failures: loss('features', 'traces', 'read in vain, asked for again'),
  features_rows_failed: loss('features', 'rows', 'that the store refused'),
  features_dataset_over_budget: loss('features', 'features', 'left empty, over the budget, in'),
  features_dataset_not_finite: loss('features', 'features', 'left empty, not a finite number, in'),
  features_dataset_rows_left_out: loss('features', 'rows', 'beyond the most of a trace, in'),
  store_runaway_kills: loss('store', 'queries', 'killed with the store: they ran away'),
}

export type Counted = Omit<PipelineLoss, 'count'> & { readonly total: number }

/** Totals as they are told now: a part that restarted counts from 0 again. */
export function lossesIn(metrics: readonly Metric[], agents: readonly AgentView[]): readonly Counted[] {
  const counted = metrics.flatMap(({ name, samples }) => {
    const metric = name.replace(/^crosscut_/, '').replace(/_total$/, '')
    const cause = Object.hasOwn(CAUSES, metric) ? CAUSES[metric] : undefined
    if (cause === undefined) return []
    return samples.map(({ labels, value }): Counted => {
      const label = Object.values(labels ?? {}).join(' ')
      return label === ''
        ? { ...cause, cause: metric, total: value }
        : { ...cause, cause: `${metric} ${label}`, what: `${cause.what} ${label}`, total: value }
    })
  })
  return [...dropsOf(agents), ...counted]
}

/** What processes dropped before it was sent, by their reasons. */
function dropsOf(agents: readonly AgentView[]): readonly Counted[] {
  const byReason = new Map<string, number>()
  for (const { report } of agents)
    for (const [reason, count] of Object.entries(report?.drops ?? {}))
      byReason.set(reason, (byReason.get(reason) ?? 0) + count)
  return [...byReason].map(([reason, total]) => ({
    ...loss('agents', 'drops', reason),
    cause: `agents ${reason}`,
    total,
  }))
}
