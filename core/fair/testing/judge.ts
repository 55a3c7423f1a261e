// An independent judge of schedules: replays one and holds each decision against the definition, by scanning
// everything, with the fluid system computed from amounts of backlog instead of tags. Shares no code with the
// schedulers.

import type { ScheduledRequest, SimulatedTenant } from '../simulate.ts'

export type Case = {
  readonly slots: number
  readonly slotRate: number
  readonly tenants: readonly SimulatedTenant[]
}

/** What each tenant has had from the fluid system, and its virtual time, at an instant. */
export type Fluid = { readonly service: readonly number[]; readonly v: number }

/** GPS by definition: capacity flows to all tenants with backlog, by weight, from arrival to arrival. */
export function fluidAt({ slots, slotRate, tenants }: Case, until: number): Fluid {
  const arrivals = tenants
    .flatMap((tenant, who) => tenant.requests.map(({ cost, arrival }) => ({ who, cost, arrival })))
    .sort((a, b) => a.arrival - b.arrival)
  const weights = tenants.map((tenant) => tenant.weight ?? 1)
  const backlog = tenants.map(() => 0)
  const service = tenants.map(() => 0)
  const next = { at: 0 }
  let [now, v] = [0, 0]
  for (;;) {
    for (; (arrivals[next.at]?.arrival ?? Infinity) <= now; next.at++)
      backlog[arrivals[next.at].who] += arrivals[next.at].cost
    if (now >= until) return { service, v }
    const total = weights.reduce((sum, weight, i) => sum + (backlog[i] > 1e-9 ? weight : 0), 0)
    const stop = Math.min(until, arrivals[next.at]?.arrival ?? Infinity)
    if (total === 0) {
      now = stop
      continue
    }
    const speed = (slots * slotRate) / total
    const emptyIn = Math.min(
      ...backlog.map((amount, i) => (amount > 1e-9 ? amount / (speed * weights[i]) : Infinity)),
    )
    const step = Math.min(stop - now, emptyIn)
    for (const [i, weight] of weights.entries()) {
      if (backlog[i] <= 1e-9) continue
      const got = Math.min(backlog[i], speed * weight * step)
      backlog[i] = backlog[i] - got <= 1e-9 ? 0 : backlog[i] - got
      service[i] += got
    }
    v += speed * step
    now = step === stop - now ? stop : now + step
  }
}

/** What each tenant has had from a schedule at an instant, requests that run counted up to then. */
export function servedAt(
  { slotRate, tenants }: Case,
  schedule: readonly ScheduledRequest[],
  now: number,
): number[] {
  return tenants.map(({ id }) =>
    schedule
      .filter((request) => request.tenant === id && request.start < now)
      .reduce((sum, { start, end }) => sum + (Math.min(end, now) - start) * slotRate, 0),
  )
}

type Tags = { readonly start: number; readonly finish: number }

/** S = max(v(arrival), F of the one before), F = S + cost / weight, for all requests of all tenants. */
export function tagsOf(all: Case): Tags[][] {
  return all.tenants.map(({ requests, weight = 1 }) => {
    let before = 0
    return requests.map(({ cost, arrival }) => {
      const start = Math.max(fluidAt(all, arrival).v, before)
      before = start + cost / weight
      return { start, finish: before }
    })
  })
}

export type Candidate = Tags & {
  readonly tenant: string
  readonly cost: number
  readonly weight: number
  /** Work of the tenant's running requests that is still to do. */
  readonly running: number
}

export type Decision = {
  readonly slot: number
  readonly now: number
  readonly v: number
  readonly chosen: Candidate
  /** The first waiting request of every tenant that has one, the chosen included. */
  readonly heads: readonly Candidate[]
}

/** Everything that could be seen when a slot took a request, for each request of a schedule. */
export function decisions(all: Case, schedule: readonly ScheduledRequest[]): Decision[] {
  const tags = tagsOf(all)
  const begun = all.tenants.map(() => 0)
  return schedule.map(({ slot, tenant: chosen, start: now }, index) => {
    const heads = all.tenants.flatMap(({ id, requests, weight = 1 }, who) => {
      const seq = begun[who]
      const request = requests[seq]
      if (request === undefined || request.arrival > now + 1e-9) return []
      const running = schedule
        .slice(0, index)
        .filter((other) => other.tenant === id && other.end > now)
        .reduce((sum, other) => sum + (other.end - now) * all.slotRate, 0)
      return [{ tenant: id, cost: request.cost, weight, running, ...tags[who][seq] }]
    })
    begun[all.tenants.findIndex(({ id }) => id === chosen)] += 1
    const taken = heads.find((head) => head.tenant === chosen)
    if (taken === undefined) throw new Error(`${chosen} had nothing to run at ${now}`)
    return { slot, now, v: fluidAt(all, now).v, chosen: taken, heads }
  })
}

/** Who may be chosen, and who is first of them; a rounding error either way is forgiven. */
export type Law = {
  readonly isEligible: (head: Candidate, decision: Decision, slack: number) => boolean
  readonly key: (head: Candidate) => number
}

/** undefined, or what is wrong with the decision. */
export function breach(law: Law, decision: Decision): string | undefined {
  const slack = 1e-6 * Math.max(1, decision.v)
  const { chosen, heads } = decision
  const surely = heads.filter((head) => law.isEligible(head, decision, -slack))
  const says = (what: string) => `slot ${decision.slot} at ${decision.now} took ${chosen.tenant}: ${what}`
  if (surely.length > 0 && !law.isEligible(chosen, decision, slack)) return says('not eligible, others are')
  const field =
    surely.length > 0 ? surely : heads.some((head) => law.isEligible(head, decision, slack)) ? [] : heads
  const better = field.find((head) => law.key(head) < law.key(chosen) - slack)
  return better === undefined ? undefined : says(`${better.tenant} is before it`)
}
