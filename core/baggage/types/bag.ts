// A bag: fields by index, each below an indexed header. What the schema at hand does not know (fields of a
// newer version, data in odd places) is kept where it stands when the bag is written.

import { readLexUnsignedNumber } from '#base'
import { Cursor, PAST_END, type Region } from '../cursor.ts'
import { BaggageError } from '../error.ts'
import { DATA, headerAtom, headerBase, indexPayload } from '../header.ts'
import { encodeAtoms } from '../wire.ts'
import type { TreeWriter } from '../writer.ts'
import { putData } from './scalar-field.ts'
import { copyUnreadable } from './unreadable.ts'
import { badValue, isRecord, type FieldType, type ScalarType } from './type.ts'

export type BagField = {
  readonly name: string
  readonly index: number
  /** Payload of the header: the index. */
  readonly header: Uint8Array
  /** The header as an atom with its length, by level; made when first written there. */
  readonly atoms: Uint8Array[]
  /** The same with length and prefix of a data atom of fixed size behind it. */
  readonly openings: Uint8Array[]
  readonly type: FieldType
  /** Named like what every object inherits: only the value's own member counts. */
  readonly isInherited: boolean
}
export type BagValue = { [name: string]: unknown }

export function bagField(name: string, index: number, type: FieldType): BagField {
  return {
    name,
    index,
    header: indexPayload(index),
    atoms: [],
    openings: [],
    type,
    isInherited: name in Object.prototype,
  }
}

export class BagNode implements FieldType<BagValue> {
  readonly name: string
  readonly unset = undefined
  readonly isPlain = false
  #fields: readonly BagField[] = []
  /** Fields that read as something when nothing is there: taint, counter. */
  #defaulted: readonly BagField[] = []
  readonly #byIndex = new Map<number, BagField>()

  constructor(name: string) {
    this.name = name
  }

  /** Once, after all types are made: bags may refer to each other in any order, and to themselves. */
  define(fields: readonly BagField[]): void {
    this.#fields = [...fields].sort((a, b) => a.index - b.index)
    this.#defaulted = this.#fields.filter((field) => field.type.unset !== undefined)
    for (const field of fields) this.#byIndex.set(field.index, field)
  }

  get fields(): readonly BagField[] {
    return this.#fields
  }

  field(name: string): BagField | undefined {
    return this.#fields.find((field) => field.name === name)
  }

