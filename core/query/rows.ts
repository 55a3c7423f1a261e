// Rows of a result: their order, and the first k of them.

import { compareValues, type Value } from './values.ts'

/** Keyed by the columns' names. */
export type Row = { readonly [column: string]: Value }

/** A row with what Top orders by. */
export type Ranked = { readonly row: Row; readonly by: Value }

/** With Top: largest first, cut. Else in the order of their columns: equal results are equal lists. */
export function arrange(ranked: readonly Ranked[], top: number | undefined): readonly Row[] {
  const sorted = [...ranked].sort(
    (a, b) => (top === undefined ? 0 : compareValues(b.by, a.by)) || compareRows(a.row, b.row),
  )
  return sorted.slice(0, top).map(({ row }) => row)
}

function compareRows(a: Row, b: Row): number {
  for (const column of Object.keys(a)) {
    const order = compareValues(a[column], b[column])
    if (order !== 0) return order
  }
  return 0
}
