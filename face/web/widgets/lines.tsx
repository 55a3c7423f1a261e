// Lines over time with a legend that switches them off and says what they are at the crosshair.
//
//   ?off=["back"]     lines that are switched off, in the address

import { useState } from 'preact/hooks'
import { formatClock } from '../base/format.ts'
import { useFacets } from '../base/facets.tsx'
import { hueColour, huesApart, serviceHues } from '../base/palette.ts'
import { changeQuery } from '../base/route.ts'
import { useTheme } from '../base/theme.ts'
import { shortText } from '../base/value-text.ts'
import { LineChart, type ChartLine } from './line-chart.tsx'
import { msToNs } from './time-axis.ts'
import { Text } from './text.tsx'

export function Lines({
  timesMs,
  lines,
  measure,
  off,
  leftOut,
  areServices = true,
  onSelect,
}: {
  readonly timesMs: readonly number[]
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
  /** What the values are. */
  readonly measure: string
  readonly off: ReadonlySet<string>
  /** Names may be of services, which have one colour everywhere; else colours are far apart. */
  readonly areServices?: boolean
  /** What is said of lines that are not drawn. */
  readonly leftOut?: string
  /** A dragged stretch of time: the first and the last point in it. */
  readonly onSelect?: (first: number, last: number) => void
}) {
  const theme = useTheme()
  const { services } = useFacets()
  const [point, setPoint] = useState<number | undefined>(undefined)
  const [marked, setMarked] = useState<string | undefined>(undefined)
  const names = lines.map(({ name }) => name)
  const hues = areServices ? serviceHues(names, services) : huesApart(names)
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
        {...(onSelect === undefined ? {} : { onSelect })}
      />
      <div class="legend">
        <p class="legend-time" role="status">
          <b>{formatClock(msToNs(timesMs[at ?? timesMs.length - 1] ?? 0))}</b>
          <span class="muted">
            <Text of={measure} />
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
        {leftOut !== undefined && <p class="muted">{leftOut}</p>}
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
