// Spans of one trace become the modelled trace: repair, align the clocks, order, name the units.
//
//   exact -> repairSpans -> edgesOf -> alignClocks -> order (depth first) -> blocks, units, points, edges
//
// Source: Canopy 3.4 (the model), 4.2 (the passes).

import { TRACE_ATTRIBUTES } from '#protocol'
import { edgesOf, type DraftEdge } from './causal-edges.ts'
import { alignClocks, type HostOffsets } from './clocks.ts'
import { Origins } from './hosts.ts'
import { exactSpan, SPAN_KINDS, type LooseOtlpSpan } from './loose-span.ts'
import type { OtlpResource, OtlpSpan } from './otlp-span.ts'
import { RepairLog, repairSpans, type Draft } from './repair.ts'
import type { Block, Edge, Point, Trace, Unit } from './trace.ts'

const UNIT_NAME = TRACE_ATTRIBUTES.unitName

/**
 * The model of one trace; the trace of the first span counts. Never throws. Cost: O(n log n), no recursion.
 */
export function buildTrace(spans: readonly (OtlpSpan | LooseOtlpSpan)[]): Trace {
  const log = new RepairLog()
  const origins = new Origins()
  const resources = new Map<object, OtlpResource>()
  const draft = repairSpans(
    spans.map((span) => exactSpan(span, resources)),
    log,
  )
  const draftEdges = edgesOf(draft, log)
  const aligned = alignClocks(draft, draftEdges, origins, log)
  const placed = placeBlocks(draft, aligned, origins, log)
  return {
    traceId: draft.spans[0]?.traceId ?? '',
    ...placed,
    points: pointsOf(placed.blocks),
    edges: draftEdges.map((edge) => placeEdge(edge, draft, aligned, placed, log)),
    root: mainRoot(placed.blocks),
    hasRoot: draft.spans.some((span) => span.parentSpanId === undefined || span.parentSpanId === ''),
    repairs: log.entries,
    repairCount: log.count,
    clocks: aligned.hosts.map((host, index) => ({ host, offsetNs: BigInt(aligned.offsets[index]) })),
  }
}

type Placed = {
  readonly blocks: readonly Block[]
  readonly units: readonly Unit[]
  readonly placeOf: Int32Array
}

/** Blocks depth first, children by aligned start; parents first, so that one pass knows depth and unit. */
function placeBlocks(draft: Draft, aligned: HostOffsets, origins: Origins, log: RepairLog): Placed {
  const starts = draft.start.map((start, index) => start + aligned.offsets[aligned.hostOf[index]])
  const order = depthFirst(draft.parent, sortedByStart(starts, draft.spans))
  const placeOf = new Int32Array(order.length)
  for (const [place, index] of order.entries()) placeOf[index] = place
  const blocks: Block[] = []
  const units: {
    index: number
    service: string
    name: string
    host: string
    process: string
    entry: number
    blockCount: number
  }[] = []
  for (const [place, index] of order.entries()) {
    const span = draft.spans[index]
    const { service, host, process } = origins.of(span.resource)
    const shift = aligned.offsets[aligned.hostOf[index]]
    const up = draft.parent[index] === -1 ? -1 : placeOf[draft.parent[index]]
    const above = up === -1 ? undefined : units[blocks[up].unit]
    const named = unitName(span)
    const isEntry =
      span.kind === 2 ||
      span.kind === 5 ||
      above?.process !== process ||
      (named !== undefined && named !== above.name)
    const unit = isEntry ? units.length : blocks[up].unit
    if (isEntry) {
      const name = named ?? service
      units.push({ index: unit, service, name, host, process, entry: place, blockCount: 0 })
    }
    units[unit].blockCount += 1
    const startNs = draft.baseNs + BigInt(starts[index])
    blocks.push({
      index: place,
      spanId: span.spanId,
      parent: up,
      depth: up === -1 ? 0 : blocks[up].depth + 1,
      unit,
      service,
      name: span.name,
      kind: SPAN_KINDS[span.kind] ?? 'unspecified',
      startNs,
      endNs: startNs + BigInt(draft.end[index] - draft.start[index]),
      shiftNs: BigInt(shift),
      span,
    })
    if (up !== -1 && startNs < blocks[up].startNs) {
      log.add(
        'child-before-parent',
        span.spanId,
        `starts ${blocks[up].startNs - startNs} ns before its parent; shown as it came`,
      )
    }
  }
  const told = units.map(({ index, service, name, host, entry, blockCount }) => ({
    index,
    service,
    name,
    host,
    entry,
    blockCount,
  }))
  return { blocks, units: told, placeOf }
}

