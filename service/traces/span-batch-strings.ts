// Interning byte strings while decoding: each distinct string is stored once, and no JavaScript string is
// made.
//
//   body bytes --hash, 4 bytes a step--> slot --compare, 4 bytes a step--> index of the entry
//
// The hash is seeded and a chain is cut after PROBES_MAX entries: then the string is stored again under a new
// index. Interning only saves space, so collisions made by an attacker cost space, never time.

import { isUtf8 } from 'node:buffer'
import { U32Column, U8Column } from './span-batch-columns.ts'

const PROBES_MAX = 24
const INITIAL_SLOTS = 4096
const KEPT_SLOTS_MAX = 1 << 20
/** Guesses are remembered by the low bits of the key before: batches have some dozens of keys. */
const SUCCESSORS_MASK = 1023
const ASCII_MASK = 0x80808080 | 0

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export class StringInterner {
  readonly #seed: number
  readonly #bytes = new U8Column()
  #blob = viewOf(this.#bytes.data)
  readonly #offsets = new U32Column()
  #hashes = new Int32Array(INITIAL_SLOTS)
  /** Entry index + 1; 0 = free. */
  #slots = new Int32Array(INITIAL_SLOTS)
  /** Entries made by internText, so their bytes are valid UTF-8. */
  readonly #successors = new Uint32Array(SUCCESSORS_MASK + 1)
  #source: Uint8Array = new Uint8Array(0)
  #view: DataView = viewOf(this.#source)

  /** `seed`: random per process. */
  constructor(seed: number) {
    this.#seed = seed | 0
    this.reset()
  }

  get count(): number {
    return this.#offsets.length - 1
  }

  /** Entry 0 is the empty string. */
  reset(): void {
    this.#bytes.reset()
    this.#blob = viewOf(this.#bytes.data)
    this.#offsets.reset()
    if (this.#hashes.length > KEPT_SLOTS_MAX) this.#hashes = new Int32Array(INITIAL_SLOTS)
    this.#successors.fill(0)
    if (this.#slots.length > KEPT_SLOTS_MAX) this.#slots = new Int32Array(INITIAL_SLOTS)
    else this.#slots.fill(0)
    this.#offsets.push(0)
    this.#append(0, 0, 0)
  }

  /** The body whose bytes the next calls name by position. */
  setSource(source: Uint8Array): void {
    this.#source = source
    this.#view = viewOf(source)
  }

  /** Index of source[from, to) as UTF-8; what is not valid is replaced by U+FFFD, as TextDecoder does. */
  internText(from: number, to: number): number {
    const length = to - from
    if (length < 4) return this.#internShort(from, to)
    const view = this.#view
    const last = to - 4
    let hash = this.#seed ^ length
    let bits = 0
    for (let at = from; at < last; at += 4) {
      const word = view.getInt32(at, true)
      bits |= word
      hash = Math.imul(hash ^ word, 0x9e3779b1)
      hash = (hash << 13) | (hash >>> 19)
    }
    const word = view.getInt32(last, true)
    if (((bits | word) & ASCII_MASK) !== 0) return this.#internWide(from, to)
    return this.#find(from, to, finishHash(hash, word))
  }

  /** Index of source[from, to), any bytes. */
  internBytes(from: number, to: number): number {
    if (from === to) return 0
    return this.#find(from, to, hashOf(this.#view, from, to, this.#seed))
  }

  #find(from: number, to: number, hash: number): number {
    const slots = this.#slots
    const hashes = this.#hashes
    const mask = slots.length - 1
    let slot = hash & mask
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const entry = slots[slot]! - 1
      if (entry < 0) break
      if (hashes[entry] === hash && this.#isEntry(entry, from, to)) return entry
      slot = (slot + 1) & mask
    }
    const index = this.#append(from, to, hash)
    if (slots[slot] === 0) slots[slot] = index + 1
    if (this.#offsets.length * 2 > slots.length) this.#grow()
    return index
  }

  #internShort(from: number, to: number): number {
    for (let at = from; at < to; at++) if (this.#source[at]! >= 0x80) return this.#internWide(from, to)
    return this.internBytes(from, to)
  }

  /** Index of bytes that do not stand in the source. */
  internOther(bytes: Uint8Array): number {
    const source = this.#source
    const view = this.#view
    this.setSource(bytes)
    const index = this.internBytes(0, bytes.length)
    this.#source = source
    this.#view = view
    return index
  }

  /**
   * internText for attribute keys, which follow each other in the same order in span after span: the key that
   * followed `before` last time is compared first, which saves hashing.
   */
  internKey(from: number, to: number, before: number): number {
    const guess = this.#successors[before & SUCCESSORS_MASK]!
    if (guess < this.count && this.#isEntry(guess, from, to)) return guess
    const index = this.internText(from, to)
    this.#successors[before & SUCCESSORS_MASK] = index
    return index
  }

  /** Views of this scratch, valid until reset. */
  view(): { offsets: Uint32Array; bytes: Uint8Array } {
    return { offsets: this.#offsets.view(), bytes: this.#bytes.view() }
  }

  #internWide(from: number, to: number): number {
    const bytes = this.#source.subarray(from, to)
    if (isUtf8(bytes)) return this.internBytes(from, to)
    return this.internOther(Buffer.from(Buffer.from(bytes).toString('utf8'), 'utf8'))
  }

  #isEntry(entry: number, from: number, to: number): boolean {
    const start = this.#offsets.data[entry]!
    const length = to - from
    if (this.#offsets.data[entry + 1]! - start !== length) return false
    const blob = this.#blob
    const view = this.#view
    if (length < 4) {
      for (let i = 0; i < length; i++) if (blob.getUint8(start + i) !== view.getUint8(from + i)) return false
      return true
    }
    for (let i = 0; i < length - 4; i += 4) {
      if (blob.getInt32(start + i, true) !== view.getInt32(from + i, true)) return false
    }
    return blob.getInt32(start + length - 4, true) === view.getInt32(to - 4, true)
  }

  #append(from: number, to: number, hash: number): number {
    const bytes = this.#bytes
    const length = to - from
    if (bytes.length + length > bytes.data.length) {
      bytes.reserve(length)
      this.#blob = viewOf(bytes.data)
    }
    if (length > 256 || length < 4) bytes.data.set(this.#source.subarray(from, to), bytes.length)
    else copyWords(this.#blob, bytes.length, this.#view, from, length)
    bytes.length += length
    this.#offsets.push(bytes.length)
    const index = this.#offsets.length - 2
    if (index === this.#hashes.length) {
      const grown = new Int32Array(index * 2)
      grown.set(this.#hashes)
      this.#hashes = grown
    }
    this.#hashes[index] = hash
    return index
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 4)
    const mask = slots.length - 1
    for (let entry = 1; entry < this.count; entry++) {
      let slot = this.#hashes[entry]! & mask
      for (let probe = 0; probe < PROBES_MAX && slots[slot] !== 0; probe++) slot = (slot + 1) & mask
      if (slots[slot] === 0) slots[slot] = entry + 1
    }
    this.#slots = slots
  }
}

/** Faster than set(subarray) up to some hundred bytes: no view is made. The last word overlaps. */
function copyWords(target: DataView, at: number, source: DataView, from: number, length: number): void {
  const last = length - 4
  for (let i = 0; i < last; i += 4) target.setInt32(at + i, source.getInt32(from + i, true), true)
  target.setInt32(at + last, source.getInt32(from + last, true), true)
}

/**
 * Multiply and rotate over words; the last word overlaps. Not cryptographic: see the header. internText has
 * it inlined.
 */
function hashOf(view: DataView, from: number, to: number, seed: number): number {
  let hash = seed ^ (to - from)
  if (to - from < 4) {
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x9e3779b1)
    return finishHash(hash, 0)
  }
  for (let at = from; at < to - 4; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1)
    hash = (hash << 13) | (hash >>> 19)
  }
  return finishHash(hash, view.getInt32(to - 4, true))
}

function finishHash(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85ebca6b)
  return Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) ^ (mixed >>> 12)
}
