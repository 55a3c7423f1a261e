// A trace as OTLP/JSON (ExportTraceServiceRequest), to paste into an issue or send to another backend. Times
// are the raw ones as exported: what alignment added is taken off again.
//
// Source: opentelemetry-proto 1.9, JSON mapping (hex ids, 64-bit integers as strings, enums as integers).

import type { AttributeValue, Attributes, SpanView } from '#protocol'

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

const KIND = { unspecified: 0, internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const
const STATUS = { unset: 0, ok: 1, error: 2 } as const

export function otlpJson(traceId: string, spans: readonly SpanView[]): Json {
  const groups = new Map<string, { resource: Json; scope: Json; spans: Json[] }>()
  for (const span of spans) {
    const key = JSON.stringify([span.resource, span.scope])
    let group = groups.get(key)
    if (group === undefined) {
      group = { resource: { attributes: keyValues(span.resource) }, scope: scopeOf(span), spans: [] }
      groups.set(key, group)
    }
    group.spans.push(spanOf(traceId, span))
  }
  return {
    resourceSpans: [...groups.values()].map(({ resource, scope, spans: members }) => ({
      resource,
      scopeSpans: [{ scope, spans: members }],
    })),
  }
}

function scopeOf(span: SpanView): Json {
  return span.scope.version === undefined
    ? { name: span.scope.name }
    : { name: span.scope.name, version: span.scope.version }
}

function spanOf(traceId: string, span: SpanView): Json {
  const raw = (ns: string): string => String(BigInt(ns) - BigInt(span.shiftNs))
  return {
    traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: KIND[span.kind],
    startTimeUnixNano: raw(span.startNs),
    endTimeUnixNano: raw(span.endNs),
    attributes: keyValues(span.attributes),
    events: span.events.map((event) => ({
      timeUnixNano: raw(event.timeNs),
      name: event.name,
      attributes: keyValues(event.attributes),
    })),
    links: span.links.map((link) => ({
      traceId: link.traceId,
      spanId: link.spanId,
      attributes: keyValues(link.attributes),
    })),
    status: {
      code: STATUS[span.status.code],
      ...(span.status.message === undefined ? {} : { message: span.status.message }),
    },
  }
}

function keyValues(attributes: Attributes): Json {
  return Object.keys(attributes).map((key) => ({ key, value: anyValue(attributes[key] ?? null) }))
}

function anyValue(value: AttributeValue): Json {
  if (value === null) return {}
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  if (isList(value)) return { arrayValue: { values: value.map(anyValue) } }
  return {
    kvlistValue: { values: Object.keys(value).map((key) => ({ key, value: anyValue(value[key] ?? null) })) },
  }
}

function isList(value: AttributeValue): value is readonly AttributeValue[] {
  return Array.isArray(value)
}
