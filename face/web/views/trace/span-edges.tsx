// What a span waited for and what waited for it, as sentences one can follow: its parent, causal edges, links
// to other traces; with how long an edge was under way and what its link carries.

import { spanHint } from '#model'
import { TRACE_ATTRIBUTES, type Attributes, type EdgeView, type SpanView } from '#protocol'
import { formatDuration } from '../../base/format.ts'
import { traceAddress } from '../../base/route.ts'
import { AttributeTable } from '../../widgets/attribute-table.tsx'
import { Text } from '../../widgets/text.tsx'
import { nameOf, serviceOf, type TraceColumns } from './columns.ts'
import { countersOf } from './counters.ts'
import { EndButtons } from './path-bar.tsx'
import type { PathEnds } from './path-ends.ts'

/** More sentences nobody reads. */
const EDGES_SHOWN_MAX = 100

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
  lock: { into: 'got the lock of', outOf: 'left the lock to', why: 'from its release to its next holder' },
  async: { into: 'was started by', outOf: 'started', why: 'a hand-over that the application told of' },
  resource: { into: 'waited for the resource', outOf: 'was loaded for', why: 'fetched by a page' },
  link: { into: 'links to', outOf: 'is linked from', why: 'an OpenTelemetry link' },
}

export function edgesOfSpan(columns: TraceColumns, index: number): readonly EdgeView[] {
  const spanId = columns.spanIds[index]
  return columns.trace.edges.filter((edge) => edge.to.spanId === spanId || edge.from.spanId === spanId)
}

export function SpanEdges({
  columns,
  index,
  span,
  ends,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly index: number
  readonly span: SpanView
  readonly ends: PathEnds
  readonly onSelect: (index: number) => void
}) {
  const edges = edgesOfSpan(columns, index)
  const parent = columns.parent[index]!
  /** Its edge says what the link says. */
  const isEdge = (source: string): boolean =>
    edges.some(({ from, to, attributes }) => {
      return from.spanId === source && to.spanId === span.spanId && attributes !== undefined
    })
  if (edges.length === 0 && parent < 0 && span.links.length === 0)
    return <p class="muted">A root that nothing else waits for or leads to.</p>
  return (
    <>
      <ul class="causes">
        {parent >= 0 && (
          <li>
            <span class="muted">child of</span>
            <SpanLink columns={columns} index={parent} onSelect={onSelect} />
          </li>
        )}
        {edges.slice(0, EDGES_SHOWN_MAX).map((edge, at) => (
          <Edge key={at} columns={columns} edge={edge} spanId={span.spanId} ends={ends} onSelect={onSelect} />
        ))}
      </ul>
      {edges.length > EDGES_SHOWN_MAX && <p class="muted">and {edges.length - EDGES_SHOWN_MAX} more</p>}
      {span.links
        .filter((link) => Object.keys(link.attributes).length > 0 && !isEdge(link.spanId))
        .map((link, at) => (
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
    </>
  )
}

function Edge({
  columns,
  edge,
  spanId,
  ends,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly edge: EdgeView
  readonly spanId: string
  readonly ends: PathEnds
  readonly onSelect: (index: number) => void
}) {
  const isInto = edge.to.spanId === spanId
  const words = EDGE_WORDS[edge.kind]
  const isForeign = edge.from.traceId !== undefined && edge.from.traceId !== columns.trace.traceId
  const other = columns.indexOf.get(isInto ? edge.from.spanId : edge.to.spanId)
  const source = isForeign ? undefined : columns.indexOf.get(edge.from.spanId)
  const target = columns.indexOf.get(edge.to.spanId)
  const under = edge.from.timeNs === undefined ? 0n : BigInt(edge.to.timeNs) - BigInt(edge.from.timeNs)
  return (
    <li class={edge.kind} title={words.why}>
      <span class="muted">{isInto ? words.into : words.outOf}</span>
      <span>
        {other !== undefined && !(isInto && isForeign) ? (
          <SpanLink columns={columns} index={other} onSelect={onSelect} />
        ) : edge.from.traceId !== undefined ? (
          <a class="outside mono" href={traceAddress(edge.from.traceId, edge.from.spanId)}>
            trace {edge.from.traceId.slice(0, 12)}…
          </a>
        ) : (
          <code>{edge.from.spanId}</code>
        )}
        {under > 0n && <span class="muted"> · {formatDuration(under)} under way</span>}
        {source !== undefined && target !== undefined && edge.from.timeNs !== undefined && (
          <EndButtons
            columns={columns}
            ends={ends}
            span={source}
            at={BigInt(edge.from.timeNs)}
            to={{ span: target, at: BigInt(edge.to.timeNs) }}
            what="this edge"
          />
        )}
        {edge.attributes !== undefined && <EdgeAttributes of={edge.attributes} />}
      </span>
    </li>
  )
}

/** Counters with their units first, as of a span. */
function EdgeAttributes({ of }: { readonly of: Attributes }) {
  const counters = countersOf(of)
  const rest = Object.entries(of).filter(([key]) => !isCounterKey(key))
  return (
    <>
      {counters.length > 0 && (
        <span class="edge-counters">
          {counters.map(({ group, name, text }) => (
            <span key={`${group} ${name}`}>
              <Text of={name} /> <b>{text}</b>
            </span>
          ))}
        </span>
      )}
      {rest.length > 0 && <AttributeTable of={Object.fromEntries(rest)} />}
    </>
  )
}

const isCounterKey = (key: string): boolean =>
  key.startsWith(TRACE_ATTRIBUTES.counter) || key.startsWith(TRACE_ATTRIBUTES.unit)

function SpanLink({
  columns,
  index,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly index: number
  readonly onSelect: (index: number) => void
}) {
  const span = columns.spanAt(index)
  const name = `${nameOf(columns, index)} ${span === undefined ? '' : spanHint(span)}`.trimEnd()
  return (
    <button type="button" class="text-button" onClick={() => onSelect(index)}>
      <Text of={serviceOf(columns, index)} /> · <Text of={name} />
    </button>
  )
}
