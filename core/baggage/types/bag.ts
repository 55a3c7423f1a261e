// A bag: fields by index, each below an indexed header. What the schema at hand does not know (fields of a newer version, data in
// odd places) is kept where it stands when the bag is written.

import { readLexUnsignedNumber } from '#base'
import { childrenOf, PAST_END, type Child, type Cursor, type Region } from '../cursor.ts'
import { headerBase, indexPayload } from '../header.ts'
import type { TreeWriter } from '../writer.ts'
import { copyUnreadable } from './unreadable.ts'
import { badValue, isRecord, ownMember, type FieldType } from './type.ts'

export type BagField = { readonly name: string; readonly index: number; readonly header: Uint8Array; readonly type: FieldType }
export type BagValue = { [name: string]: unknown }

export function bagField(name: string, index: number, type: FieldType): BagField {
  return { name, index, header: indexPayload(index), type }
}

export class BagNode implements FieldType<BagValue> {
  readonly name: string
  readonly unset = undefined
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
   * Nothing but headers and markers = not there (at the root the header alone says it is: `empty` then). A bag that holds only data
   * this schema does not know is there with nothing set, so that writing it back keeps that data.
   */
  read(cursor: Cursor, level: number): BagValue | undefined {
    const base = headerBase(level)
    const indexed = headerBase(level + 1)
    let value: BagValue | undefined
    while (cursor.first !== PAST_END && cursor.first < base) {
      const field = cursor.first === indexed ? this.#fieldAt(cursor.bytes, cursor.payload + 1, cursor.next) : undefined
      if (cursor.first >= 0 && cursor.first < 0x80) value ??= {}
      cursor.advance()
      if (field === undefined) continue
      const read = field.type.read(cursor, level + 1)
      if (read !== undefined) value = assign(value ?? {}, field.name, read)
    }
    if (value === undefined) return undefined
    for (const field of this.#defaulted) if (ownMember(value, field.name) === undefined) value[field.name] = field.type.unset
    return value
  }

  write(writer: TreeWriter, given: unknown, level: number, previous: Region | undefined, where: string): void {
    if (!isRecord(given)) throw badValue(where, `an object of ${this.name}`, given)
    if (previous === undefined || previous.start === previous.end) {
      for (const field of this.#fields) writeField(writer, { field, given, level: level + 1, previous: undefined, where })
      return
    }
    this.#writeOver(writer, given, level + 1, previous, where)
  }

  /** Ours and the unknown ones of before, in the order of their headers. */
  #writeOver(writer: TreeWriter, given: Readonly<Record<string, unknown>>, level: number, previous: Region, where: string): void {
    const { bytes } = previous
    const children = childrenOf(previous, headerBase(level))
    writer.copyAtoms({ bytes, start: previous.start, end: children[0]?.at ?? previous.end })
    const before = this.#sortOut(bytes, children, headerBase(level))
    let next = 0
    for (const field of this.#fields) {
      for (; next < before.unknown.length && before.unknown[next].index < field.index; next++) copyChild(writer, bytes, before.unknown[next])
      const child = before.known.get(field)
      writeField(writer, {
        field, given, level, where, previous: child === undefined ? undefined : { bytes, start: child.start, end: child.end },
      })
    }
    for (; next < before.unknown.length; next++) copyChild(writer, bytes, before.unknown[next])
  }

  /** Which child belongs to which field; the others with the index they sort by (keyed ones after all indexed). */
  #sortOut(bytes: Uint8Array, children: readonly Child[], indexed: number): SortedOut {
    const known = new Map<BagField, Child>()
    const unknown: (Child & { readonly index: number })[] = []
    for (const child of children) {
      const isIndexed = child.first === indexed
      const field = isIndexed ? this.#fieldAt(bytes, child.payload + 1, child.start) : undefined
      if (field === undefined)
        unknown.push({ ...child, index: isIndexed ? (readLexUnsignedNumber(bytes, child.payload + 1, child.start) ?? Infinity) : Infinity })
      else if (!known.has(field)) known.set(field, child)
    }
    unknown.sort((a, b) => (a.index === b.index ? 0 : a.index < b.index ? -1 : 1))
    return { known, unknown }
  }

  #fieldAt(bytes: Uint8Array, at: number, end: number): BagField | undefined {
    const index = readLexUnsignedNumber(bytes, at, end)
    return index === undefined ? undefined : this.#byIndex.get(index)
  }
}

type SortedOut = { readonly known: Map<BagField, Child>; readonly unknown: readonly (Child & { readonly index: number })[] }

function assign(value: BagValue, name: string, read: unknown): BagValue {
  value[name] = read
  return value
}

function copyChild(writer: TreeWriter, bytes: Uint8Array, child: Child): void {
  writer.copyAtoms({ bytes, start: child.at, end: child.end })
}

type FieldWrite = {
  readonly field: BagField
  readonly given: Readonly<Record<string, unknown>>
  readonly level: number
  readonly previous: Region | undefined
  readonly where: string
}

function writeField(writer: TreeWriter, { field, given, level, previous, where }: FieldWrite): void {
  const value = ownMember(given, field.name)
  const isUnset = value === undefined || value === null
  if (isUnset && previous === undefined) return
  const at = writer.length
  writer.header(level, 0, field.header)
  const contents = writer.length
  if (!isUnset) field.type.write(writer, value, level, previous, `${where}.${field.name}`)
  else if (previous !== undefined) copyUnreadable(writer, field.type, level, previous)
  if (writer.length === contents) writer.length = at
}
