// What is asked of a dataset and how it is seen, as the address says it; what it does not say is chosen from
// the columns.
//
//   ?where=service = 'gateway'&where=..    conditions, all of which hold: where.ts
//   ?last=60  or  ?from=<ms>&to=<ms>       minutes up to now, or a fixed range; neither: all there is
//   ?view=lines|heat|groups|rows|compare
//   ?by=service&by=..  ?show=p99(ms)&..    groups, and what is computed of them
//   ?of=ms  ?scale=log                     the number of the heatmap, and how it is cut into bands
//   ?sel=<ms>_<ms>_<low>_<high>            a region of time and, in the heatmap, of the number
//   ?a=<condition>  ?b=<condition>         two populations
//   ?sort=-count  ?col=service             order of the groups; the column whose values stand open

import type { DatasetColumn } from '#protocol'
import { EXPLORE_GROUP_BY_MAX, EXPLORE_SHOWN_MAX, EXPLORE_WHERE_MAX } from '../../base/limits.ts'

export type View = 'lines' | 'heat' | 'groups' | 'rows' | 'compare'

export const VIEWS: readonly { readonly id: View; readonly label: string }[] = [
  { id: 'lines', label: 'Over time' },
  { id: 'heat', label: 'Heatmap' },
  { id: 'groups', label: 'Groups' },
  { id: 'rows', label: 'Rows' },
  { id: 'compare', label: 'Compare' },
]

export type Range =
  | { readonly kind: 'last'; readonly minutes: number }
  | { readonly kind: 'between'; readonly fromMs: number; readonly toMs: number }
  | { readonly kind: 'all' }

/** low and high are of the heatmap's number; undefined = any. */
export type Region = {
  readonly fromMs: number
  readonly toMs: number
  readonly low?: number
  readonly high?: number
}

export type Explore = {
  readonly where: readonly string[]
  readonly range: Range
  readonly view: View
  readonly by: readonly string[]
  readonly show: readonly string[]
  /** undefined: the dataset has no numbers. */
  readonly of: string | undefined
  readonly scale: 'log' | 'linear' | undefined
  readonly region: Region | undefined
  readonly a: string
  readonly b: string
  readonly sort: string | undefined
  /** Lines that are switched off. */
  readonly off: ReadonlySet<string>
  readonly open: string | undefined
}

export const LAST_MINUTES_DEFAULT = 60

/** Columns that every dataset has beside its features. */
export const OWN_COLUMNS: readonly DatasetColumn[] = [
  { name: 'timeMs', type: 'number', unit: 'ms' },
  { name: 'traceId', type: 'string' },
  { name: 'element', type: 'string' },
  { name: 'weight', type: 'number' },
]

export function readExplore(query: URLSearchParams, columns: readonly DatasetColumn[]): Explore {
  const known = new Set([...columns, ...OWN_COLUMNS].map(({ name }) => name))
  const numbers = columns.filter(({ type }) => type === 'number').map(({ name }) => name)
  const wantedOf = query.get('of')
  const of = wantedOf !== null && numbers.includes(wantedOf) ? wantedOf : mainNumber(columns)
  const by = [...new Set(query.getAll('by'))].filter((name) => known.has(name)).slice(0, EXPLORE_GROUP_BY_MAX)
  const show = [...new Set(query.getAll('show'))].slice(0, EXPLORE_SHOWN_MAX)
  const scale = query.get('scale')
  return {
    where: query
      .getAll('where')
      .filter((text) => text.trim() !== '')
      .slice(0, EXPLORE_WHERE_MAX),
    range: readRange(query),
    view: VIEWS.find(({ id }) => id === query.get('view'))?.id ?? 'lines',
    by,
    show: show.length > 0 ? show : shownByDefault(of, by.length > 0),
    of,
    scale: scale === 'log' || scale === 'linear' ? scale : undefined,
    region: readRegion(query.get('sel')),
    a: query.get('a') ?? '',
    b: query.get('b') ?? '',
    sort: query.get('sort') ?? undefined,
    off: new Set(listOf(query.get('off'))),
    open: query.get('col') ?? undefined,
  }
}

