// Background work takes what others leave: it is cut while it slows what others use, and has its floor in any
// case. Who has a floor is background; nobody else is ever held.
//
//   params   'floor.NAME'   slowdown 3   cut 0.3   raise 0.05
//
// Between half of the slowdown and all of it nothing is done: else it would be cut and let go by turns.

import type { Policy } from '#fair'
import { steer } from './shares.ts'

export const background: Policy<undefined> = {
  name: 'background',
  step(api, params) {
    const { slowdown = 3, cut = 0.3, raise = 0.05 } = params
    const isBackground = (w: string) => params[`floor.${w}`] !== undefined
    const others = api.workflows().filter((w) => !isBackground(w))
    const shared = api.resources().filter((r) => others.some((w) => api.load(r, w) > 0))
    for (const w of api.workflows().filter(isBackground)) {
      const slow = Math.max(1, ...shared.map((r) => (api.load(r, w) > 0 ? api.slowdown(r) : 1)))
      if (slow > slowdown) steer(api, w, 1 - cut, params)
      else if (slow < slowdown / 2) steer(api, w, 1 + raise, params)
    }
  },
}
