// What is shown over time, a chart a unit; a dragged stretch of time is what is asked about next.

import type { Given } from './explore-data.ts'
import { change, useAsked } from './explore-data.ts'
import { chartsOf, intervals, seriesQuery, stepSeconds, type Chart } from './explore-query.ts'
import { LINES_MAX } from '../../base/limits.ts'
import { plural } from '../../base/format.ts'
import { Lines } from '../../widgets/lines.tsx'
import { Answered } from './answered.tsx'
import { stepText } from './step-text.ts'

export function LinesPicture({ dataset, explore, facts }: Given) {
  const asked = useAsked(dataset.name, seriesQuery(explore, facts))
  const every = stepSeconds(facts)
  // Parts of intervals look like a fall: of a range that moves only whole ones.
  const isMoving = explore.range.kind === 'last'
  const timesMs = intervals(facts, every, isMoving ? facts.toMs : Infinity).filter(
    (ms, i, all) => !isMoving || ms >= facts.fromMs || i === all.length - 1,
  )
  return (
    <Answered asked={asked} what="lines">
      {(result) => (
        <div class="charts">
          {chartsOf(explore, result, timesMs).map((chart) => (
            <ChartOf
              key={chart.title}
              chart={chart}
              off={explore.off}
              every={stepText(every)}
              isCut={explore.by.length > 0 && chart.lines.length >= LINES_MAX}
              onSelect={(first, last) =>
                change({
                  region: { fromMs: timesMs[first]!, toMs: timesMs[last]! + every * 1000 },
                  range: { kind: 'between', fromMs: facts.fromMs, toMs: facts.toMs },
                })
              }
            />
          ))}
        </div>
      )}
    </Answered>
  )
}

function ChartOf({
  chart,
  off,
  every,
  isCut,
  onSelect,
}: {
  readonly chart: Chart
  readonly off: ReadonlySet<string>
  readonly every: string
  readonly isCut: boolean
  readonly onSelect: (first: number, last: number) => void
}) {
  const unit = chart.unit === undefined ? '' : `, ${chart.unit}`
  return (
    <section class="chart-box">
      <Lines
        timesMs={chart.timesMs}
        lines={chart.lines.map(({ name, values }) => ({ name: name === '' ? 'all' : name, values }))}
        measure={`${chart.title}${unit}, every ${every}`}
        off={off}
        {...(isCut ? { leftOut: `The largest ${plural(LINES_MAX, 'group')}; a condition shows others` } : {})}
        onSelect={onSelect}
      />
    </section>
  )
}
