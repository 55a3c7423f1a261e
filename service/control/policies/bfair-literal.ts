// BFAIR as published (Retro algorithm 1): max-min fairness on the one slowest resource.
//
//   params   slowdown (T) 25   alpha 0.05   beta 0.05   weight.NAME
//
// Bang-bang: all above T lose, all below gain. bfair.ts is the one to use.

import { maxMinShare, type Policy } from '#fair'
import { scale, slowestOf, sumOf, weightsOf } from './shares.ts'

export const bfairLiteral: Policy<undefined> = {
  name: 'bfair-literal',
  step(api, params) {
    const { slowdown = 25, alpha = 0.05, beta = 0.05 } = params
    const s = slowestOf(api)
    if (s === undefined) return
    const demand = Object.fromEntries(api.workflows().map((w) => [w, api.load(s, w)]))
    const fair = maxMinShare((1 - alpha) * sumOf(Object.values(demand)), demand, weightsOf(api, params))
    const isSlow = api.slowdown(s) > slowdown
    for (const w of api.workflows()) {
      const [share, asked] = [fair[w] ?? 0, demand[w] ?? 0]
      scale(api, w, isSlow && share < asked ? share / asked : 1 + beta)
    }
  },
}
