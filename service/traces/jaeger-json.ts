// Jaeger's JSON: what its UI downloads and its API answers (GET /api/traces, /api/traces/{id}).
//
//   { "data": [ { "traceID", "spans": [ span ... ], "processes": { "p1": { serviceName, tags } } } ] }
//
// A span names its process, and processes come after the spans: a trace is translated when it is whole.
// CHILD_OF of the same trace is the parent, else FOLLOWS_FROM; all others are links. Microseconds become
// nanoseconds. What OpenTelemetry wrote as tags (span.kind, otel.status_code, ...) goes back to its place.
// Sources: jaeger/internal/uimodel; OpenTelemetry specification, "OpenTelemetry to Jaeger Transformation".

import type { DecodeReport } from './otlp-error.ts'
import {
  anyValueOf,
  ForeignFile,
  idOf,
  nanosOfMicros,
  objectOf,
  objectsOf,
  statusOf,
  textOf,
  type ForeignObject,
  type KeyValue,
} from './foreign-file.ts'
import type { SpanBatchBuilder } from './span-batch-builder.ts'

/** Errors: OtlpError, for what is no JSON or not of this shape. */
export function* decodeJaegerJson(
  body: Uint8Array,
  builder: SpanBatchBuilder,
): Generator<void, DecodeReport> {
  const file = new ForeignFile(body, builder)
  const { reader } = file
  if (reader.peek() !== 'object') reader.fail('the file must be an object with a list named data')
  reader.openObject()
  for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
    if (key !== 'data') reader.skip()
    else if (reader.openArray())
      for (let i = 0; reader.nextItem(); i++) yield* decodeTrace(file, `data[${i}]`)
  }
  return yield* file.end()
}

/** In the processes of its trace, or its own. */
type JaegerSpan = { readonly processId: string; readonly process: string | undefined; readonly span: string }

const NO_PROCESS = '{}'

function* decodeTrace(file: ForeignFile, place: string): Generator<void, void> {
  const { reader } = file
  const spans: JaegerSpan[] = []
  const processes = new Map<string, string>()
  if (!reader.openObject()) return
  for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
    if (key === 'spans') yield* readSpans(file, `${place}.spans`, spans)
    else if (key === 'processes') yield* readProcesses(file, `${place}.processes`, processes)
    else reader.skip()
  }
  for (const { processId, process, span } of spans)
    yield* file.add(process ?? processes.get(processId) ?? NO_PROCESS, span)
}

function* readSpans(file: ForeignFile, place: string, spans: JaegerSpan[]): Generator<void, void> {
  if (!file.reader.openArray()) return
  for (let i = 0; file.reader.nextItem(); i++) {
    const span = file.span(`${place}[${i}]`, jaegerSpan)
    if (span !== undefined) spans.push(span)
    yield* file.slice()
  }
}

function* readProcesses(
  file: ForeignFile,
  place: string,
  processes: Map<string, string>,
): Generator<void, void> {
  const { reader } = file
  if (!reader.openObject()) return
  for (let id = reader.nextKey(); id !== undefined; id = reader.nextKey()) {
    processes.set(id, file.part(`${place}.${id}`, resourceOf))
    yield* file.slice()
  }
}

function jaegerSpan(given: ForeignObject): JaegerSpan {
  const traceId = idOf(given.traceID, 16, 'traceID')
  const tags = objectsOf(given.tags, 'tags')
  const tag = (key: string): unknown => tags.find((one) => one.key === key)?.value
  const start = nanosOfMicros(given.startTime, 'startTime')
  const { parent, links } = referencesOf(given, traceId)
  const span = {
    traceId,
    spanId: idOf(given.spanID, 8, 'spanID'),
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    traceState: textOf(tag('w3c.tracestate'), 'w3c.tracestate'),
    name: textOf(given.operationName, 'operationName'),
    kind: KINDS.get(String(tag('span.kind'))) ?? 0,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + nanosOfMicros(given.duration, 'duration')),
    attributes: tags.filter(({ key }) => !MOVED.has(String(key))).map(keyValueOf),
    events: objectsOf(given.logs, 'logs').map(eventOf),
    links,
    status: statusOf(tag),
  }
  return {
    processId: textOf(given.processID, 'processID'),
    process: given.process === undefined ? undefined : resourceOf(objectOf(given.process, 'process')),
    span: JSON.stringify(span),
  }
}

