// An answer by time as lines: one picture a value, one line a group; what is missing is a gap.

import type { DatasetResult } from '#protocol'
import { textOf } from '../../base/value-text.ts'

export type Picture = {
  readonly measure: string
  readonly timesMs: readonly number[]
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
}

/** None where there is no time, or only one. */
export function linesOf({ columns, rows }: DatasetResult, linesMax: number): readonly Picture[] {
  const time = columns.find(({ role }) => role === 'time')?.name
  if (time === undefined) return []
  const timesMs = [...new Set(rows.map((row) => Number(row[time])))].sort((a, b) => a - b)
  if (timesMs.length < 2) return []
  const groups = columns.filter(({ role }) => role === 'group').map(({ name }) => name)
  const measures = columns.filter(({ role, type }) => role === 'value' && type === 'number')
  const byGroup = Map.groupBy(rows, (row) => groups.map((name) => textOf(row[name])).join(' · '))
  return measures.map(({ name, unit }) => ({
    measure: unit === undefined ? name : `${name}, ${unit}`,
    timesMs,
    lines: [...byGroup]
      .map(([group, own]) => {
        const values = new Map(own.map((row) => [Number(row[time]), row[name]]))
        return {
          name: group === '' ? 'all' : group,
          values: timesMs.map((ms) => {
            const value = values.get(ms)
            return typeof value === 'number' ? value : null
          }),
        }
      })
      .slice(0, linesMax),
  }))
}
