// Spans of a batch as objects for the model: the same, field by field, as SpanRowReader reads them back from
// the store, so that a trace from memory and the same trace from the store give the same features (a test
// holds them against each other).

import type { OtlpEvent, OtlpLink, OtlpSpan, OtlpSpanKind } from '#model'
import type { AttributeValue, Attributes } from '#protocol'
import { exactInteger, parseValue, valueText } from './attribute-text.ts'
import { SpanRowReader } from './read-rows.ts'
import { VALUE_TYPES, type AttributeColumns, type SpanBatch, type StringTable } from './span-batch.ts'
import { resourceTexts, scopeTexts } from './span-table.ts'

/** Reads spans of one batch; resources and scopes are parsed once. */
export class BatchSpans {
  readonly #batch: SpanBatch
  readonly #reader = new SpanRowReader()
  readonly #traceIds: Buffer
  readonly #spanIds: Buffer
  readonly #parents: Buffer
  #resources: readonly string[] | undefined
  #scopes: readonly string[] | undefined

  constructor(batch: SpanBatch) {
    this.#batch = batch
    this.#traceIds = bufferOf(batch.traceIds)
    this.#spanIds = bufferOf(batch.spanIds)
    this.#parents = bufferOf(batch.parentSpanIds)
  }

  /** `traceId`, where it is known, saves writing it anew for each span of a trace. */
  span(row: number, traceId = this.#traceIds.toString('hex', 16 * row, 16 * row + 16)): OtlpSpan {
    const batch = this.#batch
    const { strings } = batch
    this.#resources ??= resourceTexts(batch)
    this.#scopes ??= scopeTexts(batch)
    const parent = this.#parents.toString('hex', 8 * row, 8 * row + 8)
    const traceState = strings.text(batch.traceStates[row]!)
    const message = strings.text(batch.statusMessages[row]!)
    const status: { code: 0 | 1 | 2; message?: string } = { code: statusOf(batch.statusCodes[row]!) }
    if (message !== '') status.message = message
    const span: Mutable<OtlpSpan> = {
      traceId,
      spanId: this.#spanIds.toString('hex', 8 * row, 8 * row + 8),
      flags: batch.flags[row]!,
      name: strings.text(batch.names[row]!),
      kind: kindOf(batch.kinds[row]!),
      startTimeUnixNano: batch.startNs[row]!,
      endTimeUnixNano: batch.endNs[row]!,
      status,
      attributes: attributesAt(batch.attributes, strings, row),
      events: eventsAt(batch, row),
      links: linksAt(batch, row),
      resource: this.#reader.resource(this.#resources[batch.resourceRows[row]!]!),
      scope: this.#reader.scope(this.#scopes[batch.scopeRows[row]!]!),
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

type Mutable<T> = { -readonly [member in keyof T]: T[member] }

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

const kindOf = (kind: number): OtlpSpanKind =>
  kind === 1 || kind === 2 || kind === 3 || kind === 4 || kind === 5 ? kind : 0

const statusOf = (status: number): 0 | 1 | 2 => (status === 1 || status === 2 ? status : 0)

function attributesAt(columns: AttributeColumns, strings: StringTable, row: number): Attributes {
  const from = columns.offsets[row]!
  const to = columns.offsets[row + 1]!
  if (from === to) return {}
  const attributes: { [key: string]: AttributeValue } = {}
  for (let j = from; j < to; j++) {
    const key = strings.text(columns.keys[j]!)
    const value = valueAt(columns, strings, j)
    // Assigning is twice as fast as fromEntries, but for the one name that it would not make a property of.
    if (key === '__proto__')
      Object.defineProperty(attributes, key, { value, writable: true, enumerable: true, configurable: true })
    else attributes[key] = value
  }
  return attributes
}

function valueAt(columns: AttributeColumns, strings: StringTable, j: number): AttributeValue {
  switch (columns.types[j]) {
    case VALUE_TYPES.string:
      return strings.text(columns.words[2 * j]!)
    case VALUE_TYPES.bool:
      return columns.words[2 * j] === 1
    case VALUE_TYPES.int: {
      const value = columns.ints[j]!
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : exactInteger(String(value))
    }
    case VALUE_TYPES.double: {
      const value = columns.doubles[j]!
      return Number.isFinite(value) ? value : String(value)
    }
    default:
      return parseValue(valueText(columns, strings, j))
  }
}

function eventsAt({ events, strings }: SpanBatch, row: number): OtlpEvent[] {
  const made: OtlpEvent[] = []
  for (let i = events.offsets[row]!; i < events.offsets[row + 1]!; i++) {
    made.push({
      timeUnixNano: events.timesNs[i]!,
      name: strings.text(events.names[i]!),
      attributes: attributesAt(events.attributes, strings, i),
      droppedAttributesCount: events.droppedAttributes[i]!,
    })
  }
  return made
}

function linksAt({ links, strings }: SpanBatch, row: number): OtlpLink[] {
  const made: OtlpLink[] = []
  for (let i = links.offsets[row]!; i < links.offsets[row + 1]!; i++) {
    made.push({
      traceId: bufferOf(links.traceIds).toString('hex', 16 * i, 16 * i + 16),
      spanId: bufferOf(links.spanIds).toString('hex', 8 * i, 8 * i + 8),
      traceState: strings.text(links.traceStates[i]!),
      flags: links.flags[i]!,
      attributes: attributesAt(links.attributes, strings, i),
      droppedAttributesCount: links.droppedAttributes[i]!,
    })
  }
  return made
}