const KINDS: ReadonlyMap<string, number> = new Map([
  ['internal', 1],
  ['server', 2],
  ['client', 3],
  ['producer', 4],
  ['consumer', 5],
])
/** Tags that are told otherwise in OTLP. */
const MOVED = new Set(['span.kind', 'otel.status_code', 'otel.status_description', 'w3c.tracestate'])

type Link = { readonly traceId: string; readonly spanId: string; readonly attributes: readonly KeyValue[] }

function referencesOf(
  given: ForeignObject,
  traceId: string,
): { readonly parent: string | undefined; readonly links: readonly Link[] } {
  const references = objectsOf(given.references, 'references').map((reference, i) => ({
    isChild: reference.refType === 'CHILD_OF',
    link: linkOf(reference, `references[${i}]`),
  }))
  const local = references.filter(({ link }) => link.traceId === traceId)
  const parent = (local.find(({ isChild }) => isChild) ?? local[0])?.link
  // Before references, clients wrote the parent's id beside them.
  const plain = given.parentSpanID
  const before = plain === undefined || plain === '' ? undefined : idOf(plain, 8, 'parentSpanID')
  return {
    parent: parent?.spanId ?? before,
    links: references.map(({ link }) => link).filter((link) => link !== parent),
  }
}

function linkOf({ traceID, spanID, refType }: ForeignObject, name: string): Link {
  const type = textOf(refType, `${name}.refType`).toLowerCase()
  return {
    traceId: idOf(traceID, 16, `${name}.traceID`),
    spanId: idOf(spanID, 8, `${name}.spanID`),
    attributes: [{ key: 'opentracing.ref_type', value: anyValueOf(type) }],
  }
}

function eventOf(log: ForeignObject): object {
  const fields = objectsOf(log.fields, 'fields')
  const name = fields.find(({ key, value }) => key === 'event' && typeof value === 'string')
  return {
    timeUnixNano: String(nanosOfMicros(log.timestamp, 'timestamp')),
    name: name?.value ?? 'log',
    attributes: fields.filter((field) => field !== name).map(keyValueOf),
  }
}

/** The clocks of hosts are aligned by host.name, which Jaeger's clients call hostname. */
function resourceOf(process: ForeignObject): string {
  const tags = objectsOf(process.tags, 'tags').map(keyValueOf)
  const service = { key: 'service.name', value: anyValueOf(textOf(process.serviceName, 'serviceName')) }
  const renamed = tags.map((tag) => (tag.key === 'hostname' ? { ...tag, key: 'host.name' } : tag))
  return JSON.stringify({ attributes: [service, ...renamed] })
}

function keyValueOf({ key, type, value }: ForeignObject): KeyValue {
  return { key: textOf(key, 'key'), value: typedValueOf(type, value) }
}

const FLOAT = /^(NaN|-?Infinity|-?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,4})?)$/

/** By the type that the tag names, where the value is one; else by what the value is. */
function typedValueOf(type: unknown, value: unknown): object {
  const text = String(value)
  if (type === 'int64' && /^-?\d{1,19}$/.test(text)) return { intValue: text }
  if (type === 'float64' && FLOAT.test(text)) return { doubleValue: Number.isFinite(value) ? value : text }
  if (type === 'bool' && /^(true|false)$/.test(text)) return { boolValue: text === 'true' }
  if (type === 'binary' && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return { bytesValue: text }
  return anyValueOf(value)
}
