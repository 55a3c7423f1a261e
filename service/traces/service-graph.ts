// Who calls whom: computed from stored spans, joined with their parents and with what their links point to.
//
//   newest spans in the range (bounded) --parent id--> spans of another service   = a call
//                                       --links------> spans of another service   = an edge of its kind
//                                       calls that no span answers, by what they say of their callee = a call
//                                       --trace id---> what their trace stands for = how often each counts
//
// A span that came twice counts once: either arrival does, since who calls whom is the same in both.
// Joined inside one trace by (trace id, span id); a parent that started before the range is not seen, so
// calls across its lower edge are missing.

import { CALLEE_ATTRIBUTES } from '#model'
import { edgeKindOf, TRACE_ATTRIBUTES, type ServiceGraphView } from '#protocol'
import type { Row, Store } from '#store'
import { GRAPH_EDGES_MAX, GRAPH_SPANS_MAX, GRAPH_TRACE_NS_MAX } from './assembly-limits.ts'
import { STANDS_FOR_SQL } from './head-weight.ts'
import { text } from './read-rows.ts'

type Range = { readonly fromNs: bigint; readonly toNs: bigint }

const RANGE = 'start_ns >= {from_ns:UInt64} AND start_ns <= {to_ns:UInt64}'
/** How many each trace stands for; one that began long before its spans in the range counts once. */
const WEIGHTS = `SELECT trace_id, argMax(${STANDS_FOR_SQL}, (version, NOT is_deleted)) AS stands_for FROM traces
  WHERE start_ns >= {weights_from_ns:UInt64} AND start_ns <= {to_ns:UInt64} GROUP BY trace_id`
const RECENT = `SELECT s.*, greatest(1, w.stands_for) AS stands_for
  FROM (SELECT trace_id, span_id, parent_span_id, toString(service) AS svc, kind, status_code,
      duration_ns, link_trace_id, link_span_id, link_attributes
    FROM spans WHERE ${RANGE} LIMIT 1 BY trace_id, span_id LIMIT {spans:UInt32}) AS s
  ANY LEFT JOIN (${WEIGHTS}) AS w ON s.trace_id = w.trace_id`
/** Weights of quantiles are whole numbers: 1/256 is the least. */
const WHOLE_WEIGHT = 'toUInt64(round(stands_for * 256))'

const ENTRY = `(kind IN (2, 5) OR parent_span_id = toFixedString('', 8))`
const SERVICES = `SELECT svc, sumIf(stands_for, ${ENTRY}) AS entries,
    sumIf(stands_for, status_code = 2 AND ${ENTRY}) AS errors,
    quantilesTDigestWeightedIf(0.5, 0.95)(duration_ns, ${WHOLE_WEIGHT}, ${ENTRY}) AS q,
    count() AS spans
  FROM (${RECENT}) GROUP BY svc ORDER BY entries DESC, svc LIMIT {edges:UInt32}`

const CALLS = `SELECT p.svc AS from_svc, c.svc AS to_svc, sum(c.stands_for) AS calls,
    sumIf(c.stands_for, c.status_code = 2) AS errors,
    quantilesTDigestWeighted(0.5, 0.95)(c.duration_ns, toUInt64(round(c.stands_for * 256))) AS q
  FROM (${RECENT}) AS c ANY LEFT JOIN (SELECT trace_id, span_id, toString(service) AS svc FROM spans
    WHERE ${RANGE} LIMIT {spans:UInt32}) AS p ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id
  WHERE p.svc != '' AND p.svc != c.svc GROUP BY from_svc, to_svc ORDER BY calls DESC LIMIT {edges:UInt32}`

const attribute = (key: string): string => `attr_string['${key}']`
/** The first that is there, '' for none. */
const firstOf = (keys: readonly string[]): string =>
  keys.reduceRight((rest, key) => `if(${attribute(key)} != '', ${attribute(key)}, ${rest})`, "''")
