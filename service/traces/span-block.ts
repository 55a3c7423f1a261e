// A SpanBatch as bytes: the payload of a log record. Boxes: docs/formats/span-block.md.
//
//   header 80 bytes: magic, version, counts   then the columns in a fixed order, each padded to a multiple of
//   8
//
// Columns are memory as it is (little endian), so encoding is copying, and decoding makes views without
// copying when the bytes are aligned to 8, as log records are. The counts say where every column lies; no
// offsets are stored, so none can be wrong. Integrity is the log's (a CRC over the record); decoding still
// checks every index once, so that no reader needs to.

import { StringTable, VALUE_TYPES } from './span-batch.ts'
import type { AttributeColumns, SpanBatch } from './span-batch.ts'

const MAGIC = 0x4b4c4253 // 'SBLK'
export const SPAN_BLOCK_VERSION = 1
const HEADER_BYTES = 80

export class SpanBlockError extends Error {
  readonly code = 'E_SPAN_BLOCK'

  constructor(message: string) {
    super(message)
    this.name = 'SpanBlockError'
  }
}

type Counts = {
  readonly spans: number
  readonly attributes: number
  readonly events: number
  readonly eventAttributes: number
  readonly links: number
  readonly linkAttributes: number
  readonly resources: number
  readonly resourceAttributes: number
  readonly scopes: number
  readonly scopeAttributes: number
  readonly strings: number
  readonly stringBytes: number
}

const COUNT_NAMES = [
  'spans',
  'attributes',
  'events',
  'eventAttributes',
  'links',
  'linkAttributes',
  'resources',
  'resourceAttributes',
  'scopes',
  'scopeAttributes',
  'strings',
  'stringBytes',
] as const satisfies readonly (keyof Counts)[]

type Column = Uint8Array | Uint32Array | BigUint64Array

const attributeColumns = (columns: AttributeColumns): Column[] => [
  columns.offsets,
  columns.keys,
  columns.words,
  columns.types,
]

/** Every column in the order of the format. */
function columnsOf(batch: SpanBatch): Column[] {
  const { events, links, resources, scopes, strings } = batch
  return [
    batch.traceIds,
    batch.spanIds,
    batch.parentSpanIds,
    batch.startNs,
    batch.endNs,
    batch.names,
    batch.traceStates,
    batch.statusMessages,
    batch.flags,
    batch.resourceRows,
    batch.scopeRows,
    batch.droppedAttributes,
    batch.droppedEvents,
    batch.droppedLinks,
    batch.kinds,
    batch.statusCodes,
    ...attributeColumns(batch.attributes),
    events.offsets,
    events.timesNs,
    events.names,
    events.droppedAttributes,
    ...attributeColumns(events.attributes),
    links.offsets,
    links.traceIds,
    links.spanIds,
    links.traceStates,
    links.flags,
    links.droppedAttributes,
    ...attributeColumns(links.attributes),
    resources.schemaUrls,
    resources.droppedAttributes,
    ...attributeColumns(resources.attributes),
    scopes.names,
    scopes.versions,
    scopes.schemaUrls,
    scopes.droppedAttributes,
    ...attributeColumns(scopes.attributes),
    strings.offsets,
    strings.bytes,
  ]
}

function countsOf(batch: SpanBatch): Counts {
  return {
    spans: batch.spanCount,
    attributes: batch.attributes.keys.length,
    events: batch.events.names.length,
    eventAttributes: batch.events.attributes.keys.length,
    links: batch.links.flags.length,
    linkAttributes: batch.links.attributes.keys.length,
    resources: batch.resources.count,
    resourceAttributes: batch.resources.attributes.keys.length,
    scopes: batch.scopes.count,
    scopeAttributes: batch.scopes.attributes.keys.length,
    strings: batch.strings.count,
    stringBytes: batch.strings.bytes.length,
  }
}

const padded = (bytes: number): number => (bytes + 7) & ~7

