// Fills a SpanBatch. Decoders write a row in place, then either commit it or leave it to be overwritten; so a rejected span
// costs nothing and leaves nothing.
//
//   openResource  openScope  { beginSpan ... attributes, events, links ... commitSpan | rejectSpan }  closeScope  closeResource
//
// Owner: one decoder at a time. finish() gives views of this scratch, valid until reset().

import { LINKS_PER_SPAN_MAX, EVENTS_PER_SPAN_MAX, ATTRIBUTES_PER_ROW_MAX } from './ingest-limits.ts'
import { addCounts } from './otlp-shared.ts'
import { U32Column, U8Column } from './span-batch-columns.ts'
import { StringInterner } from './span-batch-strings.ts'
import { StringTable } from './span-batch.ts'
import type { AttributeColumns, SpanBatch } from './span-batch.ts'

/** Attributes of rows of one kind; the open row is what was pushed since the last closeRow. */
export class AttributeBuilder {
  readonly offsets = new U32Column()
  readonly keys = new U32Column()
  readonly types = new U8Column()
  readonly words = new U32Column()

  constructor() {
    this.reset()
  }

  get isFull(): boolean {
    return this.keys.length - this.offsets.data[this.offsets.length - 1]! >= ATTRIBUTES_PER_ROW_MAX
  }

  push(key: number, type: number, low: number, high: number): void {
    this.keys.push(key)
    this.types.push(type)
    this.words.push2(low, high)
  }

  closeRow(): void {
    this.offsets.push(this.keys.length)
  }

  /** Back to `rows` closed rows, none open. */
  cutTo(rows: number): void {
    this.offsets.length = rows + 1
    const entries = this.offsets.data[rows]!
    this.keys.length = entries
    this.types.length = entries
    this.words.length = 2 * entries
  }

  reset(): void {
    for (const column of [this.offsets, this.keys, this.types, this.words]) column.reset()
    this.offsets.push(0)
  }

  view(): AttributeColumns {
    const entries = this.keys.length
    const { buffer } = this.words.data
    return {
      offsets: this.offsets.view(), keys: this.keys.view(), types: this.types.view(), words: this.words.view(),
      ints: new BigInt64Array(buffer, 0, entries), doubles: new Float64Array(buffer, 0, entries),
    }
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

export class ResourceBuilder {
  readonly schemaUrls = new U32Column()
  readonly dropped = new U32Column()
  readonly attributes = new AttributeBuilder()

  get count(): number {
    return this.dropped.length
  }

  close(row: { readonly schemaUrl: number; readonly dropped: number; readonly overLimit: number }): void {
    this.schemaUrls.push(row.schemaUrl)
    this.dropped.push(addCounts(row.dropped, row.overLimit))
    this.attributes.closeRow()
  }

  reset(): void {
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
    readonly name: number; readonly version: number; readonly schemaUrl: number; readonly dropped: number
    readonly overLimit: number
  }): void {
    this.names.push(row.name)
    this.versions.push(row.version)
    this.schemaUrls.push(row.schemaUrl)
    this.dropped.push(addCounts(row.dropped, row.overLimit))
    this.attributes.closeRow()
  }

  reset(): void {
    for (const column of [this.names, this.versions, this.schemaUrls, this.dropped, this.attributes]) column.reset()
  }
}

/** One span under way; plain numbers, so that writing them allocates nothing. Times are two words, low first. */
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
    if (this.traceIdBytes !== 16 || (traceId[0]! | traceId[1]! | traceId[2]! | traceId[3]!) === 0) return 'trace id'
    if (this.spanIdBytes !== 8 || (spanId[0]! | spanId[1]!) === 0) return 'span id'
    if (this.parentSpanIdBytes !== 0 && this.parentSpanIdBytes !== 8) return 'parent span id'
    return undefined
  }
}

export class SpanBatchBuilder {
  readonly strings: StringInterner
  readonly attributes = new AttributeBuilder()
  readonly events = new EventBuilder()
  readonly links = new LinkBuilder()
  readonly resources = new ResourceBuilder()
  readonly scopes = new ScopeBuilder()
  readonly row = new SpanRow()
  readonly #traceIds = new U32Column()
  readonly #spanIds = new U32Column()
  readonly #parentSpanIds = new U32Column()
  readonly #starts = new U32Column()
  readonly #ends = new U32Column()
  readonly #names = new U32Column()
  readonly #traceStates = new U32Column()
  readonly #statusMessages = new U32Column()
  readonly #flags = new U32Column()
  readonly #resourceRows = new U32Column()
  readonly #scopeRows = new U32Column()
  readonly #droppedAttributes = new U32Column()
  readonly #droppedEvents = new U32Column()
  readonly #droppedLinks = new U32Column()
  readonly #kinds = new U8Column()
  readonly #statusCodes = new U8Column()

