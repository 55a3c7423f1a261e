// Fills a SpanBatch. Decoders write a row in place, then either commit it or leave it to be overwritten; so a
// rejected span costs nothing and leaves nothing.
//
//   openResource  openScope  { beginSpan ... attributes, events, links ... commitSpan | rejectSpan }
//   closeScope  closeResource
//
// Owner: one decoder at a time. finish() gives views of this scratch, valid until reset().

import { LINKS_PER_SPAN_MAX, EVENTS_PER_SPAN_MAX, ATTRIBUTES_PER_ROW_MAX } from './ingest-limits.ts'
import { addCounts } from './otlp-shared.ts'
import { U32Column } from './span-batch-columns.ts'
import { StringInterner } from './span-batch-strings.ts'
import { StringTable, VALUE_TYPES } from './span-batch.ts'
import type { AttributeColumns, SpanBatch } from './span-batch.ts'

const INITIAL_ROWS = 1024

/** Scratch larger than this is given back on reset: one huge request must not pin its memory for ever. */
const KEPT_ROWS_MAX = 256 * 1024

function grownU32(data: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(length)
  grown.set(data)
  return grown
}

function grownU8(data: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(length)
  grown.set(data)
  return grown
}

/**
 * Attributes of rows of one kind; the open row is what was pushed since the last closeRow. The three columns
 * share one length and one capacity: with columns that grow apart, decoding took 1.15 times as long.
 */
export class AttributeBuilder {
  readonly offsets = new U32Column()
  #keys = new Uint32Array(INITIAL_ROWS)
  #types = new Uint8Array(INITIAL_ROWS)
  #words = new Uint32Array(2 * INITIAL_ROWS)
  #length = 0
  /** The length at which the open row is full. */
  #fullAt = ATTRIBUTES_PER_ROW_MAX

  constructor() {
    this.reset()
  }

  get isFull(): boolean {
    return this.#length >= this.#fullAt
  }

