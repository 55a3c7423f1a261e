// A result in shades: the values of a histogram over time or by name, or a measure of names.

import type { QueryResults } from '#protocol'
import { formatClock, formatCount } from '../../base/format.ts'
import { visibleText } from '../../base/text.ts'
import { compareNames, numberText, shortText } from '../../base/value-text.ts'
import { HeatGrid, type GridCell } from '../../widgets/heat-grid.tsx'
import { msToNs } from '../../widgets/time-axis.ts'
import { Choice } from '../../widgets/choice.tsx'
import { RateChoice } from './choices.tsx'
import { heatOf, type Heat } from './heat.ts'
import { pivotOf } from './pivot.ts'
import { measuresOf, type Settings } from './settings.ts'
import { nameOf, type Shape } from './shape.ts'
import type { Snapshot } from './snapshots.ts'

export function HeatView({
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
  const { measure, x } = settings
  if (measure === undefined)
    return (
      <p class="query-waiting muted">
        A heatmap needs numbers: <code>HISTOGRAM(r.durationMs)</code> shows how they are spread, COUNT how
        many there are.
      </p>
    )
  const isRate = settings.isRate && shape.summed.has(measure)
  const isHistogram = shape.histograms.includes(measure)
  const byNames = x === undefined || isHistogram ? undefined : otherOf(settings, shape, x)
  const pivot =
    byNames === undefined
      ? undefined
      : pivotOf(results, past, shape, { ...byNames, measure, isRate, order: 'name' })
  const heat = heatOf(results, past, shape, { measure, isRate, x, group: settings.group }, pivot)
  return (
    <>
      <Choices results={results} shape={shape} settings={{ ...settings, isRate }} heat={heat} />
      {heat.columns.length === 0 || heat.rows.length === 0 ? (
        <p class="query-waiting muted" role="status">
          The first column comes with the second {shape.window === undefined ? 'second' : 'window'}.
        </p>
      ) : (
        <HeatGrid
          grid={heat}
          label={`${measure}: ${heat.rows.length} rows by ${heat.columns.length} columns. Arrow keys move the cell`}
          format={shortText}
          tip={(cell) => tipOf(heat, cell, measure)}
        />
      )}
    </>
  )
}

/** The key across `x`. */
function otherOf({ rows, columns }: Settings, { keys }: Shape, x: string) {
  const other = [rows, columns].find((key) => key !== x && key !== undefined && keys.includes(key))
  return other === undefined ? undefined : { rows: other, columns: x }
}

const TIME = 'time'

function Choices({
  results,
  shape,
  settings,
  heat,
}: {
  readonly results: QueryResults
  readonly shape: Shape
  readonly settings: Settings
  readonly heat: Heat
}) {
  const { measure = '', x, group, isRate } = settings
  const isHistogram = shape.histograms.includes(measure)
  const names = [...new Set(results.rows.map((row) => nameOf(row, shape.keys)))].sort(compareNames)
  const axes = isHistogram || shape.keys.length > 1 ? shape.keys : []
  return (
    <div class="query-choices">
      <Choice label="Value" name="of" value={measure} options={measuresOf(shape, 'heat')} />
      <Choice
        label="Across"
        name="x"
        value={x ?? ''}
        options={[{ value: '', label: TIME }, ...axes.map((key) => ({ value: key, label: key }))]}
      />
      {isHistogram && x === undefined && names.length > 1 && (
        <Choice
          label="Of"
          name="group"
          value={group !== undefined && names.includes(group) ? group : ''}
          options={[
            { value: '', label: 'all rows together' },
            ...names.slice(0, NAMES_MAX).map((name) => ({ value: name, label: visibleText(name) })),
          ]}
        />
      )}
      {shape.summed.has(measure) && <RateChoice isRate={isRate} />}
      <span class="grow" />
      {heat.most > 0 && (
        <span class="heat-scale">
          0 <span aria-hidden="true" /> {shortText(heat.most)} {heat.per}
        </span>
      )}
    </div>
  )
}

/** In a list to choose from. */
const NAMES_MAX = 200

function tipOf(heat: Heat, { row, column }: GridCell, measure: string): readonly string[] {
  const value = heat.at(row, column)
  const time = heat.timesMs?.[column]
  const counted =
    value === null
      ? 'nothing'
      : heat.per === 'values'
        ? `${formatCount(value)} ${value === 1 ? 'value' : 'values'}`
        : `${numberText(value)} ${heat.per}`
  return [
    counted,
    `${heat.per === 'values' ? `${measure}: ` : ''}${visibleText(heat.rows[row] ?? '')}`,
    time === undefined ? visibleText(heat.columns[column] ?? '') : formatClock(msToNs(time)),
  ]
}