/** The number people ask about first: a duration, else anything in ms, else the first. */
export function mainNumber(columns: readonly DatasetColumn[]): string | undefined {
  const numbers = columns.filter(({ type }) => type === 'number')
  const isTime = ({ unit }: DatasetColumn): boolean => ['ns', 'us', 'ms', 's'].includes(unit ?? '')
  const first =
    numbers.find((column) => /duration|latency/i.test(column.name) && isTime(column)) ??
    numbers.find(({ name }) => /duration|latency/i.test(name)) ??
    numbers.find(isTime) ??
    numbers[0]
  return first?.name
}

function shownByDefault(of: string | undefined, isGrouped: boolean): readonly string[] {
  if (of === undefined) return ['count']
  return ['count', ...(isGrouped ? ['p95'] : ['p50', 'p95', 'p99']).map((fn) => `${fn}(${of})`)]
}

function readRange(query: URLSearchParams): Range {
  const [from, to] = [query.get('from') ?? '', query.get('to') ?? '']
  if (/^\d{1,15}$/.test(from) && /^\d{1,15}$/.test(to) && Number(from) < Number(to))
    return { kind: 'between', fromMs: Number(from), toMs: Number(to) }
  const last = query.get('last') ?? ''
  if (last === 'all') return { kind: 'all' }
  return { kind: 'last', minutes: /^[1-9]\d{0,6}$/.test(last) ? Number(last) : LAST_MINUTES_DEFAULT }
}

function readRegion(text: string | null): Region | undefined {
  const [from = '', to = '', low = '', high = ''] = (text ?? '').split('_')
  const [fromMs, toMs] = [Number(from), Number(to)]
  if (from === '' || !(fromMs < toMs)) return undefined
  const bound = (name: 'low' | 'high', written: string): Partial<Region> =>
    written !== '' && Number.isFinite(Number(written)) ? { [name]: Number(written) } : {}
  return { fromMs, toMs, ...bound('low', low), ...bound('high', high) }
}

export function regionText({ fromMs, toMs, low, high }: Region): string {
  return [fromMs, toMs, low ?? '', high ?? ''].join('_').replace(/_+$/, '')
}

function listOf(text: string | null): readonly string[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
  } catch {
    return [] // cut off on its way: nothing is switched off
  }
}

/** What changes of the address; undefined takes a part out, an empty list too. */
export type Change = {
  readonly where?: readonly string[]
  readonly range?: Range
  readonly view?: View
  readonly by?: readonly string[]
  readonly show?: readonly string[]
  readonly of?: string
  readonly scale?: 'log' | 'linear'
  readonly region?: Region | undefined
  readonly a?: string
  readonly b?: string
  readonly sort?: string
  readonly open?: string | undefined
}

/** The parameters with a change; what the app does not know of stays. */
export function changed(query: URLSearchParams, change: Change): URLSearchParams {
  const next = new URLSearchParams(query)
  const list = (name: string, values: readonly string[] | undefined): void => {
    if (values === undefined) return
    next.delete(name)
    for (const value of values) next.append(name, value)
  }
  list('where', change.where)
  list('by', change.by)
  list('show', change.show)
  const one = (key: keyof Change, name: string, text: string | undefined): void => {
    if (!(key in change)) return
    if (text === undefined || text === '') next.delete(name)
    else next.set(name, text)
  }
  one('view', 'view', change.view)
  one('of', 'of', change.of)
  one('scale', 'scale', change.scale)
  one('a', 'a', change.a)
  one('b', 'b', change.b)
  one('sort', 'sort', change.sort)
  one('open', 'col', change.open)
  one('region', 'sel', change.region === undefined ? undefined : regionText(change.region))
  if (change.range !== undefined) writeRange(next, change.range)
  // Names of lines belong to what was grouped and shown.
  if (change.by !== undefined || change.show !== undefined) next.delete('off')
  if (change.by !== undefined) next.delete('sort')
  // A region is of the number it was drawn over.
  if (change.of !== undefined) next.delete('sel')
  return next
}

function writeRange(query: URLSearchParams, range: Range): void {
  for (const name of ['from', 'to', 'last']) query.delete(name)
  if (range.kind === 'last') query.set('last', String(range.minutes))
  if (range.kind === 'all') query.set('last', 'all')
  if (range.kind !== 'between') return
  query.set('from', String(range.fromMs))
  query.set('to', String(range.toMs))
}
