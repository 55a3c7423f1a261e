// A measure over time, a line for each row, with a legend that switches lines off and says what they are at
// the crosshair.

import type { QueryResults } from '#protocol'
import { formatCount } from '../../base/format.ts'
import { Lines } from '../../widgets/lines.tsx'
import { Choice } from '../../widgets/choice.tsx'
import { RateChoice } from './choices.tsx'
import { measuresOf, type Settings } from './settings.ts'
import type { Shape } from './shape.ts'
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
        <Lines
          timesMs={timeline.timesMs}
          lines={timeline.lines}
          measure={timeline.per === 'second' ? `${measure} a second` : measure}
          off={off}
          leftOut={
            timeline.leftOut > 0
              ? `and ${formatCount(timeline.leftOut)} smaller ones, not drawn: Where or Top chooses`
              : undefined
          }
        />
      )}
    </>
  )
}

function noteOf({ per }: Timeline, { window }: Shape): string {
  if (per === 'so far') return 'since the query was installed; Every 5s asks for each window of its own'
  if (window !== undefined) return per === 'second' ? 'a second, by windows' : 'in each window'
  return 'since this page is open'
}
