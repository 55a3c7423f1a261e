// The last ten minutes, for people: how tenants and resources have fared, so that a page that is opened after
// the trouble still shows it. Policies never look here: what they know is in reports (measurements.ts).
//
// Every second step one sample of the tenants and resources that count most then: fixed memory, whatever
// reports say. A name that was not among them is a gap.

import { Ring } from '#base'
import { HISTORY_NAMES_MAX, HISTORY_SAMPLES_MAX, HISTORY_STEPS_PER_SAMPLE } from './limits.ts'
import type { Measurements } from './measurements.ts'

export type TenantSample = {
  readonly perSecond: number
  readonly latencyMs: number
  readonly latencyMsP99: number
}
type Sample = {
  readonly atMs: number
  readonly tenants: ReadonlyMap<string, TenantSample>
  readonly slowdown: ReadonlyMap<string, number>
}

/** Columns beside `timesMs`, oldest first; null = it was not among those that counted. */
export type Past = {
  readonly timesMs: readonly number[]
  readonly tenants: { readonly [tenant: string]: readonly (TenantSample | null)[] }
  readonly slowdown: { readonly [resource: string]: readonly (number | null)[] }
}

export class History {
  readonly #samples = new Ring<Sample>(HISTORY_SAMPLES_MAX)
  #steps = 0

  /** After each step. `wanted`: tenants that are kept before all others, those with a target. */
  note(seen: Measurements, nowMs: number, wanted: ReadonlySet<string>): void {
    if (this.#steps++ % HISTORY_STEPS_PER_SAMPLE !== 0) return
    const tenants = most(seen.workflows(), (w) => (wanted.has(w) ? Infinity : seen.finished(w)))
    const resources = most(seen.resources(), (r) => seen.slowdown(r))
    this.#samples.push({
      atMs: nowMs,
      tenants: new Map(tenants.map((w) => [w, sampleOf(seen, w)])),
      slowdown: new Map(resources.map((r) => [r, seen.slowdown(r)])),
    })
  }

  /** Names that were seen last come first; at most twice as many as a sample has. */
  get past(): Past {
    const samples = this.#samples.toArray()
    const tenants = names(samples.map((sample) => sample.tenants))
    const resources = names(samples.map((sample) => sample.slowdown))
    return {
      timesMs: samples.map(({ atMs }) => atMs),
      tenants: columns(tenants, (name) => samples.map((sample) => sample.tenants.get(name) ?? null)),
      slowdown: columns(resources, (name) => samples.map((sample) => sample.slowdown.get(name) ?? null)),
    }
  }
}

function sampleOf(seen: Measurements, w: string): TenantSample {
  return {
    perSecond: seen.finished(w),
    latencyMs: 1000 * seen.latency(w),
    latencyMsP99: 1000 * seen.latencyP99(w),
  }
}

function most(all: readonly string[], of: (name: string) => number): string[] {
  const ranked = all.map((name) => ({ name, rank: of(name) }))
  ranked.sort((a, b) => (a.rank === b.rank ? 0 : b.rank - a.rank))
  return ranked.slice(0, HISTORY_NAMES_MAX).map(({ name }) => name)
}

function names(samples: readonly ReadonlyMap<string, unknown>[]): string[] {
  const found = new Set<string>()
  for (const sample of samples.toReversed())
    for (const name of sample.keys()) if (found.size < 2 * HISTORY_NAMES_MAX) found.add(name)
  return [...found]
}

/** No prototype: a tenant may be called anything. */
function columns<T>(all: readonly string[], of: (name: string) => T): { readonly [name: string]: T } {
  return Object.assign(Object.create(null), Object.fromEntries(all.map((name) => [name, of(name)])))
}
