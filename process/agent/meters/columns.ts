// What workflows took of one resource: totals since the epoch, one column a quantity, one entry a workflow.
//
//   count      uses                      load       in the resource's own unit
//   waitMs     before it was theirs      waitSq     sum of its squares, ms^2
//   serviceMs  while it was theirs       serviceSq
//
// Sums and sums of squares of many processes add up, and give mean and variance of any group of them (Retro's
// reports, 4.1). Fixed memory: a column has PLACES_MAX entries at most, and grows to that by doubling.

import type { ResourceMeasurement, ResourceMeasurementKind } from '#protocol'
import { PLACES_MAX } from './workflows.ts'

/** One use, or many alike that are told together. */
export type Use = {
  readonly count: number
  readonly load: number
  readonly waitMs: number
  readonly waitSq: number
  readonly serviceMs: number
  readonly serviceSq: number
}

const FIRST_LENGTH = 16

export class Columns {
  readonly kind: ResourceMeasurementKind
  /** Part of its capacity in use, where somebody knows that. */
  utilisation: number | undefined = undefined
  #length = 0
  #count = new Float64Array(FIRST_LENGTH)
  #load = new Float64Array(FIRST_LENGTH)
  #waitMs = new Float64Array(FIRST_LENGTH)
  #waitSq = new Float64Array(FIRST_LENGTH)
  #serviceMs = new Float64Array(FIRST_LENGTH)
  #serviceSq = new Float64Array(FIRST_LENGTH)

  constructor(kind: ResourceMeasurementKind) {
    this.kind = kind
  }

  /** The part `share` of a use; what is no number, or below 0, counts as 0. Cost: six additions. */
  add(place: number, use: Use, share = 1): void {
    if (place >= this.#length) this.#reach(place)
    this.#count[place] += share * sound(use.count)
    this.#load[place] += share * sound(use.load)
    this.#waitMs[place] += share * sound(use.waitMs)
    this.#waitSq[place] += share * sound(use.waitSq)
    this.#serviceMs[place] += share * sound(use.serviceMs)
    this.#serviceSq[place] += share * sound(use.serviceSq)
  }

  /** Of sound numbers: load and service alike, and nobody waited. */
  addTime(place: number, count: number, ms: number, sq: number): void {
    if (place >= this.#length) this.#reach(place)
    this.#count[place] += count
    this.#load[place] += ms
    this.#serviceMs[place] += ms
    this.#serviceSq[place] += sq
  }

  loadOf(place: number): number {
    return this.#load[place] ?? 0
  }

  countOf(place: number): number {
    return this.#count[place] ?? 0
  }

  serviceSqOf(place: number): number {
    return this.#serviceSq[place] ?? 0
  }

  /** Begins anew, with other workflows at the places. */
  clear(): void {
    for (let i = 0; i < this.#length; i++) {
      this.#count[i] = 0
      this.#load[i] = 0
      this.#waitMs[i] = 0
      this.#waitSq[i] = 0
      this.#serviceMs[i] = 0
      this.#serviceSq[i] = 0
    }
    this.#length = 0
  }

  /** Entries that are not 0 end before it. */
  get length(): number {
    return this.#length
  }

  /** Copies: columns go on growing. */
  told(name: string): ResourceMeasurement {
    const cut = (column: Float64Array) => [...column.subarray(0, this.#length)]
    return {
      name,
      kind: this.kind,
      load: cut(this.#load),
      waitMs: cut(this.#waitMs),
      serviceMs: cut(this.#serviceMs),
      count: cut(this.#count),
      waitSq: cut(this.#waitSq),
      serviceSq: cut(this.#serviceSq),
      ...(this.utilisation === undefined ? {} : { utilisation: this.utilisation }),
    }
  }

  #reach(place: number): void {
    this.#length = Math.min(PLACES_MAX, place + 1)
    if (this.#length <= this.#count.length) return
    const size = Math.min(PLACES_MAX, Math.max(this.#length, 2 * this.#count.length))
    this.#count = longer(this.#count, size)
    this.#load = longer(this.#load, size)
    this.#waitMs = longer(this.#waitMs, size)
    this.#waitSq = longer(this.#waitSq, size)
    this.#serviceMs = longer(this.#serviceMs, size)
    this.#serviceSq = longer(this.#serviceSq, size)
  }
}

const sound = (n: number): number => (n >= 0 && n < Number.POSITIVE_INFINITY ? n : 0)

function longer(column: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const made = new Float64Array(length)
  made.set(column)
  return made
}

/** One use whose load is what it was served. */
export function useOf(waitMs: number, serviceMs: number, load: number = serviceMs): Use {
  return { count: 1, load, waitMs, waitSq: waitMs * waitMs, serviceMs, serviceSq: serviceMs * serviceMs }
}
