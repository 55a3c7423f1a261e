// A result as a grid of counts: what the columns and the rows are, and how much is in each cell.
//
//   HISTOGRAM over time     columns: windows or snapshots    rows: bands of values, each 17 % wider
//   HISTOGRAM by a key      columns: its values              rows: the same
//   a measure over time     columns: windows or snapshots    rows: names
//   a measure by a key      columns: its values              rows: another key (the pivot table, in colour)
//
// Between two snapshots a histogram grew by what came in that second: buckets of mergeable histograms are
// subtracted as they are added.

import { ascendingOf, histogramFrom, type HistogramState } from '#query'
import type { QueryResults, ResultRow } from '#protocol'
import { HEAT_BANDS_MAX, HEAT_COLUMNS_MAX, PIVOT_COLUMNS_MAX, PIVOT_ROWS_MAX } from '../../base/limits.ts'
import { compareNames, shortText, textOf } from '../../base/value-text.ts'
import { nameOf, windowMs, type Shape } from './shape.ts'
import type { Snapshot } from './snapshots.ts'
import { closedWindows, timelineOf, type Measured } from './timeline.ts'
import type { Pivot } from './pivot.ts'

export type Heat = {
  /** ms since the epoch, ascending; undefined: the columns have names. */
  readonly timesMs: readonly number[] | undefined
  readonly columns: readonly string[]
  /** From the top. */
  readonly rows: readonly string[]
  /** What stands beside each row: its name, or where its band begins. */
  readonly marks: readonly string[]
  readonly at: (row: number, column: number) => number | null
  readonly most: number
  /** What a cell counts: 'values', 'a second', .. */
  readonly per: string
}

/** `x`: a key, or undefined for time. `group`: only rows of this name; undefined for all together. */
export type HeatChoice = Measured & { readonly x: string | undefined; readonly group: string | undefined }

export function heatOf(
  results: QueryResults,
  past: readonly Snapshot[],
  shape: Shape,
  choice: HeatChoice,
  pivot: Pivot | undefined,
): Heat {
  if (!shape.histograms.includes(choice.measure))
    return choice.x === undefined || pivot === undefined
      ? namesOverTime(results, past, shape, choice)
      : ofPivot(pivot, choice)
  const isWanted = (row: ResultRow): boolean =>
    choice.group === undefined || nameOf(row, shape.keys) === choice.group
  if (choice.x !== undefined) return histogramsByKey(results, choice.x, choice.measure)
  return histogramsOverTime(results, past, shape, { measure: choice.measure, isWanted })
}

function ofPivot(pivot: Pivot, { isRate }: HeatChoice): Heat {
  const { rows, columns, most } = pivot
  const at = (row: number, column: number): number | null => pivot.cell(rows[row]!, columns[column]!).value
  return { timesMs: undefined, columns, rows, marks: rows, at, most, per: isRate ? 'a second' : 'so far' }
}

function namesOverTime(
  results: QueryResults,
  past: readonly Snapshot[],
  shape: Shape,
  choice: HeatChoice,
): Heat {
  const { timesMs, lines, per } = timelineOf(results, past, shape, choice, PIVOT_ROWS_MAX)
  const from = Math.max(0, timesMs.length - HEAT_COLUMNS_MAX)
  const sorted = lines.toSorted((a, b) => compareNames(a.name, b.name))
  const names = sorted.map(({ name }) => name)
  const shown = timesMs.slice(from)
  const at = (row: number, column: number): number | null => sorted[row]!.values[from + column] ?? null
  return {
    timesMs: shown,
    columns: shown.map(String),
    rows: names,
    marks: names,
    at,
    most: mostOf(sorted.length, shown.length, at),
    per: per === 'second' ? 'a second' : per === 'window' ? 'in each window' : 'so far',
  }
}

type Band = number
type Counts = Map<Band, number>