/** Owns: the result is new memory. Cost: one copy of each column. */
export function encodeSpanBlock(batch: SpanBatch): Uint8Array {
  const columns = columnsOf(batch)
  const size = columns.reduce((sum, column) => sum + padded(column.byteLength), HEADER_BYTES)
  const block = new Uint8Array(size)
  const view = new DataView(block.buffer)
  const counts = countsOf(batch)
  view.setUint32(0, MAGIC, true)
  view.setUint16(4, SPAN_BLOCK_VERSION, true)
  view.setBigUint64(8, batch.receivedNs, true)
  COUNT_NAMES.forEach((name, index) => view.setUint32(16 + 4 * index, counts[name], true))
  let at = HEADER_BYTES
  for (const column of columns) {
    block.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at)
    at += padded(column.byteLength)
  }
  return block
}

/**
 * Owns: views of `bytes` where they are aligned to 8, else of a copy. Errors: SpanBlockError E_SPAN_BLOCK.
 */
export function decodeSpanBlock(bytes: Uint8Array): SpanBatch {
  const block = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
  if (block.length < HEADER_BYTES) throw new SpanBlockError('shorter than its header')
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  if (view.getUint32(0, true) !== MAGIC) throw new SpanBlockError('not a span block')
  const version = view.getUint16(4, true)
  if (version !== SPAN_BLOCK_VERSION) throw new SpanBlockError(`version ${version} is unknown`)
  const cursor = new BlockCursor(block)
  const batch = readColumns(cursor, readCounts(view), view.getBigUint64(8, true))
  if (cursor.at !== block.length) throw new SpanBlockError('its length does not match its counts')
  checkIndices(batch)
  return batch
}

function readCounts(view: DataView): Counts {
  const count = (name: keyof Counts): number => view.getUint32(16 + 4 * COUNT_NAMES.indexOf(name), true)
  return {
    spans: count('spans'),
    attributes: count('attributes'),
    events: count('events'),
    eventAttributes: count('eventAttributes'),
    links: count('links'),
    linkAttributes: count('linkAttributes'),
    resources: count('resources'),
    resourceAttributes: count('resourceAttributes'),
    scopes: count('scopes'),
    scopeAttributes: count('scopeAttributes'),
    strings: count('strings'),
    stringBytes: count('stringBytes'),
  }
}

/** Takes one column after another off a block. */
class BlockCursor {
  readonly #block: Uint8Array
  at = HEADER_BYTES

  constructor(block: Uint8Array) {
    this.#block = block
  }

