// The loads of the 2DFQ paper that need no private traces, by a seed; for tests and bench/fair.bench.ts.

import { seededRandom, type Random } from '#base'
import type { Algorithm } from '../scheduler.ts'
import { simulateSchedule, type ScheduledRequest, type SimulatedTenant } from '../simulate.ts'

/** 2DFQ section 6.1.1: everybody always has work; costs differ by a factor of a thousand. */
export const SYNTHETIC = { slots: 16, slotRate: 1000, tenants: 100, seconds: 15 } as const
export const FAIR_RATE = (SYNTHETIC.slots * SYNTHETIC.slotRate) / SYNTHETIC.tenants

/** Small requests cost N(1, 0.1), those of the first `expensive` tenants N(1000, 100). */
export function synthetic(expensive: number, seed = 7): SimulatedTenant[] {
  const draw = gaussian(seededRandom(seed))
  // Nobody gets more than twice his share of the 15 s, also where a scheduler is 3 s ahead.
  const work = 2 * FAIR_RATE * SYNTHETIC.seconds
  return Array.from({ length: SYNTHETIC.tenants }, (_, i) => {
    const mean = i < expensive ? 1000 : 1
    const requests = []
    for (let left = work; left > 0; left -= mean)
      requests.push({ cost: Math.max(mean / 10, mean + (mean / 10) * draw()), arrival: 0 })
    return { id: i < expensive ? `large-${i}` : `small-${i}`, requests }
  })
}

/** A weight-1 share of everything, for all time: what a tenant who always has work would get from a fluid. */
export type LagOptions = { readonly slotRate: number; readonly fairRate: number; readonly seconds: number }

/**
 * Service lag of one tenant, in seconds of its fair rate, every 0.1 s: above 0 = behind the fluid system.
 * `own`: its part of a schedule, in order of start.
 */
export function serviceLags(own: readonly ScheduledRequest[], options: LagOptions): number[] {
  const { slotRate, fairRate, seconds } = options
  const bins = Math.round(seconds * 10)
  const service = new Float64Array(bins + 1)
  for (const { start, end } of own)
    for (let bin = Math.max(1, Math.ceil(start * 10)); bin <= bins; bin++) {
      if (bin / 10 >= end) {
        // All later bins have all of it: added once, summed up below.
        service[bin] += (end - start) * slotRate
        break
      }
      service[bin] += (bin / 10 - start) * slotRate
      service[bin + 1] -= bin < bins ? (bin / 10 - start) * slotRate : 0
    }
  const lags: number[] = []
  let served = 0
  for (let bin = 1; bin <= bins; bin++) {
    served += service[bin] ?? 0
    lags.push(bin / 10 - served / fairRate)
  }
  return lags
}

