// A file of another tracing system, a span at a time, into the columns of OTLP.
//
//   body --JsonReader: where a span begins and ends--> JSON.parse of that span --jaeger-json, zipkin-json-->
//     OTLP/JSON text by resource --in pieces--> decodeOtlpJson --> SpanBatchBuilder
//
// So there is one decoder with one set of limits, cuts and counts, and a translator is a function from plain
// data to plain data. What it can not read rejects that span alone, with its place in the file.
// Owner: one decoder of one body.

import {
  FOREIGN_PIECE_CHARS,
  FOREIGN_SLICE_BYTES,
  FOREIGN_SPAN_BYTES_MAX,
  JSON_DEPTH_MAX,
} from './ingest-limits.ts'
import { DecodeReport } from './otlp-error.ts'
import { JsonReader } from './otlp-json-reader.ts'
import { decodeOtlpJson } from './otlp-json.ts'
import type { SpanBatchBuilder } from './span-batch-builder.ts'

/** A span can not be read; the message goes on from its place: 'traceID must be ...'. */
export class ForeignSpanError extends Error {}

/** Plain data, as JSON.parse makes it; a whole number beyond 2^53 is a bigint. */
export type ForeignObject = { readonly [key: string]: unknown }

export class ForeignFile {
  readonly reader: JsonReader
  readonly report = new DecodeReport()
  readonly #body: Buffer
  readonly #builder: SpanBatchBuilder
  /** Of the next piece: a resource as text, and its spans. */
  readonly #groups = new Map<string, string[]>()
  #chars = 0
  #sliceEnd = FOREIGN_SLICE_BYTES

  constructor(body: Uint8Array, builder: SpanBatchBuilder) {
    this.reader = new JsonReader(body, JSON_DEPTH_MAX)
    this.#body = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.#builder = builder
  }

  /** Translates the object that comes next; undefined = it is rejected, alone, and counted. */
  span<T>(place: string, translate: (value: ForeignObject) => T): T | undefined {
    const text = this.#text()
    try {
      return translate(parse(text))
    } catch (error: unknown) {
      if (!(error instanceof ForeignSpanError)) throw error
      this.report.rejectSpan(`${place} ${error.message}`)
      return undefined
    }
  }

  /** Translates the object that comes next, which spans need. Errors: E_OTLP_MALFORMED. */
  part<T>(place: string, translate: (value: ForeignObject) => T): T {
    const text = this.#text()
    try {
      return translate(parse(text))
    } catch (error: unknown) {
      return this.reader.fail(error instanceof ForeignSpanError ? `${place} ${error.message}` : String(error))
    }
  }

  /** The text of the value that comes next, checked to be JSON within the depth; undefined = too large. */
  #text(): string | undefined {
    this.reader.peek()
    const from = this.reader.at
    this.reader.skip()
    const to = this.reader.at
    return to - from > FOREIGN_SPAN_BYTES_MAX ? undefined : this.#body.toString('utf8', from, to)
  }

  /** A span and its resource, both as OTLP/JSON. */
  *add(resource: string, span: string): Generator<void, void> {
    const spans = this.#groups.get(resource)
    if (spans === undefined) this.#groups.set(resource, [span])
    else spans.push(span)
    this.#chars += span.length
    if (this.#chars >= FOREIGN_PIECE_CHARS) yield* this.#decode()
  }

  /** After every value: lets others run now and then. */
  *slice(): Generator<void, void> {
    if (this.reader.at < this.#sliceEnd) return
    this.#sliceEnd = this.reader.at + FOREIGN_SLICE_BYTES
    yield
  }

  /** After the last value. */
  *end(): Generator<void, DecodeReport> {
    this.reader.end()
    if (this.#groups.size > 0) yield* this.#decode()
    return this.report
  }

  *#decode(): Generator<void, void> {
    const groups = [...this.#groups].map(
      ([resource, spans]) => `{"resource":${resource},"scopeSpans":[{"spans":[${spans.join(',')}]}]}`,
    )
    this.#groups.clear()
    this.#chars = 0
    const piece = Buffer.from(`{"resourceSpans":[${groups.join(',')}]}`)
    this.report.add(yield* decodeOtlpJson(piece, this.#builder))
    yield
  }
}

function parse(text: string | undefined): ForeignObject {
  if (text !== undefined) return objectOf(JSON.parse(text, exactIntegers), '')
  throw new ForeignSpanError(`is larger than ${FOREIGN_SPAN_BYTES_MAX} bytes: leave it out`)
}

/** Numbers that a double would round keep all their digits. */
function exactIntegers(_key: string, value: unknown, context?: { readonly source: string }): unknown {
  const source = context?.source ?? ''
  return typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
    ? BigInt(source)
    : value
}

// --- plain data into parts of OTLP/JSON. Errors: ForeignSpanError names the member.

export type KeyValue = { readonly key: string; readonly value: object }

export function objectOf(value: unknown, name: string): ForeignObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(name, 'an object')
  return value as ForeignObject
}

/** Absent and null are []. */
export function objectsOf(value: unknown, name: string): readonly ForeignObject[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw wrong(name, 'a list')
  return value.map((item, i) => objectOf(item, `${name}[${i}]`))
}

/** Absent and null are ''. */
export function textOf(value: unknown, name: string): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') throw wrong(name, 'text')
  return value
}

/** Both systems leave out zeros at the beginning of an id. */
export function idOf(value: unknown, bytes: 8 | 16, name: string): string {
  if (typeof value !== 'string' || value.length > 2 * bytes || !/^0*[1-9a-f][0-9a-f]*$/i.test(value))
    throw wrong(name, `1 to ${2 * bytes} hex digits, not all zero`)
  return value.toLowerCase().padStart(2 * bytes, '0')
}

/** Absent and null are 0. */
export function nanosOfMicros(value: unknown, name: string): bigint {
  if (value === undefined || value === null) return 0n
  if (typeof value === 'bigint' && value >= 0n) return value * 1000n
  if (typeof value !== 'number' || !(value >= 0 && value < Infinity))
    throw wrong(name, 'microseconds, not negative')
  return BigInt(Math.trunc(value)) * 1000n + BigInt(Math.round((value % 1) * 1000))
}

/** A value that says its type itself. */
export function anyValueOf(value: unknown): object {
  switch (typeof value) {
    case 'string':
      return { stringValue: value }
    case 'boolean':
      return { boolValue: value }
    case 'bigint':
      return { intValue: String(value) }
    case 'number':
      if (Number.isSafeInteger(value)) return { intValue: String(value) }
      return { doubleValue: Number.isFinite(value) ? value : String(value) }
    default:
      return value === null || value === undefined ? {} : { stringValue: JSON.stringify(value, noBigints) }
  }
}

function noBigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

const STATUS_CODES: ReadonlyMap<string, number> = new Map([
  ['OK', 1],
  ['ERROR', 2],
])

/**
 * By the attributes that both systems' exporters of OpenTelemetry write, else by the tag `error`; the one for
 * Zipkin has the message there.
 */
export function statusOf(tag: (key: string) => unknown): object {
  const message = tag('otel.status_description')
  const error = tag('error')
  const told = STATUS_CODES.get(String(tag('otel.status_code')).toUpperCase())
  const code = told ?? (error !== undefined && error !== false && error !== 'false' ? 2 : 0)
  const text = typeof message === 'string' ? message : code === 2 && typeof error === 'string' ? error : ''
  return { code, message: text === 'true' || text === 'false' ? '' : text }
}

function wrong(name: string, what: string): ForeignSpanError {
  return new ForeignSpanError(name === '' ? `must be ${what}` : `has ${name} that must be ${what}`)
}
