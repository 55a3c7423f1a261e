// What the policies have in common: whose share is how large, and setting a workflow's rates at once.
//
//   params   'weight.NAME'  share of a workflow, 1 if not said
//            'floor.NAME'   what it may have at each point in any case, in passages a second

import type { ControllerApi } from '#fair'

export type Params = Readonly<Record<string, number>>

export function weightsOf(api: ControllerApi, params: Params): Record<string, number> {
  return Object.fromEntries(api.workflows().map((w) => [w, params[`weight.${w}`] ?? 1]))
}

/**
 * Changes what a workflow may do by a factor of its rate: at every point, as the papers have it, or at those
 * given.
 */
export function scale(
  api: ControllerApi,
  w: string,
  factor: number,
  params: Params = {},
  places: readonly string[] = everywhere(api, w),
): void {
  setRates(api, w, params, places, (p) => factor * api.getRate(p, w))
}

/** Every point, and every instance of one where this workflow is limited. */
export function everywhere(api: ControllerApi, w: string): string[] {
  return [...new Set([...api.points(), ...(api.held?.(w) ?? [])])]
}

/**
 * The same, but a cut is one of what passes, and not of a rate that nothing may have to do with. A queue adds
 * up what comes too fast, and a rate that adds up factors is a second sum behind the first: together they
 * swing. What passes a full resource is its capacity, whatever the rate was.
 */
export function steer(
  api: ControllerApi,
  w: string,
  factor: number,
  params: Params = {},
  places: readonly string[] = everywhere(api, w),
): void {
  setRates(api, w, params, places, (p) => {
    const rate = api.getRate(p, w)
    return factor * (factor < 1 ? Math.min(rate, api.throughput(p, w)) : rate)
  })
}

/** Never below the workflow's floor. */
function setRates(
  api: ControllerApi,
  w: string,
  params: Params,
  places: readonly string[],
  rateAt: (p: string) => number,
): void {
  for (const p of places) api.setRate(p, w, Math.max(params[`floor.${w}`] ?? 0, rateAt(p)))
}

export function slowestOf(api: ControllerApi): string | undefined {
  let slowest: string | undefined
  for (const r of api.resources())
    if (slowest === undefined || api.slowdown(r) > api.slowdown(slowest)) slowest = r
  return slowest
}

/**
 * Resources that one step looks into, the worst first: 64 x 1,000 tenants are about 50 ms, and of more than a
 * few no policy makes sense at once.
 */
export const RESOURCES_PER_STEP_MAX = 64

export const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value))

export const sumOf = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0)
