// Rows of a live query as a table: values, a rate and its last minute for rows that count.

import { ascendingOf, histogramFrom, type HistogramState } from '#query'
import type { QueryResults, ResultRow } from '#protocol'
import { RATES_SHOWN_MAX, ROWS_SHOWN_MAX } from '../../base/limits.ts'
import { formatCount, plural } from '../../base/format.ts'
import { changeQuery } from '../../base/route.ts'
import { compareNames, numberText, shortText, textOf } from '../../base/value-text.ts'
import { Sparkline } from '../../widgets/sparkline.tsx'
import { Icon } from '../../widgets/icon.tsx'
import { Text } from '../../widgets/text.tsx'
import { clockText } from './clock-text.ts'
import type { Shape } from './shape.ts'
import type { Snapshot } from './snapshots.ts'

/** A row with what stands beside it. */
type Shown = { readonly row: ResultRow; readonly rate: number | undefined; readonly rates: readonly number[] }

export function Table({
  results,
  past,
  shape,
  sort,
}: {
  readonly results: QueryResults
  readonly past: readonly Snapshot[]
  readonly shape: Shape
  /** A column, with `-` in front: the largest first. */
  readonly sort: string | undefined
}) {
  const { columns, rows } = results
  const rated = ratedColumn(results, shape)
  const shown = sorted(shownRows(results, { past, shape, rated }), columns, sort)
  const isNumber = (column: string): boolean => shape.measures.includes(column) || isNumeric(rows, column)
  return (
    <div class="query-scroll" tabIndex={0} role="group" aria-label="Rows, to scroll">
      <table class="table query-rows" aria-label="Rows">
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column} column={column} sort={sort} isNumber={isNumber(column)} />
            ))}
            {rated !== undefined && (
              <th class="right" title={`${rated} over the last three seconds`}>
                a second
              </th>
            )}
            {rated !== undefined && <th>last minute</th>}
            <th class="grow" />
          </tr>
        </thead>
        <tbody>
          {shown.slice(0, ROWS_SHOWN_MAX).map(({ row, rate, rates }, i) => (
            <tr key={rowKey(row, shape) ?? i}>
              {columns.map((column) => (
                <Cell key={column} value={row[column]} isWindow={column === shape.window} />
              ))}
              {rated !== undefined && (
                <td class="right mono">{rate === undefined ? '' : shortText(Number(rate.toFixed(2)))}</td>
              )}
              {rated !== undefined && (
                <td class="spark">
                  <Sparkline values={rates} />
                </td>
              )}
              <td />
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS_SHOWN_MAX && (
        <p class="muted query-more">
          and {formatCount(rows.length - ROWS_SHOWN_MAX)} more rows: Top shows the largest
        </p>
      )}
    </div>
  )
}

function Heading({
  column,
  sort,
  isNumber,
}: {
  readonly column: string
  readonly sort: string | undefined
  readonly isNumber: boolean
}) {
  const order = sort === column ? 'ascending' : sort === `-${column}` ? 'descending' : undefined
  // Numbers begin with the largest; a third press gives the server's order back.
  const steps = isNumber ? [`-${column}`, column, undefined] : [column, `-${column}`, undefined]
  const next = steps[(steps.indexOf(order === undefined ? undefined : sort) + 1) % steps.length]
  return (
    <th class={isNumber ? 'right' : ''} aria-sort={order ?? 'none'}>
      <button
        type="button"
        class={`sort${order === undefined ? '' : ` ${order}`}`}
        onClick={() => changeQuery({ by: next }, { replace: true })}
      >
        <Text of={column} />
        {order !== undefined && <Icon name="down" size={11} />}
      </button>
    </th>
  )
}

