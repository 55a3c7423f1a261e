// The state of the trace page as the URL tells it.
//
//   span=<id>        the selected span, with its details open
//   z=<from>-<to>    the window in ns after the trace's start; absent = the whole trace
//   d=<depth>        all from this depth on are collapsed
//   c=<id>,<id>      collapsed spans; with d, those that are not
//   q=<text>         search          path=0  arrows=0  notes=1  ops=1
//   from=, to=       points that the critical path is between: path-ends.ts
//   view=<name>      waterfall if absent, lanes, flame, compare (with=<trace id>)
//   tab=<name>       page of the details

import { URL_COLLAPSED_MAX } from '../../base/limits.ts'
import { clampWindow, type TimeWindow } from '../../base/time-scale.ts'
import type { TraceColumns } from './columns.ts'
import { collapsedFrom } from './rows.ts'

export const TRACE_VIEWS = [
  { name: 'waterfall', label: 'Waterfall' },
  { name: 'lanes', label: 'Lanes' },
  { name: 'flame', label: 'Flame' },
  { name: 'compare', label: 'Compare' },
] as const
export type TraceViewName = (typeof TRACE_VIEWS)[number]['name']

export function readView(query: URLSearchParams): TraceViewName {
  return TRACE_VIEWS.find(({ name }) => name === query.get('view'))?.name ?? 'waterfall'
}

export function readWindow(text: string | null, bounds: TimeWindow): TimeWindow {
  const parts = /^(\d{1,19})-(\d{1,19})$/.exec(text ?? '')
  if (parts === null) return bounds
  const startNs = bounds.startNs + BigInt(parts[1]!)
  const endNs = bounds.startNs + BigInt(parts[2]!)
  return startNs < endNs && startNs < bounds.endNs ? clampWindow({ startNs, endNs }, bounds) : bounds
}

export function writeWindow(window: TimeWindow, bounds: TimeWindow): string | undefined {
  if (window.startNs <= bounds.startNs && window.endNs >= bounds.endNs) return undefined
  return `${window.startNs - bounds.startNs}-${window.endNs - bounds.startNs}`
}

/** Spans that are collapsed: those from depth `d` on, with the spans of `c` the other way round. */
export function readCollapsed(query: URLSearchParams, columns: TraceColumns): ReadonlySet<number> {
  const depth = query.get('d')
  const out = new Set(depth !== null && /^\d{1,4}$/.test(depth) ? collapsedFrom(columns, Number(depth)) : [])
  for (const id of (query.get('c') ?? '').split(',')) {
    const index = columns.indexOf.get(id)
    if (index !== undefined && !out.delete(index)) out.add(index)
  }
  return out
}

/**
 * `c` with one span more or less. Past the limit the oldest is forgotten: the URL stays one that every proxy
 * takes.
 */
export function toggleCollapsed(query: URLSearchParams, spanIds: readonly string[]): string | undefined {
  const ids = (query.get('c') ?? '').split(',').filter((id) => id !== '')
  const next = ids.filter((id) => !spanIds.includes(id)).concat(spanIds.filter((id) => !ids.includes(id)))
  return next.slice(-URL_COLLAPSED_MAX).join(',') || undefined
}
