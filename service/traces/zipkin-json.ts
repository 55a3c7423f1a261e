// Zipkin's JSON, version 2: a list of spans (what is posted to /api/v2/spans, GET /api/v2/trace/{id}), or a
// list of such lists (GET /api/v2/traces).
//
// In Zipkin a client and its server may share one span id (B3); here a span id is one span. So the server's
// half, marked `shared`, gets an id of its own under the client's half, and what that server did goes under
// it. Where the client told nothing (a browser, a proxy) the server's half keeps the id, and its parent.
// Which halves there are is known after a first pass.
// Source: zipkin-api, zipkin2-api.yaml; openzipkin/b3-propagation.

import { createHash } from 'node:crypto'
import {
  anyValueOf,
  ForeignFile,
  ForeignSpanError,
  idOf,
  nanosOfMicros,
  objectOf,
  objectsOf,
  statusOf,
  textOf,
  type ForeignObject,
  type KeyValue,
} from './foreign-file.ts'
import type { DecodeReport } from './otlp-error.ts'
import type { SpanBatchBuilder } from './span-batch-builder.ts'

/** Trace id and span id that both halves are there of -> the service of the server's half. */
type Halves = ReadonlyMap<string, string>

/** Errors: OtlpError, for what is no JSON or not of this shape. */
export function* decodeZipkinJson(
  body: Uint8Array,
  builder: SpanBatchBuilder,
): Generator<void, DecodeReport> {
  const halves = yield* sharedHalves(new ForeignFile(body, builder))
  const file = new ForeignFile(body, builder)
  for (const place of places(file)) {
    const read = file.span(place, (given) => zipkinSpan(given, halves))
    if (read !== undefined) yield* file.add(read.resource, read.span)
    yield* file.slice()
  }
  return yield* file.end()
}

function* sharedHalves(file: ForeignFile): Generator<void, Halves> {
  const servers = new Map<string, string>()
  const clients = new Set<string>()
  for (const place of places(file)) {
    file.span(place, (given) => {
      const key = keyOf(given)
      if (given.shared === true) servers.set(key, serviceOf(given.localEndpoint, 'localEndpoint'))
      else clients.add(key)
    })
    yield* file.slice()
  }
  return new Map([...servers].filter(([key]) => clients.has(key)))
}

/** Stands before each span in turn; the caller reads it. */
function* places({ reader }: ForeignFile): Generator<string, void> {
  if (reader.peek() !== 'array') reader.fail('the file must be a list of spans')
  reader.openArray()
  for (let i = 0; reader.nextItem(); i++) {
    if (reader.peek() !== 'array') yield `[${i}]`
    else {
      reader.openArray()
      for (let j = 0; reader.nextItem(); j++) yield `[${i}][${j}]`
    }
  }
}

function zipkinSpan(
  given: ForeignObject,
  halves: Halves,
): { readonly resource: string; readonly span: string } {
  if (given.binaryAnnotations !== undefined)
    throw new ForeignSpanError('is of Zipkin v1: export it by /api/v2')
  const tags = given.tags === undefined ? {} : objectOf(given.tags, 'tags')
  const start = nanosOfMicros(given.timestamp, 'timestamp')
  const service = serviceOf(given.localEndpoint, 'localEndpoint')
  const span = {
    traceId: idOf(given.traceId, 16, 'traceId'),
    ...placeInTrace(given, service, halves),
    name: textOf(given.name, 'name'),
    kind: KINDS.get(String(given.kind)) ?? 1,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + nanosOfMicros(given.duration, 'duration')),
    attributes: [
      ...Object.entries(tags).map(([key, value]) => ({ key, value: anyValueOf(value) })),
      ...addressOf(given.localEndpoint, 'network.local'),
      ...addressOf(given.remoteEndpoint, 'network.peer'),
      ...named('peer.service', serviceOf(given.remoteEndpoint, 'remoteEndpoint')),
    ],
    events: objectsOf(given.annotations, 'annotations').map(({ timestamp, value }) => ({
      timeUnixNano: String(nanosOfMicros(timestamp, 'annotation timestamp')),
      name: textOf(value, 'annotation value'),
    })),
    status: statusOf((key) => (Object.hasOwn(tags, key) ? tags[key] : undefined)),
  }
  return {
    resource: JSON.stringify({ attributes: named('service.name', service) }),
    span: JSON.stringify(span),
  }
}

const KINDS: ReadonlyMap<string, number> = new Map([
  ['SERVER', 2],
  ['CLIENT', 3],
  ['PRODUCER', 4],
  ['CONSUMER', 5],
])

function keyOf(given: ForeignObject, id: unknown = given.id): string {
  return idOf(given.traceId, 16, 'traceId') + idOf(id, 8, 'id')
}

/** Its id and its parent's, with the halves of shared spans told apart. */
function placeInTrace(
  given: ForeignObject,
  service: string,
  halves: Halves,
): { readonly spanId: string; readonly parentSpanId?: string } {
  const spanId = idOf(given.id, 8, 'id')
  const key = keyOf(given)
  if (given.shared === true && halves.has(key)) return { spanId: serverHalf(key), parentSpanId: spanId }
  if (given.parentId === undefined || given.parentId === null) return { spanId }
  const parentSpanId = idOf(given.parentId, 8, 'parentId')
  const parent = keyOf(given, parentSpanId)
  return { spanId, parentSpanId: halves.get(parent) === service ? serverHalf(parent) : parentSpanId }
}

/** The same in every import of the trace. */
function serverHalf(key: string): string {
  return createHash('sha256').update(`shared ${key}`).digest('hex').slice(0, 16)
}

function serviceOf(endpoint: unknown, name: string): string {
  if (endpoint === undefined || endpoint === null) return ''
  return textOf(objectOf(endpoint, name).serviceName, `${name}.serviceName`)
}

function addressOf(endpoint: unknown, prefix: string): KeyValue[] {
  if (endpoint === undefined || endpoint === null) return []
  const { ipv4, ipv6, port } = objectOf(endpoint, 'an endpoint')
  return [
    ...named(`${prefix}.address`, textOf(ipv4 ?? ipv6, 'address')),
    ...(typeof port === 'number' ? [{ key: `${prefix}.port`, value: anyValueOf(port) }] : []),
  ]
}

/** Nothing for ''. */
function named(key: string, text: string): KeyValue[] {
  return text === '' ? [] : [{ key, value: anyValueOf(text) }]
}
