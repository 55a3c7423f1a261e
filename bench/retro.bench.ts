// Retro: what do policies achieve, and how much can a controller take in?
//
//   controller   E15: reports a second of one core, 1,000 workflows each, policies decided once a second; as
//                measurements, and as the text that an agent sends.
//   live         E4, E5: a fair gate in front of the thread pool and of the event loop, in real processes;
//                E14: shares against the truth, over three processes.
//   the rest     in simulated time, so the same on every machine: E1, E6, E7, E9 to E12, E16 to E18, beside
//                doing nothing (`none`), what was published (`literal`), cutting everybody (`uniform`), and
//                what one has without us (retro/beside-baselines.ts).
//
// E2 and E3 are `bench fair`, E13 is `bench metering`. The page of all: retro/evaluation.ts.

import { packMeasured, type Measured } from '#protocol'
import { Controller, POLICIES } from '#control'
import type { Policy } from '#fair'
import {
  background,
  cutsOf,
  mean,
  oneServer,
  PHASES,
  phaseOf,
  SLOW_THERE,
  threePhases,
  twoDominants,
} from '../service/control/testing/systems.ts'
import type { SystemSecond } from '../service/control/simulate-system.ts'
import { agentReport } from '../service/server/handlers/agents.ts'
import { measurePair, runDirectly, summarize, type BenchRow } from './measure.ts'
import { attributionRows } from './retro/attribution.ts'
import { baselineRows } from './retro/beside-baselines.ts'
import { beyondRows } from './retro/beyond.ts'
import { liveRows } from './retro/live.ts'
import { queueRows } from './retro/queues.ts'
import { aloneRow, SEEDS } from './retro/rows.ts'

type Runs = { readonly ours: readonly number[]; readonly peers: readonly number[] }

export async function bench(): Promise<BenchRow[]> {
  return [
    ...queueRows(),
    ...(await liveRows()),
    ...(await attributionRows()),
    ...phaseRows(),
    ...fairRows(),
    ...dominantRows(),
    ...backgroundRows(),
    ...baselineRows(),
    ...beyondRows(),
    controllerRow('1,000 workflows a report', measurements),
    controllerRow('1,000 workflows a report, from its text', fromText),
  ]
}

function row(metric: string, subject: string, unit: string, peer: string, { ours, peers }: Runs): BenchRow {
  return { bench: 'retro', metric, subject, unit, peer, ...summarize(ours, peers) }
}

const WORKFLOWS = Array.from({ length: 1_000 }, (_, i) => `tenant-${i}`)

/** 2,000 processes in turn; after each round, as if a second had passed, the policies decide. */
function controllerRow(subject: string, readerOf: (sequence: number) => () => Measured): BenchRow {
  const processes = Array.from({ length: 2_000 }, (_, i) => `process-${i}`)
  const controller = new Controller()
  for (const name of ['bfair', 'latency-slo']) controller.setPolicy(name, POLICIES[name] as Policy)
  controller.setTarget('tenant-7', { seconds: 0.01, statistic: 'mean' })
  let sequence = 0
  let next = 0
  let read = readerOf(sequence)
  const measured = measurePair({
    turnMs: 1_500,
    runs: 9,
    subject: (count) => {
      for (let i = 0; i < count; i++) {
        if (next === 0) {
          sequence += 1
          controller.step(sequence * 1_000)
          read = readerOf(sequence)
        }
        controller.take({ ...read(), process: processes[next] ?? '', sequence }, sequence * 1_000)
        next = (next + 1) % processes.length
      }
      return controller.measurements.counts
    },
  })
  const perSecond = (ns: number) => 1e9 / ns
  return {
    bench: 'retro',
    metric: 'controller',
    subject,
    unit: 'reports/s per core',
    peer: null,
    ...measured,
    value: perSecond(measured.value),
    spread: [perSecond(measured.spread[1]), perSecond(measured.spread[0])],
  }
}

function measurements(sequence: number): () => Measured {
  const column = Float64Array.from(WORKFLOWS, (_, i) => sequence * (10 + i / 7))
  const measured: Measured = {
    epoch: 1,
    atMs: sequence * 1_000,
    workflows: WORKFLOWS,
    resources: [
      {
        name: 'db',
        kind: 'pool',
        count: column,
        load: column,
        waitMs: column,
        serviceMs: column,
        waitSq: column,
        serviceSq: column,
      },
    ],
    points: [{ name: 'door', passed: column }],
    requests: { finished: column, latencyMs: column },
  }
  return () => measured
}

/** As it comes in: 100 kB of JSON, read by the server's parser. */
function fromText(sequence: number): () => Measured {
  const body = Buffer.from(
    JSON.stringify({
      agent: 'a',
      epoch: 'e',
      seq: sequence,
      timeMs: 0,
      stateVersion: 0,
      packages: [],
      measured: packMeasured(measurements(sequence)()),
      spans: { emitted: 0, sent: 0, dropped: 0, queued: 0 },
      drops: {},
      budget: { adviceNs: 0, adviceRuns: 0, isTripped: false },
      eventLoopDelayMsP99: 0,
      rssBytes: 0,
    }),
  )
  return () => {
    const { measured } = agentReport(JSON.parse(body.toString()), '')
    if (measured === undefined) throw new Error('a report without measurements')
    return measured
  }
}