function Cell({ value, isWindow }: { readonly value: unknown; readonly isWindow: boolean }) {
  if (isWindow) return <td class="mono">{clockText(value)}</td>
  if (typeof value === 'number') return <td class="right mono">{numberText(value)}</td>
  if (value === null || value === undefined) return <td class="muted">–</td>
  const histogram = Array.isArray(value) ? histogramFrom(value) : undefined
  if (histogram !== undefined)
    return (
      <td>
        <Histogram state={histogram} />
      </td>
    )
  return (
    <td>
      <Text of={typeof value === 'string' ? value : JSON.stringify(value)} />
    </td>
  )
}

const BARS = 24
const BAR = { width: 5, height: 20 } as const

/** Values by size, on a scale of ratios: how many lie in each of 24 bands. */
function Histogram({ state }: { readonly state: HistogramState }) {
  const all = ascendingOf(state)
  const positive = all.filter(([middle]) => middle > 0)
  const total = all.reduce((sum, [, count]) => sum + count, 0)
  const low = Math.log(positive[0]?.[0] ?? 1)
  const high = Math.log(positive.at(-1)?.[0] ?? 1)
  const bars = new Array<number>(BARS).fill(0)
  for (const [middle, count] of positive) {
    const at = high === low ? 0 : Math.floor(((Math.log(middle) - low) / (high - low)) * (BARS - 1e-9))
    bars[Math.min(BARS - 1, at)]! += count
  }
  const most = Math.max(...bars, 1)
  const range = `${shortText(all[0]?.[0] ?? 0)} to ${shortText(all.at(-1)?.[0] ?? 0)}`
  const text = `${plural(total, 'value')}, ${range}`
  return (
    <span class="histogram" title={text}>
      <svg width={BARS * BAR.width} height={BAR.height} role="img" aria-label={text}>
        {bars.map((count, i) => (
          <rect
            key={i}
            x={i * BAR.width}
            y={BAR.height - (count / most) * BAR.height}
            width={BAR.width - 1}
            height={(count / most) * BAR.height}
          />
        ))}
      </svg>
      <span class="muted">{range}</span>
    </span>
  )
}

type Around = {
  readonly past: readonly Snapshot[]
  readonly shape: Shape
  readonly rated: string | undefined
}

function shownRows({ rows, perSecond }: QueryResults, { past, shape, rated }: Around): readonly Shown[] {
  const rates = new Map<string, number[]>()
  if (rated !== undefined) {
    for (const { rates: then } of past.slice(-RATES_SHOWN_MAX)) {
      for (const row of then) {
        const name = rowKey(row, shape) ?? ''
        const values = rates.get(name) ?? []
        values.push(Number(row[rated] ?? 0))
        rates.set(name, values)
      }
    }
  }
  return rows.map((row, i) => {
    const rate = rated === undefined ? undefined : perSecond.rows[i]?.[rated]
    return {
      row,
      rate: typeof rate === 'number' ? rate : undefined,
      rates: rates.get(rowKey(row, shape) ?? '') ?? [],
    }
  })
}

/** What names a row among the others; undefined for raw rows, which nothing names. */
function rowKey(row: ResultRow, { window, keys, measures, histograms }: Shape): string | undefined {
  if (measures.length + histograms.length === 0) return undefined
  return JSON.stringify([...(window === undefined ? [] : [window]), ...keys].map((key) => row[key]))
}

function sorted(
  rows: readonly Shown[],
  columns: readonly string[],
  sort: string | undefined,
): readonly Shown[] {
  const isDown = sort?.startsWith('-') === true && !columns.includes(sort)
  const column = isDown ? sort.slice(1) : sort
  if (column === undefined || !columns.includes(column)) return rows
  return rows.toSorted(({ row: a }, { row: b }) => (isDown ? -1 : 1) * compare(a[column], b[column]))
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return compareNames(textOf(a), textOf(b))
}

const isNumeric = (rows: readonly ResultRow[], column: string): boolean =>
  typeof rows[0]?.[column] === 'number'

/** The first column that grows; of windows the rate is in the rows themselves. */
function ratedColumn({ columns, perSecond }: QueryResults, { summed, window }: Shape): string | undefined {
  if (perSecond.rows.length === 0 || window !== undefined) return undefined
  return columns.find((column) => summed.has(column))
}
