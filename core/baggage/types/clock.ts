// clock(vector): one count for each branch that ticked, in the same components as a counter. Reads as a Map
// from the component's id (hex) to its count. Two events compare as their clocks do:
//
//   before       every count <= the other's, one smaller
//   concurrent   each has a count that the other lacks
//
// `increment(b, path)` ticks. Source: Fidge, Mattern (1988), with identities begun at forks as in interval
// tree clocks (2008).

import { fromHex, toHex } from '#base'
import type { Region } from '../cursor.ts'
import { headerBase } from '../header.ts'
import { addTo, readComponents, writeComponents, type Component } from './components.ts'
import type { CountingType } from './counter.ts'
import { UINT64_MAX } from './integers.ts'
import { badValue } from './type.ts'

export type VectorClock = ReadonlyMap<string, bigint>

export const clock: CountingType = {
  name: 'clock',
  isPlain: false,
  get unset() {
    return new Map<string, bigint>()
  },
  read(cursor, level) {
    const { bytes, at } = cursor
    cursor.leave(headerBase(level))
    const components = readComponents({ bytes, start: at, end: cursor.at }, level)
    return components.length === 0
      ? undefined
      : new Map(components.map(({ id, count }) => [toHex(id), count]))
  },
  write(writer, value, level, _previous, where) {
    if (!(value instanceof Map)) throw badValue(where, 'a Map from component to count', value)
    writeComponents(
      writer,
      [...value].map(([id, count]) => checkComponent(id, count, where)),
      level,
    )
  },
  add(writer, by, level, previous, where) {
    if (by <= 0n) throw badValue(where, 'ticked by 1 or more', by)
    writeComponents(writer, addTo(writer, componentsOf(previous, level), by), level)
  },
}

function componentsOf(previous: Region | undefined, level: number): Component[] {
  return previous === undefined ? [] : readComponents(previous, level)
}

function checkComponent(id: unknown, count: unknown, where: string): Component {
  const bytes = typeof id === 'string' ? fromHex(id) : undefined
  if (bytes === undefined) throw badValue(`${where} component`, 'hex', id)
  if (typeof count !== 'bigint' || count < 0n || count > UINT64_MAX)
    throw badValue(`${where} count`, 'a bigint from 0 to 2^64 - 1', count)
  return { id: bytes, count }
}

export type ClockOrder = 'equal' | 'before' | 'after' | 'concurrent'

/** How the event of `a` stands to that of `b`. */
export function compareClocks(a: VectorClock, b: VectorClock): ClockOrder {
  const isWithin = isCoveredBy(a, b)
  const isAround = isCoveredBy(b, a)
  if (isWithin) return isAround ? 'equal' : 'before'
  return isAround ? 'after' : 'concurrent'
}

function isCoveredBy(a: VectorClock, b: VectorClock): boolean {
  for (const [id, count] of a) if (count > (b.get(id) ?? 0n)) return false
  return true
}
