// Who calls whom, from stored spans: a graph from left to right, arrows as wide as they are busy and red
// where calls fail, and the same as a table. A service or an arrow leads to its traces.
//
//   URL  last=<minutes>, at=<service>

import './services.css'
import type { ServiceGraphView } from '#protocol'
import { useEffect, useMemo } from 'preact/hooks'
import { readServiceGraph } from '../../base/api.ts'
import { formatCount, formatDuration, plural } from '../../base/format.ts'
import { useFacets } from '../../base/facets.tsx'
import { useKeys } from '../../base/keys.ts'
import { SERVICE_GRAPH_REFRESH_MS } from '../../base/limits.ts'
import { serviceHues, type Theme } from '../../base/palette.ts'
import { useResource } from '../../base/resource.ts'
import { address, changeQuery } from '../../base/route.ts'
import { useTheme } from '../../base/theme.ts'
import { NO_FILTER, writeFilter } from '../../base/trace-filter.ts'
import { Select } from '../../widgets/controls.tsx'
import { Empty, ErrorNotice, Loading, StaleStrip } from '../../widgets/notice.tsx'
import { ServiceDot } from '../../widgets/service.tsx'
import { Text } from '../../widgets/text.tsx'
import { GraphPicture } from './graph-picture.tsx'

const RANGES = [5, 15, 60, 360, 1440] as const
const RANGE_DEFAULT = 15
/** Services in the picture; the table has them all. */
const PICTURE_MAX = 60

export function ServicesView({ query }: { readonly query: URLSearchParams }) {
  const minutes = RANGES.find((one) => String(one) === query.get('last')) ?? RANGE_DEFAULT
  const graph = useResource(
    String(minutes),
    (signal) => {
      const nowMs = Date.now()
      const range = { from: String(nowMs - minutes * 60_000), to: String(nowMs + 1_000) }
      return readServiceGraph(new URLSearchParams(range), signal)
    },
    { refreshMs: SERVICE_GRAPH_REFRESH_MS },
  )
  useEffect(() => {
    document.title = 'Services · Crosscut'
  }, [])
  useKeys({ Escape: () => changeQuery({ at: undefined }, { replace: true }) })
  return (
    <div class="service-graph">
      <header class="services-head">
        <h1>Services</h1>
        {graph.value !== undefined && (
          <span class="muted">
            {summaryOf(graph.value)}
            {graph.value.isCut && ', part of what there is'}
          </span>
        )}
        <span class="grow" />
        <Select
          label="Time range"
          value={String(minutes)}
          options={RANGES.map((one) => ({
            value: String(one),
            label: one < 60 ? `Last ${one} minutes` : one === 60 ? 'Last hour' : `Last ${one / 60} hours`,
          }))}
          onChange={(value) => changeQuery({ last: value })}
        />
      </header>
      {graph.value === undefined ? (
        graph.error ? (
          <ErrorNotice error={graph.error} onRetry={graph.reload} />
        ) : (
          <Loading what="the services" />
        )
      ) : graph.value.services.length === 0 ? (
        <Empty title="No span in this time">
          <p class="muted">Choose a longer range.</p>
        </Empty>
      ) : (
        <>
          {graph.error && <StaleStrip error={graph.error} onRetry={graph.reload} />}
          <Loaded graph={graph.value} minutes={minutes} at={query.get('at') ?? undefined} />
        </>
      )}
    </div>
  )
}

function Loaded({
  graph,
  minutes,
  at,
}: {
  readonly graph: ServiceGraphView
  readonly minutes: number
  readonly at: string | undefined
}) {
  const theme = useTheme()
  const { services: known } = useFacets()
  const names = useMemo(() => busiest(graph), [graph])
  const hues = useMemo(() => serviceHues(names, known), [names, known])
  const sending = useMemo(() => new Set(graph.services.map(({ name }) => name)), [graph])
  const apart = useMemo(() => names.filter((name) => !isTied(graph, name)), [names, graph])
  const tied = useMemo(() => names.filter((name) => isTied(graph, name)), [names, graph])
  const edges =
    at === undefined ? graph.edges : graph.edges.filter(({ from, to }) => from === at || to === at)
  return (
    <div class="services-body">
      <GraphPicture graph={graph} names={tied} hues={hues} theme={theme} at={at} />
      {apart.length > 0 && (
        <p class="services-apart">
          <span class="muted">Without calls</span>
          {apart.map((name) => (
            <Name key={name} name={name} hues={hues} theme={theme} minutes={minutes} />
          ))}
        </p>
      )}
      <table class="table" data-role="service-edges">
        <thead>
          <tr>
            <th>From</th>
            <th>To</th>
            <th>Kind</th>
            <th class="right" title="A span counts for as many traces as its own stands for">
              Spans
            </th>
            <th class="right">Errors</th>
            <th class="right">p50</th>
            <th class="right">p95</th>
          </tr>
        </thead>
        <tbody>
          {edges.map((edge) => (
            <tr key={`${edge.kind} ${edge.from.length} ${edge.from}${edge.to}`}>
              <td>
                <Name name={edge.from} hues={hues} theme={theme} minutes={minutes} />
              </td>
              <td>
                {sending.has(edge.to) ? (
                  <Name name={edge.to} hues={hues} theme={theme} minutes={minutes} />
                ) : (
                  <span title="It sends no spans; its callers say its name">
                    <Text of={edge.to} />
                  </span>
                )}
              </td>
              <td class="muted">{edge.kind}</td>
              <td class="right">{formatCount(edge.count)}</td>
              <td class={`right${edge.errors > 0 ? ' error-mark' : ''}`}>
                {edge.errors === 0 ? '' : formatCount(edge.errors)}
              </td>
              <td class="right">{edge.p50Ns === undefined ? '' : formatDuration(BigInt(edge.p50Ns))}</td>
              <td class="right">{edge.p95Ns === undefined ? '' : formatDuration(BigInt(edge.p95Ns))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Name({
  name,
  hues,
  theme,
  minutes,
}: {
  readonly name: string
  readonly hues: ReadonlyMap<string, number>
  readonly theme: Theme
  readonly minutes: number
}) {
  return (
    <a class="services-name" href={tracesOf(name, minutes)}>
      <ServiceDot hue={hues.get(name) ?? 0} theme={theme} />
      <Text of={name} />
    </a>
  )
}

function tracesOf(service: string, minutes: number): string {
  const query = new URLSearchParams()
  writeFilter(query, { ...NO_FILTER, service, range: { kind: 'last', minutes } })
  return address('/traces', query)
}

function isTied({ edges }: ServiceGraphView, name: string): boolean {
  return edges.some(({ from, to }) => from === name || to === name)
}

function summaryOf({ services, edges, spans }: ServiceGraphView): string {
  const [nodes, arrows] = [plural(services.length, 'service'), plural(edges.length, 'edge')]
  return `${nodes}, ${arrows} from ${plural(spans, 'span')}`
}

/** Those with most to do, the others only in the table. */
function busiest({ services, edges }: ServiceGraphView): readonly string[] {
  const weight = new Map(services.map(({ name, serverSpans }) => [name, serverSpans]))
  for (const { from, to, count } of edges)
    for (const name of [from, to]) weight.set(name, (weight.get(name) ?? 0) + count)
  return [...weight]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, PICTURE_MAX)
    .map(([name]) => name)
}
