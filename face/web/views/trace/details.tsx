// Everything about one span, in the order one asks, on four pages:
//
//   Details   what went wrong, its attributes, where it ran, the raw JSON
//   Counters  numbers with their units, grouped by the first word of their names; slack and drag
//   Points    instants inside it, with what they carry
//   Edges     what it waited for and what waited for it
//
// Which page is open is in the URL (tab=), so that a link shows what was looked at.

import { spanHint } from '#model'
import type { SpanView } from '#protocol'
import { readImpact, readSpan } from '../../base/api.ts'
import { formatClock, formatDay, formatDuration, plural } from '../../base/format.ts'
import { hueColour, type Theme } from '../../base/palette.ts'
import { useResource } from '../../base/resource.ts'
import { address, changeQuery, traceAddress } from '../../base/route.ts'
import { NO_FILTER, writeFilter } from '../../base/trace-filter.ts'
import { AttributeTable } from '../../widgets/attribute-table.tsx'
import { CopyButton, IconButton } from '../../widgets/controls.tsx'
import { Icon } from '../../widgets/icon.tsx'
import { ErrorNotice, Loading } from '../../widgets/notice.tsx'
import { Text } from '../../widgets/text.tsx'
import type { ComponentChildren } from 'preact'
import { kindOf, nameOf, selfNs, serviceOf, type TraceColumns } from './columns.ts'
import { countersOf } from './counters.ts'
import { edgesOfSpan, SpanEdges } from './span-edges.tsx'
import { onPathNs, type TracePath } from './overlay.ts'
import { EndButtons } from './path-bar.tsx'
import type { PathEnds } from './path-ends.ts'

const TABS = ['details', 'counters', 'points', 'edges'] as const
export type DetailsTab = (typeof TABS)[number]

export function readTab(query: URLSearchParams): DetailsTab {
  return TABS.find((tab) => tab === query.get('tab')) ?? 'details'
}

type DetailsProps = {
  readonly columns: TraceColumns
  readonly index: number
  readonly path: TracePath
  readonly ends: PathEnds
  readonly theme: Theme
  readonly tab: DetailsTab
  readonly onSelect: (index: number) => void
  readonly onZoom: () => void
  readonly onClose: () => void
}

export function Details(props: DetailsProps) {
  const { columns, index, theme, tab } = props
  const { traceId } = columns.trace
  const here = columns.spanAt(index)
  const spanId = columns.spanIds[index]!
  const key = `${traceId} ${spanId}`
  const fetched = useResource(here === undefined ? key : undefined, (signal) =>
    readSpan(traceId, spanId, signal),
  )
  const span = here ?? (fetched.valueKey === key ? fetched.value : undefined)
  const name = span === undefined ? nameOf(columns, index) : spanTitle(span)
  const kind = kindOf(columns, index)
  const counts: { readonly [tab in DetailsTab]?: number } = {
    counters: span === undefined ? undefined : countersOf(span.attributes).length,
    points: columns.firstPoint[index + 1]! - columns.firstPoint[index]!,
    edges: edgesOfSpan(columns, index).length,
  }
  return (
    <aside class="details" aria-label="Span details" data-role="details">
      <header style={{ borderTopColor: hueColour(columns.serviceHue[columns.service[index]!]!, theme) }}>
        <div class="details-title">
          <span class="muted">
            <Text of={serviceOf(columns, index)} />
            {kind !== 'unspecified' && ` · ${kind}`}
          </span>
          <h2>
            <Text of={name} />
          </h2>
        </div>
        <span class="details-tools">
          <IconButton icon="zoom" label="Zoom to this span (f)" onClick={props.onZoom} />
          <CopyButton
            get={() => location.origin + traceAddress(traceId, spanId)}
            label="Copy a link to this span"
          />
          <IconButton icon="close" label="Close (Esc)" onClick={props.onClose} />
        </span>
      </header>
      <Facts {...props} />
      <div class="tabs" role="tablist" aria-label="Of this span">
        {TABS.map((one) => (
          <button
            key={one}
            type="button"
            role="tab"
            aria-selected={one === tab}
            onClick={() => changeQuery({ tab: one === 'details' ? undefined : one }, { replace: true })}
          >
            {one}
            {counts[one] !== undefined && counts[one] > 0 && <span class="muted">{counts[one]}</span>}
          </button>
        ))}
      </div>
      <div class="details-body" role="tabpanel">
        {span === undefined ? (
          fetched.error ? (
            <ErrorNotice error={fetched.error} onRetry={fetched.reload} />
          ) : (
            <Loading what="the span" />
          )
        ) : (
          <Page {...props} span={span} />
        )}
      </div>
    </aside>
  )
}