/** Eight buckets of 2 % are one band of 17 %; zero and what is below have one. */
const BAND = Math.log(1.02) * 8
const ZERO_BAND = -1e6
const bandOf = (value: number): Band => (value > 0 ? Math.floor(Math.log(value) / BAND) : ZERO_BAND)
const bandText = (band: Band): string =>
  band === ZERO_BAND
    ? '0 or less'
    : `${shortText(Math.exp(band * BAND))} to ${shortText(Math.exp((band + 1) * BAND))}`

function addTo(counts: Counts, state: HistogramState | undefined, sign: 1 | -1): void {
  if (state === undefined) return
  for (const [middle, count] of ascendingOf(state)) {
    const band = bandOf(middle)
    counts.set(band, (counts.get(band) ?? 0) + sign * count)
  }
}

function histogramAt(row: ResultRow, measure: string): HistogramState | undefined {
  const value = row[measure]
  return Array.isArray(value) ? histogramFrom(value) : undefined
}

function histogramsByKey(results: QueryResults, key: string, measure: string): Heat {
  const byName = new Map<string, Counts>()
  for (const row of results.rows) {
    const name = textOf(row[key])
    const counts: Counts = byName.get(name) ?? new Map()
    addTo(counts, histogramAt(row, measure), 1)
    byName.set(name, counts)
  }
  const names = [...byName.keys()].sort(compareNames).slice(0, PIVOT_COLUMNS_MAX)
  return banded(
    names.map((name) => byName.get(name)!),
    { timesMs: undefined, columns: names },
  )
}

function histogramsOverTime(
  results: QueryResults,
  past: readonly Snapshot[],
  { window }: Shape,
  { measure, isWanted }: { readonly measure: string; readonly isWanted: (row: ResultRow) => boolean },
): Heat {
  if (window !== undefined) {
    const times = [...closedWindows(results, window).windows].slice(-HEAT_COLUMNS_MAX)
    const byTime = new Map(times.map((time) => [time, new Map() as Counts]))
    for (const row of results.rows.filter(isWanted)) {
      const counts = byTime.get(windowMs(row, window))
      if (counts !== undefined) addTo(counts, histogramAt(row, measure), 1)
    }
    return banded([...byTime.values()], { timesMs: times, columns: times.map(String) })
  }
  const steps = past.slice(-HEAT_COLUMNS_MAX - 1)
  const totals = steps.map(({ rows }) => {
    const counts: Counts = new Map()
    for (const row of rows) if (isWanted(row)) addTo(counts, histogramAt(row, measure), 1)
    return counts
  })
  const grown = totals.slice(1).map((counts, i) => difference(counts, totals[i]!))
  const times = steps.slice(1).map(({ timeMs }) => timeMs)
  return banded(grown, { timesMs: times, columns: times.map(String) })
}

function difference(now: Counts, before: Counts): Counts {
  return new Map([...now].map(([band, count]) => [band, Math.max(0, count - (before.get(band) ?? 0))]))
}

/** One row a band between the lowest and the highest that hold something. */
function banded(columns: readonly Counts[], named: Pick<Heat, 'timesMs' | 'columns'>): Heat {
  const held = new Set(
    columns.flatMap((counts) => [...counts].filter(([, n]) => n > 0).map(([band]) => band)),
  )
  const hasZero = held.delete(ZERO_BAND)
  const sorted = [...held].sort((a, b) => a - b)
  const high = sorted.at(-1)
  const low = Math.max(sorted[0] ?? 0, (high ?? 0) - HEAT_BANDS_MAX + 1)
  const bands = [
    ...(high === undefined ? [] : Array.from({ length: high - low + 1 }, (_, i) => high - i)),
    ...(hasZero ? [ZERO_BAND] : []),
  ]
  const at = (row: number, column: number): number => columns[column]!.get(bands[row]!) ?? 0
  return {
    ...named,
    rows: bands.map(bandText),
    marks: bands.map((band) => (band === ZERO_BAND ? '0' : shortText(Math.exp(band * BAND)))),
    at,
    most: mostOf(bands.length, columns.length, at),
    per: 'values',
  }
}

function mostOf(rows: number, columns: number, at: (row: number, column: number) => number | null): number {
  let most = 0
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) most = Math.max(most, Math.abs(at(row, column) ?? 0))
  return most
}