/**
 * A span may say which unit it runs in (a thread, a page's client side); its resource, for all of a process.
 */
function unitName({ attributes, resource }: OtlpSpan): string | undefined {
  for (const told of [attributes, resource.attributes]) {
    const name = Object.hasOwn(told, UNIT_NAME) ? told[UNIT_NAME] : undefined
    if (typeof name === 'string' && name !== '') return name
  }
  return undefined
}

function sortedByStart(starts: Float64Array, spans: readonly OtlpSpan[]): Uint32Array {
  const order = Uint32Array.from(starts.keys())
  return order.sort((a, b) => starts[a] - starts[b] || (spans[a].spanId < spans[b].spanId ? -1 : 1))
}

/** Children as linked lists, filled from the last start backwards so that each list reads forwards. */
function depthFirst(parent: Int32Array, byStart: Uint32Array): Uint32Array {
  const firstChild = new Int32Array(parent.length).fill(-1)
  const nextSibling = new Int32Array(parent.length).fill(-1)
  let firstRoot = -1
  for (let at = byStart.length - 1; at >= 0; at--) {
    const index = byStart[at]
    const up = parent[index]
    nextSibling[index] = up === -1 ? firstRoot : firstChild[up]
    if (up === -1) firstRoot = index
    else firstChild[up] = index
  }
  const order = new Uint32Array(parent.length)
  let length = 0
  let at = firstRoot
  while (at !== -1) {
    order[length++] = at
    let next = firstChild[at]
    for (let climb = at; next === -1 && climb !== -1; climb = parent[climb]) next = nextSibling[climb]
    at = next
  }
  return order
}

function pointsOf(blocks: readonly Block[]): Point[] {
  const points: Point[] = []
  for (const block of blocks) {
    for (const [event, { timeUnixNano, name }] of block.span.events.entries()) {
      points.push({ block: block.index, timeNs: timeUnixNano + block.shiftNs, name, event })
    }
  }
  return points
}

function placeEdge(
  edge: DraftEdge,
  draft: Draft,
  aligned: HostOffsets,
  placed: Placed,
  log: RepairLog,
): Edge {
  const timeOf = (index: number, relative: number): bigint =>
    draft.baseNs + BigInt(relative + aligned.offsets[aligned.hostOf[index]])
  const to = { block: placed.placeOf[edge.to], timeNs: timeOf(edge.to, edge.toNs) }
  if (edge.from === -1) return { kind: edge.kind, foreign: edge.foreign, to, attributes: edge.attributes }
  const leavesNs = timeOf(edge.from, edge.fromNs)
  const source = placed.blocks[placed.placeOf[edge.from]]
  const isEarly = edge.isImplied === true && leavesNs > to.timeNs
  const fromNs = !isEarly ? leavesNs : source.startNs > to.timeNs ? source.startNs : to.timeNs
  const from = { block: source.index, timeNs: fromNs }
  if (from.timeNs > to.timeNs) {
    log.add(
      'edge-against-time',
      draft.spans[edge.to].spanId,
      `its ${edge.kind} edge from ${draft.spans[edge.from].spanId} arrives` +
        ` ${from.timeNs - to.timeNs} ns before it leaves; drawn, but not used for the critical path`,
    )
  }
  return { kind: edge.kind, from, to, attributes: edge.attributes }
}

function mainRoot(blocks: readonly Block[]): number {
  let orphan = -1
  for (const block of blocks) {
    if (block.parent !== -1) continue
    if (block.span.parentSpanId === undefined || block.span.parentSpanId === '') return block.index
    if (orphan === -1) orphan = block.index
  }
  return orphan
}
