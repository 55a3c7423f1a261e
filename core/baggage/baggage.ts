// Baggage: an immutable, ordered list of atoms that travels with an execution, opaque to whoever carries it.
//
// The value is its encoding. Decoding walks the lengths and keeps the bytes; joining merges bytes; encoding
// hands them out; atoms are cut only for whoever asks. A process that carries what no tool reads never parses
// it.
//
//   BRANCH       branch()   the same value
//   JOIN         join()     lexicographic merge: commutative, associative, idempotent, absorbing
//   SERIALIZE    encode()   DESERIALIZE   decode()
//   TRIM         trim()     the first atoms that fit, then a marker (a zero-length atom)
//
// A value may have companions: objects of this process that go where it goes and join as a set (the agent's
// trail of ended spans). They are no part of the encoding, so they never leave the process.
//
// Owns: the bytes given to `decode` and those that `encode` hands out belong to the value; nobody may change
// them. Source: baggage contexts (EuroSys'18) sections 4.1-4.3, table 2; RATIONALE "Why is baggage opaque to
// carriers?".

import { assert, equalBytes } from '#base'
import { BaggageError } from './error.ts'
import {
  allocate,
  encodeAtoms,
  markerPosition,
  measure,
  mergeMany,
  mergeTwo,
  NO_BYTES,
  prefixEnd,
  sliceAtoms,
} from './wire.ts'
import { COMPANIONS_MAX, OWNED_COMPONENTS_MAX } from './limits.ts'

/**
 * A counter component that this process began. `newest` is its count in the newest value that holds it: only
 * a value that shows this very count may extend it, so two branches never extend the same component (see
 * types/counter.ts).
 */
export type OwnedComponent = { readonly id: Uint8Array; newest: bigint }

// For types/ and bdl/ only, set once by the class below: building a value with components it owns. Not part
// of the face.
export let ownedOf: (baggage: Baggage) => readonly OwnedComponent[] | undefined
/**
 * What a reader found out about the bytes of a value, for the write that often follows: that its bag stands
 * in [at, end) and holds nothing it does not know. Bytes never change, so it stays true; the last reader's is
 * kept.
 */
export let note: (baggage: Baggage, reader: object, at: number, end: number) => void
export let notedBy: (baggage: Baggage, reader: object) => boolean
export let notedAt: (baggage: Baggage) => number
export let notedEnd: (baggage: Baggage) => number
/** What became of `from` when it was written to. `bytes` must be a canonical encoding. */
export let rewritten: (
  from: Baggage,
  bytes: Uint8Array,
  owned: readonly OwnedComponent[] | undefined,
) => Baggage

// For whoever carries, not for applications: in the face, not in the public export.
export let companionsOf: (baggage: Baggage) => readonly object[]
/** In the place of those that are there. */
export let withCompanions: (baggage: Baggage, companions: readonly object[]) => Baggage
/**
 * The text that a carrier read or wrote these bytes as, for the next call that takes them along: the bytes
 * never change, and one request calls many.
 */
export let textOf: (baggage: Baggage) => string | undefined
/** `text` stands for exactly these bytes. */
export let keepText: (baggage: Baggage, text: string) => void
/**
 * What a meter of this process found out about these bytes, for its next look. A field from the start: one
 * put on later changes the shape, and V8 drops what it has compiled for all that touches baggage.
 */
export let markOf: (baggage: Baggage) => object | undefined
export let keepMark: (baggage: Baggage, mark: object) => void

const NONE: readonly object[] = Object.freeze([])

export class Baggage {
  static readonly empty: Baggage = new Baggage(NO_BYTES, undefined, NONE)

  readonly #bytes: Uint8Array
  /** Components this value may extend if they are still its newest; undefined for decoded values. */
  readonly #owned: readonly OwnedComponent[] | undefined
  readonly #companions: readonly object[]
  #atoms: readonly Uint8Array[] | undefined
  #reader: object | undefined
  #text: string | undefined
  #mark: object | undefined
  #at = 0
  #end = 0

  private constructor(
    bytes: Uint8Array,
    owned: readonly OwnedComponent[] | undefined,
    companions: readonly object[],
  ) {
    this.#bytes = bytes
    this.#owned = owned
    this.#companions = companions
    this.#atoms = undefined
    this.#reader = undefined
    this.#text = undefined
    this.#mark = undefined
  }

  /** The baggage of exactly these atoms, in this order. */
  static of(atoms: Iterable<Uint8Array>): Baggage {
    return Baggage.#make(encodeAtoms(atoms), undefined, NONE)
  }

  /**
   * Cost: one walk over the lengths; the bytes are kept. Errors: E_BAGGAGE_FORMAT when anything is cut, too
   * long or left over.
   */
  static decode(bytes: Uint8Array): Baggage {
    if (bytes.length === 0) return Baggage.empty
    const measured = measure(bytes)
    if (measured.damage !== undefined) {
      throw new BaggageError(
        'E_BAGGAGE_FORMAT',
        `baggage is damaged at byte ${measured.end} of ${bytes.length}: ${measured.damage}`,
      )
    }
    return Baggage.#fromWire(bytes, measured.end, measured.isCanonical)
  }

  /** The atoms before the first damage; never throws. */
  static decodeLenient(bytes: Uint8Array): Baggage {
    const measured = measure(bytes)
    return Baggage.#fromWire(bytes, measured.end, measured.isCanonical)
  }

