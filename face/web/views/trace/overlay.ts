// What lies over the bars: the critical path and the causal arrows, resolved once to span indices and
// instants, so that a frame only looks up rows.

import type { CriticalPathView, EdgeView } from '#protocol'
import { plural } from '../../base/format.ts'
import type { TraceColumns } from './columns.ts'

export type PathSection = { readonly span: number; readonly startNs: bigint; readonly endNs: bigint }

/** The critical path, looked up by span: a frame asks only for the rows on the screen. */
export type TracePath = {
  /** In order of time. */
  readonly sections: readonly PathSection[]
  /** Sections of a span: list[first[span] .. first[span + 1]], numbers into `sections`. */
  readonly first: Uint32Array
  readonly list: Uint32Array
}

export type Arrow = {
  readonly kind: EdgeView['kind']
  /** -1: the source is in another trace. */
  readonly from: number
  readonly fromNs: bigint
  readonly to: number
  readonly toNs: bigint
}

/** Of spans that are here. A large trace brings its path with it, unless another one was asked for. */
export function tracePath(columns: TraceColumns, path: CriticalPathView | undefined): TracePath {
  return indexed(columns.count, path === undefined ? ownSections(columns) : sectionsOf(columns, path))
}

export function noPath(columns: TraceColumns): TracePath {
  return indexed(columns.count, [])
}

function sectionsOf(columns: TraceColumns, path: CriticalPathView): PathSection[] {
  const sections: PathSection[] = []
  for (const section of path.sections) {
    const span = columns.indexOf.get(section.spanId)
    if (span !== undefined)
      sections.push({ span, startNs: BigInt(section.startNs), endNs: BigInt(section.endNs) })
  }
  return sections.sort((a, b) => (a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : 0))
}

function ownSections({ path, placed, baseNs }: TraceColumns): PathSection[] {
  if (path === undefined) return []
  return path.span.map((position, at) => ({
    span: placed[position] ?? 0,
    startNs: baseNs + BigInt(path.start[at] ?? 0),
    endNs: baseNs + BigInt(path.end[at] ?? 0),
  }))
}

function indexed(count: number, sections: readonly PathSection[]): TracePath {
  const first = new Uint32Array(count + 1)
  for (const { span } of sections) first[span + 1]! += 1
  for (let span = 0; span < count; span++) first[span + 1]! += first[span]!
  const next = first.slice(0, count)
  const list = new Uint32Array(sections.length)
  sections.forEach(({ span }, at) => {
    list[next[span]!++] = at
  })
  return { sections, first, list }
}

/** Time of one span on the path. */
export function onPathNs({ sections, first, list }: TracePath, span: number): bigint {
  let sum = 0n
  for (let at = first[span]!; at < first[span + 1]!; at++) {
    const section = sections[list[at]!]!
    sum += section.endNs - section.startNs
  }
  return sum
}

export function isOnPath({ first }: TracePath, span: number): boolean {
  return first[span + 1]! > first[span]!
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

export type PathOperation = {
  readonly service: string
  readonly name: string
  readonly ns: bigint
  readonly spans: number
  /** The span with the longest section. */
  readonly example: number
}

/** Time on the critical path by operation, most first. */
export function pathOperations(
  columns: TraceColumns,
  sections: readonly PathSection[],
): readonly PathOperation[] {
  const byKey = new Map<
    string,
    { service: number; name: number; ns: bigint; spans: Set<number>; example: number; longestNs: bigint }
  >()
  for (const { span, startNs, endNs } of sections) {
    const [service, name] = [columns.service[span]!, columns.name[span]!]
    const key = `${service} ${name}`
    const sum = byKey.get(key) ?? { service, name, ns: 0n, spans: new Set(), example: span, longestNs: -1n }
    byKey.set(key, sum)
    sum.ns += endNs - startNs
    sum.spans.add(span)
    if (endNs - startNs <= sum.longestNs) continue
    sum.example = span
    sum.longestNs = endNs - startNs
  }
  return [...byKey.values()]
    .map(({ service, name, ns, spans, example }) => ({
      service: columns.serviceNames[service] ?? '',
      name: columns.names[name] ?? '',
      ns,
      spans: spans.size,
      example,
    }))
    .sort((a, b) => (a.ns < b.ns ? 1 : a.ns > b.ns ? -1 : 0))
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
