// R-DRF with a way up, and capacities that are learnt both ways.
//
//   params   slowdown (T) 25   gain (g) 0.02   alpha 0.05   weight.NAME   floor.NAME
//
// Everybody asks for (1 + alpha) times what he has; the share that is granted of that is by how much he may
// change, down or up. Capacities are not asked for but learnt:
//
//   slow                                what is used of it now, times (T / slowdown)^g
//   not slow, but it holds somebody     it was thought too small: alpha / 2 more a step, until it is slow
//   not slow, holds nobody              as before; never slow so far: an M/M/1 queue's, used / (1 - 1 /
// slowdown)

import { dominantShares, type Policy } from '#fair'
import { clamp, steer, sumOf, weightsOf } from './shares.ts'

type Capacities = Readonly<Record<string, number>>

export const rDrf: Policy<Capacities | undefined> = {
  name: 'r-drf',
  step(api, params, state = {}) {
    const { slowdown = 25, gain = 0.02, alpha = 0.05 } = params
    const capacity: Record<string, number> = {}
    for (const r of api.resources()) {
      const [slow, used] = [api.slowdown(r), sumOf(api.workflows().map((w) => api.load(r, w)))]
      const known = state[r] ?? used / Math.max(0.05, 1 - 1 / slow)
      const now = used * clamp((slowdown / slow) ** gain, 0.7, 1)
      capacity[r] = slow > slowdown ? now : Math.max(used, known)
    }
    const asked = (w: string, r: string) => (1 + alpha) * api.load(r, w)
    const demand = (w: string) => Object.fromEntries(api.resources().map((r) => [r, asked(w, r)]))
    const demands = Object.fromEntries(api.workflows().map((w) => [w, demand(w)]))
    const share = dominantShares(demands, capacity, weightsOf(api, params))
    for (const w of api.workflows()) steer(api, w, (1 + alpha) * (share[w] ?? 1), params)
    for (const r of api.resources()) {
      const granted = sumOf(api.workflows().map((w) => asked(w, r) * (share[w] ?? 1)))
      const isFull = granted > 0.99 * (capacity[r] ?? 0)
      if (isFull && api.slowdown(r) <= slowdown) capacity[r] = (capacity[r] ?? 0) * (1 + alpha / 2)
    }
    return capacity
  },
}
