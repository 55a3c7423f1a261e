// The outline of traces: everything about their spans but attributes, in columns. What a large trace is drawn
// from, and what critical paths over many traces need; reading whole spans takes ten times as long.
//
//   spans of the traces --newest of each id--> ids, parents, times (hex columns, one row a trace)
//   shape = hash of (resource, name, kind, status): its texts are read once, not once a span
//   links, events: of the few spans that have some
//
// Hex, because the engine answers JSON: 16 digits are 8 bytes that need no quoting and no number parsing.

import type { OtlpEvent, OtlpLink, OtlpResource, OtlpSpan, OtlpSpanKind } from '#model'
import type { Row, Store } from '#store'
import { OUTLINE_EXTRAS_MAX, OUTLINE_SHAPES_MAX } from './assembly-limits.ts'
import { SpanRowReader, text } from './read-rows.ts'

export type SpanShape = {
  readonly service: string
  readonly name: string
  readonly kind: OtlpSpanKind
  readonly statusCode: 0 | 1 | 2
  readonly resource: OtlpResource
}

/** One entry a span, in no order. */
export type TraceOutline = {
  readonly traceId: string
  readonly count: number
  /** 16 hex digits each. */
  readonly spanIds: string
  readonly parentIds: string
  readonly startNs: BigUint64Array
  readonly durationNs: BigUint64Array
  readonly shape: Uint32Array
  readonly shapes: readonly SpanShape[]
  readonly links: ReadonlyMap<string, readonly OtlpLink[]>
  /** Without attributes. */
  readonly events: ReadonlyMap<string, readonly OtlpEvent[]>
}

type Ask = { readonly traceIds: readonly string[]; readonly maxSpans: number; readonly signal?: AbortSignal }

const SHAPE = 'cityHash64(resource, name, kind, status_code)'
const IN_TRACES = 'trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))'
const little = (column: string): string =>
  `arrayStringConcat(groupArray(hex(reinterpretAsFixedString(${column}))))`

const COLUMNS = `SELECT lower(hex(trace_id)) AS id, count() AS spans,
    lower(arrayStringConcat(groupArray(hex(span_id)))) AS span_ids,
    lower(arrayStringConcat(groupArray(hex(parent_span_id)))) AS parent_ids,
    ${little('start_ns')} AS starts, ${little('duration_ns')} AS durations, ${little('shape')} AS shapes
  FROM (SELECT trace_id, span_id, parent_span_id, start_ns, duration_ns, ${SHAPE} AS shape FROM spans
    WHERE ${IN_TRACES} ORDER BY seq DESC LIMIT 1 BY trace_id, span_id LIMIT {max:UInt32})
  GROUP BY trace_id`

// Named again outside: an alias hides the column of its name in this dialect.
const SHAPES = `SELECT toString(h) AS shape, r AS resource, s AS service, n AS name, k AS kind, c AS status_code
  FROM (SELECT ${SHAPE} AS h, any(resource) AS r, any(service) AS s, any(name) AS n, any(kind) AS k,
      any(status_code) AS c
    FROM spans WHERE ${IN_TRACES} GROUP BY h LIMIT {shapes:UInt32})`

const EXTRAS = `SELECT lower(hex(trace_id)) AS id, lower(hex(span_id)) AS span, event_time_ns, event_name,
    arrayMap(x -> lower(hex(x)), link_trace_id) AS link_trace,
    arrayMap(x -> lower(hex(x)), link_span_id) AS link_span, link_attributes
  FROM spans WHERE ${IN_TRACES} AND (notEmpty(link_span_id) OR notEmpty(event_name))
  ORDER BY seq DESC LIMIT 1 BY trace_id, span_id LIMIT {extras:UInt32}`

