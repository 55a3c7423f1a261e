// What EMIT adds up in one process: groups by key, each with the states of its aggregates.
//
//   rows ──► group of their keys ──► states        beyond GROUPS_MAX: one group for all others, counted
//
// Texts in it are copies: what an application gives may be a cut of a text a thousand times as long, which
// would stay alive as long as the group.
//
// Owned by whoever installed the advice; grows until it is dropped with it, so a report of totals that is
// lost or repeated changes nothing.

import type { AggregateName } from '#protocol'
import { AGGREGATES, type Aggregate } from './aggregates.ts'
import { GROUPS_MAX, NUMBER_BYTES, TABLE_BYTES_MAX } from './limits.ts'
import { canonicalKey, copied, valueFromJson, valueToJson, type Value } from './values.ts'

export type GroupState = { readonly keys: readonly Value[]; readonly states: Value[] }

/** As it travels: JSON-able. `other`: states of the rows that found no group any more. */
export type TableSnapshot = {
  readonly hits: number
  readonly groups: readonly (readonly [keys: unknown, states: unknown])[]
  readonly otherRows: number
}

/**
 * How much one table holds before rows are only counted; `turns`: how many it keeps a group for, else for
 * ever.
 */
export type TableLimits = { readonly groups: number; readonly bytes: number; readonly turns?: number }

export const PROCESS_LIMITS: TableLimits = { groups: GROUPS_MAX, bytes: TABLE_BYTES_MAX }

export class GroupTable {
  readonly folds: readonly Aggregate[]
  /** A lone key of a simple kind is its own key; else its canonical text. */
  readonly #groups = new Map<Value, GroupState>()
  /** Of several keys. The next row is often of the same group, which is found without making its name. */
  #last: GroupState | undefined
  /** Rows that were counted, by weight; of those, rows for which there was no group left. */
  hits = 0
  otherRows = 0
  /** As JSON, at most. */
  bytes = 0
  /** Keys of the groups that were made in each of the last turns, newest last. */
  readonly #born: Value[][] = [[]]
  readonly #limits: TableLimits

  constructor(folds: readonly AggregateName[], limits: TableLimits = PROCESS_LIMITS) {
    this.#limits = limits
    this.folds = folds.map((name) => AGGREGATES[name])
  }

  get size(): number {
    return this.#groups.size
  }

  /** The states to add a row to; undefined when there are too many groups. */
  statesFor(keys: readonly Value[], weight: number): Value[] | undefined {
    if (keys.length === 1) return this.statesForOne(keys[0], weight)
    if (this.#last !== undefined && isOf(this.#last, keys)) {
      this.hits += weight
      return this.#last.states
    }
    return this.#statesOf(canonicalKey(keys), keys, weight)
  }

  /** The same for a lone key, without a list when the group is there. */
  statesForOne(key: Value, weight: number): Value[] | undefined {
    const found = this.#groups.get(key)
    if (found === undefined)
      return this.#statesOf(Array.isArray(key) ? canonicalKey(key) : key, [key], weight)
    this.hits += weight
    return found.states
  }

  #statesOf(key: Value, keys: readonly Value[], weight: number): Value[] | undefined {
    this.hits += weight
    const found = this.#groups.get(key)
    if (found !== undefined) {
      this.#last = found
      return found.states
    }
    const bytes = emptyBytes(keys, this.folds.length)
    if (this.#groups.size >= this.#limits.groups || this.bytes + bytes > this.#limits.bytes) {
      this.otherRows += weight
      return undefined
    }
    this.bytes += bytes
    const states = this.folds.map(({ zero }) => zero)
    const kept = keys.map(copied)
    const name = keys.length === 1 && key === keys[0] ? kept[0] : copied(key)
    this.#groups.set(name, { keys: kept, states })
    if (this.#limits.turns !== undefined) this.#born.at(-1)?.push(name)
    return states
  }

  /** Told once more: forgets what has been told often enough. */
  turn(): void {
    const { turns } = this.#limits
    if (turns === undefined) return
    this.#born.push([])
    if (this.#born.length <= turns) return
    for (const key of this.#born.shift() ?? []) {
      const group = this.#groups.get(key)
      if (group !== undefined) this.bytes -= groupBytes(group)
      this.#groups.delete(key)
    }
    this.#last = undefined
  }

  /** Replaces a state; false: there is no room for what it has become, and it stands still. */
  put(states: Value[], at: number, state: Value): boolean {
    const before = states[at]
    if (state === before) return true
    const bytes = grownBy(before, state)
    if (bytes > 0 && this.bytes + bytes > this.#limits.bytes) return false
    this.bytes += bytes
    states[at] = state
    return true
  }

  /** Lets go of all groups: their rows are among the others from now on. */
  release(): void {
    this.#groups.clear()
    this.#last = undefined
    this.otherRows = this.hits
    this.bytes = 0
  }

  groups(): readonly GroupState[] {
    return [...this.#groups.values()]
  }

  snapshot(): TableSnapshot {
    return {
      hits: this.hits,
      otherRows: this.otherRows,
      groups: this.groups().map(({ keys, states }) => [keys.map(valueToJson), states.map(valueToJson)]),
    }
  }

  /** Adds what another process, or another time of it, has counted. */
  merge(snapshot: TableSnapshot): void {
    this.hits += snapshot.hits
    this.otherRows += snapshot.otherRows
    for (const [keys, states] of snapshot.groups) {
      const given = valueFromJson(states)
      const held = this.statesFor(listOf(valueFromJson(keys)), 0)
      if (held === undefined || !Array.isArray(given)) continue
      this.folds.forEach((fold, i) => {
        held[i] = fold.merge(held[i], given[i] ?? null, 1)
      })
    }
  }
}

/** A list of its own that is equal is missed here, and found by its name. */
function isOf({ keys }: GroupState, wanted: readonly Value[]): boolean {
  if (keys.length !== wanted.length) return false
  for (let i = 0; i < keys.length; i++) if (keys[i] !== wanted[i]) return false
  return true
}

const listOf = (value: Value): readonly Value[] => (Array.isArray(value) ? value : [])

const emptyBytes = (keys: readonly Value[], folds: number): number =>
  NUMBER_BYTES * (1 + folds) + jsonBytes(keys)

const groupBytes = ({ keys, states }: GroupState): number =>
  states.reduce<number>((sum, state) => sum + grownBy(null, state), emptyBytes(keys, states.length))

/** As JSON, at most: numbers are not written out, texts are. */
function jsonBytes(value: Value): number {
  if (typeof value === 'string') return UTF8.encode(JSON.stringify(value)).length + 1
  if (!Array.isArray(value)) return NUMBER_BYTES
  return value.reduce<number>((sum, one) => sum + jsonBytes(one), 2)
}

const UTF8 = new TextEncoder()

/** Beyond the number that each state has room for. Lists are sorted: texts stand last. */
function grownBy(before: Value, state: Value): number {
  if (typeof state === 'string')
    return jsonBytes(state) - (typeof before === 'string' ? jsonBytes(before) : 0)
  if (!Array.isArray(state)) return 0
  const held = Array.isArray(before) ? before : []
  const last = state.at(-1) ?? null
  if (typeof last === 'string') return jsonBytes(state) - jsonBytes(held)
  return NUMBER_BYTES * (numbersIn(state) - numbersIn(held))
}

/** Of a list, or of the lists in it. */
const numbersIn = (list: readonly Value[]): number =>
  list.reduce<number>((sum, one) => sum + (Array.isArray(one) ? one.length : 0), list.length)
