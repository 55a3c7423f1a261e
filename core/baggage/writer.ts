// Writes a tree as atoms, in the one order that merges: data first, then indexed children ascending, then keyed ones.
//
// A header is written first and taken back when nothing followed it: empty bags are not written. One writer is used again for
// every value of a schema; `take` hands out a copy.

import type { Clock, Random } from '#base'
import { varintSize, writeLexUnsigned, writeVarint } from '#base'
import type { OwnedComponent } from './baggage.ts'
import { MARKER, Cursor, PAST_END, type Region } from './cursor.ts'
import { checkLevel, DATA, headerBase } from './header.ts'

/** What data types need from outside: wall time (first, last) and fresh ids (counters, clocks). */
export type Ports = { readonly clock: Pick<Clock, 'nowNs'>; readonly random: Pick<Random, 'fill'> }

const START_BYTES = 512
/** A larger buffer is given back after use, so that one huge value does not stay. */
const KEPT_BYTES_MAX = 64 * 1024

export class TreeWriter {
  readonly ports: Ports
  bytes = new Uint8Array(START_BYTES)
  length = 0
  /** Components the value under change may extend; grows when a new one is begun. */
  owned: readonly OwnedComponent[] | undefined

  constructor(ports: Ports) {
    this.ports = ports
  }

  /** Ready for another value. */
  reset(owned: readonly OwnedComponent[] | undefined): void {
    if (this.bytes.length > KEPT_BYTES_MAX) this.bytes = new Uint8Array(START_BYTES)
    this.length = 0
    this.owned = owned
  }

  /** Makes room for `count` more bytes; whoever writes into `bytes` directly calls it first. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return
    const larger = new Uint8Array(2 * (this.length + count))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }

  /** Begins a data atom; give the result to `closeAtom`. */
  openData(): number {
    this.reserve(2)
    const at = this.length
    this.bytes[at + 1] = DATA
    this.length = at + 2
    return at
  }

  /** Fills in the length of the atom begun at `at`; from 128 bytes on it needs more than the byte kept for it. */
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

  /** The header of a child. Errors: E_BAGGAGE_DEPTH. */
  header(level: number, type: number, payload: Uint8Array): void {
    checkLevel(level)
    const at = this.length
    this.byte(0)
    this.byte(headerBase(level) | type)
    this.raw(payload)
    this.closeAtom(at)
  }

  /** Copies atoms as they are, but for trim markers: where they belong is known to whoever rewrites the whole (`rewrite.ts`). */
  copyAtoms(region: Region): void {
    for (const cursor = new Cursor(region.bytes, region.start, region.end); cursor.first !== PAST_END; cursor.advance())
      if (cursor.first !== MARKER) this.raw(region.bytes, cursor.at, cursor.next)
  }

  /** prefix + what was written + suffix, as bytes of their own. */
  splice(bytes: Uint8Array, prefixEnd: number, suffixStart: number): Uint8Array {
    const suffixLength = bytes.length - suffixStart
    const out = new Uint8Array(prefixEnd + this.length + suffixLength)
    let at = 0
    for (let i = 0; i < prefixEnd; i++) out[at++] = bytes[i]
    for (let i = 0; i < this.length; i++) out[at++] = this.bytes[i]
    for (let i = suffixStart; i < bytes.length; i++) out[at++] = bytes[i]
    return out
  }
}
