// min<T> and max<T>: the smallest or largest value that any branch has offered.
//
// The value stands in a form whose byte order is T's numeric order (signed lexvarint for all signed integers,
// IEEE bits with the sign mended, UTF-8); max writes its complement. Text of different length needs an end
// mark for that: 00 -> 00 FF, end = 00 00. Writing is offering: a value that does not win over what stands
// there changes nothing, as it would not after a join either.

import { compareBytes } from '#base'
import { Cursor, type Region } from '../cursor.ts'
import { double } from './floats.ts'
import { sint32, sint64 } from './integers.ts'
import { copyBelow, readFirst } from './scalar-field.ts'
import { payloadOf } from './set.ts'
import type { FieldType, ScalarType } from './type.ts'

export function extremum(kind: 'min' | 'max', of: ScalarType): FieldType {
  const ordered = kind === 'min' ? ascending(of) : descending(ascending(of))
  return {
    name: `${kind}<${of.name}>`,
    unset: undefined,
    isPlain: false,
    read: (cursor, level) => readFirst(ordered, cursor, level),
    write(writer, value, level, previous, where) {
      const offered = payloadOf(writer, ordered, of.check(value, where))
      const standing = previous === undefined ? undefined : standingPayload(ordered, previous, level)
      const at = writer.openData()
      writer.raw(standing !== undefined && compareBytes(standing, offered) < 0 ? standing : offered)
      writer.closeAtom(at)
      copyBelow(writer, previous)
    },
  }
}

/** The payload that wins so far: of the first undamaged data atom. */
export function standingPayload(type: ScalarType, previous: Region, level: number): Uint8Array | undefined {
  const { bytes } = previous
  const payloads: ScalarType<Uint8Array> = { ...rawOf(type), take: (from, at, end) => from.slice(at, end) }
  return readFirst(payloads, new Cursor(bytes, previous.start, previous.end), level)
}

function rawOf(type: ScalarType): ScalarType<Uint8Array> {
  return {
    name: type.name,
    zero: new Uint8Array(0),
    isDelimited: type.isDelimited,
    check: () => new Uint8Array(0),
    put: (writer, value) => writer.raw(value),
    endOf: (bytes, at, limit) => type.endOf(bytes, at, limit),
    take: (bytes, at, end) => bytes.slice(at, end),
  }
}

/** T in a form that sorts as T does. */
function ascending(of: ScalarType): ScalarType {
  return ORDERED_FORMS.get(of.name) ?? of
}

/** IEEE bits: negative ones complemented, positive ones with the sign bit set. */
const orderedDouble: ScalarType<number> = {
  ...double,
  put(writer, value) {
    const at = writer.length
    // Not a number takes part as one largest value, whatever its bits.
    double.put(writer, Number.isNaN(value) ? Number.NaN : value)
    flip(writer.bytes, at, writer.length, writer.bytes[at] >= 0x80 ? 0xff : 0, 0x80)
  },
  take(bytes, at, end) {
    const copy = bytes.slice(at, end)
    flip(copy, 0, copy.length, copy[0] >= 0x80 ? 0 : 0xff, 0x80)
    return double.take(copy, 0, copy.length)
  },
}

const ORDERED_FORMS: ReadonlyMap<string, ScalarType> = new Map<string, ScalarType>([
  ['int32', sint32],
  ['sint32', sint32],
  ['sfixed32', sint32],
  ['int64', sint64],
  ['sint64', sint64],
  ['sfixed64', sint64],
  ['float', orderedDouble],
  ['double', orderedDouble],
])

/** Complements [at, end) by `mask`; the first byte by `mask`, or by `positive` where the mask is none. */
function flip(bytes: Uint8Array, at: number, end: number, mask: number, positive: number): void {
  if (mask === 0) {
    bytes[at] ^= positive
    return
  }
  for (let i = at; i < end; i++) bytes[i] ^= mask
}

/** The complement, so that the largest sorts first. */
function descending(of: ScalarType): ScalarType {
  return {
    ...of,
    put(writer, value) {
      const at = writer.length
      of.put(writer, value)
      if (!of.isDelimited) {
        const plain = writer.bytes.slice(at, writer.length)
        writer.length = at
        writer.raw(escape(plain))
      }
      flip(writer.bytes, at, writer.length, 0xff, 0)
    },
    endOf(bytes, at, limit) {
      const plain = bytes.slice(at, limit)
      flip(plain, 0, plain.length, 0xff, 0)
      const end = of.isDelimited ? of.endOf(plain, 0, plain.length) : escapedEnd(plain)
      return end < 0 ? -1 : at + end
    },
    take(bytes, at, end) {
      const plain = bytes.slice(at, end)
      flip(plain, 0, plain.length, 0xff, 0)
      const value = of.isDelimited ? plain : unescape(plain)
      return of.take(value, 0, value.length)
    },
  }
}

function escape(plain: Uint8Array): Uint8Array {
  const out: number[] = []
  for (const byte of plain) out.push(...(byte === 0 ? [0, 0xff] : [byte]))
  return Uint8Array.from([...out, 0, 0])
}

function escapedEnd(escaped: Uint8Array): number {
  for (let i = 0; i + 1 < escaped.length; i++) {
    if (escaped[i] !== 0) continue
    if (escaped[i + 1] === 0) return i + 2
    if (escaped[i + 1] !== 0xff) return -1
    i++
  }
  return -1
}

function unescape(escaped: Uint8Array): Uint8Array {
  const out: number[] = []
  for (let i = 0; i < escaped.length - 2; i++) {
    out.push(escaped[i])
    if (escaped[i] === 0) i++
  }
  return Uint8Array.from(out)
}
