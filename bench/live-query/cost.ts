// What a running query takes of the CPU of the system that is asked: two demos at the same pace at the same
// time, all their processes on one core, servers and load on the other. What the machine does hits both.
//
//   nobody is asked | A is asked | nobody | B is asked | nobody        each: warm up, then windows
//
//   ratio = sqrt( (A / B while A is asked) / (A / B while B is asked) )      so that A need not be like B;
//   the same of windows in which nobody is asked says what noise alone makes (A/A)
//
// A query costs more behind its arrival, for what is woven is compiled anew: a row of its own. A gateway that
// has no CPU left answers 1 / ratio as many requests.

import { availableParallelism } from 'node:os'
import { comparedRow, PLAN } from '../agent-http/rounds.ts'
import type { BenchRow } from '../measure.ts'
import { cpuMicros, pin } from './processes.ts'
import { Shelf } from './shelf.ts'

const WINDOWS = PLAN.rounds * 3
/** Behind a start and behind an arrival: V8 compiles for minutes at this pace. */
const WARM_WINDOWS = PLAN.rounds * 8
const ARRIVAL_WINDOWS = Math.ceil(10_000 / PLAN.turnMs)
/** Of what a demo can do alone: two of them leave half of the core idle. */
const PACE = 1 / 4

const DEMOS_CORE = '0'
const OTHERS_CORE = '1'
const ALL_CORES = `0-${availableParallelism() - 1}`

export async function costRows(query: string): Promise<BenchRow[]> {
  const shelves: Shelf[] = []
  const start = async (): Promise<Shelf> => {
    const shelf = await Shelf.start()
    shelves.push(shelf)
    pin(shelf.demo, DEMOS_CORE)
    return shelf
  }
  try {
    pin([process.pid], OTHERS_CORE)
    return await compared(await start(), await start(), query)
  } finally {
    for (const shelf of shelves) await shelf.close()
    pin([process.pid], ALL_CORES)
  }
}

/** us of CPU a request of both, window by window. */
type Windows = { readonly a: number[]; readonly b: number[] }

async function compared(a: Shelf, b: Shelf, query: string): Promise<BenchRow[]> {
  await a.drive(4 * PLAN.turnMs)
  const pair = new Pair(a, b, (await a.drive(2 * PLAN.turnMs)) * PACE)
  await pair.windows(WARM_WINDOWS)
  const before = await pair.windows(WINDOWS)
  const whileA = await pair.asked(a, query)
  await pair.windows(ARRIVAL_WINDOWS)
  const between = await pair.windows(WINDOWS)
  const whileB = await pair.asked(b, query)
  return [
    row('Q2 runs', of(whileA, WARM_WINDOWS), of(whileB, WARM_WINDOWS)),
    row('Q2 came up to 10 s ago', of(whileA, 0, ARRIVAL_WINDOWS), of(whileB, 0, ARRIVAL_WINDOWS)),
    row('no query (A/A)', before, between),
  ]
}

class Pair {
  readonly #a: Shelf
  readonly #b: Shelf
  readonly #perSecond: number

  constructor(a: Shelf, b: Shelf, perSecond: number) {
    this.#a = a
    this.#b = b
    this.#perSecond = perSecond
  }

  async windows(count: number): Promise<Windows> {
    const windows: Windows = { a: [], b: [] }
    for (let i = 0; i < count; i++) {
      const before = this.#cpu()
      const [requestsA, requestsB] = await Promise.all([this.#pace(this.#a), this.#pace(this.#b)])
      const after = this.#cpu()
      windows.a.push((after.a - before.a) / requestsA)
      windows.b.push((after.b - before.b) / requestsB)
    }
    return windows
  }

  async asked(shelf: Shelf, query: string): Promise<Windows> {
    const id = await shelf.install(query)
    await shelf.everywhere(id)
    const windows = await this.windows(WARM_WINDOWS + WINDOWS)
    await shelf.remove(id)
    await shelf.gone(id)
    return windows
  }

  #pace(shelf: Shelf): Promise<number> {
    return shelf.pace(PLAN.turnMs, this.#perSecond)
  }

  #cpu(): { readonly a: number; readonly b: number } {
    return { a: cpuMicros(this.#a.demo), b: cpuMicros(this.#b.demo) }
  }
}

const of = ({ a, b }: Windows, from: number, to?: number): Windows => ({
  a: a.slice(from, to),
  b: b.slice(from, to),
})

/** Of A in the first windows and B in the second ones, against the other of each. */
function row(subject: string, first: Windows, second: Windows): BenchRow {
  const mean = (x: readonly number[], y: readonly number[]): number[] =>
    x.map((value, i) => Math.sqrt(value * (y[i] ?? Number.NaN)))
  return comparedRow({
    bench: 'live-query',
    metric: 'cpu per request of the demo',
    subject,
    unit: 'us',
    peer: 'no query',
    values: mean(first.a, second.b),
    peers: mean(first.b, second.a),
  })
}
