// map<K, V>: a keyed header for each key, V one level below. Merging unites the keys and merges each value as its type does.
// A key whose value was trimmed away is not reported: there is nothing to report but `overflowed`.

import { compareBytes, toHex } from '#base'
import { childrenOf, PAST_END, type Region } from '../cursor.ts'
import { headerBase, KEYED } from '../header.ts'
import type { TreeWriter } from '../writer.ts'
import { payloadOf } from './set.ts'
import { badValue, isRecord, type FieldType, type ScalarType } from './type.ts'

export type MapField = FieldType<Map<unknown, unknown>> & { readonly key: ScalarType; readonly value: FieldType }

export function mapField(key: ScalarType, value: FieldType): MapField {
  return {
    name: `map<${key.name}, ${value.name}>`,
    unset: undefined,
    key,
    value,
    read(cursor, level) {
      const base = headerBase(level)
      const keyed = headerBase(level + 1) | KEYED
      let entries: Map<unknown, unknown> | undefined
      while (cursor.first !== PAST_END && cursor.first < base) {
        const { bytes, first, payload, next } = cursor
        cursor.advance()
        if (first !== keyed || key.endOf(bytes, payload + 1, next) !== next) continue
        const entry = value.read(cursor, level + 1)
        if (entry !== undefined) (entries ??= new Map()).set(key.take(bytes, payload + 1, next), entry)
      }
      return entries
    },
    write(writer, given, level, previous, where) {
      const before = previous === undefined ? undefined : splitPrevious(previous, level + 1)
      if (before !== undefined) writer.copyAtoms(before.own)
      const entries = entriesOf(given, where).map(([k, v]): [Uint8Array, unknown] => [
        payloadOf(writer, key, key.check(k, `${where} key`)), v,
      ])
      entries.sort((a, b) => compareBytes(a[0], b[0]))
      for (const [payload, entry] of entries)
        writeEntry(writer, { value, level: level + 1, payload, previous: before?.byKey.get(toHex(payload)), where }, entry)
    },
  }
}

/** A Map, or an object for string keys. */
function entriesOf(given: unknown, where: string): [unknown, unknown][] {
  if (given instanceof Map) return [...given]
  if (!isRecord(given) || Array.isArray(given) || given instanceof Set) throw badValue(where, 'a Map or an object', given)
  return Object.entries(given)
}

type Entry = {
  readonly value: FieldType
  readonly level: number
  readonly payload: Uint8Array
  readonly previous: Region | undefined
  readonly where: string
}

function writeEntry(writer: TreeWriter, entry: Entry, given: unknown): void {
  const at = writer.length
  writer.header(entry.level, KEYED, entry.payload)
  const contents = writer.length
  entry.value.write(writer, given, entry.level, entry.previous, `${entry.where} value`)
  if (writer.length === contents) writer.length = at
}

/** What stood there: data and indexed children that no map of ours holds (`own`), and the contents of each key. */
function splitPrevious(previous: Region, level: number): { readonly own: Region; readonly byKey: Map<string, Region> } {
  const base = headerBase(level)
  const { bytes } = previous
  const byKey = new Map<string, Region>()
  let ownEnd: number | undefined
  for (const child of childrenOf(previous, base)) {
    if (child.first !== (base | KEYED)) continue
    ownEnd ??= child.at
    byKey.set(toHex(bytes.subarray(child.payload + 1, child.start)), { bytes, start: child.start, end: child.end })
  }
  return { own: { bytes, start: previous.start, end: ownEnd ?? previous.end }, byKey }
}
