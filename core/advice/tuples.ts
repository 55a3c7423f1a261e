// Tuples that ride with an execution, in a `set<bytes>` field of the query's bag. A process that knows
// nothing of queries joins them as any set: by union. So an element says by itself what it replaces.
//
//   all      | component id, 8 | ~version | group ..        of each id the newest (= first) element counts
//   first    |  stamp, 16 bytes           | group ..        the first N elements count
//   recent   | ~stamp, 16 bytes           | group ..        the same, the latest first
//   group    = weight, columns, parts                       equal tuples are one group of larger weight
//
// OWNERSHIP BY VALUE (as for counters): a component is extended only by the process that began it, and only
// out of a value that shows its newest version. Of two branches that hold the same value the first to pack
// extends it, the other sees an old version and begins a component of its own. So what one branch packs no
// sibling sees, equal tuples of two siblings stay two, a tuple that comes through both arms of a diamond
// stays one, and a loop of a thousand packs is one component.
//
// A stamp is unique to an event and grows with causality: joins of branches are cut to N again on reading.
// Source: Pivot Tracing section 5 (there: versioned instances under interval tree clocks).

import { Baggage, type BagType } from '#baggage'
import { lexUnsignedSize, readLexUnsignedNumber, varintSize, writeVarint } from '#base'
import type { AggregateName, Keep } from '#protocol'
import { AGGREGATES } from './aggregates.ts'
import { OWNED_TUPLES_MAX, TUPLE_BYTES_MAX } from './limits.ts'
import { ValueReader, ValueWriter } from './value-bytes.ts'
import { canonicalKey, type Value } from './values.ts'

/** `values`: columns, then the states of the parts. `weight`: how many equal tuples this stands for. */
export type Tuple = { readonly values: readonly Value[]; readonly weight: number }

/** Where a join's tuples stand. */
export type TupleField = { readonly bag: BagType; readonly field: string; readonly keep: Keep | undefined }

/** How tuples of a field are made. */
export type TupleShape = { readonly columns: number; readonly parts: readonly AggregateName[] }

const ID_BYTES = 8
export const STAMP_BYTES = 16

/**
 * Versions of the components that this process began, in a table of fixed size: a newer component takes the
 * place of an older one. Forgetting costs a new component, never a tuple. (A Map of as many entries cost 2 us
 * a pack, for its growth and garbage.)
 */
export class TupleOwners {
  readonly #high = new Uint32Array(OWNED_TUPLES_MAX)
  readonly #low = new Uint32Array(OWNED_TUPLES_MAX)
  readonly #versions = new Uint32Array(OWNED_TUPLES_MAX)

  /** `id`: its eight bytes begin the element. */
  isNewest(id: Uint8Array, version: number): boolean {
    const high = wordAt(id, 0)
    const low = wordAt(id, 4)
    const place = (high ^ low) & (OWNED_TUPLES_MAX - 1)
    return this.#high[place] === high && this.#low[place] === low && this.#versions[place] === version
  }

  moveOn(id: Uint8Array, version: number): void {
    const high = wordAt(id, 0)
    const low = wordAt(id, 4)
    const place = (high ^ low) & (OWNED_TUPLES_MAX - 1)
    this.#high[place] = high
    this.#low[place] = low
    this.#versions[place] = version
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0
}

export type PackPorts = {
  readonly owners: TupleOwners
  fresh(): Uint8Array
  /** Of one field; TUPLE_BYTES_MAX where it rides with a request. */
  readonly tupleBytesMax?: number
}

/**
 * All tuples that happened before a point. Owned by one advice: what the last element said is kept, for
 * requests differ in their stamps and ids, and hardly in what was packed behind those.
 */
export class TupleReader {
  readonly #field: TupleField
  readonly #width: number
  #said = new Uint8Array(0)
  #tuples: readonly Tuple[] = []

  /** `width`: of a tuple, columns and parts. */
  constructor(field: TupleField, width: number) {
    this.#field = field
    this.#width = width
  }

  /** Damaged elements are passed over. */
  read(baggage: Baggage): readonly Tuple[] {
    const { keep } = this.#field
    const elements = elementsOf(baggage, this.#field)
    if (keep === undefined) return this.#all(newestOf(elements))
    return this.#all(
      stamped(elements)
        .slice(0, keep.count)
        .map((element) => ({ element, at: STAMP_BYTES })),
    )
  }

  #all(parts: readonly Groups[]): readonly Tuple[] {
    return parts.length === 1 ? this.#groups(parts[0]) : parts.flatMap((part) => this.#groups(part))
  }

