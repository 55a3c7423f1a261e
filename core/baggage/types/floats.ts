// float and double: published as plain big-endian IEEE 754. Their byte order is not their numeric order
// (negative values sort after positive ones), so of two conflicting values the one with the smaller bytes is
// read; min<double> and max<double> use an ordered form of their own (extremum.ts).

import type { TreeWriter } from '../writer.ts'
import { badValue, type ScalarType } from './type.ts'

const WORD = new Uint8Array(8)
const WORD_VIEW = new DataView(WORD.buffer)

function load(bytes: Uint8Array, at: number, count: number): void {
  for (let i = 0; i < count; i++) WORD[i] = bytes[at + i]
}

function checkNumber(value: unknown, where: string): number {
  if (typeof value !== 'number') throw badValue(where, 'a number', value)
  return value
}

export const double: ScalarType<number> = {
  name: 'double',
  zero: 0,
  isDelimited: true,
  check: checkNumber,
  put(writer: TreeWriter, value) {
    writer.reserve(8)
    writer.view.setFloat64(writer.length, value)
    writer.length += 8
  },
  endOf: (_bytes, at, limit) => (at + 8 <= limit ? at + 8 : -1),
  take(bytes, at) {
    load(bytes, at, 8)
    return WORD_VIEW.getFloat64(0)
  },
}

/** A value beyond single precision is rounded: that is what the user's type says. */
export const float: ScalarType<number> = {
  name: 'float',
  zero: 0,
  isDelimited: true,
  check: checkNumber,
  put(writer: TreeWriter, value) {
    writer.reserve(4)
    writer.view.setFloat32(writer.length, value)
    writer.length += 4
  },
  endOf: (_bytes, at, limit) => (at + 4 <= limit ? at + 4 : -1),
  take(bytes, at) {
    load(bytes, at, 4)
    return WORD_VIEW.getFloat32(0)
  },
}