function Facts({ columns, index, path }: DetailsProps) {
  const durationNs = columns.endNs[index]! - columns.startNs[index]!
  const pathNs = onPathNs(path, index)
  return (
    <dl class="facts">
      <Fact name="Duration" value={formatDuration(durationNs)} />
      <Fact name="Starts at" value={formatDuration(columns.startNs[index]! - columns.bounds.startNs)} />
      <Fact name="Self time" value={formatDuration(selfNs(columns, index))} />
      <Fact name="On critical path" value={pathNs === 0n ? 'no' : formatDuration(pathNs)} />
    </dl>
  )
}

function Page(props: DetailsProps & { readonly span: SpanView }) {
  const { columns, index, span } = props
  switch (props.tab) {
    case 'details':
      return <DetailsPage columns={columns} span={span} />
    case 'counters':
      return <CountersPage columns={columns} span={span} />
    case 'points':
      return <PointsPage columns={columns} index={index} span={span} ends={props.ends} />
    case 'edges':
      return (
        <SpanEdges columns={columns} index={index} span={span} ends={props.ends} onSelect={props.onSelect} />
      )
  }
}

function DetailsPage({ columns, span }: { readonly columns: TraceColumns; readonly span: SpanView }) {
  const scope =
    span.scope.version === undefined ? span.scope.name : `${span.scope.name} ${span.scope.version}`
  return (
    <>
      {span.status.code === 'error' && (
        <p class="callout error">
          <Icon name="error" />
          <span>{span.status.message ? <Text of={span.status.message} /> : 'This span failed.'}</span>
        </p>
      )}
      <ClockNote columns={columns} span={span} />
      <Section title="Attributes" count={Object.keys(span.attributes).length}>
        <AttributeTable of={span.attributes} filterBy={filterAddress} />
        {span.droppedCount > 0 && (
          <p class="muted">
            {plural(span.droppedCount, 'item')} left out by a limit of the sender or of this server.
          </p>
        )}
      </Section>
      {span.events
        .filter(({ name }) => name === 'exception')
        .map((event, at) => (
          <Section key={at} title="Exception">
            <AttributeTable of={event.attributes} />
          </Section>
        ))}
      <Section title="Resource" count={Object.keys(span.resource).length} isClosed>
        <AttributeTable of={span.resource} filterBy={filterAddress} />
      </Section>
      <Section title="Identity" isClosed>
        <AttributeTable
          of={{
            'span id': span.spanId,
            'parent span id': span.parentSpanId ?? '—',
            'trace id': columns.trace.traceId,
            'instrumentation scope': scope,
            start: `${formatDay(BigInt(span.startNs))} ${formatClock(BigInt(span.startNs))} (${span.startNs} ns)`,
            end: `${span.endNs} ns`,
          }}
        />
      </Section>
      <Section title="JSON" isClosed>
        <RawJson span={span} />
      </Section>
    </>
  )
}

/** Numbers of the span, and what the trace would gain or bear: computed by the server when it is asked. */
function CountersPage({ columns, span }: { readonly columns: TraceColumns; readonly span: SpanView }) {
  const { traceId } = columns.trace
  const impact = useResource(`${traceId} ${span.spanId}`, (signal) =>
    readImpact(traceId, span.spanId, signal),
  )
  const counters = countersOf(span.attributes)
  const groups = [...new Set(counters.map(({ group }) => group))]
  const told = impact.value?.spanId === span.spanId ? impact.value : undefined
  return (
    <>
      <Section title="In the trace">
        <dl class="counters">
          <Fact name="Work of its own" value={durationOr(told?.workNs)} />
          <Fact name="On the critical path" value={durationOr(told?.pathNs)} />
          <Fact name="Drag" value={durationOr(told?.dragNs)} />
          <Fact
            name="Slack"
            value={
              told !== undefined && told.slackNs === undefined ? 'nothing waits' : durationOr(told?.slackNs)
            }
          />
        </dl>
        <p class="muted">
          Drag is what the trace would be shorter without its work; slack, how much more it may work before
          the trace is longer.
        </p>
        {impact.error && <ErrorNotice error={impact.error} onRetry={impact.reload} />}
      </Section>
      {groups.map((group) => (
        <Section key={group} title={group}>
          <dl class="counters">
            {counters
              .filter((counter) => counter.group === group)
              .map(({ name, text }) => (
                <Fact key={name} name={name} value={text} />
              ))}
          </dl>
        </Section>
      ))}
      {counters.length === 0 && <p class="muted">No attribute of this span is a number.</p>}
    </>
  )
}

