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

import type { BagType, Baggage } from '#baggage'
import { readLexUnsignedNumber, lexUnsignedSize, toHex, writeLexUnsigned } from '#base'
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
 * Versions of the components that this process began. Forgetting one costs a new component, never a tuple;
 * the older half is forgotten at once.
 */
export class TupleOwners {
  #newest = new Map<string, number>()
  #older = new Map<string, number>()

  isNewest(id: string, version: number): boolean {
    return (this.#newest.get(id) ?? this.#older.get(id)) === version
  }

  moveOn(id: string, version: number): void {
    this.#newest.set(id, version)
    if (this.#newest.size < OWNED_TUPLES_MAX / 2) return
    this.#older = this.#newest
    this.#newest = new Map()
  }
}

export type PackPorts = { readonly owners: TupleOwners; fresh(): Uint8Array }

/** All tuples that happened before this point. Damaged elements are passed over. */
export function unpackTuples(
  baggage: Baggage,
  { bag, field, keep }: TupleField,
  width: number,
): readonly Tuple[] {
  const elements = elementsOf(bag.read(baggage)?.[field])
  if (keep !== undefined)
    return stamped(elements)
      .slice(0, keep.count)
      .flatMap((element) => groupsOf(element, STAMP_BYTES, width) ?? [])
  return newestOf(elements).flatMap(({ element, at }) => groupsOf(element, at, width) ?? [])
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
  const held = field.bag.read(baggage) ?? {}
  const elements = elementsOf(held[field.field])
  const packed =
    field.keep === undefined
      ? packAll(elements, tuples, shape, ports)
      : packKept(stamped(elements), tuples, field.keep, ports.stamp())
  if (packed.reduce((sum, element) => sum + element.length + 2, 0) > TUPLE_BYTES_MAX) return undefined
  return field.bag.write(baggage, { ...held, [field.field]: new Set(packed) })
}

const WRITER = new ValueWriter()

function packAll(
  elements: readonly Uint8Array[],
  tuples: readonly Tuple[],
  shape: TupleShape,
  { owners, fresh }: PackPorts,
): readonly Uint8Array[] {
  const newest = newestOf(elements)
  const own = newest.findIndex(({ id, version }) => owners.isNewest(id, version))
  const others = newest.filter((_, i) => i !== own).map(({ element }) => element)
  const width = shape.columns + shape.parts.length
  const mine = own < 0 ? undefined : newest[own]
  const before = mine === undefined ? [] : (groupsOf(mine.element, mine.at, width) ?? [])
  const id = mine === undefined ? fresh() : mine.element.subarray(0, ID_BYTES)
  const version = (mine?.version ?? 0) + 1
  owners.moveOn(toHex(id), version)
  WRITER.bytes(id)
  const digits = new Uint8Array(9)
  WRITER.bytes(digits.subarray(0, writeLexUnsigned(digits, 0, version, 0xff)))
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

/** The clock of another host may run ahead of ours; what we can see happened before us. */
function movedOn(stamp: Uint8Array, elements: readonly Uint8Array[], keep: Keep): Uint8Array {
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

type Component = {
  readonly element: Uint8Array
  readonly id: string
  readonly version: number
  readonly at: number
}

/** Elements come in the order of their bytes: the newest of an id stands first. */
function newestOf(elements: readonly Uint8Array[]): readonly Component[] {
  const components: Component[] = []
  for (const element of elements) {
    const end = ID_BYTES + lexUnsignedSize(element[ID_BYTES] ^ 0xff)
    const version = readLexUnsignedNumber(element, ID_BYTES, end, 0xff)
    if (version === undefined || element.length < end) continue
    const id = toHex(element.subarray(0, ID_BYTES))
    if (components.at(-1)?.id !== id) components.push({ element, id, version, at: end })
  }
  return components
}

/** undefined when anything of the element is damaged. */
function groupsOf(element: Uint8Array, at: number, width: number): readonly Tuple[] | undefined {
  const reader = new ValueReader(element, at)
  const tuples: Tuple[] = []
  while (!reader.isAtEnd && !reader.isDamaged) {
    const weight = reader.varint()
    const values = Array.from({ length: width }, () => reader.value())
    tuples.push({ values, weight })
  }
  return reader.isDamaged ? undefined : tuples
}

const stamped = (elements: readonly Uint8Array[]): readonly Uint8Array[] =>
  elements.filter((element) => element.length >= STAMP_BYTES)

/** Too short for an id or a stamp = damaged. */
function elementsOf(set: unknown): readonly Uint8Array[] {
  if (!(set instanceof Set)) return []
  return [...set].filter((element) => element instanceof Uint8Array && element.length > ID_BYTES)
}
