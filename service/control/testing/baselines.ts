// What one has without us, for the experiments: each changes a system in its own way (Setup of systems.ts).
//
//   static        the same fixed rate for each tenant at each point (limiters of an API gateway)
//   gradient      so many requests at once, adapted by latency, whoever sends them (Netflix's Gradient2)
//   shedding      nobody gets in while the last second was slow (under-pressure)
//   round-robin   each queue serves tenants by turns, whatever their requests cost (BullMQ groups)

import type { Admission } from '../simulate-system.ts'
import { POLICIES } from '../policies/index.ts'
import type { Setup } from './systems.ts'

type Baseline = Pick<Setup, 'policy' | 'options' | 'algorithm' | 'admission'>

/** `rate`: what an operator would allow each tenant, a second. */
export function baselines({
  tenants,
  rate,
}: {
  readonly tenants: readonly string[]
  readonly rate: number
}): Readonly<Record<string, Baseline>> {
  const policy = POLICIES['manual']
  const params = Object.fromEntries(tenants.map((tenant) => [`rate.${tenant}`, rate]))
  return {
    none: {},
    static: { ...(policy === undefined ? {} : { policy }), options: { params } },
    gradient: { admission: gradientLimit },
    shedding: { admission: shedding },
    'round-robin': { algorithm: 'rr' },
  }
}

/** Constants as in its defaults: 20 to 200 at once, smoothing 0.2, tolerance 1.5, 600 windows, 4 more. */
export function gradientLimit(): Admission {
  const WINDOW_MS = 100
  let limit = 20
  let inFlight = 0
  let longMs = 0
  let window = { sinceMs: 0, sumMs: 0, count: 0, most: 0 }
  const adapt = (): void => {
    const shortMs = window.sumMs / window.count
    longMs = longMs === 0 ? shortMs : longMs + (shortMs - longMs) * (2 / 601)
    if (longMs / shortMs > 2) longMs *= 0.95
    // Who does not use the limit learns nothing about it.
    if (window.most < limit / 2) return
    const gradient = Math.max(0.5, Math.min(1, (1.5 * longMs) / shortMs))
    limit = Math.min(200, Math.max(20, limit * 0.8 + 0.2 * (limit * gradient + 4)))
  }
  return {
    admits() {
      if (inFlight >= limit) return false
      inFlight += 1
      window.most = Math.max(window.most, inFlight)
      return true
    },
    ended(latencyMs, nowMs) {
      inFlight -= 1
      window.sumMs += latencyMs
      window.count += 1
      if (nowMs - window.sinceMs < WINDOW_MS) return
      adapt()
      window = { sinceMs: nowMs, sumMs: 0, count: 0, most: inFlight }
    },
  }
}

/** Its sampling interval, and the delay of a service that is in trouble. */
export function shedding(): Admission {
  const WINDOW_MS = 1_000
  const SLOW_MS = 100
  let window = { sinceMs: 0, sumMs: 0, count: 0 }
  let isSlow = false
  return {
    admits(nowMs) {
      if (nowMs - window.sinceMs >= WINDOW_MS) {
        isSlow = window.count > 0 && window.sumMs / window.count > SLOW_MS
        window = { sinceMs: nowMs, sumMs: 0, count: 0 }
      }
      return !isSlow
    },
    ended(latencyMs) {
      window.sumMs += latencyMs
      window.count += 1
    },
  }
}
