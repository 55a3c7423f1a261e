// Counters of the feature worker for /metrics: totals, and what each owner and each dataset costs.

import type { FeatureStats } from '#traces'
import { metricsOf, type Metric } from './metrics.ts'

const GAUGES: ReadonlySet<string> = new Set([
  'rowsBuffered',
  'incomingWaiting',
  'delayedWaiting',
  'cacheBytes',
  'lagMs',
])

/** Nothing while the worker does not answer. */
export function featureMetrics(stats: FeatureStats | undefined): Metric[] {
  if (stats === undefined) return []
  const { owners, datasets, filesEnded, ...totals } = stats
  return [
    ...metricsOf('features', totals, GAUGES),
    {
      name: 'crosscut_features_files_ended_total',
      help: 'Threads of TypeScript feature files that were ended, by why.',
      type: 'counter',
      samples: Object.entries(filesEnded).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    by('owner', owners, 'owner_cpu_ms', 'CPU time of its features.', ({ cpuMs }) => cpuMs),
    by('owner', owners, 'owner_over_budget', 'Traces that cost more than they may.', (use) => use.overBudget),
    by('owner', owners, 'owner_refused', 'Traces that its queue had no room for.', ({ refused }) => refused),
    by('owner', owners, 'owner_quarantines', 'How often it had to rest.', ({ quarantines }) => quarantines),
    gauge(owners, 'owner_waiting', 'Traces in its queue.', ({ waiting }) => waiting),
    gauge(
      owners,
      'owner_rests_until_ms',
      'Until when it is in quarantine, ms since the epoch; 0 = it is not.',
      ({ quarantinedUntilMs: until = 0 }) => until,
    ),
    by('dataset', datasets, 'dataset_rows', 'Rows evaluated.', ({ rows }) => rows),
    by('dataset', datasets, 'dataset_traces', 'Traces that its filter let through.', ({ traces }) => traces),
    by('dataset', datasets, 'dataset_cpu_ms', 'CPU time of its features.', ({ cpuMs }) => cpuMs),
    by('dataset', datasets, 'dataset_failures', 'Traces whose features failed.', ({ failures }) => failures),
    by('dataset', datasets, 'dataset_over_budget', 'Features without room.', ({ overBudget }) => overBudget),
    by('dataset', datasets, 'dataset_not_finite', 'Numbers that are none.', ({ notFinite }) => notFinite),
    by(
      'dataset',
      datasets,
      'dataset_rows_left_out',
      'Rows beyond the most.',
      ({ rowsLeftOut }) => rowsLeftOut,
    ),
  ]
}

function by<T>(
  label: 'owner' | 'dataset',
  uses: ReadonlyMap<string, T>,
  name: string,
  help: string,
  value: (use: T) => number,
): Metric {
  const samples = [...uses].map(([of, use]) => ({ labels: { [label]: of }, value: value(use) }))
  return { name: `crosscut_features_${name}_total`, help, type: 'counter', samples }
}

function gauge<T>(
  uses: ReadonlyMap<string, T>,
  name: string,
  help: string,
  value: (use: T) => number,
): Metric {
  const samples = [...uses].map(([owner, use]) => ({ labels: { owner }, value: value(use) }))
  return { name: `crosscut_features_${name}`, help, type: 'gauge', samples }
}