/** Outlines of the traces that exist, at most maxSpans spans over all of them. */
export async function readOutlines(
  store: Store,
  { traceIds, maxSpans, signal }: Ask,
): Promise<TraceOutline[]> {
  if (traceIds.length === 0) return []
  const params = { ids: traceIds, max: maxSpans, shapes: OUTLINE_SHAPES_MAX, extras: OUTLINE_EXTRAS_MAX }
  const [columns, shapeRows, extras] = await Promise.all(
    [COLUMNS, SHAPES, EXTRAS].map((sql) => store.query(sql, { params, signal })),
  )
  const shapes = shapesOf(shapeRows ?? [])
  const byTrace = new Map<string, Row[]>()
  for (const row of extras ?? []) {
    const rows = byTrace.get(text(row['id']))
    if (rows === undefined) byTrace.set(text(row['id']), [row])
    else rows.push(row)
  }
  return (columns ?? []).map((row) => outlineOf(row, shapes, byTrace.get(text(row['id'])) ?? []))
}

/** The spans of an outline for the model: without attributes. */
export function spansOfOutline(outline: TraceOutline): OtlpSpan[] {
  const { traceId, count, spanIds, parentIds, startNs, durationNs, shape, shapes, links, events } = outline
  const spans: OtlpSpan[] = []
  for (let at = 0; at < count; at++) {
    const spanId = spanIds.slice(16 * at, 16 * at + 16)
    const parentSpanId = parentIds.slice(16 * at, 16 * at + 16)
    const { name, kind, statusCode, resource } = shapes[shape[at]!] ?? UNKNOWN
    const startTimeUnixNano = startNs[at]!
    spans.push({
      traceId,
      spanId,
      ...(parentSpanId === NO_PARENT ? {} : { parentSpanId }),
      name,
      kind,
      startTimeUnixNano,
      endTimeUnixNano: startTimeUnixNano + durationNs[at]!,
      status: { code: statusCode },
      attributes: NO_ATTRIBUTES,
      events: events.get(spanId) ?? [],
      links: links.get(spanId) ?? [],
      resource,
      scope: NO_SCOPE,
    })
  }
  return spans
}

const NO_PARENT = '0000000000000000'
const NO_ATTRIBUTES = {}
const NO_SCOPE = { name: '' }
/** More shapes than are read: a name of its own for each span. */
const UNKNOWN: SpanShape = {
  service: 'unknown_service',
  name: '',
  kind: 0,
  statusCode: 0,
  resource: { attributes: {} },
}

function shapesOf(rows: readonly Row[]): { index: Map<bigint, number>; shapes: SpanShape[] } {
  const reader = new SpanRowReader()
  const index = new Map<bigint, number>()
  const shapes = rows.map((row, at) => {
    index.set(BigInt(text(row['shape'])), at)
    const span = reader.span({ ...row, start_ns: '0', end_ns: '0' })
    return {
      service: text(row['service']),
      name: span.name,
      kind: span.kind,
      statusCode: span.status.code,
      resource: span.resource,
    }
  })
  shapes.push(UNKNOWN)
  return { index, shapes }
}

function outlineOf(
  row: Row,
  { index, shapes }: ReturnType<typeof shapesOf>,
  extras: readonly Row[],
): TraceOutline {
  const reader = new SpanRowReader()
  const links = new Map<string, readonly OtlpLink[]>()
  const events = new Map<string, readonly OtlpEvent[]>()
  for (const extra of extras) {
    const span = reader.span({ ...extra, start_ns: '0', end_ns: '0' })
    if (span.links.length > 0) links.set(span.spanId, span.links)
    if (span.events.length > 0) events.set(span.spanId, span.events)
  }
  const unknown = shapes.length - 1
  return {
    traceId: text(row['id']),
    count: Number(row['spans']),
    spanIds: text(row['span_ids']),
    parentIds: text(row['parent_ids']),
    startNs: wordsOf(text(row['starts'])),
    durationNs: wordsOf(text(row['durations'])),
    shape: Uint32Array.from(wordsOf(text(row['shapes'])), (hash) => index.get(hash) ?? unknown),
    shapes,
    links,
    events,
  }
}

/** Little-endian 8-byte words of hex digits. */
function wordsOf(hex: string): BigUint64Array {
  const bytes = Buffer.from(hex, 'hex')
  const words = new BigUint64Array(bytes.length / 8)
  new Uint8Array(words.buffer).set(bytes)
  return words
}
