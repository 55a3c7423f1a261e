// What an operator says, without looking at anything: fixed rates, shares and times.
//
//   params   'rate.NAME'     passages a second at each point, over all its instances
//            'weight.NAME'   share against others where they wait in line
//            'seconds.NAME'  time that a request may take from the point on; 0 = any

import type { Policy } from '#fair'

export const manual: Policy<undefined> = {
  name: 'manual',
  step(api, params) {
    for (const w of api.workflows())
      for (const p of api.points()) {
        const { [`rate.${w}`]: rate, [`weight.${w}`]: weight, [`seconds.${w}`]: seconds } = params
        if (rate !== undefined) api.setRate(p, w, rate)
        if (weight !== undefined) api.setWeight(p, w, weight)
        if (seconds !== undefined) api.setTimeLimit?.(p, w, seconds > 0 ? seconds : Infinity)
      }
  },
}
