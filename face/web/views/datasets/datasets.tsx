// The datasets: whose they are, how many rows come, how large they are, how they fare. One can be written
// anew.
//
//   ?edit=<name>     the definition of one; ?edit= with nothing is a new one
//   ?trace=<id>      how many rows of each are of this trace

import './datasets.css'
import type { DatasetQuery, DatasetView } from '#protocol'
import { useEffect, useRef, useState } from 'preact/hooks'
import { askDataset, readDatasets, type SavedDataset } from '../../base/dataset-api.ts'
import { formatAgo, formatCount, plural } from '../../base/format.ts'
import { DATASETS_COUNTED_MAX, DATASETS_COUNT_REFRESH_MS, DATASETS_REFRESH_MS } from '../../base/limits.ts'
import { readMetrics } from '../../base/metrics.ts'
import { useResource } from '../../base/resource.ts'
import { address, datasetAddress, isPlainClick, navigate, traceAddress } from '../../base/route.ts'
import { shortText } from '../../base/value-text.ts'
import { visibleText } from '../../base/text.ts'
import { Empty, ErrorNotice, Loading, StaleStrip } from '../../widgets/notice.tsx'
import { Text } from '../../widgets/text.tsx'
import { BackfillBar } from './backfill.tsx'
import { DatasetEditor } from './dataset-editor.tsx'
import { rates, type Sample } from './row-rates.ts'

export function DatasetsView({ query }: { readonly query: URLSearchParams }) {
  const edited = query.get('edit') ?? undefined
  const list = useResource('datasets', (signal) => readDatasets(signal), { refreshMs: DATASETS_REFRESH_MS })
  const perSecond = useRowRates(list.value)
  const [saved, setSaved] = useState<SavedDataset | undefined>(undefined)
  useEffect(() => {
    document.title = 'Datasets · Crosscut'
  }, [])
  if (list.value === undefined)
    return list.error !== undefined ? (
      <ErrorNotice error={list.error} onRetry={list.reload} />
    ) : (
      <Loading what="datasets" />
    )
  if (edited !== undefined)
    return (
      <DatasetEditor
        key={edited}
        name={edited}
        dataset={newer(
          list.value.find(({ name }) => name === edited),
          saved?.name === edited ? saved : undefined,
        )}
        saved={saved?.name === edited ? saved : undefined}
        owners={[...new Set(list.value.map(({ owner }) => owner))]}
        onSaved={setSaved}
        onChanged={list.reload}
      />
    )
  return (
    <div class="datasets">
      {list.error !== undefined && <StaleStrip error={list.error} onRetry={list.reload} />}
      <header class="datasets-head">
        <h1>Datasets</h1>
        {traceIn(query) === undefined ? (
          <span class="muted">Features of every trace, as tables to ask.</span>
        ) : (
          <span class="muted">
            and their rows of <a href={traceAddress(traceIn(query)!)}>trace {traceIn(query)!.slice(-8)}</a>
          </span>
        )}
        <Pipeline />
        <span class="grow" />
        <a class="button primary" href="/datasets?edit=">
          New dataset
        </a>
      </header>
      {list.value.length === 0 ? (
        <Empty title="No dataset yet">
          <p class="muted">A dataset is a table of features: what you want to know of each trace.</p>
        </Empty>
      ) : (
        <DatasetTable datasets={list.value} perSecond={perSecond} traceId={traceIn(query)} />
      )}
    </div>
  )
}

/** Ids go into conditions: nothing but hex passes. */
function traceIn(query: URLSearchParams): string | undefined {
  const traceId = query.get('trace') ?? ''
  return /^[0-9a-f]{32}$/.test(traceId) ? traceId : undefined
}

/** Its rows of the trace, or the dataset. */
function addressOf(name: string, traceId: string | undefined): string {
  if (traceId === undefined) return datasetAddress(name)
  const rows = new URLSearchParams({ view: 'rows', last: 'all', where: `traceId = '${traceId}'` })
  return address(datasetAddress(name), rows)
}

/** The list comes later than the answer to what was saved. */
function newer(listed: DatasetView | undefined, saved: SavedDataset | undefined): DatasetView | undefined {
  return listed === undefined || (saved !== undefined && saved.version > listed.version) ? saved : listed
}

/** Rows a second, between the last two answers that differ in time. */
function useRowRates(datasets: readonly DatasetView[] | undefined): ReadonlyMap<string, number> {
  const past = useRef<readonly Sample[]>([])
  const known = useRef<ReadonlyMap<string, number>>(new Map())
  const seen = useRef<readonly DatasetView[] | undefined>(undefined)
  if (datasets !== undefined && datasets !== seen.current) {
    seen.current = datasets
    const rows = new Map(datasets.map(({ name, use }) => [name, use?.rows ?? 0]))
    past.current = [...past.current, { atMs: performance.now(), rows }].slice(-SAMPLES_KEPT)
    known.current = rates(past.current)
  }
  return known.current
}

/** Half a minute: rows are written once a second, a shorter look jumps. */
const SAMPLES_KEPT = 10

/** How far behind the rows are, and what was not evaluated. */
function Pipeline() {
  const metrics = useResource('metrics', (signal) => readMetrics(signal), { refreshMs: DATASETS_REFRESH_MS })
  if (metrics.value === undefined) return null
  const of = (name: string): number => metrics.value?.get(`crosscut_features_${name}`) ?? 0
  const waiting = of('incoming_waiting') + of('delayed_waiting')
  const lost = of('traces_dropped_total') + of('traces_too_large_total')
  return (
    <span class="pipeline" role="status">
      <span title="From a trace that is due to its rows in the store, of the last one">
        rows {(of('lag_ms') / 1000).toFixed(1)} s behind
      </span>
      {waiting > 0 && (
        <span class="warn-mark" title="Traces whose features are evaluated when there is time">
          {plural(waiting, 'trace')} waiting
        </span>
      )}
      {lost > 0 && (
        <span class="bad" title="Too large, or beyond what the queue of waiting ones holds">
          {plural(lost, 'trace')} without features
        </span>
      )}
    </span>
  )
}

