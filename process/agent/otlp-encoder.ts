// Spans as OTLP protobuf (opentelemetry/proto/trace/v1), by hand: each field is one call, in the order of
// the field numbers.
//
//   ExportTraceServiceRequest { 1: ResourceSpans { 1: Resource, 2: ScopeSpans { 1: Scope, 2: Span... }... } }
//   tag byte = field number << 3 | wire type (0 varint, 1 fixed64, 2 length-delimited, 5 fixed32)

import { TRACE_ATTRIBUTES } from '#protocol'
import { ByteWriter } from './byte-writer.ts'
import type { WallClock } from './clock.ts'
import type { Resource } from './resource.ts'
import type { AttributeValue, Scope, Span, SpanEvent, SpanLink } from './span.ts'

const delimited = (field: number): number => (field << 3) | 2

const SPAN_ATTRIBUTES = delimited(9)

/** Appends one Span as field 2 of ScopeSpans. */
export function encodeSpan(out: ByteWriter, span: Span, clock: WallClock): void {
  const mark = out.open(delimited(2))
  out.hex(delimited(1), span.traceId)
  out.hex(delimited(2), span.spanId)
  if (span.traceState) out.string(delimited(3), span.traceState)
  if (span.parent !== undefined) out.hex(delimited(4), span.parent.spanId)
  out.string(delimited(5), span.name)
  out.byte(6 << 3)
  out.byte(span.kind)
  time(out, 7, span.startMs, clock)
  time(out, 8, span.endMs, clock)
  if (span.shared !== undefined) append(out, span.shared)
  encodeAttributes(out, SPAN_ATTRIBUTES, span.attributes)
  count(out, 10, span.droppedAttributes)
  for (const event of span.events ?? []) encodeEvent(out, event, clock)
  count(out, 12, span.droppedEvents)
  for (const link of span.links ?? []) encodeLink(out, link, clock)
  count(out, 14, span.droppedLinks)
  if (span.statusCode !== 0) encodeStatus(out, span)
  fixed32(out, 16, span.otlpFlags)
  out.close(mark)
}

/** Resource as field 1 of ResourceSpans: encoded once a process. */
export function encodeResource(resource: Resource): Uint8Array {
  const out = new ByteWriter(512)
  const mark = out.open(delimited(1))
  for (const [key, value] of resource) encodeAttribute(out, delimited(1), key, value)
  out.close(mark)
  return out.taken()
}

/** Attributes of a span, for `Span.shared`. */
export function encodeShared(attributes: readonly AttributeValue[]): Uint8Array {
  const out = new ByteWriter(256)
  encodeAttributes(out, SPAN_ATTRIBUTES, attributes)
  return out.taken()
}

/** InstrumentationScope as field 1 of ScopeSpans. */
export function encodeScope(scope: Scope): Uint8Array {
  const out = new ByteWriter(64)
  const mark = out.open(delimited(1))
  out.string(delimited(1), scope.name)
  if (scope.version !== '') out.string(delimited(2), scope.version)
  out.close(mark)
  return out.taken()
}

/** One request body from a resource and, by scope, its encoded head and spans. Owns: the result is new. */
export function encodeRequest(
  resource: Uint8Array,
  scopes: readonly (readonly [Uint8Array, Uint8Array])[],
): Uint8Array {
  const spans = scopes.reduce((sum, [head, body]) => sum + head.length + body.length, 0)
  const out = new ByteWriter(spans + resource.length + 64 + scopes.length * 8)
  const mark = out.open(delimited(1))
  append(out, resource)
  for (const [head, body] of scopes) {
    const scopeMark = out.open(delimited(2))
    append(out, head)
    append(out, body)
    out.close(scopeMark)
  }
  out.close(mark)
  return out.bytes.subarray(0, out.length)
}

function append(out: ByteWriter, bytes: Uint8Array): void {
  out.reserve(bytes.length)
  out.bytes.set(bytes, out.length)
  out.length += bytes.length
}

