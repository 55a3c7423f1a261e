// The same request as plain data, once through protobufjs (the oracle) and once through our columns, for
// tests to compare.

import protobuf from 'protobufjs'
import { OTLP_DESCRIPTOR } from '../otlp-descriptor.ts'
import { jsonOfArray, jsonOfEntries } from '../otlp-shared.ts'
import type { NestedEntry, NestedValue } from '../otlp-shared.ts'
import { cellAt, VALUE_TYPES } from '../span-batch.ts'
import type { AttributeColumns, SpanBatch } from '../span-batch.ts'

export const requestType = protobuf.Root.fromJSON(OTLP_DESCRIPTOR).lookupType('ExportTraceServiceRequest')

export type PlainSpan = { readonly [field: string]: unknown }

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const TYPE_NAMES = Object.keys(VALUE_TYPES)

// --- through our columns

function attributesOf(batch: SpanBatch, columns: AttributeColumns, row: number): unknown[] {
  const result: unknown[] = []
  for (let j = columns.offsets[row]!; j < columns.offsets[row + 1]!; j++) {
    const value = cellAt(columns, batch.strings, j)
    const text = value instanceof Uint8Array ? hex(value) : Object.is(value, -0) ? '-0' : String(value)
    result.push([batch.strings.text(columns.keys[j]!), TYPE_NAMES[columns.types[j]!], text])
  }
  return result
}

export function plainSpans(batch: SpanBatch): PlainSpan[] {
  const { strings, events, links, resources, scopes } = batch
  const rows = (offsets: Uint32Array, i: number): number[] =>
    Array.from({ length: offsets[i + 1]! - offsets[i]! }, (_, k) => offsets[i]! + k)
  return Array.from({ length: batch.spanCount }, (_, i) => {
    const resource = batch.resourceRows[i]!
    const scope = batch.scopeRows[i]!
    const parent = hex(batch.parentSpanIds.subarray(8 * i, 8 * i + 8))
    return {
      traceId: hex(batch.traceIds.subarray(16 * i, 16 * i + 16)),
      spanId: hex(batch.spanIds.subarray(8 * i, 8 * i + 8)),
      parent: /^0*$/.test(parent) ? '' : parent,
      name: strings.text(batch.names[i]!),
      traceState: strings.text(batch.traceStates[i]!),
      start: String(batch.startNs[i]),
      end: String(batch.endNs[i]),
      kind: batch.kinds[i],
      flags: batch.flags[i],
      status: [batch.statusCodes[i], strings.text(batch.statusMessages[i]!)],
      dropped: [batch.droppedAttributes[i], batch.droppedEvents[i], batch.droppedLinks[i]],
      attributes: attributesOf(batch, batch.attributes, i),
      events: rows(events.offsets, i).map((j) => ({
        time: String(events.timesNs[j]),
        name: strings.text(events.names[j]!),
        dropped: events.droppedAttributes[j],
        attributes: attributesOf(batch, events.attributes, j),
      })),
      links: rows(links.offsets, i).map((j) => ({
        traceId: hex(links.traceIds.subarray(16 * j, 16 * j + 16)),
        spanId: hex(links.spanIds.subarray(8 * j, 8 * j + 8)),
        traceState: strings.text(links.traceStates[j]!),
        flags: links.flags[j],
        dropped: links.droppedAttributes[j],
        attributes: attributesOf(batch, links.attributes, j),
      })),
      resource: {
        schemaUrl: strings.text(resources.schemaUrls[resource]!),
        dropped: resources.droppedAttributes[resource],
        attributes: attributesOf(batch, resources.attributes, resource),
      },
      scope: {
        name: strings.text(scopes.names[scope]!),
        version: strings.text(scopes.versions[scope]!),
        schemaUrl: strings.text(scopes.schemaUrls[scope]!),
        dropped: scopes.droppedAttributes[scope],
        attributes: attributesOf(batch, scopes.attributes, scope),
      },
    }
  })
}

// --- through protobufjs

type Message = { readonly [field: string]: any }

const OBJECT_OPTIONS = { longs: String, defaults: true, arrays: true, oneofs: true }