  /** `seed`: random per process, for the hash of strings. */
  constructor(seed: number) {
    this.strings = new StringInterner(seed)
  }

  get spanCount(): number {
    return this.#names.length
  }

  /** Adds the row; its resource and scope are the ones under way. */
  commitSpan(): void {
    const { row } = this
    this.#traceIds.push2(row.traceId[0]!, row.traceId[1]!)
    this.#traceIds.push2(row.traceId[2]!, row.traceId[3]!)
    this.#spanIds.push2(row.spanId[0]!, row.spanId[1]!)
    this.#parentSpanIds.push2(row.parentSpanId[0]!, row.parentSpanId[1]!)
    this.#starts.push2(row.startLow, row.startHigh)
    this.#ends.push2(row.endLow, row.endHigh)
    this.#names.push(row.name)
    this.#traceStates.push(row.traceState)
    this.#statusMessages.push(row.statusMessage)
    this.#flags.push(row.flags)
    this.#resourceRows.push(this.resources.count)
    this.#scopeRows.push(this.scopes.count)
    this.#droppedAttributes.push(addCounts(row.droppedAttributes, row.attributesOverLimit))
    this.#droppedEvents.push(addCounts(row.droppedEvents, row.eventsOverLimit))
    this.#droppedLinks.push(addCounts(row.droppedLinks, row.linksOverLimit))
    this.#kinds.push(row.kind)
    this.#statusCodes.push(row.statusCode)
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
    for (const column of this.#spanColumns()) column.reset()
  }

  /** Owns: views of this scratch, valid until reset. */
  finish(receivedNs: bigint): SpanBatch {
    const { events, links, resources, scopes } = this
    const strings = this.strings.view()
    return {
      spanCount: this.spanCount, receivedNs,
      traceIds: this.#traceIds.bytesView(), spanIds: this.#spanIds.bytesView(), parentSpanIds: this.#parentSpanIds.bytesView(),
      startNs: this.#starts.wideView(), endNs: this.#ends.wideView(),
      names: this.#names.view(), traceStates: this.#traceStates.view(), statusMessages: this.#statusMessages.view(),
      flags: this.#flags.view(), resourceRows: this.#resourceRows.view(), scopeRows: this.#scopeRows.view(),
      droppedAttributes: this.#droppedAttributes.view(), droppedEvents: this.#droppedEvents.view(),
      droppedLinks: this.#droppedLinks.view(), kinds: this.#kinds.view(), statusCodes: this.#statusCodes.view(),
      attributes: this.attributes.view(),
      events: {
        offsets: events.offsets.view(), timesNs: events.times.wideView(), names: events.names.view(),
        droppedAttributes: events.dropped.view(), attributes: events.attributes.view(),
      },
      links: {
        offsets: links.offsets.view(), traceIds: links.traceIds.bytesView(), spanIds: links.spanIds.bytesView(),
        traceStates: links.traceStates.view(), flags: links.flags.view(), droppedAttributes: links.dropped.view(),
        attributes: links.attributes.view(),
      },
      resources: {
        count: resources.count, schemaUrls: resources.schemaUrls.view(), droppedAttributes: resources.dropped.view(),
        attributes: resources.attributes.view(),
      },
      scopes: {
        count: scopes.count, names: scopes.names.view(), versions: scopes.versions.view(), schemaUrls: scopes.schemaUrls.view(),
        droppedAttributes: scopes.dropped.view(), attributes: scopes.attributes.view(),
      },
      strings: new StringTable(strings.offsets, strings.bytes),
    }
  }

  #spanColumns(): readonly (U32Column | U8Column)[] {
    return [
      this.#traceIds, this.#spanIds, this.#parentSpanIds, this.#starts, this.#ends, this.#names, this.#traceStates,
      this.#statusMessages, this.#flags, this.#resourceRows, this.#scopeRows, this.#droppedAttributes, this.#droppedEvents,
      this.#droppedLinks, this.#kinds, this.#statusCodes,
    ]
  }
}
