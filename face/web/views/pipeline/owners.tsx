// Whose features take the time: each owner's queue, its CPU, and who rests because it took too much.

import type { PipelineView } from '#protocol'
import { formatAge, formatCount } from '../../base/format.ts'
import { shortText } from '../../base/value-text.ts'
import { Sparkline } from '../../widgets/sparkline.tsx'
import { Text } from '../../widgets/text.tsx'

export function Owners({ view }: { readonly view: PipelineView }) {
  const { owners, nowMs, past } = view
  const total = owners.reduce((sum, { cpuMs }) => sum + cpuMs, 0)
  return (
    <section class="pipeline-part" aria-label="Owners of features">
      <header>
        <h2>Owners of features</h2>
        <span class="muted">
          A queue each, served in turn by CPU time; who takes too much too often rests, the others do not
          wait.
        </span>
      </header>
      {owners.length === 0 ? (
        <p class="muted">No features were evaluated yet.</p>
      ) : (
        <table class="table" aria-label="Owners of features">
          <thead>
            <tr>
              <th>Owner</th>
              <th>State</th>
              <th class="right">In its queue</th>
              <th>Over time</th>
              <th class="right">CPU</th>
              <th>Share</th>
              <th class="right" title="Traces whose features took more than they may">
                Over budget
              </th>
              <th class="right" title="Traces that its queue had no room for: they wait in the delayed queue">
                Delayed
              </th>
              <th class="right">Quarantines</th>
              <th class="grow" />
            </tr>
          </thead>
          <tbody>
            {owners.map((one) => (
              <tr key={one.owner} data-owner={one.owner}>
                <td>
                  <a class="text-button" href="/datasets">
                    <Text of={one.owner} />
                  </a>
                </td>
                <td>
                  {one.restsUntilMs === undefined || one.restsUntilMs <= nowMs ? (
                    <span class="muted">served</span>
                  ) : (
                    <span class="error-mark">in quarantine, {formatAge(one.restsUntilMs - nowMs)} more</span>
                  )}
                </td>
                <td class={`right mono${one.waiting >= one.queueMax ? ' warn-mark' : ''}`}>
                  {one.waiting} of {one.queueMax}
                </td>
                <td>
                  <Sparkline values={(past.ownersWaiting[one.owner] ?? []).map((value) => value ?? 0)} />
                </td>
                <td class="right mono">{shortText(Number((one.cpuMs / 1_000).toPrecision(3)))} s</td>
                <td>
                  <span class="cell-bar" aria-hidden="true">
                    <span style={{ width: `${total === 0 ? 0 : (one.cpuMs / total) * 100}%` }} />
                  </span>
                </td>
                <td class="right mono">{formatCount(one.overBudget)}</td>
                <td class="right mono">{formatCount(one.refused)}</td>
                <td class={`right mono${one.quarantines > 0 ? ' warn-mark' : ''}`}>
                  {formatCount(one.quarantines)}
                </td>
                <td class="grow" />
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}
