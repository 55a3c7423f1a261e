// Runs a scheduler over a given load in simulated time. No randomness, no clock: same input, same schedule.
//
//   next instant = the earliest end or arrival        at it, in this order:
//     1 requests that end give their slots back       (lower slot first)
//     2 requests that arrive join their lines          (tenant order, then their own order)
//     3 running ones are measured, as of the last refresh
//     4 free slots take what the scheduler gives them  (lower slot first)
//
// Ends are sums of doubles: instants that differ by a rounding error are one, at the latest of them, so that
// what is simultaneous on paper is so here, and no slot begins before it was free.

import { createScheduler } from './create-scheduler.ts'
import { FairError } from './error.ts'
import { Flow, Request } from './flow.ts'
import { REFRESH_SECONDS, SLOTS_MAX, WEIGHT_MAX, WEIGHT_MIN } from './limits.ts'
import type { EstimateKind } from './estimate.ts'
import { ALGORITHMS, type Algorithm, type Scheduler } from './scheduler.ts'

export type SimulatedRequest = { readonly cost: number; readonly arrival: number }

export type SimulatedTenant = {
  readonly id: string
  /** Default 1. */
  readonly weight?: number
  readonly requests: readonly SimulatedRequest[]
}

export type ScheduleInput = {
  readonly algorithm: Algorithm
  readonly slots: number
  /** What one slot does in one unit of time. */
  readonly slotRate: number
  /** Their order decides ties. */
  readonly tenants: readonly SimulatedTenant[]
  /** Requests that begin before it are in the schedule. */
  readonly until: number
  /** Of the E variants: how slowly estimates forget. Default 0.99. */
  readonly alpha?: number
  /** Of the E variants: how often running requests are measured. Default 0.01 of the unit of time. */
  readonly refresh?: number
  /** Of the E variants: another estimate than the algorithm's own, to compare them. */
  readonly estimate?: EstimateKind
}

export type ScheduledRequest = {
  readonly slot: number
  readonly tenant: string
  /** Index in the tenant's `requests`. */
  readonly seq: number
  readonly start: number
  readonly end: number
}

/**
 * The schedule, by start, then slot.
 * Errors: FairError E_SCHEDULE_INPUT. Cost: O(requests * log(tenants)).
 */
export function simulateSchedule(input: ScheduleInput): ScheduledRequest[] {
  check(input)
  return new Simulation(input).run()
}

class Simulated extends Request {
  readonly tenant: SimulatedTenant
  readonly seq: number
  readonly arrivesAt: number
  /** What it costs: the scheduler is told so only where costs are known. */
  readonly work: number
  slot = 0
  start = 0
  end = 0

  constructor(flow: Flow, tenant: SimulatedTenant, seq: number, isKnown: boolean) {
    const { cost, arrival } = tenant.requests[seq] as SimulatedRequest
    super(flow, isKnown ? cost : undefined)
    this.tenant = tenant
    this.seq = seq
    this.arrivesAt = arrival
    this.work = cost
  }
}

/** Two instants closer than this, relative to the larger of 1 and the time, are one. */
const INSTANT = 1e-9

class Simulation {
  readonly #input: ScheduleInput
  readonly #scheduler: Scheduler
  readonly #arrivals: readonly Simulated[]
  readonly #running: (Simulated | undefined)[]
  readonly #isEstimating: boolean
  #arrived = 0
  #done: ScheduledRequest[] = []

