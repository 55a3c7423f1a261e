// A trace as the language reads it: every element is a small number, every time a double of ns since the
// trace began (its earliest block), and each kind has an order of time. Built once a trace, in parts when a
// program asks for them, and shared by all programs.
//
//   unit, block   position in Trace.units, Trace.blocks
//   point         0..n-1 begins of blocks, n..2n-1 their ends, 2n.. events (Trace.points)
//   edge          0..e-1 Trace.edges, e.. spans that stand for an edge (docs/formats/trace-attributes.md)
//   section, path positions in tables that grow as critical paths are asked for
//
// Times are exact: the model keeps a trace within 2^52 ns. Owner: whoever prepares it; nothing of it is
// written but the parts that are made on demand.

import { TRACE_ATTRIBUTES, type AttributeValue, type Attributes, type EdgeKind } from '#protocol'
import { ownAttribute as own } from '../annotations.ts'
import { blockTimes, type BlockTimes } from '../block-times.ts'
import { calleesOf } from '../callees.ts'
import { pathSections } from '../critical-path.ts'
import type { Trace } from '../trace.ts'

/** A stretch of a critical path; of a block, or of its wait for an edge. */
export type Section = {
  readonly block: number
  readonly start: number
  readonly end: number
  readonly waitedFor?: EdgeKind
}

export type Path = {
  /** Positions in TraceIndex.sections, in order of time; they touch. */
  readonly sections: readonly number[]
  readonly start: number
  readonly end: number
  /** The edges that it goes along, by arrival. */
  readonly edges: readonly number[]
  /** ns by block; made on demand. */
  times: ReadonlyMap<number, number> | undefined
}

/** A place in a block; what critical paths go between. */
export type Place = { readonly block: number; readonly time: number }

export class TraceIndex {
  readonly trace: Trace
  readonly baseNs: bigint
  /** Last end minus first begin. */
  readonly duration: number
  readonly blockCount: number
  readonly start: Float64Array
  readonly end: Float64Array
  /** Blocks are depth first: those below `b` are b + 1 .. behind[b] - 1. */
  readonly behind: Int32Array
  readonly sections: Section[] = []
  readonly paths: Path[] = []
  readonly #times: BlockTimes
  /** What is added to its times. */
  readonly #shift: number
  readonly #pathIds = new Map<string, number>()
  #blocks: readonly number[] | undefined
  #units: readonly number[] | undefined
  #unitBlocks: readonly (readonly number[])[] | undefined
  #points: readonly number[] | undefined
  #pointRanks: Int32Array | undefined
  #eventsFrom: Int32Array | undefined
  #spanEdges: readonly number[] | undefined
  #edges: readonly number[] | undefined
  #edgePlaces: readonly number[] | undefined
  #blockEdges: ReadonlyMap<number, readonly number[]> | undefined
  #exclusive: Float64Array | undefined
  #callees: readonly (string | undefined)[] | undefined

  constructor(trace: Trace) {
    const times = blockTimes(trace)
    const { start, end, parent } = times
    const count = start.length
    // There times count from the begin of the root; that is the earliest block, unless something is amiss.
    let first = 0
    for (let block = 0; block < count; block++) first = Math.min(first, start[block])
    this.trace = trace
    this.#times = times
    this.#shift = -first
    this.baseNs = times.baseNs + BigInt(first)
    this.blockCount = count
    this.start = first === 0 ? start : start.map((time) => time - first)
    this.end = first === 0 ? end : end.map((time) => time - first)
    let last = 0
    for (let block = 0; block < count; block++) last = Math.max(last, this.end[block])
    this.duration = last
    this.behind = new Int32Array(count)
    for (let block = count - 1; block >= 0; block--) {
      const behind = Math.max(this.behind[block], block + 1)
      this.behind[block] = behind
      const up = parent[block]
      if (up !== -1 && this.behind[up] < behind) this.behind[up] = behind
    }
  }

