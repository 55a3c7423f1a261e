// LatencySLO with hysteresis: cuts above the target, waits while it gets better, lets go well below it. On
// the mean, or on the 99th percentile where the target says so.
//
//   params   alpha 0.2   beta 0.02   calm 0.8   spare 0.25   floor.NAME
//
//   miss > 1, not falling   who is to blame is cut by his part, at most by half, on his ways to the resource;
//                           who is to blame for less than a quarter of what the worst is, not at all
//   miss > 1, falling       nothing: the last cut is still at work (queues take their time to empty)
//   calm .. 1               nothing
//   miss < calm             everybody gets a little more, slower than it was taken
//
// The 99th percentile of one second is that of a few requests: it is calm again when the worst that is
// remembered is, a fiftieth of which is forgotten a step.

import type { Policy } from '#fair'
import { blame, waysTo } from './blame.ts'
import { clamp, scale } from './shares.ts'

type Misses = { readonly before: number; readonly worst: number }

export const latencySlo: Policy<Misses | undefined> = {
  name: 'latency-slo',
  step(api, params, { before, worst } = { before: 0, worst: 0 }) {
    const { alpha = 0.2, beta = 0.02, calm = 0.8, spare = 0.25 } = params
    const missOf = (w: string) => api.latency(w) / (api.targetLatency(w) ?? Infinity)
    const high = api.workflows().filter((w) => api.targetLatency(w) !== undefined)
    const low = api.workflows().filter((w) => api.targetLatency(w) === undefined)
    const victim = high.toSorted((a, b) => missOf(b) - missOf(a))[0]
    if (victim === undefined) return
    const miss = missOf(victim)
    const remembered = api.targetStatistic?.(victim) === 'p99' ? TAIL_MEMORY * worst : 0
    if (miss > 1 && miss > 0.9 * before) {
      const guilt = [...blame(api, victim, low)]
      const ways = waysTo(api, victim)
      const most = Math.max(...guilt.map(([, g]) => g))
      for (const [l, g] of guilt)
        if (g >= spare * most) scale(api, l, clamp(1 - alpha * (miss - 1) * g, 0.5, 1), params, ways(l))
    } else if (Math.max(miss, remembered) < calm) for (const l of low) scale(api, l, 1 + beta, params)
    return { before: miss, worst: Math.min(WORST_MAX, Math.max(miss, remembered)) }
  },
}

const TAIL_MEMORY = 0.98
/** From here it is calm after 30 steps: what was ten times as bad is not remembered ten times as long. */
const WORST_MAX = 1.5
