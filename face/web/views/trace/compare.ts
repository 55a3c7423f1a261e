// Two traces side by side, matched by call path: what is in both, what only one of them has, and by how much
// each differs.
//
//   A: GET / -> SELECT (2 x, 30 ms)      B: GET / -> SELECT (5 x, 80 ms)      +50 ms, +3
//
// Difference of self time, not of total: totals count a slow child in all of its ancestors.

import { nameOf, serviceOf, type TraceColumns } from './columns.ts'
import { flameOf, type Flame, type FlameNode } from './flame.ts'

export type PathDifference = {
  readonly depth: number
  readonly parent: number
  readonly service: string
  readonly name: string
  /** Absent: this trace has no such call. */
  readonly a?: FlameNode
  readonly b?: FlameNode
  readonly selfNs: bigint
  readonly totalNs: bigint
  /** Of the subtree, by amount: how much there is to see below. */
  readonly movedNs: bigint
}

export type Comparison = {
  /** Depth first; children by how much they differ. */
  readonly rows: readonly PathDifference[]
  readonly onlyA: number
  readonly onlyB: number
}

export function compareTraces(a: TraceColumns, b: TraceColumns): Comparison {
  const flameA = flameOf(a, () => 0n)
  const flameB = flameOf(b, () => 0n)
  type Draft = {
    readonly a: FlameNode | undefined
    readonly b: FlameNode | undefined
    readonly service: string
    readonly name: string
    readonly depth: number
    readonly parent: number
    movedNs: bigint
    readonly children: number[]
  }
  const drafts: Draft[] = []
  const add = (nodeA: FlameNode | undefined, nodeB: FlameNode | undefined, parent: number): number => {
    const [columns, node] = nodeA === undefined ? [b, nodeB!] : [a, nodeA]
    const self = (nodeB?.selfNs ?? 0n) - (nodeA?.selfNs ?? 0n)
    return (
      drafts.push({
        a: nodeA,
        b: nodeB,
        service: serviceOf(columns, node.example),
        name: nameOf(columns, node.example),
        depth: parent < 0 ? 0 : drafts[parent]!.depth + 1,
        parent,
        movedNs: self < 0n ? -self : self,
        children: [],
      }) - 1
    )
  }
  const roots = paired(
    { columns: a, flame: flameA, list: flameA.roots },
    { columns: b, flame: flameB, list: flameB.roots },
  )
  const open = roots.map(([one, other]) => add(one, other, -1))
  const top = [...open]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const draft = drafts[at]!
    const pairs = paired(
      { columns: a, flame: flameA, list: draft.a?.children ?? [] },
      { columns: b, flame: flameB, list: draft.b?.children ?? [] },
    )
    for (const [one, other] of pairs) {
      const child = add(one, other, at)
      draft.children.push(child)
      open.push(child)
    }
  }
  for (let at = drafts.length - 1; at >= 0; at--)
    if (drafts[at]!.parent >= 0) drafts[drafts[at]!.parent]!.movedNs += drafts[at]!.movedNs
  const byMoved = (one: number, other: number): number =>
    drafts[one]!.movedNs < drafts[other]!.movedNs
      ? 1
      : drafts[one]!.movedNs > drafts[other]!.movedNs
        ? -1
        : one - other
  const rows: PathDifference[] = []
  const rowOf = new Map<number, number>()
  const stack = top.sort(byMoved).reverse()
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const { children, a: nodeA, b: nodeB, parent, ...rest } = drafts[at]!
    rowOf.set(at, rows.length)
    rows.push({
      ...rest,
      parent: rowOf.get(parent) ?? -1,
      ...(nodeA === undefined ? {} : { a: nodeA }),
      ...(nodeB === undefined ? {} : { b: nodeB }),
      selfNs: (nodeB?.selfNs ?? 0n) - (nodeA?.selfNs ?? 0n),
      totalNs: (nodeB?.totalNs ?? 0n) - (nodeA?.totalNs ?? 0n),
    })
    stack.push(...children.sort(byMoved).reverse())
  }
  return {
    rows,
    onlyA: rows.filter((row) => row.b === undefined).length,
    onlyB: rows.filter((row) => row.a === undefined).length,
  }
}

type Side = { readonly columns: TraceColumns; readonly flame: Flame; readonly list: readonly number[] }

/** Nodes of equal service and name; what has no partner stands alone. */
function paired(a: Side, b: Side): (readonly [FlameNode | undefined, FlameNode | undefined])[] {
  const keyOf = ({ columns }: Side, { service, name }: FlameNode): string =>
    JSON.stringify([columns.serviceNames[service], columns.names[name]])
  const others = new Map(b.list.map((at) => [keyOf(b, b.flame.nodes[at]!), b.flame.nodes[at]!]))
  const pairs: (readonly [FlameNode | undefined, FlameNode | undefined])[] = []
  for (const at of a.list) {
    const node = a.flame.nodes[at]!
    const key = keyOf(a, node)
    pairs.push([node, others.get(key)])
    others.delete(key)
  }
  for (const node of others.values()) pairs.push([undefined, node])
  return pairs
}
