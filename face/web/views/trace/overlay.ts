// What lies over the bars: the critical path and the causal arrows, resolved once to span indices and
// instants, so that a frame only looks up rows.

import type { CriticalPathView, EdgeView } from '#protocol'
import { plural } from '../../base/format.ts'
import type { TraceColumns } from './columns.ts'

export type PathSection = { readonly span: number; readonly startNs: bigint; readonly endNs: bigint }

export type Arrow = {
  readonly kind: EdgeView['kind']
  /** -1: the source is in another trace. */
  readonly from: number
  readonly fromNs: bigint
  readonly to: number
  readonly toNs: bigint
}

/** Sections of spans that are here, in order of time. */
export function pathSections(
  columns: TraceColumns,
  path: CriticalPathView | undefined,
): readonly PathSection[] {
  const sections: PathSection[] = []
  for (const section of path?.sections ?? []) {
    const span = columns.indexOf.get(section.spanId)
    if (span !== undefined)
      sections.push({ span, startNs: BigInt(section.startNs), endNs: BigInt(section.endNs) })
  }
  return sections.sort((a, b) => (a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : 0))
}

export function traceArrows(columns: TraceColumns): readonly Arrow[] {
  const arrows: Arrow[] = []
  for (const edge of columns.trace.edges) {
    const to = columns.indexOf.get(edge.to.spanId)
    if (to === undefined) continue
    const isForeign = edge.from.traceId !== undefined && edge.from.traceId !== columns.trace.traceId
    const from = isForeign ? -1 : (columns.indexOf.get(edge.from.spanId) ?? -1)
    const toNs = BigInt(edge.to.timeNs)
    const fromNs =
      edge.from.timeNs !== undefined ? BigInt(edge.from.timeNs) : from >= 0 ? columns.endNs[from]! : toNs
    arrows.push({ kind: edge.kind, from, fromNs, to, toNs })
  }
  return arrows
}

export type PathShare = { readonly service: string; readonly ns: bigint; readonly spans: string }

/** Time on the critical path by service, most first. */
export function pathShares(columns: TraceColumns, sections: readonly PathSection[]): readonly PathShare[] {
  const byService = new Map<string, { ns: bigint; spans: Set<number> }>()
  for (const section of sections) {
    const name = columns.serviceNames[columns.service[section.span]!] ?? ''
    const share = byService.get(name) ?? { ns: 0n, spans: new Set() }
    share.ns += section.endNs - section.startNs
    share.spans.add(section.span)
    byService.set(name, share)
  }
  return [...byService]
    .map(([service, { ns, spans }]) => ({ service, ns, spans: plural(spans.size, 'span') }))
    .sort((a, b) => (a.ns < b.ns ? 1 : a.ns > b.ns ? -1 : 0))
}
