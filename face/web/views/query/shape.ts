// What the columns of a result can be used for in a picture, and how its values read.

import type { ColumnRole, QueryResults, ResultRow } from '#protocol'
import { textOf } from '../../base/value-text.ts'

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

/** A number, also one beyond 2^53 that came as text; null where there is none. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : null
}

/** Begin of a window (ns since the epoch) in ms. */
export const windowMs = (row: ResultRow, window: string): number => Number(row[window]) / 1e6
