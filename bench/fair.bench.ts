// Fair queueing: what does a decision cost, and what is it worth?
//
//   decision      CPU of enqueue + dequeue + complete with so many tenants waiting, beside a scan over all of
//                 them (the paper's own listing) and beside FIFO. Real time: the ratio is what holds.
//   sigma of lag  2DFQ section 6.1.1, 100 tenants on 16 slots, five seeds: how unevenly a small tenant is
//                 served, in seconds of its fair rate, beside WFQ and WF2Q. Simulated: exact anywhere.
//   probe p99     section 6.2, costs unknown, 170 tenants on 32 slots: what a small tenant waits, beside
//                 WFQ^E and WF2Q^E, with log-normal costs and log-uniform ones, and where small tenants ask
//                 for half of their share (WFQ^E, which lets them run ahead of it, wins where all is
//                 predictable).
//   long run      that load for 40 s, three seeds: work of predictable tenants over that of the others.

import { createScheduler, Flow, Request, type Algorithm } from '#fair'
import {
  runSynthetic,
  runUnknown,
  synthetic,
  unknownCosts,
  type UnknownOptions,
} from '../core/fair/testing/workloads.ts'
import { measurePair, runDirectly, summarize, type BenchRow, type Turn } from './measure.ts'

const SLOTS = 16
const SEEDS = [1, 2, 3, 4, 5]
const PROBE_SEEDS = [...SEEDS, 6, 7]
/** Of each probe, a second: half of its share. */
const BUSY_PROBES = 200

export async function bench(): Promise<BenchRow[]> {
  return [
    ...[10, 100, 1_000, 10_000, 100_000].map(decisionRow),
    ...[25, 50, 75].flatMap(lagRows),
    ...[0, 0.33, 0.66, 0.9].flatMap((unpredictable) => probeRows({ unpredictable, costs: 'lognormal' })),
    ...probeRows({ unpredictable: 0.33, costs: 'loguniform' }),
    ...[0, 0.33].flatMap((unpredictable) =>
      probeRows({ unpredictable, costs: 'lognormal', probesPerSecond: BUSY_PROBES }),
    ),
    ...longRunRows(),
  ]
}

function decisionRow(tenants: number): BenchRow {
  const isScanned = tenants <= 1_000
  const peer = isScanned ? scanTurn(tenants) : queueTurn('fifo', tenants)
  const measured = measurePair({ subject: queueTurn('2dfqE', tenants), peer })
  const subject = `2dfqE, ${tenants} tenants, ${SLOTS} slots`
  return {
    bench: 'fair',
    metric: 'decision',
    subject,
    unit: 'ns',
    peer: isScanned ? 'scan' : 'fifo',
    ...measured,
  }
}

/** Costs from 1 to 1,000, the same each time: tenant i always asks for about the same. */
const costOf = (i: number): number => 1 + ((i * 7_919) % 1_000)

/** Each request that ends is followed by another of the same tenant, so that the number waiting stays. */
function queueTurn(algorithm: Algorithm, tenants: number): Turn {
  const scheduler = createScheduler(algorithm, { slots: SLOTS, slotRate: 1 })
  const flows = Array.from({ length: tenants }, (_, i) => new Flow(i, 1))
  let now = 0
  for (const flow of flows) scheduler.enqueue(new Request(flow), now)
  return (count) => {
    for (let i = 0; i < count; i++) {
      const request = scheduler.dequeue(i % SLOTS, now) as Request
      const cost = costOf(request.flow.order)
      now += cost / SLOTS
      scheduler.enqueue(new Request(request.flow), now)
      scheduler.complete(request, cost, now)
    }
    return now
  }
}

/** 2DFQ as its listing says: look at every tenant. */
function scanTurn(tenants: number): Turn {
  const all = Array.from({ length: tenants }, (_, i) => ({ tag: 0, cost: costOf(i) }))
  let v = 0
  return (count) => {
    for (let i = 0; i < count; i++) {
      const stagger = (i % SLOTS) / SLOTS
      let best: (typeof all)[number] | undefined
      let any: (typeof all)[number] | undefined
      for (const one of all) {
        const finish = one.tag + one.cost
        if (any === undefined || finish < any.tag + any.cost) any = one
        if (one.tag - stagger * one.cost > v) continue
        if (best === undefined || finish < best.tag + best.cost) best = one
      }
      const next = best ?? any
      if (next === undefined) return v
      next.tag += next.cost
      v += next.cost / tenants
    }
    return v
  }
}

function lagRows(expensive: number): BenchRow[] {
  const loads = SEEDS.map((seed) => synthetic(expensive, seed))
  const of = (algorithm: Algorithm) => loads.map((tenants) => runSynthetic(tenants, algorithm).sigma)
  const ours = of('2dfq')
  return (['wfq', 'wf2q'] as const).map((peer) => ({
    bench: 'fair',
    metric: 'sigma of lag',
    subject: `2dfq, ${expensive} of 100 tenants large`,
    unit: 's',
    peer,
    ...summarize(ours, of(peer)),
  }))
}

function probeRows(options: Omit<UnknownOptions, 'seed'>): BenchRow[] {
  const { unpredictable, costs, probesPerSecond } = options
  const loads = PROBE_SEEDS.map((seed) => unknownCosts({ ...options, seed }))
  const p99 = (algorithm: Algorithm) => loads.map((tenants) => runUnknown(tenants, algorithm).probeP99 * 1000)
  const ours = p99('2dfqE')
  const share = probesPerSecond === BUSY_PROBES ? ', probes ask for half of their share' : ''
  return (['wfqE', 'wf2qE'] as const).map((peer) => ({
    bench: 'fair',
    metric: 'probe p99',
    subject: `2dfqE, ${unpredictable * 100} % unpredictable, ${costs}${share}`,
    unit: 'ms',
    peer,
    ...summarize(ours, p99(peer)),
  }))
}

/** 1 = in the long run predictable tenants get what unpredictable ones get. */
function longRunRows(): BenchRow[] {
  const SECONDS = 40
  const loads = SEEDS.slice(0, 3).map((seed) =>
    unknownCosts({ unpredictable: 0.66, costs: 'lognormal', seed, seconds: SECONDS }),
  )
  const shares = (algorithm: Algorithm) =>
    loads.map((tenants) => runUnknown(tenants, algorithm, SECONDS).tameOverWild)
  const ours = shares('2dfqE')
  return (['wfqE', 'wf2qE'] as const).map((peer) => ({
    bench: 'fair',
    metric: 'long run, work of predictable over unpredictable',
    subject: '2dfqE, 66 % unpredictable, lognormal',
    unit: 'x',
    peer,
    ...summarize(ours, shares(peer)),
  }))
}

await runDirectly(import.meta.url, bench)