function DatasetTable({
  datasets,
  perSecond,
  traceId,
}: {
  readonly datasets: readonly DatasetView[]
  readonly perSecond: ReadonlyMap<string, number>
  readonly traceId: string | undefined
}) {
  const sorted = datasets.toSorted(
    (a, b) => Number(a.isBuiltIn) - Number(b.isBuiltIn) || (a.name < b.name ? -1 : 1),
  )
  const stored = useStored(sorted, traceId)
  return (
    <div class="datasets-scroll" tabIndex={0} role="group" aria-label="Datasets, to scroll">
      <table class="table" aria-label="Datasets">
        <thead>
          <tr>
            <th>Dataset</th>
            <th>Owner</th>
            <th>A row each</th>
            <th class="right">Features</th>
            <th class="right">Rows a second</th>
            <th class="right">{traceId === undefined ? 'Rows stored' : 'Rows of the trace'}</th>
            <th class="right">Cost</th>
            <th>Health</th>
            <th>Changed</th>
            <th class="grow" />
          </tr>
        </thead>
        <tbody>
          {sorted.map((dataset) => (
            <Row
              key={dataset.name}
              dataset={dataset}
              rate={perSecond.get(dataset.name)}
              stored={stored.get(dataset.name)}
              traceId={traceId}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({
  dataset,
  rate,
  stored,
  traceId,
}: {
  readonly dataset: DatasetView
  readonly rate: number | undefined
  readonly stored: number | undefined
  readonly traceId: string | undefined
}) {
  const { name, owner, rowPer, columns, use, isBuiltIn, version, changedMs, backfill } = dataset
  const perTrace = use === undefined || use.traces === 0 ? undefined : (use.cpuMs * 1000) / use.traces
  return (
    <tr
      onClick={(event) => {
        const isInside = event.target instanceof Element && event.target.closest('a, button') !== null
        if (isPlainClick(event) && !isInside) navigate(addressOf(name, traceId))
      }}
    >
      <td>
        <a class="dataset-name" href={addressOf(name, traceId)}>
          <Text of={name} />
        </a>
        {isBuiltIn && <span class="built-in">built in</span>}
      </td>
      <td>
        <Text of={owner} />
      </td>
      <td>{rowPer}</td>
      <td class="right mono">{columns.length}</td>
      <td class="right mono">{rate === undefined ? '–' : shortText(Number(rate.toFixed(1)))}</td>
      <td class="right mono">{stored === undefined ? '–' : formatCount(stored)}</td>
      <td class="right mono" title="CPU of its features, a trace">
        {perTrace === undefined ? '–' : `${shortText(Number(perTrace.toPrecision(3)))} µs`}
      </td>
      <td>
        <Health dataset={dataset} />
        {backfill !== undefined && (backfill.state === 'running' || backfill.state === 'waiting') && (
          <BackfillBar backfill={backfill} isBrief />
        )}
      </td>
      <td class="muted">
        v{version}, {formatAgo(Date.now() - changedMs)}
      </td>
      <td class="grow">
        <a class="text-button" href={`/datasets?edit=${encodeURIComponent(name)}`}>
          Definition
        </a>
      </td>
    </tr>
  )
}

/** Rows in the store. Counted one dataset after the other, and seldom: a count reads a column. */
function useStored(
  datasets: readonly DatasetView[],
  traceId: string | undefined,
): ReadonlyMap<string, number> {
  const names = datasets.map(({ name }) => name).slice(0, DATASETS_COUNTED_MAX)
  const counted = useResource<ReadonlyMap<string, number>>(
    JSON.stringify([names, traceId]),
    async (signal, show) => {
      const rows = new Map<string, number>()
      for (const name of names) {
        const where: Pick<DatasetQuery, 'where'> =
          traceId === undefined ? {} : { where: { column: 'traceId', op: '=', value: traceId } }
        const { matched } = await askDataset(name, { select: ['count'], ...where }, signal)
        show(new Map(rows.set(name, matched.rows)))
      }
      return rows
    },
    { refreshMs: DATASETS_COUNT_REFRESH_MS },
  )
  return counted.value ?? NONE
}

const NONE: ReadonlyMap<string, number> = new Map()

function Health({ dataset: { use, warnings } }: { readonly dataset: DatasetView }) {
  const untilMs = use?.quarantinedUntilMs
  if (untilMs !== undefined && untilMs > Date.now())
    return (
      <span
        class="health bad"
        title="Features of this owner cost too much too often: they rest, and are tried again then"
      >
        in quarantine, {plural(Math.ceil((untilMs - Date.now()) / 60_000), 'minute')} left
      </span>
    )
  if (use !== undefined && use.failures > 0)
    return (
      <span class="health warn" title={visibleText(use.lastFailure?.message ?? '')}>
        {plural(use.failures, 'trace')} failed
      </span>
    )
  if (warnings !== undefined && warnings.length > 0)
    return (
      <span class="health warn" title={warnings.map(({ message }) => message).join('\n')}>
        {plural(warnings.length, 'warning')}
      </span>
    )
  return <span class="health ok">{use === undefined ? 'not seen yet' : 'live'}</span>
}
