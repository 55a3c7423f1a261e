// One timeline: an offset per host, from the bounds that ALL causal edges between two hosts put on it.
//
// A cause u on host i with its effect v on host j says  t_v + offset_j >= t_u + offset_i.  Call edges bound
// the difference from one side, reply edges from the other:
//
//     caller (i)  |===================|     begin(child) >= begin(parent): lower bound of offset_j - offset_i
//     callee (j)       |=========|          end(child)   <= end(parent):   upper bound
//
//   1. ceiling[i][j] = least upper bound of offset_j - offset_i over all edges (Infinity = none)
//   2. pairs whose bounds contradict each other are dropped with a note (their times stay raw)
//   3. close the rest over third hosts (Floyd-Warshall); a circle that contradicts itself is dropped likewise
//   4. from the root's host outwards fix one host after the other inside its bounds: 0 if it fits (a clock
//      that agrees is left alone), else the middle (for one RPC Jaeger's (parentDur - childDur) / 2), else
//      the least shift
// In a closed network any choice inside the bounds leaves a choice for the rest, so step 4 never contradicts
// itself.
// Sources: Canopy 4.2 (formula not published); Jaeger clockskew.go; difference constraints: Cormen et al.,
// 24.4.

import type { DraftEdge } from './causal-edges.ts'
import type { Origins } from './hosts.ts'
import { CLOSURE_HOSTS_MAX, REPLY_SLACK } from './limits.ts'
import type { Draft, RepairLog } from './repair.ts'

export type HostOffsets = {
  readonly hosts: readonly string[]
  readonly hostOf: Int32Array
  readonly offsets: Float64Array
}

/**
 * Whole ns to add to each host's times. Cost: O(spans + edges + hosts^3), hosts^3 only up to
 * CLOSURE_HOSTS_MAX.
 */
export function alignClocks(
  draft: Draft,
  edges: readonly DraftEdge[],
  origins: Origins,
  log: RepairLog,
): HostOffsets {
  const { hosts, hostOf } = hostsOf(draft, origins)
  const offsets = new Float64Array(hosts.length)
  if (hosts.length < 2) return { hosts, hostOf, offsets }
  const bounds = new Bounds(hosts.length)
  collect(bounds, draft, edges, hostOf)
  dropContradictions(bounds, hosts, log)
  if (hosts.length <= CLOSURE_HOSTS_MAX) closeBounds(bounds, hosts, log)
  fixFromRoot(bounds, rootHost(draft, hostOf), offsets)
  return { hosts, hostOf, offsets }
}

function hostsOf(draft: Draft, origins: Origins): { hosts: string[]; hostOf: Int32Array } {
  const numbers = new Map<string, number>()
  const hostOf = new Int32Array(draft.spans.length)
  for (const [index, span] of draft.spans.entries()) {
    const { host } = origins.of(span.resource)
    const number = numbers.get(host) ?? numbers.size
    numbers.set(host, number)
    hostOf[index] = number
  }
  return { hosts: [...numbers.keys()], hostOf }
}

/** Sparse until closed: ceiling.get(i)?.get(j) = least upper bound of offset_j - offset_i. */
export class Bounds {
  readonly rows: Map<number, number>[]

  constructor(hostCount: number) {
    this.rows = Array.from({ length: hostCount }, () => new Map())
  }

  ceiling(from: number, to: number): number {
    return this.rows[from].get(to) ?? Infinity
  }

  lower(from: number, to: number, ceiling: number): void {
    if (ceiling < this.ceiling(from, to)) this.rows[from].set(to, ceiling)
  }

  /** cause@causeHost happened before effect@effectHost: offset_cause - offset_effect <= effect - cause. */
  happenedBefore(causeHost: number, cause: number, effectHost: number, effect: number): void {
    this.lower(effectHost, causeHost, effect - cause)
  }

  /** Forgets everything between two hosts. */
  drop(one: number, other: number): void {
    this.rows[one].delete(other)
    this.rows[other].delete(one)
  }
}

function collect(bounds: Bounds, draft: Draft, edges: readonly DraftEdge[], hostOf: Int32Array): void {
  const { parent, spans, start, end, isDoubtful } = draft
  for (const [child, up] of parent.entries()) {
    if (up === -1 || hostOf[up] === hostOf[child] || isDoubtful[child] === 1 || isDoubtful[up] === 1) continue
    bounds.happenedBefore(hostOf[up], start[up], hostOf[child], start[child])
    const isOneWay = spans[up].kind === 4 || spans[child].kind === 5
    const mayReply = end[child] - start[child] <= end[up] - start[up]
    if (isOneWay || !mayReply) continue
    bounds.happenedBefore(hostOf[child], answeredBy(draft, child, up), hostOf[up], end[up])
  }
  for (const edge of edges) {
    if (edge.from === -1 || edge.kind === 'link' || hostOf[edge.from] === hostOf[edge.to]) continue
    if (isDoubtful[edge.from] === 1 || isDoubtful[edge.to] === 1) continue
    bounds.happenedBefore(hostOf[edge.from], edge.fromNs, hostOf[edge.to], edge.toNs)
  }
}