function encodeEvent(out: ByteWriter, event: SpanEvent, clock: WallClock): void {
  const mark = out.open(delimited(11))
  time(out, 1, event.atMs, clock)
  out.string(delimited(2), event.name)
  encodeAttributes(out, delimited(3), event.attributes)
  out.close(mark)
}

function encodeLink(out: ByteWriter, link: SpanLink, clock: WallClock): void {
  const mark = out.open(delimited(13))
  out.hex(delimited(1), link.traceId)
  out.hex(delimited(2), link.spanId)
  if (link.traceState) out.string(delimited(3), link.traceState)
  if (link.edge !== undefined) encodeAttribute(out, delimited(4), TRACE_ATTRIBUTES.edge, link.edge)
  edgeTime(out, TRACE_ATTRIBUTES.edgeFromNs, link.edgeFromMs, clock)
  edgeTime(out, TRACE_ATTRIBUTES.edgeToNs, link.edgeToMs, clock)
  if (link.attributes !== undefined) encodeAttributes(out, delimited(4), link.attributes)
  out.close(mark)
}

function edgeTime(out: ByteWriter, key: string, atMs: number | undefined, clock: WallClock): void {
  if (atMs !== undefined) encodeAttribute(out, delimited(4), key, clock.toNs(atMs).toString())
}

function encodeStatus(out: ByteWriter, span: Span): void {
  const mark = out.open(delimited(15))
  if (span.statusMessage !== '') out.string(delimited(2), span.statusMessage)
  out.byte(3 << 3)
  out.byte(span.statusCode)
  out.close(mark)
}

function encodeAttributes(out: ByteWriter, tag: number, attributes: readonly AttributeValue[]): void {
  for (let i = 0; i < attributes.length; i += 2)
    encodeAttribute(out, tag, String(attributes[i]), attributes[i + 1])
}

function encodeAttribute(out: ByteWriter, tag: number, key: string, value: AttributeValue): void {
  const mark = out.open(tag)
  out.string(delimited(1), key)
  const valueMark = out.open(delimited(2))
  encodeValue(out, value)
  out.close(valueMark)
  out.close(mark)
}

/** AnyValue; null in an array is an empty AnyValue, as the specification asks. */
function encodeValue(out: ByteWriter, value: AttributeValue | null | undefined): void {
  switch (typeof value) {
    case 'string':
      return out.string(delimited(1), value)
    case 'boolean':
      return boolean(out, value)
    case 'number':
      return number(out, value)
    case 'bigint':
      out.byte(3 << 3)
      return out.varint64(value)
    default:
      if (Array.isArray(value)) encodeArray(out, value)
  }
}

function encodeArray(
  out: ByteWriter,
  values: readonly (string | number | boolean | null | undefined)[],
): void {
  const mark = out.open(delimited(5))
  for (const value of values) {
    const valueMark = out.open(delimited(1))
    encodeValue(out, value)
    out.close(valueMark)
  }
  out.close(mark)
}

function boolean(out: ByteWriter, value: boolean): void {
  out.byte(2 << 3)
  out.byte(value ? 1 : 0)
}

/** Whole numbers are int_value, all others double_value, as OpenTelemetry JS exports them. */
function number(out: ByteWriter, value: number): void {
  if (Number.isSafeInteger(value)) {
    out.byte(3 << 3)
    if (value >= 0) out.varint(value)
    else out.varint64(BigInt(value))
    return
  }
  out.byte((4 << 3) | 1)
  out.double(value)
}

function time(out: ByteWriter, field: number, atMs: number, clock: WallClock): void {
  out.reserve(9)
  out.bytes[out.length] = (field << 3) | 1
  clock.write(atMs, out.view, out.length + 1)
  out.length += 9
}

function count(out: ByteWriter, field: number, value: number): void {
  if (value === 0) return
  out.byte(field << 3)
  out.varint(value)
}

function fixed32(out: ByteWriter, field: number, value: number): void {
  out.varint((field << 3) | 5)
  out.reserve(4)
  out.view.setUint32(out.length, value, true)
  out.length += 4
}
