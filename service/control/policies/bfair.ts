// BFAIR, log-proportional: every slow resource is brought to the slowdown T, and shared fairly by those whom
// that costs something.
//
//   params   slowdown (T) 25   gain (g) 0.02   brake (d) 0.03   weight.NAME   floor.NAME
//
// The capacity of a resource is what is used of it now, times (T / slowdown)^g: a little more while it is
// below T, the less the further above; and less while slowdown grows, (before / now)^d, since a queue only
// shows what came too fast when it has come. Who is held back asks for all there is, the others for what they
// have: shares then are max-min fair, and who was held back gets more when others leave. A resource that is
// not slow holds nobody. Who is cut is cut on his ways to the resource that gives him least; a raise is one
// everywhere.

import { maxMinShare, type Policy } from '#fair'
import { everywhere, RESOURCES_PER_STEP_MAX, steer, sumOf, weightsOf } from './shares.ts'
import { waysAt } from './ways.ts'

type Slowdowns = Readonly<Record<string, number>>

export const bfair: Policy<Slowdowns | undefined> = {
  name: 'bfair',
  step(api, params, state = {}) {
    const { slowdown = 25, gain = 0.02, brake = 0.03 } = params
    const now = Object.fromEntries(api.resources().map((r) => [r, api.slowdown(r)]))
    const granted = new Map(api.workflows().map((w) => [w, { by: RAISE_MAX, at: [] as string[] }]))
    const isHeld = (w: string) => everywhere(api, w).some((p) => api.getRate(p, w) !== api.throughput(p, w))
    const slowest = Object.entries(now).sort((a, b) => b[1] - a[1])
    for (const [r, slow] of slowest.slice(0, RESOURCES_PER_STEP_MAX)) {
      const more = (slowdown / slow) ** gain * ((state[r] ?? slow) / slow) ** brake
      if (more >= RAISE_MAX) continue
      const users = [...granted.keys()].filter((w) => api.load(r, w) > 0)
      const used = sumOf(users.map((w) => api.load(r, w)))
      const demand = users.map((w) => [w, isHeld(w) ? Infinity : api.load(r, w)] as const)
      const capacity = used * Math.max(CUT_MAX, more)
      const fair = maxMinShare(capacity, Object.fromEntries(demand), weightsOf(api, params))
      for (const w of users) {
        const by = (fair[w] ?? 0) / api.load(r, w)
        if (by < (granted.get(w)?.by ?? 0)) granted.set(w, { by, at: [r] })
      }
    }
    const ways = waysAt(api)
    for (const [w, { by, at }] of granted)
      steer(api, w, Math.max(CUT_MAX, by), params, by < 1 ? ways(w, at) : undefined)
    return now
  },
}

/** A step takes a third at most, and gives a twentieth. */
const CUT_MAX = 0.7
const RAISE_MAX = 1.05