  constructor(input: ScheduleInput) {
    this.#input = input
    this.#isEstimating = input.algorithm.endsWith('E')
    this.#scheduler = createScheduler(input.algorithm, input)
    this.#running = new Array<Simulated | undefined>(input.slots).fill(undefined)
    this.#arrivals = input.tenants
      .flatMap((tenant, order) => {
        const flow = new Flow(order, tenant.weight ?? 1)
        return tenant.requests.map((_, seq) => new Simulated(flow, tenant, seq, !this.#isEstimating))
      })
      .sort((a, b) => a.arrivesAt - b.arrivesAt || a.flow.order - b.flow.order || a.seq - b.seq)
  }

  run(): ScheduledRequest[] {
    for (let now = this.#nextInstant(); now < this.#input.until; now = this.#nextInstant()) {
      this.#finish(now)
      this.#arrive(now)
      this.#measure(now)
      this.#begin(now)
    }
    return this.#done
  }

  /** Infinity when nothing is left to happen. */
  #nextInstant(): number {
    let first = this.#arrivals[this.#arrived]?.arrivesAt ?? Number.POSITIVE_INFINITY
    for (const request of this.#running) if (request !== undefined) first = Math.min(first, request.end)
    const limit = first + INSTANT * Math.max(1, Math.abs(first))
    let last = first
    for (const request of this.#running)
      if (request !== undefined && request.end <= limit) last = Math.max(last, request.end)
    for (let i = this.#arrived; i < this.#arrivals.length; i++) {
      const { arrivesAt } = this.#arrivals[i] as Simulated
      if (arrivesAt > limit) break
      last = Math.max(last, arrivesAt)
    }
    return last
  }

  #finish(now: number): void {
    for (const [slot, request] of this.#running.entries()) {
      if (request === undefined || request.end > now) continue
      this.#running[slot] = undefined
      this.#scheduler.complete(request, request.work, now)
    }
  }

  #arrive(now: number): void {
    for (;;) {
      const request = this.#arrivals[this.#arrived]
      if (request === undefined || request.arrivesAt > now) return
      this.#arrived += 1
      this.#scheduler.enqueue(request, now)
    }
  }

  /**
   * A decision only sees the last refresh before it, so the ones between two decisions need not be run: their
   * charges add up to that of the last.
   */
  #measure(now: number): void {
    if (!this.#isEstimating || this.#scheduler.queued === 0) return
    const interval = this.#input.refresh ?? REFRESH_SECONDS
    const refreshedAt = Math.floor(now / interval + INSTANT) * interval
    for (const request of this.#running) {
      if (request === undefined) continue
      const used = Math.min(request.work, (refreshedAt - request.start) * this.#input.slotRate)
      if (used > request.measured) this.#scheduler.measure(request, used)
    }
  }

  #begin(now: number): void {
    for (let slot = 0; slot < this.#running.length && this.#scheduler.queued > 0; slot++) {
      if (this.#running[slot] !== undefined) continue
      const request = this.#scheduler.dequeue(slot, now) as Simulated
      const end = now + request.work / this.#input.slotRate
      this.#done.push({ slot, tenant: request.tenant.id, seq: request.seq, start: now, end })
      request.slot = slot
      request.start = now
      request.end = end
      this.#running[slot] = request
    }
  }
}

function check(input: ScheduleInput): void {
  const { algorithm, slots, slotRate, tenants, until, alpha = 1, refresh = 1 } = input
  must((ALGORITHMS as readonly string[]).includes(algorithm), () => {
    return `there is no algorithm '${algorithm}'; there are ${ALGORITHMS.join(', ')}`
  })
  must(Number.isSafeInteger(slots) && slots >= 1 && slots <= SLOTS_MAX, () => {
    return `slots must be a whole number from 1 to ${SLOTS_MAX}, got ${slots}`
  })
  must(slotRate > 0 && Number.isFinite(slotRate), () => `slotRate must be above 0, got ${slotRate}`)
  must(!Number.isNaN(until), () => 'until is not a number; give Infinity to run to the end')
  must(alpha >= 0 && alpha <= 1, () => `alpha must be from 0 to 1, got ${alpha}`)
  must(refresh > 0, () => `refresh must be above 0, got ${refresh}; give Infinity for none`)
  const ids = new Set<string>()
  for (const tenant of tenants) {
    must(!ids.has(tenant.id), () => `tenant '${tenant.id}' is there twice; put its requests together`)
    ids.add(tenant.id)
    checkTenant(tenant)
  }
}

function checkTenant({ id, weight = 1, requests }: SimulatedTenant): void {
  must(weight >= WEIGHT_MIN && weight <= WEIGHT_MAX, () => {
    return `the weight of tenant '${id}' must be from ${WEIGHT_MIN} to ${WEIGHT_MAX}, got ${weight}`
  })
  for (const [seq, { cost, arrival }] of requests.entries()) {
    must(cost >= 0 && Number.isFinite(cost), () => `request ${seq} of tenant '${id}' costs ${cost}`)
    must(Number.isFinite(arrival), () => `request ${seq} of tenant '${id}' arrives at ${arrival}`)
  }
}

function must(holds: boolean, message: () => string): void {
  if (!holds) throw new FairError('E_SCHEDULE_INPUT', message())
}
