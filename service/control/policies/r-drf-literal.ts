// R-DRF as published (Retro algorithm 2): dominant resource fairness over capacities learnt from slowdown.
//
//   params   slowdown (T) 25   alpha 0.05   beta 0.05   weight.NAME
//
// It never raises a rate: its listing does nothing for those who have all they asked for.

import { dominantShares, type Policy } from '#fair'
import { scale, sumOf, weightsOf } from './shares.ts'

type Capacities = Readonly<Record<string, number>>

export const rDrfLiteral: Policy<Capacities | undefined> = {
  name: 'r-drf-literal',
  step(api, params, state = {}) {
    const { slowdown = 25, alpha = 0.05, beta = 0.05 } = params
    const loads = (r: string) => sumOf(api.workflows().map((w) => api.load(r, w)))
    const capacity = Object.fromEntries(
      api.resources().map((r) => {
        const known = state[r] ?? loads(r)
        const isSlow = api.slowdown(r) > slowdown
        return [r, isSlow ? Math.min(known, loads(r)) : Math.max((1 + beta) * known, loads(r))]
      }),
    )
    const demand = (w: string) => api.resources().map((r) => [r, (1 + alpha) * api.load(r, w)] as const)
    const demands = Object.fromEntries(api.workflows().map((w) => [w, Object.fromEntries(demand(w))]))
    const share = dominantShares(demands, capacity, weightsOf(api, params))
    for (const w of api.workflows()) if ((share[w] ?? 1) < 1) scale(api, w, share[w] ?? 1)
    return capacity
  },
}
