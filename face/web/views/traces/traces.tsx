// The live list of traces: what is asked, how latency lies over time, and the traces themselves, newest
// first.
//
//   URL  <->  filter, paused (since when), at (the row under the cursor)       everything else is derived

import './traces.css'
import type { TraceHeatView, TraceSummary } from '#protocol'
import { useEffect, useMemo } from 'preact/hooks'
import { formatCount, formatDuration } from '../../base/format.ts'
import { useFacets } from '../../base/facets.tsx'
import { useKeys } from '../../base/keys.ts'
import { serviceHues, type Theme } from '../../base/palette.ts'
import { address, changeQuery, navigate, traceAddress } from '../../base/route.ts'
import { keep, useTheme } from '../../base/theme.ts'
import type { TimeWindow } from '../../base/time-scale.ts'
import {
  filterRequest,
  isOpen,
  readFilter,
  readPaused,
  writeFilter,
  type TraceFilter,
} from '../../base/trace-filter.ts'
import { Button } from '../../widgets/controls.tsx'
import { Empty, ErrorNotice, Loading, StaleStrip } from '../../widgets/notice.tsx'
import { ServiceDot } from '../../widgets/service.tsx'
import { Text } from '../../widgets/text.tsx'
import { FilterBar } from '../../widgets/filter-bar.tsx'
import { readHeat } from '../../base/api.ts'
import { HEAT_PLOT_COLUMNS, HEAT_PLOT_REFRESH_MS } from '../../base/limits.ts'
import { useResource } from '../../base/resource.ts'
import { FirstTrace } from './first-trace.tsx'
import { Scatter } from './scatter.tsx'
import { useTraceList, type TraceList } from './trace-list.ts'
import { TraceRows, type Hues } from './trace-rows.tsx'

/** Two lines on a laptop; the others are found by typing. */
const SERVICE_CHIPS_MAX = 24

export function TracesView({ query }: { readonly query: URLSearchParams }) {
  const filter = readFilter(query)
  const pausedMs = readPaused(query)
  const isPaused = pausedMs !== undefined
  const selected = query.get('at') ?? undefined
  const theme = useTheme()
  const list = useTraceList(filter, pausedMs)
  const facets = useFacets()
  const services = useMemo(() => serviceCounts(list.rows), [list.rows])
  const hues = useMemo(
    () =>
      serviceHues(
        services.map(([name]) => name),
        facets.services,
      ),
    [services, facets],
  )

  useEffect(() => {
    document.title = 'Traces · Crosscut'
  }, [])
  useEffect(() => keep('crosscut.list', location.search, 'tab'), [query])

  const setFilter = (next: TraceFilter): void => {
    const changed = new URLSearchParams(location.search)
    writeFilter(changed, next)
    changed.delete('at')
    navigate(address('/traces', changed))
  }
  const pauseMark = String(pausedMs ?? pauseTime(list.rows))
  const setPaused = (paused: boolean): void =>
    changeQuery({ paused: paused ? pauseMark : undefined }, { replace: true })
  /** The row stays marked in the address that the back button returns to, and with it the list as it was. */
  const aim = (traceId: string): void =>
    changeQuery({ at: traceId, paused: list.stream === 'off' ? undefined : pauseMark }, { replace: true })
  const open = (traceId: string): void => {
    aim(traceId)
    navigate(traceAddress(traceId))
  }
  const step = (by: number): void => {
    const index = list.rows.findIndex((row) => row.traceId === selected)
    const next = list.rows[Math.max(0, Math.min(list.rows.length - 1, index < 0 ? 0 : index + by))]
    if (next !== undefined) aim(next.traceId)
  }
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    Enter: () => {
      if (selected !== undefined) open(selected)
    },
    '/': () => document.querySelector<HTMLInputElement>('[data-role=search]')?.focus(),
    p: () => setPaused(!isPaused),
    x: () => setFilter({ ...filter, isError: filter.isError ? undefined : true }),
    Escape: () => changeQuery({ at: undefined }, { replace: true }),
  })
  return (
    <div class="traces">
      <div class="traces-head">
        <FilterBar filter={filter} facets={facets} onChange={setFilter} />
        <a class="button plain" href={address('/paths', pathsQuery(filter))} title="Where their time went">
          Critical paths
        </a>
        <LiveButton list={list} isPaused={isPaused} onChange={setPaused} />
      </div>
      {list.error && !list.isFirst && <StaleStrip error={list.error} onRetry={list.reload} />}
      <Body
        list={list}
        filter={filter}
        theme={theme}
        hues={hues}
        services={services}
        selected={selected}
        onFilter={setFilter}
        onOpen={open}
      />
    </div>
  )
}

