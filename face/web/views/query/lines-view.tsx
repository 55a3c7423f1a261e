// A measure over time, a line for each row, with a legend that switches lines off and says what they are at
// the crosshair.

import type { QueryResults } from '#protocol'
import { useState } from 'preact/hooks'
import { formatClock, formatCount } from '../../base/format.ts'
import { useFacets } from '../../base/facets.tsx'
import { hueColour, serviceHues } from '../../base/palette.ts'
import { changeQuery } from '../../base/route.ts'
import { useTheme } from '../../base/theme.ts'
import { LineChart, type ChartLine } from '../../widgets/line-chart.tsx'
import { msToNs } from '../../widgets/time-axis.ts'
import { Text } from '../../widgets/text.tsx'
import { Choice, RateChoice } from './choices.tsx'
import { measuresOf, type Settings } from './settings.ts'
import { shortText, type Shape } from './shape.ts'
import type { Snapshot } from './snapshots.ts'
import { timelineOf, type Timeline } from './timeline.ts'

export function LinesView({
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
  const { measure, isRate, off } = settings
  if (measure === undefined)
    return (
      <p class="query-waiting muted">
        Lines need a number for each row: Select COUNT, SUM, AVERAGE, or a percentile.
      </p>
    )
  const timeline = timelineOf(results, past, shape, { measure, isRate })
  return (
    <>
      <div class="query-choices">
        <Choice label="Value" name="of" value={measure} options={measuresOf(shape, 'lines')} />
        {shape.summed.has(measure) && <RateChoice isRate={isRate} />}
        <span class="muted">{noteOf(timeline, shape)}</span>
      </div>
      {timeline.timesMs.length < 2 ? (
        <p class="query-waiting muted" role="status">
          The line begins with the second {shape.window === undefined ? 'second' : 'window'}.
        </p>
      ) : (
        <Lines timeline={timeline} measure={measure} off={off} />
      )}
    </>
  )
}

function noteOf({ per }: Timeline, { window }: Shape): string {
  if (per === 'so far') return 'since the query was installed; Every 5s asks for each window of its own'
  if (window !== undefined) return per === 'second' ? 'a second, by windows' : 'in each window'
  return 'since this page is open'
}

function Lines({
  timeline,
  measure,
  off,
}: {
  readonly timeline: Timeline
  readonly measure: string
  readonly off: ReadonlySet<string>
}) {
  const theme = useTheme()
  const { services } = useFacets()
  const [point, setPoint] = useState<number | undefined>(undefined)
  const [marked, setMarked] = useState<string | undefined>(undefined)
  const { timesMs, lines, leftOut, per } = timeline
  const hues = serviceHues(
    lines.map(({ name }) => name),
    services,
  )
  const drawn = lines.map(({ name, values }): ChartLine => ({
    name,
    values,
    colour: hueColour(hues.get(name) ?? 0, theme),
    isMarked: name === marked,
  }))
  const shown = drawn.filter(({ name }) => !off.has(name))
  const at = point === undefined || point >= timesMs.length ? undefined : point
  const toggle = (name: string): void => {
    const now = off.has(name) ? [...off].filter((one) => one !== name) : [...off, name]
    changeQuery({ off: now.length === 0 ? undefined : JSON.stringify(now) }, { replace: true })
  }
  const alone = (name: string): void => {
    const others = lines.map((line) => line.name).filter((one) => one !== name)
    changeQuery({ off: JSON.stringify(others) }, { replace: true })
  }
  return (
    <div class="lines">
      <LineChart
        timesMs={timesMs}
        lines={shown}
        label={`${measure} over time, ${lines.length} lines; the legend has their values. Arrow keys move the crosshair`}
        format={shortText}
        point={at}
        onPoint={setPoint}
      />
      <div class="legend">
        <p class="legend-time" role="status">
          <b>{formatClock(msToNs(timesMs[at ?? timesMs.length - 1] ?? 0))}</b>
          <span class="muted">
            {measure}
            {per === 'second' ? ' a second' : ''}
          </span>
        </p>
        <ul aria-label="Lines">
          {drawn.map(({ name, colour, values }) => {
            const value = values[at ?? values.length - 1] ?? null
            return (
              <li key={name}>
                <button
                  type="button"
                  aria-pressed={!off.has(name)}
                  title="Click: on or off. Double click: this one alone"
                  onClick={() => toggle(name)}
                  onDblClick={() => alone(name)}
                  onPointerEnter={() => setMarked(name)}
                  onPointerLeave={() => setMarked(undefined)}
                  onFocus={() => setMarked(name)}
                  onBlur={() => setMarked(undefined)}
                >
                  <span class="dot" style={{ background: colour }} aria-hidden="true" />
                  <Text of={name} />
                  <span class="mono">{value === null ? '–' : shortText(Number(value.toFixed(3)))}</span>
                </button>
              </li>
            )
          })}
        </ul>
        {leftOut > 0 && (
          <p class="muted">and {formatCount(leftOut)} smaller ones, not drawn: Where or Top chooses</p>
        )}
        {off.size > 0 && (
          <button
            type="button"
            class="text-button"
            onClick={() => changeQuery({ off: undefined }, { replace: true })}
          >
            Show all
          </button>
        )}
      </div>
    </div>
  )
}
