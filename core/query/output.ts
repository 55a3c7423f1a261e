// From groups to rows: the root's emissions, merged over all processes, become what Select shows.

import type { Aggregated, Term } from './resolved.ts'
import { hasAggregate, keyOf } from './resolved.ts'
import { COUNT_ROWS, stateKeyOf, type Output } from './plan.ts'
import { arrange, type Ranked, type Row } from './rows.ts'
import { AGGREGATES, applyFunction, type Value } from './values.ts'

/** Values of the keys, states of the folds, in the order of the output. */
export type Group = { readonly keys: readonly Value[]; readonly states: readonly Value[] }

export function rowsOfGroups(output: Output, groups: readonly Group[]): readonly Row[] {
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
  const ranked = groups.flatMap((group): Ranked[] => {
    const row: Row = Object.fromEntries(
      output.columns.map(({ name, value }) => [name, valueOf(value, group)]),
    )
    const by = output.top === undefined ? null : valueOf(output.top.by, group)
    return new Array<Ranked>(output.isRaw ? tuplesIn(group) : 1).fill({ row, by })
  })
  return arrange(ranked, output.top?.count)
}

function read({ fn, quantile }: Aggregated, state: Value): Value {
  return quantile === undefined ? AGGREGATES[fn].read(state) : applyFunction('quantile', [state, quantile])
}

function tuplesIn({ states }: Group): number {
  return Number(AGGREGATES[COUNT_ROWS.fn].read(states[0]))
}
