// Rows of values under typed columns: what features give on a sample, rows of a dataset, answers to SQL. What
// leads to the trace of a row stands before its values.

import type { ComponentChildren } from 'preact'
import type { DatasetColumn } from '#protocol'
import { formatClock, formatDay } from '../base/format.ts'
import { numberText, textOf } from '../base/value-text.ts'
import { Text } from './text.tsx'
import { msToNs } from './time-axis.ts'

type Column = { readonly name: string; readonly type: DatasetColumn['type'] | 'time'; readonly unit?: string }

export function ValueTable<Row, C extends Column, V>({
  label,
  columns,
  rows,
  valueOf,
  leads = [],
  cell = (column, value) => <Value of={value} isTime={column.type === 'time'} />,
}: {
  readonly label: string
  readonly columns: readonly C[]
  readonly rows: readonly Row[]
  readonly valueOf: (row: Row, column: C, place: number) => V | null | undefined
  /** Columns before those of values. */
  readonly leads?: readonly { readonly title: string; readonly of: (row: Row) => ComponentChildren }[]
  /** A value that is more than text; nulls never come here in columns of numbers. */
  readonly cell?: (column: C, value: V | null) => ComponentChildren
}) {
  return (
    <table class="table explore-table" aria-label={label}>
      <thead>
        <tr>
          {leads.map(({ title }) => (
            <th key={title}>{title}</th>
          ))}
          {columns.map((column) => (
            <th key={column.name} class={alignOf(column)}>
              <Text of={column.name} />
              {column.unit !== undefined && <span class="unit">{column.unit}</span>}
            </th>
          ))}
          <th class="grow" />
        </tr>
      </thead>
      <tbody>
        {rows.map((row, i) => (
          <tr key={i}>
            {leads.map(({ title, of }) => (
              <td key={title}>{of(row)}</td>
            ))}
            {columns.map((column, place) => {
              const value = valueOf(row, column, place) ?? null
              return (
                <td key={column.name} class={alignOf(column)}>
                  {value === null && column.type === 'number' ? (
                    <span class="muted">–</span>
                  ) : (
                    cell(column, value)
                  )}
                </td>
              )
            })}
            <td class="grow" />
          </tr>
        ))}
      </tbody>
    </table>
  )
}

const alignOf = ({ type }: Column): string => (type === 'number' ? 'right' : '')

/** A set is its members. */
export function Value({ of, isTime = false }: { readonly of: unknown; readonly isTime?: boolean }) {
  if (typeof of === 'number')
    return isTime ? <TimeText ms={of} /> : <span class="mono">{numberText(of)}</span>
  return <Text of={Array.isArray(of) ? of.join(', ') : textOf(of)} />
}

export function TimeText({ ms }: { readonly ms: number }) {
  const ns = msToNs(ms)
  return <span title={formatDay(ns)}>{formatClock(ns)}</span>
}
