// Values as bytes, inside packed tuples.
//
//   00 null   01 false   02 true   03 varint n >= 0   04 varint -n-1   05 8 bytes, double, big endian
//   06 length UTF-8   07 count values ..   08 length, decimal digits (whole numbers beyond 2^53)
// Version 1. Lengths and counts are protobuf varints; see docs/formats/tuples.md.

import { assert, LEXVARINT_BYTES_MAX, writeLexUnsigned } from '#base'
import { LIST_LENGTH_MAX, TEXT_CHARS_MAX } from './limits.ts'
import { numeric, whole, type Value } from './values.ts'

const TAG = {
  null: 0,
  false: 1,
  true: 2,
  natural: 3,
  negative: 4,
  double: 5,
  text: 6,
  list: 7,
  digits: 8,
} as const
const DEPTH_MAX = 4

const utf8 = new TextEncoder()
const fromUtf8 = new TextDecoder('utf-8', { fatal: false })

/** One growing buffer; `take` copies out what was written and begins anew. */
export class ValueWriter {
  #bytes = new Uint8Array(256)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  get length(): number {
    return this.#length
  }

  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length)
    this.#length = 0
    return taken
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Whole, 0 <= value <= 2^53 - 1. */
  varint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'a varint holds a natural number')
    this.#reserve(8)
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 0x80
    this.#bytes[this.#length++] = rest
  }

  /** Whole; of two numbers the larger sorts first. */
  newestFirst(value: number): void {
    this.#reserve(LEXVARINT_BYTES_MAX)
    this.#length = writeLexUnsigned(this.#bytes, this.#length, value, 0xff)
  }

  value(value: Value): void {
    if (typeof value === 'string') return this.#text(TAG.text, value)
    if (typeof value === 'number') return this.#number(value)
    if (value === null) return this.#tag(TAG.null)
    if (typeof value === 'boolean') return this.#tag(value ? TAG.true : TAG.false)
    if (typeof value === 'bigint') return this.#text(TAG.digits, value.toString())
    this.#tag(TAG.list)
    this.varint(value.length)
    for (const one of value) this.value(one)
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value)) {
      this.#tag(value < 0 ? TAG.negative : TAG.natural)
      return this.varint(value < 0 ? -value - 1 : value)
    }
    this.#tag(TAG.double)
    this.#reserve(8)
    this.#view.setFloat64(this.#length, value)
    this.#length += 8
  }

  /** ASCII, which nearly all is, without a call into the runtime. */
  #text(tag: number, text: string): void {
    this.#tag(tag)
    this.#reserve(text.length + 4)
    const start = this.#length
    this.varint(text.length)
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) {
        this.#length = start
        const encoded = utf8.encode(text)
        this.varint(encoded.length)
        return this.bytes(encoded)
      }
      this.#bytes[this.#length++] = code
    }
  }

  #tag(tag: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = tag
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(2 * (this.#length + more))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Reads what a ValueWriter wrote; `isDamaged` once anything is cut or strange: all reads null then. */
export class ValueReader {
  readonly #bytes: Uint8Array
  #at: number
  isDamaged = false

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  varint(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : this.#damaged(0)
    }
    return this.#damaged(0)
  }

  value(depth = 0): Value {
    switch (this.#byte()) {
      case TAG.null:
        return null
      case TAG.false:
        return false
      case TAG.true:
        return true
      case TAG.natural:
        return this.varint()
      case TAG.negative:
        return -this.varint() - 1
      case TAG.double:
        return this.#double()
      case TAG.text:
        return fromUtf8.decode(this.#stretch(this.varint(), 4 * TEXT_CHARS_MAX))
      case TAG.digits:
        return this.#digits()
      case TAG.list:
        return depth < DEPTH_MAX ? this.#list(depth) : this.#damaged(null)
      default:
        return this.#damaged(null)
    }
  }

  #list(depth: number): Value {
    const count = this.varint()
    // Histogram states are the longest lists: two numbers a bucket.
    if (count > 8 * LIST_LENGTH_MAX) return this.#damaged(null)
    const list: Value[] = []
    for (let i = 0; i < count && !this.isDamaged; i++) list.push(this.value(depth + 1))
    return list
  }

  #double(): Value {
    const bytes = this.#stretch(8, 8)
    if (this.isDamaged) return null
    return numeric(new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0))
  }

  #digits(): Value {
    const digits = fromUtf8.decode(this.#stretch(this.varint(), 200))
    return /^-?\d+$/.test(digits) ? whole(BigInt(digits)) : this.#damaged(null)
  }

  #stretch(length: number, max: number): Uint8Array {
    const end = this.#at + length
    if (this.isDamaged || length > max || end > this.#bytes.length) return this.#damaged(new Uint8Array(0))
    const stretch = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return stretch
  }

  #byte(): number {
    return this.#at < this.#bytes.length ? this.#bytes[this.#at++] : this.#damaged(0)
  }

  #damaged<T>(instead: T): T {
    this.isDamaged = true
    this.#at = this.#bytes.length
    return instead
  }
}