function durationOr(ns: string | undefined): string {
  return ns === undefined ? '…' : formatDuration(BigInt(ns))
}

/** Its begin, what was noted inside it, its end: each may be where the critical path begins or ends. */
function PointsPage({
  columns,
  index,
  span,
  ends,
}: {
  readonly columns: TraceColumns
  readonly index: number
  readonly span: SpanView
  readonly ends: PathEnds
}) {
  const of = { columns, ends, span: index }
  return (
    <>
      <div class="event">
        <h3>
          <span>begin</span>
          <EndButtons {...of} at="begin" what="the begin of this span" />
        </h3>
      </div>
      {span.events.map((event, at) => (
        <div class="event" key={at}>
          <h3>
            <Text of={event.name} />
            <span class="muted">+{formatDuration(BigInt(event.timeNs) - columns.startNs[index]!)}</span>
            <EndButtons {...of} at={BigInt(event.timeNs)} what={`point ${at + 1} of this span`} />
          </h3>
          <AttributeTable of={event.attributes} />
        </div>
      ))}
      <div class="event">
        <h3>
          <span>end</span>
          <span class="muted">+{formatDuration(columns.endNs[index]! - columns.startNs[index]!)}</span>
          <EndButtons {...of} at="end" what="the end of this span" />
        </h3>
      </div>
      {span.events.length === 0 && (
        <p class="muted">Nothing was noted inside this span but its begin and its end.</p>
      )}
    </>
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>
        <Text of={name} />
      </dt>
      <dd>
        <Text of={value} />
      </dd>
    </div>
  )
}

function Section({
  title,
  count,
  isClosed,
  children,
}: {
  readonly title: string
  readonly count?: number
  readonly isClosed?: boolean
  readonly children: ComponentChildren
}) {
  if (count === 0) return null
  return (
    <details open={!isClosed}>
      <summary>
        <Icon name="right" size={12} />
        <Text of={title} />
        {count !== undefined && <span class="muted">{count}</span>}
      </summary>
      {children}
    </details>
  )
}

/** What alignment and repair did to this span, so that nobody takes a repair for an observation. */
function ClockNote({ columns, span }: { readonly columns: TraceColumns; readonly span: SpanView }) {
  const repairs = columns.trace.repairs.filter((repair) => repair.spanId === span.spanId)
  if (span.shiftNs === '0' && repairs.length === 0) return null
  const shift = BigInt(span.shiftNs)
  return (
    <p class="callout warn">
      <Icon name="clock" />
      <span>
        {shift !== 0n && (
          <>
            Clock aligned: this span was moved by {shift > 0n ? '+' : ''}
            {formatDuration(shift)}. It was recorded at {formatClock(BigInt(span.startNs) - shift)}.{' '}
          </>
        )}
        {repairs.map((repair, at) => (
          <span key={at}>
            <Text of={repair.message} />{' '}
          </span>
        ))}
      </span>
    </p>
  )
}

/** The name, and the path of an HTTP request whose name is only its method. */
function spanTitle(span: SpanView): string {
  return `${span.name} ${spanHint(span)}`.trimEnd()
}

function RawJson({ span }: { readonly span: SpanView }) {
  const text = JSON.stringify(span, undefined, 2)
  return (
    <div class="raw">
      <CopyButton get={() => text} label="Copy JSON" />
      <pre>
        <Text of={text} />
      </pre>
    </div>
  )
}

function filterAddress(key: string, value: string): string {
  const query = new URLSearchParams()
  writeFilter(
    query,
    key === 'service.name' ? { ...NO_FILTER, service: value } : { ...NO_FILTER, attributes: [[key, value]] },
  )
  return address('/traces', query)
}