  #groups({ element, at }: Groups): readonly Tuple[] {
    if (!endsIn(element, at, this.#said)) {
      this.#said = element.slice(at)
      this.#tuples = groupsOf(element, at, this.#width) ?? []
    }
    return this.#tuples
  }
}

/** Groups stand in this element from here on. */
type Groups = { readonly element: Uint8Array; readonly at: number }

function endsIn(element: Uint8Array, at: number, bytes: Uint8Array): boolean {
  if (element.length - at !== bytes.length) return false
  for (let i = 0; i < bytes.length; i++) if (element[at + i] !== bytes[i]) return false
  return true
}

/**
 * The baggage with these tuples; undefined when they have no room. `stamp`: of the event, 16 bytes, for a
 * field that keeps some.
 */
export function packTuples(
  baggage: Baggage,
  field: TupleField,
  tuples: readonly Tuple[],
  shape: TupleShape,
  ports: PackPorts & { stamp(): Uint8Array },
): Baggage | undefined {
  if (tuples.length === 0) return baggage
  const held = field.bag.read(baggage)
  if (held === undefined) return packFirst(baggage, field, tuples, shape, ports)
  const bytesMax = ports.tupleBytesMax ?? TUPLE_BYTES_MAX
  const elements = elementsOf(baggage, field)
  if (field.keep !== undefined && isSettled(elements, field.keep)) return baggage
  const packed =
    field.keep === undefined
      ? packAll(elements, tuples, shape, ports)
      : packKept(stamped(elements), tuples, field.keep, ports.stamp())
  if (packed.reduce((sum, element) => sum + element.length + 2, 0) > bytesMax) return undefined
  return field.bag.write(baggage, { ...held, [field.field]: new Set(packed) })
}

/**
 * Nothing of the query rides yet, which is so at most packs: the element is written behind the headers of its
 * bag and field, and joined (3.3 -> 1 us).
 */
function packFirst(
  baggage: Baggage,
  field: TupleField,
  tuples: readonly Tuple[],
  shape: TupleShape,
  ports: PackPorts & { stamp(): Uint8Array },
): Baggage | undefined {
  const [element] =
    field.keep === undefined
      ? packAll([], tuples, shape, ports)
      : packKept([], tuples, field.keep, ports.stamp())
  if (element.length + 2 > (ports.tupleBytesMax ?? TUPLE_BYTES_MAX)) return undefined
  return baggage.join(Baggage.decode(atomsOf(headersOf(field), element)))
}

/** The encoded headers of bag and field: what stands before the data atom of a lone element. */
function headersOf(field: TupleField): Uint8Array {
  const known = HEADERS.get(field)
  if (known !== undefined) return known
  const lone = field.bag.write(Baggage.empty, { [field.field]: new Set([Uint8Array.of(0)]) }).encode()
  const headers = lone.slice(0, -LONE_ATOM_BYTES)
  HEADERS.set(field, headers)
  return headers
}

/** Of an element of one byte: length, prefix, element. */
const LONE_ATOM_BYTES = 3
const DATA = 0
const HEADERS = new WeakMap<TupleField, Uint8Array>()

/** Headers, then one data atom: its length, the prefix of data, the element. */
function atomsOf(headers: Uint8Array, element: Uint8Array): Uint8Array {
  const length = element.length + 1
  const atoms = new Uint8Array(headers.length + varintSize(length) + length)
  atoms.set(headers)
  const at = writeVarint(atoms, headers.length, length)
  atoms[at] = DATA
  atoms.set(element, at + 1)
  return atoms
}

const WRITER = new ValueWriter()

function packAll(
  elements: readonly Uint8Array[],
  tuples: readonly Tuple[],
  shape: TupleShape,
  { owners, fresh }: PackPorts,
): readonly Uint8Array[] {
  const newest = newestOf(elements)
  const own = newest.findIndex(({ element, version }) => owners.isNewest(element, version))
  const others = newest.filter((_, i) => i !== own).map(({ element }) => element)
  const width = shape.columns + shape.parts.length
  const mine = own < 0 ? undefined : newest[own]
  const before = mine === undefined ? [] : (groupsOf(mine.element, mine.at, width) ?? [])
  const id = mine === undefined ? fresh() : mine.element.subarray(0, ID_BYTES)
  const version = (mine?.version ?? 0) + 1
  owners.moveOn(id, version)
  WRITER.bytes(id)
  WRITER.newestFirst(version)
  writeGroups(fold([...before, ...tuples], shape))
  return [...others, WRITER.take()]
}