/**
 * When the callee must have answered: its end; but a callee that ends a little after its caller, and began
 * inside it, has only noticed late that its answer was gone. Two clocks that agree are not set apart for
 * that.
 */
function answeredBy({ start, end }: Draft, child: number, up: number): number {
  const late = end[child] - end[up]
  const isSlack = start[child] >= start[up] && late <= (end[child] - start[child]) * REPLY_SLACK
  return isSlack ? Math.min(end[child], end[up]) : end[child]
}

function dropContradictions(bounds: Bounds, hosts: readonly string[], log: RepairLog): void {
  for (const [one, row] of bounds.rows.entries()) {
    for (const [other, ceiling] of [...row]) {
      if (ceiling + bounds.ceiling(other, one) >= 0) continue
      bounds.drop(one, other)
      log.add(
        'clock-infeasible',
        undefined,
        `no clock offset between ${hosts[one]} and ${hosts[other]} makes every call between them`
          + ' start after it was made and end before it was answered; their times are shown as they came',
      )
    }
  }
}

/**
 * Floyd-Warshall. Hosts on a circle that contradicts itself lose what is between them; at most once per host.
 */
function closeBounds(bounds: Bounds, hosts: readonly string[], log: RepairLog): void {
  for (let round = 0; round <= hosts.length; round++) {
    const closed = closure(bounds, hosts.length)
    const guilty = hosts.map((_, host) => host).filter((host) => closed[host * hosts.length + host] < 0)
    if (guilty.length === 0) return writeBack(bounds, closed, hosts.length)
    for (const one of guilty) for (const other of guilty) if (one !== other) bounds.drop(one, other)
    log.add(
      'clock-infeasible',
      undefined,
      `the calls among ${guilty.map((host) => hosts[host]).join(', ')} contradict each other about`
        + ' the clocks; their times are shown as they came',
    )
  }
}

function closure(bounds: Bounds, count: number): Float64Array {
  const closed = new Float64Array(count * count).fill(Infinity)
  for (let host = 0; host < count; host++) closed[host * count + host] = 0
  for (const [from, row] of bounds.rows.entries())
    for (const [to, ceiling] of row) closed[from * count + to] = ceiling
  for (let via = 0; via < count; via++) {
    for (let from = 0; from < count; from++) {
      const first = closed[from * count + via]
      if (first === Infinity) continue
      for (let to = 0; to < count; to++) {
        const through = first + closed[via * count + to]
        if (through < closed[from * count + to]) closed[from * count + to] = through
      }
    }
  }
  return closed
}

function writeBack(bounds: Bounds, closed: Float64Array, count: number): void {
  for (let from = 0; from < count; from++) {
    for (let to = 0; to < count; to++) {
      if (from !== to && closed[from * count + to] < Infinity)
        bounds.rows[from].set(to, closed[from * count + to])
    }
  }
}

function rootHost(draft: Draft, hostOf: Int32Array): number {
  let root = -1
  for (const [index, up] of draft.parent.entries()) {
    const isEarlier = root === -1 || draft.start[index] < draft.start[root]
    if (up === -1 && draft.isDoubtful[index] === 0 && isEarlier) root = index
  }
  return root === -1 ? 0 : hostOf[root]
}

/** Breadth first from the root's host; hosts that nothing ties to it are fixed among themselves. */
function fixFromRoot(bounds: Bounds, root: number, offsets: Float64Array): void {
  const neighbours = neighboursOf(bounds)
  const isSeen = new Uint8Array(offsets.length)
  const isFixed = new Uint8Array(offsets.length)
  for (const first of [root, ...offsets.keys()]) {
    if (isSeen[first] === 1) continue
    isSeen[first] = 1
    const queue = [first]
    for (const host of queue) {
      offsets[host] = chooseOffset(bounds, host, neighbours[host], offsets, isFixed)
      isFixed[host] = 1
      for (const next of neighbours[host]) {
        if (isSeen[next] === 1) continue
        isSeen[next] = 1
        queue.push(next)
      }
    }
  }
}

function neighboursOf(bounds: Bounds): number[][] {
  const sets = bounds.rows.map((row) => new Set(row.keys()))
  for (const [from, row] of bounds.rows.entries()) for (const to of row.keys()) sets[to].add(from)
  return sets.map((set) => [...set].sort((a, b) => a - b))
}

function chooseOffset(
  bounds: Bounds,
  host: number,
  near: readonly number[],
  offsets: Float64Array,
  isFixed: Uint8Array,
): number {
  let low = -Infinity
  let high = Infinity
  for (const other of near) {
    if (isFixed[other] === 0) continue
    low = Math.max(low, offsets[other] - bounds.ceiling(host, other))
    high = Math.min(high, offsets[other] + bounds.ceiling(other, host))
  }
  if (low > high || (low <= 0 && high >= 0)) return 0
  if (low > -Infinity && high < Infinity) return Math.floor(low / 2 + high / 2)
  return low > -Infinity ? low : high
}
