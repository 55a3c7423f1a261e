// The pivot table on the page: two keys across each other, with totals and the past of each cell.

import type { QueryResults } from '#protocol'
import { formatCount } from '../../base/format.ts'
import { numberText, shortText } from '../../base/value-text.ts'
import { visibleText } from '../../base/text.ts'
import { Sparkline } from '../../widgets/sparkline.tsx'
import { Text } from '../../widgets/text.tsx'
import { Choice } from '../../widgets/choice.tsx'
import { RateChoice } from './choices.tsx'
import { clockText } from './clock-text.ts'
import { pivotOf, type PivotCell, type PivotChoice } from './pivot.ts'
import { axesOf, measuresOf, type Settings } from './settings.ts'
import type { Shape } from './shape.ts'
import type { Snapshot } from './snapshots.ts'

export function PivotView({
  results,
  past,
  shape,
  settings,
}: {
  readonly results: QueryResults
  readonly past: readonly Snapshot[]
  readonly shape: Shape
  readonly settings: Settings
}) {
  const { rows, columns, measure, isRate, order } = settings
  if (rows === undefined || columns === undefined || measure === undefined) return <NoPivot />
  const choice = { rows, columns, measure, order, isRate: isRate && shape.summed.has(measure) }
  const axes = axesOf(shape)
  return (
    <>
      <div class="query-choices">
        <Choice label="Rows" name="rows" value={rows} options={axes} />
        <Choice label="Columns" name="cols" value={columns} options={axes.filter((axis) => axis !== rows)} />
        <Choice label="Value" name="of" value={measure} options={measuresOf(shape, 'pivot')} />
        {shape.summed.has(measure) && <RateChoice isRate={choice.isRate} />}
        <Choice
          label="Order"
          name="sort"
          value={order}
          options={[
            { value: 'name', label: 'by name' },
            { value: 'size', label: 'by size' },
          ]}
        />
      </div>
      <PivotTable results={results} past={past} shape={shape} choice={choice} />
    </>
  )
}

function NoPivot() {
  return (
    <p class="query-waiting muted">
      A pivot table needs two names across each other and a number: GroupBy two things, as in{' '}
      <code>GroupBy r.service, r.status Select r.service, r.status, COUNT</code>.
    </p>
  )
}

function PivotTable({
  results,
  past,
  shape,
  choice,
}: {
  readonly results: QueryResults
  readonly past: readonly Snapshot[]
  readonly shape: Shape
  readonly choice: PivotChoice
}) {
  const pivot = pivotOf(results, past, shape, choice)
  const named = (axis: string, name: string): string => (axis === shape.window ? clockText(name) : name)
  const unit = choice.isRate ? ' a second' : ''
  const isAdded = shape.summed.has(choice.measure)
  const blank =
    pivot.noTotals ?? (isAdded ? 'the sum' : `${choice.measure} of all values, not of the cells beside it`)
  return (
    <div class="query-scroll pivot-scroll" tabIndex={0} role="group" aria-label="Pivot table, to scroll">
      <table class="table pivot" aria-label="Pivot table">
        <thead>
          <tr>
            <th class="pivot-corner" rowSpan={2}>
              <Text of={choice.rows} />
            </th>
            <th colSpan={pivot.columns.length} class="pivot-axis">
              <Text of={choice.columns} />
            </th>
            <th rowSpan={2} class="right pivot-total" title={blank}>
              all
            </th>
          </tr>
          <tr>
            {pivot.columns.map((column) => (
              <th key={column} class="right" scope="col">
                <Text of={named(choice.columns, column)} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {pivot.rows.map((row) => (
            <tr key={row}>
              <th scope="row">
                <Text of={named(choice.rows, row)} />
              </th>
              {pivot.columns.map((column) => (
                <Cell
                  key={column}
                  cell={pivot.cell(row, column)}
                  most={pivot.most}
                  title={`${named(choice.rows, row)} × ${named(choice.columns, column)}`}
                  unit={unit}
                />
              ))}
              <Total cell={pivot.rowTotal(row)} why={blank} unit={unit} />
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" title={blank}>
              all
            </th>
            {pivot.columns.map((column) => (
              <Total key={column} cell={pivot.columnTotal(column)} why={blank} unit={unit} />
            ))}
            <Total cell={pivot.grand} why={blank} unit={unit} isGrand />
          </tr>
        </tfoot>
      </table>
      {pivot.leftOut.rows + pivot.leftOut.columns > 0 && (
        <p class="muted query-more">
          {pivot.leftOut.rows > 0 && `${formatCount(pivot.leftOut.rows)} more rows. `}
          {pivot.leftOut.columns > 0 && `${formatCount(pivot.leftOut.columns)} more columns. `}
          Totals count them.
        </p>
      )}
      {results.top !== undefined && (
        <p class="muted query-more">The text shows the top {results.top} groups; here are all of them.</p>
      )}
    </div>
  )
}

function Cell({
  cell: { value, past },
  most,
  title,
  unit,
}: {
  readonly cell: PivotCell
  readonly most: number
  readonly title: string
  readonly unit: string
}) {
  if (value === null) return <td class="right muted">·</td>
  const share = most > 0 ? Math.round((Math.abs(value) / most) * 44) : 0
  const background = `color-mix(in srgb, var(--accent) ${share}%, transparent)`
  return (
    <td
      class="pivot-cell"
      style={{ background }}
      title={visibleText(`${title}: ${numberText(value)}${unit}`)}
    >
      <span>
        <Sparkline values={past} width={48} />
        <span class="mono">{shortText(value)}</span>
      </span>
    </td>
  )
}

function Total({
  cell: { value, past },
  why,
  unit,
  isGrand = false,
}: {
  readonly cell: PivotCell
  readonly why: string
  readonly unit: string
  readonly isGrand?: boolean
}) {
  const text = value === null ? why : `${numberText(value)}${unit}: ${why}`
  return (
    <td class={`pivot-cell pivot-total${isGrand ? ' grand' : ''}`} title={text}>
      <span>
        <Sparkline values={past} width={48} />
        <span class="mono">{value === null ? '' : shortText(value)}</span>
      </span>
    </td>
  )
}
