// The timeline of decisions: for each tenant that was held, when and how hard, and below it what was decided
// and why, newest first.

import type { PolicyEpisode, ResourceView } from '#protocol'
import { formatClock } from '../../base/format.ts'
import { EPISODES_SHOWN_MAX } from '../../base/limits.ts'
import { msToNs } from '../../widgets/time-axis.ts'
import { Text } from '../../widgets/text.tsx'
import { reasonText, spanText, wayText } from './say.ts'
import { strips, type Strip } from './strips.ts'

export function Decisions({
  episodes,
  resources,
  fromMs,
  nowMs,
}: {
  /** Newest first. */
  readonly episodes: readonly PolicyEpisode[]
  readonly resources: readonly ResourceView[]
  /** The stretch of time that the picture shows. */
  readonly fromMs: number
  readonly nowMs: number
}) {
  return (
    <section class="decisions" aria-label="Decisions">
      <h2>Decisions</h2>
      {episodes.length === 0 ? (
        <p class="muted">No policy has held anybody so far.</p>
      ) : (
        <>
          <Strips all={strips(episodes, { fromMs, nowMs })} />
          <ol>
            {episodes.slice(0, EPISODES_SHOWN_MAX).map((episode) => (
              <Decision
                key={`${episode.fromMs} ${episode.policy} ${episode.tenant} ${episode.kind}`}
                episode={episode}
                resources={resources}
              />
            ))}
          </ol>
        </>
      )}
    </section>
  )
}

function Decision({
  episode,
  resources,
}: {
  readonly episode: PolicyEpisode
  readonly resources: readonly ResourceView[]
}) {
  const { kind, fromMs, untilMs, policy, isDryRun, tenant, points } = episode
  return (
    <li class={`decision ${kind}${isDryRun ? ' dry' : ''}`}>
      <time class="mono muted">{formatClock(msToNs(fromMs)).slice(0, 8)}</time>
      <span>
        <b>
          <Text of={tenant} />
        </b>{' '}
        <span class="kind">{isDryRun ? `would be ${kind}` : kind}</span>{' '}
        {untilMs - fromMs >= 1000 && <span class="muted">over {spanText(untilMs - fromMs)} </span>}
        <Text of={points.slice(0, POINTS_SHOWN).map(wayText).join(', ')} />
        {points.length > POINTS_SHOWN && <span class="muted"> and {points.length - POINTS_SHOWN} more</span>}
      </span>
      <span class="muted">
        <Text of={reasonText(episode, resources)} />
      </span>
      <span class="muted by">
        <Text of={policy} />
      </span>
    </li>
  )
}

const POINTS_SHOWN = 3

function Strips({ all }: { readonly all: readonly Strip[] }) {
  return (
    <table class="strips" aria-label="Who was held when, over the last ten minutes">
      <tbody>
        {all.map(({ tenant, isDryRun, pieces }) => (
          <tr key={`${tenant} ${isDryRun}`}>
            <th scope="row">
              <Text of={isDryRun ? `${tenant} (dry run)` : tenant} />
            </th>
            <td>
              <svg viewBox="0 0 1000 12" preserveAspectRatio="none" role="img" aria-label={saidOf(pieces)}>
                {pieces.map(({ left, width, strength }) => (
                  <rect
                    key={left}
                    x={1000 * left}
                    y={12 - 12 * strength}
                    width={Math.max(2, 1000 * width)}
                    height={12 * strength}
                    class={isDryRun ? 'dry' : ''}
                  />
                ))}
              </svg>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

const saidOf = (pieces: Strip['pieces']): string =>
  pieces.length === 0 ? 'not held' : `held ${pieces.length} times`
