// How a number is spread over time: columns of time, bands of the number. A dragged region is what is asked
// about.

import type { DatasetColumn } from '#protocol'
import { formatClock, formatCount } from '../../base/format.ts'
import { visibleText } from '../../base/text.ts'
import { numberText, shortText } from '../../base/value-text.ts'
import { Choice } from '../../widgets/choice.tsx'
import { Select } from '../../widgets/controls.tsx'
import { HeatGrid, type Grid, type GridCell } from '../../widgets/heat-grid.tsx'
import { msToNs } from '../../widgets/time-axis.ts'
import { Answered } from './answered.tsx'
import { change, useAsked, type Given } from './explore-data.ts'
import {
  bandsOf,
  cellsOfRegion,
  heatOf,
  heatQuery,
  intervals,
  nextBand,
  regionOfCells,
  stepSeconds,
  type Bands,
  type Heat,
} from './explore-query.ts'

export function NumberChoice({
  label,
  explore,
  columns,
}: Pick<Given, 'explore'> & { readonly label: string; readonly columns: readonly DatasetColumn[] }) {
  const numbers = columns.filter(({ type }) => type === 'number')
  return (
    <label class="choice">
      <span class="muted">{label}</span>
      <Select
        label={label}
        value={explore.of ?? ''}
        options={numbers.map(({ name, unit }) => ({
          value: name,
          label: unit === undefined ? visibleText(name) : `${visibleText(name)}, ${unit}`,
        }))}
        onChange={(of) => change({ of })}
      />
    </label>
  )
}

export function BandChoice({ explore }: Pick<Given, 'explore'>) {
  return (
    <Choice
      label="Bands"
      name="scale"
      value={explore.scale ?? ''}
      options={[
        { value: '', label: 'as it spreads' },
        { value: 'log', label: 'of equal ratio' },
        { value: 'linear', label: 'of equal width' },
      ]}
    />
  )
}

export function HeatPicture({ dataset, explore, facts }: Given) {
  const { of } = explore
  const bands = bandsOf(facts, explore.scale)
  const isThere = of !== undefined && facts.most !== undefined
  const asked = useAsked(dataset.name, isThere ? heatQuery(explore, facts, bands) : undefined)
  if (!isThere)
    return (
      <p class="explore-note muted">
        {of === undefined ? 'This dataset has no numbers.' : `No row has a number in ${visibleText(of)}.`}
      </p>
    )
  const every = stepSeconds(facts)
  const timesMs = intervals(facts, every)
  return (
    <Answered asked={asked} what="the heatmap">
      {(result) => {
        const heat = heatOf(explore, result, bands, { timesMs, stepMs: every * 1000 })
        const region = explore.region === undefined ? undefined : cellsOfRegion(heat, bands, explore.region)
        const grid = gridOf(heat, bands)
        return (
          <div class="heat-box">
            <HeatGrid
              grid={grid}
              label={`${of} over time: ${grid.rows.length} bands by ${grid.columns.length} times. Arrow keys move the cell, Shift and arrow keys choose a region, Enter asks what is different in it`}
              format={shortText}
              tip={(cell) => tipOf(heat, grid, cell)}
              {...(region === undefined ? {} : { region })}
              onSelect={({ from, to }) =>
                change({
                  region: regionOfCells(heat, bands, from, to),
                  range: { kind: 'between', fromMs: facts.fromMs, toMs: facts.toMs },
                })
              }
            />
          </div>
        )
      }}
    </Answered>
  )
}

function gridOf(heat: Heat, bands: Bands): Grid {
  return {
    timesMs: heat.timesMs,
    columns: heat.timesMs.map(String),
    rows: heat.lows.map((low) =>
      low === null ? 'no number' : `${numberText(low)} to ${numberText(nextBand(low, bands))}`,
    ),
    marks: heat.lows.map((low) => (low === null ? 'none' : shortText(low))),
    at: heat.at,
    most: heat.most,
  }
}

function tipOf(heat: Heat, grid: Grid, { row, column }: GridCell): readonly string[] {
  const count = heat.at(row, column)
  const from = heat.timesMs[column] ?? 0
  return [
    count === 0 ? 'nothing' : `${formatCount(Math.round(count))} ${count === 1 ? 'row' : 'rows'}`,
    grid.rows[row] ?? '',
    `${formatClock(msToNs(from))} – ${formatClock(msToNs(from + heat.stepMs))}`,
  ]
}
