// ExportTraceServiceRequest in protobuf, straight into the columns of a SpanBatch.
//
//   for each tag: known field -> read in place; unknown field -> skip by its wire type; else ->
//   E_OTLP_MALFORMED
//
// No object is made for a message. Fields may come in any order and repeatedly (singular messages merge,
// scalars: last wins), as protobuf says. Budgets: every message counts against objectsMax, values nest at
// most VALUE_DEPTH_MAX; the generator yields every SLICE_OBJECTS so that one large body does not hold up the
// others. Groups, field 0 and a known field with a foreign wire type are refused: no sender of OTLP has a
// reason for them. Source: opentelemetry-proto 1.9 (trace, resource, common); protobuf encoding,
// protobuf.dev/programming-guides/encoding.

import {
  GROUPS_MAX,
  KEY_BYTES_MAX,
  NAME_BYTES_MAX,
  NESTED_VALUES_MAX,
  SLICE_OBJECTS,
  VALUE_BYTES_MAX,
  VALUE_DEPTH_MAX,
} from './ingest-limits.ts'
import { DecodeReport, OtlpError } from './otlp-error.ts'
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

const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5

/**
 * Decodes into `builder`, which must be reset. A generator, so that the caller may let others run at each
 * yield; its result says what was left out. Errors: OtlpError; then the builder holds rubbish and must be
 * reset.
 */
export function* decodeOtlpProtobuf(
  body: Uint8Array,
  builder: SpanBatchBuilder,
): Generator<void, DecodeReport> {
  const decoder = new ProtobufDecoder(body, builder)
  yield* decoder.request()
  return decoder.report
}

class ProtobufDecoder {
  readonly report = new DecodeReport()
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #builder: SpanBatchBuilder
  readonly #objectsMax: number
  #objects = 0
  #groups = 0
  #sliceEnd = SLICE_OBJECTS
  /** The cursor. */
  #at = 0
  /** The last number read: two words, low first. */
  #low = 0
  #high = 0
  /** The cell of the attribute under way. */
  #type = 0
  #cellLow = 0
  #cellHigh = 0
  #lastKey = 0
  #nestedLeft = 0
  #nestedBytesLeft = 0
  readonly #linkTraceId = new Uint32Array(4)
  readonly #linkSpanId = new Uint32Array(2)

  constructor(body: Uint8Array, builder: SpanBatchBuilder) {
    this.#bytes = body
    this.#view = new DataView(body.buffer, body.byteOffset, body.byteLength)
    this.#builder = builder
    this.#objectsMax = objectsMax(body.length)
    builder.strings.setSource(body)
  }

