// The trace as a schedule that can be replayed: what would have happened had some of its work been shorter.
//
//   parent  B====d-----a==d---------a====E     B begin, d departure (a child begins, an edge leaves),
//                |     |  |         |          a arrival (what was waited for), E end
//   child        B=====E  B====E....|          = work of the block itself, - waiting
//                              edge +
//
// Each block is a chain of such checkpoints in order of time. Between two of them lies work, unless the later
// one is an arrival: then the block was waiting. Checkpoints of different blocks hang together by
// constraints: a child begins when its parent got there, an arrival is not before its source plus the time
// under way. The replay puts each checkpoint at the latest of what it waits for (the longest way to it), so
// that a schedule in which nothing was shortened is the trace itself, to the ns.
//
// Assumptions, those of the critical path itself: what a block began after something had arrived it would
// always begin after it; and while a block waits for others it does no work of its own.
//
// What lies before the root's begin is no part of its time: those checkpoints stand at the begin.
//
// Constraints at one instant can be circular (edges of equal times). The circle is cut at its earliest
// checkpoint, which then keeps its time. Sources: PERT/CPM (Kelley & Walker 1959) for float; Canopy 3.4 for
// edges with a duration; Coz (SOSP'15) for asking what a shorter operation would bring.

import { blockTimes, type BlockTimes } from './block-times.ts'
import type { Trace } from './trace.ts'

/** Order of checkpoints at one instant: a child that begins does not wait for what arrives just then. */
const RANK = { begin: 0, departure: 1, arrival: 2, leaving: 3, end: 4 } as const

/** Not the work of any block: the time of an edge under way. */
const NOBODY = -1

export type Schedule = {
  readonly trace: Trace
  readonly times: BlockTimes
  /** Checkpoints: `first[b] .. first[b + 1]` are those of block b, in order. */
  readonly first: Int32Array
  /** The checkpoint at which each block ended; later ones are of what it began after that. */
  readonly end: Int32Array
  readonly time: Float64Array
  readonly block: Int32Array
  /** Work since the checkpoint before; 0 at a begin and at an arrival. */
  readonly work: Float64Array
  /** Constraints: `target` is not before `source` + `lag`; the lag is work of `worker`, or NOBODY's. */
  readonly source: Int32Array
  readonly target: Int32Array
  readonly lag: Float64Array
  readonly worker: Int32Array
  /** Constraints by target, as linked lists. */
  readonly into: Int32Array
  readonly intoNext: Int32Array
  /** Checkpoints, each after all that it waits for. */
  readonly order: Int32Array
  /** 1: keeps its time, because nothing is known that it waits for. */
  readonly isFixed: Uint8Array
  /** 1: left out of a circle. */
  readonly isCut: Uint8Array
}

/** Cost: O(n log n) for sorting checkpoints of one block; about 0.5 us a span. */
export function scheduleOf(trace: Trace, times: BlockTimes = blockTimes(trace)): Schedule {
  const draft = new Draft(trace, times)
  const count = draft.time.length
  const { first, placeOf, sorted } = placed(draft, trace.blocks.length)
  const time = new Float64Array(count)
  const block = new Int32Array(count)
  const work = new Float64Array(count)
  for (let place = 0; place < count; place++) {
    const made = sorted[place]
    time[place] = Math.max(0, draft.time[made])
    block[place] = draft.block[made]
    const isFirst = place === first[block[place]]
    if (isFirst || draft.rank[made] === RANK.arrival) continue
    work[place] = Math.min(time[place] - time[place - 1], draft.workMax.get(made) ?? Infinity)
  }
  const source = Int32Array.from(draft.source, (made) => placeOf[made])
  const target = Int32Array.from(draft.target, (made) => placeOf[made])
  const into = new Int32Array(count).fill(-1)
  const intoNext = new Int32Array(source.length).fill(-1)
  for (let at = source.length - 1; at >= 0; at--) {
    intoNext[at] = into[target[at]]
    into[target[at]] = at
  }
  const graph = {
    trace,
    times,
    first,
    end: placeOf.slice(trace.blocks.length, 2 * trace.blocks.length),
    time,
    block,
    work,
    source,
    target,
    lag: Float64Array.from(draft.lag),
    worker: Int32Array.from(draft.worker),
    into,
    intoNext,
    isFixed: new Uint8Array(count),
    isCut: new Uint8Array(source.length),
  }
  for (let index = 0; index < trace.blocks.length; index++)
    if (into[first[index]] === -1) graph.isFixed[first[index]] = 1
  return { ...graph, order: ordered(graph) }
}

/**
 * Times of all checkpoints when the work of each block takes `scale(block)` times as long. Errors: none; a
 * scale is a number >= 0.
 */
