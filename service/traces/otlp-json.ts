// ExportTraceServiceRequest in OTLP/JSON, into the same columns as protobuf, by the same limits.
//
// Names are lowerCamelCase only, unknown ones are skipped, null is absence, 64-bit integers come as strings
// or numbers, enums as integers, ids as hex of either case, bytes as base64. A time or integer that does not
// fit (a float, a negative time) is clamped and counted as cut: reliability 2.3, row 18. Text without escapes
// goes from the body into the dictionary without ever becoming a JavaScript string.
// Source: OTLP specification 1.9, "JSON Protobuf Encoding".

import {
  GROUPS_MAX,
  JSON_DEPTH_MAX,
  KEY_BYTES_MAX,
  NAME_BYTES_MAX,
  NESTED_VALUES_MAX,
  SLICE_OBJECTS,
  VALUE_BYTES_MAX,
  VALUE_DEPTH_MAX,
} from './ingest-limits.ts'
import { DecodeReport, OtlpError } from './otlp-error.ts'
import { JsonReader } from './otlp-json-reader.ts'
import type { JsonString } from './otlp-json-reader.ts'
import {
  addCounts,
  cutText,
  jsonOfArray,
  jsonOfEntries,
  KIND_MAX,
  objectsMax,
  STATUS_CODE_MAX,
} from './otlp-shared.ts'
import type { NestedEntry, NestedValue } from './otlp-shared.ts'
import type { AttributeBuilder, SpanBatchBuilder } from './span-batch-builder.ts'
import { VALUE_TYPES } from './span-batch.ts'

const U64_MAX = 2n ** 64n - 1n
const I64_MAX = 2n ** 63n - 1n
const I64_MIN = -(2n ** 63n)
const U32_MAX = 0xffff_ffff
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/** Like decodeOtlpProtobuf. Errors: OtlpError. */
export function* decodeOtlpJson(body: Uint8Array, builder: SpanBatchBuilder): Generator<void, DecodeReport> {
  const decoder = new JsonDecoder(body, builder)
  yield* decoder.request()
  return decoder.report
}

/**
 * Requests one after another, as the file exporter of the OpenTelemetry Collector writes them: one a line.
 * Errors: OtlpError.
 */
export function* decodeOtlpJsonLines(
  body: Uint8Array,
  builder: SpanBatchBuilder,
): Generator<void, DecodeReport> {
  const decoder = new JsonDecoder(body, builder)
  yield* decoder.requests()
  return decoder.report
}

class JsonDecoder {
  readonly report = new DecodeReport()
  readonly #body: Uint8Array
  readonly #reader: JsonReader
  readonly #builder: SpanBatchBuilder
  readonly #objectsMax: number
  #objects = 0
  #groups = 0
  #sliceEnd = SLICE_OBJECTS
  #nestedLeft = 0
  /** The cell of the value read last. */
  #type = 0
  readonly #cell = new DataView(new ArrayBuffer(8))

  constructor(body: Uint8Array, builder: SpanBatchBuilder) {
    this.#body = body
    this.#reader = new JsonReader(body, JSON_DEPTH_MAX)
    this.#builder = builder
    this.#objectsMax = objectsMax(body.length)
    builder.strings.setSource(body)
  }

  *request(): Generator<void, void> {
    yield* this.#request()
    this.#reader.end()
  }

