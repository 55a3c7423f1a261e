// A measure of a result as rows by columns, as in figure 1 of Pivot Tracing: cells, totals of both sides, and
// the past of each.
//
// Totals come from the server, which merges states: the 99th percentile of a row is that of all its values.
// What is a rate is added up here, which is exact for counts and sums, and nothing else has a rate.

import type { QueryResults, ResultRow } from '#protocol'
import { PIVOT_COLUMNS_MAX, PIVOT_ROWS_MAX, RATES_SHOWN_MAX } from '../../base/limits.ts'
import { compareNames, textOf } from '../../base/value-text.ts'
import type { Measured } from './timeline.ts'
import { nameOf, numberOf, windowMs, type Shape } from './shape.ts'
import type { Snapshot } from './snapshots.ts'

export type PivotChoice = Measured & {
  readonly rows: string
  readonly columns: string
  readonly order: 'name' | 'size'
}

export type PivotCell = {
  /** null: nothing there, or not known. */
  readonly value: number | null
  /** Oldest first; empty where the past of several groups cannot be put together. */
  readonly past: readonly number[]
}

export type Pivot = {
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  readonly leftOut: { readonly rows: number; readonly columns: number }
  readonly cell: (row: string, column: string) => PivotCell
  readonly rowTotal: (row: string) => PivotCell
  readonly columnTotal: (column: string) => PivotCell
  readonly grand: PivotCell
  /** Of the cells that are shown. */
  readonly most: number
  /** Why totals are blank; undefined = they are there. */
  readonly noTotals: string | undefined
}

const NOTHING: PivotCell = { value: null, past: [] }

export function pivotOf(
  results: QueryResults,
  past: readonly Snapshot[],
  shape: Shape,
  choice: PivotChoice,
): Pivot {
  const { rows: rowKey, columns: columnKey, measure } = choice
  const isRate = choice.isRate && shape.summed.has(measure)
  const pasts = pastsOf(results, past.slice(-RATES_SHOWN_MAX), shape, choice)
  const values = isRate ? ratesOf(results, choice) : rolledUp(results, choice)
  const at = (name: string): PivotCell => {
    const value = values.get(name)
    return value === undefined ? NOTHING : { value, past: pasts.get(name) ?? [] }
  }
  const rowNames = new Set(results.rows.map((row) => textOf(row[rowKey])))
  const columnNames = new Set(results.rows.map((row) => textOf(row[columnKey])))
  for (const row of rowsBy(results, [rowKey, columnKey])) {
    rowNames.add(textOf(row[rowKey]))
    columnNames.add(textOf(row[columnKey]))
  }
  const sorted = (names: Iterable<string>, nameIn: (name: string) => string): string[] =>
    [...names].sort(
      (a, b) =>
        (choice.order === 'size' ? (at(nameIn(b)).value ?? 0) - (at(nameIn(a)).value ?? 0) : 0) ||
        compareNames(a, b),
    )
  const allRows = sorted(rowNames, (row) => keyOf(row, undefined))
  const allColumns = sorted(columnNames, (column) => keyOf(undefined, column))
  const rows = allRows.slice(0, PIVOT_ROWS_MAX)
  const columns = allColumns.slice(0, PIVOT_COLUMNS_MAX)
  const cell = (row: string, column: string): PivotCell => at(keyOf(row, column))
  let most = 0
  for (const row of rows)
    for (const column of columns) most = Math.max(most, Math.abs(cell(row, column).value ?? 0))
  return {
    rows,
    columns,
    leftOut: { rows: allRows.length - rows.length, columns: allColumns.length - columns.length },
    cell,
    rowTotal: (row) => at(keyOf(row, undefined)),
    columnTotal: (column) => at(keyOf(undefined, column)),
    grand: at(keyOf(undefined, undefined)),
    most,
    noTotals: whyNoTotals(results, choice),
  }
}

/**
 * undefined stands for all. The length in front keeps any two names apart, whatever is in them: they are text
 * from requests. Built for each row of each snapshot: a tenth of what JSON costs.
 */
const keyOf = (row: string | undefined, column: string | undefined): string =>
  `${row === undefined ? '*' : `${row.length} ${row}`}${column === undefined ? '*' : ` ${column}`}`

type Axes = Pick<PivotChoice, 'rows' | 'columns' | 'measure'>

