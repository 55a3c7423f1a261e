// Span batches as one Native block of table `spans`, column by column, without an object per span.
//
//   batches b0 b1 ... (own dictionaries)  ->  rows in order; per low-cardinality column one merged dictionary
//   attributes: one pass sorts entries into five groups by type; each group becomes a Map column
//
// The row of a span: seq = (sequence of its log record) * 2^24 + its place in the record, so a later arrival
// of the same (trace id, span id) always has the greater seq, on a replay too. ingest_time = the record's
// receivedNs.
// Cost: dominated by copying attribute values; see the numbers in docs/formats/tables.md.

import type { BlockWriter, NativeBlock, NativeColumn } from '#store'
import { attributesText, valueText } from './attribute-text.ts'
import { VALUE_TYPES, type SpanBatch } from './span-batch.ts'

export type SequencedBatch = { readonly sequence: number; readonly batch: SpanBatch }

export const SPANS_PER_RECORD_BITS = 24n

const UTF8 = new TextEncoder()
/** A span with eleven attributes is 430 B of a block. */
const SPAN_BYTES_GUESS = 512
const UNKNOWN_SERVICE = 'unknown_service'
/** As long as a span's name may be; whole it stands in column resource. The assembler keeps one an operation. */
const SERVICE_CHARS_MAX = 1024

/** A dictionary that grows over the batches of a block. */
class MergedDictionary {
  readonly keys: Uint8Array[] = []
  readonly #index = new Map<string, number>()

  indexOf(text: string): number {
    let index = this.#index.get(text)
    if (index === undefined) {
      index = this.keys.length
      this.#index.set(text, index)
      this.keys.push(UTF8.encode(text))
    }
    return index
  }
}

/** Maps strings of one batch after another to a merged dictionary, each once a batch. */
class Translator {
  readonly keys: readonly Uint8Array[]
  readonly #dictionary = new MergedDictionary()
  /** Of the batch: string to place in the dictionary; -1 = not asked yet. */
  #known = new Int32Array(4096)
  #strings: SpanBatch['strings'] | undefined

  constructor() {
    this.keys = this.#dictionary.keys
  }

