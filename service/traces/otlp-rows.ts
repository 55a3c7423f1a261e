// Rows of the store as a request of OTLP/JSON, with all that they came with: what export writes and import
// reads again.
//
//   rows --by resource text, then scope text--> resourceSpans[] { resource, scopeSpans[] { scope, spans[] } }
//
// read-rows.ts makes the plain form that people and the model read; here every value keeps its OTLP type.
// Attributes of a span come grouped by type, as the table has them: their order has no meaning in OTLP.
// Source: opentelemetry-proto 1.9, JSON mapping.

import type { Cell, Row } from '#store'
import { isObject, parseObject } from './attribute-text.ts'
import { list, text } from './read-rows.ts'

type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json }
type KeyValue = { readonly key: string; readonly value: Json }

export type OtlpRequest = { readonly resourceSpans: readonly Json[] }

export function otlpRequestOf(rows: readonly Row[]): OtlpRequest {
  const resources = new Map<string, Map<string, Json[]>>()
  for (const row of rows) {
    const scopes = ofKey(resources, text(row['resource']), () => new Map<string, Json[]>())
    ofKey(scopes, text(row['scope']), () => []).push(spanOf(row))
  }
  return {
    resourceSpans: [...resources].map(([line, scopes]) => {
      const { attributes, dropped, schemaUrl } = lineOf(line)
      return {
        resource: { attributes: keyValues(attributes), ...counted('droppedAttributesCount', dropped) },
        ...named('schemaUrl', schemaUrl),
        scopeSpans: [...scopes].map(([scope, spans]) => ({ ...scopeOf(scope), spans })),
      }
    }),
  }
}

function ofKey<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

function scopeOf(line: string): { readonly [key: string]: Json } {
  const { name, version, attributes, dropped, schemaUrl } = lineOf(line)
  return {
    scope: {
      ...named('name', name),
      ...named('version', version),
      attributes: keyValues(attributes),
      ...counted('droppedAttributesCount', dropped),
    },
    ...named('schemaUrl', schemaUrl),
  }
}

function spanOf(row: Row): Json {
  const parent = text(row['parent'])
  return {
    traceId: text(row['id']),
    spanId: text(row['span']),
    ...named('parentSpanId', parent === '0000000000000000' ? '' : parent),
    ...named('traceState', row['trace_state']),
    ...counted('flags', row['flags']),
    name: text(row['name']),
    kind: Number(row['kind']),
    startTimeUnixNano: text(row['start_ns']),
    endTimeUnixNano: text(row['end_ns']),
    attributes: [
      ...typed(row['attr_string'], (value) => ({ stringValue: text(value) })),
      ...typed(row['attr_int'], (value) => ({ intValue: text(value) })),
      ...typed(row['attr_double'], (value) => ({ doubleValue: doubleOf(text(value)) })),
      ...typed(row['attr_bool'], (value) => ({ boolValue: Number(value) === 1 })),
      ...typed(row['attr_other'], (value) => anyValue(parseValue(text(value)))),
    ],
    ...counted('droppedAttributesCount', row['dropped_attributes']),
    events: eventsOf(row),
    ...counted('droppedEventsCount', row['dropped_events']),
    links: linksOf(row),
    ...counted('droppedLinksCount', row['dropped_links']),
    status: { code: Number(row['status_code']), ...named('message', row['status_message']) },
  }
}

function eventsOf(row: Row): Json[] {
  const [names, attributes, dropped] = [
    list(row['event_name']),
    list(row['event_attributes']),
    list(row['event_dropped_attributes']),
  ]
  return list(row['event_time_ns']).map((time, i) => ({
    timeUnixNano: text(time),
    name: text(names[i]),
    attributes: lineValues(attributes[i]),
    ...counted('droppedAttributesCount', dropped[i]),
  }))
}

function linksOf(row: Row): Json[] {
  const [spans, states, flags] = [
    list(row['link_span']),
    list(row['link_trace_state']),
    list(row['link_flags']),
  ]
  const [attributes, dropped] = [list(row['link_attributes']), list(row['link_dropped_attributes'])]
  return list(row['link_trace']).map((traceId, i) => ({
    traceId: text(traceId),
    spanId: text(spans[i]),
    ...named('traceState', states[i]),
    ...counted('flags', flags[i]),
    attributes: lineValues(attributes[i]),
    ...counted('droppedAttributesCount', dropped[i]),
  }))
}

function typed(cell: Cell | undefined, valueOf: (value: unknown) => Json): KeyValue[] {
  return isObject(cell) ? Object.entries(cell).map(([key, value]) => ({ key, value: valueOf(value) })) : []
}

// --- the lines of attribute-text.ts

function lineValues(line: Cell | undefined): KeyValue[] {
  return keyValues(lineOf(text(line)))
}

/** Inside lists a double is a number of JSON, which would lose the sign of zero when it is written again. */
function lineOf(line: string): { readonly [key: string]: unknown } {
  return parseObject(line, (_key, value) => (Object.is(value, -0) ? '-0' : value))
}

function parseValue(line: string): unknown {
  return lineOf(`{"v":${line}}`)['v']
}

function keyValues(attributes: unknown): KeyValue[] {
  return typed(isObject(attributes) ? (attributes as { [key: string]: Cell }) : undefined, anyValue)
}

/** Lists are OTLP/JSON already. */
function anyValue(value: unknown): Json {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (!isObject(value)) return {}
  const { int, double, bytes, array, kvlist } = value
  if (int !== undefined) return { intValue: text(int) }
  if (double !== undefined) return { doubleValue: doubleOf(String(double)) }
  if (bytes !== undefined) return { bytesValue: text(bytes) }
  if (array !== undefined) return { arrayValue: { values: array as Json } }
  return { kvlistValue: { values: kvlist as Json } }
}

/** JSON has no NaN, infinities or negative zero: those are text, as the engine or we wrote them. */
function doubleOf(written: string): number | string {
  const number = Number(written)
  if (Object.is(number, -0)) return '-0'
  if (Number.isFinite(number)) return number
  const word = written.toLowerCase()
  return word === 'nan' ? 'NaN' : word.startsWith('-') ? '-Infinity' : 'Infinity'
}

// --- absent is '' or 0

function named(key: string, value: unknown): { readonly [key: string]: string } {
  return typeof value === 'string' && value !== '' ? { [key]: value } : {}
}

function counted(key: string, value: unknown): { readonly [key: string]: number } {
  return Number(value ?? 0) === 0 ? {} : { [key]: Number(value) }
}
