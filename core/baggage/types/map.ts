// map<K, V>: a keyed header for each key, V one level below. Merging unites the keys and merges each value as
// its type does. A key whose value was trimmed away is not reported: there is nothing to report but
// `overflowed`.

import { compareBytes, toHex } from '#base'
import { childrenOf, PAST_END, type Region } from '../cursor.ts'
import { headerBase, KEYED } from '../header.ts'
import type { TreeWriter } from '../writer.ts'
import { payloadOf } from './set.ts'
import { copyUnreadable } from './unreadable.ts'
import { badValue, isRecord, type FieldType, type ScalarType } from './type.ts'

export type MapField = FieldType<Map<unknown, unknown>> & {
  readonly key: ScalarType
  readonly value: FieldType
}

export function mapField(key: ScalarType, value: FieldType): MapField {
  return {
    name: `map<${key.name}, ${value.name}>`,
    unset: undefined,
    isPlain: false,
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
    write(writer, newValue, level, previous, where) {
      const before = previous === undefined ? undefined : splitPrevious(previous, level + 1)
      if (before !== undefined) writer.copyAtoms(before.own)
      const entries = entriesOf(newValue, where).map(([k, v]): [Uint8Array, unknown] => [
        payloadOf(writer, key, key.check(k, `${where} key`)),
        v,
      ])
      const given = new Map(entries.map(([payload, entry]) => [toHex(payload), { payload, entry }]))
      for (const [id, { payload }] of before?.byKey ?? [])
        if (!given.has(id)) given.set(id, { payload, entry: undefined })
      const sorted = [...given].sort(([, a], [, b]) => compareBytes(a.payload, b.payload))
      for (const [id, { payload, entry }] of sorted)
        writeEntry(
          writer,
          { value, level: level + 1, payload, previous: before?.byKey.get(id)?.region, where },
          entry,
        )
    },
  }
}

/** A Map, or an object for string keys. */
function entriesOf(given: unknown, where: string): [unknown, unknown][] {
  if (given instanceof Map) return [...given]
  if (!isRecord(given) || Array.isArray(given) || given instanceof Set)
    throw badValue(where, 'a Map or an object', given)
  return Object.entries(given)
}

type Entry = {
  readonly value: FieldType
  readonly level: number
  readonly payload: Uint8Array
  readonly previous: Region | undefined
  readonly where: string
}

/** `given` is undefined for a key of before that the new value has not. */
function writeEntry(writer: TreeWriter, entry: Entry, given: unknown): void {
  const at = writer.length
  writer.header(entry.level, KEYED, entry.payload)
  const contents = writer.length
  if (given !== undefined)
    entry.value.write(writer, given, entry.level, entry.previous, `${entry.where} value`)
  else if (entry.previous !== undefined) copyUnreadable(writer, entry.value, entry.level, entry.previous)
  if (writer.length === contents) writer.length = at
}

type Previous = {
  readonly own: Region
  readonly byKey: Map<string, { readonly payload: Uint8Array; readonly region: Region }>
}

/**
 * What stood there: data and indexed children that no map of ours holds (`own`), and the contents of each
 * key.
 */
function splitPrevious(previous: Region, level: number): Previous {
  const base = headerBase(level)
  const { bytes } = previous
  const byKey: Previous['byKey'] = new Map()
  let ownEnd: number | undefined
  for (const child of childrenOf(previous, base)) {
    if (child.first !== (base | KEYED)) continue
    ownEnd ??= child.at
    const payload = bytes.subarray(child.payload + 1, child.start)
    byKey.set(toHex(payload), { payload, region: { bytes, start: child.start, end: child.end } })
  }
  return { own: { bytes, start: previous.start, end: ownEnd ?? previous.end }, byKey }
}
