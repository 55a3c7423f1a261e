// set<T>: one data atom an element, in unsigned byte order, so that interleaving two sets is their union.
// (Sorting by signed bytes, as the reference did, made merges repeat elements.) An empty set is not written:
// it is the same as none.

import { compareBytes } from '#base'
import { PAST_END } from '../cursor.ts'
import { DATA, headerBase } from '../header.ts'
import type { TreeWriter } from '../writer.ts'
import { copyBelow, readPayload } from './scalar-field.ts'
import { badValue, type FieldType, type ScalarType } from './type.ts'

export function setField<T>(element: ScalarType<T>): FieldType<Set<T>> {
  return {
    name: `set<${element.name}>`,
    unset: undefined,
    isPlain: true,
    read(cursor, level) {
      let elements: Set<T> | undefined
      for (; cursor.first !== PAST_END && cursor.first < 0x80; cursor.advance()) {
        if (cursor.first !== DATA) continue
        const value = readPayload(element, cursor)
        if (value !== undefined) (elements ??= new Set()).add(value)
      }
      cursor.leave(headerBase(level))
      return elements
    },
    write(writer, value, _level, previous, where) {
      if (!(value instanceof Set) && !Array.isArray(value)) throw badValue(where, 'a Set or an array', value)
      const payloads: Uint8Array[] = []
      for (const item of value)
        payloads.push(payloadOf(writer, element, element.check(item, `${where} element`)))
      putSorted(writer, payloads)
      copyBelow(writer, previous)
    },
  }
}

/** The bytes of a value, written to the end of the writer and taken back. */
export function payloadOf<T>(writer: TreeWriter, type: ScalarType<T>, value: T): Uint8Array {
  const at = writer.length
  type.put(writer, value)
  const payload = writer.bytes.slice(at, writer.length)
  writer.length = at
  return payload
}

function putSorted(writer: TreeWriter, payloads: Uint8Array[]): void {
  payloads.sort(compareBytes)
  let last: Uint8Array | undefined
  for (const payload of payloads) {
    if (last !== undefined && compareBytes(last, payload) === 0) continue
    last = payload
    const at = writer.openData()
    writer.raw(payload)
    writer.closeAtom(at)
  }
}
