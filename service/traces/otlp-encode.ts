// A request of OTLP/JSON (otlp-rows.ts) as protobuf: ExportTraceServiceRequest, which is TracesData and
// Tempo's Trace as well: resource_spans is field 1 of all three. The way back of otlp-protobuf.ts.
//
// Only what otlp-rows.ts writes is read here: numbers are exact, ids are hex, 64-bit integers are text.
// Source: opentelemetry-proto 1.9.

import { isObject } from './attribute-text.ts'
import type { OtlpRequest } from './otlp-rows.ts'

type Bytes = Uint8Array
type Members = { readonly [key: string]: unknown }

export function encodeOtlp({ resourceSpans }: OtlpRequest): Bytes {
  return joined(all(1, resourceSpans, resourceSpansBytes))
}

/** One field that holds a message: for messages around this one. */
export function messageField(field: number, bytes: Bytes): Bytes {
  return joined([tag(field, 2), varint(BigInt(bytes.length)), bytes])
}

const joined = (parts: readonly Bytes[]): Bytes => Buffer.concat(parts)

// --- the wire

function varint(value: bigint): Bytes {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

const tag = (field: number, wireType: number): Bytes => varint(BigInt((field << 3) | wireType))

const NOTHING: Bytes = new Uint8Array(0)

function number(field: number, value: unknown): Bytes {
  const count = Number(value ?? 0)
  return count === 0 ? NOTHING : joined([tag(field, 0), varint(BigInt(count))])
}

function fixed32(field: number, value: unknown): Bytes {
  if (Number(value ?? 0) === 0) return NOTHING
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(Number(value))
  return joined([tag(field, 5), bytes])
}

function fixed64(field: number, value: unknown): Bytes {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(textOf(value) || '0')))
  return joined([tag(field, 1), bytes])
}

const text = (field: number, value: unknown): Bytes =>
  textOf(value) === '' ? NOTHING : messageField(field, Buffer.from(textOf(value)))

const hex = (field: number, value: unknown): Bytes =>
  textOf(value) === '' ? NOTHING : messageField(field, Buffer.from(textOf(value), 'hex'))

function one(field: number, value: unknown, encode: (members: Members) => Bytes): Bytes {
  return isObject(value) ? messageField(field, encode(value)) : NOTHING
}

function all(field: number, values: unknown, encode: (members: Members) => Bytes): Bytes[] {
  return Array.isArray(values) ? values.map((value: unknown) => one(field, value, encode)) : []
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''

// --- the messages

const resourceSpansBytes = ({ resource, scopeSpans, schemaUrl }: Members): Bytes =>
  joined([
    one(1, resource, ({ attributes, droppedAttributesCount }) =>
      joined([...all(1, attributes, keyValue), number(2, droppedAttributesCount)]),
    ),
    ...all(2, scopeSpans, scopeSpansBytes),
    text(3, schemaUrl),
  ])

const scopeSpansBytes = ({ scope, spans, schemaUrl }: Members): Bytes =>
  joined([
    one(1, scope, ({ name, version, attributes, droppedAttributesCount }) =>
      joined([
        text(1, name),
        text(2, version),
        ...all(3, attributes, keyValue),
        number(4, droppedAttributesCount),
      ]),
    ),
    ...all(2, spans, spanBytes),
    text(3, schemaUrl),
  ])

const spanBytes = (span: Members): Bytes =>
  joined([
    hex(1, span['traceId']),
    hex(2, span['spanId']),
    text(3, span['traceState']),
    hex(4, span['parentSpanId']),
    text(5, span['name']),
    number(6, span['kind']),
    fixed64(7, span['startTimeUnixNano']),
    fixed64(8, span['endTimeUnixNano']),
    ...all(9, span['attributes'], keyValue),
    number(10, span['droppedAttributesCount']),
    ...all(11, span['events'], eventBytes),
    number(12, span['droppedEventsCount']),
    ...all(13, span['links'], linkBytes),
    number(14, span['droppedLinksCount']),
    one(15, span['status'], ({ message, code }) => joined([text(2, message), number(3, code)])),
    fixed32(16, span['flags']),
  ])

const eventBytes = ({ timeUnixNano, name, attributes, droppedAttributesCount }: Members): Bytes =>
  joined([
    fixed64(1, timeUnixNano),
    text(2, name),
    ...all(3, attributes, keyValue),
    number(4, droppedAttributesCount),
  ])

const linkBytes = (link: Members): Bytes =>
  joined([
    hex(1, link['traceId']),
    hex(2, link['spanId']),
    text(3, link['traceState']),
    ...all(4, link['attributes'], keyValue),
    number(5, link['droppedAttributesCount']),
    fixed32(6, link['flags']),
  ])

const keyValue = ({ key, value }: Members): Bytes => joined([text(1, key), one(2, value, anyValue)])

/** A member that is there is written, also when it is empty: which one it is, is the type. */
function anyValue(value: Members): Bytes {
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value
  if (stringValue !== undefined) return messageField(1, Buffer.from(textOf(stringValue)))
  if (boolValue !== undefined) return joined([tag(2, 0), varint(boolValue === true ? 1n : 0n)])
  if (intValue !== undefined) return joined([tag(3, 0), varint(BigInt(textOf(intValue) || '0'))])
  if (doubleValue !== undefined) {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(Number(doubleValue))
    return joined([tag(4, 1), bytes])
  }
  if (isObject(arrayValue)) return messageField(5, joined(all(1, arrayValue['values'], anyValue)))
  if (isObject(kvlistValue)) return messageField(6, joined(all(1, kvlistValue['values'], keyValue)))
  if (bytesValue !== undefined) return messageField(7, Buffer.from(textOf(bytesValue), 'base64'))
  return NOTHING
}
