// A cap on what a tenant may cost: at most so much of each resource, in its own unit a second.
//
//   params   'cap.NAME'   of the resource of which it takes most of its cap

import type { Policy } from '#fair'
import { clamp, scale } from './shares.ts'

export const costCap: Policy<undefined> = {
  name: 'cost-cap',
  step(api, params) {
    for (const w of api.workflows()) {
      const cap = params[`cap.${w}`]
      const most = Math.max(0, ...api.resources().map((r) => api.load(r, w)))
      if (cap !== undefined && most > 0) scale(api, w, clamp(cap / most, 0.5, 1.1), params)
    }
  },
}
