// Why somebody was held, in numbers that were true then: policies give rates and no reasons, and people ask
// for them all the same.
//
//   victim     who misses his target most, if anybody does
//   resource   where it does most harm: latency(victim, r) ln slowdown(r) times its part of the load of r,
//              the terms of Retro's gradient (policies/blame.ts); without a victim, without the first factor
//
// A resource that is not slow speaks against nobody. Computed once a workflow and step, and only for those
// whose rates have changed.

import type { ControllerApi } from '#fair'
import { RESOURCES_PER_STEP_MAX } from './policies/shares.ts'

export type Reason = {
  /** undefined = no resource speaks against it. */
  readonly resource: string | undefined
  readonly slowdown: number
  /** Part of the resource's load that is its own, 0 to 1. */
  readonly share: number
  readonly victim: string | undefined
  /** The victim's latency over its target; 0 without one. */
  readonly miss: number
}

/** Reads the system once; the function given back answers for one workflow at a time. */
export function reasonsOf(api: ControllerApi): (workflow: string) => Reason {
  const workflows = api.workflows()
  const { victim, miss } = worstMiss(api, workflows)
  const slow = api
    .resources()
    .map((r) => ({ r, slowdown: api.slowdown(r), weight: weightOf(api, r, victim) }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, RESOURCES_PER_STEP_MAX)
    .map((one) => ({ ...one, load: workflows.reduce((sum, w) => sum + api.load(one.r, w), 0) }))
  return (workflow) => {
    let worst = { harm: 0, resource: undefined as string | undefined, slowdown: 1, share: 0 }
    for (const { r, slowdown, weight, load } of slow) {
      const share = load > 0 ? api.load(r, workflow) / load : 0
      if (weight * share > worst.harm) worst = { harm: weight * share, resource: r, slowdown, share }
    }
    const { resource, slowdown, share } = worst
    return { resource, slowdown, share, victim, miss }
  }
}

function worstMiss(
  api: ControllerApi,
  workflows: readonly string[],
): { readonly victim: string | undefined; readonly miss: number } {
  let worst: { victim: string | undefined; miss: number } = { victim: undefined, miss: 0 }
  for (const w of workflows) {
    const target = api.targetLatency(w)
    const miss = target === undefined ? 0 : api.latency(w) / target
    if (miss > 1 && miss > worst.miss) worst = { victim: w, miss }
  }
  return worst
}

function weightOf(api: ControllerApi, r: string, victim: string | undefined): number {
  const slow = Math.log(api.slowdown(r))
  return victim === undefined ? slow : slow * api.latency(r, victim)
}