function Body({
  list,
  filter,
  theme,
  hues,
  services,
  selected,
  onFilter,
  onOpen,
}: {
  readonly list: TraceList
  readonly filter: TraceFilter
  readonly theme: Theme
  readonly hues: Hues
  readonly services: readonly (readonly [string, number])[]
  readonly selected: string | undefined
  readonly onFilter: (filter: TraceFilter) => void
  readonly onOpen: (traceId: string) => void
}) {
  const plot = new URLSearchParams(location.search).get('plot') === 'heat' ? 'heat' : 'points'
  const heat = useHeat(filter, plot === 'heat')
  if (list.isFirst && list.rows.length === 0)
    return list.error ? <ErrorNotice error={list.error} onRetry={list.reload} /> : <Loading what="traces" />
  if (list.rows.length === 0 && !list.isStale) {
    return isOpen(filter) ? (
      <FirstTrace />
    ) : (
      <Empty title="No trace matches">
        <p class="muted">Service, name and attributes must hold for one and the same span.</p>
        <p>
          <Button onClick={() => onFilter({ attributes: [], range: { kind: 'all' } })}>
            Clear the filter
          </Button>
        </p>
      </Empty>
    )
  }
  return (
    <div class={`traces-body${list.isStale ? ' stale' : ''}`} aria-busy={list.isStale}>
      <section class="overview" aria-label="Overview">
        <Stats rows={list.rows} isPart={list.hasOlder} />
        <Scatter
          traces={list.rows}
          heat={heat}
          window={
            heat === undefined
              ? windowOf(list.rows, filter)
              : { startNs: BigInt(heat.fromNs), endNs: BigInt(heat.toNs) }
          }
          selected={selected}
          onOpen={onOpen}
          onSelect={({ fromNs, toNs, minMs, maxMs }) =>
            onFilter({ ...filter, minMs, maxMs, range: { kind: 'between', fromNs, toNs } })
          }
        />
        <span class="segments plot-kind" role="group" aria-label="Picture">
          {PLOTS.map(({ name, label }) => (
            <button
              key={name}
              type="button"
              aria-pressed={name === plot}
              onClick={() => changeQuery({ plot: name === 'points' ? undefined : name }, { replace: true })}
            >
              {label}
            </button>
          ))}
        </span>
      </section>
      <div class="facets" role="group" aria-label="Services">
        {mostByName(services).map(([name, count]) => {
          const isOn = filter.service === name
          return (
            <button
              type="button"
              key={name}
              class={`facet${isOn ? ' on' : ''}`}
              aria-pressed={isOn}
              onClick={() => onFilter({ ...filter, service: isOn ? undefined : name })}
            >
              <ServiceDot hue={hues.get(name) ?? 0} theme={theme} />
              <Text of={name} />
              <span class="muted">{formatCount(count)}</span>
            </button>
          )
        })}
      </div>
      <TraceRows
        rows={list.rows}
        hues={hues}
        theme={theme}
        selected={selected}
        onAim={list.hold}
        onOpen={onOpen}
      />
      {list.hasOlder && (
        <p class="older">
          <Button onClick={list.loadOlder}>Older traces</Button>
        </p>
      )}
    </div>
  )
}

const PLOTS = [
  { name: 'points', label: 'Points' },
  { name: 'heat', label: 'Heat' },
] as const

/** All traces that match, not only those of the list; without a range those of the last hour. */
function useHeat(filter: TraceFilter, isWanted: boolean): TraceHeatView | undefined {
  const query = new URLSearchParams()
  writeFilter(query, filter)
  const heat = useResource(
    isWanted ? query.toString() : undefined,
    (signal) => {
      const asked = filterRequest(filter, Date.now())
      asked.set('columns', String(HEAT_PLOT_COLUMNS))
      return readHeat(asked, signal)
    },
    { refreshMs: HEAT_PLOT_REFRESH_MS },
  )
  return isWanted ? heat.value : undefined
}