/** A cell and the three totals that a row counts in. */
function places(row: ResultRow, { rows, columns }: Axes): readonly string[] {
  const [r, c] = [textOf(row[rows]), textOf(row[columns])]
  return [keyOf(r, c), keyOf(r, undefined), keyOf(undefined, c), keyOf(undefined, undefined)]
}

function rowsBy({ rollUps }: QueryResults, by: readonly string[]): readonly ResultRow[] {
  const found = rollUps?.find(
    (one) => one.by.length === by.length && by.every((column) => one.by.includes(column)),
  )
  return found?.rows ?? []
}

/** What the server has merged. */
function rolledUp(
  results: QueryResults,
  { rows, columns, measure }: Axes,
): ReadonlyMap<string, number | null> {
  const values = new Map<string, number | null>()
  const put = (by: readonly string[], nameIn: (row: ResultRow) => string): void => {
    for (const row of rowsBy(results, by)) values.set(nameIn(row), numberOf(row[measure]))
  }
  put([rows, columns], (row) => keyOf(textOf(row[rows]), textOf(row[columns])))
  put([rows], (row) => keyOf(textOf(row[rows]), undefined))
  put([columns], (row) => keyOf(undefined, textOf(row[columns])))
  put([], () => keyOf(undefined, undefined))
  return values
}

/** Counts and sums a second add up, whatever else names the groups. */
function ratesOf({ perSecond }: QueryResults, axes: Axes): ReadonlyMap<string, number> {
  return summed(perSecond.rows, axes)
}

function summed(rows: readonly ResultRow[], axes: Axes): Map<string, number> {
  const values = new Map<string, number>()
  for (const row of rows) {
    const value = numberOf(row[axes.measure]) ?? 0
    for (const place of places(row, axes)) values.set(place, (values.get(place) ?? 0) + value)
  }
  return values
}

/** The past of cells and totals: of what grows its rate, by windows or by snapshots. */
function pastsOf(
  results: QueryResults,
  past: readonly Snapshot[],
  shape: Shape,
  choice: PivotChoice,
): ReadonlyMap<string, readonly number[]> {
  const { window } = shape
  const isSummed = shape.summed.has(choice.measure)
  const isAxis = window === choice.rows || window === choice.columns
  if (window !== undefined) {
    const begins = [...new Set(results.rows.map((row) => windowMs(row, window)))].sort((a, b) => a - b)
    const steps = begins.map((begin) => results.rows.filter((row) => windowMs(row, window) === begin))
    if (!isSummed) return isAxis ? new Map() : lone(steps, shape, choice)
    const pasts = series(steps.map((rows) => summed(rows, choice)))
    if (!isAxis) return pasts
    // A window has no past of its own; the totals across windows have.
    const across = window === choice.rows ? [2, 3] : [1, 3]
    const kept = new Set(results.rows.flatMap((row) => across.map((at) => places(row, choice)[at]!)))
    return new Map([...pasts].filter(([name]) => kept.has(name)))
  }
  if (isSummed) return series(past.map(({ rates }) => summed(rates, choice)))
  return lone(
    past.map(({ rows }) => rows),
    shape,
    choice,
  )
}

function series(steps: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, readonly number[]> {
  const names = new Set(steps.flatMap((step) => [...step.keys()]))
  return new Map([...names].map((name) => [name, steps.map((step) => step.get(name) ?? 0)]))
}

/** Values that do not add up have a past where the cell is one group: with no further key. */
function lone(
  steps: readonly (readonly ResultRow[])[],
  { keys }: Shape,
  { rows, columns, measure }: PivotChoice,
): ReadonlyMap<string, readonly number[]> {
  const pasts = new Map<string, number[]>()
  if (keys.some((key) => key !== rows && key !== columns)) return pasts
  for (const step of steps) {
    for (const row of step) {
      const value = numberOf(row[measure])
      if (value === null) continue
      const name = keyOf(nameOf(row, [rows]), nameOf(row, [columns]))
      const values = pasts.get(name) ?? []
      values.push(value)
      pasts.set(name, values)
    }
  }
  return pasts
}

function whyNoTotals(results: QueryResults, { measure }: Axes): string | undefined {
  const role = results.roles[results.columns.indexOf(measure)]
  const grand = rowsBy(results, [])[0]
  if (results.rollUps === undefined || grand === undefined) return 'not known yet'
  return role === 'value' && grand[measure] === null
    ? `${measure} also reads what names a row, so it has no total`
    : undefined
}
