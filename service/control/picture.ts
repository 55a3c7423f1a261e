// What a policy sees of one moment, as columns that can go to another process, and what it wishes, as a list
// that comes back. Over a picture a policy does what it does over the table it was taken of.
//
//   RateTable --pictureOf--> Picture --clone--> PictureApi --step--> Wish[] --clone--> fulfil --> RateTable
//                                        server | policy's process | server
//
// Bounded: the slowest resources, and points before instances of points, so that each table of numbers has
// at most PICTURE_CELLS_MAX. The table that wishes are fulfilled on mends them as it does for every policy;
// what is no rate at all is refused here, with who set it.

import type { ControllerApi } from '#fair'
import { PICTURE_CELLS_MAX, PICTURE_WORKFLOWS_MAX, WISHES_MAX } from './limits.ts'
import { PolicyError } from './policy-error.ts'
import type { LatencyTarget, RateTable, Setting } from './rate-table.ts'

/** Tables are rows x workflows; of `passed` a row is a place: a point, or an instance `point@process`. */
export type Picture = {
  readonly workflows: readonly string[]
  readonly latency: Float64Array
  readonly targets: readonly (LatencyTarget | undefined)[]
  readonly resources: readonly string[]
  readonly slowdown: Float64Array
  readonly load: Float64Array
  readonly latencyAt: Float64Array
  /** By resource. */
  readonly pointsAt: readonly (readonly string[])[]
  readonly points: readonly string[]
  readonly places: readonly string[]
  readonly passed: Float64Array
  readonly settings: readonly Setting[]
}

export type Wish = {
  readonly kind: 'rate' | 'weight' | 'seconds'
  readonly point: string
  readonly workflow: string
  readonly value: number
}

/** Cost: two look-ups a resource and workflow, one a place and workflow. */
export function pictureOf(table: RateTable): Picture {
  const workflows = table.workflows().slice(0, PICTURE_WORKFLOWS_MAX)
  const rowsMax = Math.floor(PICTURE_CELLS_MAX / Math.max(1, workflows.length))
  const resources = slowest(table, rowsMax)
  const pointsAt = resources.map((r) => table.pointsAt(r))
  const points = table.points().slice(0, rowsMax)
  const places = [...new Set([...points, ...pointsAt.flat()])].slice(0, rowsMax)
  const cells = (rows: readonly string[], of: (row: string, w: string) => number): Float64Array =>
    Float64Array.from(rows.flatMap((row) => workflows.map((w) => of(row, w))))
  return {
    workflows,
    latency: Float64Array.from(workflows, (w) => table.latency(w)),
    targets: workflows.map((w) => table.targetOf(w)),
    resources,
    slowdown: Float64Array.from(resources, (r) => table.slowdown(r)),
    load: cells(resources, (r, w) => table.load(r, w)),
    latencyAt: cells(resources, (r, w) => table.latency(r, w)),
    pointsAt,
    points,
    places,
    passed: cells(places, (p, w) => table.throughput(p, w)),
    settings: table.settings(),
  }
}

/** In the order of the table, for that decides between equals. */
function slowest(table: RateTable, countMax: number): string[] {
  const all = table.resources().map((r) => ({ r, slowdown: table.slowdown(r) }))
  const chosen = new Set(all.toSorted((a, b) => b.slowdown - a.slowdown).slice(0, countMax))
  return all.filter((one) => chosen.has(one)).map(({ r }) => r)
}

export function fulfil(wishes: readonly Wish[], api: ControllerApi): void {
  for (const { kind, point, workflow, value } of wishes)
    if (kind === 'rate') api.setRate(point, workflow, value)
    else if (kind === 'weight') api.setWeight(point, workflow, value)
    else api.setTimeLimit?.(point, workflow, value)
}

const key = (point: string, workflow: string): string => `${point}\n${workflow}`
const indexOf = (names: readonly string[]) => new Map(names.map((name, i) => [name, i]))

/** Errors: PolicyError E_POLICY_VALUE from what sets. */
export class PictureApi implements ControllerApi {
  readonly wishes: Wish[] = []
  readonly #of: Picture
  readonly #workflows: ReadonlyMap<string, number>
  readonly #resources: ReadonlyMap<string, number>
  readonly #places: ReadonlyMap<string, number>
  readonly #rates = new Map<string, number>()
  readonly #weights = new Map<string, number>()

