// How a result is looked at, as the address says it; what it does not say is chosen from the columns.
//
//   ?view=pivot&of=COUNT&as=rate&rows=client&cols=datanode&sort=size
//   ?view=lines&of=p99&off=["back"]                 lines that are switched off
//   ?view=heat&of=HISTOGRAM(r.ms)&x=service&group=front

import type { Shape } from './shape.ts'

export type View = 'plan' | 'table' | 'pivot' | 'lines' | 'heat'

export const VIEWS: readonly { readonly view: View; readonly label: string }[] = [
  { view: 'plan', label: 'What it does' },
  { view: 'table', label: 'Table' },
  { view: 'pivot', label: 'Pivot' },
  { view: 'lines', label: 'Over time' },
  { view: 'heat', label: 'Heatmap' },
]

/** Without rows there is only the plan to see; the address keeps what is wanted of them. */
export function viewOf(query: URLSearchParams, isRunning: boolean): View {
  const view = query.get('view')
  return isRunning ? (VIEWS.find((one) => one.view === view)?.view ?? 'table') : 'plan'
}

export type Settings = {
  /** undefined: there is none to show. */
  readonly measure: string | undefined
  readonly isRate: boolean
  readonly rows: string | undefined
  readonly columns: string | undefined
  readonly order: 'name' | 'size'
  /** A key, or undefined for time. */
  readonly x: string | undefined
  readonly group: string | undefined
  readonly off: ReadonlySet<string>
}

/** What can stand on a side of a pivot table. */
export const axesOf = ({ keys, window }: Shape): readonly string[] =>
  window === undefined ? keys : [...keys, window]

/** What a view can show. */
export function measuresOf({ measures, histograms }: Shape, view: View): readonly string[] {
  return view === 'heat' ? [...histograms, ...measures] : measures
}

export function settingsOf(query: URLSearchParams, shape: Shape, view: View): Settings {
  const axes = axesOf(shape)
  const among = (name: string, all: readonly string[]): string | undefined => {
    const value = query.get(name)
    return value !== null && all.includes(value) ? value : undefined
  }
  const measures = measuresOf(shape, view)
  const first = view === 'heat' && shape.histograms.length > 0 ? measures[0] : undefined
  const columns = among('cols', axes)
  const rows = among('rows', axes) ?? axes.find((axis) => axis !== columns)
  const as = query.get('as')
  return {
    measure: among('of', measures) ?? first ?? measures.find((one) => shape.summed.has(one)) ?? measures[0],
    // A line of a count that only climbs says little; a table of rates that never stands still, too.
    isRate: as === null ? view === 'lines' || view === 'heat' : as === 'rate',
    rows,
    columns: columns === rows ? otherAxis(axes, rows) : (columns ?? otherAxis(axes, rows)),
    order: query.get('sort') === 'size' ? 'size' : 'name',
    x: among('x', shape.keys),
    group: query.get('group') ?? undefined,
    off: new Set(listOf(query.get('off'))),
  }
}

const otherAxis = (axes: readonly string[], rows: string | undefined): string | undefined =>
  axes.find((axis) => axis !== rows)

function listOf(text: string | null): readonly string[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
  } catch {
    return [] // cut off on its way: nothing is switched off
  }
}

/** Columns whose totals the server is to merge for this view. */
export function rolledUpFor(view: View, { rows, columns, x }: Settings): readonly string[] {
  if (rows === undefined || columns === undefined) return []
  return view === 'pivot' || (view === 'heat' && x !== undefined) ? [rows, columns] : []
}
