// What the API says about a trace: a summary row, the whole view, one page of spans, the critical path. Pure
// reshaping.

import {
  TRACE_ATTRIBUTES,
  type CriticalPathView,
  type EdgeView,
  type SpanView,
  type TraceSummary,
  type TraceView,
} from '#protocol'
import { exclusiveTimes } from './critical-path.ts'
import { Origins } from './hosts.ts'
import type { OtlpSpan } from './otlp-span.ts'
import type { Block, CriticalSection, Edge, Trace } from './trace.ts'

const STATUS = ['unset', 'ok', 'error'] as const

/**
 * The row of the trace list, straight from spans of one trace (raw times, no model). A span without a parent
 * id is the root; of several the earliest. Cost: O(n).
 */
export function summarize(spans: readonly OtlpSpan[]): TraceSummary {
  const origins = new Origins()
  const services = new Map<string, number>()
  const ids = new Set<string>()
  let root: OtlpSpan | undefined
  let startNs: bigint | undefined
  let endNs = 0n
  let errorCount = 0
  for (const span of spans) {
    if (ids.has(span.spanId)) continue
    ids.add(span.spanId)
    const { service } = origins.of(span.resource)
    services.set(service, (services.get(service) ?? 0) + 1)
    if (startNs === undefined || span.startTimeUnixNano < startNs) startNs = span.startTimeUnixNano
    if (span.endTimeUnixNano > endNs) endNs = span.endTimeUnixNano
    if (span.status.code === 2) errorCount += 1
    if (isBetterRoot(span, root)) root = span
  }
  const start = startNs ?? 0n
  return {
    traceId: spans[0]?.traceId ?? '',
    rootService: root === undefined ? '' : origins.of(root.resource).service,
    rootName: root?.name ?? '',
    startNs: start.toString(),
    durationNs: (endNs > start ? endNs - start : 0n).toString(),
    spanCount: ids.size,
    errorCount,
    services: byCount(services),
    hasRoot: root !== undefined && !hasParent(root),
  }
}

/** The answer of GET /api/v1/traces/{id}: spans [offset, offset + limit), everything else whole. */
export function toTraceView(
  trace: Trace,
  page: { readonly offset?: number; readonly limit?: number } = {},
): TraceView {
  const offset = page.offset ?? 0
  const shown = trace.blocks.slice(offset, page.limit === undefined ? undefined : offset + page.limit)
  return {
    traceId: trace.traceId,
    summary: summaryOf(trace),
    spans: shown.map((block) => toSpanView(trace, block)),
    totalSpans: trace.blocks.length,
    edges: trace.edges.map((edge) => toEdgeView(trace, edge)),
    repairs: trace.repairs,
    clocks: trace.clocks.map(({ host, offsetNs }) => ({ host, offsetNs: offsetNs.toString() })),
  }
}

export function toSpanView(trace: Trace, block: Block): SpanView {
  const { span, shiftNs } = block
  const parent = trace.blocks[block.parent]
  const parentSpanId = parent?.spanId ?? (hasParent(span) ? span.parentSpanId : undefined)
  return {
    spanId: block.spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    service: block.service,
    name: block.name,
    kind: block.kind,
    startNs: block.startNs.toString(),
    endNs: block.endNs.toString(),
    shiftNs: shiftNs.toString(),
    status: {
      code: STATUS[span.status.code] ?? 'unset',
      ...(span.status.message ? { message: span.status.message } : {}),
    },
    attributes: span.attributes,
    resource: span.resource.attributes,
    scope: { name: span.scope.name, ...(span.scope.version ? { version: span.scope.version } : {}) },
    events: span.events.map(({ timeUnixNano, name, attributes }) => ({
      timeNs: (timeUnixNano + shiftNs).toString(),
      name,
      attributes,
    })),
    links: span.links.map(({ traceId, spanId, attributes }) => ({ traceId, spanId, attributes })),
    droppedCount: droppedCount(span),
    depth: block.depth,
  }
}

export function toCriticalPathView(sections: readonly CriticalSection[]): CriticalPathView {
  const exclusiveNs: { [key: string]: string } = Object.create(null)
  for (const [key, ns] of exclusiveTimes(sections)) exclusiveNs[key] = ns.toString()
  return {
    sections: sections.map((section) => ({
      ...section,
      startNs: section.startNs.toString(),
      endNs: section.endNs.toString(),
    })),
    exclusiveNs,
  }
}

function toEdgeView(trace: Trace, { kind, from, foreign, to, attributes }: Edge): EdgeView {
  const source =
    from !== undefined
      ? { spanId: trace.blocks[from.block].spanId, timeNs: from.timeNs.toString() }
      : {
          spanId: foreign?.spanId ?? '',
          traceId: foreign?.traceId ?? '',
          ...(foreign?.timeNs === undefined ? {} : { timeNs: foreign.timeNs.toString() }),
        }
  const own = Object.entries(attributes).filter(([key]) => !EDGE_KEYS.has(key))
  return {
    kind,
    from: source,
    to: { spanId: trace.blocks[to.block].spanId, timeNs: to.timeNs.toString() },
    ...(own.length === 0 ? {} : { attributes: Object.fromEntries(own) }),
  }
}

/** What the view says by kind, from and to. */
const EDGE_KEYS: ReadonlySet<string> = new Set([
  TRACE_ATTRIBUTES.edge,
  TRACE_ATTRIBUTES.edgeFromNs,
  TRACE_ATTRIBUTES.edgeFromEvent,
  TRACE_ATTRIBUTES.edgeToNs,
])

/** The summary on the aligned timeline. */
function summaryOf(trace: Trace): TraceSummary {
  const services = new Map<string, number>()
  let startNs = trace.blocks[0]?.startNs ?? 0n
  let endNs = startNs
  let errorCount = 0
  for (const block of trace.blocks) {
    services.set(block.service, (services.get(block.service) ?? 0) + 1)
    if (block.startNs < startNs) startNs = block.startNs
    if (block.endNs > endNs) endNs = block.endNs
    if (block.span.status.code === 2) errorCount += 1
  }
  const root = trace.blocks[trace.root]
  return {
    traceId: trace.traceId,
    rootService: root?.service ?? '',
    rootName: root?.name ?? '',
    startNs: startNs.toString(),
    durationNs: (endNs - startNs).toString(),
    spanCount: trace.blocks.length,
    errorCount,
    services: byCount(services),
    hasRoot: trace.hasRoot,
  }
}

function hasParent(span: OtlpSpan): boolean {
  return span.parentSpanId !== undefined && span.parentSpanId !== ''
}

function isBetterRoot(span: OtlpSpan, root: OtlpSpan | undefined): boolean {
  if (root === undefined) return true
  if (hasParent(span) !== hasParent(root)) return hasParent(root)
  return span.startTimeUnixNano < root.startTimeUnixNano
}

function byCount(services: ReadonlyMap<string, number>): { name: string; spanCount: number }[] {
  const rows = [...services].map(([name, spanCount]) => ({ name, spanCount }))
  return rows.sort((a, b) => b.spanCount - a.spanCount || (a.name < b.name ? -1 : 1))
}

function droppedCount(span: OtlpSpan): number {
  const inside = [...span.events, ...span.links].reduce(
    (sum, { droppedAttributesCount }) => sum + (droppedAttributesCount ?? 0),
    0,
  )
  return (
    inside +
    (span.droppedAttributesCount ?? 0) +
    (span.droppedEventsCount ?? 0) +
    (span.droppedLinksCount ?? 0)
  )
}
