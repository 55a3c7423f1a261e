// Formulas of Retro 4.2: from what was measured to load and slowdown.
//
//   slowdown = how long it took / how long it takes without others in the way
//
//   pool, queue, lock, disk   (wait + service) / service        service of a disk: n T_s + b / B, by the
// agent
//   cpu                       wall time of its segments / CPU time of them: wait = what was stolen or queued
//   network                   1 + u / (1 - u), M/M/1 from utilisation: latency of a link cannot be measured

import type { ResourceMeasurementKind } from '#protocol'

export type Smoothed = {
  readonly kind: ResourceMeasurementKind
  /** Sums over workflows, ms a second. */
  readonly waitMs: number
  readonly serviceMs: number
  readonly utilisation: number | undefined
}

/** 1 = nobody is in the way; never below. An idle resource is not slow. */
export function slowdownOf({ waitMs, serviceMs, utilisation }: Smoothed): number {
  if (utilisation !== undefined && utilisation >= 0) {
    // A link that is reported as full is as slow as one of 999 in 1,000: the formula has no end.
    const used = Math.min(0.999, utilisation)
    return 1 + used / (1 - used)
  }
  return serviceMs > 0 ? Math.max(1, (waitMs + serviceMs) / serviceMs) : 1
}