const nestedOf = (value: Message | null): NestedValue => {
  switch (value?.['value']) {
    case 'stringValue':
      return { kind: 'string', bytes: Buffer.from(value['stringValue']) }
    case 'bytesValue':
      return { kind: 'bytes', bytes: value['bytesValue'] }
    case 'boolValue':
      return { kind: 'bool', value: value['boolValue'] }
    case 'intValue':
      return { kind: 'int', value: BigInt(value['intValue']) }
    case 'doubleValue':
      return { kind: 'double', value: value['doubleValue'] }
    case 'arrayValue':
      return { kind: 'array', values: value['arrayValue'].values.map(nestedOf) }
    case 'kvlistValue':
      return { kind: 'kvlist', values: value['kvlistValue'].values.map(entryOf) }
    default:
      return { kind: 'empty' }
  }
}

const entryOf = (entry: Message): NestedEntry => ({
  key: Buffer.from(entry['key']),
  value: nestedOf(entry['value']),
})

function plainAttribute(entry: Message): unknown {
  const value = nestedOf(entry['value'])
  switch (value.kind) {
    case 'empty':
      return [entry['key'], 'empty', 'null']
    case 'string':
      return [entry['key'], 'string', Buffer.from(value.bytes).toString()]
    case 'bytes':
      return [entry['key'], 'bytes', hex(value.bytes)]
    case 'array':
      return [entry['key'], 'array', jsonOfArray(value.values)]
    case 'kvlist':
      return [entry['key'], 'kvlist', jsonOfEntries(value.values)]
    default:
      return [entry['key'], value.kind, Object.is(value.value, -0) ? '-0' : String(value.value)]
  }
}

/** Only for requests within the limits of a span. */
const attributesFrom = (entries: Message[]): unknown[] => entries.map(plainAttribute)

const idOf = (bytes: Uint8Array, length: number): string | undefined =>
  bytes.length === length ? hex(bytes) : undefined
const isZero = (id: string): boolean => /^0*$/.test(id)

export function oracleSpans(body: Uint8Array): PlainSpan[] {
  const request: Message = requestType.toObject(requestType.decode(body), OBJECT_OPTIONS)
  return request['resourceSpans'].flatMap((group: Message) =>
    group['scopeSpans'].flatMap((inner: Message) =>
      inner['spans'].flatMap((span: Message) => oracleSpan(span, group, inner)),
    ),
  )
}

function oracleSpan(span: Message, group: Message, inner: Message): PlainSpan[] {
  const traceId = idOf(span['traceId'], 16)
  const spanId = idOf(span['spanId'], 8)
  const parent = span['parentSpanId'].length === 0 ? '' : idOf(span['parentSpanId'], 8)
  if (
    traceId === undefined ||
    spanId === undefined ||
    parent === undefined ||
    isZero(traceId) ||
    isZero(spanId)
  )
    return []
  const links = span['links'].filter(
    (link: Message) => link['traceId'].length === 16 && link['spanId'].length === 8,
  )
  const badLinks = span['links'].length - links.length
  return [
    {
      traceId,
      spanId,
      parent: isZero(parent) ? '' : parent,
      name: span['name'],
      traceState: span['traceState'],
      start: String(BigInt.asUintN(64, BigInt(span['startTimeUnixNano']))),
      end: String(BigInt.asUintN(64, BigInt(span['endTimeUnixNano']))),
      kind: within(span['kind'], 5),
      flags: span['flags'],
      status: [within(span['status']?.code ?? 0, 2), span['status']?.message ?? ''],
      dropped: [
        span['droppedAttributesCount'],
        span['droppedEventsCount'],
        Math.min(2 ** 32 - 1, span['droppedLinksCount'] + badLinks),
      ],
      attributes: attributesFrom(span['attributes']),
      events: span['events'].map((event: Message) => ({
        time: String(event['timeUnixNano']),
        name: event['name'],
        dropped: event['droppedAttributesCount'],
        attributes: attributesFrom(event['attributes']),
      })),
      links: links.map((link: Message) => ({
        traceId: hex(link['traceId']),
        spanId: hex(link['spanId']),
        traceState: link['traceState'],
        flags: link['flags'],
        dropped: link['droppedAttributesCount'],
        attributes: attributesFrom(link['attributes']),
      })),
      resource: {
        schemaUrl: group['schemaUrl'],
        dropped: group['resource']?.droppedAttributesCount ?? 0,
        attributes: attributesFrom(group['resource']?.attributes ?? []),
      },
      scope: {
        name: inner['scope']?.name ?? '',
        version: inner['scope']?.version ?? '',
        schemaUrl: inner['schemaUrl'],
        dropped: inner['scope']?.droppedAttributesCount ?? 0,
        attributes: attributesFrom(inner['scope']?.attributes ?? []),
      },
    },
  ]
}

const within = (value: number, max: number): number => (value >= 0 && value <= max ? value : 0)
