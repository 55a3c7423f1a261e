// A scalar below a header: one data atom. After a merge of different values all of them stand there, in
// order; the first is read ("smallest bytes win", on every path, so decoding a merge and merging decoded
// values agree) and the next write keeps one.

import { Cursor, PAST_END, type Region } from '../cursor.ts'
import { DATA, headerBase } from '../header.ts'
import type { TreeWriter } from '../writer.ts'
import type { FieldType, ScalarType } from './type.ts'

export function scalarField<T>(scalar: ScalarType<T>): FieldType<T> {
  return {
    name: scalar.name,
    unset: undefined,
    isPlain: true,
    scalar,
    lone: scalar,
    read: (cursor, level) => readFirst(scalar, cursor, level),
    write(writer, value, _level, previous, where) {
      putData(writer, scalar, scalar.check(value, where))
      copyBelow(writer, previous)
    },
  }
}

export function putData<T>(writer: TreeWriter, scalar: ScalarType<T>, value: T): void {
  const at = writer.openData()
  scalar.put(writer, value)
  writer.closeAtom(at)
}

/** The first undamaged data atom of the node; leaves the node. */
export function readFirst<T>(scalar: ScalarType<T>, cursor: Cursor, level: number): T | undefined {
  const base = headerBase(level)
  let value: T | undefined
  for (; cursor.first !== PAST_END && cursor.first < 0x80; cursor.advance()) {
    if (value === undefined && cursor.first === DATA) value = readPayload(scalar, cursor)
  }
  cursor.leave(base)
  return value
}

/** The value behind the prefix byte, if it fills the atom exactly. */
export function readPayload<T>(scalar: ScalarType<T>, cursor: Cursor): T | undefined {
  const { bytes, payload, next } = cursor
  return scalar.endOf(bytes, payload + 1, next) === next ? scalar.take(bytes, payload + 1, next) : undefined
}

/** Keeps what a newer schema may have put below a node that holds only data for us. */
export function copyBelow(writer: TreeWriter, previous: Region | undefined): void {
  if (previous === undefined) return
  const cursor = new Cursor(previous.bytes, previous.start, previous.end)
  cursor.leave(0x80)
  if (cursor.first !== PAST_END)
    writer.copyAtoms({ bytes: previous.bytes, start: cursor.at, end: previous.end })
}
