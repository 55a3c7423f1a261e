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
import type { Block, CriticalSection, PointRef, Trace } from './trace.ts'

/** Something that came to a block: a child's end, or an edge. */
type Arrival = {
  readonly timeNs: bigint
  readonly source: number
  readonly sourceNs: bigint
  readonly edge?: EdgeKind
}

type Walk = {
  readonly trace: Trace
  readonly arrivals: ReadonlyMap<number, readonly Arrival[]>
  /** Per block the latest edge that arrives at its begin. */
  readonly causes: ReadonlyMap<number, Arrival>
  readonly cursors: Map<number, number>
  /** Blocks whose begin was left; a circle of instantaneous edges would lead back to it for ever. */
  readonly left: Set<number>
  readonly sections: CriticalSection[]
  readonly fromNs: bigint
}

/**
 * Sections in order of time that partition [from, to]; default the whole main root. Empty when a point is
 * unknown, from is not before to, or the trace is empty. Cost: O(n log n).
 */
export function criticalPath(
  trace: Trace,
  options: { readonly from?: PointRef; readonly to?: PointRef } = {},
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
  const { arrivals, causes } = arrivalsOf(trace)
  const walk: Walk = {
    trace,
    arrivals,
    causes,
    cursors: new Map(),
    left: new Set(),
    sections: [],
    fromNs: from.timeNs,
  }
  walkBack(walk, to.block, to.timeNs)
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

function walkBack(walk: Walk, toBlock: number, toNs: bigint): void {
  const { trace, sections, fromNs } = walk
  let block = trace.blocks[toBlock]
  let t = toNs
  let isReturning = false
  while (t > fromNs) {
    const arrival = lastArrival(walk, block, t, isReturning)
    const begin = min(block.startNs, t)
    if (arrival !== undefined) {
      push(sections, block, max(arrival.timeNs, fromNs), t)
      pushWait(sections, block, arrival, fromNs)
      block = trace.blocks[arrival.source]
      t = arrival.sourceNs
      isReturning = false
      continue
    }
    push(sections, block, max(begin, fromNs), t)
    t = begin
    if (t <= fromNs) return
    const next = beforeBegin(walk, block, t)
    if (next === undefined) return push(sections, block, fromNs, t)
    block = next.block
    t = next.timeNs
    isReturning = next.isReturning
  }
}

/**
 * The latest unused arrival of the block at or before t; strictly before when coming back up from a child
 * that began at t.
 */
function lastArrival(walk: Walk, block: Block, t: bigint, isStrict: boolean): Arrival | undefined {
  const arrivals = walk.arrivals.get(block.index)
  if (arrivals === undefined) return undefined
  let cursor = walk.cursors.get(block.index) ?? 0
  while (cursor < arrivals.length && (isStrict ? arrivals[cursor].timeNs >= t : arrivals[cursor].timeNs > t))
    cursor += 1
  walk.cursors.set(block.index, cursor + 1)
  return arrivals[cursor]
}

/** Where the walk goes from the begin of a block: to what it waited for, else to its parent, else nowhere. */
function beforeBegin(
  walk: Walk,
  block: Block,
  t: bigint,
): { block: Block; timeNs: bigint; isReturning: boolean } | undefined {
  const { trace, sections, fromNs } = walk
  if (walk.left.has(block.index)) return undefined
  walk.left.add(block.index)
  const parent = trace.blocks[block.parent]
  const cause = walk.causes.get(block.index)
  const covers = parent !== undefined && !isHandover(parent, block) && parent.startNs <= t
  if (cause !== undefined && cause.sourceNs <= t && (!covers || cause.sourceNs > parent.startNs)) {
    // Between the end of what was awaited and the begin of this block its parent ran; without a parent it lay
    // in a queue.
    if (covers) push(sections, parent, max(cause.sourceNs, fromNs), t)
    else push(sections, block, max(cause.sourceNs, fromNs), t, cause.edge)
    return { block: trace.blocks[cause.source], timeNs: cause.sourceNs, isReturning: false }
  }
  if (parent === undefined) return undefined
  if (covers) return { block: parent, timeNs: t, isReturning: true }
  const left = min(parent.endNs, t)
  push(sections, block, max(left, fromNs), t, 'queue')
  return { block: parent, timeNs: left, isReturning: false }
}

/** From its arrival back to its departure an edge was under way: the block waited for it. */
function pushWait(sections: CriticalSection[], block: Block, arrival: Arrival, fromNs: bigint): void {
  push(sections, block, max(arrival.sourceNs, fromNs), max(arrival.timeNs, fromNs), arrival.edge)
}

function push(
  sections: CriticalSection[],
  block: Block,
  startNs: bigint,
  endNs: bigint,
  waitedFor?: EdgeKind,
): void {
  if (startNs >= endNs) return
  const section = { spanId: block.spanId, service: block.service, name: block.name, startNs, endNs }
  const later = sections.at(-1)
  if (later !== undefined && later.spanId === block.spanId && later.waitedFor === waitedFor) {
    sections[sections.length - 1] = { ...later, startNs }
  } else sections.push(waitedFor === undefined ? section : { ...section, waitedFor })
}

function arrivalsOf(trace: Trace): { arrivals: Map<number, Arrival[]>; causes: Map<number, Arrival> } {
  const arrivals = new Map<number, Arrival[]>()
  const causes = new Map<number, Arrival>()
  for (const [child, clippedEnd] of clippedEnds(trace.blocks)) {
    add(arrivals, trace.blocks[child].parent, { timeNs: clippedEnd, source: child, sourceNs: clippedEnd })
  }
  for (const { kind, from, to } of trace.edges) {
    if (from === undefined || from.timeNs > to.timeNs) continue
    const block = trace.blocks[to.block]
    const arrival = { timeNs: to.timeNs, source: from.block, sourceNs: from.timeNs, edge: kind }
    if (to.timeNs > block.startNs && to.timeNs <= block.endNs) add(arrivals, to.block, arrival)
    else if (to.timeNs === block.startNs) addCause(causes, trace, to.block, arrival)
  }
  for (const list of arrivals.values())
    list.sort((a, b) => (a.timeNs < b.timeNs ? 1 : a.timeNs > b.timeNs ? -1 : 0))
  return { arrivals, causes }
}

/** A plain link only says "related": it counts for blocks that have no parent to have come from. */
function addCause(causes: Map<number, Arrival>, trace: Trace, block: number, arrival: Arrival): void {
  if (arrival.edge === 'link' && trace.blocks[block].parent !== -1) return
  const known = causes.get(block)
  if (known === undefined || known.sourceNs < arrival.sourceNs) causes.set(block, arrival)
}

function add(arrivals: Map<number, Arrival[]>, block: number, arrival: Arrival): void {
  const list = arrivals.get(block)
  if (list === undefined) arrivals.set(block, [arrival])
  else list.push(arrival)
}

/**
 * Ends of the children that a parent may have waited for, clipped to the parent; a child that lies wholly
 * outside its (clipped) parent is left out with everything below it. Parents come before children, so one
 * pass is enough.
 */
function* clippedEnds(blocks: readonly Block[]): Generator<[number, bigint]> {
  const ends: (bigint | undefined)[] = []
  for (const block of blocks) {
    const parent = blocks[block.parent]
    if (parent === undefined) {
      ends.push(block.endNs)
      continue
    }
    const parentEnd = ends[block.parent]
    const parentStart = parent.startNs
    const isOutside = parentEnd === undefined || block.startNs >= parentEnd || block.endNs <= parentStart
    if (isOutside || isHandover(parent, block)) {
      ends.push(isHandover(parent, block) ? block.endNs : undefined)
      continue
    }
    const end = min(block.endNs, parentEnd)
    ends.push(end)
    yield [block.index, end]
  }
}

function isHandover(parent: Block, child: Block): boolean {
  return parent.kind === 'producer' && child.kind === 'consumer'
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