export function replay(schedule: Schedule, scale: (block: number) => number): Float64Array {
  const { order, time, block, work, first, into, intoNext, source, lag, worker, isFixed, isCut } = schedule
  const at = new Float64Array(time.length)
  for (let step = 0; step < order.length; step++) {
    const here = order[step]
    const own = block[here]
    let latest = isFixed[here] === 1 ? time[here] : -Infinity
    if (here !== first[own]) {
      const ready = at[here - 1] + (work[here] === 0 ? 0 : work[here] * scale(own))
      if (ready > latest) latest = ready
    }
    for (let link = into[here]; link !== -1; link = intoNext[link]) {
      if (isCut[link] === 1) continue
      const under = lag[link]
      const ready = at[source[link]] + (worker[link] === NOBODY ? under : under * scale(worker[link]))
      if (ready > latest) latest = ready
    }
    at[here] = latest
  }
  return at
}

/** End-to-end time of a replay: from the root's begin to its end. */
export function endToEnd({ first, end, trace }: Schedule, at: Float64Array): number {
  return trace.root === -1 ? 0 : at[end[trace.root]] - at[first[trace.root]]
}

/**
 * By how much the work of each block could grow, in all, without the root ending later; Infinity: nothing
 * waits for it. Shapes: one entry a block, ns. Cost: two passes.
 */
export function slacks(schedule: Schedule): Float64Array {
  const { order, time, block, work, first, end, into, intoNext, source, lag, worker, isCut, trace } = schedule
  const slack = new Float64Array(trace.blocks.length).fill(Infinity)
  if (trace.root === -1) return slack
  const latest = new Float64Array(time.length).fill(Infinity)
  latest[end[trace.root]] = time[end[trace.root]]
  const tighten = (worked: number, room: number): void => {
    if (room < slack[worked]) slack[worked] = room
  }
  for (let step = order.length - 1; step >= 0; step--) {
    const here = order[step]
    const own = block[here]
    for (let link = into[here]; link !== -1; link = intoNext[link]) {
      if (isCut[link] === 1) continue
      const until = latest[here] - lag[link]
      if (until < latest[source[link]]) latest[source[link]] = until
      if (worker[link] !== NOBODY) tighten(worker[link], until - time[source[link]])
    }
    if (here === first[own]) continue
    const until = latest[here] - work[here]
    if (until < latest[here - 1]) latest[here - 1] = until
    if (work[here] > 0 || here === end[own]) tighten(own, until - time[here - 1])
  }
  return slack
}

/** Checkpoints and constraints in the order in which they are found. */
class Draft {
  readonly time: number[] = []
  readonly block: number[] = []
  readonly rank: number[] = []
  readonly source: number[] = []
  readonly target: number[] = []
  readonly lag: number[] = []
  readonly worker: number[] = []
  /** Checkpoints before which less was worked than time went by. */
  readonly workMax = new Map<number, number>()
  readonly #times: BlockTimes

  constructor(trace: Trace, times: BlockTimes) {
    this.#times = times
    const count = trace.blocks.length
    for (let index = 0; index < count; index++) this.#make(index, times.start[index], RANK.begin)
    for (let index = 0; index < count; index++) this.#make(index, times.end[index], RANK.end)
    // A begin is checkpoint number `index`, an end number `count + index`.
    const departures = new Int32Array(count).fill(-1)
    for (let index = 0; index < count; index++) departures[index] = this.#begin(index)
    for (let index = 0; index < count; index++) this.#awaited(index, count)
    for (const { to, at, sources } of this.#arrivals(trace)) {
      if (at > times.start[to]) this.#joined(sources, this.#make(to, at, RANK.arrival), NOBODY)
      else this.#cause(to, sources, departures[to])
    }
  }

