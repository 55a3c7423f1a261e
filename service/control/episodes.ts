// Decisions as people tell them: a policy that cuts somebody five times in a row at three points has held
// him once. What goes the same way without a pause is one episode.
//
//   decisions   12:00:01 greedy at book 100 -> 50, at db 100 -> 50;  12:00:02 50 -> 30;  12:00:09 30 -> 31
//   episodes    12:00:01 .. 02  greedy cut at book 100 -> 30, at db 100 -> 30;   12:00:09  greedy raised ...

import type { Decision } from './controller.ts'
import { EPISODE_GAP_MS_MAX } from './limits.ts'

export type EpisodeKind = 'cut' | 'raised' | 'released'

export type Episode = {
  readonly kind: EpisodeKind
  readonly fromMs: number
  readonly untilMs: number
  readonly policy: string
  readonly isDryRun: boolean
  readonly workflow: string
  /** By point: the rate before it began and after it ended; Infinity = no limit. */
  readonly points: readonly { readonly point: string; readonly from: number; readonly to: number }[]
  /** Why, when it began; a release says only what happened. */
  readonly because: Decision['because']
  readonly reason: Decision['reason']
}

/** Newest first. Decisions are in order of time. */
export function episodesOf(decisions: readonly Decision[]): Episode[] {
  const open = new Map<string, Open>()
  const all: Open[] = []
  for (const decision of decisions) {
    const kind = kindOf(decision)
    const id = `${decision.policy}\n${decision.workflow}\n${decision.isDryRun}`
    const last = open.get(id)
    if (last?.kind === kind && decision.atMs - last.untilMs <= EPISODE_GAP_MS_MAX) prolong(last, decision)
    else {
      const begun = begin(kind, decision)
      open.set(id, begun)
      all.push(begun)
    }
  }
  return all.toReversed().map(({ points, ...rest }) => ({
    ...rest,
    points: [...points].map(([point, way]) => ({ point, ...way })),
  }))
}

type Open = Omit<Episode, 'points' | 'untilMs'> & {
  untilMs: number
  readonly points: Map<string, { from: number; to: number }>
}

export function kindOf({ from, to }: { readonly from: number; readonly to: number }): EpisodeKind {
  if (to === Number.POSITIVE_INFINITY) return 'released'
  return to < from ? 'cut' : 'raised'
}

function begin(kind: EpisodeKind, decision: Decision): Open {
  const { atMs, policy, isDryRun, workflow, because, reason, point, from, to } = decision
  const points = new Map([[point, { from, to }]])
  return { kind, fromMs: atMs, untilMs: atMs, policy, isDryRun, workflow, because, reason, points }
}

function prolong(open: Open, { atMs, point, from, to }: Decision): void {
  open.untilMs = atMs
  const known = open.points.get(point)
  if (known === undefined) open.points.set(point, { from, to })
  else known.to = to
}
