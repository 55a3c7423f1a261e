// The critical path between two points: a walk backwards from `to`, always to what the current block last
// waited for.
//
//   P |======================|  t = P.end: the child of P that finished last is B; (B.end, P.end] is P's own
//   A   |=====|                 inside B nothing finished; (B.begin, B.end] is B's; from its begin back to P
//   B             |=======|     of P's children A ended last before B began; (A.end, B.begin] is P's; ...
//
// That is Jaeger's walk (children clipped to the parent, consumers of producers left out, `end < t` strict on
// the way back up), made to follow causal edges too: an edge that arrives inside a block competes with its
// children, the latest wins; an edge that arrives at the begin of a block (it awaited that branch; it was
// taken from that queue) says what the block waited for, so the walk goes there instead of to whichever
// sibling happened to end last.
//
// Termination: each arrival of a block is used at most once (a cursor that only moves back) and each begin is
// left at most once, so the walk has at most one step per block and edge. Time never grows along the walk;
// sections are cut at `from`.
// Sources: Jaeger UI TracePage/CriticalPath; Canopy 3.4 and 4.4 (CriticalPath(a->b), edges with queueing).

import type { EdgeKind } from '#protocol'
import { blockTimes, type BlockTimes } from './block-times.ts'
import type { CriticalSection, PointRef, Trace } from './trace.ts'

/** Something that came to a block: a child's end, or an edge. Times are relative (block-times.ts). */
type Arrival = {
  readonly time: number
  readonly source: number
  readonly sourceTime: number
  readonly edge?: EdgeKind
  /** Its position in Trace.edges. */
  readonly place?: number
}

/** A section before it is told in words; times are relative. */
export type PathSection = {
  readonly block: number
  start: number
  readonly end: number
  readonly edge?: EdgeKind
}

type Walk = {
  readonly times: BlockTimes
  /** Children as linked lists by parent: the last, and the one before. */
  readonly lastChild: Int32Array
  readonly childBefore: Int32Array
  readonly edges: ReadonlyMap<number, readonly Arrival[]>
  /** Per block the latest edge that arrives at its begin. */
  readonly causes: ReadonlyMap<number, Arrival>
  /** Arrivals of the blocks that were visited, latest first, and how many of them are used. */
  readonly visited: Map<number, { readonly arrivals: readonly Arrival[]; used: number }>
  /** Blocks whose begin was left; a circle of instantaneous edges would lead back to it for ever. */
  readonly left: Set<number>
  readonly sections: PathSection[]
  readonly from: number
  /** Edges that were gone along, latest first; absent: nobody asks. */
  readonly followed: number[] | undefined
}

/**
 * Sections in order of time that partition [from, to]; default the whole main root. Empty when a point is
 * unknown, from is not before to, or the trace is empty. Cost: O(n) for the trace, and sorting of what came
 * to the blocks that the walk visits; `times`, where they are there already, saves a pass.
 */
export function criticalPath(
  trace: Trace,
  options: { readonly from?: PointRef; readonly to?: PointRef; readonly times?: BlockTimes } = {},
): CriticalSection[] {
  const root = trace.blocks[trace.root]
  if (root === undefined) return []
  const from =
    options.from === undefined
      ? { block: root.index, timeNs: root.startNs }
      : find(trace, options.from, 'begin')
  const to =
    options.to === undefined ? { block: root.index, timeNs: root.endNs } : find(trace, options.to, 'end')
  if (from === undefined || to === undefined || from.timeNs >= to.timeNs) return []
  const times = options.times ?? blockTimes(trace)
  const ends = { from: Number(from.timeNs - times.baseNs), to: Number(to.timeNs - times.baseNs) }
  const exact = (time: number): bigint =>
    time === ends.from ? from.timeNs : time === ends.to ? to.timeNs : times.baseNs + BigInt(time)
  return pathSections(trace, times, ends, to.block).map(({ block: index, start, end, edge }) => {
    const { spanId, service, name } = trace.blocks[index]
    const section = { spanId, service, name, startNs: exact(start), endNs: exact(end) }
    return edge === undefined ? section : { ...section, waitedFor: edge }
  })
}

/**
 * The sections of the way to `ends.to` in a block, by block index, in order of time. `followed` is given the
 * positions in Trace.edges of the edges that it goes along, latest first.
 */
export function pathSections(
  trace: Trace,
  times: BlockTimes,
  ends: { readonly from: number; readonly to: number },
  toBlock: number,
  followed?: number[],
): readonly PathSection[] {
  const walk = startWalk(trace, times, ends.from, followed)
  walkBack(walk, toBlock, ends.to)
  return walk.sections.reverse()
}

/** ns by "service name", of the sections where the span itself ran or waited. */
export function exclusiveTimes(sections: readonly CriticalSection[]): Map<string, bigint> {
  const sums = new Map<string, bigint>()
  for (const { service, name, startNs, endNs } of sections) {
    const key = `${service} ${name}`
    sums.set(key, (sums.get(key) ?? 0n) + endNs - startNs)
  }
  return sums
}

function find(
  trace: Trace,
  ref: PointRef,
  side: 'begin' | 'end',
): { block: number; timeNs: bigint } | undefined {
  const block = trace.blocks.find((candidate) => candidate.spanId === ref.spanId)
  if (block === undefined) return undefined
  const at = ref.at ?? side
  if (at === 'begin') return { block: block.index, timeNs: block.startNs }
  if (at === 'end') return { block: block.index, timeNs: block.endNs }
  if (typeof at === 'bigint') return { block: block.index, timeNs: at }
  const point = trace.points.find(
    (candidate) => candidate.block === block.index && candidate.name === at.event,
  )
  return point === undefined ? undefined : { block: block.index, timeNs: point.timeNs }
}

