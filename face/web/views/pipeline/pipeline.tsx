// The way of traces, from the processes to the rows of datasets: how far behind it is, what waits, all that
// was lost or left out with its cause, and whose features take the time. With the last hour.
//
//   ?last=15           minutes
//   ?of=<cause>        a cause whose losses are drawn over time
//   ?show=all          also causes that nothing was lost for
//   ?off=["..."]       lines that are switched off

import './pipeline.css'
import type { PipelineView as View } from '#protocol'
import { useEffect } from 'preact/hooks'
import { formatCount, formatDuration, plural } from '../../base/format.ts'
import { useKeys } from '../../base/keys.ts'
import { PIPELINE_REFRESH_MS } from '../../base/limits.ts'
import { readPipeline } from '../../base/pipeline-api.ts'
import { useResource } from '../../base/resource.ts'
import { changeQuery } from '../../base/route.ts'
import { Select } from '../../widgets/controls.tsx'
import { Lines } from '../../widgets/lines.tsx'
import { ErrorNotice, Loading, StaleStrip } from '../../widgets/notice.tsx'
import { Text } from '../../widgets/text.tsx'
import { Losses } from './losses.tsx'
import { Owners } from './owners.tsx'

const RANGES = [5, 15, 60] as const
const RANGE_DEFAULT = 15

export function PipelineView({ query }: { readonly query: URLSearchParams }) {
  const minutes = RANGES.find((one) => String(one) === query.get('last')) ?? RANGE_DEFAULT
  const asked = useResource(String(minutes), (signal) => readPipeline(minutes, signal), {
    refreshMs: PIPELINE_REFRESH_MS,
  })
  useEffect(() => {
    document.title = 'Pipeline · Crosscut'
  }, [])
  useKeys({ Escape: () => changeQuery({ of: undefined }, { replace: true }) })
  const { value: view, error } = asked
  if (view === undefined)
    return error === undefined ? (
      <Loading what="the pipeline" />
    ) : (
      <ErrorNotice error={error} onRetry={asked.reload} />
    )
  const off = offIn(query)
  const { gauges, rates } = view.past
  return (
    <div class="pipeline-page">
      {error !== undefined && <StaleStrip error={error} onRetry={asked.reload} />}
      <header class="pipeline-head">
        <h1>Pipeline</h1>
        <State view={view} />
        <span class="grow" />
        <Select
          label="Time range"
          value={String(minutes)}
          options={RANGES.map((one) => ({
            value: String(one),
            label: one === 60 ? 'Last hour' : `Last ${one} minutes`,
          }))}
          onChange={(value) => changeQuery({ last: value })}
        />
      </header>
      <Stages view={view} />
      <div class="pipeline-charts">
        <Chart
          title="Behind"
          view={view}
          off={off}
          measure="s"
          lines={[
            { name: 'spans in the store', values: scaled(gauges['tracesLagMs'], 1 / 1_000) },
            { name: 'rows in datasets', values: scaled(gauges['rowsLagMs'], 1 / 1_000) },
          ]}
        />
        <Chart
          title="Waiting"
          view={view}
          off={off}
          measure="traces, segments"
          lines={[
            { name: 'delayed queue', values: gauges['delayed'] ?? [] },
            { name: 'for features', values: gauges['featuresWaiting'] ?? [] },
            { name: 'segments of the log', values: gauges['segmentsWaiting'] ?? [] },
          ]}
        />
        <Chart
          title="Flow"
          view={view}
          off={off}
          measure="a second"
          lines={[
            { name: 'spans accepted', values: rates['spansAccepted'] ?? [] },
            { name: 'spans stored', values: rates['spansStored'] ?? [] },
            { name: 'rows written', values: rates['rowsWritten'] ?? [] },
          ]}
        />
      </div>
      <Losses view={view} of={query.get('of') ?? undefined} isAll={query.get('show') === 'all'} />
      <Owners view={view} />
    </div>
  )
}

function offIn(query: URLSearchParams): ReadonlySet<string> {
  try {
    const names: unknown = JSON.parse(query.get('off') ?? '[]')
    return new Set(Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [])
  } catch {
    return new Set()
  }
}

type Column = readonly (number | null)[]

