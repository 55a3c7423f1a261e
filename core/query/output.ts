// From groups to rows: the root's emissions, merged over all processes, become what Select shows.

import type { Aggregated, Column, Term } from './resolved.ts'
import { hasAggregate, keyOf } from './resolved.ts'
import { COUNT_ROWS, stateKeyOf, type Output } from './plan.ts'
import { arrange, type Ranked, type Row } from './rows.ts'
import { AGGREGATES, applyFunction, canonicalKey, type Value } from './values.ts'

/** Values of the keys, states of the folds, in the order of the output. */
export type Group = { readonly keys: readonly Value[]; readonly states: readonly Value[] }

export function rowsOfGroups(output: Output, groups: readonly Group[]): readonly Row[] {
  const valueOf = reader(output)
  const ranked = groups.flatMap((group): Ranked[] => {
    const row: Row = Object.fromEntries(
      output.columns.map(({ name, value }) => [name, valueOf(value, group)]),
    )
    const by = output.top === undefined ? null : valueOf(output.top.by, group)
    return new Array<Ranked>(output.isRaw ? tuplesIn(group) : 1).fill({ row, by })
  })
  return arrange(ranked, output.top?.count)
}

/**
 * A row for all groups that agree in the columns `by`: their states merged, as if GroupBy had named those
 * alone, so an average or a percentile is that of all values. Columns that the others name are null. Top
 * does not cut. A column of raw rows is nothing that could be put together: none come back.
 */
export function rollUp(output: Output, groups: readonly Group[], by: readonly string[]): readonly Row[] {
  if (output.isRaw) return []
  const valueOf = reader(output)
  const kept = output.columns.filter(({ name, value }) => by.includes(name) && !hasAggregate(value))
  const merged = new Map<string, Group>()
  for (const group of groups) {
    const name = canonicalKey(kept.map(({ value }) => valueOf(value, group)))
    const held = merged.get(name)
    merged.set(
      name,
      held === undefined ? group : { keys: held.keys, states: mergeStates(output, held, group) },
    )
  }
  const isShown = ({ name, value }: Column): boolean =>
    hasAggregate(value) ? readsNoKey(value) : kept.some((one) => one.name === name)
  const ranked = [...merged.values()].map((group): Ranked => {
    const shown = (column: Column): Value => (isShown(column) ? valueOf(column.value, group) : null)
    return { row: Object.fromEntries(output.columns.map((one) => [one.name, shown(one)])), by: null }
  })
  return arrange(ranked, undefined)
}

function mergeStates({ folds }: Output, a: Group, b: Group): readonly Value[] {
  return folds.map(({ fn }, i) => AGGREGATES[fn].merge(a.states[i], b.states[i], 1))
}

function readsNoKey(term: Term): boolean {
  if (term.kind === 'call') return term.args.every(readsNoKey)
  return term.kind === 'aggregate' || term.kind === 'literal'
}

/** What a term is for a group. */
function reader(output: Output): (term: Term, group: Group) => Value {
  const keyAt = new Map(output.keys.map((key, i) => [keyOf(key), i]))
  const stateAt = new Map(output.folds.map((fold, i) => [stateKeyOf(fold), i]))
  const valueOf = (term: Term, group: Group): Value => {
    const key = hasAggregate(term) ? undefined : keyAt.get(keyOf(term))
    if (key !== undefined) return group.keys[key]
    if (term.kind === 'aggregate') return read(term, group.states[stateAt.get(stateKeyOf(term)) ?? -1])
    if (term.kind === 'literal') return term.value
    if (term.kind === 'call')
      return applyFunction(
        term.fn,
        term.args.map((arg) => valueOf(arg, group)),
      )
    throw new TypeError(`${keyOf(term)} is no key of this result`)
  }
  return valueOf
}

function read({ fn, quantile }: Aggregated, state: Value): Value {
  return quantile === undefined ? AGGREGATES[fn].read(state) : applyFunction('quantile', [state, quantile])
}

function tuplesIn({ states }: Group): number {
  return Number(AGGREGATES[COUNT_ROWS.fn].read(states[0]))
}