  push(key: number, type: number, low: number, high: number): void {
    const at = this.#length
    if (at === this.#keys.length) this.#grow()
    this.#keys[at] = key
    this.#types[at] = type
    this.#words[2 * at] = low
    this.#words[2 * at + 1] = high
    this.#length = at + 1
  }

  /** In place of whatever the open row has under this key; there is always room. */
  putText(key: number, text: number): void {
    const from = this.offsets.data[this.offsets.length - 1]!
    let isThere = false
    for (let at = from; at < this.#length; at++) {
      if (this.#keys[at] !== key) continue
      this.#types[at] = VALUE_TYPES.string
      this.#words[2 * at] = text
      this.#words[2 * at + 1] = 0
      isThere = true
    }
    if (!isThere) this.push(key, VALUE_TYPES.string, text, 0)
  }

  closeRow(): void {
    this.offsets.push(this.#length)
    this.#fullAt = this.#length + ATTRIBUTES_PER_ROW_MAX
  }

  /** Back to `rows` closed rows, none open. */
  cutTo(rows: number): void {
    this.offsets.length = rows + 1
    this.#length = this.offsets.data[rows]!
    this.#fullAt = this.#length + ATTRIBUTES_PER_ROW_MAX
  }

  reset(): void {
    this.offsets.reset()
    this.offsets.push(0)
    this.cutTo(0)
    if (this.#keys.length <= KEPT_ROWS_MAX) return
    this.#keys = new Uint32Array(INITIAL_ROWS)
    this.#types = new Uint8Array(INITIAL_ROWS)
    this.#words = new Uint32Array(2 * INITIAL_ROWS)
  }

  view(): AttributeColumns {
    const entries = this.#length
    const { buffer } = this.#words
    return {
      offsets: this.offsets.view(),
      keys: this.#keys.subarray(0, entries),
      types: this.#types.subarray(0, entries),
      words: this.#words.subarray(0, 2 * entries),
      ints: new BigInt64Array(buffer, 0, entries),
      doubles: new Float64Array(buffer, 0, entries),
    }
  }

  #grow(): void {
    const length = 2 * this.#keys.length
    this.#keys = grownU32(this.#keys, length)
    this.#types = grownU8(this.#types, length)
    this.#words = grownU32(this.#words, 2 * length)
  }
}

export class EventBuilder {
  readonly offsets = new U32Column()
  readonly times = new U32Column()
  readonly names = new U32Column()
  readonly dropped = new U32Column()
  readonly attributes = new AttributeBuilder()

  constructor() {
    this.reset()
  }

  get isFull(): boolean {
    return this.names.length - this.offsets.data[this.offsets.length - 1]! >= EVENTS_PER_SPAN_MAX
  }

  cutTo(spans: number): void {
    this.offsets.length = spans + 1
    const events = this.offsets.data[spans]!
    this.times.length = 2 * events
    this.names.length = events
    this.dropped.length = events
    this.attributes.cutTo(events)
  }

  reset(): void {
    for (const column of [this.offsets, this.times, this.names, this.dropped, this.attributes]) column.reset()
    this.offsets.push(0)
  }
}

export class LinkBuilder {
  readonly offsets = new U32Column()
  readonly traceIds = new U32Column()
  readonly spanIds = new U32Column()
  readonly traceStates = new U32Column()
  readonly flags = new U32Column()
  readonly dropped = new U32Column()
  readonly attributes = new AttributeBuilder()

  constructor() {
    this.reset()
  }

  get isFull(): boolean {
    return this.flags.length - this.offsets.data[this.offsets.length - 1]! >= LINKS_PER_SPAN_MAX
  }

  cutTo(spans: number): void {
    this.offsets.length = spans + 1
    const links = this.offsets.data[spans]!
    this.traceIds.length = 4 * links
    this.spanIds.length = 2 * links
    for (const column of [this.traceStates, this.flags, this.dropped]) column.length = links
    this.attributes.cutTo(links)
  }

  reset(): void {
    const { offsets, traceIds, spanIds, traceStates, flags, dropped, attributes } = this
    for (const column of [offsets, traceIds, spanIds, traceStates, flags, dropped, attributes]) column.reset()
    this.offsets.push(0)
  }
}

/** An attribute that a resource gets from us, whatever its sender said. */
export type Stamp = readonly [key: string, value: string]

export class ResourceBuilder {
  /** Indices of key and value. */
  stamps: readonly (readonly [number, number])[] = []
  readonly schemaUrls = new U32Column()
  readonly dropped = new U32Column()
  readonly attributes = new AttributeBuilder()

  get count(): number {
    return this.dropped.length
  }

  close(row: { readonly schemaUrl: number; readonly dropped: number; readonly overLimit: number }): void {
    for (const [key, value] of this.stamps) this.attributes.putText(key, value)
    this.schemaUrls.push(row.schemaUrl)
    this.dropped.push(addCounts(row.dropped, row.overLimit))
    this.attributes.closeRow()
  }

  reset(): void {
    this.stamps = []
    for (const column of [this.schemaUrls, this.dropped, this.attributes]) column.reset()
  }
}

export class ScopeBuilder {
  readonly names = new U32Column()
  readonly versions = new U32Column()
  readonly schemaUrls = new U32Column()
  readonly dropped = new U32Column()
  readonly attributes = new AttributeBuilder()

  get count(): number {
    return this.dropped.length
  }

  close(row: {
    readonly name: number
    readonly version: number
    readonly schemaUrl: number
    readonly dropped: number
    readonly overLimit: number
  }): void {
    this.names.push(row.name)
    this.versions.push(row.version)
    this.schemaUrls.push(row.schemaUrl)
    this.dropped.push(addCounts(row.dropped, row.overLimit))
    this.attributes.closeRow()
  }

  reset(): void {
    for (const column of [this.names, this.versions, this.schemaUrls, this.dropped, this.attributes])
      column.reset()
  }
}

/**
 * One span under way; plain numbers, so that writing them allocates nothing. Times are two words, low first.
 */
export class SpanRow {
  /** Lengths as sent; 16, 8 and 0 or 8 are valid. */
  traceIdBytes = 0
  spanIdBytes = 0
  parentSpanIdBytes = 0
  readonly traceId = new Uint32Array(4)
  readonly spanId = new Uint32Array(2)
  readonly parentSpanId = new Uint32Array(2)
  startLow = 0
  startHigh = 0
  endLow = 0
  endHigh = 0
  name = 0
  traceState = 0
  statusMessage = 0
  flags = 0
  kind = 0
  statusCode = 0
  droppedAttributes = 0
  droppedEvents = 0
  droppedLinks = 0
  /** What our limits dropped, beside what the sender says it dropped. */
  attributesOverLimit = 0
  eventsOverLimit = 0
  linksOverLimit = 0

  begin(): void {
    this.traceIdBytes = this.spanIdBytes = this.parentSpanIdBytes = 0
    this.startLow = this.startHigh = this.endLow = this.endHigh = 0
    this.name = this.traceState = this.statusMessage = this.flags = this.kind = this.statusCode = 0
    this.droppedAttributes = this.droppedEvents = this.droppedLinks = 0
    this.attributesOverLimit = this.eventsOverLimit = this.linksOverLimit = 0
    this.parentSpanId[0] = this.parentSpanId[1] = 0
  }

  /** Why OTLP calls the span invalid; undefined = it does not. */
  defect(): 'trace id' | 'span id' | 'parent span id' | undefined {
    const { traceId, spanId } = this
    if (this.traceIdBytes !== 16 || (traceId[0]! | traceId[1]! | traceId[2]! | traceId[3]!) === 0)
      return 'trace id'
    if (this.spanIdBytes !== 8 || (spanId[0]! | spanId[1]!) === 0) return 'span id'
    if (this.parentSpanIdBytes !== 0 && this.parentSpanIdBytes !== 8) return 'parent span id'
    return undefined
  }
}

/** The columns with one row a span, of one length and one capacity. */
class SpanRows {
  traceIds = new Uint32Array(4 * INITIAL_ROWS)
  spanIds = new Uint32Array(2 * INITIAL_ROWS)
  parentSpanIds = new Uint32Array(2 * INITIAL_ROWS)
  starts = new Uint32Array(2 * INITIAL_ROWS)
  ends = new Uint32Array(2 * INITIAL_ROWS)
  names = new Uint32Array(INITIAL_ROWS)
  traceStates = new Uint32Array(INITIAL_ROWS)
  statusMessages = new Uint32Array(INITIAL_ROWS)
  flags = new Uint32Array(INITIAL_ROWS)
  resourceRows = new Uint32Array(INITIAL_ROWS)
  scopeRows = new Uint32Array(INITIAL_ROWS)
  droppedAttributes = new Uint32Array(INITIAL_ROWS)
  droppedEvents = new Uint32Array(INITIAL_ROWS)
  droppedLinks = new Uint32Array(INITIAL_ROWS)
  kinds = new Uint8Array(INITIAL_ROWS)
  statusCodes = new Uint8Array(INITIAL_ROWS)

  grow(): void {
    const length = 2 * this.names.length
    this.traceIds = grownU32(this.traceIds, 4 * length)
    this.spanIds = grownU32(this.spanIds, 2 * length)
    this.parentSpanIds = grownU32(this.parentSpanIds, 2 * length)
    this.starts = grownU32(this.starts, 2 * length)
    this.ends = grownU32(this.ends, 2 * length)
    this.names = grownU32(this.names, length)
    this.traceStates = grownU32(this.traceStates, length)
    this.statusMessages = grownU32(this.statusMessages, length)
    this.flags = grownU32(this.flags, length)
    this.resourceRows = grownU32(this.resourceRows, length)
    this.scopeRows = grownU32(this.scopeRows, length)
    this.droppedAttributes = grownU32(this.droppedAttributes, length)
    this.droppedEvents = grownU32(this.droppedEvents, length)
    this.droppedLinks = grownU32(this.droppedLinks, length)
    this.kinds = grownU8(this.kinds, length)
    this.statusCodes = grownU8(this.statusCodes, length)
  }
}

const bytesOf = (words: Uint32Array<ArrayBuffer>, count: number): Uint8Array =>
  new Uint8Array(words.buffer, 0, 4 * count)
const wide = (words: Uint32Array<ArrayBuffer>, count: number): BigUint64Array =>
  new BigUint64Array(words.buffer, 0, count)

export class SpanBatchBuilder {
  readonly strings: StringInterner
  readonly attributes = new AttributeBuilder()
  readonly events = new EventBuilder()
  readonly links = new LinkBuilder()
  readonly resources = new ResourceBuilder()
  readonly scopes = new ScopeBuilder()
  readonly row = new SpanRow()
  #rows = new SpanRows()
  #spanCount = 0

  /** `seed`: random per process, for the hash of strings. */
  constructor(seed: number) {
    this.strings = new StringInterner(seed)
  }

  get spanCount(): number {
    return this.#spanCount
  }

  /** Until reset every resource that is closed gets these. */
  stampResources(stamps: readonly Stamp[]): void {
    const intern = (text: string): number => this.strings.internOther(Buffer.from(text, 'utf8'))
    this.resources.stamps = stamps.map(([key, value]) => [intern(key), intern(value)])
  }

  /** Adds the row; its resource and scope are the ones under way. */
  commitSpan(): void {
    const at = this.#spanCount
    if (at === this.#rows.names.length) this.#rows.grow()
    const { row } = this
    const rows = this.#rows
    const { traceIds, spanIds, parentSpanIds, starts, ends } = rows
    traceIds[4 * at] = row.traceId[0]!
    traceIds[4 * at + 1] = row.traceId[1]!
    traceIds[4 * at + 2] = row.traceId[2]!
    traceIds[4 * at + 3] = row.traceId[3]!
    spanIds[2 * at] = row.spanId[0]!
    spanIds[2 * at + 1] = row.spanId[1]!
    parentSpanIds[2 * at] = row.parentSpanId[0]!
    parentSpanIds[2 * at + 1] = row.parentSpanId[1]!
    starts[2 * at] = row.startLow
    starts[2 * at + 1] = row.startHigh
    ends[2 * at] = row.endLow
    ends[2 * at + 1] = row.endHigh
    rows.names[at] = row.name
    rows.traceStates[at] = row.traceState
    rows.statusMessages[at] = row.statusMessage
    rows.flags[at] = row.flags
    rows.resourceRows[at] = this.resources.count
    rows.scopeRows[at] = this.scopes.count
    rows.droppedAttributes[at] = addCounts(row.droppedAttributes, row.attributesOverLimit)
    rows.droppedEvents[at] = addCounts(row.droppedEvents, row.eventsOverLimit)
    rows.droppedLinks[at] = addCounts(row.droppedLinks, row.linksOverLimit)
    rows.kinds[at] = row.kind
    rows.statusCodes[at] = row.statusCode
    this.#spanCount = at + 1
    this.attributes.closeRow()
    this.events.offsets.push(this.events.names.length)
    this.links.offsets.push(this.links.flags.length)
  }

  /** Forgets the row and what it pushed. */
  rejectSpan(): void {
    this.attributes.cutTo(this.spanCount)
    this.events.cutTo(this.spanCount)
    this.links.cutTo(this.spanCount)
  }

  reset(): void {
    const { attributes, events, links, resources, scopes, strings } = this
    for (const part of [attributes, events, links, resources, scopes, strings]) part.reset()
    this.#spanCount = 0
    if (this.#rows.names.length > KEPT_ROWS_MAX) this.#rows = new SpanRows()
  }

  /** Owns: views of this scratch, valid until reset. */
  finish(receivedNs: bigint): SpanBatch {
    const n = this.#spanCount
    const rows = this.#rows
    const { events, links, resources, scopes } = this
    const strings = this.strings.view()
    return {
      spanCount: n,
      receivedNs,
      traceIds: bytesOf(rows.traceIds, 4 * n),
      spanIds: bytesOf(rows.spanIds, 2 * n),
      parentSpanIds: bytesOf(rows.parentSpanIds, 2 * n),
      startNs: wide(rows.starts, n),
      endNs: wide(rows.ends, n),
      names: rows.names.subarray(0, n),
      traceStates: rows.traceStates.subarray(0, n),
      statusMessages: rows.statusMessages.subarray(0, n),
      flags: rows.flags.subarray(0, n),
      resourceRows: rows.resourceRows.subarray(0, n),
      scopeRows: rows.scopeRows.subarray(0, n),
      droppedAttributes: rows.droppedAttributes.subarray(0, n),
      droppedEvents: rows.droppedEvents.subarray(0, n),
      droppedLinks: rows.droppedLinks.subarray(0, n),
      kinds: rows.kinds.subarray(0, n),
      statusCodes: rows.statusCodes.subarray(0, n),
      attributes: this.attributes.view(),
      events: {
        offsets: events.offsets.view(),
        timesNs: events.times.wideView(),
        names: events.names.view(),
        droppedAttributes: events.dropped.view(),
        attributes: events.attributes.view(),
      },
      links: {
        offsets: links.offsets.view(),
        traceIds: links.traceIds.bytesView(),
        spanIds: links.spanIds.bytesView(),
        traceStates: links.traceStates.view(),
        flags: links.flags.view(),
        droppedAttributes: links.dropped.view(),
        attributes: links.attributes.view(),
      },
      resources: {
        count: resources.count,
        schemaUrls: resources.schemaUrls.view(),
        droppedAttributes: resources.dropped.view(),
        attributes: resources.attributes.view(),
      },
      scopes: {
        count: scopes.count,
        names: scopes.names.view(),
        versions: scopes.versions.view(),
        schemaUrls: scopes.schemaUrls.view(),
        droppedAttributes: scopes.dropped.view(),
        attributes: scopes.attributes.view(),
      },
      strings: new StringTable(strings.offsets, strings.bytes),
    }
  }
}