  /** By begin; of those that begin together the parent, then the earlier sibling. */
  get blocks(): readonly number[] {
    this.#blocks ??= firstNumbers(this.blockCount).sort(this.byBlock)
    return this.#blocks
  }

  readonly byBlock = (a: number, b: number): number => this.start[a] - this.start[b] || a - b

  /** By begin of their first block. */
  get units(): readonly number[] {
    this.#units ??= this.trace.units.map(({ index }) => index).sort(this.byUnit)
    return this.#units
  }

  readonly byUnit = (a: number, b: number): number => this.unitStart(a) - this.unitStart(b) || a - b

  blocksOf(unit: number): readonly number[] {
    if (this.#unitBlocks === undefined) {
      const lists: number[][] = this.trace.units.map(() => [])
      for (const block of this.blocks) lists[this.trace.blocks[block].unit].push(block)
      this.#unitBlocks = lists
    }
    return this.#unitBlocks[unit]
  }

  unitStart(unit: number): number {
    return this.start[this.blocksOf(unit)[0]]
  }

  unitEnd(unit: number): number {
    let last = -Infinity
    for (const block of this.blocksOf(unit)) last = Math.max(last, this.end[block])
    return last
  }

  /** Begins, events and ends, by time; at one time begins before events before ends, inner ends first. */
  get points(): readonly number[] {
    this.#points ??= Array.from(
      { length: 2 * this.blockCount + this.trace.points.length },
      (_, id) => id,
    ).sort(
      (a, b) => this.pointTime(a) - this.pointTime(b) || this.#pointClass(a) - this.#pointClass(b) || a - b,
    )
    return this.#points
  }

  readonly byPoint = (a: number, b: number): number => {
    if (this.#pointRanks === undefined) {
      const ranks = new Int32Array(this.points.length)
      for (const [rank, point] of this.points.entries()) ranks[point] = rank
      this.#pointRanks = ranks
    }
    return this.#pointRanks[a] - this.#pointRanks[b]
  }

  /** Begin -1, event 0, end 1 and more the further out it is. */
  #pointClass(point: number): number {
    const side = this.pointSide(point)
    return side === 'begin' ? -1 : side === 'event' ? 0 : 1 + this.blockCount - this.pointBlock(point)
  }

  pointSide(point: number): 'begin' | 'end' | 'event' {
    return point < this.blockCount ? 'begin' : point < 2 * this.blockCount ? 'end' : 'event'
  }

  pointBlock(point: number): number {
    if (point < this.blockCount) return point
    return point < 2 * this.blockCount ? point - this.blockCount : this.#event(point).block
  }

  pointTime(point: number): number {
    if (point < this.blockCount) return this.start[point]
    if (point < 2 * this.blockCount) return this.end[point - this.blockCount]
    return Number(this.#event(point).timeNs - this.baseNs)
  }

  pointName(point: number): string {
    const side = this.pointSide(point)
    return side === 'event' ? this.#event(point).name : side
  }

  /** begin, end, or which event of its block it is. */
  pointPlace(point: number): string {
    const side = this.pointSide(point)
    return side === 'event' ? String(this.#event(point).event) : side
  }

  #event(point: number): Trace['points'][number] {
    return this.trace.points[point - 2 * this.blockCount]
  }

  /** Unordered: its begin, its events, its end. */
  pointsOf(block: number): number[] {
    this.#eventsFrom ??= this.#countEvents()
    const first = 2 * this.blockCount
    const found = [block]
    for (let at = this.#eventsFrom[block]; at < this.#eventsFrom[block + 1]; at++) found.push(first + at)
    found.push(this.blockCount + block)
    return found
  }

  /** Trace.points stands in order of blocks. */
  #countEvents(): Int32Array {
    const from = new Int32Array(this.blockCount + 1)
    for (const { block } of this.trace.points) from[block + 1] += 1
    for (let block = 0; block < this.blockCount; block++) from[block + 1] += from[block]
    return from
  }

  /** By arrival. */
  get edges(): readonly number[] {
    if (this.#edges === undefined) {
      const count = this.trace.edges.length + this.spanEdges.length
      this.#edges = Array.from({ length: count }, (_, edge) => edge).sort(this.byEdge)
    }
    return this.#edges
  }

  readonly byEdge = (a: number, b: number): number => this.edgeEnd(a) - this.edgeEnd(b) || a - b

  /** Blocks whose span stands for an edge. */
  get spanEdges(): readonly number[] {
    this.#spanEdges ??= this.trace.blocks
      .filter(({ span }) => typeof own(span.attributes, TRACE_ATTRIBUTES.edge) === 'string')
      .map(({ index }) => index)
    return this.#spanEdges
  }

  /** The block that stands for the edge; undefined where a link does. */
  spanOfEdge(edge: number): number | undefined {
    return edge < this.trace.edges.length ? undefined : this.spanEdges[edge - this.trace.edges.length]
  }

  edgeKind(edge: number): string {
    const block = this.spanOfEdge(edge)
    if (block === undefined) return this.trace.edges[edge].kind
    return String(own(this.trace.blocks[block].span.attributes, TRACE_ATTRIBUTES.edge))
  }

  /** When it leaves; undefined: it comes from another trace. */
  edgeStart(edge: number): number | undefined {
    const block = this.spanOfEdge(edge)
    if (block !== undefined) return this.start[block]
    const { from } = this.trace.edges[edge]
    return from === undefined ? undefined : Number(from.timeNs - this.baseNs)
  }

  edgeEnd(edge: number): number {
    const block = this.spanOfEdge(edge)
    return block === undefined ? Number(this.trace.edges[edge].to.timeNs - this.baseNs) : this.end[block]
  }

  /** -1: in another trace. */
  edgeSource(edge: number): number {
    const block = this.spanOfEdge(edge)
    return block === undefined ? (this.trace.edges[edge].from?.block ?? -1) : this.#outside(block)
  }

  edgeTarget(edge: number): number {
    const block = this.spanOfEdge(edge)
    return block === undefined ? this.trace.edges[edge].to.block : this.#outside(block)
  }

  /** What waited for a span that stands for an edge: its parent. */
  #outside(block: number): number {
    const { parent } = this.trace.blocks[block]
    return parent === -1 ? block : parent
  }

  /** Of a link: which of those to its target it is; in the order of the links of that span. */
  edgePlace(edge: number): number {
    if (this.#edgePlaces === undefined) {
      const counts = new Map<number, number>()
      this.#edgePlaces = this.trace.edges.map(({ to }) => {
        const place = counts.get(to.block) ?? 0
        counts.set(to.block, place + 1)
        return place
      })
    }
    return this.#edgePlaces[edge]
  }

  edgeAttributes(edge: number): Attributes {
    const block = this.spanOfEdge(edge)
    return block === undefined ? this.trace.edges[edge].attributes : this.trace.blocks[block].span.attributes
  }

  /** Those that leave or arrive at the block. */
  edgesOf(block: number): readonly number[] {
    if (this.#blockEdges === undefined) {
      const lists = new Map<number, number[]>()
      const add = (at: number, edge: number): void => {
        const list = lists.get(at)
        if (list === undefined) lists.set(at, [edge])
        else if (list.at(-1) !== edge) list.push(edge)
      }
      for (const edge of this.edges) {
        add(this.edgeTarget(edge), edge)
        add(this.edgeSource(edge), edge)
      }
      this.#blockEdges = lists
    }
    return this.#blockEdges.get(block) ?? []
  }

  /** Time of the block that none of its children covers. */
  exclusive(block: number): number {
    if (this.#exclusive === undefined) {
      const left = new Float64Array(this.blockCount)
      const covered = new Float64Array(this.blockCount)
      for (let block = 0; block < this.blockCount; block++) {
        left[block] = this.end[block] - this.start[block]
        covered[block] = this.start[block]
      }
      // Children come by start, so what is covered only grows.
      for (const { index, parent } of this.trace.blocks) {
        if (parent === -1) continue
        const from = Math.max(this.start[index], covered[parent])
        const to = Math.min(this.end[index], this.end[parent])
        if (to <= from) continue
        left[parent] -= to - from
        covered[parent] = to
      }
      this.#exclusive = left
    }
    return this.#exclusive[block]
  }

  /** Whom the block called; undefined: nobody, or nothing says. */
  callee(block: number): string | undefined {
    this.#callees ??= calleesOf(this.trace)
    return this.#callees[block]
  }

  attribute(item: 'unit' | 'block' | 'point' | 'edge', id: number, key: string): AttributeValue | undefined {
    if (item === 'edge') return own(this.edgeAttributes(id), key)
    if (item === 'point' && this.pointSide(id) === 'event') {
      const { block, event } = this.#event(id)
      return own(this.trace.blocks[block].span.events[event].attributes, key)
    }
    const block = item === 'unit' ? this.trace.units[id].entry : item === 'point' ? this.pointBlock(id) : id
    const { span } = this.trace.blocks[block]
    return own(span.attributes, key) ?? own(span.resource.attributes, key)
  }

  /** The attributes that belong to the element itself: what its counters and sets are read from. */
  attributesOf(item: 'block' | 'point' | 'edge', id: number): Attributes {
    if (item === 'edge') return this.edgeAttributes(id)
    if (item === 'block') return this.trace.blocks[id].span.attributes
    if (this.pointSide(id) !== 'event') return NONE
    const { block, event } = this.#event(id)
    return this.trace.blocks[block].span.events[event].attributes
  }

  /** A path by its position; -1: there is none, since the first place is not before the second. */
  pathBetween(from: Place, to: Place): number {
    if (from.time >= to.time) return -1
    const key = `${from.block}@${from.time}-${to.block}@${to.time}`
    const known = this.#pathIds.get(key)
    if (known !== undefined) return known
    const made = this.#walk(from, to)
    this.#pathIds.set(key, made)
    return made
  }

  /** How many paths were walked: each costs a pass over the trace. */
  get pathCount(): number {
    return this.#pathIds.size
  }

  #walk(from: Place, to: Place): number {
    const shift = this.#shift
    const ends = { from: from.time - shift, to: to.time - shift }
    const followed: number[] = []
    const walked = pathSections(this.trace, this.#times, ends, to.block, followed)
    const sections = walked.map(({ block, start, end, edge }) => {
      const times = { block, start: start + shift, end: end + shift }
      return this.sections.push(edge === undefined ? times : { ...times, waitedFor: edge }) - 1
    })
    const edges = [...new Set(followed), ...this.#spansAlong(walked)].sort(this.byEdge)
    return this.paths.push({ sections, start: from.time, end: to.time, edges, times: undefined }) - 1
  }

  /** Spans that stand for an edge are on a path where a section lies in them or below them. */
  #spansAlong(sections: readonly { readonly block: number }[]): number[] {
    if (this.spanEdges.length === 0) return []
    const visited = new Set<number>()
    for (const { block } of sections) {
      for (let at = block; at !== -1 && !visited.has(at); at = this.trace.blocks[at].parent) visited.add(at)
    }
    return this.spanEdges.flatMap((block, place) =>
      visited.has(block) ? [this.trace.edges.length + place] : [],
    )
  }

  /** ns of the path that lie in the block itself. */
  timeOn(path: number, block: number): number {
    const found = this.paths[path]
    if (found.times === undefined) {
      const times = new Map<number, number>()
      for (const { block: at, start, end } of found.sections.map((section) => this.sections[section]))
        times.set(at, (times.get(at) ?? 0) + end - start)
      found.times = times
    }
    return found.times.get(block) ?? 0
  }

  unitTimeOn(path: number, unit: number): number {
    let total = 0
    for (const block of this.blocksOf(unit)) total += this.timeOn(path, block)
    return total
  }
}

const NONE: Attributes = Object.freeze({})

function firstNumbers(count: number): number[] {
  const numbers: number[] = []
  for (let number = 0; number < count; number++) numbers.push(number)
  return numbers
}
