// Nobody works for an answer that comes too late: requests of who has a target get it as a deadline, and what
// has expired when its turn comes is dropped there. Whom a queue has made late makes nobody later.
//
//   params   patience 1   calm 0.8
//
// The deadline begins at `patience` targets. While those that are served take longer than the target it gets
// tighter (their service comes on top), well below it looser again, up to where it began.

import type { Policy } from '#fair'
import { clamp } from './shares.ts'

type Limits = Readonly<Record<string, number>>

export const deadlineAware: Policy<Limits | undefined> = {
  name: 'deadline-aware',
  step(api, params, state = {}) {
    const { patience = 1, calm = 0.8 } = params
    const limits: Record<string, number> = {}
    for (const w of api.workflows()) {
      const target = api.targetLatency(w)
      if (target === undefined) continue
      const miss = api.latency(w) / target
      const tighter = miss > 1 ? 0.9 : miss < calm ? 1.05 : 1
      limits[w] = clamp(tighter * (state[w] ?? patience * target), 0.1 * target, patience * target)
    }
    for (const p of api.points())
      for (const w of new Set([...Object.keys(state), ...Object.keys(limits)]))
        api.setTimeLimit?.(p, w, limits[w] ?? Infinity)
    return limits
  },
}
