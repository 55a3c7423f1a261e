// Traces of a few words for tests: spans by their times in ns since EPOCH, and what a model makes of them in
// the same numbers.

import { criticalPath, exclusiveTimes } from '../index.ts'
import type { OtlpLink, OtlpSpan, OtlpSpanKind, Trace } from '../index.ts'

export const TRACE = '0123456789abcdef0123456789abcdef'
export const EPOCH = 1_790_000_000_000_000_000n
export const MS = 1_000_000

export type Brief = {
  readonly id: string
  readonly up?: string
  readonly at: number
  readonly to: number
  readonly host?: string
  readonly kind?: OtlpSpanKind
  readonly links?: readonly OtlpLink[]
  readonly trace?: string
}

export function span({ id, up, at, to, host = 'A', kind = 1, links = [], trace = TRACE }: Brief): OtlpSpan {
  return {
    traceId: trace,
    spanId: id,
    parentSpanId: up,
    name: `op-${id}`,
    kind,
    links,
    events: [],
    attributes: {},
    startTimeUnixNano: EPOCH + BigInt(at),
    endTimeUnixNano: EPOCH + BigInt(to),
    status: { code: 0 },
    resource: { attributes: { 'service.name': `svc-${host}`, 'host.name': host } },
    scope: { name: 'test' },
  }
}

export function link(spanId: string, edge?: string, times: { from?: number; to?: number } = {}): OtlpLink {
  const at = (ns: number | undefined) => (ns === undefined ? undefined : (EPOCH + BigInt(ns)).toString())
  const attributes: Record<string, string> = {}
  const pairs = [
    ['crosscut.edge', edge],
    ['crosscut.edge.from_ns', at(times.from)],
    ['crosscut.edge.to_ns', at(times.to)],
  ] as const
  for (const [key, value] of pairs) if (value !== undefined) attributes[key] = value
  return { traceId: TRACE, spanId, attributes }
}

export function path(trace: Trace, options?: Parameters<typeof criticalPath>[1]): (string | number)[][] {
  return criticalPath(trace, options).map(({ spanId, startNs, endNs, waitedFor }) => [
    spanId,
    Number(startNs - EPOCH),
    Number(endNs - EPOCH),
    ...(waitedFor === undefined ? [] : [waitedFor]),
  ])
}

export function times(trace: Trace): Record<string, [number, number]> {
  return Object.fromEntries(
    trace.blocks.map((block) => [block.spanId, [Number(block.startNs - EPOCH), Number(block.endNs - EPOCH)]]),
  )
}

export function kinds(trace: Trace): string[] {
  return [...new Set(trace.repairs.map(({ kind }) => kind))].sort()
}

/** What keeps the sections from following one another from `fromNs` to `toNs` and adding up; [] = nothing. */
export function partitionFaults(
  trace: Trace,
  fromNs: bigint,
  toNs: bigint,
  options: Parameters<typeof criticalPath>[1],
): string[] {
  const sections = criticalPath(trace, options)
  if (fromNs >= toNs) return sections.map(({ spanId }) => `${spanId} in an empty interval`)
  const faults: string[] = []
  let at = fromNs
  for (const { spanId, startNs, endNs } of sections) {
    if (startNs !== at) faults.push(`${spanId} begins at ${startNs}, not at ${at}`)
    if (endNs <= startNs) faults.push(`${spanId} is empty`)
    at = endNs
  }
  if (at !== toNs) faults.push(`the last ends at ${at}, not at ${toNs}`)
  const total = [...exclusiveTimes(sections).values()].reduce((sum, ns) => sum + ns, 0n)
  if (total !== toNs - fromNs) faults.push(`exclusive times add up to ${total}`)
  return faults
}