  /** Edges by where and when they arrive, with the checkpoints at which they leave. */
  #arrivals(trace: Trace): Iterable<{ to: number; at: number; sources: number[] }> {
    const { baseNs, start, end, parent } = this.#times
    const groups = new Map<string, { to: number; at: number; sources: number[] }>()
    for (const edge of trace.edges) {
      if (edge.from === undefined || edge.from.timeNs > edge.to.timeNs) continue
      const { block: to } = edge.to
      const at = Number(edge.to.timeNs - baseNs)
      const isLoose = edge.kind === 'link' && at === start[to] && parent[to] !== -1
      if (at < start[to] || at > end[to] || isLoose) continue
      const source = this.#leave(edge.from.block, Number(edge.from.timeNs - baseNs))
      const key = `${to} ${at}`
      const group = groups.get(key)
      if (group === undefined) groups.set(key, { to, at, sources: [source] })
      else group.sources.push(source)
    }
    return groups.values()
  }

  /** Where its parent got to before this block began. Gives the departure, if the parent waited there. */
  #begin(index: number): number {
    const { start, end, parent, isHandover } = this.#times
    const up = parent[index]
    if (up === -1) return -1
    const isQueued = isHandover[index] === 1 && start[up] <= start[index]
    const leaves = isQueued ? Math.min(end[up], start[index]) : start[index]
    // Before its own parent: no work of the parent led to it, but it keeps its distance.
    if (leaves < start[up]) {
      this.#link(up, index)
      return -1
    }
    const departure = this.#make(up, leaves, isQueued ? RANK.leaving : RANK.departure)
    this.#link(departure, index)
    return isQueued ? -1 : departure
  }

  /** Its parent goes on when the block has ended, or has come to where the parent's own end clips it. */
  #awaited(index: number, count: number): void {
    const { end, parent, awaitedUntil } = this.#times
    const until = awaitedUntil[index]
    if (Number.isNaN(until)) return
    const last = until === end[index] ? count + index : this.#make(index, until, RANK.leaving)
    this.#link(last, this.#make(parent[index], until, RANK.arrival))
  }

  /** A block that began because of edges: its parent had waited for them, and worked from there on only. */
  #cause(index: number, sources: readonly number[], departure: number): void {
    if (departure === -1) return this.#joined(sources, index, NOBODY)
    const under = Math.max(0, this.#under(sources, departure))
    this.workMax.set(departure, under)
    this.#joined(sources, departure, under > 0 ? this.#times.parent[index] : NOBODY)
  }

  /**
   * Of several edges that arrive at one instant the last to leave decided when that was; the others had
   * waited. So all are given the time that the last one was under way.
   */
  #joined(sources: readonly number[], target: number, worker: number): void {
    const under = this.#under(sources, target)
    for (const source of sources) this.#link(source, target, under, worker)
  }

  #under(sources: readonly number[], target: number): number {
    return sources.reduce(
      (least, source) => Math.min(least, distance(this.time[source], this.time[target])),
      Infinity,
    )
  }

  /** Where an edge leaves; before its source began (clocks) it hangs on the begin. */
  #leave(block: number, time: number): number {
    const begin = this.#times.start[block]
    return time <= begin ? block : this.#make(block, time, RANK.leaving)
  }

  #make(block: number, time: number, rank: number): number {
    this.block.push(block)
    this.rank.push(rank)
    return this.time.push(time) - 1
  }

  /** The time between the two as it was is what stays between them, unless told otherwise. */
  #link(
    source: number,
    target: number,
    lag = distance(this.time[source], this.time[target]),
    worker = NOBODY,
  ): void {
    this.source.push(source)
    this.target.push(target)
    this.lag.push(lag)
    this.worker.push(worker)
  }
}

/** From the root's begin on. */
function distance(from: number, to: number): number {
  return Math.max(0, to) - Math.max(0, from)
}

/** Checkpoints block by block, each in order of time, then rank. */
function placed(
  { time, block, rank }: Draft,
  blocks: number,
): { first: Int32Array; placeOf: Int32Array; sorted: Int32Array } {
  const first = new Int32Array(blocks + 1)
  for (const owner of block) first[owner + 1] += 1
  for (let index = 0; index < blocks; index++) first[index + 1] += first[index]
  const next = first.slice()
  const sorted = new Int32Array(time.length)
  for (let made = 0; made < time.length; made++) sorted[next[block[made]]++] = made
  const before = (a: number, b: number): number => time[a] - time[b] || rank[a] - rank[b] || a - b
  for (let index = 0; index < blocks; index++)
    if (first[index + 1] - first[index] > 2) sorted.subarray(first[index], first[index + 1]).sort(before)
  const placeOf = new Int32Array(time.length)
  for (let place = 0; place < sorted.length; place++) placeOf[sorted[place]] = place
  return { first, placeOf, sorted }
}

/** Kahn's order; a circle is cut at its earliest checkpoint, which keeps its time. */
function ordered(graph: Omit<Schedule, 'order'>): Int32Array {
  const { first, block, source, target, time, into, intoNext, isFixed, isCut } = graph
  const count = time.length
  const waits = new Int32Array(count)
  const outOf = new Int32Array(count).fill(-1)
  const outNext = new Int32Array(source.length).fill(-1)
  for (let link = 0; link < source.length; link++) {
    waits[target[link]] += 1
    outNext[link] = outOf[source[link]]
    outOf[source[link]] = link
  }
  for (let place = 0; place < count; place++) if (place !== first[block[place]]) waits[place] += 1
  const order = new Int32Array(count)
  let ready = 0
  const release = (place: number): void => {
    waits[place] -= 1
    if (waits[place] === 0) order[ready++] = place
  }
  for (let place = 0; place < count; place++) if (waits[place] === 0) order[ready++] = place
  let done = 0
  let byTime: Int32Array | undefined
  let next = 0
  while (done < count) {
    if (done === ready) {
      byTime ??= Int32Array.from(time.keys()).sort((a, b) => time[a] - time[b] || a - b)
      while (waits[byTime[next]] <= 0) next += 1
      // Earlier than all that waits: so it does not wait for its own chain.
      const cut = byTime[next]
      isFixed[cut] = 1
      for (let link = into[cut]; link !== -1; link = intoNext[link]) {
        if (isCut[link] === 1 || waits[source[link]] <= 0) continue
        isCut[link] = 1
        release(cut)
      }
      continue
    }
    const here = order[done++]
    waits[here] = -1
    for (let link = outOf[here]; link !== -1; link = outNext[link])
      if (isCut[link] === 0) release(target[link])
    if (here + 1 < first[block[here] + 1]) release(here + 1)
  }
  return order
}
