// Rows of a live query: the table, a rate and its last minute for rows that count, and how far they can be
// trusted.

import { degradedText, type QueryResults, type ResultRow } from '#protocol'
import { useEffect, useRef } from 'preact/hooks'
import { formatCount, plural } from '../../base/format.ts'
import { Text } from '../../widgets/text.tsx'
import { Sparkline } from '../../widgets/sparkline.tsx'

/** Rates kept for a row: a minute, one a second. */
const HISTORY_MAX = 60
const ROWS_SHOWN_MAX = 500

export function Results({ results }: { readonly results: QueryResults }) {
  const histories = useHistories(results)
  const { columns, rows, perSecond } = results
  const rated = ratedColumn(results)
  if (rows.length === 0) return <Waiting results={results} />
  return (
    <div class="query-scroll">
      <table class="table query-rows" aria-label="Rows">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} class={isNumeric(rows, column) ? 'right' : ''}>
                <Text of={column} />
              </th>
            ))}
            {rated !== undefined && <th class="right">a second</th>}
            {rated !== undefined && <th>last minute</th>}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS_SHOWN_MAX).map((row, i) => (
            <tr key={nameOf(row, results)}>
              {columns.map((column) => (
                <Cell key={column} value={column === WINDOW ? timeOf(row[column]) : row[column]} />
              ))}
              {rated !== undefined && <td class="right mono">{rateText(perSecond.rows[i]?.[rated])}</td>}
              {rated !== undefined && (
                <td class="spark">
                  <Sparkline values={histories.get(nameOf(row, results)) ?? []} />
                </td>
              )}
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

function Waiting({ results: { coverage } }: { readonly results: QueryResults }) {
  return (
    <p class="query-waiting muted" role="status">
      {coverage.installed === 0
        ? 'No process has it yet.'
        : `Installed in ${plural(coverage.installed, 'process').replace('processs', 'processes')}; no event has matched so far.`}
    </p>
  )
}

/** Tuples, rate, who runs it, and what is missing. */
export function Trust({ results }: { readonly results: QueryResults }) {
  const { total, perSecond, coverage, use, drops } = results
  return (
    <p class="query-trust" role="status">
      <span>
        <b>{formatCount(total)}</b> tuples
      </span>
      <span>
        <b>{rateText(perSecond.total)}</b> a second
      </span>
      <span class={coverage.installed < coverage.connected ? 'warn-mark' : ''}>
        <b>{coverage.installed}</b> of {coverage.connected} processes
      </span>
      {coverage.functions > 0 && (
        <span>
          <b>{coverage.functions}</b> woven functions
        </span>
      )}
      {coverage.missed.map(({ tracepoint, reason }) => (
        <span class="warn-mark" key={tracepoint}>
          <Text of={`not at ${tracepoint}: ${reason}`} />
        </span>
      ))}
      {use.runs > 0 && use.ns > 0 && <span>{Math.round(use.ns / use.runs)} ns a run</span>}
      {coverage.sampled.map((one) => (
        <span class="warn-mark" key={one.agent}>
          <Text of={`${one.service}: ${degradedText(one)}`} />
        </span>
      ))}
      {drops.otherRows > 0 && (
        <span class="error-mark">{formatCount(drops.otherRows)} tuples beyond the limit of groups</span>
      )}
      {drops.overflows > 0 && (
        <span class="error-mark">{formatCount(drops.overflows)} hits had no room in the baggage</span>
      )}
      {coverage.refused.map(({ agent, service, error }) => (
        <span class="error-mark" key={agent}>
          <Text of={`${service}: ${error}`} />
        </span>
      ))}
    </p>
  )
}

function Cell({ value }: { readonly value: unknown }) {
  if (typeof value === 'number') return <td class="right mono">{numberText(value)}</td>
  if (typeof value === 'boolean') return <td>{String(value)}</td>
  if (value === null || value === undefined) return <td class="muted">–</td>
  return (
    <td>
      <Text of={typeof value === 'string' ? value : JSON.stringify(value)} />
    </td>
  )
}

/** The column that `Every` puts in front: begin of the window, ns since the epoch. */
const WINDOW = 'window'

function timeOf(value: unknown): unknown {
  const ms = Number(value) / 1e6
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(11, 23) : value
}

function numberText(value: number): string {
  return Number.isInteger(value)
    ? value.toLocaleString('en-US')
    : Number(value.toPrecision(5)).toLocaleString('en-US', { maximumFractionDigits: 4 })
}

function rateText(value: unknown): string {
  return typeof value !== 'number'
    ? ''
    : value >= 100
      ? Math.round(value).toLocaleString('en-US')
      : value.toFixed(1)
}

const isNumeric = (rows: readonly ResultRow[], column: string): boolean =>
  typeof rows[0]?.[column] === 'number'

/** The first column that is a rate in `perSecond`: it differs there from the total. */
function ratedColumn({ columns, rows, perSecond }: QueryResults): string | undefined {
  if (perSecond.rows.length === 0) return undefined
  return columns.find((column) =>
    perSecond.rows.some((rate, i) => typeof rate[column] === 'number' && rate[column] !== rows[i]?.[column]),
  )
}

/** What names a row: all that is no number, else its place. */
function nameOf(row: ResultRow, { columns }: QueryResults): string {
  return JSON.stringify(columns.map((column) => (typeof row[column] === 'number' ? null : row[column])))
}

/** The last rates of each row, kept while the page is open. */
function useHistories(results: QueryResults): ReadonlyMap<string, readonly number[]> {
  const kept = useRef(new Map<string, number[]>())
  const rated = ratedColumn(results)
  useEffect(() => {
    if (rated === undefined) return
    results.rows.forEach((row, i) => {
      const name = nameOf(row, results)
      const rates = kept.current.get(name) ?? []
      rates.push(Number(results.perSecond.rows[i]?.[rated] ?? 0))
      kept.current.set(name, rates.slice(-HISTORY_MAX))
    })
  }, [results.timeMs])
  return kept.current
}