function phaseRows(): BenchRow[] {
  const run = (policy: Policy | undefined) => SEEDS.map((seed) => threePhases({ policy, seed }))
  const [none, ours] = [run(undefined), run(POLICIES['latency-slo'])]
  const literal = SEEDS.map((seed) =>
    threePhases({ policy: POLICIES['latency-slo-literal'], options: { isLiteral: true }, seed }),
  )
  const rows = PHASES.flatMap((culprit, i) => {
    const compare = (
      metric: string,
      unit: string,
      [peer, peers]: [string, readonly SystemSecond[][]],
      pick: (phase: ReturnType<typeof phaseOf>) => number,
    ) => {
      const of = (runs: readonly SystemSecond[][]) => runs.map((one) => pick(phaseOf(one, i)))
      return row(metric, `latency-slo, ${culprit}`, unit, peer, { ours: of(ours), peers: of(peers) })
    }
    return [
      compare('E9 worst latency over target', 'x', ['none', none], ({ worst }) => worst),
      compare('E9 back after', 's', ['literal', literal], ({ backAfter }) => backAfter),
      compare('E9 culprit goodput', 'req/s', ['literal', literal], ({ perSecond }) => perSecond(culprit)),
    ]
  })
  return [...rows, namedRow()]
}

/** Of all cuts those of the culprit of the phase, with the resource that it makes slow as the reason. */
function namedRow(): BenchRow {
  const right = SEEDS.map((seed) => {
    const controller = new Controller()
    threePhases({ controller, policy: POLICIES['latency-slo'], seed })
    const cuts = PHASES.flatMap((culprit, i) =>
      cutsOf(controller, i).map(
        ({ workflow, resource }) => workflow === culprit && resource === SLOW_THERE[culprit],
      ),
    )
    return cuts.filter(Boolean).length / cuts.length
  })
  const metric = 'E9 cuts of the right tenant that name the right resource'
  return aloneRow({ metric, subject: 'latency-slo', unit: 'of all' }, right)
}

const total = ({ tenants }: SystemSecond): number =>
  Object.values(tenants).reduce((sum, { finished }) => sum + finished, 0)

const medianOf = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

function fairRows(): BenchRow[] {
  const steady = (policy: Policy | undefined, isLiteral: boolean) =>
    SEEDS.map((seed) => oneServer({ policy, options: { isLiteral }, seed }).slice(30))
  const ours = steady(POLICIES['bfair'], false)
  const literal = steady(POLICIES['bfair-literal'], true)
  const none = steady(undefined, false)
  const over = (runs: readonly SystemSecond[][], pick: (run: readonly SystemSecond[]) => number) =>
    runs.map(pick)
  const least = (run: readonly SystemSecond[]) => mean(run.map(({ tenants }) => tenants['a']?.finished ?? 0))
  const slow = (run: readonly SystemSecond[]) =>
    medianOf(run.map(({ slowdown }) => slowdown['disk@server'] ?? 0))
  const all = (run: readonly SystemSecond[]) => mean(run.map(total))
  const subject = 'bfair, T = 25'
  return [
    row('E10 smallest tenant', subject, 'req/s', 'none', {
      ours: over(ours, least),
      peers: over(none, least),
    }),
    row('E10 median slowdown', subject, 'x', 'literal', {
      ours: over(ours, slow),
      peers: over(literal, slow),
    }),
    row('E10 throughput', subject, 'req/s', 'literal', { ours: over(ours, all), peers: over(literal, all) }),
    row('E10 throughput', subject, 'req/s', 'none', { ours: over(ours, all), peers: over(none, all) }),
  ]
}

function dominantRows(): BenchRow[] {
  const ratio = (run: readonly SystemSecond[]) => {
    const of = (id: string) => mean(run.slice(60).map(({ tenants }) => tenants[id]?.finished ?? 0))
    return of('cpu') / of('pool')
  }
  const runs = (policy: Policy | undefined, params: Record<string, number>) =>
    SEEDS.map((seed) => ratio(twoDominants({ policy, options: { params }, seed })))
  const none = runs(undefined, {})
  const double = runs(POLICIES['r-drf'], { 'weight.cpu': 2 })
  return [row('E11 ratio of dominant shares', 'r-drf, weight 2', 'x', 'none', { ours: double, peers: none })]
}

function backgroundRows(): BenchRow[] {
  const params = { 'floor.replication': 10 }
  const runs = (policy: Policy | undefined) =>
    SEEDS.map((seed) => background({ policy, options: { params }, seed }).slice(10))
  const [ours, none] = [runs(POLICIES['latency-slo']), runs(undefined)]
  const beat = (run: readonly SystemSecond[]) =>
    mean(run.map(({ tenants }) => tenants['heartbeat']?.meanMs ?? 0))
  const work = (run: readonly SystemSecond[]) =>
    mean(run.map(({ tenants }) => tenants['replication']?.finished ?? 0))
  const of = (pick: (run: readonly SystemSecond[]) => number) => ({
    ours: ours.map(pick),
    peers: none.map(pick),
  })
  return [
    row('E12 heartbeat', 'latency-slo, floor 10', 'ms', 'none', of(beat)),
    row('E12 replication', 'latency-slo, floor 10', 'req/s', 'none', of(work)),
  ]
}

await runDirectly(import.meta.url, bench)
