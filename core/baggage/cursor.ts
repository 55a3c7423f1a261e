// Walks the atoms of an encoding and finds nodes of the tree in them, without making objects of atoms.
//
//   F802 | F000 | 00..EA | F001 | 00..37 | F805 | ...     node F802 of level 0: up to the next header >= F8
//          '---- node F000 of level 1 ---' ends at a header >= F0

import { payloadLength, payloadStart } from './wire.ts'

/** `first` when there is no first byte: past the end, or a trim marker. Neither ends a node. */
export const PAST_END = -1
export const MARKER = -2

/** A stretch of whole atoms in an encoding. */
export type Region = { readonly bytes: Uint8Array; readonly start: number; readonly end: number }

export class Cursor {
  readonly bytes: Uint8Array
  readonly end: number
  /** Where the atom begins with its length, its payload, and the next atom. */
  at = 0
  payload = 0
  next = 0
  /** First byte of the payload, PAST_END or MARKER. */
  first = PAST_END
  /** A trim marker was among the atoms so far. */
  sawMarker = false
  /** Headers come to so far, the one it stands on included. */
  headers = 0
  /** Set by reading a bag: nothing stands in it but the data atoms of fields that were read. */
  isPlain = false

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.end = end
    this.next = start
    this.advance()
  }

  /** Goes to the atom at `at`, passing what is in between unseen. */
  seek(at: number): void {
    this.next = at
    this.advance()
  }

  advance(): void {
    const at = this.next
    this.at = at
    if (at >= this.end) {
      this.first = PAST_END
      return
    }
    const length = payloadLength(this.bytes, at)
    const payload = length < 0x80 ? at + 1 : payloadStart(this.bytes, at)
    this.payload = payload
    this.next = payload + length
    if (length > 0) {
      this.first = this.bytes[payload]
      if (this.first >= 0x80) this.headers++
    } else {
      this.first = MARKER
      this.sawMarker = true
    }
  }

  /** The node with a header of the level with this base is behind. */
  hasLeft(base: number): boolean {
    return this.first === PAST_END || this.first >= base
  }

  /** Headers left behind so far. */
  get headersPassed(): number {
    return this.first >= 0x80 ? this.headers - 1 : this.headers
  }

  /** Moves to the first atom that does not belong to the node whose header is of the level with this base. */
  leave(base: number): void {
    while (this.first !== PAST_END && this.first < base) this.advance()
  }
}

/**
 * A node found: its header begins at `at`, its contents are [start, end). Not found: all three say where it
 * would stand. `hasMarkerBefore`: a trim marker stands in the region before `end`.
 */
export type Found = {
  readonly isFound: boolean
  readonly at: number
  readonly start: number
  readonly end: number
  readonly hasMarkerBefore: boolean
}

/** Moves to the first atom of the child with this header; false when there is none. */
export function enterChild(cursor: Cursor, header: Uint8Array, base: number): boolean {
  for (cursor.leave(base); cursor.first !== PAST_END; cursor.leave(base)) {
    const order = compareAtom(cursor, header)
    if (order > 0) return false
    cursor.advance()
    if (order === 0) return true
  }
  return false
}

/** Looks among the children at the level with `base` for the one with this header. */
export function findChild(region: Region, header: Uint8Array, base: number): Found {
  const cursor = new Cursor(region.bytes, region.start, region.end)
  for (cursor.leave(base); cursor.first !== PAST_END; cursor.leave(base)) {
    const order = compareAtom(cursor, header)
    if (order > 0) break
    const at = cursor.at
    cursor.advance()
    if (order < 0) continue
    const start = cursor.at
    cursor.leave(base)
    return { isFound: true, at, start, end: cursor.at, hasMarkerBefore: cursor.sawMarker }
  }
  return {
    isFound: false,
    at: cursor.at,
    start: cursor.at,
    end: cursor.at,
    hasMarkerBefore: cursor.sawMarker,
  }
}

function compareAtom(cursor: Cursor, header: Uint8Array): number {
  const { bytes, payload } = cursor
  const length = cursor.next - payload
  const shared = length < header.length ? length : header.length
  for (let i = 0; i < shared; i++) {
    const difference = bytes[payload + i] - header[i]
    if (difference !== 0) return difference
  }
  return length - header.length
}

/** A child with its header: [at, start) is the header atom, [start, end) what it holds. */
export type Child = {
  readonly at: number
  readonly payload: number
  readonly start: number
  readonly end: number
  readonly first: number
}

/**
 * The children of a region at the level with `base`, in order. What stands before the first one is the
 * region's own.
 */
export function childrenOf(region: Region, base: number): Child[] {
  const children: Child[] = []
  const cursor = new Cursor(region.bytes, region.start, region.end)
  for (cursor.leave(base); cursor.first !== PAST_END;) {
    const { at, payload, first } = cursor
    cursor.advance()
    const start = cursor.at
    cursor.leave(base)
    children.push({ at, payload, start, end: cursor.at, first })
  }
  return children
}

/** The first marker: where it stands, and the headers above it. undefined = nothing was trimmed. */
export function firstMarker(
  bytes: Uint8Array,
): { readonly at: number; readonly path: readonly Uint8Array[] } | undefined {
  const path: { readonly base: number; readonly header: Uint8Array }[] = []
  for (const cursor = new Cursor(bytes, 0, bytes.length); cursor.first !== PAST_END; cursor.advance()) {
    if (cursor.first === MARKER) return { at: cursor.at, path: path.map((step) => step.header) }
    if (cursor.first < 0x80) continue
    const base = cursor.first & 0xf8
    while (path.length > 0 && base >= path[path.length - 1].base) path.pop()
    path.push({ base, header: bytes.slice(cursor.payload, cursor.next) })
  }
  return undefined
}