  *request(): Generator<void, void> {
    const end = this.#bytes.length
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((1 << 3) | LENGTH)) yield* this.#resourceSpans(this.#enterGroup(end))
      else this.#skip(tag, end, 1)
    }
  }

  *#resourceSpans(end: number): Generator<void, void> {
    const { resources } = this.#builder
    const spansBefore = this.#builder.spanCount
    const resource = { schemaUrl: 0, dropped: 0, overLimit: 0 }
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((1 << 3) | LENGTH)) this.#resource(this.#enter(end), resource)
      else if (tag === ((2 << 3) | LENGTH)) yield* this.#scopeSpans(this.#enterGroup(end))
      else if (tag === ((3 << 3) | LENGTH)) resource.schemaUrl = this.#text(end, NAME_BYTES_MAX)
      else this.#skip(tag, end, 3)
      if (this.#objects > this.#sliceEnd) yield this.#beginSlice()
    }
    if (this.#builder.spanCount > spansBefore) resources.close(resource)
    else resources.attributes.cutTo(resources.count)
  }

  #resource(end: number, resource: { dropped: number; overLimit: number }): void {
    const { attributes } = this.#builder.resources
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((1 << 3) | LENGTH)) resource.overLimit += this.#attribute(attributes, end)
      else if (tag === ((2 << 3) | VARINT)) resource.dropped = this.#varint32(end)
      else this.#skip(tag, end, 2)
    }
  }

  *#scopeSpans(end: number): Generator<void, void> {
    const { scopes } = this.#builder
    const spansBefore = this.#builder.spanCount
    const scope = { name: 0, version: 0, schemaUrl: 0, dropped: 0, overLimit: 0 }
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((2 << 3) | LENGTH)) {
        const spanEnd = this.#enter(end)
        this.#builder.row.begin()
        while (!this.#span(spanEnd)) yield this.#beginSlice()
        this.#closeSpan()
      } else if (tag === ((1 << 3) | LENGTH)) this.#scope(this.#enter(end), scope)
      else if (tag === ((3 << 3) | LENGTH)) scope.schemaUrl = this.#text(end, NAME_BYTES_MAX)
      else this.#skip(tag, end, 3)
      if (this.#objects > this.#sliceEnd) yield this.#beginSlice()
    }
    if (this.#builder.spanCount > spansBefore) scopes.close(scope)
    else scopes.attributes.cutTo(scopes.count)
  }

  #scope(end: number, scope: { name: number; version: number; dropped: number; overLimit: number }): void {
    const { attributes } = this.#builder.scopes
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((1 << 3) | LENGTH)) scope.name = this.#text(end, NAME_BYTES_MAX)
      else if (tag === ((2 << 3) | LENGTH)) scope.version = this.#text(end, NAME_BYTES_MAX)
      else if (tag === ((3 << 3) | LENGTH)) scope.overLimit += this.#attribute(attributes, end)
      else if (tag === ((4 << 3) | VARINT)) scope.dropped = this.#varint32(end)
      else this.#skip(tag, end, 4)
    }
  }

  /** Fields of a span; false = the slice is over in the middle of it, to be called again. */
  #span(end: number): boolean {
    const { row, attributes } = this.#builder
    while (this.#at < end) {
      if (this.#objects > this.#sliceEnd) return false
      const tag = this.#tag(end)
      switch (tag) {
        case (1 << 3) | LENGTH:
          row.traceIdBytes = this.#id(end, row.traceId, 16)
          break
        case (2 << 3) | LENGTH:
          row.spanIdBytes = this.#id(end, row.spanId, 8)
          break
        case (3 << 3) | LENGTH:
          row.traceState = this.#text(end, NAME_BYTES_MAX)
          break
        case (4 << 3) | LENGTH:
          row.parentSpanIdBytes = this.#id(end, row.parentSpanId, 8)
          break
        case (5 << 3) | LENGTH:
          row.name = this.#text(end, NAME_BYTES_MAX)
          break
        case (6 << 3) | VARINT:
          row.kind = this.#enumeration(end, KIND_MAX)
          break
        case (7 << 3) | FIXED64:
          this.#fixed64(end)
          row.startLow = this.#low
          row.startHigh = this.#high
          break
        case (8 << 3) | FIXED64:
          this.#fixed64(end)
          row.endLow = this.#low
          row.endHigh = this.#high
          break
        case (9 << 3) | LENGTH:
          row.attributesOverLimit += this.#attribute(attributes, end)
          break
        case (10 << 3) | VARINT:
          row.droppedAttributes = this.#varint32(end)
          break
        case (11 << 3) | LENGTH:
          row.eventsOverLimit += this.#event(end)
          break
        case (12 << 3) | VARINT:
          row.droppedEvents = this.#varint32(end)
          break
        case (13 << 3) | LENGTH:
          row.linksOverLimit += this.#link(end)
          break
        case (14 << 3) | VARINT:
          row.droppedLinks = this.#varint32(end)
          break
        case (15 << 3) | LENGTH:
          this.#status(this.#enter(end))
          break
        case (16 << 3) | FIXED32:
          row.flags = this.#fixed32(end)
          break
        default:
          this.#skip(tag, end, 16)
      }
    }
    return true
  }

  #closeSpan(): void {
    const defect = this.#builder.row.defect()
    if (defect === undefined) return this.#builder.commitSpan()
    this.report.rejectSpan(`invalid ${defect}`)
    this.#builder.rejectSpan()
  }

  #beginSlice(): void {
    this.#sliceEnd = this.#objects + SLICE_OBJECTS
  }

  #status(end: number): void {
    const { row } = this.#builder
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((2 << 3) | LENGTH)) row.statusMessage = this.#text(end, VALUE_BYTES_MAX)
      else if (tag === ((3 << 3) | VARINT)) row.statusCode = this.#enumeration(end, STATUS_CODE_MAX)
      else this.#skip(tag, end, tag >>> 3 === 1 ? 0 : 3)
    }
  }

  /** Returns how many events a limit dropped: 0 or 1. */
  #event(outerEnd: number): number {
    const end = this.#enter(outerEnd)
    const { events } = this.#builder
    if (events.isFull) return this.#drop(end, 'droppedEvents')
    let [timeLow, timeHigh, name, dropped, overLimit] = [0, 0, 0, 0, 0]
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((1 << 3) | FIXED64)) {
        this.#fixed64(end)
        timeLow = this.#low
        timeHigh = this.#high
      } else if (tag === ((2 << 3) | LENGTH)) name = this.#text(end, NAME_BYTES_MAX)
      else if (tag === ((3 << 3) | LENGTH)) overLimit += this.#attribute(events.attributes, end)
      else if (tag === ((4 << 3) | VARINT)) dropped = this.#varint32(end)
      else this.#skip(tag, end, 4)
    }
    events.times.push2(timeLow, timeHigh)
    events.names.push(name)
    events.dropped.push(addCounts(dropped, overLimit))
    events.attributes.closeRow()
    return 0
  }

  /** Returns how many links were dropped: 0 or 1. */
  #link(outerEnd: number): number {
    const end = this.#enter(outerEnd)
    const { links } = this.#builder
    if (links.isFull) return this.#drop(end, 'droppedLinks')
    let [traceIdBytes, spanIdBytes, traceState, flags, dropped, overLimit] = [0, 0, 0, 0, 0, 0]
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((1 << 3) | LENGTH)) traceIdBytes = this.#id(end, this.#linkTraceId, 16)
      else if (tag === ((2 << 3) | LENGTH)) spanIdBytes = this.#id(end, this.#linkSpanId, 8)
      else if (tag === ((3 << 3) | LENGTH)) traceState = this.#text(end, NAME_BYTES_MAX)
      else if (tag === ((4 << 3) | LENGTH)) overLimit += this.#attribute(links.attributes, end)
      else if (tag === ((5 << 3) | VARINT)) dropped = this.#varint32(end)
      else if (tag === ((6 << 3) | FIXED32)) flags = this.#fixed32(end)
      else this.#skip(tag, end, 6)
    }
    if (traceIdBytes !== 16 || spanIdBytes !== 8) {
      links.attributes.cutTo(links.flags.length)
      this.report.droppedLinks++
      return 1
    }
    links.traceIds.push2(this.#linkTraceId[0]!, this.#linkTraceId[1]!)
    links.traceIds.push2(this.#linkTraceId[2]!, this.#linkTraceId[3]!)
    links.spanIds.push2(this.#linkSpanId[0]!, this.#linkSpanId[1]!)
    links.traceStates.push(traceState)
    links.flags.push(flags)
    links.dropped.push(addCounts(dropped, overLimit))
    links.attributes.closeRow()
    return 0
  }

  /** Steps over a message that a limit drops: its inside is not looked at. */
  #drop(end: number, counter: 'droppedAttributes' | 'droppedEvents' | 'droppedLinks'): 1 {
    this.#at = end
    this.report[counter]++
    return 1
  }

  /** One KeyValue into the open row. Returns how many attributes were dropped: 0 or 1. */
  #attribute(columns: AttributeBuilder, outerEnd: number): number {
    const end = this.#enter(outerEnd)
    if (columns.isFull) return this.#drop(end, 'droppedAttributes')
    return this.#shortAttribute(columns, end) ? 0 : this.#anyAttribute(columns, end)
  }

  /**
   * The attribute that nearly all are: key, then a string or an integer, each shorter than 128 bytes and
   * nothing else. It repeats what #anyAttribute does, for a fifth of the decoding time. False = it is another
   * one; the cursor has not moved.
   */
  #shortAttribute(columns: AttributeBuilder, end: number): boolean {
    const bytes = this.#bytes
    const at = this.#at
    if (end - at > 255 || bytes[at] !== ((1 << 3) | LENGTH)) return false
    const keyEnd = at + 2 + bytes[at + 1]!
    if (keyEnd + 4 > end || bytes[at + 1]! >= 0x80 || bytes[keyEnd] !== ((2 << 3) | LENGTH)) return false
    if (keyEnd + 2 + bytes[keyEnd + 1]! !== end || bytes[keyEnd + 1]! >= 0x80) return false
    const { strings } = this.#builder
    const valueTag = bytes[keyEnd + 2]
    if (valueTag === ((1 << 3) | LENGTH) && keyEnd + 4 + bytes[keyEnd + 3]! === end) {
      const key = (this.#lastKey = strings.internKey(at + 2, keyEnd, this.#lastKey))
      columns.push(key, VALUE_TYPES.string, strings.internText(keyEnd + 4, end), 0)
    } else if (valueTag === ((3 << 3) | VARINT) && end - keyEnd <= 7 && bytes[end - 1]! < 0x80) {
      let value = 0
      for (let i = end - 1; i >= keyEnd + 3; i--) {
        if (i < end - 1 && bytes[i]! < 0x80) return false
        value = (value << 7) | (bytes[i]! & 0x7f)
      }
      const key = (this.#lastKey = strings.internKey(at + 2, keyEnd, this.#lastKey))
      columns.push(key, VALUE_TYPES.int, value, 0)
    } else return false
    this.#objects++
    this.#at = end
    return true
  }

  #anyAttribute(columns: AttributeBuilder, end: number): number {
    let key = 0
    let isDropped = false
    this.#set(VALUE_TYPES.empty, 0, 0)
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((1 << 3) | LENGTH)) {
        const keyEnd = this.#sized(end)
        if (keyEnd - this.#at > KEY_BYTES_MAX) isDropped = true
        else key = this.#lastKey = this.#builder.strings.internKey(this.#at, keyEnd, this.#lastKey)
        this.#at = keyEnd
      } else if (tag === ((2 << 3) | LENGTH)) {
        if (!this.#value(this.#enter(end))) isDropped = true
      } else this.#skip(tag, end, 2)
    }
    if (isDropped) return this.#drop(end, 'droppedAttributes')
    columns.push(key, this.#type, this.#cellLow, this.#cellHigh)
    return 0
  }

  /** One AnyValue into the cell, which stays as it was when it is empty. False = it is over a limit. */
  #value(end: number): boolean {
    let isKept = true
    while (this.#at < end) {
      const tag = this.#tag(end)
      switch (tag) {
        case (1 << 3) | LENGTH:
          this.#set(VALUE_TYPES.string, this.#text(end, VALUE_BYTES_MAX), 0)
          break
        case (2 << 3) | VARINT:
          this.#varint64(end)
          this.#set(VALUE_TYPES.bool, (this.#low | this.#high) === 0 ? 0 : 1, 0)
          break
        case (3 << 3) | VARINT:
          this.#varint64(end)
          this.#set(VALUE_TYPES.int, this.#low, this.#high)
          break
        case (4 << 3) | FIXED64:
          this.#fixed64(end)
          this.#set(VALUE_TYPES.double, this.#low, this.#high)
          break
        case (5 << 3) | LENGTH: {
          this.#beginNested()
          const values = this.#nestedArray(this.#enter(end), 1)
          isKept = this.#isNestedKept && this.#keepJson(VALUE_TYPES.array, jsonOfArray(values))
          break
        }
        case (6 << 3) | LENGTH: {
          this.#beginNested()
          const entries = this.#nestedEntries(this.#enter(end), 1)
          isKept = this.#isNestedKept && this.#keepJson(VALUE_TYPES.kvlist, jsonOfEntries(entries))
          break
        }
        case (7 << 3) | LENGTH:
          this.#set(VALUE_TYPES.bytes, this.#binary(end), 0)
          break
        default:
          this.#skip(tag, end, 7)
      }
    }
    return isKept
  }

  #set(type: number, low: number, high: number): void {
    this.#type = type
    this.#cellLow = low
    this.#cellHigh = high
  }

  #keepJson(type: number, json: string): boolean {
    const bytes = Buffer.from(json, 'utf8')
    if (bytes.length > VALUE_BYTES_MAX) return false
    this.#set(type, this.#builder.strings.internOther(bytes), 0)
    return true
  }

  // --- nested values: a small tree, then text. Over the limit the rest is stepped over unread.

  #beginNested(): void {
    this.#nestedLeft = NESTED_VALUES_MAX
    this.#nestedBytesLeft = VALUE_BYTES_MAX
  }

  get #isNestedKept(): boolean {
    return this.#nestedLeft >= 0 && this.#nestedBytesLeft >= 0
  }

  #nestedArray(end: number, depth: number): NestedValue[] {
    const values: NestedValue[] = []
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((1 << 3) | LENGTH)) {
        values.push(this.#nested(this.#enter(end), depth + 1))
        if (--this.#nestedLeft < 0) this.#at = end
      } else this.#skip(tag, end, 1)
    }
    return values
  }

  #nestedEntries(end: number, depth: number): NestedEntry[] {
    const entries: NestedEntry[] = []
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((1 << 3) | LENGTH)) {
        entries.push(this.#nestedEntry(this.#enter(end), depth))
        if (--this.#nestedLeft < 0) this.#at = end
      } else this.#skip(tag, end, 1)
    }
    return entries
  }

  #nestedEntry(end: number, depth: number): NestedEntry {
    let key: Uint8Array = new Uint8Array(0)
    let value: NestedValue = { kind: 'empty' }
    while (this.#at < end) {
      const tag = this.#tag(end)
      if (tag === ((1 << 3) | LENGTH)) key = this.#slice(end)
      else if (tag === ((2 << 3) | LENGTH)) value = this.#nested(this.#enter(end), depth + 1, value)
      else this.#skip(tag, end, 2)
    }
    return { key, value }
  }

  #nested(end: number, depth: number, before: NestedValue = { kind: 'empty' }): NestedValue {
    if (depth > VALUE_DEPTH_MAX)
      throw new OtlpError('E_OTLP_DEPTH', `a value nests deeper than ${VALUE_DEPTH_MAX}`, this.#at)
    let value = before
    while (this.#at < end) {
      const tag = this.#tag(end)
      switch (tag) {
        case (1 << 3) | LENGTH:
          value = { kind: 'string', bytes: this.#slice(end) }
          break
        case (2 << 3) | VARINT:
          this.#varint64(end)
          value = { kind: 'bool', value: (this.#low | this.#high) !== 0 }
          break
        case (3 << 3) | VARINT:
          this.#varint64(end)
          value = { kind: 'int', value: BigInt.asIntN(64, (BigInt(this.#high) << 32n) | BigInt(this.#low)) }
          break
        case (4 << 3) | FIXED64:
          this.#fixed64(end)
          value = { kind: 'double', value: this.#view.getFloat64(this.#at - 8, true) }
          break
        case (5 << 3) | LENGTH:
          value = { kind: 'array', values: this.#nestedArray(this.#enter(end), depth) }
          break
        case (6 << 3) | LENGTH:
          value = { kind: 'kvlist', values: this.#nestedEntries(this.#enter(end), depth) }
          break
        case (7 << 3) | LENGTH:
          value = { kind: 'bytes', bytes: this.#slice(end) }
          break
        default:
          this.#skip(tag, end, 7)
      }
    }
    return value
  }

  // --- the wire

  #fail(message: string): never {
    throw new OtlpError('E_OTLP_MALFORMED', message, this.#at)
  }

  #tag(end: number): number {
    const byte = this.#bytes[this.#at]!
    if (byte < 0x80) {
      this.#at++
      return byte
    }
    const tag = this.#varint32(end)
    if (this.#high !== 0) this.#fail('a tag is longer than 32 bits')
    return tag
  }

  /**
   * Reads a length: the cursor then stands at the first of its bytes; returns the end, which lies within the
   * outer end.
   */
  #sized(outerEnd: number): number {
    const at = this.#at
    const length = this.#bytes[at]!
    if (length < 0x80 && at + 1 + length <= outerEnd) {
      this.#at = at + 1
      return at + 1 + length
    }
    return this.#longSized(outerEnd)
  }

  #longSized(outerEnd: number): number {
    this.#varint64(outerEnd)
    const end = this.#at + this.#low + this.#high * 2 ** 32
    if (end > outerEnd) this.#fail('a length reaches behind its message')
    return end
  }

  /** Begins a message: counts it against the budget. */
  #enter(outerEnd: number): number {
    if (++this.#objects > this.#objectsMax) {
      throw new OtlpError(
        'E_OTLP_OBJECTS',
        `more than ${this.#objectsMax} messages in ${this.#bytes.length} bytes`,
        this.#at,
      )
    }
    return this.#sized(outerEnd)
  }

  /** A ResourceSpans or ScopeSpans: dearer than other messages, and never many. */
  #enterGroup(outerEnd: number): number {
    if (++this.#groups > GROUPS_MAX) {
      throw new OtlpError('E_OTLP_OBJECTS', `more than ${GROUPS_MAX} groups of spans`, this.#at)
    }
    return this.#enter(outerEnd)
  }

  #slice(outerEnd: number): Uint8Array {
    const end = this.#sized(outerEnd)
    const slice = this.#bytes.subarray(this.#at, end)
    this.#nestedBytesLeft -= slice.length
    this.#at = end
    return slice
  }

  #text(outerEnd: number, bytesMax: number): number {
    const end = this.#sized(outerEnd)
    const cut = cutText(this.#bytes, this.#at, end, bytesMax)
    if (cut < end) this.report.truncatedValues++
    const index = this.#builder.strings.internText(this.#at, cut)
    this.#at = end
    return index
  }

  #binary(outerEnd: number): number {
    const end = this.#sized(outerEnd)
    const cut = Math.min(end, this.#at + VALUE_BYTES_MAX)
    if (cut < end) this.report.truncatedValues++
    const index = this.#builder.strings.internBytes(this.#at, cut)
    this.#at = end
    return index
  }

  /** Copies an id of `bytes` bytes as words; returns the length it has. */
  #id(outerEnd: number, words: Uint32Array, bytes: 8 | 16): number {
    const end = this.#sized(outerEnd)
    const length = end - this.#at
    if (length === bytes) {
      words[0] = this.#view.getInt32(this.#at, true)
      words[1] = this.#view.getInt32(this.#at + 4, true)
      if (bytes === 16) {
        words[2] = this.#view.getInt32(this.#at + 8, true)
        words[3] = this.#view.getInt32(this.#at + 12, true)
      }
    }
    this.#at = end
    return length
  }

  #fixed64(end: number): void {
    if (this.#at + 8 > end) this.#fail('a 64-bit field is cut short')
    this.#low = this.#view.getUint32(this.#at, true)
    this.#high = this.#view.getUint32(this.#at + 4, true)
    this.#at += 8
  }

  #fixed32(end: number): number {
    if (this.#at + 4 > end) this.#fail('a 32-bit field is cut short')
    const value = this.#view.getUint32(this.#at, true)
    this.#at += 4
    return value
  }

  /** A varint whose upper 32 bits are dropped, as protobuf says for 32-bit fields. */
  #varint32(end: number): number {
    this.#varint64(end)
    return this.#low
  }

  #varint64(end: number): void {
    let [low, high] = [0, 0]
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= end) this.#fail('a varint is cut short')
      const byte = this.#bytes[this.#at++]!
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else if (shift < 63) high |= bits << (shift - 32)
      else high |= bits << 31
      if (byte < 0x80) {
        this.#low = low >>> 0
        this.#high = high >>> 0
        return
      }
    }
    this.#fail('a varint is longer than 10 bytes')
  }

  /** An enum; values we do not know count as 0, as OTLP says. */
  #enumeration(end: number, known: number): number {
    this.#varint64(end)
    return this.#high === 0 && this.#low <= known ? this.#low : 0
  }

  /** Steps over an unknown field. Field numbers up to `known` are known: then the wire type is foreign. */
  #skip(tag: number, end: number, known: number): void {
    const field = tag >>> 3
    if (field === 0) this.#fail('field number 0')
    if (field <= known) this.#fail(`field ${field} has wire type ${tag & 7}`)
    switch (tag & 7) {
      case VARINT:
        this.#varint64(end)
        break
      case FIXED64:
        this.#fixed64(end)
        break
      case LENGTH:
        this.#at = this.#sized(end)
        break
      case FIXED32:
        this.#fixed32(end)
        break
      default:
        this.#fail(`wire type ${tag & 7}`)
    }
  }
}
