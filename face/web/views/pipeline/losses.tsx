// Every cause of losses with its count, in the time that is looked at and since the start; losses first, then
// what somebody wanted (sampling, repeats). A cause is drawn over time when it is chosen.

import type { PipelineLoss, PipelineStage, PipelineView } from '#protocol'
import { formatCount } from '../../base/format.ts'
import { changeQuery } from '../../base/route.ts'
import { Button } from '../../widgets/controls.tsx'
import { Lines } from '../../widgets/lines.tsx'
import { Sparkline } from '../../widgets/sparkline.tsx'
import { Text } from '../../widgets/text.tsx'

const STAGES: { readonly [stage in PipelineStage]: string } = {
  agents: 'Processes',
  ingest: 'Ingest',
  traces: 'Traces',
  features: 'Features',
  store: 'Store',
}
const NONE: ReadonlySet<string> = new Set()

export function Losses({
  view,
  of,
  isAll,
}: {
  readonly view: PipelineView
  readonly of: string | undefined
  readonly isAll: boolean
}) {
  const { past, losses } = view
  const inRange = (cause: string): number => (past.losses[cause] ?? []).reduce((sum, one) => sum + one, 0)
  const rows = losses
    .filter(({ count }) => count > 0)
    .map((loss) => ({ ...loss, now: inRange(loss.cause) }))
    .sort((a, b) => Number(a.isIntentional) - Number(b.isIntentional) || b.now - a.now || b.count - a.count)
  const shown = isAll ? rows : rows.filter(({ now, isIntentional }) => now > 0 || !isIntentional)
  const chosen = rows.find(({ cause }) => cause === of)
  return (
    <section class="pipeline-part" aria-label="Drops">
      <header>
        <h2>What was lost or left out</h2>
        <span class="grow" />
        {rows.length > shown.length && (
          <Button onClick={() => changeQuery({ show: 'all' }, { replace: true })}>
            {rows.length - shown.length} more, as they were meant
          </Button>
        )}
      </header>
      {shown.length === 0 ? (
        <p class="muted">Nothing, for any cause, since the server started.</p>
      ) : (
        <table class="table" aria-label="Drops">
          <thead>
            <tr>
              <th>Where</th>
              <th>Cause</th>
              <th class="right">In this time</th>
              <th>Over time</th>
              <th class="right">Since the start</th>
              <th class="grow" />
            </tr>
          </thead>
          <tbody>
            {shown.map((loss) => (
              <Row
                key={loss.cause}
                loss={loss}
                counts={past.losses[loss.cause] ?? []}
                isChosen={loss === chosen}
              />
            ))}
          </tbody>
        </table>
      )}
      {chosen !== undefined && past.timesMs.length > 1 && (
        <div class="pipeline-chosen">
          <Lines
            timesMs={past.timesMs}
            lines={[
              {
                name: `${chosen.unit} ${chosen.what}`,
                values: past.losses[chosen.cause] ?? past.timesMs.map(() => 0),
              },
            ]}
            measure={`in ${past.stepMs / 1_000} s`}
            off={NONE}
            areServices={false}
          />
        </div>
      )}
    </section>
  )
}

function Row({
  loss: { stage, cause, what, unit, isIntentional, count, now },
  counts,
  isChosen,
}: {
  readonly loss: PipelineLoss & { readonly now: number }
  readonly counts: readonly number[]
  readonly isChosen: boolean
}) {
  return (
    <tr data-cause={cause} class={isChosen ? 'selected' : ''}>
      <td class="muted">{STAGES[stage]}</td>
      <td>
        <button
          type="button"
          class="row-button"
          aria-pressed={isChosen}
          title={`${cause}: draw it over time`}
          onClick={() => changeQuery({ of: isChosen ? undefined : cause }, { replace: true })}
        >
          {unit} <Text of={what} />
        </button>
        {isIntentional && <span class="as-meant">as meant</span>}
      </td>
      <td class={`right mono${now > 0 && !isIntentional ? ' error-mark' : ''}`}>{formatCount(now)}</td>
      <td>{now > 0 && <Sparkline values={counts} />}</td>
      <td class="right mono">{formatCount(count)}</td>
      <td class="grow" />
    </tr>
  )
}
