// Spans of a batch as objects for the model: the same, field by field, as SpanRowReader reads them back from
// the store, so that a trace from memory and the same trace from the store give the same features (a test
// holds them against each other).
//
// Ids and texts of a batch are made in one call each and cut into pieces: a call for each of them costs as
// much as the rest of the span.

import { isAscii } from 'node:buffer'
import type { OtlpEvent, OtlpLink, OtlpResource, OtlpScope, OtlpSpan, OtlpSpanKind } from '#model'
import type { AttributeValue, Attributes } from '#protocol'
import { exactInteger, parseValue, valueText } from './attribute-text.ts'
import { SpanRowReader } from './read-rows.ts'
import { VALUE_TYPES, type AttributeColumns, type SpanBatch, type StringTable } from './span-batch.ts'
import { resourceTexts, scopeTexts } from './span-table.ts'

/** Reads spans of one batch; resources and scopes are parsed once a reader. */
export class BatchSpans {
  readonly #batch: SpanBatch
  readonly #reader: SpanRowReader
  #made: Made | undefined

  constructor(batch: SpanBatch, reader = new SpanRowReader()) {
    this.#batch = batch
    this.#reader = reader
  }

  /** The span in that row, which is one of trace `traceId`. */
  span(row: number, traceId: string): OtlpSpan {
    const batch = this.#batch
    this.#made ??= madeOf(batch, this.#reader)
    const { spanIds, parents, texts, resources, scopes } = this.#made
    const parent = parents.slice(16 * row, 16 * row + 16)
    const traceState = texts.text(batch.traceStates[row]!)
    const message = texts.text(batch.statusMessages[row]!)
    const status: { code: 0 | 1 | 2; message?: string } = { code: statusOf(batch.statusCodes[row]!) }
    if (message !== '') status.message = message
    const span: Mutable<OtlpSpan> = {
      traceId,
      spanId: spanIds.slice(16 * row, 16 * row + 16),
      flags: batch.flags[row]!,
      name: texts.text(batch.names[row]!),
      kind: kindOf(batch.kinds[row]!),
      startTimeUnixNano: batch.startNs[row]!,
      endTimeUnixNano: batch.endNs[row]!,
      status,
      attributes: attributesAt(batch.attributes, texts, row),
      events: eventsAt(batch, texts, row),
      links: linksAt(batch, texts, row),
      resource: resources[batch.resourceRows[row]!]!,
      scope: scopes[batch.scopeRows[row]!]!,
      droppedAttributesCount: batch.droppedAttributes[row]!,
      droppedEventsCount: batch.droppedEvents[row]!,
      droppedLinksCount: batch.droppedLinks[row]!,
    }
    // Members that may be missing come last: spreading them in costs as much as the rest of the span.
    if (parent !== '0000000000000000') span.parentSpanId = parent
    if (traceState !== '') span.traceState = traceState
    return span
  }
}

/** What is made of a whole batch at its first span. */
type Made = {
  /** 16 hex digits a span. */
  readonly spanIds: string
  readonly parents: string
  readonly texts: Texts
  readonly resources: readonly OtlpResource[]
  readonly scopes: readonly OtlpScope[]
}

const madeOf = (batch: SpanBatch, reader: SpanRowReader): Made => ({
  spanIds: bufferOf(batch.spanIds).toString('hex'),
  parents: bufferOf(batch.parentSpanIds).toString('hex'),
  texts: new Texts(batch.strings),
  resources: resourceTexts(batch).map((line) => reader.resource(line)),
  scopes: scopeTexts(batch).map((line) => reader.scope(line)),
})

/** The texts of a batch: pieces of one, where all are ASCII. */
class Texts {
  readonly strings: StringTable
  readonly #whole: string | undefined
  readonly #known: (string | undefined)[]

  constructor(strings: StringTable) {
    this.strings = strings
    this.#known = new Array<undefined>(strings.count)
    const { bytes } = strings
    this.#whole = isAscii(bytes) ? bufferOf(bytes).toString('latin1') : undefined
  }

  text(index: number): string {
    if (this.#whole === undefined) return this.strings.text(index)
    const { offsets } = this.strings
    return (this.#known[index] ??= this.#whole.slice(offsets[index], offsets[index + 1]))
  }
}

type Mutable<T> = { -readonly [member in keyof T]: T[member] }

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

const kindOf = (kind: number): OtlpSpanKind =>
  kind === 1 || kind === 2 || kind === 3 || kind === 4 || kind === 5 ? kind : 0

const statusOf = (status: number): 0 | 1 | 2 => (status === 1 || status === 2 ? status : 0)

function attributesAt(columns: AttributeColumns, texts: Texts, row: number): Attributes {
  const from = columns.offsets[row]!
  const to = columns.offsets[row + 1]!
  if (from === to) return {}
  const attributes: { [key: string]: AttributeValue } = {}
  for (let j = from; j < to; j++) {
    const key = texts.text(columns.keys[j]!)
    const value = valueAt(columns, texts, j)
    // Assigning is twice as fast as fromEntries, but for the one name that it would not make a property of.
    if (key === '__proto__')
      Object.defineProperty(attributes, key, { value, writable: true, enumerable: true, configurable: true })
    else attributes[key] = value
  }
  return attributes
}

function valueAt(columns: AttributeColumns, texts: Texts, j: number): AttributeValue {
  switch (columns.types[j]) {
    case VALUE_TYPES.string:
      return texts.text(columns.words[2 * j]!)
    case VALUE_TYPES.bool:
      return columns.words[2 * j] === 1
    case VALUE_TYPES.int: {
      // From its two words: most are small, and a bigint for each is an object.
      const number = (columns.words[2 * j + 1]! | 0) * 2 ** 32 + columns.words[2 * j]!
      return Number.isSafeInteger(number) ? number : exactInteger(String(columns.ints[j]))
    }
    case VALUE_TYPES.double: {
      const value = columns.doubles[j]!
      return Number.isFinite(value) ? value : String(value)
    }
    default:
      return parseValue(valueText(columns, texts.strings, j))
  }
}

function eventsAt({ events }: SpanBatch, texts: Texts, row: number): OtlpEvent[] {
  const made: OtlpEvent[] = []
  for (let i = events.offsets[row]!; i < events.offsets[row + 1]!; i++) {
    made.push({
      timeUnixNano: events.timesNs[i]!,
      name: texts.text(events.names[i]!),
      attributes: attributesAt(events.attributes, texts, i),
      droppedAttributesCount: events.droppedAttributes[i]!,
    })
  }
  return made
}

function linksAt({ links }: SpanBatch, texts: Texts, row: number): OtlpLink[] {
  const made: OtlpLink[] = []
  for (let i = links.offsets[row]!; i < links.offsets[row + 1]!; i++) {
    made.push({
      traceId: bufferOf(links.traceIds).toString('hex', 16 * i, 16 * i + 16),
      spanId: bufferOf(links.spanIds).toString('hex', 8 * i, 8 * i + 8),
      traceState: texts.text(links.traceStates[i]!),
      flags: links.flags[i]!,
      attributes: attributesAt(links.attributes, texts, i),
      droppedAttributesCount: links.droppedAttributes[i]!,
    })
  }
  return made
}
