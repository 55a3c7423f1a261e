// What the columns of a result can be used for in a picture, and how its values read.

import type { ColumnRole, QueryResults, ResultRow } from '#protocol'

export type Shape = {
  /** The column of `Every`. */
  readonly window: string | undefined
  /** What names a row. */
  readonly keys: readonly string[]
  /** Aggregates that are numbers. */
  readonly measures: readonly string[]
  readonly histograms: readonly string[]
  /** Measures that only grow, so that they have a rate, and whose parts add up. */
  readonly summed: ReadonlySet<string>
}

export function shapeOf({ columns, roles }: Pick<QueryResults, 'columns' | 'roles'>): Shape {
  const having = (wanted: (role: ColumnRole) => boolean): string[] =>
    columns.filter((_, i) => wanted(roles[i] ?? 'key'))
  return {
    window: having((role) => role === 'window')[0],
    keys: having((role) => role === 'key'),
    measures: having((role) => role !== 'window' && role !== 'key' && role !== 'histogram'),
    histograms: having((role) => role === 'histogram'),
    summed: new Set(having((role) => role === 'count' || role === 'sum')),
  }
}

/** What stands between the keys of one name. */
export const KEYS_JOINED = ' · '

/** The name of a row by these keys; of none: 'all'. */
export function nameOf(row: ResultRow, keys: readonly string[]): string {
  return keys.length === 0 ? 'all' : keys.map((key) => textOf(row[key])).join(KEYS_JOINED)
}

/** A value as the name of something. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return '(none)'
  if (value === '') return '(empty)'
  if (typeof value === 'string') return value
  return typeof value === 'number' ? numberText(value) : JSON.stringify(value)
}

/** A number, also one beyond 2^53 that came as text; null where there is none. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : null
}

/** Every digit of a whole number, five of a fraction. */
export function numberText(value: number): string {
  return Number.isInteger(value)
    ? value.toLocaleString('en-US')
    : Number(value.toPrecision(5)).toLocaleString('en-US', { maximumFractionDigits: 4 })
}

/** Short, for a cell or an axis: 0.012, 1.25, 87.3, 1,204, 38.4k, 2.1M. */
export function shortText(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e4) {
    const [scale, unit] = size >= 1e9 ? [1e9, 'G'] : size >= 1e6 ? [1e6, 'M'] : [1e3, 'k']
    return `${Number((value / scale).toPrecision(3))}${unit}`
  }
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

/** Names as people order them: numbers by size, `dn2` before `dn10`. */
export const compareNames = new Intl.Collator('en', { numeric: true }).compare

/** Begin of a window (ns since the epoch) in ms. */
export const windowMs = (row: ResultRow, window: string): number => Number(row[window]) / 1e6
