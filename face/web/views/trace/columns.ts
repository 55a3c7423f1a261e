// A trace as typed columns in drawing order: depth first, children by start. Everything that is drawn or
// searched per frame reads these; the spans themselves are touched only for the one that is selected,
// and those of a large trace (TraceOutlineView) are not even here.
//
//   index   0 root   1 child   2 grandchild   3 child ...
//   end     4        3         3              4      = index after the last descendant: a subtree is a
// slice
//
// The order is built here from parent ids and not taken from the answer, because pages of a large trace
// come by start.

import { spanHint } from '#model'
import type { SpanView, TraceOutlineView, TraceView } from '#protocol'
import { hueColour, serviceHues, type Theme } from '../../base/palette.ts'
import type { TimeWindow } from '../../base/time-scale.ts'
import { visibleText } from '../../base/text.ts'
import { CANVAS_TEXT_CHARS } from '../../base/limits.ts'

export const FLAG = { error: 1, shifted: 2, linked: 4, repaired: 8, remote: 16 } as const

/** The trace without its spans. */
export type TraceFacts = Omit<TraceView, 'spans'>

/** An instant inside a span: a marker. */
export type TracePoint = { readonly span: number; readonly atNs: bigint; readonly name: string }

export type TraceColumns = {
  readonly trace: TraceFacts
  /** All columns have one entry a span, in drawing order. */
  readonly count: number
  readonly spanIds: readonly string[]
  readonly parent: Int32Array
  readonly depth: Uint16Array
  /** Index after the last descendant. */
  readonly subtreeEnd: Int32Array
  readonly startNs: BigInt64Array
  readonly endNs: BigInt64Array
  readonly name: Uint32Array
  readonly names: readonly string[]
  /** A process, as far as service and host tell. */
  readonly origin: Uint32Array
  readonly origins: readonly { readonly service: string; readonly host: string }[]
  readonly service: Uint16Array
  readonly flags: Uint8Array
  readonly kind: Uint8Array
  readonly serviceNames: readonly string[]
  readonly serviceHue: Uint8Array
  readonly indexOf: { get(spanId: string): number | undefined }
  /** By span, then by time. */
  readonly points: readonly TracePoint[]
  /** points[firstPoint[span] .. firstPoint[span + 1]] are those of a span. */
  readonly firstPoint: Uint32Array
  readonly bounds: TimeWindow
  /** Starts and ends after bounds.startNs, for what looks at all spans at once and only to the pixel. */
  readonly startAfter: Float64Array
  readonly endAfter: Float64Array
  readonly baseNs: bigint
  /** Repaired and aligned, with edges: nothing more will come. */
  readonly isWhole: boolean
  /** Everything about a span; undefined in a large trace, whose spans are fetched when they are looked at. */
  readonly spanAt: (index: number) => SpanView | undefined
  /** The critical path, where it came with the columns. */
  readonly path: TraceOutlineView['path']
  /** Place in the answer -> index. */
  readonly placed: Int32Array
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const

export function kindOf(columns: TraceColumns, index: number): SpanView['kind'] {
  return KINDS[columns.kind[index]!] ?? 'unspecified'
}

/** A trace with all its spans. known: all services, for colours. Cost: O(n log n). */
export function traceColumns(trace: TraceView, known: readonly string[] = []): TraceColumns {
  const { spans, ...facts } = trace
  const positionOf = new Map(spans.map((span, position) => [span.spanId, position]))
  const names = numbered(spans, (span) => span.name)
  const origins = numbered(spans, (span) => {
    const host = span.resource['host.name']
    return JSON.stringify({ service: span.service, host: typeof host === 'string' ? host : '' })
  })
  const baseNs = spans.reduce((least, { startNs }) => smaller(least, startNs), spans[0]?.startNs ?? '0')
  const base = BigInt(baseNs)
  const made = columnsOf({
    facts,
    known,
    baseNs: base,
    spanIds: spans.map(({ spanId }) => spanId),
    parent: spans.map(({ parentSpanId: id }) => (id === undefined ? -1 : (positionOf.get(id) ?? -1))),
    startNs: spans.map(({ startNs }) => BigInt(startNs)),
    endNs: spans.map(({ endNs }) => BigInt(endNs)),
    name: names.numbers,
    names: names.texts,
    origin: origins.numbers,
    origins: origins.texts.map((text) => JSON.parse(text)),
    kind: spans.map(({ kind }) => KINDS.indexOf(kind)),
    flags: spans.map(
      (span) =>
        (span.status.code === 'error' ? FLAG.error : 0) |
        (span.shiftNs !== '0' ? FLAG.shifted : 0) |
        (span.links.length > 0 ? FLAG.linked : 0),
    ),
    points: spans.flatMap(({ events }, position) =>
      events.map(({ timeNs, name }): RawPoint => ({ position, atNs: BigInt(timeNs), name })),
    ),
    path: undefined,
    isWhole: true,
  })
  const ordered = new Array<SpanView>(spans.length)
  spans.forEach((span, position) => {
    ordered[made.placed[position]!] = span
  })
  return { ...made, spanAt: (index) => ordered[index] }
}

/** A large trace, whose attributes stay on the server. Cost: O(n) but for children out of order. */
export function outlineColumns(outline: TraceOutlineView, known: readonly string[] = []): TraceColumns {
  const { traceId, summary, totalSpans, edges, repairs, clocks } = outline
  const base = BigInt(outline.baseNs)
  const count = outline.parent.length
  const spanIds = new Array<string>(count)
  const startNs = new Array<bigint>(count)
  const endNs = new Array<bigint>(count)
  for (let at = 0; at < count; at++) {
    spanIds[at] = outline.spanIds.slice(16 * at, 16 * at + 16)
    const start = outline.start[at]!
    startNs[at] = base + BigInt(start)
    endNs[at] = base + BigInt(start + outline.length[at]!)
  }
  return columnsOf({
    facts: { traceId, summary, totalSpans, edges, repairs, clocks },
    known,
    baseNs: base,
    spanIds,
    startNs,
    endNs,
    parent: outline.parent,
    name: outline.name,
    names: outline.names,
    origin: outline.origin,
    origins: outline.origins,
    kind: outline.kind,
    flags: outline.flags,
    points: outline.points.map(([position, ns, name]): RawPoint => ({
      position,
      atNs: base + BigInt(ns),
      name: outline.names[name] ?? '',
    })),
    path: outline.path,
    isWhole: outline.isModelled,
  })
}

type RawPoint = { readonly position: number; readonly atNs: bigint; readonly name: string }

/** In the order of the answer. */
type Raw = {
  readonly facts: TraceFacts
  readonly known: readonly string[]
  readonly baseNs: bigint
  readonly spanIds: readonly string[]
  readonly parent: readonly number[]
  readonly startNs: readonly bigint[]
  readonly endNs: readonly bigint[]
  readonly name: readonly number[]
  readonly names: readonly string[]
  readonly origin: readonly number[]
  readonly origins: readonly { readonly service: string; readonly host: string }[]
  readonly kind: readonly number[]
  readonly flags: readonly number[]
  readonly points: readonly RawPoint[]
  readonly path: TraceOutlineView['path']
  readonly isWhole: boolean
}

function columnsOf(raw: Raw): TraceColumns {
  const order = drawingOrder(raw)
  const { positions } = order
  const count = positions.length
  const serviceNames = [...new Set(raw.origins.map(({ service }) => service))].sort()
  const serviceIndex = new Map(serviceNames.map((name, index) => [name, index]))
  const serviceOf = raw.origins.map(({ service }) => serviceIndex.get(service) ?? 0)
  const hues = serviceHues(serviceNames, raw.known)
  const startNs = new BigInt64Array(count)
  const endNs = new BigInt64Array(count)
  const name = new Uint32Array(count)
  const origin = new Uint32Array(count)
  const service = new Uint16Array(count)
  const kind = new Uint8Array(count)
  const flags = new Uint8Array(count)
  const placed = new Int32Array(count)
  const spanIds = new Array<string>(count)
  const repaired = new Set(raw.facts.repairs.map((repair) => repair.spanId))
  for (let index = 0; index < count; index++) {
    const position = positions[index]!
    placed[position] = index
    startNs[index] = raw.startNs[position]!
    endNs[index] = raw.endNs[position]!
    name[index] = raw.name[position]!
    origin[index] = raw.origin[position]!
    service[index] = serviceOf[raw.origin[position]!] ?? 0
    kind[index] = raw.kind[position]!
    const spanId = raw.spanIds[position]!
    spanIds[index] = spanId
    const isRemote = kind[index] === KINDS.indexOf('client') || kind[index] === KINDS.indexOf('producer')
    flags[index] =
      raw.flags[position]! | (repaired.has(spanId) ? FLAG.repaired : 0) | (isRemote ? FLAG.remote : 0)
  }
  const { points, firstPoint } = pointsOf(raw.points, placed)
  const bounds = boundsOf(startNs, endNs)
  const after = (ns: BigInt64Array): Float64Array =>
    Float64Array.from(ns, (at) => Number(at - bounds.startNs))
  return {
    trace: raw.facts,
    count,
    spanIds,
    parent: order.parent,
    depth: order.depth,
    subtreeEnd: order.subtreeEnd,
    startNs,
    endNs,
    name,
    names: raw.names,
    origin,
    origins: raw.origins,
    service,
    flags,
    kind,
    serviceNames,
    serviceHue: Uint8Array.from(serviceNames, (one) => hues.get(one) ?? 0),
    indexOf: lazyIndex(spanIds),
    points,
    firstPoint,
    bounds,
    startAfter: after(startNs),
    endAfter: after(endNs),
    baseNs: raw.baseNs,
    spanAt: () => undefined,
    path: raw.path,
    isWhole: raw.isWhole,
    placed,
  }
}

/** The map of all ids is made when the first is asked for: opening a trace needs none. */
function lazyIndex(spanIds: readonly string[]): TraceColumns['indexOf'] {
  let index: Map<string, number> | undefined
  return {
    get: (spanId) => {
      if (spanId === '') return undefined
      index ??= new Map(spanIds.map((id, at) => [id, at]))
      return index.get(spanId)
    },
  }
}

function pointsOf(
  raw: readonly RawPoint[],
  placed: Int32Array,
): { readonly points: readonly TracePoint[]; readonly firstPoint: Uint32Array } {
  const points = raw.map(({ position, atNs, name }): TracePoint => ({ span: placed[position]!, atNs, name }))
  points.sort((a, b) => a.span - b.span || (a.atNs < b.atNs ? -1 : a.atNs > b.atNs ? 1 : 0))
  const firstPoint = new Uint32Array(placed.length + 1)
  for (const { span } of points) firstPoint[span + 1]! += 1
  for (let span = 0; span < placed.length; span++) firstPoint[span + 1]! += firstPoint[span]!
  return { points, firstPoint }
}

/** Each text once, by number. */
function numbered<T>(
  items: readonly T[],
  textOf: (item: T) => string,
): { readonly numbers: readonly number[]; readonly texts: readonly string[] } {
  const known = new Map<string, number>()
  const numbers = items.map((item) => {
    const text = textOf(item)
    const number = known.get(text) ?? known.size
    known.set(text, number)
    return number
  })
  return { numbers, texts: [...known.keys()] }
}

function smaller(a: string, b: string): string {
  return BigInt(b) < BigInt(a) ? b : a
}

function boundsOf(startNs: BigInt64Array, endNs: BigInt64Array): TimeWindow {
  let low = startNs[0] ?? 0n
  let high = low + 1n
  for (let i = 0; i < startNs.length; i++) {
    if (startNs[i]! < low) low = startNs[i]!
    if (endNs[i]! > high) high = endNs[i]!
  }
  return { startNs: low, endNs: high }
}

type Order = {
  readonly positions: Int32Array
  readonly parent: Int32Array
  readonly depth: Uint16Array
  readonly subtreeEnd: Int32Array
}

/**
 * Depth first without recursion; spans in a cycle of parents hang on their earliest one, as roots of their
 * own.
 */
function drawingOrder(raw: Raw): Order {
  const count = raw.spanIds.length
  const { first, list, roots } = childLists(raw)
  const positions = new Int32Array(count)
  const indexAt = new Int32Array(count).fill(-1)
  const parent = new Int32Array(count).fill(-1)
  const depth = new Uint16Array(count)
  const subtreeEnd = new Int32Array(count)
  const next = first.slice(0, count)
  let placed = 0
  const visit = (root: number): void => {
    let at = root
    enter(at, -1)
    for (;;) {
      if (next[at]! < first[at + 1]!) {
        const child = list[next[at]!++]!
        if (indexAt[child]! >= 0) continue
        enter(child, indexAt[at]!)
        at = child
        continue
      }
      const index = indexAt[at]!
      subtreeEnd[index] = placed
      if (parent[index]! < 0) return
      at = positions[parent[index]!]!
    }
  }
  const enter = (position: number, above: number): void => {
    const index = placed++
    positions[index] = position
    indexAt[position] = index
    parent[index] = above
    depth[index] = above < 0 ? 0 : Math.min(depth[above]! + 1, 0xffff)
  }
  for (const root of roots) visit(root)
  if (placed < count) {
    const byStart = Int32Array.from(raw.startNs.keys()).sort((a, b) => earlier(raw.startNs, a, b))
    for (const position of byStart) if (indexAt[position]! < 0) visit(position)
  }
  return { positions, parent, depth, subtreeEnd }
}

/** Children by start: list[first[p] .. first[p + 1]]; a list that came in order is left as it is. */
function childLists({ parent, startNs }: Raw): {
  readonly first: Int32Array
  readonly list: Int32Array
  readonly roots: Int32Array
} {
  const count = parent.length
  const first = new Int32Array(count + 1)
  const roots: number[] = []
  for (let at = 0; at < count; at++) {
    const above = parent[at]!
    if (above < 0 || above === at) roots.push(at)
    else first[above + 1]! += 1
  }
  for (let at = 0; at < count; at++) first[at + 1]! += first[at]!
  const next = first.slice(0, count)
  const list = new Int32Array(first[count]!)
  for (let at = 0; at < count; at++) {
    const above = parent[at]!
    if (above >= 0 && above !== at) list[next[above]!++] = at
  }
  for (let at = 0; at < count; at++) sortByStart(list.subarray(first[at], first[at + 1]), startNs)
  const ordered = Int32Array.from(roots)
  sortByStart(ordered, startNs)
  return { first, list, roots: ordered }
}

function sortByStart(list: Int32Array, startNs: readonly bigint[]): void {
  for (let at = 1; at < list.length; at++)
    if (earlier(startNs, list[at - 1]!, list[at]!) > 0) {
      list.sort((a, b) => earlier(startNs, a, b))
      return
    }
}

function earlier(startNs: readonly bigint[], a: number, b: number): number {
  return startNs[a]! < startNs[b]! ? -1 : startNs[a]! > startNs[b]! ? 1 : a - b
}

/** Colour of each service of the trace in a theme, by service index. */
export function serviceColours(columns: TraceColumns, theme: Theme): readonly string[] {
  return Array.from(columns.serviceHue, (hue) => hueColour(hue, theme))
}

/** Text fit for a canvas: hidden characters visible, of bounded length. */
export function canvasText(text: string): string {
  return visibleText(text.length > CANVAS_TEXT_CHARS ? text.slice(0, CANVAS_TEXT_CHARS) : text)
}

/** Time of the span itself: not covered by a child. Children may overlap; covered time counts once. */
export function selfNs(columns: TraceColumns, index: number): bigint {
  const { startNs, endNs, subtreeEnd } = columns
  let covered = 0n
  let until = startNs[index]!
  for (let child = index + 1; child < subtreeEnd[index]!; child = subtreeEnd[child]!) {
    const from = startNs[child]! > until ? startNs[child]! : until
    const to = endNs[child]! < endNs[index]! ? endNs[child]! : endNs[index]!
    if (to > from) {
      covered += to - from
      until = to
    }
  }
  return endNs[index]! - startNs[index]! - covered
}

/**
 * Indices of spans whose name, service, id or attributes contain the text, in drawing order. Of a large
 * trace only names, services and ids are here: the server looks through the rest.
 */
export function searchSpans(columns: TraceColumns, text: string, limit: number): Int32Array {
  const wanted = text.trim().toLowerCase()
  const found: number[] = []
  if (wanted === '') return new Int32Array(0)
  const isIn = (one: string): boolean => one.toLowerCase().includes(wanted)
  const names = columns.names.map(isIn)
  const services = columns.serviceNames.map(isIn)
  for (let index = 0; index < columns.count && found.length < limit; index++) {
    const span = columns.spanAt(index)
    const isFound =
      names[columns.name[index]!] === true ||
      services[columns.service[index]!] === true ||
      columns.spanIds[index] === wanted ||
      (span !== undefined && matches(span, wanted))
    if (isFound) found.push(index)
  }
  return Int32Array.from(found)
}

export function nameOf(columns: TraceColumns, index: number): string {
  return columns.names[columns.name[index]!] ?? ''
}

export function serviceOf(columns: TraceColumns, index: number): string {
  return columns.serviceNames[columns.service[index]!] ?? ''
}

/** What the name leaves unsaid (an HTTP path), where attributes are here. */
export function hintOf(columns: TraceColumns, index: number): string {
  const span = columns.spanAt(index)
  return span === undefined ? '' : spanHint(span)
}

function matches(span: SpanView, wanted: string): boolean {
  if (span.status.message?.toLowerCase().includes(wanted)) return true
  for (const key of Object.keys(span.attributes)) {
    if (key.toLowerCase().includes(wanted)) return true
    const value = span.attributes[key]
    if (
      `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`
        .toLowerCase()
        .includes(wanted)
    )
      return true
  }
  return span.events.some((event) => event.name.toLowerCase().includes(wanted))
}