/** As `calleesOf` of the model names it. */
const CALLEE = CALLEE_ATTRIBUTES.reduceRight((rest, { whole, part = [] }) => {
  const [name, of] = [firstOf(whole), firstOf(part)]
  return `if(${name} != '', concat(${name}, if(${of} != '', concat('/', ${of}), '')), ${rest})`
}, "''")
/** Calls of clients and producers below which no other process has a span. */
const UNANSWERED = `SELECT c.svc AS from_svc, c.callee AS to_svc, sum(c.stands_for) AS calls,
    sumIf(c.stands_for, c.status_code = 2) AS errors,
    quantilesTDigestWeighted(0.5, 0.95)(c.duration_ns, toUInt64(round(c.stands_for * 256))) AS q
  FROM (SELECT s.*, greatest(1, w.stands_for) AS stands_for
    FROM (SELECT trace_id, span_id, toString(service) AS svc, status_code, duration_ns, ${CALLEE} AS callee
      FROM spans WHERE ${RANGE} AND kind IN (3, 4) AND callee != ''
      LIMIT 1 BY trace_id, span_id LIMIT {spans:UInt32}) AS s
    ANY LEFT JOIN (${WEIGHTS}) AS w ON s.trace_id = w.trace_id) AS c
  LEFT ANTI JOIN (SELECT trace_id, parent_span_id FROM spans WHERE ${RANGE} AND kind IN (2, 5)
    LIMIT {spans:UInt32}) AS k ON c.trace_id = k.trace_id AND c.span_id = k.parent_span_id
  GROUP BY from_svc, to_svc ORDER BY calls DESC LIMIT {edges:UInt32}`

const LINKS = `SELECT p.svc AS from_svc, c.svc AS to_svc, sum(c.stands_for) AS calls,
    if(c.edge = '' AND p.kind = 4 AND c.kind = 5, 'queue', c.edge) AS edge
  FROM (SELECT svc, kind, stands_for, tupleElement(l, 1) AS at_trace, tupleElement(l, 2) AS at_span,
      JSONExtractString(tupleElement(l, 3), '${TRACE_ATTRIBUTES.edge}') AS edge
    FROM (${RECENT}) ARRAY JOIN arrayZip(link_trace_id, link_span_id, link_attributes) AS l) AS c
  ANY LEFT JOIN (SELECT trace_id, span_id, toString(service) AS svc, kind FROM spans WHERE ${RANGE}
    LIMIT {spans:UInt32}) AS p ON c.at_trace = p.trace_id AND c.at_span = p.span_id
  WHERE p.svc != '' AND p.svc != c.svc GROUP BY from_svc, to_svc, edge ORDER BY calls DESC LIMIT {edges:UInt32}`

export async function readServiceGraph(
  store: Store,
  { fromNs, toNs }: Range,
  signal?: AbortSignal,
): Promise<ServiceGraphView> {
  const params = {
    from_ns: fromNs,
    to_ns: toNs,
    weights_from_ns: fromNs > GRAPH_TRACE_NS_MAX ? fromNs - GRAPH_TRACE_NS_MAX : 0n,
    spans: GRAPH_SPANS_MAX,
    edges: GRAPH_EDGES_MAX,
  }
  const [services = [], calls = [], unanswered = [], links = []] = await Promise.all(
    [SERVICES, CALLS, UNANSWERED, LINKS].map((sql) => store.query(sql, { params, signal })),
  )
  const spans = services.reduce((sum, row) => sum + Number(row['spans']), 0)
  return {
    fromNs: String(fromNs),
    toNs: String(toNs),
    services: services.map((row) => ({
      name: text(row['svc']),
      serverSpans: Number(row['entries']),
      errors: Number(row['errors']),
      ...quantilesOf(row),
    })),
    edges: [
      ...[...calls, ...unanswered].map((row) => ({
        ...endsOf(row),
        kind: 'call' as const,
        ...quantilesOf(row),
      })),
      ...links.map((row) => ({ ...endsOf(row), kind: edgeKindOf(text(row['edge'])) })),
    ],
    spans,
    isCut: spans >= GRAPH_SPANS_MAX,
  }
}

function endsOf(row: Row): { from: string; to: string; count: number; errors: number } {
  return {
    from: text(row['from_svc']),
    to: text(row['to_svc']),
    count: Number(row['calls']),
    errors: Number(row['errors'] ?? 0),
  }
}

/** nan where no span came in. */
function quantilesOf(row: Row): { p50Ns: string; p95Ns: string } {
  const [p50, p95] = Array.isArray(row['q']) ? row['q'].map(Number) : []
  const whole = (value: number | undefined): string =>
    value === undefined || !Number.isFinite(value) ? '0' : String(Math.round(value))
  return { p50Ns: whole(p50), p95Ns: whole(p95) }
}
