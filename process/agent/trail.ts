// The trail: spans that ended before this point, as a set of span ids in baggage (X-Trace's parents). It
// joins where executions join, so a span that begins after `await Promise.all([a(), b()])` finds both in it
// and links to them.
//
//     a ───────┐                begin(c): trail {x, a, b}
//   x ─┤       ├─ await ── c       x is left out: a began after x, and a is in the trail itself (`covers`)
//     b ───┘                       what is or happened before an ancestor of c is left out: parenthood
//                                  says it already
//                               end(c): trail := {c}, for c's end is after all that was in it
//
// In bytes it is a bag of the last id there is, so that it is nobody's else and stands behind all others:
//
//   other bags | 06 F8 F0 7F FF FF FF | 02 F0 00 | 09 00 <span id> | 09 00 <span id> | ..
//
// It is read and, where it is alone, written by hand: it is touched twice a span. It never leaves the
// process: outside, parent ids and links tell all of it. Bounded: TRAIL_MAX ids, TRAIL_HISTORY_MAX remembered
// spans (older ones simply count as covering nothing).
// Source: X-Trace (NSDI'07), bag layout of the Tracing Plane's X-Trace; transitive reduction after Aho,
// Garey, Ullman 1972.

import { Baggage, loadBdl, type BagType } from '#baggage'
import { concatBytes, readVarint } from '#base'
import { TRAIL_BAG } from './bags.ts'
import { TRAIL_HISTORY_MAX, TRAIL_MAX } from './limits.ts'
import { Span, type SpanLink } from './span.ts'

export type TrailValue = { spans: Set<bigint> }

/** What is kept of a span that ended, or answered, until another takes its place. */
type Past = {
  readonly traceId: string
  readonly spanId: string
  readonly covers: readonly string[]
  answeredMs: number | undefined
}

const HEADER = Uint8Array.of(6, 0xf8, 0xf0, 0x7f, 0xff, 0xff, 0xff, 2, 0xf0, 0)
const ATOM_BYTES = 10
const ANCESTORS_MAX = 32

/** Owned by one agent. */
export class Trail {
  /**
   * A place for each ending of a span id. Ours end in a scrambled counter, so so many in a row never
   * take each other's; and nothing is hashed, which in a Map costs more than all else.
   */
  readonly #past: (Past | undefined)[] = Array.from({ length: TRAIL_HISTORY_MAX })
  #bag: BagType<TrailValue> | undefined

  /**
   * A span begins: links to what it joins, and the baggage without what is implied by others (the same
   * object when nothing is). Also notes on the span what happened before it.
   */
  begin(baggage: Baggage, span: Span): Baggage {
    const ids = readTrail(baggage)
    if (ids.length === 0) return baggage
    const live = this.#reduce(ids)
    const before = live.filter((id) => !isBeforeAncestor(span, id))
    span.happenedBefore = before
    span.links = before.length === 0 ? undefined : before.map((id) => this.#link(span, id))
    return live.length === ids.length ? baggage : this.write(baggage, live)
  }

  /** A span ended here: it alone is the trail from now on. */
  end(baggage: Baggage, span: Span): Baggage {
    this.#remember(span, [...span.happenedBefore, ...readTrail(baggage).filter((id) => id !== span.spanId)])
    return this.write(baggage, [span.spanId])
  }

  /** A span answered (response headers): who gets this baggage from the wire may go on because of it. */
  answered(returned: Baggage, span: Span): Baggage {
    this.#remember(span, span.happenedBefore)
    return withoutTrail(returned).join(encodeTrail([span.spanId]))
  }

  /** It ended, after it had answered or not: those who know its answer already need not be told again. */
  endedElsewhere(returned: Baggage, span: Span): Baggage {
    const past = this.#find(span.spanId)
    if (past === undefined) return this.answered(returned, span)
    past.answeredMs = undefined
    return returned
  }

  /** Drops what other members of the set imply; for sets that grow at joins without a span beginning. */
  tidy(baggage: Baggage): Baggage {
    const ids = readTrail(baggage)
    if (ids.length < 2) return baggage
    const live = this.#reduce(ids)
    return live.length === ids.length ? baggage : this.write(baggage, live)
  }

  /**
   * Replaces the trail. Cost: 0.3 us where it is the only bag or was not there; else a rewrite, which keeps
   * counters' ownership.
   */
  write(baggage: Baggage, ids: readonly string[]): Baggage {
    const bytes = baggage.encode()
    const at = positionOf(bytes)
    if (at < 0) return baggage.join(encodeTrail(ids))
    if (at === 0 && endOfTrail(bytes, at) === bytes.length) return encodeTrail(ids)
    const bag = (this.#bag ??= trailBag())
    if (ids.length === 0) return bag.drop(baggage)
    return bag.write(baggage, { spans: new Set(ids.map((id) => BigInt(`0x${id}`))) })
  }

  #reduce(ids: readonly string[]): readonly string[] {
    if (ids.length === 1) return ids
    const implied = new Set(ids.flatMap((id) => this.#find(id)?.covers ?? []))
    const live = ids.filter((id) => !implied.has(id))
    return live.length > TRAIL_MAX ? live.slice(-TRAIL_MAX) : live
  }

  #link(span: Span, spanId: string): SpanLink {
    const past = this.#find(spanId)
    return { traceId: past?.traceId ?? span.traceId, spanId, edge: 'join', edgeFromMs: past?.answeredMs }
  }

  #find(spanId: string): Past | undefined {
    const past = this.#past[placeOf(spanId)]
    return past?.spanId === spanId ? past : undefined
  }

  #remember(span: Span, covers: readonly string[]): void {
    const answeredMs = span.isEnded || span.answeredMs < 0 ? undefined : span.answeredMs
    const { traceId, spanId } = span
    this.#past[placeOf(spanId)] = { traceId, spanId, covers, answeredMs }
  }
}