  *requests(): Generator<void, void> {
    do yield* this.#request()
    while (!this.#reader.isAtEnd())
  }

  *#request(): Generator<void, void> {
    const reader = this.#reader
    if (reader.peek() !== 'object') reader.fail('the message must be an object')
    reader.openObject()
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      if (key !== 'resourceSpans') reader.skip()
      else if (reader.openArray()) while (reader.nextItem()) yield* this.#resourceSpans()
    }
  }

  *#resourceSpans(): Generator<void, void> {
    if (!this.#enterGroup()) return
    const reader = this.#reader
    const { resources } = this.#builder
    const spansBefore = this.#builder.spanCount
    const resource = { schemaUrl: 0, dropped: 0, overLimit: 0 }
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      if (key === 'resource') this.#resource(resource)
      else if (key === 'schemaUrl') resource.schemaUrl = this.#text(NAME_BYTES_MAX)
      else if (key !== 'scopeSpans') reader.skip()
      else if (reader.openArray()) while (reader.nextItem()) yield* this.#scopeSpans()
    }
    if (this.#builder.spanCount > spansBefore) resources.close(resource)
    else resources.attributes.cutTo(resources.count)
    yield* this.#slice()
  }

  #resource(resource: { dropped: number; overLimit: number }): void {
    if (!this.#enter()) return
    const reader = this.#reader
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      if (key === 'attributes') resource.overLimit += this.#attributes(this.#builder.resources.attributes)
      else if (key === 'droppedAttributesCount') resource.dropped = this.#uint32()
      else reader.skip()
    }
  }

  *#scopeSpans(): Generator<void, void> {
    if (!this.#enterGroup()) return
    const reader = this.#reader
    const { scopes } = this.#builder
    const spansBefore = this.#builder.spanCount
    const scope = { name: 0, version: 0, schemaUrl: 0, dropped: 0, overLimit: 0 }
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      if (key === 'scope') this.#scope(scope)
      else if (key === 'schemaUrl') scope.schemaUrl = this.#text(NAME_BYTES_MAX)
      else if (key !== 'spans') reader.skip()
      else if (reader.openArray()) {
        while (reader.nextItem()) {
          this.#span()
          yield* this.#slice()
        }
      }
    }
    if (this.#builder.spanCount > spansBefore) scopes.close(scope)
    else scopes.attributes.cutTo(scopes.count)
  }

  #scope(scope: { name: number; version: number; dropped: number; overLimit: number }): void {
    if (!this.#enter()) return
    const reader = this.#reader
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      switch (key) {
        case 'name':
          scope.name = this.#text(NAME_BYTES_MAX)
          break
        case 'version':
          scope.version = this.#text(NAME_BYTES_MAX)
          break
        case 'attributes':
          scope.overLimit += this.#attributes(this.#builder.scopes.attributes)
          break
        case 'droppedAttributesCount':
          scope.dropped = this.#uint32()
          break
        default:
          reader.skip()
      }
    }
  }

  #span(): void {
    const reader = this.#reader
    const { at } = reader
    if (!this.#enter()) return
    const { row } = this.#builder
    row.begin()
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) this.#spanField(key)
    const defect = row.defect()
    if (defect === undefined) return this.#builder.commitSpan()
    this.report.rejectSpan(`invalid ${defect} in the span at byte ${at}`)
    this.#builder.rejectSpan()
  }

  #spanField(key: string): void {
    const { row, attributes } = this.#builder
    switch (key) {
      case 'traceId':
        row.traceIdBytes = this.#id(row.traceId, 16)
        break
      case 'spanId':
        row.spanIdBytes = this.#id(row.spanId, 8)
        break
      case 'parentSpanId':
        row.parentSpanIdBytes = this.#id(row.parentSpanId, 8)
        break
      case 'traceState':
        row.traceState = this.#text(NAME_BYTES_MAX)
        break
      case 'name':
        row.name = this.#text(NAME_BYTES_MAX)
        break
      case 'kind':
        row.kind = this.#enumeration(KIND_MAX)
        break
      case 'startTimeUnixNano':
        this.#time()
        row.startLow = this.#cell.getUint32(0, true)
        row.startHigh = this.#cell.getUint32(4, true)
        break
      case 'endTimeUnixNano':
        this.#time()
        row.endLow = this.#cell.getUint32(0, true)
        row.endHigh = this.#cell.getUint32(4, true)
        break
      case 'attributes':
        row.attributesOverLimit += this.#attributes(attributes)
        break
      case 'droppedAttributesCount':
        row.droppedAttributes = this.#uint32()
        break
      case 'events':
        row.eventsOverLimit += this.#list(() => this.#event())
        break
      case 'droppedEventsCount':
        row.droppedEvents = this.#uint32()
        break
      case 'links':
        row.linksOverLimit += this.#list(() => this.#link())
        break
      case 'droppedLinksCount':
        row.droppedLinks = this.#uint32()
        break
      case 'status':
        this.#status()
        break
      case 'flags':
        row.flags = this.#uint32()
        break
      default:
        this.#reader.skip()
    }
  }

  #status(): void {
    if (!this.#enter()) return
    const reader = this.#reader
    const { row } = this.#builder
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      if (key === 'message') row.statusMessage = this.#text(VALUE_BYTES_MAX)
      else if (key === 'code') row.statusCode = this.#enumeration(STATUS_CODE_MAX)
      else reader.skip()
    }
  }

  /** Reads each item; returns how many a limit dropped. */
  #list(item: () => number): number {
    let dropped = 0
    if (this.#reader.openArray()) while (this.#reader.nextItem()) dropped += item()
    return dropped
  }

  #event(): number {
    const { events } = this.#builder
    if (events.isFull) return this.#drop('droppedEvents')
    if (!this.#enter()) return 0
    const reader = this.#reader
    let [timeLow, timeHigh, name, dropped, overLimit] = [0, 0, 0, 0, 0]
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      switch (key) {
        case 'timeUnixNano':
          this.#time()
          timeLow = this.#cell.getUint32(0, true)
          timeHigh = this.#cell.getUint32(4, true)
          break
        case 'name':
          name = this.#text(NAME_BYTES_MAX)
          break
        case 'attributes':
          overLimit += this.#attributes(events.attributes)
          break
        case 'droppedAttributesCount':
          dropped = this.#uint32()
          break
        default:
          reader.skip()
      }
    }
    events.times.push2(timeLow, timeHigh)
    events.names.push(name)
    events.dropped.push(addCounts(dropped, overLimit))
    events.attributes.closeRow()
    return 0
  }

  #link(): number {
    const { links } = this.#builder
    if (links.isFull) return this.#drop('droppedLinks')
    if (!this.#enter()) return 0
    const reader = this.#reader
    const [traceId, spanId] = [new Uint32Array(4), new Uint32Array(2)]
    let [traceIdBytes, spanIdBytes, traceState, flags, dropped, overLimit] = [0, 0, 0, 0, 0, 0]
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      switch (key) {
        case 'traceId':
          traceIdBytes = this.#id(traceId, 16)
          break
        case 'spanId':
          spanIdBytes = this.#id(spanId, 8)
          break
        case 'traceState':
          traceState = this.#text(NAME_BYTES_MAX)
          break
        case 'attributes':
          overLimit += this.#attributes(links.attributes)
          break
        case 'droppedAttributesCount':
          dropped = this.#uint32()
          break
        case 'flags':
          flags = this.#uint32()
          break
        default:
          reader.skip()
      }
    }
    if (traceIdBytes !== 16 || spanIdBytes !== 8) {
      links.attributes.cutTo(links.flags.length)
      this.report.droppedLinks++
      return 1
    }
    links.traceIds.push2(traceId[0]!, traceId[1]!)
    links.traceIds.push2(traceId[2]!, traceId[3]!)
    links.spanIds.push2(spanId[0]!, spanId[1]!)
    links.traceStates.push(traceState)
    links.flags.push(flags)
    links.dropped.push(addCounts(dropped, overLimit))
    links.attributes.closeRow()
    return 0
  }

  #drop(counter: 'droppedAttributes' | 'droppedEvents' | 'droppedLinks'): 1 {
    this.#reader.skip()
    this.report[counter]++
    return 1
  }

  #attributes(columns: AttributeBuilder): number {
    return this.#list(() => this.#attribute(columns))
  }

  #attribute(columns: AttributeBuilder): number {
    if (columns.isFull) return this.#drop('droppedAttributes')
    if (!this.#enter()) return 0
    const reader = this.#reader
    let attributeKey = 0
    let isKept = true
    this.#setCell(VALUE_TYPES.empty, 0)
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      if (key === 'key') {
        const text = this.#stringOrNull()
        if (text === undefined) continue
        if (text.to - text.from > KEY_BYTES_MAX) isKept = false
        else attributeKey = this.#intern(text, KEY_BYTES_MAX)
      } else if (key === 'value') isKept = this.#value() && isKept
      else reader.skip()
    }
    if (isKept) {
      columns.push(attributeKey, this.#type, this.#cell.getUint32(0, true), this.#cell.getUint32(4, true))
      return 0
    }
    this.report.droppedAttributes++
    return 1
  }

  /** One AnyValue into the cell, which stays as it was when it is empty. False = it is over a limit. */
  #value(): boolean {
    if (!this.#enter()) return true
    const reader = this.#reader
    let isKept = true
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      if (reader.isNull()) continue
      switch (key) {
        case 'stringValue':
          this.#setCell(VALUE_TYPES.string, this.#text(VALUE_BYTES_MAX))
          break
        case 'boolValue':
          this.#setCell(VALUE_TYPES.bool, this.#boolean() ? 1 : 0)
          break
        case 'intValue':
          this.#cell.setBigInt64(0, this.#integer(I64_MIN, I64_MAX), true)
          this.#type = VALUE_TYPES.int
          break
        case 'doubleValue':
          this.#cell.setFloat64(0, this.#double(), true)
          this.#type = VALUE_TYPES.double
          break
        case 'bytesValue':
          this.#setCell(VALUE_TYPES.bytes, this.#binary())
          break
        case 'arrayValue': {
          this.#nestedLeft = NESTED_VALUES_MAX
          const values = this.#nestedArray(1)
          isKept = this.#keepJson(VALUE_TYPES.array, () => jsonOfArray(values))
          break
        }
        case 'kvlistValue': {
          this.#nestedLeft = NESTED_VALUES_MAX
          const entries = this.#nestedEntries(1)
          isKept = this.#keepJson(VALUE_TYPES.kvlist, () => jsonOfEntries(entries))
          break
        }
        default:
          reader.skip()
      }
    }
    return isKept
  }

  #setCell(type: number, low: number): void {
    this.#type = type
    this.#cell.setUint32(0, low, true)
    this.#cell.setUint32(4, 0, true)
  }

  #keepJson(type: number, json: () => string): boolean {
    if (this.#nestedLeft < 0) return false
    const bytes = Buffer.from(json(), 'utf8')
    if (bytes.length > VALUE_BYTES_MAX) return false
    this.#setCell(type, this.#builder.strings.internOther(bytes))
    return true
  }

  // --- nested values: a small tree, then text. Over the limit the rest is skipped.

  #nestedArray(depth: number): NestedValue[] {
    const values: NestedValue[] = []
    this.#inValues(() => {
      const value = this.#nested(depth + 1)
      values.push(value)
      this.#nestedLeft--
    })
    return values
  }

  #nestedEntries(depth: number): NestedEntry[] {
    const entries: NestedEntry[] = []
    this.#inValues(() => {
      const entry = this.#nestedEntry(depth)
      entries.push(entry)
      this.#nestedLeft--
    })
    return entries
  }

  /** The items of `{ "values": [...] }`. */
  #inValues(item: () => void): void {
    if (!this.#enter()) return
    const reader = this.#reader
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      if (key !== 'values') reader.skip()
      else if (reader.openArray()) {
        while (reader.nextItem()) {
          if (this.#nestedLeft >= 0) item()
          else reader.skip()
        }
      }
    }
  }

  #nestedEntry(depth: number): NestedEntry {
    let key: Uint8Array = new Uint8Array(0)
    let value: NestedValue = { kind: 'empty' }
    if (!this.#enter()) return { key, value }
    const reader = this.#reader
    for (let name = reader.nextKey(); name !== undefined; name = reader.nextKey()) {
      if (name === 'key') key = this.#nestedText()
      else if (name === 'value') value = this.#nested(depth + 1)
      else reader.skip()
    }
    return { key, value }
  }

  #nested(depth: number): NestedValue {
    if (depth > VALUE_DEPTH_MAX)
      throw new OtlpError('E_OTLP_DEPTH', `a value nests deeper than ${VALUE_DEPTH_MAX}`, this.#reader.at)
    let value: NestedValue = { kind: 'empty' }
    if (!this.#enter()) return value
    const reader = this.#reader
    for (let key = reader.nextKey(); key !== undefined; key = reader.nextKey()) {
      if (reader.isNull()) continue
      switch (key) {
        case 'stringValue':
          value = { kind: 'string', bytes: this.#nestedText() }
          break
        case 'boolValue':
          value = { kind: 'bool', value: this.#boolean() }
          break
        case 'intValue':
          value = { kind: 'int', value: this.#integer(I64_MIN, I64_MAX) }
          break
        case 'doubleValue':
          value = { kind: 'double', value: this.#double() }
          break
        case 'bytesValue':
          value = { kind: 'bytes', bytes: this.#base64() }
          break
        case 'arrayValue':
          value = { kind: 'array', values: this.#nestedArray(depth) }
          break
        case 'kvlistValue':
          value = { kind: 'kvlist', values: this.#nestedEntries(depth) }
          break
        default:
          reader.skip()
      }
    }
    return value
  }

  #nestedText(): Uint8Array {
    const text = this.#stringOrNull()
    if (text === undefined) return new Uint8Array(0)
    if (text.to - text.from > VALUE_BYTES_MAX) this.#nestedLeft = -1
    return text.isEscaped
      ? Buffer.from(this.#reader.textOf(text), 'utf8')
      : this.#body.subarray(text.from, text.to)
  }

  // --- scalars

  /** Enters an object that stands for a message: counts it. False = it was null. */
  #enter(): boolean {
    if (++this.#objects > this.#objectsMax) {
      throw new OtlpError(
        'E_OTLP_OBJECTS',
        `more than ${this.#objectsMax} messages in ${this.#body.length} bytes`,
        this.#reader.at,
      )
    }
    return this.#reader.openObject()
  }

  #enterGroup(): boolean {
    if (++this.#groups > GROUPS_MAX) {
      throw new OtlpError('E_OTLP_OBJECTS', `more than ${GROUPS_MAX} groups of spans`, this.#reader.at)
    }
    return this.#enter()
  }

  *#slice(): Generator<void, void> {
    if (this.#objects <= this.#sliceEnd) return
    this.#sliceEnd = this.#objects + SLICE_OBJECTS
    yield
  }

  #stringOrNull(): JsonString | undefined {
    return this.#reader.isNull() ? undefined : this.#reader.string()
  }

  #text(bytesMax: number): number {
    const text = this.#stringOrNull()
    return text === undefined ? 0 : this.#intern(text, bytesMax)
  }

  #intern(text: JsonString, bytesMax: number): number {
    const { strings } = this.#builder
    if (!text.isEscaped) {
      const cut = cutText(this.#body, text.from, text.to, bytesMax)
      if (cut < text.to) this.report.truncatedValues++
      return strings.internText(text.from, cut)
    }
    const bytes = Buffer.from(this.#reader.textOf(text), 'utf8')
    const cut = cutText(bytes, 0, bytes.length, bytesMax)
    if (cut < bytes.length) this.report.truncatedValues++
    return strings.internOther(bytes.subarray(0, cut))
  }

  #base64(): Uint8Array {
    const text = this.#stringOrNull()
    const characters = text === undefined ? '' : this.#reader.textOf(text)
    if (!BASE64.test(characters)) this.#reader.fail('bytes must be base64')
    return Buffer.from(characters, 'base64')
  }

  #binary(): number {
    const bytes = this.#base64()
    if (bytes.length > VALUE_BYTES_MAX) this.report.truncatedValues++
    return this.#builder.strings.internOther(bytes.subarray(0, VALUE_BYTES_MAX))
  }

  #boolean(): boolean {
    const value = this.#reader.literal()
    return value ?? false
  }

  #time(): void {
    this.#cell.setBigUint64(0, this.#integer(0n, U64_MAX), true)
  }

  /** An integer as a number or a string; what does not fit is cut to what does, and counted. */
  #integer(min: bigint, max: bigint): bigint {
    const reader = this.#reader
    if (reader.isNull()) return 0n
    const text = reader.numberText()
    let value: bigint
    if (/^-?\d{1,32}$/.test(text)) value = BigInt(text)
    else {
      const float = Number(text)
      if (text.trim() === '' || Number.isNaN(float)) reader.fail('an integer was expected')
      this.report.truncatedValues += Number.isInteger(float) ? 0 : 1
      value = Number.isFinite(float) ? BigInt(Math.trunc(float)) : float > 0 ? max : min
    }
    if (value >= min && value <= max) return value
    this.report.truncatedValues++
    return value < min ? min : max
  }

  #uint32(): number {
    return Number(this.#integer(0n, BigInt(U32_MAX)))
  }

  /** An enum: an integer, never a name. Values we do not know count as 0. */
  #enumeration(known: number): number {
    const reader = this.#reader
    if (reader.isNull()) return 0
    if (reader.peek() !== 'number') reader.fail('an enum must be an integer')
    const value = this.#integer(I64_MIN, I64_MAX)
    return value >= 0n && value <= BigInt(known) ? Number(value) : 0
  }

  #double(): number {
    const text = this.#reader.numberText()
    if (text === 'NaN' || text === 'Infinity' || text === '-Infinity') return Number(text)
    const value = Number(text)
    if (text.trim() === '' || Number.isNaN(value)) this.#reader.fail('a number was expected')
    return value
  }

  /** Hex of either case into words; returns its length in bytes, -1 when it is not hex. */
  #id(words: Uint32Array, bytes: 8 | 16): number {
    const text = this.#stringOrNull()
    if (text === undefined || text.to === text.from) return 0
    if (text.isEscaped || text.to - text.from !== 2 * bytes) return -1
    const into = new Uint8Array(words.buffer, words.byteOffset, bytes)
    for (let i = 0; i < bytes; i++) {
      const high = hexDigit(this.#body[text.from + 2 * i]!)
      const low = hexDigit(this.#body[text.from + 2 * i + 1]!)
      if (high < 0 || low < 0) return -1
      into[i] = (high << 4) | low
    }
    return bytes
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
