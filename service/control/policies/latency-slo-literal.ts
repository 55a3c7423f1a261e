// LatencySLO as published (Retro algorithm 3): while a workflow with a target misses it, those without one
// are cut, each by how much it is to blame.
//
//   params   alpha 0.2   beta 0.05
//
// No hysteresis: it lets go the moment the target is met, and is over it again a second later.

import type { Policy } from '#fair'
import { blame } from './blame.ts'
import { scale } from './shares.ts'

export const latencySloLiteral: Policy<undefined> = {
  name: 'latency-slo-literal',
  step(api, { alpha = 0.2, beta = 0.05 }) {
    const miss = (w: string) => api.latency(w) / (api.targetLatency(w) ?? Infinity)
    const high = api.workflows().filter((w) => api.targetLatency(w) !== undefined)
    const low = api.workflows().filter((w) => api.targetLatency(w) === undefined)
    const worst = high.toSorted((a, b) => miss(b) - miss(a))[0]
    if (worst === undefined) return
    const guilt = blame(api, worst, low)
    for (const l of low)
      scale(api, l, miss(worst) > 1 ? 1 - alpha * (miss(worst) - 1) * (guilt.get(l) ?? 0) : 1 + beta)
  },
}
