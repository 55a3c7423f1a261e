// The trace folded by call path: spans that were called along the same names are one block, as wide as
// all of them took together. Children that ran side by side can be wider than their parent: widths are
// then the sums of time spent, not of time gone by.
//
//   root --total 100 ms--------------------------------------------
//   GET /cart x1  40 ms       | quote x6   48 ms           | self 12
//
// Cost: O(spans); one map look-up a span.

import { selfNs, type TraceColumns } from './columns.ts'

export type FlameNode = {
  readonly parent: number
  readonly depth: number
  readonly name: number
  readonly service: number
  /** First span with this call path: what a click selects. */
  readonly example: number
  count: number
  errors: number
  totalNs: bigint
  selfNs: bigint
  onPathNs: bigint
  readonly children: number[]
}

export type Flame = {
  readonly nodes: readonly FlameNode[]
  readonly nodeOf: Int32Array
  readonly roots: number[]
}

/** pathNsOf: time of a span on the critical path. Children stand most time first. */
export function flameOf(columns: TraceColumns, pathNsOf: (span: number) => bigint): Flame {
  const nodes: FlameNode[] = []
  const roots: number[] = []
  const nodeOf = new Int32Array(columns.count)
  const known = new Map<string, number>()
  for (let span = 0; span < columns.count; span++) {
    const above = columns.parent[span]! < 0 ? -1 : nodeOf[columns.parent[span]!]!
    const key = `${above} ${columns.service[span]} ${columns.name[span]}`
    let at = known.get(key)
    if (at === undefined) {
      at = nodes.length
      known.set(key, at)
      nodes.push({
        parent: above,
        depth: above < 0 ? 0 : nodes[above]!.depth + 1,
        name: columns.name[span]!,
        service: columns.service[span]!,
        example: span,
        count: 0,
        errors: 0,
        totalNs: 0n,
        selfNs: 0n,
        onPathNs: 0n,
        children: [],
      })
      if (above < 0) roots.push(at)
      else nodes[above]!.children.push(at)
    }
    const node = nodes[at]!
    nodeOf[span] = at
    node.count += 1
    if ((columns.flags[span]! & 1) !== 0) node.errors += 1
    node.totalNs += columns.endNs[span]! - columns.startNs[span]!
    node.selfNs += selfNs(columns, span)
    node.onPathNs += pathNsOf(span)
  }
  const byTime = (a: number, b: number): number =>
    nodes[a]!.totalNs < nodes[b]!.totalNs ? 1 : nodes[a]!.totalNs > nodes[b]!.totalNs ? -1 : a - b
  for (const node of nodes) node.children.sort(byTime)
  roots.sort(byTime)
  return { nodes, nodeOf, roots }
}
