// A cap on what a tenant may cost a second, over all processes: of each resource what it takes times a price.
//
//   params   'cap.NAME'     at most so much
//            'price.NAME'   of a unit of the resources of this name: cpu 1 (a millisecond), others 0
//
// A cut is one of what passes, so that the cap is met from above in a few steps; below it a tenth more is
// given a step.

import type { Policy } from '#fair'
import { clamp, steer, sumOf } from './shares.ts'

export const costCap: Policy<undefined> = {
  name: 'cost-cap',
  step(api, params) {
    const priceOf = (r: string) => {
      const name = r.slice(0, r.lastIndexOf('@'))
      return params[`price.${name}`] ?? (name === 'cpu' ? 1 : 0)
    }
    const priced = api.resources().filter((r) => priceOf(r) > 0)
    for (const w of api.workflows()) {
      const cap = params[`cap.${w}`]
      const cost = sumOf(priced.map((r) => priceOf(r) * api.load(r, w)))
      if (cap !== undefined && cost > 0) steer(api, w, clamp(cap / cost, 0.5, 1.1), params)
    }
  },
}
