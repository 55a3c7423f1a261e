// How much of a resource each one gets: max-min fairness of one resource, dominant resource fairness of many.
// Pure arithmetic for policies (Retro algorithms 1 and 2).
//
//   maxMinShare     water rises equally (by weight) over all; who has what it asked for stops drinking
//
//        capacity 10, demands 2 8 8        level 4:   2 4 4
//
//   dominantShares  the same with many resources: a tenant's level is its share of the resource it takes most
//                   of (by weight); when a resource is full, whoever needs it stops

import { FairError } from './error.ts'
import { WEIGHT_MAX, WEIGHT_MIN } from './limits.ts'

/**
 * What each gets: at most its demand, in sum at most the capacity, and nobody can get more without somebody
 * with less (by weight) getting less.
 * Errors: FairError E_SHARE_INPUT on a number below 0 or NaN. Demands may be Infinity. Cost: O(n log n).
 */
export function maxMinShare(
  capacity: number,
  demands: Readonly<Record<string, number>>,
  weights: Readonly<Record<string, number>> = {},
): Record<string, number> {
  checkAmount('the capacity', capacity)
  const all = Object.entries(demands).map(([id, demand]) => {
    checkAmount(`the demand of '${id}'`, demand)
    return { id, demand, weight: weightOf(id, weights) }
  })
  const byLevel = [...all].sort((a, b) => a.demand / a.weight - b.demand / b.weight)
  const share = new Map<string, number>()
  let left = capacity
  let weightLeft = all.reduce((sum, { weight }) => sum + weight, 0)
  for (const { id, demand, weight } of byLevel) {
    // An infinite capacity is no fraction of anything: everybody has his fill.
    const fair = left === Number.POSITIVE_INFINITY ? left : (left * weight) / weightLeft
    const got = Math.min(demand, Math.max(0, fair))
    share.set(id, got)
    if (got !== Number.POSITIVE_INFINITY) left -= got
    weightLeft -= weight
  }
  return Object.fromEntries(all.map(({ id }) => [id, share.get(id) ?? 0]))
}

type Claim = {
  readonly id: string
  readonly needs: readonly (readonly [resource: number, amount: number])[]
  /** Level at which it has all it asked for: its dominant share by weight. */
  readonly full: number
  fraction: number | undefined
}

/**
 * The fraction, 0 to 1, of its demands that each gets, the same over all its resources.
 * `demands` by tenant, then resource. A tenant that needs nothing gets 1.
 * Errors: FairError E_SHARE_INPUT on a number below 0, infinite or NaN, or a resource that has no capacity.
 * Cost: O(tenants * (log tenants + resources^2)). Source: Ghodsi et al. NSDI 2011.
 */
export function dominantShares(
  demands: Readonly<Record<string, Readonly<Record<string, number>>>>,
  capacity: Readonly<Record<string, number>>,
  weights: Readonly<Record<string, number>> = {},
): Record<string, number> {
  const resources = Object.keys(capacity)
  const capacities = resources.map((resource) => checkAmount(`capacity of '${resource}'`, capacity[resource]))
  const index = new Map(resources.map((resource, i) => [resource, i]))
  const claims = Object.entries(demands).map(([id, needs]) =>
    claimOf(id, needs, { index, capacities, weights }),
  )
  fill(claims, capacities)
  return Object.fromEntries(claims.map(({ id, fraction }) => [id, fraction ?? 0]))
}

type Grounds = {
  readonly index: ReadonlyMap<string, number>
  readonly capacities: readonly number[]
  readonly weights: Readonly<Record<string, number>>
}

function claimOf(id: string, demand: Readonly<Record<string, number>>, grounds: Grounds): Claim {
  const needs: [number, number][] = []
  let dominant = 0
  for (const [resource, amount] of Object.entries(demand)) {
    checkAmount(`the demand of '${id}' for '${resource}'`, amount)
    if (amount === Number.POSITIVE_INFINITY) refuse(`the demand of '${id}' for '${resource}' is infinite`)
    if (amount === 0) continue
    const at = grounds.index.get(resource)
    if (at === undefined)
      refuse(`'${resource}', which '${id}' needs, has no capacity; give Infinity for no limit`)
    needs.push([at, amount])
    dominant = Math.max(dominant, amount / (grounds.capacities[at] ?? 0))
  }
  const full = dominant / weightOf(id, grounds.weights)
  return { id, needs, full, fraction: full === 0 ? 1 : full === Number.POSITIVE_INFINITY ? 0 : undefined }
}

/** Raises the level of all at once; each claim stops when it is full or something it needs is. */
function fill(claims: readonly Claim[], capacities: readonly number[]): void {
  const left = [...capacities]
  /** How fast each resource drains, for one unit of level, by the claims still rising. */
  const drain = capacities.map(() => 0)
  const rising = claims.filter((claim) => claim.fraction === undefined).sort((a, b) => a.full - b.full)
  for (const claim of rising) for (const [at, amount] of claim.needs) drain[at] += amount / claim.full
  const stop = (claim: Claim, fraction: number): void => {
    claim.fraction = fraction
    for (const [at, amount] of claim.needs) drain[at] = Math.max(0, (drain[at] ?? 0) - amount / claim.full)
  }
  const users = capacities.map((_, at) => rising.filter(({ needs }) => needs.some(([need]) => need === at)))
  const isOut = capacities.map(() => false)
  let level = 0
  const rise = (to: number): void => {
    for (let at = 0; at < left.length; at++) left[at] -= (to - level) * (drain[at] ?? 0)
    level = to
  }
  for (const claim of rising) {
    for (;;) {
      if (claim.fraction !== undefined) break
      const { at, to } = nextOut(left, drain, isOut, level)
      if (at === undefined || to >= claim.full * (1 - 1e-12)) {
        rise(claim.full)
        stop(claim, 1)
        break
      }
      rise(to)
      isOut[at] = true
      for (const user of users[at] ?? []) if (user.fraction === undefined) stop(user, level / user.full)
    }
  }
}

/** The resource that is used up first, and the level at which it is. */
function nextOut(
  left: readonly number[],
  drain: readonly number[],
  isOut: readonly boolean[],
  level: number,
): { readonly at: number | undefined; readonly to: number } {
  let best: number | undefined
  let to = Number.POSITIVE_INFINITY
  for (const [at, amount] of left.entries()) {
    const speed = drain[at] ?? 0
    if (isOut[at] === true || speed <= 0) continue
    const reached = level + Math.max(0, amount) / speed
    if (reached < to) [best, to] = [at, reached]
  }
  return { at: best, to }
}

function weightOf(id: string, weights: Readonly<Record<string, number>>): number {
  const weight = Object.hasOwn(weights, id) ? (weights[id] ?? 1) : 1
  if (weight >= WEIGHT_MIN && weight <= WEIGHT_MAX) return weight
  return refuse(`the weight of '${id}' must be from ${WEIGHT_MIN} to ${WEIGHT_MAX}, got ${weight}`)
}

function checkAmount(what: string, amount: number | undefined): number {
  if (amount !== undefined && amount >= 0) return amount
  return refuse(`${what} must be 0 or more, got ${amount}`)
}

function refuse(message: string): never {
  throw new FairError('E_SHARE_INPUT', message)
}
