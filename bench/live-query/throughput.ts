// What the gateway answers while a query runs, against a demo that nobody asks: two demos in turn, all their
// processes on one core, servers and load on the other: what a request takes of the demo's CPU decides.
//
//   turns   A B | B A | A B | ...     neighbours in time, for the machine's own pace drifts in seconds
//   rounds  nobody is asked (A/A)     then A is asked, then B: two of the same differ as long as they live
//
// A query costs more behind its arrival, for what is woven is compiled anew: those rounds are a row of their
// own, not counted with the others.

import { availableParallelism } from 'node:os'
import { comparedRow, PLAN } from '../agent-http/rounds.ts'
import type { BenchRow } from '../measure.ts'
import { pin } from './pinned.ts'
import { Shelf } from './shelf.ts'

const TURN_MS = PLAN.turnMs / 4
const ROUNDS = PLAN.rounds * 6
/** Behind a start and behind an arrival: of each demo. */
const WARM_ROUNDS = PLAN.rounds * 8
const ARRIVAL_ROUNDS = Math.ceil(10_000 / TURN_MS / 2)

const DEMOS_CORE = '0'
const OTHERS_CORE = '1'
const ALL_CORES = `0-${availableParallelism() - 1}`

export async function throughputRows(query: string): Promise<BenchRow[]> {
  const shelves: Shelf[] = []
  const start = async (): Promise<Shelf> => {
    const shelf = await Shelf.start()
    shelves.push(shelf)
    shelf.pinDemo(DEMOS_CORE)
    return shelf
  }
  try {
    pin(process.pid, OTHERS_CORE)
    return await compared(await start(), await start(), query)
  } finally {
    for (const shelf of shelves) await shelf.close()
    pin(process.pid, ALL_CORES)
  }
}

async function compared(one: Shelf, other: Shelf, query: string): Promise<BenchRow[]> {
  await inTurn(one, other, WARM_ROUNDS)
  const same = await inTurn(one, other, ROUNDS)
  const first = await asked(one, other, query)
  const second = await asked(other, one, query)
  const common = { bench: 'live-query', metric: 'gateway throughput', unit: 'req/s', peer: 'no query' }
  const row = (subject: string, from: number, to: number): BenchRow => {
    const [values, peers] = both(first, second)
    return comparedRow({ ...common, subject, values: values.slice(from, to), peers: peers.slice(from, to) })
  }
  return [
    row('Q2 runs', WARM_ROUNDS, WARM_ROUNDS + ROUNDS),
    row('Q2 came up to 20 s ago', 0, ARRIVAL_ROUNDS),
    comparedRow({ ...common, subject: 'no query (A/A)', values: same.subject, peers: same.peer }),
  ]
}

type Turns = { readonly subject: readonly number[]; readonly peer: readonly number[] }

/** A round's value is the geometric mean of both demos asked, its peer that of both not asked. */
function both(a: Turns, b: Turns): readonly [readonly number[], readonly number[]] {
  const mean = (x: readonly number[], y: readonly number[]): number[] =>
    x.map((value, i) => Math.sqrt(value * (y[i] ?? Number.NaN)))
  return [mean(a.subject, b.subject), mean(a.peer, b.peer)]
}

async function asked(shelf: Shelf, peer: Shelf, query: string): Promise<Turns> {
  const id = await shelf.install(query)
  await shelf.everywhere(id)
  const turns = await inTurn(shelf, peer, WARM_ROUNDS + ROUNDS)
  await shelf.remove(id)
  await shelf.gone(id)
  return turns
}

/** Who goes first changes from round to round. */
async function inTurn(shelf: Shelf, peer: Shelf, rounds: number): Promise<Turns> {
  const values: number[] = []
  const peers: number[] = []
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) peers.push(await peer.drive(TURN_MS))
    values.push(await shelf.drive(TURN_MS))
    if (round % 2 === 1) peers.push(await peer.drive(TURN_MS))
  }
  return { subject: values, peer: peers }
}