  /** A value in which nothing is set. */
  empty(): BagValue {
    const value: BagValue = {}
    for (const field of this.#defaulted) value[field.name] = field.type.unset
    return value
  }

  /**
   * Nothing but headers and markers = not there (at the root the header alone says it is: `empty` then). A
   * bag that holds only data this schema does not know is there with nothing set, so that writing it back
   * keeps that data.
   */
  read(cursor: Cursor, level: number): BagValue | undefined {
    const value = this.#readLone(cursor, level) ?? this.#readAny(cursor, level)
    if (value === undefined) return undefined
    for (const field of this.#defaulted)
      if (memberOf(value, field) === undefined) value[field.name] = field.type.unset
    return value
  }

  /**
   * The usual bag, all one-byte indices in order with one short data atom each, by plain arithmetic (80 of
   * 200 ns less for four fields). Anything else: undefined, and the cursor stands where it stood.
   *
   *   02 F0 index | length 00 payload | 02 F0 index | ..
   */
  #readLone(cursor: Cursor, level: number): BagValue | undefined {
    const { bytes, end } = cursor
    const indexed = headerBase(level + 1)
    let value: BagValue | undefined
    let position = 0
    let at = cursor.at
    while (at < end && bytes[at] === 2 && bytes[at + 1] === indexed) {
      const index = bytes[at + 2]
      while (position < this.#fields.length && this.#fields[position].index < index) position++
      if (position === this.#fields.length || this.#fields[position].index !== index) return undefined
      const field = this.#fields[position++]
      const next = loneEnd(bytes, at + 3, end)
      if (next < 0 || field.type.lone?.endOf(bytes, at + 5, next) !== next) return undefined
      value = assign(value ?? {}, field.name, field.type.lone.take(bytes, at + 5, next))
      at = next
    }
    if (at < end && !endsBag(bytes, at, headerBase(level))) return undefined
    cursor.seek(at)
    cursor.isPlain = !cursor.sawMarker
    return value
  }

  #readAny(cursor: Cursor, level: number): BagValue | undefined {
    const base = headerBase(level)
    const indexed = headerBase(level + 1)
    const fields = this.#fields
    const headersBefore = cursor.headersPassed
    let position = 0
    let fieldsRead = 0
    let isPlain = true
    let value: BagValue | undefined
    while (cursor.first !== PAST_END && cursor.first < base) {
      const index = cursor.first === indexed ? (readIndex(cursor) ?? -1) : -1
      while (position < fields.length && fields[position].index < index) position++
      const field = index < 0 ? undefined : this.#fieldFrom(position, index)
      if (cursor.first >= 0 && cursor.first < 0x80) {
        value ??= {}
        isPlain = false
      }
      cursor.advance()
      if (field === undefined) continue
      fieldsRead++
      isPlain &&= field.type.isPlain
      const read = readField(field.type, cursor, level + 1)
      if (read !== undefined) value = assign(value ?? {}, field.name, read)
    }
    cursor.isPlain = isPlain && !cursor.sawMarker && cursor.headersPassed - headersBefore === fieldsRead
    return value
  }

  write(
    writer: TreeWriter,
    given: unknown,
    level: number,
    previous: Region | undefined,
    where: string,
  ): void {
    if (!isRecord(given)) throw badValue(where, `an object of ${this.name}`, given)
    try {
      if (previous !== undefined && previous.start < previous.end)
        this.#writeOver(writer, given, level + 1, previous)
      else for (const field of this.#fields) writeField(writer, field, given, level + 1, undefined)
    } catch (error: unknown) {
      // The place is put together here, on the way out: building it on the way in would cost every write.
      throw error instanceof BaggageError
        ? new BaggageError(error.code, `${where}.${error.message}`, { cause: error.cause })
        : error
    }
  }

  /** Ours and the unknown ones of before, in the order of their headers. */
  #writeOver(
    writer: TreeWriter,
    given: Readonly<Record<string, unknown>>,
    level: number,
    previous: Region,
  ): void {
    const { bytes } = previous
    const base = headerBase(level)
    const cursor = new Cursor(bytes, previous.start, previous.end)
    cursor.leave(base)
    if (cursor.at > previous.start) writer.copyAtoms({ bytes, start: previous.start, end: cursor.at })
    let here = indexAt(cursor, base)
    for (const field of this.#fields) {
      if (here < field.index) here = this.#copyUnknown(writer, cursor, base, field.index)
      const child = here === field.index ? childAt(cursor, base, field.type.isPlain) : undefined
      if (here === field.index) here = indexAt(cursor, base)
      writeField(writer, field, given, level, child)
    }
    while (cursor.first !== PAST_END) this.#copyUnknown(writer, cursor, base, Infinity)
  }

  /**
   * Passes the children with an index below `limit`, copying those that are none of ours; gives the index
   * after.
   */
  #copyUnknown(writer: TreeWriter, cursor: Cursor, base: number, limit: number): number {
    let here = indexAt(cursor, base)
    do {
      const start = cursor.at
      cursor.advance()
      cursor.leave(base)
      // One of ours here stands out of order or twice: what we write takes its place.
      if (!this.#byIndex.has(here)) writer.copyAtoms({ bytes: cursor.bytes, start, end: cursor.at })
      here = indexAt(cursor, base)
    } while (here < limit)
    return here
  }

  /** Fields stand in order, as a rule; the look-up by index (10 ns) is for those that do not. */
  #fieldFrom(position: number, index: number): BagField | undefined {
    const next = position < this.#fields.length ? this.#fields[position] : undefined
    return next?.index === index ? next : this.#byIndex.get(index)
  }
}

/** Nearly every index is one byte. */
function readIndex({ bytes, payload, next }: Cursor): number | undefined {
  const first = bytes[payload + 1]
  return next === payload + 2 && first < 0x80 ? first : readLexUnsignedNumber(bytes, payload + 1, next)
}

/**
 * The index of the child whose header the cursor is on; keyed and other children sort behind all indexed
 * ones.
 */
function indexAt(cursor: Cursor, indexed: number): number {
  return cursor.first === indexed ? (readIndex(cursor) ?? Infinity) : Infinity
}

/**
 * Steps over the child and gives its contents; undefined for a plain one that holds no more than its one data
 * atom.
 */
function childAt(cursor: Cursor, base: number, isPlain: boolean): Region | undefined {
  cursor.advance()
  const start = cursor.at
  if (isPlain && cursor.first === DATA) {
    cursor.advance()
    if (cursor.hasLeft(base)) return undefined
  }
  cursor.leave(base)
  return { bytes: cursor.bytes, start, end: cursor.at }
}

function memberOf(value: Readonly<Record<string, unknown>>, field: BagField): unknown {
  return field.isInherited && !Object.hasOwn(value, field.name) ? undefined : value[field.name]
}

/** A short header of the bag's own level or a lower one stands here. */
function endsBag(bytes: Uint8Array, at: number, base: number): boolean {
  return bytes[at] !== 0 && bytes[at] < 0x80 && bytes[at + 1] >= base
}

/** End of the short data atom at `at` when a header or the end of the bytes follows it; else -1. */
function loneEnd(bytes: Uint8Array, at: number, end: number): number {
  const next = at + 1 + bytes[at]
  if (bytes[at] === 0 || bytes[at] >= 0x80 || bytes[at + 1] !== DATA) return -1
  if (next === end) return next
  return bytes[next] !== 0 && bytes[next] < 0x80 && bytes[next + 1] >= 0x80 ? next : -1
}

/**
 * A scalar's one good atom is nearly all there ever is below a field, so it is read here (12 of 40 ns less a
 * field).
 */
function readField(type: FieldType, cursor: Cursor, level: number): unknown {
  const { scalar } = type
  if (scalar === undefined || cursor.first !== DATA) return type.read(cursor, level)
  const { bytes, payload, next } = cursor
  if (scalar.endOf(bytes, payload + 1, next) !== next) return type.read(cursor, level)
  const value = scalar.take(bytes, payload + 1, next)
  cursor.advance()
  cursor.leave(headerBase(level))
  return value
}

function assign(value: BagValue, name: string, read: unknown): BagValue {
  value[name] = read
  return value
}

function headerOf(field: BagField, level: number): Uint8Array {
  return (field.atoms[level] ??= encodeAtoms([headerAtom(level, 0, field.header)]))
}

function putScalar(
  writer: TreeWriter,
  field: BagField,
  scalar: ScalarType,
  level: number,
  value: unknown,
): void {
  const checked = scalar.check(value, field.name)
  if (scalar.size === undefined) {
    writer.atom(headerOf(field, level))
    putData(writer, scalar, checked)
    return
  }
  // Of a fixed size: all but the value itself is the same every time.
  const size = scalar.size
  writer.atom((field.openings[level] ??= Uint8Array.of(...headerOf(field, level), 1 + size, DATA)))
  scalar.put(writer, checked)
}

type Given = Readonly<Record<string, unknown>>

function writeField(
  writer: TreeWriter,
  field: BagField,
  given: Given,
  level: number,
  previous: Region | undefined,
): void {
  const value = memberOf(given, field)
  const isUnset = value === undefined || value === null
  if (previous === undefined) {
    if (isUnset) return
    if (field.type.scalar !== undefined) {
      putScalar(writer, field, field.type.scalar, level, value)
      return
    }
  }
  const at = writer.length
  writer.atom(headerOf(field, level))
  const contents = writer.length
  if (!isUnset) field.type.write(writer, value, level, previous, field.name)
  else if (previous !== undefined) copyUnreadable(writer, field.type, level, previous)
  if (writer.length === contents) writer.length = at
}
