// What one policy has set, and how it sees the system: Retro's table 1 over measurements.
//
// The published policies leave holes; they are closed here, once for all policies, so that a policy can stay
// twenty lines:
//
//   no limit yet              getRate is what passes now; raising what is not limited limits nothing
//   a factor of 0 or less     a cut halves at most, and never goes below one in ten seconds
//   growth without end        a raise goes at most to twice what passes
//   a limit that holds nobody lifted after ten steps in which less than nine tenths of it were used
//   NaN, negative             ignored and counted
//
// `literal` keeps only what is needed to run at all (seed, no negative rate): for comparing with the papers.

import { matchesGlob } from '#base'
import type { ControllerApi } from '#fair'
import { BINDING_USE, CUT_MIN, HEADROOM_MAX, RATE_MAX, RATE_MIN, UNBOUND_STEPS_MAX } from './limits.ts'
import type { Measurements } from './measurements.ts'

export type LatencyTarget = { readonly seconds: number; readonly statistic: 'mean' | 'p99' }

export type Limit = {
  rate: number
  /** Steps in a row in which it did not bind. */
  unbound: number
}

export type Setting = {
  readonly point: string
  readonly workflow: string
  readonly rate: number
  readonly weight: number
  readonly limitMs?: number
}

export type TableOptions = {
  readonly isLiteral?: boolean
  /** Patterns: what is set elsewhere is as if it had not been. */
  readonly points?: readonly string[]
}

const key = (point: string, workflow: string): string => `${point}\n${workflow}`

export class RateTable implements ControllerApi {
  readonly #seen: Measurements
  readonly #targets: ReadonlyMap<string, LatencyTarget>
  readonly #isLiteral: boolean
  readonly #patterns: readonly string[] | undefined
  #limits = new Map<string, Limit>()
  #weights = new Map<string, number>()
  #limitsMs = new Map<string, number>()
  #refused = 0

  constructor(
    seen: Measurements,
    targets: ReadonlyMap<string, LatencyTarget>,
    { isLiteral = false, points }: TableOptions = {},
  ) {
    this.#seen = seen
    this.#targets = targets
    this.#isLiteral = isLiteral
    this.#patterns = points !== undefined && points.length > 0 ? points : undefined
  }

  /** Values that a policy set and that were no rates or weights. */
  get refused(): number {
    return this.#refused
  }

  workflows(): string[] {
    return this.#seen.workflows()
  }

  resources(): string[] {
    return this.#seen.resources()
  }

  points(): string[] {
    return this.#seen.points().filter((point) => this.#isHere(point))
  }

  pointsAt(r: string): string[] {
    return this.#seen.pointsAt(r).filter((point) => this.#isHere(point))
  }

  held(w: string): string[] {
    return [...this.#limits.keys()].flatMap((id) => {
      const [point = '', workflow] = id.split('\n')
      return workflow === w ? [point] : []
    })
  }

  load(r: string, w: string): number {
    return this.#seen.load(r, w)
  }

  slowdown(r: string): number {
    return this.#seen.slowdown(r)
  }

  latency(first: string, second?: string): number {
    if (second !== undefined) return this.#seen.latencyAt(first, second)
    return this.#targets.get(first)?.statistic === 'p99'
      ? this.#seen.latencyP99(first)
      : this.#seen.latency(first)
  }

  targetOf(w: string): LatencyTarget | undefined {
    return this.#targets.get(w)
  }

  targetLatency(w: string): number | undefined {
    return this.targetOf(w)?.seconds
  }

  targetStatistic(w: string): LatencyTarget['statistic'] | undefined {
    return this.targetOf(w)?.statistic
  }

  throughput(p: string, w: string): number {
    return this.#seen.throughput(p, w)
  }

  getRate(p: string, w: string): number {
    return this.#limits.get(key(p, w))?.rate ?? this.throughput(p, w)
  }

  setRate(p: string, w: string, v: number): void {
    if (!(v >= 0 || this.#isLiteral) || Number.isNaN(v)) {
      this.#refused += 1
      return
    }
    if (!this.#isHere(p)) return
    const limit = this.#limits.get(key(p, w))
    const passes = this.throughput(p, w)
    // Nothing is known of what has never passed: the first limit begins from what passes.
    if (limit === undefined && passes === 0) return
    if (this.#isLiteral) return this.#limit(p, w, v)
    // Raising what nothing holds would begin to hold it.
    if (limit === undefined && v >= passes) return
    const before = limit?.rate ?? passes
    if (v <= before) return this.#limit(p, w, Math.max(v, before * CUT_MIN))
    this.#limit(p, w, Math.min(v, Math.max(before, passes * HEADROOM_MAX)))
  }

  getWeight(p: string, w: string): number {
    return this.#weights.get(key(p, w)) ?? 1
  }

  setWeight(p: string, w: string, v: number): void {
    if (!(v > 0 && v < Number.POSITIVE_INFINITY)) this.#refused += 1
    else if (v === 1) this.#weights.delete(key(p, w))
    else if (this.#isHere(p)) this.#weights.set(key(p, w), v)
  }

  setTimeLimit(p: string, w: string, seconds: number): void {
    if (!(seconds > 0)) this.#refused += 1
    else if (seconds === Number.POSITIVE_INFINITY) this.#limitsMs.delete(key(p, w))
    else if (this.#isHere(p)) this.#limitsMs.set(key(p, w), 1000 * seconds)
  }

  /** After each step of the policy: limits that hold nobody go. */
  settle(): void {
    if (this.#isLiteral) return
    for (const [id, limit] of this.#limits) {
      const [point = '', workflow = ''] = id.split('\n')
      const isBinding = this.throughput(point, workflow) >= BINDING_USE * limit.rate
      limit.unbound = isBinding ? 0 : limit.unbound + 1
      if (limit.unbound > UNBOUND_STEPS_MAX) this.#limits.delete(id)
    }
  }

  /** All that is set now. */
  settings(): Setting[] {
    const ids = new Set([...this.#limits.keys(), ...this.#weights.keys(), ...this.#limitsMs.keys()])
    return [...ids].map((id) => {
      const [point = '', workflow = ''] = id.split('\n')
      const rate = this.#limits.get(id)?.rate ?? Number.POSITIVE_INFINITY
      const limitMs = this.#limitsMs.get(id)
      const weight = this.getWeight(point, workflow)
      return { point, workflow, rate, weight, ...(limitMs === undefined ? {} : { limitMs }) }
    })
  }

  /** Share of the limit that is used; undefined = no limit. Near 1: it holds somebody. */
  use(point: string, workflow: string): number | undefined {
    const limit = this.#limits.get(key(point, workflow))
    return limit === undefined ? undefined : this.throughput(point, workflow) / limit.rate
  }

  #isHere(point: string): boolean {
    if (this.#patterns === undefined) return true
    const { name } = this.#seen.placesOf(point)
    return this.#patterns.some((pattern) => matchesGlob(name, pattern) || matchesGlob(point, pattern))
  }

  #limit(p: string, w: string, v: number): void {
    const rate = Math.min(RATE_MAX, Math.max(RATE_MIN, v))
    const limit = this.#limits.get(key(p, w))
    if (limit === undefined) this.#limits.set(key(p, w), { rate, unbound: 0 })
    else limit.rate = rate
  }
}