  constructor(picture: Picture) {
    this.#of = picture
    this.#workflows = indexOf(picture.workflows)
    this.#resources = indexOf(picture.resources)
    this.#places = indexOf(picture.places)
    for (const { point, workflow, rate, weight } of picture.settings) {
      if (rate < Number.POSITIVE_INFINITY) this.#rates.set(key(point, workflow), rate)
      this.#weights.set(key(point, workflow), weight)
    }
  }

  workflows(): string[] {
    return [...this.#of.workflows]
  }

  resources(): string[] {
    return [...this.#of.resources]
  }

  points(): string[] {
    return [...this.#of.points]
  }

  pointsAt(r: string): string[] {
    return [...(this.#of.pointsAt[this.#resources.get(r) ?? -1] ?? [])]
  }

  held(w: string): string[] {
    return this.#of.settings.flatMap(({ point, workflow, rate }) =>
      workflow === w && rate < Number.POSITIVE_INFINITY ? [point] : [],
    )
  }

  load(r: string, w: string): number {
    return this.#cell(this.#of.load, this.#resources.get(r), w)
  }

  slowdown(r: string): number {
    return this.#of.slowdown[this.#resources.get(r) ?? -1] ?? 1
  }

  latency(first: string, second?: string): number {
    if (second !== undefined) return this.#cell(this.#of.latencyAt, this.#resources.get(first), second)
    return this.#of.latency[this.#workflows.get(first) ?? -1] ?? 0
  }

  targetLatency(w: string): number | undefined {
    return this.#of.targets[this.#workflows.get(w) ?? -1]?.seconds
  }

  targetStatistic(w: string): LatencyTarget['statistic'] | undefined {
    return this.#of.targets[this.#workflows.get(w) ?? -1]?.statistic
  }

  throughput(p: string, w: string): number {
    return this.#cell(this.#of.passed, this.#places.get(p), w)
  }

  getRate(p: string, w: string): number {
    return this.#rates.get(key(p, w)) ?? this.throughput(p, w)
  }

  setRate(p: string, w: string, v: number): void {
    this.#wish({ kind: 'rate', point: p, workflow: w, value: v }, v >= 0)
    this.#rates.set(key(p, w), v)
  }

  getWeight(p: string, w: string): number {
    return this.#weights.get(key(p, w)) ?? 1
  }

  setWeight(p: string, w: string, v: number): void {
    this.#wish({ kind: 'weight', point: p, workflow: w, value: v }, v > 0 && v < Number.POSITIVE_INFINITY)
    this.#weights.set(key(p, w), v)
  }

  setTimeLimit(p: string, w: string, seconds: number): void {
    this.#wish({ kind: 'seconds', point: p, workflow: w, value: seconds }, seconds > 0)
  }

  #cell(table: Float64Array, row: number | undefined, w: string): number {
    const column = this.#workflows.get(w)
    return row === undefined || column === undefined
      ? 0
      : (table[row * this.#of.workflows.length + column] ?? 0)
  }

  /** The types are what the file says of itself: nobody has checked them. */
  #wish(wish: Wish, isInRange: boolean): void {
    const { kind, point, workflow, value } = wish
    if (typeof point !== 'string' || typeof workflow !== 'string' || typeof value !== 'number' || !isInRange)
      throw new PolicyError(
        'E_POLICY_VALUE',
        `it set the ${kind} of ${said(workflow)} at ${said(point)} to ${said(value)}: ${WANTED[kind]}`,
      )
    if (this.wishes.length >= WISHES_MAX)
      throw new PolicyError('E_POLICY_VALUE', `it set more than ${WISHES_MAX} things in one step`)
    this.wishes.push(wish)
  }
}

const WANTED: Readonly<Record<Wish['kind'], string>> = {
  rate: 'a rate is a number, 0 or more',
  weight: 'a weight is a number above 0',
  seconds: 'a time limit is a number of seconds above 0',
}

const said = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value))
