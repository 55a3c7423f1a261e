// What does watching cost a service of two hops? Each subject stands beside plain as a pair of real
// processes; turn by turn one of them gets load, so that noise hits both.
//
//   throughput       requests/s under as much load as it takes                  higher is better
//   cpu per request  the service's own CPU time (both hops) at a fixed load of
//                    half of plain's capacity                                    lower is better
// spread is the 95 % interval of the median of the pairs' ratios (order statistics, no assumption on their
// distribution). CROSSCUT_BENCH_SHORT=1: few and short turns, for a look; not for a verdict.

import { Fleet, startCollector, type SubjectName } from './agent-http/fleet.ts'
import { Load } from './agent-http/load.ts'
import { median, runDirectly, type BenchRow } from './measure.ts'

export type Plan = { readonly pairs: number; readonly turnMs: number; readonly warmUpRequests: number }

export const FULL: Plan = { pairs: 11, turnMs: 1500, warmUpRequests: 40_000 }
export const SHORT: Plan = { pairs: 3, turnMs: 500, warmUpRequests: 2000 }
const WIDTH = 16
const SUBJECTS: readonly SubjectName[] = ['traced', 'baggage only', 'opentelemetry']

export type Station = { readonly fleet: Fleet; readonly load: Load }

export async function bench(subjects: readonly SubjectName[] = SUBJECTS): Promise<readonly BenchRow[]> {
  const plan = process.env['CROSSCUT_BENCH_SHORT'] === '1' ? SHORT : FULL
  const collector = await startCollector()
  const rows: BenchRow[] = []
  try {
    for (const subject of subjects) rows.push(...(await compare(subject, collector.url, plan)))
  } finally {
    await collector.close()
  }
  return rows
}

async function compare(subject: SubjectName, collector: string, plan: Plan): Promise<readonly BenchRow[]> {
  const stations = [await open('plain', collector), await open(subject, collector)] as const
  const [plain, watched] = stations
  try {
    for (const station of stations) await warmUp(station, plan)
    const throughput = await pairs(
      plan,
      () => saturated(plain, plan),
      () => saturated(watched, plan),
    )
    const half = median(throughput.peers) / 2
    const cpu = await pairs(
      plan,
      () => paced(plain, plan, half),
      () => paced(watched, plan, half),
    )
    return [
      row({ metric: 'throughput', subject, unit: 'req/s', ...throughput }),
      row({ metric: 'cpu per request', subject, unit: 'us', ...cpu }),
    ]
  } finally {
    for (const { fleet, load } of stations) {
      load.close()
      await fleet.stop()
    }
  }
}

async function open(subject: SubjectName, collector: string): Promise<Station> {
  const fleet = await Fleet.start(subject, collector)
  return { fleet, load: new Load(fleet.port) }
}

/** Of a service that has run for a while: V8 compiles anew for tens of thousands of requests. */
export async function warmUp({ load }: Station, plan: Plan): Promise<void> {
  for (let answered = 0; answered < plan.warmUpRequests;)
    answered += (await load.saturate(plan.turnMs, WIDTH)).answered
}

export type Pairs = { readonly values: readonly number[]; readonly peers: readonly number[] }

/** Alternates who goes first. */
export async function pairs(
  plan: Plan,
  peer: () => Promise<number>,
  subject: () => Promise<number>,
): Promise<Pairs> {
  const values: number[] = []
  const peers: number[] = []
  for (let pair = 0; pair < plan.pairs; pair += 1) {
    if (pair % 2 === 0) peers.push(await peer())
    values.push(await subject())
    if (pair % 2 === 1) peers.push(await peer())
  }
  return { values, peers }
}

export async function saturated({ load }: Station, plan: Plan): Promise<number> {
  const { answered, ms } = await load.saturate(plan.turnMs, WIDTH)
  return (answered * 1000) / ms
}

/** us of CPU a request; the service itself says how many it served. */
export async function paced({ fleet, load }: Station, plan: Plan, perSecond: number): Promise<number> {
  const before = await fleet.usage()
  const answered = await load.pace(plan.turnMs, perSecond)
  const after = await fleet.usage()
  const served = after.requests - before.requests
  if (served !== answered)
    throw new Error(`${fleet.subject}: ${answered} requests were answered but ${served} served`)
  return (after.cpuMicros - before.cpuMicros) / served
}

function row(
  found: Pairs & { readonly metric: string; readonly subject: string; readonly unit: string },
): BenchRow {
  const ratios = found.values.map((value, i) => value / (found.peers[i] ?? Number.NaN))
  return {
    bench: 'agent-http',
    metric: found.metric,
    subject: found.subject,
    value: median(found.values),
    unit: found.unit,
    peer: 'plain',
    peerValue: median(found.peers),
    ratio: median(ratios),
    runs: ratios.length,
    spread: medianInterval(ratios),
  }
}

/**
 * 95 % interval of a median: the widest order statistics that leave at most 2.5 % of the binomial on either
 * side.
 */
export function medianInterval(ratios: readonly number[]): readonly [number, number] {
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

await runDirectly(import.meta.url, bench)