  /** Lexicographic merge of any number; gives one of them itself when the others add nothing. */
  static join(...all: readonly Baggage[]): Baggage {
    let first: Baggage = Baggage.empty
    let others: Baggage[] | undefined
    for (const one of all) {
      if (one === Baggage.empty || one === first) continue
      if (first === Baggage.empty) first = one
      else (others ??= []).push(one)
    }
    if (others === undefined) return first
    const [second] = others
    if (others.length === 1 && second !== undefined) return first.join(second)
    const owned = others.reduce((sum, other) => joinOwned(sum, other.#owned), first.#owned)
    const companions = others.reduce(
      (sum, other) => joinCompanions(sum, other.#companions),
      first.#companions,
    )
    return Baggage.#make(mergeMany([first.#bytes, ...others.map((other) => other.#bytes)]), owned, companions)
  }

  static #make(
    bytes: Uint8Array,
    owned: readonly OwnedComponent[] | undefined,
    companions: readonly object[],
  ): Baggage {
    return bytes.length === 0 && companions.length === 0
      ? Baggage.empty
      : new Baggage(bytes, owned, companions)
  }

  /** A plain Uint8Array over exactly the good bytes, so that a Buffer given is not a Buffer handed out. */
  static #fromWire(bytes: Uint8Array, end: number, isCanonical: boolean): Baggage {
    if (end === 0) return Baggage.empty
    const isPlain = bytes.constructor === Uint8Array && end === bytes.length
    const plain = isPlain ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, end)
    // Equality and joins compare bytes, so a length in a longer form than needed is written anew.
    return new Baggage(isCanonical ? plain : encodeAtoms(sliceAtoms(plain)), undefined, NONE)
  }

  /** Views into the encoding; not to be changed. Cost: cut at the first call, then kept. */
  get atoms(): readonly Uint8Array[] {
    return (this.#atoms ??= Object.freeze(sliceAtoms(this.#bytes)))
  }

  /** Size of the encoding. */
  get byteLength(): number {
    return this.#bytes.length
  }

  /** Something was trimmed away: a marker is among the atoms. */
  get overflowed(): boolean {
    return markerPosition(this.#bytes) >= 0
  }

  join(other: Baggage): Baggage {
    if (other === this || other === Baggage.empty) return this
    if (this === Baggage.empty) return other
    const bytes = this.#bytes === other.#bytes ? this.#bytes : mergeTwo(this.#bytes, other.#bytes)
    const owned = this.#owned === other.#owned ? this.#owned : joinOwned(this.#owned, other.#owned)
    const companions = joinCompanions(this.#companions, other.#companions)
    if (bytes === this.#bytes && owned === this.#owned && companions === this.#companions) return this
    if (bytes === other.#bytes && owned === other.#owned && companions === other.#companions) return other
    return new Baggage(bytes, owned, companions)
  }

  /** The value for a new branch. Immutable, so it is this one: a branch that writes gets a new value. */
  branch(): Baggage {
    return this
  }

  /**
   * The longest run of atoms from the start that leaves room for the marker, then the marker; unchanged when
   * all fits. A limit of 0 still gives the marker (1 byte) if anything was lost: losing data silently is the
   * one thing not on offer.
   */
  trim(maxBytes: number): Baggage {
    assert(!Number.isNaN(maxBytes), 'the limit of trim is a number')
    if (this.#bytes.length <= maxBytes) return this
    const end = prefixEnd(this.#bytes, maxBytes - 1)
    const out = allocate(end + 1)
    out.set(this.#bytes.subarray(0, end))
    return new Baggage(out, this.#owned, this.#companions)
  }

  /** The byte form; not to be changed. Cost: none, it is the value itself. */
  encode(): Uint8Array {
    return this.#bytes
  }

  /** Of what is carried to others: companions do not count. */
  equals(other: Baggage): boolean {
    return equalBytes(this.#bytes, other.#bytes)
  }

  static {
    ownedOf = (baggage) => baggage.#owned
    note = (baggage, reader, at, end) => {
      baggage.#reader = reader
      baggage.#at = at
      baggage.#end = end
    }
    notedBy = (baggage, reader) => baggage.#reader === reader
    notedAt = (baggage) => baggage.#at
    notedEnd = (baggage) => baggage.#end
    rewritten = (from, bytes, owned) => Baggage.#make(bytes, owned, from.#companions)
    companionsOf = (baggage) => baggage.#companions
    withCompanions = (baggage, companions) => {
      const made = Baggage.#make(baggage.#bytes, baggage.#owned, companions)
      // Of the same bytes all that was found out stays true.
      if (made !== Baggage.empty) {
        made.#atoms = baggage.#atoms
        made.#text = baggage.#text
        made.#mark = baggage.#mark
        made.#reader = baggage.#reader
        made.#at = baggage.#at
        made.#end = baggage.#end
      }
      return made
    }
    textOf = (baggage) => baggage.#text
    keepText = (baggage, text) => {
      baggage.#text = text
    }
    markOf = (baggage) => baggage.#mark
    keepMark = (baggage, mark) => {
      baggage.#mark = mark
    }
  }
}

function joinOwned(
  a: readonly OwnedComponent[] | undefined,
  b: readonly OwnedComponent[] | undefined,
): readonly OwnedComponent[] | undefined {
  if (b === undefined || a === b) return a
  if (a === undefined) return b
  const added = b.filter((component) => !a.includes(component))
  if (added.length === 0) return a
  return [...a, ...added].slice(-OWNED_COMPONENTS_MAX)
}

/** One of the two itself where the other adds nothing. */
function joinCompanions(a: readonly object[], b: readonly object[]): readonly object[] {
  if (a === b || b.length === 0) return a
  if (a.length === 0) return b
  const added = b.filter((one) => !a.includes(one))
  if (added.length === 0) return a
  return added.length + a.length > b.length ? [...a, ...added].slice(-COMPANIONS_MAX) : b
}
