// The byte form of a list of atoms, and the merge, worked directly on it: joining and forwarding never make
// an object an atom.
//
//   +--------+-----------------+--------+-----------------+--
//   | varint | atom            | varint | atom            | ..      a trim marker (no payload) is one byte 00
//   +--------+-----------------+--------+-----------------+--
//
// Whoever calls the functions below `measure` passes bytes that `measure` has accepted: lengths are canonical
// and in bounds. Source: baggage contexts (EuroSys'18) section 4 and figure 3.

import { readVarint, varintSize, writeVarint } from '#base'
import { BAGGAGE_BYTES_MAX } from './limits.ts'

export const NO_BYTES = new Uint8Array(0)

/**
 * New bytes for an encoding. V8 keeps arrays up to 64 bytes in its own heap (24 ns); beyond that each one is
 * a call into the system's allocator (330 ns, more than a whole join). So middle sizes are cut from a slab,
 * each stretch once and never again: the slab goes when the last value in it goes. Nothing else is shared; an
 * encoding may thus be a view into a larger buffer, never to be transferred.
 */
export function allocate(length: number): Uint8Array {
  if (length <= SLAB_FROM_BYTES || length > SLAB_UP_TO_BYTES) return new Uint8Array(length)
  if (slabUsed + length > slab.length) {
    slab = new Uint8Array(SLAB_BYTES)
    slabUsed = 0
  }
  const start = slabUsed
  slabUsed += length
  return new Uint8Array(slab.buffer, start, length)
}

const SLAB_FROM_BYTES = 64
const SLAB_UP_TO_BYTES = 1024
/** 40 values of 200 bytes. What one long-lived value can hold back is at most this. */
const SLAB_BYTES = 8 * 1024
let slab = NO_BYTES
let slabUsed = 0

/**
 * What `measure` found: the end of the last whole atom, why it stopped there, and whether every length was in
 * shortest form.
 */
export type Measured = {
  readonly end: number
  readonly damage: string | undefined
  readonly isCanonical: boolean
}

/** Walks the lengths; touches no payload. */
export function measure(bytes: Uint8Array): Measured {
  const end = Math.min(bytes.length, BAGGAGE_BYTES_MAX)
  let at = 0
  let isCanonical = true
  while (at < end) {
    const first = bytes[at]
    let next = at + 1 + first
    if (first >= 0x80) {
      const length = readVarint(bytes, at, end)
      if (length === undefined) return { end: at, damage: 'an atom length is no varint', isCanonical }
      if (length.end - at !== varintSize(length.value)) isCanonical = false
      next = length.end + length.value
    }
    if (next > end)
      return { end: at, damage: `an atom of which ${next - end} bytes are missing`, isCanonical }
    at = next
  }
  if (bytes.length > BAGGAGE_BYTES_MAX)
    return { end, damage: `more than ${BAGGAGE_BYTES_MAX} bytes`, isCanonical }
  return { end, damage: undefined, isCanonical }
}

/** Where the payload of the atom at `at` begins. */
export function payloadStart(bytes: Uint8Array, at: number): number {
  while (bytes[at] >= 0x80) at++
  return at + 1
}

/** Length of the payload of the atom at `at`. */
export function payloadLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]
  return first < 0x80 ? first : longLength(bytes, at)
}

function longLength(bytes: Uint8Array, at: number): number {
  let length = 0
  let shift = 0
  let byte = 0x80
  while (byte >= 0x80) {
    byte = bytes[at++]
    length |= (byte & 0x7f) << shift
    shift += 7
  }
  return length
}

/** The payload of every atom, as views. */
export function sliceAtoms(bytes: Uint8Array): Uint8Array[] {
  const atoms: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const start = payloadStart(bytes, at)
    at = start + payloadLength(bytes, at)
    atoms.push(bytes.subarray(start, at))
  }
  return atoms
}

/** Atoms in order, each behind its length. */
export function encodeAtoms(atoms: Iterable<Uint8Array>): Uint8Array {
  const list = [...atoms]
  const out = allocate(list.reduce((sum, atom) => sum + varintSize(atom.length) + atom.length, 0))
  let at = 0
  for (const atom of list) {
    at = writeVarint(out, at, atom.length)
    out.set(atom, at)
    at += atom.length
  }
  return out
}

/** Position of the first zero-length atom, or -1. */
export function markerPosition(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] === 0) return at
    at = payloadStart(bytes, at) + payloadLength(bytes, at)
  }
  return -1
}

/** End of the longest run of whole atoms from the start that takes at most `limit` bytes. */
export function prefixEnd(bytes: Uint8Array, limit: number): number {
  let at = 0
  while (at < bytes.length) {
    const next = payloadStart(bytes, at) + payloadLength(bytes, at)
    if (next > limit) break
    at = next
  }
  return at
}

