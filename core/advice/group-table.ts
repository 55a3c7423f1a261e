// What EMIT adds up in one process: groups by key, each with the states of its aggregates.
//
//   rows ──► group of their keys ──► states        beyond GROUPS_MAX: one group for all others, counted
//
// Owned by whoever installed the advice; grows until it is dropped with it, so a report of totals that is
// lost or repeated changes nothing.

import type { AggregateName } from '#protocol'
import { AGGREGATES, type Aggregate } from './aggregates.ts'
import { GROUP_KEY_CHARS_MAX, GROUPS_MAX } from './limits.ts'
import { canonicalKey, valueFromJson, valueToJson, type Value } from './values.ts'

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
export type TableLimits = { readonly groups: number; readonly keyChars: number; readonly turns?: number }

export const PROCESS_LIMITS: TableLimits = { groups: GROUPS_MAX, keyChars: GROUP_KEY_CHARS_MAX }

export class GroupTable {
  readonly folds: readonly Aggregate[]
  /** A lone key of a simple kind is its own key; else its canonical text. */
  readonly #groups = new Map<Value, GroupState>()
  /** Rows that were counted, by weight; of those, rows for which there was no group left. */
  hits = 0
  otherRows = 0
  #keyChars = 0
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
    if (found !== undefined) return found.states
    const chars = charsOf(keys)
    if (this.#groups.size >= this.#limits.groups || this.#keyChars + chars > this.#limits.keyChars) {
      this.otherRows += weight
      return undefined
    }
    this.#keyChars += chars
    const states = this.folds.map(({ zero }) => zero)
    this.#groups.set(key, { keys: [...keys], states })
    if (this.#limits.turns !== undefined) this.#born.at(-1)?.push(key)
    return states
  }

  /** Told once more: forgets what has been told often enough. */
  turn(): void {
    const { turns } = this.#limits
    if (turns === undefined) return
    this.#born.push([])
    if (this.#born.length <= turns) return
    for (const key of this.#born.shift() ?? []) {
      this.#keyChars -= charsOf(this.#groups.get(key)?.keys ?? [])
      this.#groups.delete(key)
    }
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

const charsOf = (keys: readonly Value[]): number =>
  keys.reduce<number>((sum, one) => sum + (typeof one === 'string' ? one.length : 8), 0)

const listOf = (value: Value): readonly Value[] => (Array.isArray(value) ? value : [])