function startWalk(trace: Trace, times: BlockTimes, from: number, followed: number[] | undefined): Walk {
  const count = trace.blocks.length
  const lastChild = new Int32Array(count).fill(-1)
  const childBefore = new Int32Array(count).fill(-1)
  for (let child = 0; child < count; child++) {
    if (Number.isNaN(times.awaitedUntil[child])) continue
    const up = times.parent[child]
    childBefore[child] = lastChild[up]
    lastChild[up] = child
  }
  return {
    times,
    lastChild,
    childBefore,
    ...edgesOf(trace, times),
    visited: new Map(),
    left: new Set(),
    sections: [],
    from,
    followed,
  }
}

function edgesOf(
  trace: Trace,
  { baseNs, start, end, parent }: BlockTimes,
): { edges: Map<number, Arrival[]>; causes: Map<number, Arrival> } {
  const edges = new Map<number, Arrival[]>()
  const causes = new Map<number, Arrival>()
  for (let place = 0; place < trace.edges.length; place++) {
    const { kind, from, to } = trace.edges[place]
    if (from === undefined || from.timeNs > to.timeNs) continue
    const time = Number(to.timeNs - baseNs)
    const sourceTime = Number(from.timeNs - baseNs)
    const arrival = { time, source: from.block, sourceTime, edge: kind, place }
    if (time > start[to.block] && time <= end[to.block]) {
      const list = edges.get(to.block)
      if (list === undefined) edges.set(to.block, [arrival])
      else list.push(arrival)
    } else if (time === start[to.block]) {
      // A plain link only says "related": it counts for blocks that have no parent to have come from.
      if (kind === 'link' && parent[to.block] !== -1) continue
      const known = causes.get(to.block)
      if (known === undefined || known.sourceTime < arrival.sourceTime) causes.set(to.block, arrival)
    }
  }
  return { edges, causes }
}

function walkBack(walk: Walk, toBlock: number, to: number): void {
  const { from } = walk
  let block = toBlock
  let t = to
  let isReturning = false
  while (t > from) {
    const arrival = lastArrival(walk, block, t, isReturning)
    if (arrival !== undefined) {
      if (arrival.place !== undefined) walk.followed?.push(arrival.place)
      push(walk, block, Math.max(arrival.time, from), t)
      // From its arrival back to its departure an edge was under way: the block waited for it.
      push(walk, block, Math.max(arrival.sourceTime, from), Math.max(arrival.time, from), arrival.edge)
      block = arrival.source
      t = arrival.sourceTime
      isReturning = false
      continue
    }
    const begin = Math.min(walk.times.start[block], t)
    push(walk, block, Math.max(begin, from), t)
    t = begin
    if (t <= from) return
    const next = beforeBegin(walk, block, t)
    if (next === undefined) return push(walk, block, from, t)
    block = next.block
    t = next.time
    isReturning = next.isReturning
  }
}

/**
 * The latest unused arrival of the block at or before t; strictly before when coming back up from a child
 * that began at t.
 */
function lastArrival(walk: Walk, block: number, t: number, isStrict: boolean): Arrival | undefined {
  let visit = walk.visited.get(block)
  if (visit === undefined) {
    visit = { arrivals: arrivalsOf(walk, block), used: 0 }
    walk.visited.set(block, visit)
  }
  const { arrivals } = visit
  let at = visit.used
  while (at < arrivals.length && (isStrict ? arrivals[at].time >= t : arrivals[at].time > t)) at += 1
  visit.used = at + 1
  return arrivals[at]
}

/** Latest first; of those at one instant children in their order, then edges. */
function arrivalsOf(walk: Walk, block: number): readonly Arrival[] {
  const arrivals: Arrival[] = []
  for (let child = walk.lastChild[block]; child !== -1; child = walk.childBefore[child]) {
    const time = walk.times.awaitedUntil[child]
    arrivals.push({ time, source: child, sourceTime: time })
  }
  arrivals.reverse()
  const edges = walk.edges.get(block)
  // One by one: a call takes only so many arguments, and how many links a span has is its sender's choice.
  for (const edge of edges ?? []) arrivals.push(edge)
  return arrivals.length > 1 ? arrivals.sort((a, b) => b.time - a.time) : arrivals
}

/** Where the walk goes from the begin of a block: to what it waited for, else to its parent, else nowhere. */
function beforeBegin(
  walk: Walk,
  block: number,
  t: number,
): { block: number; time: number; isReturning: boolean } | undefined {
  const { start, end, parent, isHandover } = walk.times
  if (walk.left.has(block)) return undefined
  walk.left.add(block)
  const up = parent[block]
  const cause = walk.causes.get(block)
  const covers = up !== -1 && isHandover[block] === 0 && start[up] <= t
  if (cause !== undefined && cause.sourceTime <= t && (!covers || cause.sourceTime > start[up])) {
    if (cause.place !== undefined) walk.followed?.push(cause.place)
    // Between the end of what was awaited and the begin of this block its parent ran; without a parent it lay
    // in a queue.
    if (covers) push(walk, up, Math.max(cause.sourceTime, walk.from), t)
    else push(walk, block, Math.max(cause.sourceTime, walk.from), t, cause.edge)
    return { block: cause.source, time: cause.sourceTime, isReturning: false }
  }
  if (up === -1) return undefined
  if (covers) return { block: up, time: t, isReturning: true }
  const left = Math.min(end[up], t)
  push(walk, block, Math.max(left, walk.from), t, 'queue')
  return { block: up, time: left, isReturning: false }
}

function push({ sections }: Walk, block: number, start: number, end: number, edge?: EdgeKind): void {
  if (start >= end) return
  const later = sections.at(-1)
  if (later !== undefined && later.block === block && later.edge === edge) later.start = start
  else sections.push({ block, start, end, edge })
}
