// A measure of a result as lines over time, one for each row.
//
//   with `Every`   a point for each window that has closed        value of the window
//   without        a point for each snapshot of the open page     a second (what grows), else so far
//
// What grows is 0 where a row is missing; nothing is known of the others then, and the line has a gap.

import type { QueryResults } from '#protocol'
import { LINES_MAX } from '../../base/limits.ts'
import { nameOf, numberOf, windowMs, type Shape } from './shape.ts'
import type { Snapshot } from './snapshots.ts'

export type Line = { readonly name: string; readonly values: readonly (number | null)[] }

export type Timeline = {
  /** Ascending. */
  readonly timesMs: readonly number[]
  /** The largest first. */
  readonly lines: readonly Line[]
  /** Of what the values are: 'a second', 'so far', 'in each window'. */
  readonly per: 'second' | 'so far' | 'window'
  /** Rows that are not among the lines. */
  readonly leftOut: number
}

export type Measured = {
  readonly measure: string
  /** What grows: as a rate, or as it stands. */
  readonly isRate: boolean
}

export function timelineOf(
  results: QueryResults,
  past: readonly Snapshot[],
  shape: Shape,
  { measure, isRate }: Measured,
  linesMax = LINES_MAX,
): Timeline {
  const isSummed = shape.summed.has(measure)
  const table = new Table(isSummed ? 0 : null)
  if (shape.window === undefined) {
    for (const { timeMs, rows, rates } of past)
      for (const row of isSummed && isRate ? rates : rows)
        table.put(nameOf(row, shape.keys), timeMs, numberOf(row[measure]))
    table.times(past.map(({ timeMs }) => timeMs))
    return table.lines(linesMax, isSummed && isRate ? 'second' : 'so far')
  }
  const { windows, stepMs } = closedWindows(results, shape.window)
  const scale = isSummed && isRate && stepMs > 0 ? 1000 / stepMs : 1
  for (const row of results.rows) {
    const value = numberOf(row[measure])
    const timeMs = windowMs(row, shape.window)
    if (value !== null && windows.has(timeMs)) table.put(nameOf(row, shape.keys), timeMs, value * scale)
  }
  table.times([...windows])
  return table.lines(linesMax, isSummed && isRate && stepMs > 0 ? 'second' : 'window')
}

/** Windows that no process adds to any more: all but those whose end is not a second ago. */
export function closedWindows(
  { rows, timeMs }: Pick<QueryResults, 'rows' | 'timeMs'>,
  window: string,
): { readonly windows: ReadonlySet<number>; readonly stepMs: number } {
  const begins = [...new Set(rows.map((row) => windowMs(row, window)))].sort((a, b) => a - b)
  let stepMs = Infinity
  for (let i = 1; i < begins.length; i++) stepMs = Math.min(stepMs, begins[i]! - begins[i - 1]!)
  if (stepMs === Infinity) return { windows: new Set(begins), stepMs: 0 }
  const closed = begins.filter((begin) => begin + stepMs + REPORTED_MS <= timeMs)
  const all: number[] = []
  for (let at = closed[0] ?? 0; at <= (closed.at(-1) ?? -1) && all.length < WINDOWS_MAX; at += stepMs)
    all.push(at)
  return { windows: new Set(all), stepMs }
}

/** Processes report once a second. */
const REPORTED_MS = 1_200
/** Two thousand groups are 2,000 windows at most; a gap of days must not become a million of them. */
const WINDOWS_MAX = 5_000

/** Values by name and time, then lines of equal length. */
class Table {
  readonly #byName = new Map<string, Map<number, number | null>>()
  readonly #missing: number | null
  #times: readonly number[] = []

  constructor(missing: number | null) {
    this.#missing = missing
  }

  put(name: string, timeMs: number, value: number | null): void {
    const held = this.#byName.get(name) ?? new Map<number, number | null>()
    held.set(timeMs, value)
    this.#byName.set(name, held)
  }

  times(all: readonly number[]): void {
    this.#times = all
  }

  lines(linesMax: number, per: Timeline['per']): Timeline {
    const sizeOf = (line: Line): number =>
      line.values.reduce<number>((sum, value) => sum + Math.abs(value ?? 0), 0)
    const lines = [...this.#byName].map(([name, values]) => ({
      name,
      values: this.#times.map((time) => values.get(time) ?? this.#missing),
    }))
    const sorted = lines
      .map((line) => ({ line, size: sizeOf(line) }))
      .sort((a, b) => b.size - a.size)
      .map(({ line }) => line)
    const shown = sorted.slice(0, linesMax)
    return { timesMs: this.#times, lines: shown, per, leftOut: sorted.length - shown.length }
  }
}