/** The last three digits. */
function placeOf(spanId: string): number {
  return (
    (nibble(spanId.charCodeAt(13)) << 8) |
    (nibble(spanId.charCodeAt(14)) << 4) |
    nibble(spanId.charCodeAt(15))
  )
}

function trailBag(): BagType<TrailValue> {
  const { Trail: bag } = loadBdl(`bag Trail = ${TRAIL_BAG} { set<fixed64> spans = 0; }`)
  if (bag === undefined) throw new Error('the schema of the trail declares Trail')
  return bag
}

/** Is `id` an ancestor of span, or did it happen before one began? */
function isBeforeAncestor(span: Span, id: string): boolean {
  let above = span.parent
  for (let depth = 0; above !== undefined && depth < ANCESTORS_MAX; depth += 1) {
    if (above.spanId === id) return true
    if (!(above instanceof Span)) return false
    if (above.happenedBefore.includes(id)) return true
    above = above.parent
  }
  return false
}

/** Where the trail begins, or -1. Cost: a step for each atom of other bags: few or none. */
function positionOf(bytes: Uint8Array): number {
  for (let at = 0; at + HEADER.length + ATOM_BYTES <= bytes.length; at = nextAtom(bytes, at))
    if (bytes[at] === 6 && startsTrail(bytes, at)) return at
  return -1
}

function startsTrail(bytes: Uint8Array, at: number): boolean {
  for (let i = 1; i < HEADER.length; i += 1) if (bytes[at + i] !== HEADER[i]) return false
  return true
}

function nextAtom(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0
  if (first < 0x80) return at + 1 + first
  const length = readVarint(bytes, at)
  return length === undefined ? bytes.length : length.end + length.value
}

function endOfTrail(bytes: Uint8Array, at: number): number {
  let end = at + HEADER.length
  while (bytes[end] === ATOM_BYTES - 1 && bytes[end + 1] === 0 && end + ATOM_BYTES <= bytes.length)
    end += ATOM_BYTES
  return end
}

/**
 * For baggage that goes to the wire or came from it: such baggage owns no counters, so cutting the bytes
 * loses nothing.
 * Cost: a view, no copy; a copy where something strange stands behind.
 */
export function withoutTrail(baggage: Baggage): Baggage {
  const bytes = baggage.encode()
  const at = positionOf(bytes)
  if (at < 0) return baggage
  const before = bytes.subarray(0, at)
  const end = endOfTrail(bytes, at)
  return Baggage.decodeLenient(end === bytes.length ? before : concatBytes(before, bytes.subarray(end)))
}

/** Ids in hex, in the order of their bytes. */
export function readTrail(baggage: Baggage): readonly string[] {
  const bytes = baggage.encode()
  const start = positionOf(bytes)
  if (start < 0) return []
  const ids: string[] = []
  for (let at = start + HEADER.length, end = endOfTrail(bytes, start); at < end; at += ATOM_BYTES)
    ids.push(hexAt(bytes, at + 2))
  return ids
}

function encodeTrail(ids: readonly string[]): Baggage {
  if (ids.length === 0) return Baggage.empty
  const bytes = new Uint8Array(HEADER.length + ids.length * ATOM_BYTES)
  for (let i = 0; i < HEADER.length; i += 1) bytes[i] = HEADER[i] ?? 0
  let at = HEADER.length
  for (const id of ids.length === 1 ? ids : [...ids].sort()) {
    bytes[at] = ATOM_BYTES - 1
    for (let digit = 0; digit < 16; digit += 2) {
      bytes[at + 2 + (digit >> 1)] = (nibble(id.charCodeAt(digit)) << 4) | nibble(id.charCodeAt(digit + 1))
    }
    at += ATOM_BYTES
  }
  return Baggage.decode(bytes)
}

/** '0'..'9' are 48..57, 'a'..'f' 97..102: the low four bits, plus nine for letters. */
export const nibble = (code: number): number => (code & 15) + (code > 57 ? 9 : 0)

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function hexAt(bytes: Uint8Array, at: number): string {
  let text = ''
  for (let i = at; i < at + 8; i += 1) text += HEX[bytes[i] ?? 0]
  return text
}
