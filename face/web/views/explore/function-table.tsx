// Where the time of two populations went, function by function (or whatever is grouped by), normalised by the
// traces of each: the changes add up to the whole difference. Source: Canopy (SOSP'17), figure 9a.

import type { DatasetWhere } from '#protocol'
import { askDataset } from '../../base/dataset-api.ts'
import { formatCount } from '../../base/format.ts'
import { useResource } from '../../base/resource.ts'
import { shortText } from '../../base/value-text.ts'
import { Text } from '../../widgets/text.tsx'
import { TraceLink } from '../../widgets/trace-link.tsx'
import { Answered } from './answered.tsx'
import { percent } from './differences.tsx'
import type { Given } from './explore-data.ts'
import {
  exclusiveOf,
  functionColumns,
  functionRows,
  functionsQuery,
  totalsQuery,
  tracesOf,
  type FunctionRow,
  type Side,
} from './explore-query.ts'
import { CellValue } from './value-cell.tsx'

const ROWS_SHOWN_MAX = 200
/** Of the largest change: what is less is not marked. */
const NOTABLE = 0.02

export function FunctionTable({
  given: { dataset, explore, facts },
  wheres,
}: {
  readonly given: Given
  readonly wheres: { readonly a: DatasetWhere; readonly b: DatasetWhere }
}) {
  const by = functionColumns(explore, dataset.columns)
  const { of } = explore
  const exclusive = of === undefined ? undefined : exclusiveOf(dataset.columns, of)
  const isAsked = of !== undefined && by.length > 0
  const load = async (signal: AbortSignal): Promise<readonly [Side, Side]> => {
    const side = async (where: DatasetWhere): Promise<Side> => {
      const measures = { inclusive: of!, exclusive }
      const [groups, totals] = await Promise.all([
        askDataset(dataset.name, functionsQuery(where, facts, by, measures), signal),
        askDataset(dataset.name, totalsQuery(where, facts), signal),
      ])
      return { groups, totals }
    }
    return await Promise.all([side(wheres.a), side(wheres.b)])
  }
  const key = isAsked
    ? JSON.stringify([dataset.name, wheres, by, of, exclusive, facts.fromMs, facts.toMs])
    : undefined
  const asked = useResource(key, load)
  if (!isAsked)
    return (
      <p class="explore-note muted">
        Group by a column (a function, a service) to see where the time of each population went.
      </p>
    )
  const unit = dataset.columns.find(({ name }) => name === of)?.unit ?? ''
  return (
    <Answered asked={asked} what="where the time went">
      {([a, b]) => (
        <Functions
          rows={functionRows(by, a, b)}
          traces={[tracesOf(a).stored, tracesOf(b).stored]}
          by={by}
          measure={of}
          exclusive={exclusive}
          unit={unit}
          where={explore.where}
        />
      )}
    </Answered>
  )
}

function Functions({
  rows,
  traces,
  by,
  measure,
  exclusive,
  unit,
  where,
}: {
  readonly rows: readonly FunctionRow[]
  readonly traces: readonly [a: number, b: number]
  readonly by: readonly string[]
  readonly measure: string
  readonly exclusive: string | undefined
  readonly unit: string
  readonly where: readonly string[]
}) {
  const most = Math.max(...rows.map(({ delta }) => Math.abs(delta)), 1e-12)
  const whole = rows.reduce((sum, { delta }) => sum + delta, 0)
  return (
    <section class="functions" aria-label="Where the time went">
      <header class="functions-head">
        <h2>
          <Text of={by.join(' · ')} />
        </h2>
        <span class="population a">
          <b>A</b> {formatCount(traces[0])} traces
        </span>
        <span class="population b">
          <b>B</b> {formatCount(traces[1])} traces
        </span>
        <span class="muted">
          <Text of={measure} /> {unit === '' ? '' : `in ${unit}`}: a call on average, and a trace of the
          population
        </span>
      </header>
      <div class="functions-scroll" tabIndex={0} role="group" aria-label="Functions, to scroll">
        <table class="table explore-table" aria-label="Functions of both populations">
          <thead>
            <tr>
              {by.map((name) => (
                <th key={name}>
                  <Text of={name} />
                </th>
              ))}
              <th class="right">Traces A</th>
              <th class="right">B</th>
              <th class="right">Call A</th>
              <th class="right">B</th>
              <th class="right">Trace A</th>
              <th class="right">B</th>
              <th class="right" aria-sort="descending" title="A less B, a trace; the largest change first">
                Δ a trace
              </th>
              {exclusive !== undefined && <th class="right">Excl A</th>}
              {exclusive !== undefined && <th class="right">B</th>}
              <th>Example</th>
              <th class="grow" />
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, ROWS_SHOWN_MAX).map(({ name, values, a, b, delta }) => (
              <tr key={name}>
                {by.map((column, i) => (
                  <td key={column}>
                    <CellValue column={column} value={values[i]} where={where} />
                  </td>
                ))}
                <td class="right mono">{percent(a.share)}</td>
                <td class="right mono muted">{percent(b.share)}</td>
                <td class="right mono">{amount(a.perCall)}</td>
                <td class="right mono muted">{amount(b.perCall)}</td>
                <td class="right mono">{amount(a.perTrace)}</td>
                <td class="right mono muted">{amount(b.perTrace)}</td>
                <td class={`right mono delta${delta > most * NOTABLE ? ' more' : ''}`}>
                  <span class="cell-bar" aria-hidden="true">
                    <span style={{ width: `${(Math.abs(delta) / most) * 100}%` }} />
                  </span>
                  <span class="amount">{signed(delta)}</span>
                </td>
                {exclusive !== undefined && <td class="right mono">{amount(a.exclusivePerTrace ?? null)}</td>}
                {exclusive !== undefined && (
                  <td class="right mono muted">{amount(b.exclusivePerTrace ?? null)}</td>
                )}
                <td>
                  <TraceLink traceId={a.example ?? b.example} />
                </td>
                <td class="grow" />
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <td colSpan={by.length + 6} class="muted">
                all
              </td>
              <td class="right mono">{signed(whole)}</td>
              <td colSpan={exclusive === undefined ? 2 : 4} />
            </tr>
          </tfoot>
        </table>
      </div>
    </section>
  )
}

const amount = (value: number | null): string =>
  value === null ? '–' : shortText(Number(value.toPrecision(4)))
const signed = (value: number): string =>
  `${value > 0 ? '+' : value < 0 ? '−' : ''}${shortText(Number(Math.abs(value).toPrecision(3)))}`
