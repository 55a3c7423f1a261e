// Spans as columns: what the OTLP decoders make, what a WAL record holds, what the trace worker reads.
//
//   spans      one row a span, fixed-width columns          names[i] -> strings
//   attributes ragged: row i owns entries offsets[i] .. offsets[i+1]; an entry = key, type, 64-bit cell
//   events     ragged over spans, each with its own attributes; links likewise
//   resources, scopes   tables; spans point into them
//   strings    one dictionary of byte strings for the whole batch; index 0 is ''
//
// Nothing here is an object per span, so 512 spans cost some forty typed arrays and no garbage, and a block
// of them is written by copying memory. Owner: whoever made the batch; a batch from a builder lives until the
// builder is reset.

export const VALUE_TYPES = {
  /** An AnyValue with nothing set. */
  empty: 0,
  /** The cell is an index into strings; valid UTF-8. */
  string: 1,
  /** 0 or 1. */
  bool: 2,
  /** A signed 64-bit integer: read through `ints`. */
  int: 3,
  /** IEEE 754: read through `doubles`. */
  double: 4,
  /** An index into strings; any bytes. */
  bytes: 5,
  /**
   * An index into strings: OTLP/JSON text of ArrayValue.values, `[{"stringValue":"a"},{"intValue":"1"}]`:
   * lossless.
   */
  array: 6,
  /**
   * An index into strings: OTLP/JSON text of KeyValueList.values, `[{"key":"a","value":{"boolValue":true}}]`.
   */
  kvlist: 7,
} as const

export type AttributeColumns = {
  /** (rows + 1), first 0, never falling: row i owns entries offsets[i] to offsets[i + 1]. */
  readonly offsets: Uint32Array
  /** (entries) index into strings. */
  readonly keys: Uint32Array
  /** (entries) VALUE_TYPES. */
  readonly types: Uint8Array
  /**
   * (2 x entries) the cell as two words, low first. For string, bytes, array, kvlist and bool the value is
   * words[2 * j].
   */
  readonly words: Uint32Array
  /** (entries) the same memory as signed 64-bit integers. */
  readonly ints: BigInt64Array
  /** (entries) the same memory as doubles. */
  readonly doubles: Float64Array
}

export type EventColumns = {
  /** (spans + 1). */
  readonly offsets: Uint32Array
  readonly timesNs: BigUint64Array
  readonly names: Uint32Array
  readonly droppedAttributes: Uint32Array
  /** Rows are events. */
  readonly attributes: AttributeColumns
}

export type LinkColumns = {
  /** (spans + 1). */
  readonly offsets: Uint32Array
  /** 16 bytes a link. */
  readonly traceIds: Uint8Array
  /** 8 bytes a link. */
  readonly spanIds: Uint8Array
  readonly traceStates: Uint32Array
  readonly flags: Uint32Array
  readonly droppedAttributes: Uint32Array
  /** Rows are links. */
  readonly attributes: AttributeColumns
}

export type ResourceColumns = {
  readonly count: number
  readonly schemaUrls: Uint32Array
  readonly droppedAttributes: Uint32Array
  readonly attributes: AttributeColumns
}

export type ScopeColumns = {
  readonly count: number
  readonly names: Uint32Array
  readonly versions: Uint32Array
  readonly schemaUrls: Uint32Array
  readonly droppedAttributes: Uint32Array
  readonly attributes: AttributeColumns
}

export type SpanBatch = {
  readonly spanCount: number
  /** When we received it, by our clock: the only time here that no sender chose. ns since the epoch. */
  readonly receivedNs: bigint
  /** 16 bytes a span, never all zero. */
  readonly traceIds: Uint8Array
  /** 8 bytes a span, never all zero. */
  readonly spanIds: Uint8Array
  /** 8 bytes a span; all zero = no parent. */
  readonly parentSpanIds: Uint8Array
  readonly startNs: BigUint64Array
  readonly endNs: BigUint64Array
  /** Indices into strings. */
  readonly names: Uint32Array
  readonly traceStates: Uint32Array
  readonly statusMessages: Uint32Array
  readonly flags: Uint32Array
  /** Row of `resources` and of `scopes`. */
  readonly resourceRows: Uint32Array
  readonly scopeRows: Uint32Array
  /** What the sender dropped plus what our limits dropped. */
  readonly droppedAttributes: Uint32Array
  readonly droppedEvents: Uint32Array
  readonly droppedLinks: Uint32Array
  /** 0 unspecified .. 5 consumer. */
  readonly kinds: Uint8Array
  /** 0 unset, 1 ok, 2 error. */
  readonly statusCodes: Uint8Array
  readonly attributes: AttributeColumns
  readonly events: EventColumns
  readonly links: LinkColumns
  readonly resources: ResourceColumns
  readonly scopes: ScopeColumns
  readonly strings: StringTable
}

/** A dictionary of byte strings; text is decoded on first use and kept. */
export class StringTable {
  readonly count: number
  /** (count + 1) entry i is bytes offsets[i] to offsets[i + 1]. */
  readonly offsets: Uint32Array
  readonly bytes: Uint8Array
  /** Of the same bytes, for copying words. */
  readonly view: DataView
  readonly #buffer: Buffer
  readonly #texts: (string | undefined)[]

  constructor(offsets: Uint32Array, bytes: Uint8Array) {
    this.count = offsets.length - 1
    this.offsets = offsets
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#texts = []
  }

  /** The entry's bytes, not copied: UTF-8 unless the value's type is bytes. */
  slice(index: number): Uint8Array {
    return this.bytes.subarray(this.offsets[index], this.offsets[index + 1])
  }

  text(index: number): string {
    const known = this.#texts[index]
    if (known !== undefined) return known
    const text = this.#buffer.toString('utf8', this.offsets[index], this.offsets[index + 1])
    this.#texts[index] = text
    return text
  }
}

/**
 * One value, lossless: an int is a bigint, bytes stay bytes (a view), null is an AnyValue with nothing set.
 */
export type CellValue = string | boolean | bigint | number | Uint8Array | null

/** Reads one entry. Shapes: array and kvlist come as their OTLP/JSON text. */
export function cellAt(columns: AttributeColumns, strings: StringTable, j: number): CellValue {
  switch (columns.types[j]) {
    case VALUE_TYPES.bool:
      return columns.words[2 * j] === 1
    case VALUE_TYPES.int:
      return columns.ints[j]!
    case VALUE_TYPES.double:
      return columns.doubles[j]!
    case VALUE_TYPES.bytes:
      return strings.slice(columns.words[2 * j]!)
    case VALUE_TYPES.empty:
      return null
    default:
      return strings.text(columns.words[2 * j]!)
  }
}