/** < 0, 0, > 0: the order of two atoms given by position; unsigned, a prefix sorts first. */
function compareAtoms(a: Uint8Array, atA: number, b: Uint8Array, atB: number): number {
  const lengthA = payloadLength(a, atA)
  const lengthB = payloadLength(b, atB)
  const startA = payloadStart(a, atA)
  const startB = payloadStart(b, atB)
  const shared = lengthA < lengthB ? lengthA : lengthB
  for (let i = 0; i < shared; i++) {
    const difference = a[startA + i] - b[startB + i]
    if (difference !== 0) return difference
  }
  return lengthA - lengthB
}

/**
 * The lexicographic merge of two encodings: emit the smaller head; equal heads are emitted once. Gives `a` or
 * `b` itself whenever the result is the same bytes, so a join that learns nothing allocates nothing.
 *
 * The output is written only from the point where it differs from both inputs: until then it is a prefix of
 * one of them.
 */
export function mergeTwo(a: Uint8Array, b: Uint8Array): Uint8Array {
  let atA = 0
  let atB = 0
  let isPrefixOfA = true
  let isPrefixOfB = true
  while (atA < a.length && atB < b.length) {
    const order = compareAtoms(a, atA, b, atB)
    if (order < 0) {
      if (!isPrefixOfA) return mergeRest(a, atA, b, atB, b)
      isPrefixOfB = false
    } else if (order > 0) {
      if (!isPrefixOfB) return mergeRest(a, atA, b, atB, a)
      isPrefixOfA = false
    }
    if (order <= 0) atA = payloadStart(a, atA) + payloadLength(a, atA)
    if (order >= 0) atB = payloadStart(b, atB) + payloadLength(b, atB)
  }
  // One side is used up: what is left of the other follows.
  if (atB === b.length && isPrefixOfA) return a
  if (atA === a.length && isPrefixOfB) return b
  return mergeRest(a, atA, b, atB, isPrefixOfA ? a : b)
}

/**
 * Goes on from (atA, atB) with real output; what was merged so far is the part already passed of `written` (a
 * or b).
 */
function mergeRest(a: Uint8Array, atA: number, b: Uint8Array, atB: number, written: Uint8Array): Uint8Array {
  let at = written === a ? atA : atB
  const out = allocate(at + a.length - atA + b.length - atB)
  copy(written, 0, at, out, 0)
  while (atA < a.length && atB < b.length) {
    const order = compareAtoms(a, atA, b, atB)
    const nextA = order <= 0 ? payloadStart(a, atA) + payloadLength(a, atA) : atA
    const nextB = order >= 0 ? payloadStart(b, atB) + payloadLength(b, atB) : atB
    at = order <= 0 ? copy(a, atA, nextA, out, at) : copy(b, atB, nextB, out, at)
    atA = nextA
    atB = nextB
  }
  at = copy(a, atA, a.length, out, at)
  at = copy(b, atB, b.length, out, at)
  return at === out.length ? out : out.subarray(0, at)
}

/**
 * The same for any number: take the least head over all lists, emit it once, advance every list whose head
 * equals it. Cost: O(lists x atoms) comparisons, one output.
 */
export function mergeMany(lists: readonly Uint8Array[]): Uint8Array {
  const positions = lists.map(() => 0)
  const out = allocate(lists.reduce((sum, list) => sum + list.length, 0))
  let at = 0
  for (let least = leastHead(lists, positions); least >= 0; least = leastHead(lists, positions)) {
    const from = lists[least]
    const start = positions[least]
    const end = payloadStart(from, start) + payloadLength(from, start)
    at = copy(from, start, end, out, at)
    for (let i = 0; i < lists.length; i++) {
      const list = lists[i]
      const head = positions[i]
      if (head < list.length && compareAtoms(list, head, from, start) === 0) positions[i] = head + end - start
    }
  }
  return at === out.length ? out : out.subarray(0, at)
}

function leastHead(lists: readonly Uint8Array[], positions: readonly number[]): number {
  let least = -1
  for (let i = 0; i < lists.length; i++) {
    const list = lists[i]
    const head = positions[i]
    if (head >= list.length) continue
    if (least < 0 || compareAtoms(list, head, lists[least], positions[least]) < 0) least = i
  }
  return least
}

/**
 * Copies from[start, end) to `at`; gives the position after. A loop beats set(subarray()) below about 100
 * bytes.
 */
export function copy(from: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  if (end - start > 100) {
    out.set(from.subarray(start, end), at)
    return at + end - start
  }
  while (start < end) out[at++] = from[start++]
  return at
}
