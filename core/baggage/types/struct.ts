// A struct is one atom: all its fields one after the other, always present. So it merges as a whole, smallest
// bytes win.
//
//   struct { int32 1000, string "hello" }  ->  00 | 83E8 | 05 68656C6C6F     text and bytes: length in front

import { readLexUnsignedNumber, lexUnsignedSize, LEXVARINT_BYTES_MAX, writeLexUnsigned } from '#base'
import type { TreeWriter } from '../writer.ts'
import { badValue, isRecord, ownMember, type ScalarType } from './type.ts'

export type StructField = { readonly name: string; readonly type: ScalarType }
export type StructValue = { [name: string]: unknown }

/** `fields` may still be filled after the call: structs refer to each other in any order of declaration. */
export function struct(name: string, fields: readonly StructField[]): ScalarType<StructValue> {
  return {
    name,
    isDelimited: true,
    get zero() {
      return Object.fromEntries(fields.map((field) => [field.name, field.type.zero]))
    },
    check(value, where) {
      if (!isRecord(value)) throw badValue(where, `an object of ${name}`, value)
      const checked: StructValue = {}
      for (const field of fields) {
        const given = ownMember(value, field.name)
        checked[field.name] =
          given === undefined ? field.type.zero : field.type.check(given, `${where}.${field.name}`)
      }
      return checked
    },
    put(writer, value) {
      for (const field of fields) putInline(writer, field.type, value[field.name])
    },
    endOf(bytes, at, limit) {
      for (const { type } of fields) {
        if (at < 0) return -1
        at = type.isDelimited ? type.endOf(bytes, at, limit) : textSpan(bytes, at, limit).end
      }
      return at
    },
    take(bytes, at, end) {
      const value: StructValue = {}
      for (const field of fields) {
        const span = field.type.isDelimited
          ? { start: at, end: field.type.endOf(bytes, at, end) }
          : textSpan(bytes, at, end)
        value[field.name] = field.type.take(bytes, span.start, span.end)
        at = span.end
      }
      return value
    },
  }
}

function putInline(writer: TreeWriter, type: ScalarType, value: unknown): void {
  const at = writer.length
  type.put(writer, value)
  if (type.isDelimited) return
  const size = writer.length - at
  writer.reserve(LEXVARINT_BYTES_MAX)
  const prefix = new Uint8Array(LEXVARINT_BYTES_MAX)
  const prefixLength = writeLexUnsigned(prefix, 0, size)
  writer.bytes.copyWithin(at + prefixLength, at, writer.length)
  writer.bytes.set(prefix.subarray(0, prefixLength), at)
  writer.length += prefixLength
}

/** A string or bytes behind its length. end = -1 when damaged. */
function textSpan(
  bytes: Uint8Array,
  at: number,
  limit: number,
): { readonly start: number; readonly end: number } {
  const length = readLexUnsignedNumber(bytes, at, limit)
  if (length === undefined) return { start: at, end: -1 }
  const start = at + lexUnsignedSize(bytes[at])
  return start + length <= limit ? { start, end: start + length } : { start, end: -1 }
}