function pathsQuery(filter: TraceFilter): URLSearchParams {
  const query = new URLSearchParams()
  writeFilter(query, filter)
  return query
}

function LiveButton({
  list,
  isPaused,
  onChange,
}: {
  readonly list: TraceList
  readonly isPaused: boolean
  readonly onChange: (paused: boolean) => void
}) {
  if (list.stream === 'off')
    return (
      <span class="live off" title="A chosen range does not move">
        Fixed range
      </span>
    )
  const label = isPaused
    ? list.waitingCount > 0
      ? `${formatCount(list.waitingCount)} new`
      : 'Paused'
    : list.error !== undefined
      ? 'Offline'
      : list.stream === 'lost'
        ? 'Polling'
        : 'Live'
  return (
    <button
      type="button"
      class={`button plain live ${isPaused ? 'paused' : list.stream}`}
      aria-pressed={!isPaused}
      title={isPaused ? 'Follow again (p)' : 'Pause (p)'}
      onClick={() => onChange(!isPaused)}
    >
      <span class="live-dot" />
      {label}
    </button>
  )
}

function Stats({ rows, isPart }: { readonly rows: readonly TraceSummary[]; readonly isPart: boolean }) {
  const durations = rows.map((row) => Number(row.durationNs)).sort((a, b) => a - b)
  const quantile = (q: number): string =>
    formatDuration(
      BigInt(Math.round(durations[Math.min(durations.length - 1, Math.floor(q * durations.length))] ?? 0)),
    )
  const failed = rows.filter((row) => row.errorCount > 0).length
  const share = rows.length === 0 ? 0 : (failed / rows.length) * 100
  return (
    <dl
      class="stats"
      title={isPart ? 'Of the traces in the list: there are older ones' : 'Of the traces in the list'}
    >
      <div>
        <dt>{isPart ? 'Newest' : 'Traces'}</dt>
        <dd>{formatCount(rows.length)}</dd>
      </div>
      <div>
        <dt>With errors</dt>
        <dd class={failed > 0 ? 'bad' : ''}>
          {share === 0 || share >= 10 ? share.toFixed(0) : share.toFixed(1)} %
        </dd>
      </div>
      <div>
        <dt>p50</dt>
        <dd>{quantile(0.5)}</dd>
      </div>
      <div>
        <dt>p95</dt>
        <dd>{quantile(0.95)}</dd>
      </div>
    </dl>
  )
}

/** Services of the list by number of traces, most first. */
function serviceCounts(rows: readonly TraceSummary[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const row of rows)
    for (const service of row.services) counts.set(service.name, (counts.get(service.name) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
}

/** The busiest services in the order of their names: a live list must not shuffle what one aims at. */
function mostByName(services: readonly (readonly [string, number])[]): typeof services {
  return services.slice(0, SERVICE_CHIPS_MAX).sort((a, b) => (a[0] < b[0] ? -1 : 1))
}

/**
 * When a list is paused: at its newest row, by the clock of the traces, which need not be that of this page.
 */
function pauseTime(rows: readonly TraceSummary[]): number {
  return rows[0] === undefined ? Date.now() : Number(BigInt(rows[0].startNs) / 1_000_000n) + 1
}

/** The chosen range, else what the rows cover. */
function windowOf(rows: readonly TraceSummary[], filter: TraceFilter): TimeWindow {
  if (filter.range.kind === 'between') return { startNs: filter.range.fromNs, endNs: filter.range.toNs }
  const first = rows[rows.length - 1]
  const last = rows[0]
  if (first === undefined || last === undefined) return { startNs: 0n, endNs: 1n }
  const span = BigInt(last.startNs) - BigInt(first.startNs)
  const room = span / 30n > 1_000_000_000n ? span / 30n : 1_000_000_000n
  return { startNs: BigInt(first.startNs) - room, endNs: BigInt(last.startNs) + room }
}