function packKept(
  elements: readonly Uint8Array[],
  tuples: readonly Tuple[],
  keep: Keep,
  stamp: Uint8Array,
): readonly Uint8Array[] {
  WRITER.bytes(orderOf(movedOn(stamp, elements, keep), keep))
  writeGroups(tuples)
  const added = WRITER.take()
  const at = elements.findIndex((element) => isBefore(added, element))
  const all = at < 0 ? [...elements, added] : elements.toSpliced(at, 0, added)
  return all.slice(0, keep.count)
}

/** Is what a pack into this field adds none of those that are kept, whatever it is? */
export function isFull(baggage: Baggage, field: TupleField): boolean {
  return field.keep !== undefined && isSettled(elementsOf(baggage, field), field.keep)
}

/** The first N are there, as in all services but the first: what is packed behind them is none of them. */
function isSettled(elements: readonly Uint8Array[], { which, count }: Keep): boolean {
  return which === 'first' && stamped(elements).length >= count
}

/** The clock of another host may run ahead of ours; what we can see happened before us. */
function movedOn(stamp: Uint8Array, elements: readonly Uint8Array[], keep: Keep): Uint8Array {
  if (elements.length === 0) return stamp
  const latest = elements.reduce((sum, element) => {
    const time = timeOf(orderOf(element, keep))
    return time > sum ? time : sum
  }, 0n)
  if (timeOf(stamp) > latest) return stamp
  const moved = stamp.slice()
  viewOf(moved).setBigUint64(0, latest + 1n)
  return moved
}

/** Bytes that sort the way the field keeps: the latest first for `recent`. */
function orderOf(stamp: Uint8Array, { which }: Keep): Uint8Array {
  const plain = stamp.subarray(0, STAMP_BYTES)
  return which === 'first' ? plain : plain.map((byte) => byte ^ 0xff)
}

const timeOf = (stamp: Uint8Array): bigint => viewOf(stamp).getBigUint64(0)
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** By the stamp alone: two events never share one. */
function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < STAMP_BYTES; i++) if (a[i] !== b[i]) return a[i] < b[i]
  return false
}

function writeGroups(tuples: readonly Tuple[]): void {
  for (const { values, weight } of tuples) {
    WRITER.varint(weight)
    for (const value of values) WRITER.value(value)
  }
}

/** Equal columns become one tuple: weights add up, parts are merged. */
function fold(tuples: readonly Tuple[], { columns, parts }: TupleShape): readonly Tuple[] {
  if (tuples.length === 1) return tuples
  const groups = new Map<string, Tuple>()
  for (const tuple of tuples) {
    const key = canonicalKey(tuple.values.slice(0, columns))
    const held = groups.get(key)
    groups.set(key, held === undefined ? tuple : merged(held, tuple, columns, parts))
  }
  return [...groups.values()]
}

function merged(a: Tuple, b: Tuple, columns: number, parts: readonly AggregateName[]): Tuple {
  const values = a.values.map((value, i) =>
    i < columns ? value : AGGREGATES[parts[i - columns]].merge(value, b.values[i], 1),
  )
  return { values, weight: a.weight + b.weight }
}

type Component = Groups & { readonly version: number }

/** Elements come in the order of their bytes: the newest of an id stands first. */
function newestOf(elements: readonly Uint8Array[]): readonly Component[] {
  const components: Component[] = []
  for (const element of elements) {
    const end = ID_BYTES + lexUnsignedSize(element[ID_BYTES] ^ 0xff)
    const version = readLexUnsignedNumber(element, ID_BYTES, end, 0xff)
    if (version === undefined || element.length < end) continue
    const before = components.at(-1)
    if (before === undefined || !hasSameId(before.element, element))
      components.push({ element, version, at: end })
  }
  return components
}

function hasSameId(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < ID_BYTES; i++) if (a[i] !== b[i]) return false
  return true
}

/** undefined when anything of the element is damaged. */
function groupsOf(element: Uint8Array, at: number, width: number): readonly Tuple[] | undefined {
  const reader = new ValueReader(element, at)
  const tuples: Tuple[] = []
  while (!reader.isAtEnd && !reader.isDamaged) {
    const weight = reader.varint()
    const values: Value[] = []
    for (let i = 0; i < width; i++) values.push(reader.value())
    tuples.push({ values, weight })
  }
  return reader.isDamaged ? undefined : tuples
}

const stamped = (elements: readonly Uint8Array[]): readonly Uint8Array[] =>
  elements.filter((element) => element.length >= STAMP_BYTES)

/** Too short for an id or a stamp = damaged. */
const elementsOf = (baggage: Baggage, { bag, field }: TupleField): readonly Uint8Array[] =>
  bag.elements(baggage, field).filter((element) => element.length > ID_BYTES)
