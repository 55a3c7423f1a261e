// Which spans have a row: all but those below a collapsed one. Rows are one typed array, so scrolling to row
// 90,000 is an array access.

import type { TraceColumns } from './columns.ts'

export type Rows = {
  /** Span index of each row. */
  readonly spanOf: Int32Array
  /** Row of each span; a hidden span has the row of the collapsed one above it. */
  readonly rowOf: Int32Array
}

/** Cost: O(spans); nothing when nothing is collapsed but the copy. */
export function visibleRows(columns: TraceColumns, collapsed: ReadonlySet<number>): Rows {
  const count = columns.count
  const spanOf = new Int32Array(count)
  const rowOf = new Int32Array(count)
  let rows = 0
  for (let index = 0; index < count;) {
    spanOf[rows] = index
    const end = collapsed.has(index) ? columns.subtreeEnd[index]! : index + 1
    rowOf.fill(rows, index, end)
    rows++
    index = end
  }
  return { spanOf: spanOf.subarray(0, rows), rowOf }
}

export function hasChildren(columns: TraceColumns, index: number): boolean {
  return columns.subtreeEnd[index]! > index + 1
}

/** The same set with one member more or less. */
export function toggled(set: ReadonlySet<number>, member: number): ReadonlySet<number> {
  const next = new Set(set)
  if (!next.delete(member)) next.add(member)
  return next
}

/** Without the ancestors of a span, so that it gets a row. */
export function revealed(
  columns: TraceColumns,
  collapsed: ReadonlySet<number>,
  index: number,
): ReadonlySet<number> {
  const next = new Set(collapsed)
  for (let above = columns.parent[index]!; above >= 0; above = columns.parent[above]!) next.delete(above)
  return next.size === collapsed.size ? collapsed : next
}

/** All spans that have children and stand at this depth or deeper: what "collapse to depth" collapses. */
export function collapsedFrom(columns: TraceColumns, depth: number): ReadonlySet<number> {
  const out = new Set<number>()
  for (let index = 0; index < columns.count; index++) {
    if (columns.depth[index]! >= depth && hasChildren(columns, index)) out.add(index)
  }
  return out
}
