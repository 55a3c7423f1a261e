// Columns to one block of ClickHouse's Native format, without an object per row.
//
//   varuint columns | varuint rows | per column: string name | string type | data
//   fixed width      rows x width bytes, little endian
//   String           per row: varuint length, bytes
//   Array(T)         rows x u64 end offsets, then T's data for all elements
//   Map(K, V)        as Array(Tuple(K, V)): end offsets, K's data, V's data
//   LowCardinality(String)   u64 version 1 | u64 flags | u64 keys | keys | u64 rows | 1, 2, 4 B indices
//
// The version of LowCardinality is a prefix of the column's data, before the offsets where it stands inside
// an Array or Map. Chosen by measurement over RowBinary and JSONEachRow: see bench numbers in
// docs/formats/tables.md. It is what the engine keeps in memory, so it parses nothing.
// Cast: `traces/` describes columns; a column's writer is called once and writes straight into the block's
// buffer.
// Source: ClickHouse docs, "Native format"; SerializationLowCardinality.cpp for the flags.

const ADDITIONAL_KEYS = 1n << 9n
const UPDATE_DICTIONARY = 1n << 10n

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength)

/** A growing byte buffer. */
export class BlockWriter {
  #bytes: Buffer
  #view: DataView
  #length = 0

  constructor(capacity = 1 << 16) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity)
    this.#view = viewOf(this.#bytes)
  }

  get length(): number {
    return this.#length
  }

  /** The bytes so far, not copied; valid until the next write. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Room for n bytes; returns where they begin. The caller writes into `buffer` at once. */
  reserve(n: number): number {
    const at = this.#length
    if (at + n > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, at + n))
      larger.set(this.#bytes.subarray(0, at))
      this.#bytes = larger
      this.#view = viewOf(larger)
    }
    this.#length = at + n
    return at
  }

  get buffer(): Buffer {
    return this.#bytes
  }

  raw(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length)
    this.#bytes.set(bytes, at)
  }

  u8(value: number): void {
    const at = this.reserve(1)
    this.#bytes[at] = value
  }

  u64(value: bigint): void {
    const at = this.reserve(8)
    this.#view.setBigUint64(at, value, true)
  }

  varuint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80)
      rest = Math.floor(rest / 128)
    }
    this.u8(rest)
  }

  string(bytes: Uint8Array): void {
    this.slice(bytes, 0, bytes.length)
  }

  /**
   * A String from part of a larger buffer: values are short, so no view is made for each and they are copied
   * by hand.
   */
  slice(bytes: Uint8Array, from: number, to: number): void {
    const n = to - from
    if (n >= 0x80) {
      this.varuint(n)
      this.raw(bytes.subarray(from, to))
      return
    }
    const at = this.reserve(n + 1)
    const buffer = this.#bytes
    buffer[at] = n
    for (let i = 0; i < n; i++) buffer[at + 1 + i] = bytes[from + i]!
  }

  /** The same where `bytes` is under `view`: words of 4 bytes, the last overlaps the one before. */
  sliceOf(view: DataView, bytes: Uint8Array, from: number, to: number): void {
    const n = to - from
    if (n < 4 || n >= 0x80) return this.slice(bytes, from, to)
    const at = this.reserve(n + 1)
    const target = this.#view
    target.setUint8(at, n)
    const last = n - 4
    for (let i = 0; i < last; i += 4) target.setInt32(at + 1 + i, view.getInt32(from + i, true), true)
    target.setInt32(at + 1 + last, view.getInt32(from + last, true), true)
  }

  /** One 64-bit value from two 32-bit words, low first. */
  words(words: Uint32Array, index: number): void {
    const at = this.reserve(8)
    this.#view.setUint32(at, words[index]!, true)
    this.#view.setUint32(at + 4, words[index + 1]!, true)
  }

  /** The memory of a typed array; every platform we run on is little endian. */
  memory(array: ArrayBufferView): void {
    this.raw(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
  }

  /** End offsets of an Array or Map column. starts: (rows + 1), not necessarily from 0. */
  ends(starts: Uint32Array): void {
    const rows = starts.length - 1
    const base = starts[0] ?? 0
    const at = this.reserve(rows * 8)
    // A span without links has six such columns.
    if (starts[rows] === base) return void this.#bytes.fill(0, at, at + rows * 8)
    const view = this.#view
    for (let i = 0; i < rows; i++) {
      view.setUint32(at + 8 * i, starts[i + 1]! - base, true)
      view.setUint32(at + 8 * i + 4, 0, true)
    }
  }

  /**
   * Data of LowCardinality(String) after its version prefix. Nothing at all for no rows, as the engine
   * expects.
   */
  lowCardinality(keys: readonly Uint8Array[], indices: Uint32Array): void {
    if (indices.length === 0) return
    const width = keys.length <= 0x100 ? 0 : keys.length <= 0x10000 ? 1 : 2
    this.u64(BigInt(width) | ADDITIONAL_KEYS | UPDATE_DICTIONARY)
    this.u64(BigInt(keys.length))
    for (const key of keys) this.string(key)
    this.u64(BigInt(indices.length))
    if (width === 0) this.raw(Uint8Array.from(indices))
    else if (width === 1) this.memory(Uint16Array.from(indices))
    else this.memory(indices)
  }

  /** The version prefix of LowCardinality: dictionaries shared within the block, with keys of its own. */
  lowCardinalityPrefix(): void {
    this.u64(1n)
  }
}

export type NativeColumn = {
  readonly name: string
  /** As in the table, or a type the engine converts to it. */
  readonly type: string
  readonly write: (writer: BlockWriter) => void
}

export type NativeBlock = {
  readonly rowCount: number
  readonly columns: readonly NativeColumn[]
  /** About how long it becomes: a buffer that doubles on its way there copies and touches memory twice. */
  readonly bytesGuess?: number
}

const ASCII = new TextEncoder()

/** Owns: the result is a view of a fresh buffer. Cost: O(bytes), one buffer that doubles. */
export function encodeNativeBlock(
  block: NativeBlock,
  capacity: number | undefined = block.bytesGuess,
): Uint8Array {
  const writer = new BlockWriter(capacity)
  writer.varuint(block.columns.length)
  writer.varuint(block.rowCount)
  for (const column of block.columns) {
    writer.string(ASCII.encode(column.name))
    writer.string(ASCII.encode(column.type))
    column.write(writer)
  }
  return writer.bytes()
}
