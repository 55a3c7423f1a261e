// One timeline: an offset per host, from the bounds that ALL causal edges between two hosts put on it.
//
// A cause u on host i with its effect v on host j says  t_v + offset_j >= t_u + offset_i.  Call edges bound
// the difference from one side, reply edges from the other:
//
//     caller (i)  |===================|     begin(child) >= begin(parent): lower bound of offset_j - offset_i
//     callee (j)       |=========|          end(child)   <= end(parent):   upper bound
//
//   0. where every effect is behind its cause as told, 0 fits everywhere: nothing else is looked at
//   1. ceiling[i][j] = least upper bound of offset_j - offset_i over all edges (Infinity = none)
//   2. where two hosts' bounds contradict each other it is the answers that give way (one may be noticed late,
//      a request never begins early): by as little as it takes, up to REPLY_LATE_NS_MAX; beyond, answers are
//      left out; where even requests contradict each other nothing is kept: times stay raw, with a note
//   3. close the rest over third hosts (Floyd-Warshall); a circle that contradicts itself is treated likewise
//   4. from the root's host outwards fix one host after the other inside its bounds: 0 if it fits (a clock
//      that agrees is left alone), else the middle (for one RPC Jaeger's (parentDur - childDur) / 2), else
//      the least shift
// In a closed network any choice inside the bounds leaves a choice for the rest, so step 4 never contradicts
// itself.
// Sources: Canopy 4.2 (formula not published); Jaeger clockskew.go; difference constraints: Cormen et al.,
// 24.4.

import type { DraftEdge } from './causal-edges.ts'
import type { Origins } from './hosts.ts'
import {
  CLOSURE_HOSTS_MAX,
  REPLY_LATE_NS_MAX,
  REPLY_LATE_NS_MIN,
  REPLY_SLACK,
  REPLY_SLACK_NS_MIN,
} from './limits.ts'
import type { Draft, RepairLog } from './repair.ts'

export type HostOffsets = {
  readonly hosts: readonly string[]
  readonly hostOf: Int32Array
  readonly offsets: Float64Array
}

/**
 * Whole ns to add to each host's times. Cost: O(spans + edges) where clocks agree, else and hosts^3, up to
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
  if (hosts.length < 2 || isInOrder(draft, edges, hostOf)) return { hosts, hostOf, offsets }
  const evidence = collect(draft, edges, hostOf, hosts.length)
  settlePairs(evidence, hosts, log)
  if (hosts.length <= CLOSURE_HOSTS_MAX) closeBounds(evidence, hosts, log)
  fixFromRoot(evidence.all, rootHost(draft, hostOf), offsets)
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

  /** offset_cause - offset_effect <= effect - cause */
  happenedBefore(causeHost: number, cause: number, effectHost: number, effect: number): void {
    this.lower(effectHost, causeHost, effect - cause)
  }

  /** What is known between two hosts becomes what `other` knows of them. */
  replace(one: number, two: number, other: Bounds): void {
    for (const [from, to] of [
      [one, two],
      [two, one],
    ] as const) {
      const ceiling = other.ceiling(from, to)
      if (ceiling === Infinity) this.rows[from].delete(to)
      else this.rows[from].set(to, ceiling)
    }
  }
}

/**
 * all: what offsets are chosen by, at first requests and replies together. outer: a callee begins before its
 * caller has ended; too wide to choose by, but what contradicts it is no lateness.
 */
type Evidence = {
  readonly all: Bounds
  readonly requests: Bounds
  readonly replies: Bounds
  readonly outer: Bounds
}

/** cause@causeHost happened before effect@effectHost, as times are told. */
type Told = (causeHost: number, cause: number, effectHost: number, effect: number) => void

function collect(draft: Draft, edges: readonly DraftEdge[], hostOf: Int32Array, hostCount: number): Evidence {
  const [all, requests, replies, outer] = Array.from({ length: 4 }, () => new Bounds(hostCount)) as [
    Bounds,
    Bounds,
    Bounds,
    Bounds,
  ]
  const both =
    (bounds: Bounds): Told =>
    (...told) => {
      all.happenedBefore(...told)
      bounds.happenedBefore(...told)
    }
  tellAll(draft, edges, hostOf, {
    request: both(requests),
    reply: both(replies),
    outer: (...told) => outer.happenedBefore(...told),
  })
  return { all, requests, replies, outer }
}

/** Then no bound of `all` is below 0, so each step would choose 0. */
function isInOrder(draft: Draft, edges: readonly DraftEdge[], hostOf: Int32Array): boolean {
  let isSo = true
  const look: Told = (_causeHost, cause, _effectHost, effect) => {
    if (effect < cause) isSo = false
  }
  tellAll(draft, edges, hostOf, { request: look, reply: look, outer: () => {} })
  return isSo
}

type Tell = { readonly request: Told; readonly reply: Told; readonly outer: Told }

