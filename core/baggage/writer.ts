// Writes a tree as atoms, in the one order that merges: data first, then indexed children ascending, then
// keyed ones.
//
// A header is written first and taken back when nothing followed it: empty bags are not written. Values are
// written straight into an arena and handed out as views of it, so nothing is copied and nothing is allocated
// from the system for each value:
//
//   arena  [ value | value | value being written ....        ]       `base` = where the current one begins
//
// A stretch handed out is never written again; the arena goes when the last value in it goes. (See `allocate`
// in wire.ts.)

import type { Clock, Random } from '#base'
import { varintSize, writeLexUnsigned, writeVarint } from '#base'
import type { OwnedComponent } from './baggage.ts'
import { MARKER, Cursor, PAST_END, type Region } from './cursor.ts'
import { checkLevel, DATA, headerBase } from './header.ts'

/** What data types need from outside: wall time (first, last) and fresh ids (counters, clocks). */
export type Ports = { readonly clock: Pick<Clock, 'nowNs'>; readonly random: Pick<Random, 'fill'> }

/** 80 values of 100 bytes; what one long-lived value can hold back is at most this. */
const ARENA_BYTES = 8 * 1024
/** A new arena is begun where less is left: most values fit then without moving. */
const ROOM_BYTES = 512

/** V8's limit for typed arrays in its own heap (`allocate` in wire.ts has the numbers). */
const ON_HEAP_BYTES = 64

export class TreeWriter {
  readonly ports: Ports
  bytes = new Uint8Array(ARENA_BYTES)
  /** The same bytes, for whole words. */
  view = new DataView(this.bytes.buffer)
  #base = 0
  /** Where the next byte goes. */
  length = 0
  /** Components the value under change may extend; grows when a new one is begun. */
  owned: readonly OwnedComponent[] | undefined

  constructor(ports: Ports) {
    this.ports = ports
  }

  /** Begins a value; what was written of one that failed is forgotten. */
  begin(owned: readonly OwnedComponent[] | undefined): void {
    if (this.#base + ROOM_BYTES > this.bytes.length || this.bytes.length > ARENA_BYTES) {
      this.#base = 0
      this.#renew(ARENA_BYTES)
    }
    this.length = this.#base
    this.owned = owned
  }

  /** The value written since `begin`. */
  finish(): Uint8Array {
    const start = this.#base
    const size = this.length - start
    if (size <= ON_HEAP_BYTES) return copyOf(this.bytes, start, size)
    this.#base = this.length
    return new Uint8Array(this.bytes.buffer, start, size)
  }

  /** Makes room for `count` more bytes; whoever writes into `bytes` directly calls it first. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return
    // Positions stay what they are: callers remember where their atoms began.
    const before = this.bytes
    this.#renew(this.#base + 2 * (this.length - this.#base + count))
    this.bytes.set(before.subarray(this.#base, this.length), this.#base)
  }

  #renew(size: number): void {
    this.bytes = new Uint8Array(size)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Begins a data atom; give the result to `closeAtom`. */
  openData(): number {
    this.reserve(2)
    const at = this.length
    this.bytes[at + 1] = DATA
    this.length = at + 2
    return at
  }

  /**
   * Fills in the length of the atom begun at `at`; from 128 bytes on it needs more than the byte kept for it.
   */
  closeAtom(at: number): void {
    const size = this.length - at - 1
    if (size < 0x80) {
      this.bytes[at] = size
      return
    }
    const extra = varintSize(size) - 1
    this.reserve(extra)
    this.bytes.copyWithin(at + 1 + extra, at + 1, this.length)
    writeVarint(this.bytes, at, size)
    this.length += extra
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  lexUnsigned(value: number | bigint, flip = 0): void {
    this.reserve(9)
    this.length = writeLexUnsigned(this.bytes, this.length, value, flip)
  }

  raw(from: Uint8Array, start = 0, end = from.length): void {
    this.reserve(end - start)
    const bytes = this.bytes
    let at = this.length
    for (let i = start; i < end; i++) bytes[at++] = from[i]
    this.length = at
  }

  /** An atom with its length in front, made before. */
  atom(encoded: Uint8Array): void {
    this.raw(encoded, 0, encoded.length)
  }

  /** The header of a child. Errors: E_BAGGAGE_DEPTH. */
  header(level: number, type: number, payload: Uint8Array): void {
    checkLevel(level)
    const at = this.length
    this.byte(0)
    this.byte(headerBase(level) | type)
    this.raw(payload)
    this.closeAtom(at)
  }

  /**
   * Copies atoms as they are, but for trim markers: where they belong is known to whoever rewrites the whole
   * (`rewrite.ts`).
   */
  copyAtoms(region: Region): void {
    for (
      const cursor = new Cursor(region.bytes, region.start, region.end);
      cursor.first !== PAST_END;
      cursor.advance()
    )
      if (cursor.first !== MARKER) this.raw(region.bytes, cursor.at, cursor.next)
  }
}

/** Small arrays live in V8's own heap: cheaper than a view, and the arena is not used up. */
function copyOf(bytes: Uint8Array, start: number, size: number): Uint8Array {
  const out = new Uint8Array(size)
  for (let i = 0; i < size; i++) out[i] = bytes[start + i]
  return out
}
