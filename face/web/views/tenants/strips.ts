// From decisions to a strip for each tenant: when it was held, and how hard. Pure.
//
//   free | cut ... | raised ...... | released         strength 1 = cut to nothing, 0 = as it was before
//
// Strength is measured against the rate that the first cut began from, at the point that was cut most.

import type { PolicyEpisode } from '#protocol'

export type Strip = {
  readonly tenant: string
  readonly isDryRun: boolean
  /** Parts of the width, 0 to 1. */
  readonly pieces: readonly { readonly left: number; readonly width: number; readonly strength: number }[]
}

type Held = { since: number; strength: number; readonly before: Map<string, number> }
type Making = { held: Held | undefined; readonly pieces: { from: number; to: number; strength: number }[] }

/** Tenants that were held last come first. */
export function strips(
  episodes: readonly PolicyEpisode[],
  { fromMs, nowMs }: { readonly fromMs: number; readonly nowMs: number },
): Strip[] {
  const all = new Map<string, Making & { readonly tenant: string; readonly isDryRun: boolean }>()
  for (const episode of episodes.toReversed()) {
    const { tenant, isDryRun, policy } = episode
    const id = `${policy}\n${tenant}\n${isDryRun}`
    const making = all.get(id) ?? { tenant, isDryRun, held: undefined, pieces: [] }
    all.delete(id)
    all.set(id, making)
    take(making, episode)
  }
  const width = Math.max(1, nowMs - fromMs)
  return [...all.values()].toReversed().map(({ tenant, isDryRun, held, pieces }) => {
    const open = held === undefined ? [] : [{ from: held.since, to: nowMs, strength: held.strength }]
    return {
      tenant,
      isDryRun,
      pieces: [...pieces, ...open]
        .filter(({ to }) => to > fromMs)
        .map(({ from, to, strength }) => {
          const left = Math.max(0, from - fromMs) / width
          return { left, width: Math.min(1, (to - fromMs) / width) - left, strength }
        }),
    }
  })
}

function take(making: Making, { kind, fromMs, untilMs, points }: PolicyEpisode): void {
  const { held } = making
  if (held !== undefined) making.pieces.push({ from: held.since, to: fromMs, strength: held.strength })
  if (kind === 'released') {
    making.held = undefined
    return
  }
  // Who was free had what was measured then, which is not said: the limit it began with is taken for it.
  const before = held?.before ?? new Map<string, number>()
  for (const { point, from, to } of points) if (!before.has(point)) before.set(point, from ?? 2 * (to ?? 0))
  const left = Math.min(...points.map(({ point, to }) => (to ?? 0) / Math.max(before.get(point) ?? 0, 1e-9)))
  const strength = Math.min(1, Math.max(0.15, 1 - left))
  making.pieces.push({ from: fromMs, to: untilMs, strength })
  making.held = { since: untilMs, strength, before }
}
