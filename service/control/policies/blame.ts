// Who blames whom (Retro 5.3): by how much the latency of one workflow would fall if another did less.
//
//   g[l] = sum over resources of  latency(h, r) * ln slowdown(r) * load(r, l) / load(r, all)
//
// From a resource's latency L S^(d/D - 1) at demand d: its derivative by the demand of l. Normalised to 1
// over the candidates; empty when nothing can be attributed (all slowdowns are 1, or h spends no time there).

import type { ControllerApi } from '#fair'
import { RESOURCES_PER_STEP_MAX, sumOf } from './shares.ts'

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
 * Where workflows have to be cut for what they do to the victim: at the points they pass in the processes of
 * the resources where they do most harm, so that their other ways stay open. Where most instances of a point
 * are concerned it is the point as a whole. undefined = everywhere, for none of those is passed.
 */
export function waysTo(api: ControllerApi, victim: string): (l: string) => string[] | undefined {
  const workflows = api.workflows()
  const pains = painsOf(api, victim).map(({ r, pain }) => ({
    r,
    painPerLoad: pain / Math.max(Number.MIN_VALUE, sumOf(workflows.map((w) => api.load(r, w)))),
  }))
  let all: Map<string, number> | undefined
  return (l) => {
    const harms = pains.map(({ r, painPerLoad }) => ({ r, harm: painPerLoad * api.load(r, l) }))
    const most = Math.max(0, ...harms.map(({ harm }) => harm))
    const near = harms.flatMap(({ r, harm }) =>
      harm > 0 && 4 * harm >= most ? (api.pointsAt?.(r) ?? []) : [],
    )
    const passed = [...new Set(near)].filter((p) => api.throughput(p, l) > 0)
    if (passed.length === 0) return undefined
    all ??= instancesOf(api)
    const concerned = countBy(passed.map(nameOf))
    const isMost = (name: string) => 2 * (concerned.get(name) ?? 0) > (all?.get(name) ?? 0)
    return [...new Set(passed.map((p) => (isMost(nameOf(p)) ? nameOf(p) : p)))]
  }
}

/** How many each point has. */
function instancesOf(api: ControllerApi): Map<string, number> {
  const all = new Set(api.resources().flatMap((r) => api.pointsAt?.(r) ?? []))
  return countBy([...all].map(nameOf))
}

const nameOf = (instance: string): string => instance.slice(0, instance.lastIndexOf('@'))

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
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
