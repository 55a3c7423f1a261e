// Everything about one span, in the order one asks: what and how long, what went wrong, what it waited for,
// its attributes, what happened inside, where it ran, and the raw JSON.

import { spanHint } from '#model'
import type { EdgeView, SpanView } from '#protocol'
import { formatClock, formatDay, formatDuration, plural } from '../../base/format.ts'
import { hueColour, type Theme } from '../../base/palette.ts'
import { address, traceAddress } from '../../base/route.ts'
import { NO_FILTER, writeFilter } from '../../base/trace-filter.ts'
import { AttributeTable } from '../../widgets/attribute-table.tsx'
import { CopyButton, IconButton } from '../../widgets/controls.tsx'
import { Icon } from '../../widgets/icon.tsx'
import { Text } from '../../widgets/text.tsx'
import type { ComponentChildren } from 'preact'
import { selfNs, type TraceColumns } from './columns.ts'
import type { PathSection } from './overlay.ts'

export function Details({
  columns,
  index,
  sections,
  theme,
  onSelect,
  onZoom,
  onClose,
}: {
  readonly columns: TraceColumns
  readonly index: number
  readonly sections: readonly PathSection[]
  readonly theme: Theme
  readonly onSelect: (index: number) => void
  readonly onZoom: () => void
  readonly onClose: () => void
}) {
  const span = columns.spans[index]!
  const durationNs = columns.endNs[index]! - columns.startNs[index]!
  const onPathNs = sections.reduce(
    (sum, section) => (section.span === index ? sum + section.endNs - section.startNs : sum),
    0n,
  )
  const scope =
    span.scope.version === undefined ? span.scope.name : `${span.scope.name} ${span.scope.version}`
  return (
    <aside class="details" aria-label="Span details" data-role="details">
      <header style={{ borderTopColor: hueColour(columns.serviceHue[columns.service[index]!]!, theme) }}>
        <div class="details-title">
          <span class="muted">
            <Text of={span.service} />
            {span.kind !== 'unspecified' && ` · ${span.kind}`}
          </span>
          <h2>
            <Text of={spanTitle(span)} />
          </h2>
        </div>
        <span class="details-tools">
          <IconButton icon="zoom" label="Zoom to this span (f)" onClick={onZoom} />
          <CopyButton
            get={() => location.origin + traceAddress(columns.trace.traceId, span.spanId)}
            label="Copy a link to this span"
          />
          <IconButton icon="close" label="Close (Esc)" onClick={onClose} />
        </span>
      </header>
      <div class="details-body">
        <dl class="facts">
          <Fact name="Duration" value={formatDuration(durationNs)} />
          <Fact name="Starts at" value={formatDuration(columns.startNs[index]! - columns.bounds.startNs)} />
          <Fact name="Self time" value={formatDuration(selfNs(columns, index))} />
          <Fact name="On critical path" value={onPathNs === 0n ? 'no' : formatDuration(onPathNs)} />
        </dl>
        {span.status.code === 'error' && (
          <p class="callout error">
            <Icon name="error" />
            <span>{span.status.message ? <Text of={span.status.message} /> : 'This span failed.'}</span>
          </p>
        )}
        <ClockNote columns={columns} span={span} />
        <Causes columns={columns} span={span} onSelect={onSelect} />
        <Section title="Attributes" count={Object.keys(span.attributes).length}>
          <AttributeTable of={span.attributes} filterBy={filterAddress} />
          {span.droppedCount > 0 && (
            <p class="muted">{plural(span.droppedCount, 'item')} left out by a limit of the sender.</p>
          )}
        </Section>
        <Section title="Events" count={span.events.length}>
          {span.events.map((event, at) => (
            <div class="event" key={at}>
              <h3>
                <Text of={event.name} />
                <span class="muted">+{formatDuration(BigInt(event.timeNs) - columns.startNs[index]!)}</span>
              </h3>
              <AttributeTable of={event.attributes} />
            </div>
          ))}
        </Section>
        <Section title="Links" count={span.links.length}>
          {span.links.map((link, at) => (
            <div class="event" key={at}>
              <h3>
                <a class="outside mono" href={traceAddress(link.traceId, link.spanId)}>
                  {link.traceId === columns.trace.traceId
                    ? `span ${link.spanId}`
                    : `trace ${link.traceId.slice(0, 12)}…`}
                </a>
              </h3>
              <AttributeTable of={link.attributes} />
            </div>
          ))}
        </Section>
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
              start: `${formatDay(columns.startNs[index]!)} ${formatClock(columns.startNs[index]!)} (${span.startNs} ns)`,
              end: `${span.endNs} ns`,
            }}
          />
        </Section>
        <Section title="JSON" isClosed>
          <RawJson span={span} />
        </Section>
      </div>
    </aside>
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
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
        {title}
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

const EDGE_WORDS: {
  readonly [kind in EdgeView['kind']]: { readonly into: string; readonly outOf: string; readonly why: string }
} = {
  join: { into: 'waited for', outOf: 'was awaited by', why: 'an await joined this branch' },
  barrier: {
    into: 'shared a result of',
    outOf: 'gave its result to',
    why: 'one promise, several executions: causality without baggage',
  },
  queue: {
    into: 'was handed over by',
    outOf: 'handed over to',
    why: 'through a queue, a timer or an emitter',
  },
  link: { into: 'links to', outOf: 'is linked from', why: 'an OpenTelemetry link' },
}

/** Edges other than parent and child, as sentences one can follow. */
function Causes({
  columns,
  span,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly span: SpanView
  readonly onSelect: (index: number) => void
}) {
  const edges = columns.trace.edges.filter(
    (edge) => edge.to.spanId === span.spanId || edge.from.spanId === span.spanId,
  )
  const parent = span.parentSpanId === undefined ? undefined : columns.indexOf.get(span.parentSpanId)
  if (edges.length === 0 && parent === undefined) return null
  return (
    <Section title="Causes and effects" count={edges.length + (parent === undefined ? 0 : 1)}>
      <ul class="causes">
        {parent !== undefined && (
          <li>
            <span class="muted">child of</span>
            <SpanLink columns={columns} index={parent} onSelect={onSelect} />
          </li>
        )}
        {edges.slice(0, 100).map((edge, at) => {
          const isInto = edge.to.spanId === span.spanId
          const words = EDGE_WORDS[edge.kind]
          const other = columns.indexOf.get(isInto ? edge.from.spanId : edge.to.spanId)
          return (
            <li key={at} class={edge.kind} title={words.why}>
              <span class="muted">{isInto ? words.into : words.outOf}</span>
              {other !== undefined &&
              !(isInto && edge.from.traceId !== undefined && edge.from.traceId !== columns.trace.traceId) ? (
                <SpanLink columns={columns} index={other} onSelect={onSelect} />
              ) : edge.from.traceId !== undefined ? (
                <a class="outside mono" href={traceAddress(edge.from.traceId, edge.from.spanId)}>
                  trace {edge.from.traceId.slice(0, 12)}…
                </a>
              ) : (
                <code>{edge.from.spanId}</code>
              )}
            </li>
          )
        })}
      </ul>
    </Section>
  )
}

/** The name, and the path of an HTTP request whose name is only its method. */
function spanTitle(span: SpanView): string {
  return `${span.name} ${spanHint(span)}`.trimEnd()
}

function SpanLink({
  columns,
  index,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly index: number
  readonly onSelect: (index: number) => void
}) {
  const span = columns.spans[index]!
  return (
    <button type="button" class="text-button" onClick={() => onSelect(index)}>
      <Text of={span.service} /> · <Text of={spanTitle(span)} />
    </button>
  )
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
