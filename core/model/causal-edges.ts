// Links become edges, and so do producers with their consumers. A link with crosscut.edge says what it is; a
// plain one is read as "the linked span came before", between a consumer and a producer as a queue.
//
//   producer  |== send ==|                 as its child, or by a plain link: a queue edge from the producer's
//                        \ queue           end, or from the consumer's begin where that came first (the
//   consumer              |= process =|     producer may wait for its broker while the message is worked on)
//
// Times in the draft are still raw here: the ends of an edge are read by the clocks of their own spans, and
// are moved with them when the clocks are aligned. Source: core/protocol/trace-attributes.ts; Canopy 3.4
// (edges between points).

import { edgeKindOf, TRACE_ATTRIBUTES, type Attributes, type EdgeKind } from '#protocol'
import type { OtlpLink, OtlpSpan } from './otlp-span.ts'
import type { Draft, RepairLog } from './repair.ts'

/** An edge inside the draft; times are relative and raw. from = -1: the source is in another trace. */
export type DraftEdge = {
  readonly kind: EdgeKind
  readonly from: number
  readonly fromNs: number
  /** Nobody told when it leaves: at fromNs, but not after its arrival. Of clocks only begins are evidence. */
  readonly isImplied?: true
  readonly foreign?: { readonly traceId: string; readonly spanId: string; readonly timeNs?: bigint }
  readonly to: number
  readonly toNs: number
  readonly attributes: Attributes
}

/** The edges that links, producers and consumers tell of. Cost: O(spans + links). */
export function edgesOf(draft: Draft, log: RepairLog): DraftEdge[] {
  const edges: DraftEdge[] = []
  for (const [index, span] of draft.spans.entries()) {
    const up = draft.parent[index]
    let isTold = up === -1 || !isHandover(draft.spans[up], span)
    for (const link of span.links) {
      const edge = edgeOf(draft, index, link, log)
      if (edge === undefined) continue
      edges.push(edge)
      if (edge.from === up) isTold = true
    }
    if (!isTold) edges.push({ ...handover(draft, up, index), attributes: {} })
  }
  return edges
}

const isHandover = (from: OtlpSpan, to: OtlpSpan): boolean => from.kind === 4 && to.kind === 5

function handover({ start, end }: Draft, from: number, to: number): Omit<DraftEdge, 'attributes'> {
  return { kind: 'queue', from, fromNs: end[from], to, toNs: start[to], isImplied: true }
}

function edgeOf(draft: Draft, to: number, link: OtlpLink, log: RepairLog): DraftEdge | undefined {
  const { spans, start, baseNs } = draft
  const kind = kindOf(link.attributes)
  const toNs = timeOf(link.attributes, TRACE_ATTRIBUTES.edgeToNs, baseNs) ?? start[to]
  const fromNs = timeOf(link.attributes, TRACE_ATTRIBUTES.edgeFromNs, baseNs)
  if (link.traceId !== spans[to].traceId) {
    const timeNs = fromNs === undefined ? undefined : baseNs + BigInt(fromNs)
    return {
      kind,
      from: -1,
      fromNs: 0,
      foreign: { traceId: link.traceId, spanId: link.spanId, timeNs },
      to,
      toNs,
      attributes: link.attributes,
    }
  }
  const from = draft.indexOf.get(link.spanId)
  if (from === undefined) {
    log.add(
      'edge-without-source',
      spans[to].spanId,
      `links to span ${link.spanId}, which is not in this trace`,
    )
    return undefined
  }
  const isPlain = kind === 'link' && fromNs === undefined && toNs === start[to]
  if (isPlain && isHandover(spans[from], spans[to]))
    return { ...handover(draft, from, to), attributes: link.attributes }
  const leavesNs = fromNs ?? eventNs(draft, from, link) ?? departure(draft, from, toNs, kind)
  // From a span to itself: it waited for something that is no span (a page for the network).
  if (from === to && (fromNs === undefined || fromNs >= toNs)) return undefined
  return { kind, from, fromNs: leavesNs, to, toNs, attributes: link.attributes }
}

function eventNs(draft: Draft, from: number, { attributes }: OtlpLink): number | undefined {
  const key = TRACE_ATTRIBUTES.edgeFromEvent
  const name = Object.hasOwn(attributes, key) ? attributes[key] : undefined
  const event = name === undefined ? undefined : draft.spans[from].events.find((one) => one.name === name)
  if (event === undefined) return undefined
  const relative = Number(event.timeUnixNano - draft.baseNs)
  return Number.isSafeInteger(relative) ? relative : undefined
}

/**
 * Without a stated time an edge leaves at its source's end; a plain link to a span that still runs leaves at
 * its begin.
 */
function departure(draft: Draft, from: number, toNs: number, kind: EdgeKind): number {
  return kind !== 'link' || draft.end[from] <= toNs ? draft.end[from] : draft.start[from]
}

function kindOf(attributes: Attributes): EdgeKind {
  return edgeKindOf(
    Object.hasOwn(attributes, TRACE_ATTRIBUTES.edge) ? attributes[TRACE_ATTRIBUTES.edge] : undefined,
  )
}

function timeOf(attributes: Attributes, key: string, baseNs: bigint): number | undefined {
  const value = Object.hasOwn(attributes, key) ? attributes[key] : undefined
  if (typeof value !== 'string' || !/^\d{1,20}$/.test(value)) return undefined
  const relative = Number(BigInt(value) - baseNs)
  return Number.isSafeInteger(relative) ? relative : undefined
}
