// counter (only grows) and pncounter (two of them: what was added and what was taken away).
//
//   counter     F001 | EC id | 00 ~count ...                        value = sum of the components
//   pncounter   F001 | E800 | E4 id | 00 ~count ... | E801 | ...    value = sum below E800 - sum below E801
//
// A value reads as { value }. Written back unchanged it changes nothing; written larger it counts up by the
// difference; a counter written smaller is refused.

import { findChild, PAST_END, type Cursor, type Region } from '../cursor.ts'
import { headerAtom, headerBase, indexPayload } from '../header.ts'
import type { TreeWriter } from '../writer.ts'
import { addTo, fold, readComponents, readSum, writeComponents, type Component } from './components.ts'
import { badValue, isRecord, type FieldType } from './type.ts'

export type CounterValue = { readonly value: bigint }

/** A type that `increment` and `compact` work on. Contents are written anew from `previous`. */
export interface CountingType extends FieldType {
  add(writer: TreeWriter, by: bigint, level: number, previous: Region | undefined, where: string): void
  /** Absent where folding has no meaning (clock). */
  compact?(writer: TreeWriter, level: number, previous: Region | undefined): void
}

export function isCounting(type: FieldType): type is CountingType {
  return 'add' in type
}

const ZERO: CounterValue = Object.freeze({ value: 0n })

const componentsOf = (previous: Region | undefined, level: number): Component[] =>
  previous === undefined ? [] : readComponents(previous, level)

const sumOf = (components: readonly Component[]): bigint =>
  components.reduce((sum, component) => sum + component.count, 0n)

function targetOf(value: unknown, where: string): bigint {
  const given = isRecord(value) ? value.value : value
  if (typeof given === 'number' && Number.isSafeInteger(given)) return BigInt(given)
  if (typeof given !== 'bigint') throw badValue(where, '{ value: bigint }', value)
  return given
}

export const counter: CountingType = {
  name: 'counter',
  unset: ZERO,
  isPlain: false,
  read(cursor, level) {
    const value = readSum(cursor, level)
    return value === undefined ? undefined : { value }
  },
  write(writer, value, level, previous, where) {
    counter.add(writer, targetOf(value, where) - sumOf(componentsOf(previous, level)), level, previous, where)
  },
  add(writer, by, level, previous, where) {
    const components = componentsOf(previous, level)
    if (by < 0n)
      throw badValue(
        where,
        'at least what it was: a counter only grows (use pncounter)',
        sumOf(components) + by,
      )
    writeComponents(writer, by === 0n ? components : addTo(writer, components, by), level)
  },
  compact: (writer, level, previous) =>
    writeComponents(writer, fold(writer, componentsOf(previous, level)), level),
}

const ADDED = indexPayload(0)
const TAKEN = indexPayload(1)

export const pncounter: CountingType = {
  name: 'pncounter',
  unset: ZERO,
  isPlain: false,
  read(cursor, level) {
    const sides = readSides(cursor, level)
    return sides.isEmpty ? undefined : { value: sides.value }
  },
  write(writer, value, level, previous, where) {
    const before =
      sumOf(componentsOf(sideOf(previous, ADDED, level), level + 1)) -
      sumOf(componentsOf(sideOf(previous, TAKEN, level), level + 1))
    pncounter.add(writer, targetOf(value, where) - before, level, previous, where)
  },
  add(writer, by, level, previous) {
    writeSide(writer, ADDED, level, previous, (components) =>
      by > 0n ? addTo(writer, components, by) : components,
    )
    writeSide(writer, TAKEN, level, previous, (components) =>
      by < 0n ? addTo(writer, components, -by) : components,
    )
  },
  compact(writer, level, previous) {
    for (const side of [ADDED, TAKEN])
      writeSide(writer, side, level, previous, (components) => fold(writer, components))
  },
}

function readSides(cursor: Cursor, level: number): { readonly isEmpty: boolean; readonly value: bigint } {
  const base = headerBase(level)
  const indexed = headerBase(level + 1)
  let isEmpty = true
  let value = 0n
  while (cursor.first !== PAST_END && cursor.first < base) {
    // One byte of index: 0 = added, 1 = taken away.
    const side =
      cursor.first === indexed && cursor.next === cursor.payload + 2 ? cursor.bytes[cursor.payload + 1] : -1
    cursor.advance()
    if (side !== 0 && side !== 1) continue
    const sum = readSum(cursor, level + 1)
    if (sum === undefined) continue
    isEmpty = false
    value += side === 0 ? sum : -sum
  }
  return { isEmpty, value }
}

function sideOf(previous: Region | undefined, side: Uint8Array, level: number): Region | undefined {
  if (previous === undefined) return undefined
  const found = findChild(previous, headerAtom(level + 1, 0, side), headerBase(level + 1))
  return found.isFound ? { bytes: previous.bytes, start: found.start, end: found.end } : undefined
}

type Change = (components: readonly Component[]) => readonly Component[]

function writeSide(
  writer: TreeWriter,
  side: Uint8Array,
  level: number,
  previous: Region | undefined,
  change: Change,
): void {
  const components = change(componentsOf(sideOf(previous, side, level), level + 1))
  if (components.length === 0) return
  writer.header(level + 1, 0, side)
  writeComponents(writer, components, level + 1)
}