export function sigma(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

export function byTenant(schedule: readonly ScheduledRequest[]): Map<string, ScheduledRequest[]> {
  return Map.groupBy(schedule, (request) => request.tenant)
}

/**
 * 2DFQ section 6.2: 32 slots of 1M units/s; `probes` tenants send requests of about 500 units by Poisson, the
 * others always have work. `unpredictable` of those draw each cost anew, the rest stay about their own size.
 * How often a probe asks was not published. 20 a second are a twentieth of its share: it waits for others and
 * hardly ever for itself. With 200 it asks for half of it, and then what it waits for is its own share.
 * Figures are of the time after 7 s: before it everybody is being learnt, in every scheduler.
 */
export const UNKNOWN = {
  slots: 32,
  slotRate: 1e6,
  seconds: 20,
  probes: 20,
  probesPerSecond: 20,
  backlogged: 150,
} as const

export const LEARNT_SECONDS = 7

export type UnknownOptions = {
  /** 0 to 1, of the backlogged tenants. */
  readonly unpredictable: number
  /** What an unpredictable tenant's costs are like. */
  readonly costs: 'lognormal' | 'loguniform'
  /** Of each probe. */
  readonly probesPerSecond?: number
  readonly seed?: number
  readonly seconds?: number
}

export function unknownCosts(options: UnknownOptions): SimulatedTenant[] {
  const { unpredictable, costs, seed = 7, seconds = UNKNOWN.seconds } = options
  const { probesPerSecond = UNKNOWN.probesPerSecond } = options
  const random = seededRandom(seed)
  const draw = gaussian(random)
  const uniform = () => random.uint32() / 2 ** 32
  const wild =
    costs === 'lognormal'
      ? () => clamp(2_000 * Math.exp(3 * draw()), 250, 1e6)
      : () => 250 * (1e6 / 250) ** uniform()
  const { probes, backlogged, slots, slotRate } = UNKNOWN
  const share = ((slots * slotRate) / backlogged) * seconds * 1.5
  const all: SimulatedTenant[] = []
  for (let i = 0; i < probes; i++) {
    const requests = []
    for (let at = 0; at < seconds; at -= Math.log(1 - uniform()) / probesPerSecond)
      requests.push({ cost: 500 * (1 + 0.1 * draw()), arrival: at })
    all.push({ id: `probe-${i}`, requests })
  }
  for (let i = 0; i < backlogged; i++) {
    const isWild = i < unpredictable * backlogged
    const own = 250 * (5e5 / 250) ** uniform()
    const requests = []
    for (let left = share; left > 0;) {
      const cost = isWild ? wild() : own * Math.max(0.1, 1 + 0.1 * draw())
      requests.push({ cost, arrival: 0 })
      left -= cost
    }
    all.push({ id: `${isWild ? 'wild' : 'tame'}-${i}`, requests })
  }
  return all
}

export type UnknownResult = {
  /** Seconds from arrival to end, of the probes. */
  readonly probeP50: number
  readonly probeP99: number
  /** Work of a predictable tenant over that of an unpredictable one; NaN without those. */
  readonly tameOverWild: number
}

export function runUnknown(
  tenants: readonly SimulatedTenant[],
  algorithm: Algorithm,
  seconds: number = UNKNOWN.seconds,
): UnknownResult {
  const { slots, slotRate } = UNKNOWN
  const schedule = simulateSchedule({ algorithm, slots, slotRate, tenants, until: seconds })
  const byId = new Map(tenants.map((tenant) => [tenant.id, tenant]))
  const late = schedule.filter(({ start }) => start > LEARNT_SECONDS)
  const latencies = late
    .filter(({ tenant }) => tenant.startsWith('probe'))
    .map(({ tenant, seq, end }) => end - (byId.get(tenant)?.requests[seq].arrival ?? end))
  const work = (kind: string) =>
    late.reduce((sum, { tenant, start, end }) => sum + (tenant.startsWith(kind) ? end - start : 0), 0) /
    tenants.filter(({ id }) => id.startsWith(kind)).length
  return {
    probeP50: quantile(latencies, 0.5),
    probeP99: quantile(latencies, 0.99),
    tameOverWild: work('tame') / work('wild'),
  }
}

/** Mean over the small tenants of sigma of service lag in seconds, and how far anybody was behind. */
export function runSynthetic(
  tenants: readonly SimulatedTenant[],
  algorithm: Algorithm,
): { readonly sigma: number; readonly behind: number } {
  const { slots, slotRate, seconds } = SYNTHETIC
  const schedule = simulateSchedule({ algorithm, slots, slotRate, tenants, until: seconds })
  const lags = [...byTenant(schedule)]
    .filter(([id]) => id.startsWith('small'))
    .map(([, own]) => serviceLags(own, { slotRate, fairRate: FAIR_RATE, seconds }))
  return {
    sigma: lags.reduce((sum, own) => sum + sigma(own), 0) / lags.length,
    behind: Math.max(...lags.flat()),
  }
}

/** The p-th part (0 to 1) of values. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN
}

const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value))

/** Box and Muller's method. */
function gaussian(random: Random): () => number {
  const uniform = () => (random.uint32() + 0.5) / 2 ** 32
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}
