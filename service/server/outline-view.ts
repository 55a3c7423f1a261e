// A trace in columns for the page: from the store as it came (at once), or from the model (when it is built).

import { criticalPath, toTraceView, type Trace } from '#model'
import type { TraceOutlineView } from '#protocol'
import type { SpanShape, TraceOutline } from '#traces'
import { OUTLINE_POINTS_MAX } from './limits.ts'

const FLAG = { failed: 1, moved: 2, linked: 4 } as const
const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']

/** Texts by number: each once. */
class Table<T> {
  readonly entries: T[] = []
  readonly #index = new Map<string, number>()

  of(key: string, make: () => T): number {
    let index = this.#index.get(key)
    if (index === undefined) this.#index.set(key, (index = this.entries.push(make()) - 1))
    return index
  }
}

/** As the store has it: nothing is repaired or aligned. Cost: one pass, no object a span. */
export function outlineAsItCame(outline: TraceOutline): TraceOutlineView {
  const { traceId, count, spanIds, parentIds, startNs, durationNs, shape, shapes, links, events } = outline
  const baseNs = startNs.reduce((least, ns) => (ns < least ? ns : least), startNs[0] ?? 0n)
  const indexOf = new Map<string, number>()
  for (let at = 0; at < count; at++) indexOf.set(spanIds.slice(16 * at, 16 * at + 16), at)
  const names = new Table<string>()
  const origins = new Table<{ service: string; host: string }>()
  const known = shapes.map((one) => numbersOf(one, names, origins))
  const columns = {
    parent: new Array<number>(count),
    start: new Array<number>(count),
    length: new Array<number>(count),
    origin: new Array<number>(count),
    name: new Array<number>(count),
    kind: new Array<number>(count),
    flags: new Array<number>(count),
  }
  for (let at = 0; at < count; at++) {
    const made = known[shape[at]!]!
    const above = indexOf.get(parentIds.slice(16 * at, 16 * at + 16))
    columns.parent[at] = above === undefined || above === at ? -1 : above
    columns.start[at] = Number(startNs[at]! - baseNs)
    columns.length[at] = Number(durationNs[at])
    columns.origin[at] = made.origin
    columns.name[at] = made.name
    columns.kind[at] = made.kind
    columns.flags[at] = made.failed
  }
  const points: [number, number, number][] = []
  for (const [spanId, list] of events) {
    const at = indexOf.get(spanId)
    for (const { timeUnixNano, name } of at === undefined ? [] : list)
      if (points.length < OUTLINE_POINTS_MAX)
        points.push([at!, Number(timeUnixNano - baseNs), names.of(name, () => name)])
  }
  for (const spanId of links.keys()) {
    const at = indexOf.get(spanId)
    if (at !== undefined) columns.flags[at]! |= FLAG.linked
  }
  return {
    traceId,
    summary: summaryOf(outline, columns, baseNs),
    totalSpans: count,
    isModelled: false,
    baseNs: String(baseNs),
    origins: origins.entries,
    names: names.entries,
    spanIds,
    ...columns,
    points,
    edges: [],
    repairs: [],
    clocks: [],
  }
}

/** Repaired and aligned, with edges. */
export function outlineOfModel(trace: Trace): TraceOutlineView {
  const { traceId, summary, totalSpans, edges, repairs, clocks } = toTraceView(trace, { limit: 0 })
  const baseNs = trace.blocks.reduce(
    (least, { startNs }) => (startNs < least ? startNs : least),
    trace.blocks[0]?.startNs ?? 0n,
  )
  const names = new Table<string>()
  const origins = new Table<{ service: string; host: string }>()
  const points: [number, number, number][] = []
  for (const { block, timeNs, name } of trace.points) {
    if (points.length >= OUTLINE_POINTS_MAX) break
    points.push([block, Number(timeNs - baseNs), names.of(name, () => name)])
  }
  return {
    traceId,
    summary,
    totalSpans,
    edges,
    repairs,
    clocks,
    isModelled: true,
    baseNs: String(baseNs),
    spanIds: trace.blocks.map(({ spanId }) => spanId).join(''),
    parent: trace.blocks.map(({ parent }) => parent),
    start: trace.blocks.map(({ startNs }) => Number(startNs - baseNs)),
    length: trace.blocks.map(({ startNs, endNs }) => Number(endNs - startNs)),
    origin: trace.blocks.map(({ service, unit }) => {
      const { host } = trace.units[unit]!
      return origins.of(`${service.length} ${service}${host}`, () => ({ service, host }))
    }),
    name: trace.blocks.map(({ name }) => names.of(name, () => name)),
    kind: trace.blocks.map(({ kind }) => KINDS.indexOf(kind)),
    flags: trace.blocks.map(
      ({ span, shiftNs }) =>
        (span.status.code === 2 ? FLAG.failed : 0) |
        (shiftNs === 0n ? 0 : FLAG.moved) |
        (span.links.length > 0 ? FLAG.linked : 0),
    ),
    origins: origins.entries,
    names: names.entries,
    points,
    path: pathOf(trace, baseNs),
  }
}

function pathOf(trace: Trace, baseNs: bigint): TraceOutlineView['path'] {
  const indexOf = new Map(trace.blocks.map(({ spanId, index }) => [spanId, index]))
  const sections = criticalPath(trace)
  return {
    span: sections.map(({ spanId }) => indexOf.get(spanId) ?? 0),
    start: sections.map(({ startNs }) => Number(startNs - baseNs)),
    end: sections.map(({ endNs }) => Number(endNs - baseNs)),
  }
}

function numbersOf(
  { service, name, kind, statusCode, resource }: SpanShape,
  names: Table<string>,
  origins: Table<{ service: string; host: string }>,
): { origin: number; name: number; kind: number; failed: number } {
  const host = resource.attributes['host.name']
  const named = typeof host === 'string' ? host : ''
  return {
    origin: origins.of(`${service.length} ${service}${named}`, () => ({ service, host: named })),
    name: names.of(name, () => name),
    kind,
    failed: statusCode === 2 ? FLAG.failed : 0,
  }
}

type Columns = { readonly parent: number[]; readonly start: number[]; readonly length: number[] }

function summaryOf(
  { traceId, count, parentIds, shape, shapes }: TraceOutline,
  { parent, start, length }: Columns,
  baseNs: bigint,
): TraceOutlineView['summary'] {
  const counts = new Map<string, number>()
  let root = -1
  let errorCount = 0
  let end = 0
  for (let at = 0; at < count; at++) {
    const { service, statusCode } = shapes[shape[at]!]!
    counts.set(service, (counts.get(service) ?? 0) + 1)
    if (statusCode === 2) errorCount += 1
    end = Math.max(end, start[at]! + length[at]!)
    if (parent[at] === -1 && (root === -1 || start[at]! < start[root]!)) root = at
  }
  const main = root === -1 ? undefined : shapes[shape[root]!]
  return {
    traceId,
    rootService: main?.service ?? '',
    rootName: main?.name ?? '',
    startNs: String(baseNs),
    durationNs: String(Math.round(end)),
    spanCount: count,
    errorCount,
    services: [...counts]
      .map(([name, spanCount]) => ({ name, spanCount }))
      .sort((a, b) => b.spanCount - a.spanCount || (a.name < b.name ? -1 : 1)),
    hasRoot: root !== -1 && /^0*$/.test(parentIds.slice(16 * root, 16 * root + 16)),
  }
}
