// The edge of the package entry crosscut/traces: spans as people have them (OTLP/JSON) made exact.
//
// Accepted beside the exact form: times as decimal strings or numbers, attributes as OTLP KeyValue lists,
// kind as number or name, ids in upper case, resource and scope left out or given as attributes only,
// everything optional but the ids. Never throws.
// Source: OTLP/JSON mapping, opentelemetry-proto docs/specification.md.

import type { Attributes, AttributeValue, SpanKind } from '#protocol'
import type { OtlpEvent, OtlpLink, OtlpResource, OtlpScope, OtlpSpan, OtlpSpanKind } from './otlp-span.ts'

/** OTLP/JSON or something near it; read by `exactSpan`. */
export type LooseOtlpSpan = {
  readonly traceId?: string
  readonly spanId: string
  readonly [field: string]: unknown
}

export const SPAN_KINDS: readonly SpanKind[] = [
  'unspecified',
  'internal',
  'server',
  'client',
  'producer',
  'consumer',
]

const NO_ATTRIBUTES: Attributes = Object.freeze({})
const NO_RESOURCE: OtlpResource = Object.freeze({ attributes: NO_ATTRIBUTES })
const NO_SCOPE: OtlpScope = Object.freeze({ name: '' })
/** Deeper values of OTLP/JSON become null: the walk is recursive and the depth is the sender's. */
const VALUE_DEPTH_MAX = 32

/**
 * The exact form of a span; the same object when it is exact already. Resources are made once per input
 * object.
 */
export function exactSpan(span: OtlpSpan | LooseOtlpSpan, resources: Map<object, OtlpResource>): OtlpSpan {
  if (isExact(span)) return span
  const loose: { readonly [field: string]: unknown } = span
  const status = record(loose.status)
  return {
    traceId: text(loose.traceId).toLowerCase(),
    spanId: text(loose.spanId).toLowerCase(),
    parentSpanId: text(loose.parentSpanId).toLowerCase(),
    traceState: text(loose.traceState),
    name: text(loose.name),
    kind: kindOf(loose.kind),
    startTimeUnixNano: nanos(loose.startTimeUnixNano),
    endTimeUnixNano: nanos(loose.endTimeUnixNano),
    status: { code: statusOf(status.code), message: text(status.message) },
    attributes: attributes(loose.attributes),
    events: list(loose.events).map(eventOf),
    links: list(loose.links).map(linkOf),
    resource: resourceOf(loose.resource, resources),
    scope: scopeOf(loose.scope),
    droppedAttributesCount: count(loose.droppedAttributesCount),
    droppedEventsCount: count(loose.droppedEventsCount),
    droppedLinksCount: count(loose.droppedLinksCount),
  }
}

function isExact(span: OtlpSpan | LooseOtlpSpan): span is OtlpSpan {
  return (
    typeof span.startTimeUnixNano === 'bigint' &&
    typeof span.endTimeUnixNano === 'bigint' &&
    typeof span.kind === 'number' &&
    typeof span.traceId === 'string' &&
    typeof span.name === 'string' &&
    Array.isArray(span.events) &&
    Array.isArray(span.links) &&
    isPlain(span.attributes) &&
    isPlain(span.status) &&
    isPlain(span.scope) &&
    isPlain(span.resource) &&
    isPlain(span.resource.attributes)
  )
}

function isPlain(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function record(value: unknown): { readonly [key: string]: unknown } {
  return isPlain(value) ? value : NO_ATTRIBUTES
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function count(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.floor(value) : 0
}

function nanos(value: unknown): bigint {
  if (typeof value === 'bigint') return value < 0n ? 0n : value
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return BigInt(Math.floor(value))
  return typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : 0n
}

function kindOf(value: unknown): OtlpSpanKind {
  if (value === 1 || value === 2 || value === 3 || value === 4 || value === 5) return value
  const named = text(value).toLowerCase().replace('span_kind_', '')
  return named === 'internal'
    ? 1
    : named === 'server'
      ? 2
      : named === 'client'
        ? 3
        : named === 'producer'
          ? 4
          : named === 'consumer'
            ? 5
            : 0
}

function statusOf(value: unknown): 0 | 1 | 2 {
  return value === 1 || value === 'ok' || value === 'STATUS_CODE_OK'
    ? 1
    : value === 2 || value === 'error' || value === 'STATUS_CODE_ERROR'
      ? 2
      : 0
}

function eventOf(value: unknown): OtlpEvent {
  const event = record(value)
  return {
    timeUnixNano: nanos(event.timeUnixNano),
    name: text(event.name),
    attributes: attributes(event.attributes),
  }
}

function linkOf(value: unknown): OtlpLink {
  const link = record(value)
  return {
    traceId: text(link.traceId).toLowerCase(),
    spanId: text(link.spanId).toLowerCase(),
    attributes: attributes(link.attributes),
  }
}

function resourceOf(value: unknown, resources: Map<object, OtlpResource>): OtlpResource {
  if (!isPlain(value)) return NO_RESOURCE
  const known = resources.get(value)
  if (known !== undefined) return known
  const made: OtlpResource = { attributes: attributes('attributes' in value ? value.attributes : value) }
  resources.set(value, made)
  return made
}

function scopeOf(value: unknown): OtlpScope {
  const scope = record(value)
  return scope === NO_ATTRIBUTES
    ? NO_SCOPE
    : { name: text(scope.name), version: text(scope.version) || undefined }
}

function attributes(value: unknown): Attributes {
  const made: { [key: string]: AttributeValue } = Object.create(null)
  if (Array.isArray(value)) {
    for (const item of value) {
      const pair = record(item)
      if (typeof pair.key === 'string') made[pair.key] = anyValue(pair.value, VALUE_DEPTH_MAX)
    }
    return made
  }
  for (const [key, plain] of Object.entries(record(value))) made[key] = plainValue(plain, VALUE_DEPTH_MAX)
  return made
}

/** An OTLP/JSON AnyValue: `{ stringValue }`, `{ intValue }`, ... */
function anyValue(value: unknown, depth: number): AttributeValue {
  const any = record(value)
  if (depth === 0) return null
  if (typeof any.stringValue === 'string') return any.stringValue
  if (typeof any.boolValue === 'boolean') return any.boolValue
  if (any.intValue !== undefined) return integer(any.intValue)
  if (typeof any.doubleValue === 'number') return any.doubleValue
  if (typeof any.bytesValue === 'string') return any.bytesValue
  if (isPlain(any.arrayValue)) return list(any.arrayValue.values).map((item) => anyValue(item, depth - 1))
  if (!isPlain(any.kvlistValue)) return null
  const made: { [key: string]: AttributeValue } = Object.create(null)
  for (const item of list(any.kvlistValue.values)) {
    const pair = record(item)
    if (typeof pair.key === 'string') made[pair.key] = anyValue(pair.value, depth - 1)
  }
  return made
}

function integer(value: unknown): AttributeValue {
  const number = typeof value === 'string' ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : text(value)
}

function plainValue(value: unknown, depth: number): AttributeValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (typeof value === 'bigint') return value.toString()
  if (depth === 0 || typeof value !== 'object' || value === null) return null
  if (Array.isArray(value)) return value.map((item) => plainValue(item, depth - 1))
  const made: { [key: string]: AttributeValue } = Object.create(null)
  for (const [key, plain] of Object.entries(value)) made[key] = plainValue(plain, depth - 1)
  return made
}
