// A trace as typed columns in drawing order: depth first, children by start. Everything that is drawn or
// searched per frame reads these; the spans themselves are touched only for the one that is selected.
//
//   index   0 root   1 child   2 grandchild   3 child ...
//   end     4        3         3              4      = index after the last descendant: a subtree is a slice
//
// The order is built here from parent ids and not taken from the answer, because pages of a large trace come
// by start.

import type { SpanView, TraceView } from '#protocol'
import { hueColour, serviceHues, type Theme } from '../../base/palette.ts'
import type { TimeWindow } from '../../base/time-scale.ts'
import { visibleText } from '../../base/text.ts'
import { CANVAS_TEXT_CHARS } from '../../base/limits.ts'

export const FLAG = { error: 1, shifted: 2, linked: 4, repaired: 8, remote: 16 } as const

export type TraceColumns = {
  readonly trace: TraceView
  /** All columns have one entry a span, in drawing order. */
  readonly spans: readonly SpanView[]
  readonly parent: Int32Array
  readonly depth: Uint16Array
  /** Index after the last descendant. */
  readonly subtreeEnd: Int32Array
  readonly startNs: BigInt64Array
  readonly endNs: BigInt64Array
  readonly service: Uint16Array
  readonly flags: Uint8Array
  readonly serviceNames: readonly string[]
  readonly serviceHue: Uint8Array
  readonly indexOf: ReadonlyMap<string, number>
  readonly bounds: TimeWindow
}

/** known: all services, for colours. Cost: O(n log n) for n spans; 100,000 spans take about 150 ms. */
export function traceColumns(trace: TraceView, known: readonly string[] = []): TraceColumns {
  const order = drawingOrder(trace.spans)
  const spans = order.positions.map((position) => trace.spans[position]!)
  const count = spans.length
  const serviceNames = [...new Set(spans.map((span) => span.service))].sort()
  const serviceIndex = new Map(serviceNames.map((name, index) => [name, index]))
  const hues = serviceHues(serviceNames, known)
  const startNs = new BigInt64Array(count)
  const endNs = new BigInt64Array(count)
  const service = new Uint16Array(count)
  const flags = new Uint8Array(count)
  const repaired = new Set(trace.repairs.map((repair) => repair.spanId))
  const indexOf = new Map<string, number>()
  spans.forEach((span, index) => {
    startNs[index] = BigInt(span.startNs)
    endNs[index] = BigInt(span.endNs)
    service[index] = serviceIndex.get(span.service) ?? 0
    flags[index] = flagsOf(span, repaired)
    indexOf.set(span.spanId, index)
  })
  return {
    trace,
    spans,
    parent: order.parent,
    depth: order.depth,
    subtreeEnd: order.subtreeEnd,
    startNs,
    endNs,
    service,
    flags,
    serviceNames,
    serviceHue: Uint8Array.from(serviceNames, (name) => hues.get(name) ?? 0),
    indexOf,
    bounds: boundsOf(startNs, endNs),
  }
}

function flagsOf(span: SpanView, repaired: ReadonlySet<string | undefined>): number {
  return (
    (span.status.code === 'error' ? FLAG.error : 0) |
    (span.shiftNs !== '0' ? FLAG.shifted : 0) |
    (span.links.length > 0 ? FLAG.linked : 0) |
    (repaired.has(span.spanId) ? FLAG.repaired : 0) |
    (span.kind === 'client' || span.kind === 'producer' ? FLAG.remote : 0)
  )
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
  readonly positions: readonly number[]
  readonly parent: Int32Array
  readonly depth: Uint16Array
  readonly subtreeEnd: Int32Array
}

/**
 * Depth first without recursion; spans in a cycle of parents hang on their earliest one, as roots of their
 * own.
 */
function drawingOrder(spans: readonly SpanView[]): Order {
  const count = spans.length
  const children = childLists(spans)
  const positions: number[] = []
  const parent = new Int32Array(count).fill(-1)
  const depth = new Uint16Array(count)
  const subtreeEnd = new Int32Array(count)
  const seen = new Uint8Array(count)
  const visit = (root: number): void => {
    const stack: { position: number; index: number; next: number }[] = []
    const enter = (position: number, above: number): void => {
      const index = positions.push(position) - 1
      seen[position] = 1
      parent[index] = above
      depth[index] = above < 0 ? 0 : Math.min(depth[above]! + 1, 0xffff)
      stack.push({ position, index, next: 0 })
    }
    enter(root, -1)
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!
      const child = children.of[top.position]?.[top.next++]
      if (child === undefined) {
        subtreeEnd[top.index] = positions.length
        stack.pop()
      } else if (seen[child] === 0) enter(child, top.index)
    }
  }
  for (const root of children.roots) visit(root)
  if (positions.length < count)
    for (const position of children.byStart) if (seen[position] === 0) visit(position)
  return { positions, parent, depth, subtreeEnd }
}

function childLists(spans: readonly SpanView[]): {
  roots: number[]
  byStart: number[]
  of: (number[] | undefined)[]
} {
  const positionOf = new Map(spans.map((span, position) => [span.spanId, position]))
  const starts = BigInt64Array.from(spans, (span) => BigInt(span.startNs))
  const byStart = spans
    .map((_, position) => position)
    .sort((a, b) => (starts[a]! < starts[b]! ? -1 : starts[a]! > starts[b]! ? 1 : a - b))
  const of: (number[] | undefined)[] = new Array<number[] | undefined>(spans.length)
  const roots: number[] = []
  for (const position of byStart) {
    const parentId = spans[position]!.parentSpanId
    const above = parentId === undefined ? undefined : positionOf.get(parentId)
    if (above === undefined || above === position) roots.push(position)
    else (of[above] ??= []).push(position)
  }
  return { roots, byStart, of }
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

/** Indices of spans whose name, service, id or attributes contain the text, in drawing order. */
export function searchSpans(columns: TraceColumns, text: string, limit: number): Int32Array {
  const wanted = text.trim().toLowerCase()
  const found: number[] = []
  if (wanted === '') return new Int32Array(0)
  for (let index = 0; index < columns.spans.length && found.length < limit; index++) {
    if (matches(columns.spans[index]!, wanted)) found.push(index)
  }
  return Int32Array.from(found)
}

function matches(span: SpanView, wanted: string): boolean {
  if (
    span.name.toLowerCase().includes(wanted) ||
    span.service.toLowerCase().includes(wanted) ||
    span.spanId === wanted
  )
    return true
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
