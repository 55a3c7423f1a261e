// Services under load, round by round: in each round one instance of every subject gets its turn, so that
// what the machine does meanwhile hits all of them.
//
//   round 0   plain 0 | traced 0 | ...        round 1   traced 1 | ... | plain 1        round 2   ...
//
// Each turn begins with a lead-in that does not count: whoever comes after seconds without work finds its
// code and data out of the caches, the more of it the larger it is, and a service at work is not so.
//
// Several instances of each, because two of the same subject, side by side, differ by 10 to 20 % for as long
// as they live (where the kernel and V8 happened to put things): one pair of processes decides nothing.

import { median, type BenchRow } from '../measure.ts'
import { Fleet, type SubjectName } from './fleet.ts'
import { Load } from './load.ts'

export type Plan = {
  readonly instances: number
  readonly rounds: number
  readonly leadMs: number
  readonly turnMs: number
  readonly warmUpRequests: number
}

const FULL: Plan = { instances: 4, rounds: 16, leadMs: 1000, turnMs: 2000, warmUpRequests: 30_000 }
const SHORT: Plan = { instances: 1, rounds: 3, leadMs: 200, turnMs: 500, warmUpRequests: 2000 }
/** CROSSCUT_BENCH_SHORT=1: few and short turns, for a look; not for a verdict. */
export const PLAN = process.env['CROSSCUT_BENCH_SHORT'] === '1' ? SHORT : FULL

const WIDTH = 16

/** One subject: how its service is started, and the header `baggage` of its requests. */
export type Subject = { readonly name: SubjectName; readonly baggage?: string }

class Station {
  readonly #fleet: Fleet
  readonly #load: Load

  constructor(fleet: Fleet, load: Load) {
    this.#fleet = fleet
    this.#load = load
  }

  /** Of a service that has run for a while: V8 compiles anew for tens of thousands of requests. */
  async warmUp(): Promise<void> {
    for (let answered = 0; answered < PLAN.warmUpRequests;)
      answered += (await this.#load.saturate(PLAN.turnMs, WIDTH)).answered
  }

  /** Requests a second. */
  async saturated(): Promise<number> {
    await this.#load.saturate(PLAN.leadMs, WIDTH)
    const { answered, ms } = await this.#load.saturate(PLAN.turnMs, WIDTH)
    return (answered * 1000) / ms
  }

  /** us of CPU a request; the service itself says how many it served. */
  async paced(perSecond: number): Promise<number> {
    await this.#load.pace(PLAN.leadMs, perSecond)
    const before = await this.#fleet.usage()
    const answered = await this.#load.pace(PLAN.turnMs, perSecond)
    const after = await this.#fleet.usage()
    const served = after.requests - before.requests
    if (served !== answered)
      throw new Error(`${this.#fleet.subject}: ${answered} requests were answered but ${served} served`)
    return (after.cpuMicros - before.cpuMicros) / served
  }

  async close(): Promise<void> {
    this.#load.close()
    await this.#fleet.stop()
  }
}

/** Values of each subject, in the order of the rounds. */
export type Rounds = readonly (readonly number[])[]

export class Stations {
  /** By subject. */
  readonly #stations: readonly (readonly Station[])[]

  private constructor(stations: readonly (readonly Station[])[]) {
    this.#stations = stations
  }

  static async open(subjects: readonly Subject[], collector: string): Promise<Stations> {
    const stations: Station[][] = subjects.map(() => [])
    const opened = new Stations(stations)
    try {
      for (let instance = 0; instance < PLAN.instances; instance++)
        for (const [i, { name, baggage }] of subjects.entries()) {
          const fleet = await Fleet.start(name, collector)
          stations[i]?.push(new Station(fleet, new Load(fleet.port, baggage)))
        }
      for (const station of stations.flat()) await station.warmUp()
    } catch (error: unknown) {
      await opened.close()
      throw error
    }
    return opened
  }

  throughput(): Promise<Rounds> {
    return this.#rounds((station) => station.saturated())
  }

  /** At so many requests a second, whatever the subject. */
  cpu(perSecond: number): Promise<Rounds> {
    return this.#rounds((station) => station.paced(perSecond))
  }

  /** Who goes first changes from round to round. */
  async #rounds(measure: (station: Station) => Promise<number>): Promise<Rounds> {
    const values: number[][] = this.#stations.map(() => [])
    for (let round = 0; round < PLAN.rounds; round++)
      for (let turn = 0; turn < this.#stations.length; turn++) {
        const subject = (round + turn) % this.#stations.length
        const station = this.#stations[subject]?.[round % PLAN.instances]
        if (station !== undefined) values[subject]?.push(await measure(station))
      }
    return values
  }

  async close(): Promise<void> {
    for (const station of this.#stations.flat()) await station.close()
  }
}

type Compared = Pick<BenchRow, 'bench' | 'metric' | 'subject' | 'unit' | 'peer'> & {
  readonly values: readonly number[] | undefined
  readonly peers: readonly number[] | undefined
}

/** Round by round; the spread is the 95 % interval of the median of the ratios. */
export function comparedRow({ values = [], peers = [], ...named }: Compared): BenchRow {
  const ratios = values.map((value, i) => value / (peers[i] ?? Number.NaN))
  return {
    ...named,
    value: median(values),
    peerValue: median(peers),
    ratio: median(ratios),
    runs: ratios.length,
    spread: medianInterval(ratios),
  }
}

/**
 * 95 % interval of a median: the widest order statistics that leave at most 2.5 % of the binomial on either
 * side. Without assumptions on the distribution.
 */
function medianInterval(ratios: readonly number[]): readonly [number, number] {
  const sorted = [...ratios].sort((a, b) => a - b)
  const n = sorted.length
  let below = 0.5 ** n
  let rank = 0
  for (let term = below; rank + 1 < n / 2; rank += 1) {
    term = (term * (n - rank)) / (rank + 1)
    if (below + term > 0.025) break
    below += term
  }
  const at = below > 0.025 ? 0 : rank
  return [sorted[at] ?? Number.NaN, sorted[n - 1 - at] ?? Number.NaN]
}