  begin({ strings }: SpanBatch): void {
    this.#strings = strings
    if (strings.count > this.#known.length) this.#known = new Int32Array(2 * strings.count)
    this.#known.fill(-1, 0, strings.count)
  }

  indexOf(index: number): number {
    let merged = this.#known[index]!
    if (merged < 0) {
      merged = this.#dictionary.indexOf(this.#strings!.text(index))
      this.#known[index] = merged
    }
    return merged
  }
}

/** service.name of each resource of a batch. */
export function servicesOf(batch: SpanBatch): string[] {
  const { attributes, count } = batch.resources
  return Array.from({ length: count }, (_, row) => {
    for (let j = attributes.offsets[row]!; j < attributes.offsets[row + 1]!; j++) {
      if (
        attributes.types[j] !== VALUE_TYPES.string ||
        batch.strings.text(attributes.keys[j]!) !== 'service.name'
      )
        continue
      const name = batch.strings.text(attributes.words[2 * j]!)
      return (name.length > SERVICE_CHARS_MAX ? cutService(name) : name) || UNKNOWN_SERVICE
    }
    return UNKNOWN_SERVICE
  })
}

/** A copy: a slice would keep the long text alive. */
function cutService(name: string): string {
  return Buffer.from(name.slice(0, SERVICE_CHARS_MAX)).toString()
}

/** Column resource of each resource of a batch. */
export function resourceTexts(batch: SpanBatch): string[] {
  const { resources, strings } = batch
  return Array.from({ length: resources.count }, (_, row) =>
    lineText(
      {
        ...(resources.schemaUrls[row] ? { schemaUrl: strings.text(resources.schemaUrls[row]) } : {}),
        ...(resources.droppedAttributes[row] ? { dropped: resources.droppedAttributes[row] } : {}),
      },
      attributesText(resources.attributes, strings, row),
    ),
  )
}

/** {"attributes":{...},...head} */
function lineText(head: object, attributes: string): string {
  const rest = JSON.stringify(head).slice(1)
  return `{"attributes":${attributes}${rest === '}' ? '' : ','}${rest}`
}

/** Column scope of each scope of a batch. */
export function scopeTexts(batch: SpanBatch): string[] {
  const { scopes, strings } = batch
  return Array.from({ length: scopes.count }, (_, row) =>
    lineText(
      {
        name: strings.text(scopes.names[row]!),
        ...(scopes.versions[row] ? { version: strings.text(scopes.versions[row]) } : {}),
        ...(scopes.schemaUrls[row] ? { schemaUrl: strings.text(scopes.schemaUrls[row]) } : {}),
        ...(scopes.droppedAttributes[row] ? { dropped: scopes.droppedAttributes[row] } : {}),
      },
      attributesText(scopes.attributes, strings, row),
    ),
  )
}

/** Low-cardinality column from one text per row of a small table that spans point into. */
function byTable(
  name: string,
  batches: readonly SequencedBatch[],
  rowCount: number,
  textsOf: (batch: SpanBatch) => string[],
  rowsOf: (batch: SpanBatch) => Uint32Array,
): NativeColumn {
  return lowCardinality(name, rowCount, (out) => {
    const dictionary = new MergedDictionary()
    let at = 0
    for (const { batch } of batches) {
      const indices = textsOf(batch).map((text) => dictionary.indexOf(text))
      const rows = rowsOf(batch)
      for (let i = 0; i < batch.spanCount; i++) out[at++] = indices[rows[i]!]!
    }
    return dictionary.keys
  })
}

/** Low-cardinality column from string indices of the batch. */
function byString(
  name: string,
  batches: readonly SequencedBatch[],
  rowCount: number,
  column: (batch: SpanBatch) => Uint32Array,
): NativeColumn {
  return lowCardinality(name, rowCount, (out) => {
    const translator = new Translator()
    let at = 0
    for (const { batch } of batches) {
      translator.begin(batch)
      const indices = column(batch)
      for (let i = 0; i < batch.spanCount; i++) out[at++] = translator.indexOf(indices[i]!)
    }
    return translator.keys
  })
}

function lowCardinality(
  name: string,
  rowCount: number,
  fill: (out: Uint32Array) => readonly Uint8Array[],
): NativeColumn {
  return {
    name,
    type: 'LowCardinality(String)',
    write: (writer) => {
      const indices = new Uint32Array(rowCount)
      const keys = fill(indices)
      writer.lowCardinalityPrefix()
      writer.lowCardinality(keys, indices)
    },
  }
}

/** A fixed-width column that is already in memory as the engine wants it. */
function memory(
  name: string,
  type: string,
  batches: readonly SequencedBatch[],
  column: (batch: SpanBatch) => ArrayBufferView,
): NativeColumn {
  return {
    name,
    type,
    write: (writer) => {
      for (const { batch } of batches) writer.memory(column(batch))
    },
  }
}

/** Adds up ragged offsets of all batches: (rows + 1), from 0. */
function joinOffsets(
  batches: readonly SequencedBatch[],
  rowCount: number,
  offsetsOf: (batch: SpanBatch) => Uint32Array,
): Uint32Array {
  const joined = new Uint32Array(rowCount + 1)
  let at = 1
  let base = 0
  for (const { batch } of batches) {
    const offsets = offsetsOf(batch)
    const first = offsets[0]!
    for (let i = 1; i <= batch.spanCount; i++) joined[at++] = base + offsets[i]! - first
    base += offsets[batch.spanCount]! - first
  }
  return joined
}

/** One group of attributes by value type. */
type MapGroup = {
  readonly name: string
  readonly valueType: string
  readonly write: (writer: BlockWriter, batch: SpanBatch, j: number) => void
}

const GROUPS: readonly MapGroup[] = [
  {
    name: 'attr_string',
    valueType: 'String',
    write: (writer, { attributes, strings }, j) => {
      const { bytes, offsets } = strings
      const index = attributes.words[2 * j]!
      writer.sliceOf(strings.view, bytes, offsets[index]!, offsets[index + 1]!)
    },
  },
  {
    name: 'attr_int',
    valueType: 'Int64',
    write: (writer, { attributes }, j) => writer.words(attributes.words, 2 * j),
  },
  {
    name: 'attr_double',
    valueType: 'Float64',
    write: (writer, { attributes }, j) => writer.words(attributes.words, 2 * j),
  },
  {
    name: 'attr_bool',
    valueType: 'UInt8',
    write: (writer, { attributes }, j) => writer.u8(attributes.words[2 * j]!),
  },
  {
    name: 'attr_other',
    valueType: 'String',
    write: (writer, { attributes, strings }, j) => {
      writer.string(UTF8.encode(valueText(attributes, strings, j)))
    },
  },
]

/** By VALUE_TYPES: which group holds a value of that type. */
const GROUP_OF_TYPE = [4, 0, 3, 1, 2, 4, 4, 4] as const

type Entries = { readonly offsets: Uint32Array; readonly counts: number }

/** Counts a group's entries per row; one pass over the types for all groups. */
function groupOffsets(batches: readonly SequencedBatch[], rowCount: number): Entries[] {
  const offsets = GROUPS.map(() => new Uint32Array(rowCount + 1))
  const counts = GROUPS.map(() => 0)
  let row = 0
  for (const { batch } of batches) {
    const { attributes } = batch
    for (let i = 0; i < batch.spanCount; i++) {
      for (let j = attributes.offsets[i]!; j < attributes.offsets[i + 1]!; j++)
        counts[GROUP_OF_TYPE[attributes.types[j]!]!]!++
      row++
      for (let g = 0; g < GROUPS.length; g++) offsets[g]![row] = counts[g]!
    }
  }
  return offsets.map((column, g) => ({ offsets: column, counts: counts[g]! }))
}

function mapColumn(
  group: MapGroup,
  g: number,
  batches: readonly SequencedBatch[],
  entries: Entries,
): NativeColumn {
  return {
    name: group.name,
    type: `Map(LowCardinality(String), ${group.valueType})`,
    write: (writer) => {
      writer.lowCardinalityPrefix()
      writer.ends(entries.offsets)
      // Most groups are empty for most spans: looking through all attributes for them is half of the work.
      if (entries.counts === 0) return
      const translator = new Translator()
      const keys = new Uint32Array(entries.counts)
      let at = 0
      for (const { batch } of batches) at = fillKeys(batch, g, translator, keys, at)
      writer.lowCardinality(translator.keys, keys)
      for (const { batch } of batches) {
        const { types, offsets } = batch.attributes
        const end = offsets[batch.spanCount]!
        for (let j = offsets[0]!; j < end; j++)
          if (GROUP_OF_TYPE[types[j]!] === g) group.write(writer, batch, j)
      }
    },
  }
}

function fillKeys(
  batch: SpanBatch,
  g: number,
  translator: Translator,
  keys: Uint32Array,
  from: number,
): number {
  translator.begin(batch)
  const { types, offsets, keys: names } = batch.attributes
  const end = offsets[batch.spanCount]!
  let at = from
  for (let j = offsets[0]!; j < end; j++)
    if (GROUP_OF_TYPE[types[j]!] === g) keys[at++] = translator.indexOf(names[j]!)
  return at
}

function arrays(
  name: string,
  type: string,
  ends: Uint32Array,
  write: (writer: BlockWriter) => void,
): NativeColumn {
  return {
    name,
    type: `Array(${type})`,
    write: (writer) => {
      writer.ends(ends)
      write(writer)
    },
  }
}

function texts(
  writer: BlockWriter,
  batches: readonly SequencedBatch[],
  count: (batch: SpanBatch) => number,
  text: (batch: SpanBatch, row: number) => string,
): void {
  for (const { batch } of batches) {
    for (let row = 0; row < count(batch); row++) writer.string(UTF8.encode(text(batch, row)))
  }
}

function eventColumns(batches: readonly SequencedBatch[], rowCount: number): NativeColumn[] {
  const ends = joinOffsets(batches, rowCount, (batch) => batch.events.offsets)
  const total = ends[rowCount]!
  const count = (batch: SpanBatch): number => batch.events.timesNs.length
  return [
    arrays('event_time_ns', 'UInt64', ends, (writer) => {
      for (const { batch } of batches) writer.memory(batch.events.timesNs)
    }),
    {
      name: 'event_name',
      type: 'Array(LowCardinality(String))',
      write: (writer) => {
        writer.lowCardinalityPrefix()
        writer.ends(ends)
        if (total === 0) return
        const translator = new Translator()
        const indices = new Uint32Array(total)
        let at = 0
        for (const { batch } of batches) {
          translator.begin(batch)
          for (const index of batch.events.names) indices[at++] = translator.indexOf(index)
        }
        writer.lowCardinality(translator.keys, indices)
      },
    },
    arrays('event_attributes', 'String', ends, (writer) =>
      texts(writer, batches, count, (batch, row) =>
        attributesText(batch.events.attributes, batch.strings, row),
      ),
    ),
    arrays('event_dropped_attributes', 'UInt32', ends, (writer) => {
      for (const { batch } of batches) writer.memory(batch.events.droppedAttributes)
    }),
  ]
}

function linkColumns(batches: readonly SequencedBatch[], rowCount: number): NativeColumn[] {
  const ends = joinOffsets(batches, rowCount, (batch) => batch.links.offsets)
  const count = (batch: SpanBatch): number => batch.links.flags.length
  const column = (name: string, type: string, part: (batch: SpanBatch) => ArrayBufferView): NativeColumn =>
    arrays(name, type, ends, (writer) => {
      for (const { batch } of batches) writer.memory(part(batch))
    })
  return [
    column('link_trace_id', 'FixedString(16)', (batch) => batch.links.traceIds),
    column('link_span_id', 'FixedString(8)', (batch) => batch.links.spanIds),
    arrays('link_trace_state', 'String', ends, (writer) =>
      texts(writer, batches, count, (batch, row) => batch.strings.text(batch.links.traceStates[row]!)),
    ),
    column('link_flags', 'UInt32', (batch) => batch.links.flags),
    arrays('link_attributes', 'String', ends, (writer) =>
      texts(writer, batches, count, (batch, row) =>
        attributesText(batch.links.attributes, batch.strings, row),
      ),
    ),
    column('link_dropped_attributes', 'UInt32', (batch) => batch.links.droppedAttributes),
  ]
}

function seqColumn(batches: readonly SequencedBatch[], rowCount: number): NativeColumn {
  return {
    name: 'seq',
    type: 'UInt64',
    write: (writer) => {
      // As words: a bigint a span would be an object a span. The place fits below the sequence.
      const words = new Uint32Array(2 * rowCount)
      let at = 0
      for (const { sequence, batch } of batches) {
        const base = BigInt(sequence) << SPANS_PER_RECORD_BITS
        const low = Number(base & 0xffff_ffffn)
        const high = Number((base >> 32n) & 0xffff_ffffn)
        for (let i = 0; i < batch.spanCount; i++) {
          words[at++] = low + i
          words[at++] = high
        }
      }
      writer.memory(words)
    },
  }
}

function ingestTimeColumn(batches: readonly SequencedBatch[]): NativeColumn {
  return {
    name: 'ingest_time',
    type: 'DateTime',
    write: (writer) => {
      for (const { batch } of batches) {
        writer.memory(new Uint32Array(batch.spanCount).fill(Number(batch.receivedNs / 1_000_000_000n)))
      }
    },
  }
}

/** Two words an element, low word first. */
const wordsOf = ({ buffer, byteOffset, length }: BigUint64Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, 2 * length)

/** end - start modulo 2^64: whatever a sender claims comes back exactly. */
function durationColumn(batches: readonly SequencedBatch[]): NativeColumn {
  return {
    name: 'duration_ns',
    type: 'UInt64',
    write: (writer) => {
      for (const { batch } of batches) {
        const start = wordsOf(batch.startNs)
        const end = wordsOf(batch.endNs)
        const durations = new Uint32Array(2 * batch.spanCount)
        for (let i = 0; i < durations.length; i += 2) {
          const low = end[i]! - start[i]!
          durations[i] = low
          durations[i + 1] = end[i + 1]! - start[i + 1]! - (low < 0 ? 1 : 0)
        }
        writer.memory(durations)
      }
    },
  }
}

/**
 * Shapes: rows in order of the batches, then of the spans. Owns: reads the batches when the block is encoded.
 */
export function spanBlock(batches: readonly SequencedBatch[]): NativeBlock {
  const rowCount = batches.reduce((sum, { batch }) => sum + batch.spanCount, 0)
  const groups = groupOffsets(batches, rowCount)
  const string = (name: string, column: (batch: SpanBatch) => Uint32Array): NativeColumn =>
    byString(name, batches, rowCount, column)
  const fixed = (name: string, type: string, column: (batch: SpanBatch) => ArrayBufferView): NativeColumn =>
    memory(name, type, batches, column)
  return {
    rowCount,
    bytesGuess: rowCount * SPAN_BYTES_GUESS,
    columns: [
      ingestTimeColumn(batches),
      seqColumn(batches, rowCount),
      fixed('trace_id', 'FixedString(16)', (batch) => batch.traceIds),
      fixed('span_id', 'FixedString(8)', (batch) => batch.spanIds),
      fixed('parent_span_id', 'FixedString(8)', (batch) => batch.parentSpanIds),
      fixed('start_ns', 'UInt64', (batch) => batch.startNs),
      durationColumn(batches),
      byTable('service', batches, rowCount, servicesOf, (batch) => batch.resourceRows),
      string('name', (batch) => batch.names),
      fixed('kind', 'UInt8', (batch) => batch.kinds),
      fixed('status_code', 'UInt8', (batch) => batch.statusCodes),
      string('status_message', (batch) => batch.statusMessages),
      string('trace_state', (batch) => batch.traceStates),
      fixed('flags', 'UInt32', (batch) => batch.flags),
      fixed('dropped_attributes', 'UInt32', (batch) => batch.droppedAttributes),
      fixed('dropped_events', 'UInt32', (batch) => batch.droppedEvents),
      fixed('dropped_links', 'UInt32', (batch) => batch.droppedLinks),
      byTable('resource', batches, rowCount, resourceTexts, (batch) => batch.resourceRows),
      byTable('scope', batches, rowCount, scopeTexts, (batch) => batch.scopeRows),
      ...GROUPS.map((group, g) => mapColumn(group, g, batches, groups[g]!)),
      ...eventColumns(batches, rowCount),
      ...linkColumns(batches, rowCount),
    ],
  }
}
