// Rows of the store as the shapes the API and the model read.

import type { OtlpEvent, OtlpLink, OtlpResource, OtlpScope, OtlpSpan, OtlpSpanKind } from '#model'
import type { AttributeValue, Attributes, TraceSummary } from '#protocol'
import type { Cell, Row } from '#store'
import { STANDS_FOR_SQL } from './head-weight.ts'
import {
  exactInteger,
  isObject,
  parseAttributes,
  parseObject,
  parseValue,
  plainAttributes,
} from './attribute-text.ts'

export const SUMMARY_COLUMNS = `lower(hex(trace_id)) AS id, start_ns, duration_ns, root_service, root_name,
  has_root, span_count, error_count, services, is_deleted, ${STANDS_FOR_SQL} AS stands_for`

export const SPAN_COLUMNS = `lower(hex(trace_id)) AS id, lower(hex(span_id)) AS span,
  lower(hex(parent_span_id)) AS parent, start_ns, start_ns + duration_ns AS end_ns, name, kind, status_code,
  status_message, trace_state, flags, dropped_attributes, dropped_events, dropped_links, resource, scope,
  attr_string, attr_int, mapApply((k, v) -> (k, toString(v)), attr_double) AS attr_double, attr_bool,
  attr_other, event_time_ns, event_name, event_attributes, event_dropped_attributes,
  arrayMap(x -> lower(hex(x)), link_trace_id) AS link_trace,
  arrayMap(x -> lower(hex(x)), link_span_id) AS link_span,
  link_trace_state, link_flags, link_attributes, link_dropped_attributes`

export function summaryOfRow(row: Row): TraceSummary {
  const services = Object.entries(members(row['services'])).map(([name, spanCount]) => ({
    name,
    spanCount: Number(spanCount),
  }))
  services.sort((a, b) => b.spanCount - a.spanCount || (a.name < b.name ? -1 : 1))
  return {
    traceId: text(row['id']),
    rootService: text(row['root_service']),
    rootName: text(row['root_name']),
    startNs: text(row['start_ns']),
    durationNs: text(row['duration_ns']),
    spanCount: Number(row['span_count']),
    errorCount: Number(row['error_count']),
    services,
    hasRoot: row['has_root'] === 1,
    ...(Number(row['stands_for']) > 1 ? { weight: Number(row['stands_for']) } : {}),
  }
}

/** Spans of one process share one resource and scope object. */
export class SpanRowReader {
  readonly #resources = new Map<string, OtlpResource>()
  readonly #scopes = new Map<string, OtlpScope>()

  span(row: Row): OtlpSpan {
    const parent = text(row['parent'])
    const traceState = text(row['trace_state'])
    const message = text(row['status_message'])
    return {
      traceId: text(row['id']),
      spanId: text(row['span']),
      ...(parent === '0000000000000000' ? {} : { parentSpanId: parent }),
      ...(traceState === '' ? {} : { traceState }),
      flags: Number(row['flags']),
      name: text(row['name']),
      kind: kindOf(row['kind']),
      startTimeUnixNano: BigInt(text(row['start_ns'])),
      endTimeUnixNano: BigInt(text(row['end_ns'])),
      status: { code: statusOf(row['status_code']), ...(message === '' ? {} : { message }) },
      attributes: spanAttributes(row),
      events: events(row),
      links: links(row),
      resource: this.resource(text(row['resource'])),
      scope: this.scope(text(row['scope'])),
      droppedAttributesCount: Number(row['dropped_attributes']),
      droppedEventsCount: Number(row['dropped_events']),
      droppedLinksCount: Number(row['dropped_links']),
    }
  }

  /** Of a line of column resource. */
  resource(line: string): OtlpResource {
    let resource = this.#resources.get(line)
    if (resource === undefined) {
      const parsed = parseObject(line)
      const dropped = Number(parsed['dropped'] ?? 0)
      resource = {
        attributes: attributesOf(parsed),
        ...(dropped === 0 ? {} : { droppedAttributesCount: dropped }),
      }
      this.#resources.set(line, resource)
    }
    return resource
  }

  scope(line: string): OtlpScope {
    let scope = this.#scopes.get(line)
    if (scope === undefined) {
      const parsed = parseObject(line)
      const version = text(parsed['version'])
      scope = {
        name: text(parsed['name']),
        ...(version === '' ? {} : { version }),
        attributes: attributesOf(parsed),
      }
      this.#scopes.set(line, scope)
    }
    return scope
  }
}

const attributesOf = (parsed: { readonly [key: string]: unknown }): Attributes =>
  plainAttributes(members(parsed['attributes']))

function spanAttributes(row: Row): Attributes {
  const pairs: [string, AttributeValue][] = []
  for (const [key, value] of Object.entries(members(row['attr_string']))) pairs.push([key, text(value)])
  for (const [key, value] of Object.entries(members(row['attr_int'])))
    pairs.push([key, exactInteger(text(value))])
  for (const [key, value] of Object.entries(members(row['attr_double'])))
    pairs.push([key, doubleOf(text(value))])
  for (const [key, value] of Object.entries(members(row['attr_bool']))) pairs.push([key, Number(value) === 1])
  for (const [key, value] of Object.entries(members(row['attr_other'])))
    pairs.push([key, parseValue(text(value))])
  // fromEntries defines own properties, also for `__proto__`.
  return Object.fromEntries(pairs)
}

/** nan and inf of the engine stay text: JSON answers can not carry them. */
function doubleOf(value: string): number | string {
  const number = Number(value)
  return Number.isFinite(number)
    ? number
    : value === 'nan'
      ? 'NaN'
      : value.startsWith('-')
        ? '-Infinity'
        : 'Infinity'
}

function events(row: Row): OtlpEvent[] {
  const times = list(row['event_time_ns'])
  const names = list(row['event_name'])
  const attributes = list(row['event_attributes'])
  const dropped = list(row['event_dropped_attributes'])
  return times.map((time, i) => ({
    timeUnixNano: BigInt(text(time)),
    name: text(names[i]),
    attributes: parseAttributes(text(attributes[i])),
    droppedAttributesCount: Number(dropped[i] ?? 0),
  }))
}

function links(row: Row): OtlpLink[] {
  const spans = list(row['link_span'])
  const states = list(row['link_trace_state'])
  const flags = list(row['link_flags'])
  const attributes = list(row['link_attributes'])
  const dropped = list(row['link_dropped_attributes'])
  return list(row['link_trace']).map((traceId, i) => ({
    traceId: text(traceId),
    spanId: text(spans[i]),
    traceState: text(states[i]),
    flags: Number(flags[i] ?? 0),
    attributes: parseAttributes(text(attributes[i])),
    droppedAttributesCount: Number(dropped[i] ?? 0),
  }))
}

function kindOf(cell: Cell | undefined): OtlpSpanKind {
  return cell === 1 || cell === 2 || cell === 3 || cell === 4 || cell === 5 ? cell : 0
}

function statusOf(cell: Cell | undefined): 0 | 1 | 2 {
  return cell === 1 || cell === 2 ? cell : 0
}

export function text(cell: unknown): string {
  return typeof cell === 'string'
    ? cell
    : typeof cell === 'number' || typeof cell === 'bigint'
      ? String(cell)
      : ''
}

export function list(cell: Cell | undefined): readonly Cell[] {
  return Array.isArray(cell) ? cell : []
}

function members(cell: unknown): { readonly [key: string]: unknown } {
  return isObject(cell) ? cell : {}
}