  u8(count: number): Uint8Array {
    return new Uint8Array(this.#block.buffer, this.#take(count), count)
  }

  u32(count: number): Uint32Array {
    return new Uint32Array(this.#block.buffer, this.#take(4 * count), count)
  }

  u64(count: number): BigUint64Array {
    return new BigUint64Array(this.#block.buffer, this.#take(8 * count), count)
  }

  attributes(rows: number, entries: number): AttributeColumns {
    const offsets = this.u32(rows + 1)
    const keys = this.u32(entries)
    const words = this.u32(2 * entries)
    const types = this.u8(entries)
    return {
      offsets,
      keys,
      types,
      words,
      ints: new BigInt64Array(words.buffer, words.byteOffset, entries),
      doubles: new Float64Array(words.buffer, words.byteOffset, entries),
    }
  }

  #take(bytes: number): number {
    const from = this.at
    this.at += Math.ceil(bytes / 8) * 8
    if (this.at > this.#block.length) throw new SpanBlockError('shorter than its counts say')
    return this.#block.byteOffset + from
  }
}

function readColumns(cursor: BlockCursor, n: Counts, receivedNs: bigint): SpanBatch {
  return {
    spanCount: n.spans,
    receivedNs,
    traceIds: cursor.u8(16 * n.spans),
    spanIds: cursor.u8(8 * n.spans),
    parentSpanIds: cursor.u8(8 * n.spans),
    startNs: cursor.u64(n.spans),
    endNs: cursor.u64(n.spans),
    names: cursor.u32(n.spans),
    traceStates: cursor.u32(n.spans),
    statusMessages: cursor.u32(n.spans),
    flags: cursor.u32(n.spans),
    resourceRows: cursor.u32(n.spans),
    scopeRows: cursor.u32(n.spans),
    droppedAttributes: cursor.u32(n.spans),
    droppedEvents: cursor.u32(n.spans),
    droppedLinks: cursor.u32(n.spans),
    kinds: cursor.u8(n.spans),
    statusCodes: cursor.u8(n.spans),
    attributes: cursor.attributes(n.spans, n.attributes),
    events: {
      offsets: cursor.u32(n.spans + 1),
      timesNs: cursor.u64(n.events),
      names: cursor.u32(n.events),
      droppedAttributes: cursor.u32(n.events),
      attributes: cursor.attributes(n.events, n.eventAttributes),
    },
    links: {
      offsets: cursor.u32(n.spans + 1),
      traceIds: cursor.u8(16 * n.links),
      spanIds: cursor.u8(8 * n.links),
      traceStates: cursor.u32(n.links),
      flags: cursor.u32(n.links),
      droppedAttributes: cursor.u32(n.links),
      attributes: cursor.attributes(n.links, n.linkAttributes),
    },
    resources: {
      count: n.resources,
      schemaUrls: cursor.u32(n.resources),
      droppedAttributes: cursor.u32(n.resources),
      attributes: cursor.attributes(n.resources, n.resourceAttributes),
    },
    scopes: {
      count: n.scopes,
      names: cursor.u32(n.scopes),
      versions: cursor.u32(n.scopes),
      schemaUrls: cursor.u32(n.scopes),
      droppedAttributes: cursor.u32(n.scopes),
      attributes: cursor.attributes(n.scopes, n.scopeAttributes),
    },
    strings: new StringTable(cursor.u32(n.strings + 1), cursor.u8(n.stringBytes)),
  }
}

/**
 * Every index points into its table and every ragged column covers it exactly. Cost: one pass over the 32-bit
 * columns.
 */
function checkIndices(batch: SpanBatch): void {
  const { events, links, resources, scopes, strings } = batch
  checkOffsets(strings.offsets, strings.bytes.length)
  for (const column of [
    batch.names,
    batch.traceStates,
    batch.statusMessages,
    events.names,
    links.traceStates,
    resources.schemaUrls,
    scopes.names,
    scopes.versions,
    scopes.schemaUrls,
  ])
    checkBelow(column, strings.count)
  checkBelow(batch.resourceRows, resources.count)
  checkBelow(batch.scopeRows, scopes.count)
  checkOffsets(events.offsets, events.names.length)
  checkOffsets(links.offsets, links.flags.length)
  for (const { attributes } of [batch, events, links, resources, scopes])
    checkAttributes(attributes, strings.count)
}

function checkBelow(indices: Uint32Array, count: number): void {
  for (let i = 0; i < indices.length; i++) {
    if (indices[i]! >= count) throw new SpanBlockError('an index points outside its table')
  }
}

function checkOffsets(offsets: Uint32Array, end: number): void {
  let last = 0
  for (let i = 0; i < offsets.length; i++) {
    if (offsets[i]! < last) throw new SpanBlockError('offsets fall')
    last = offsets[i]!
  }
  if (offsets[0] !== 0 || last !== end) throw new SpanBlockError('offsets do not cover their column')
}

function checkAttributes(columns: AttributeColumns, strings: number): void {
  checkOffsets(columns.offsets, columns.keys.length)
  checkBelow(columns.keys, strings)
  const { types, words } = columns
  for (let j = 0; j < types.length; j++) {
    const type = types[j]!
    if (type > VALUE_TYPES.kvlist) throw new SpanBlockError('a value has an unknown type')
    if (isInStrings(type) && words[2 * j]! >= strings)
      throw new SpanBlockError('a value points outside the strings')
  }
}

const isInStrings = (type: number): boolean => type === VALUE_TYPES.string || type >= VALUE_TYPES.bytes
