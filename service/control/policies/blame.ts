// Who blames whom (Retro 5.3): by how much the latency of one workflow would fall if another did less.
//
//   g[l] = sum over resources of  latency(h, r) * ln slowdown(r) * load(r, l) / load(r, all)
//
// From a resource's latency L S^(d/D - 1) at demand d: its derivative by the demand of l. Normalised to 1
// over the candidates; empty when nothing can be attributed (all slowdowns are 1, or h spends no time there).

import type { ControllerApi } from '#fair'
import { RESOURCES_PER_STEP_MAX, sumOf } from './shares.ts'
import { waysAt } from './ways.ts'

export function blame(
  api: ControllerApi,
  victim: string,
  candidates: readonly string[],
): Map<string, number> {
  const gradient = new Map(candidates.map((l) => [l, 0]))
  const workflows = api.workflows()
  for (const { r, pain } of painsOf(api, victim)) {
    const all = sumOf(workflows.map((w) => api.load(r, w)))
    if (all === 0) continue
    for (const l of candidates) gradient.set(l, (gradient.get(l) ?? 0) + (pain * api.load(r, l)) / all)
  }
  const total = sumOf(gradient.values())
  if (!(total > 1e-12)) return new Map()
  return new Map([...gradient].map(([l, g]) => [l, g / total]))
}

/**
 * Where workflows have to be cut for what they do to the victim: on their ways to the resources where they do
 * most harm.
 */
export function waysTo(api: ControllerApi, victim: string): (l: string) => string[] | undefined {
  const workflows = api.workflows()
  const pains = painsOf(api, victim).map(({ r, pain }) => ({
    r,
    painPerLoad: pain / Math.max(Number.MIN_VALUE, sumOf(workflows.map((w) => api.load(r, w)))),
  }))
  const ways = waysAt(api)
  return (l) => {
    const harms = pains.map(({ r, painPerLoad }) => ({ r, harm: painPerLoad * api.load(r, l) }))
    const most = Math.max(0, ...harms.map(({ harm }) => harm))
    const near = harms.filter(({ harm }) => harm > 0 && 4 * harm >= most)
    return ways(
      l,
      near.map(({ r }) => r),
    )
  }
}

/** Resources where the victim waits, the worst first: what a little less load there would spare it. */
function painsOf(api: ControllerApi, victim: string): { readonly r: string; readonly pain: number }[] {
  return api
    .resources()
    .map((r) => ({ r, pain: api.latency(r, victim) * Math.log(api.slowdown(r)) }))
    .filter(({ pain }) => pain > 0)
    .sort((a, b) => b.pain - a.pain)
    .slice(0, RESOURCES_PER_STEP_MAX)
}