/** All that is evidence about two clocks. */
function tellAll(draft: Draft, edges: readonly DraftEdge[], hostOf: Int32Array, tell: Tell): void {
  const { parent, spans, start, end, isDoubtful } = draft
  for (let child = 0; child < parent.length; child++) {
    const up = parent[child]
    if (up === -1 || hostOf[up] === hostOf[child] || isDoubtful[child] === 1 || isDoubtful[up] === 1) continue
    tell.request(hostOf[up], start[up], hostOf[child], start[child])
    if (spans[up].kind === 4 || spans[child].kind === 5) continue
    tell.outer(hostOf[child], start[child], hostOf[up], end[up])
    const answered = answeredBy(draft, child, up)
    if (answered !== undefined) tell.reply(hostOf[child], answered, hostOf[up], end[up])
  }
  for (const edge of edges) {
    if (edge.from === -1 || edge.kind === 'link' || hostOf[edge.from] === hostOf[edge.to]) continue
    if (isDoubtful[edge.from] === 1 || isDoubtful[edge.to] === 1) continue
    const fromNs = edge.isImplied === true ? start[edge.from] : edge.fromNs
    tell.request(hostOf[edge.from], fromNs, hostOf[edge.to], edge.toNs)
  }
}

/**
 * When the callee must have answered: its end, but not more than its caller's whole wait after its begin; and
 * a callee that began inside its caller and ended a little after it has only noticed late that its answer was
 * gone: two clocks that agree are not set apart for that. undefined: it went on too long to be waited for.
 */
function answeredBy({ start, end }: Draft, child: number, up: number): number | undefined {
  const took = end[child] - start[child]
  const wait = end[up] - start[up]
  const slack = Math.max(took * REPLY_SLACK, REPLY_SLACK_NS_MIN)
  if (took > wait + slack) return undefined
  const answered = start[child] + Math.min(took, wait)
  const isInside = start[child] >= start[up] && start[child] <= end[up]
  return isInside && end[child] - end[up] <= slack ? Math.min(answered, end[up]) : answered
}

function settlePairs(evidence: Evidence, hosts: readonly string[], log: RepairLog): void {
  const { all } = evidence
  for (const [one, row] of all.rows.entries()) {
    for (const [other, ceiling] of [...row]) {
      const lateNs = -(ceiling + all.ceiling(other, one))
      if (lateNs <= 0) continue
      if (lateNs <= REPLY_LATE_NS_MAX) {
        giveWay(evidence, [one, other], lateNs)
        if (all.ceiling(one, other) + all.ceiling(other, one) >= 0) continue
      }
      settle(evidence, [one, other])
      const isSettled = all.rows[one].has(other) || all.rows[other].has(one)
      note(log, isSettled, `${hosts[one]} and ${hosts[other]}`)
    }
  }
}

/**
 * Between each two of these hosts answers may have been noticed that late; what is known of requests stays.
 */
function giveWay(evidence: Evidence, hosts: readonly number[], lateNs: number): void {
  const { all, requests, replies, outer } = evidence
  for (const one of hosts) {
    for (const other of hosts) {
      if (!all.rows[one].has(other)) continue
      const wide = Math.min(requests.ceiling(one, other), outer.ceiling(one, other))
      const relaxed = Math.min(wide, replies.ceiling(one, other) + lateNs)
      all.rows[one].set(other, Math.max(all.ceiling(one, other), relaxed))
    }
  }
}

/** Between each two of these hosts: requests only; nothing where they contradict the outer bounds. */
function settle({ all, requests, outer }: Evidence, hosts: readonly number[]): void {
  for (const one of hosts) {
    for (const other of hosts) {
      if (one >= other) continue
      const tight = (from: number, to: number): number =>
        Math.min(requests.ceiling(from, to), outer.ceiling(from, to))
      const isSound = tight(one, other) + tight(other, one) >= 0
      all.replace(one, other, isSound ? requests : new Bounds(all.rows.length))
    }
  }
}

function note(log: RepairLog, isSettled: boolean, hosts: string): void {
  const what =
    'no clock offset makes every call between them start after it was made and end before it was answered'
  if (isSettled) log.add('clock-by-requests', undefined, `${hosts}: ${what}; aligned by when calls began`)
  else log.add('clock-infeasible', undefined, `${hosts}: ${what}; their times are shown as they came`)
}

/**
 * Floyd-Warshall. Between hosts on a circle that contradicts itself answers give way, twice as much each
 * time; then they are settled as pairs are, then untied.
 */
function closeBounds(evidence: Evidence, hosts: readonly string[], log: RepairLog): void {
  const { all } = evidence
  let lateNs = REPLY_LATE_NS_MIN
  let isFirst = true
  for (let round = 0; round <= 2 * hosts.length + Math.log2(REPLY_LATE_NS_MAX); round++) {
    const closed = closure(all, hosts.length)
    const guilty = [...hosts.keys()].filter((host) => closed[host * hosts.length + host] < 0)
    if (guilty.length === 0) return writeBack(all, closed, hosts.length)
    if (lateNs <= REPLY_LATE_NS_MAX) {
      giveWay(evidence, guilty, lateNs)
      lateNs *= 2
      continue
    }
    if (isFirst) settle(evidence, guilty)
    else
      for (const one of guilty) for (const other of guilty) all.replace(one, other, new Bounds(hosts.length))
    note(log, isFirst, guilty.map((host) => hosts[host]).join(', '))
    isFirst = false
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