const last = (values: Column | undefined): number | undefined => values?.at(-1) ?? undefined
const scaled = (values: Column | undefined, by: number): Column =>
  (values ?? []).map((value) => (value === null ? null : value * by))

function Chart({
  title,
  view,
  lines,
  measure,
  off,
}: {
  readonly title: string
  readonly view: View
  readonly lines: readonly { readonly name: string; readonly values: Column }[]
  readonly measure: string
  readonly off: ReadonlySet<string>
}) {
  const { timesMs } = view.past
  const known = lines.filter(({ values }) => values.length === timesMs.length)
  return (
    <section class="pipeline-chart" aria-label={title}>
      <h2>{title}</h2>
      {timesMs.length < 2 || known.length === 0 ? (
        <p class="muted">A line is drawn once there are two samples, ten seconds after the start.</p>
      ) : (
        <Lines timesMs={timesMs} lines={known} measure={measure} off={off} areServices={false} />
      )}
    </section>
  )
}

/** In one sentence: does it keep up, and does it lose anything. */
function State({ view }: { readonly view: View }) {
  const lag = last(view.past.gauges['rowsLagMs'])
  const lost = Object.entries(view.past.losses)
    .filter(([cause]) => view.losses.some((one) => one.cause === cause && !one.isIntentional))
    .reduce((sum, [, counts]) => counts.reduce((all, count) => all + count, sum), 0)
  const broken = view.parts.filter(({ state }) => state !== 'running')
  return (
    <p class="pipeline-state" role="status">
      {broken.map(({ name, state, lastError }) => (
        <span key={name} class="bad">
          <Text of={name} /> is {state}
          {lastError !== undefined && (
            <>
              : <Text of={lastError} />
            </>
          )}
        </span>
      ))}
      {lag !== undefined && <span>rows {formatDuration(BigInt(Math.round(lag * 1e6)))} behind</span>}
      <span class={lost > 0 ? 'bad' : 'muted'}>
        {lost > 0 ? `${formatCount(lost)} lost in this time` : 'nothing lost in this time'}
      </span>
    </p>
  )
}

/** What a trace goes through, left to right, with what each stage does now. */
function Stages({ view }: { readonly view: View }) {
  const { gauges, rates } = view.past
  const perSecond = (name: string, what: string): string | undefined => {
    const rate = last(rates[name])
    return rate === undefined ? undefined : `${formatCount(Math.round(rate))} ${what}/s`
  }
  const waits = (name: string, one: string): string | undefined => {
    const count = last(gauges[name]) ?? 0
    return count > 0 ? `${plural(count, one)} waiting` : undefined
  }
  const delayed = last(gauges['delayed']) ?? 0
  const stages = [
    {
      name: 'Ingest',
      part: 'ingest',
      says: [perSecond('spansAccepted', 'spans'), 'durable before it is acked'],
    },
    {
      name: 'Traces',
      part: 'trace worker',
      says: [
        perSecond('spansStored', 'spans'),
        waits('segmentsWaiting', 'segment'),
        plural(last(gauges['tracesInMemory']) ?? 0, 'trace') + ' in memory',
      ],
    },
    {
      name: 'Features',
      part: 'feature worker',
      says: [
        perSecond('tracesDue', 'traces'),
        waits('featuresWaiting', 'trace'),
        delayed > 0 ? `${plural(delayed, 'trace')} delayed` : undefined,
      ],
    },
    { name: 'Datasets', part: 'store', says: [perSecond('rowsWritten', 'rows')] },
  ]
  return (
    <ol class="stages" aria-label="Stages">
      {stages.map(({ name, part, says }) => {
        const told = view.parts.find((one) => one.name === part)
        const isRunning = told === undefined || told.state === 'running'
        return (
          <li key={name}>
            <b>
              <span class={`state ${isRunning ? 'on' : 'off'}`} title={told?.state ?? 'unknown'} />
              {name}
            </b>
            {says
              .filter((one) => one !== undefined)
              .map((one) => (
                <span key={one}>{one}</span>
              ))}
            {told !== undefined && told.restarts > 0 && (
              <span class="warn-mark">{plural(told.restarts, 'restart')}</span>
            )}
          </li>
        )
      })}
    </ol>
  )
}
