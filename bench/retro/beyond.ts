// The policies beyond the published ones, each beside doing nothing and beside what it improves; and what is
// left of control when something is missing (E16). Simulated time, five seeds.

import { POLICIES } from '#control'
import {
  BURSTS,
  costOf,
  inTime,
  LIVE_TARGETS,
  OVERLOADED,
  overTarget,
  perSecond,
  run,
  tailTarget,
} from '../../service/control/testing/newer-systems.ts'
import {
  CHURN_SECONDS,
  churning,
  missedInChurn,
  threePhases,
  type Setup,
} from '../../service/control/testing/systems.ts'
import type { BenchRow } from '../measure.ts'
import { aloneRow, rowOf, SEEDS } from './rows.ts'

export function beyondRows(): BenchRow[] {
  return [...deadlineRows(), ...capRows(), ...tailRows(), ...lossRows(), churnRow()]
}

function deadlineRows(): BenchRow[] {
  const all = (policy: string | undefined) =>
    SEEDS.map((seed) => run(OVERLOADED, policy, { seed, targets: LIVE_TARGETS }).slice(20))
  const [ours, none] = [all('deadline-aware'), all(undefined)]
  const subject = 'deadline-aware, load 1.5'
  const of = (pick: (seconds: (typeof ours)[number]) => number) => [ours.map(pick), none.map(pick)] as const
  return [
    rowOf({ metric: 'seconds whose p99 is in time', subject, unit: 'of 40', peer: 'none' }, ...of(inTime)),
    rowOf(
      { metric: 'finished, of 100 that can be', subject, unit: 'req/s', peer: 'none' },
      ...of((seconds) => perSecond(seconds, 'live')),
    ),
  ]
}

function capRows(): BenchRow[] {
  const all = (params: Record<string, number>) => SEEDS.map((seed) => costOf(params, seed))
  const [ours, none] = [all({ 'cap.greedy': 300 }), all({})]
  const subject = 'cost-cap, 300 ms a second in two processes'
  return [
    rowOf(
      { metric: 'CPU of who is capped', subject, unit: 'ms/s', peer: 'none' },
      ours.map(({ taken }) => taken),
      none.map(({ taken }) => taken),
    ),
    rowOf(
      { metric: 'innocent goodput (of 20)', subject, unit: 'req/s', peer: 'none' },
      ours.map(({ modest }) => modest),
      none.map(({ modest }) => modest),
    ),
  ]
}

function tailRows(): BenchRow[] {
  const all = (policy: string | undefined, statistic: 'mean' | 'p99') =>
    SEEDS.map((seed) => {
      const isLiteral = policy === 'latency-slo-literal'
      return run(BURSTS, policy, { seed, targets: tailTarget(statistic), isLiteral })
    })
  const ours = all('latency-slo', 'p99')
  const peers = {
    none: all(undefined, 'p99'),
    'target on the mean': all('latency-slo', 'mean'),
    literal: all('latency-slo-literal', 'p99'),
  }
  const subject = 'latency-slo, p99 of 60 ms'
  const culprit = (seconds: (typeof ours)[number]) => perSecond(seconds.slice(15), 'culprit')
  return Object.entries(peers).flatMap(([peer, runs]) => [
    rowOf(
      { metric: 'seconds over the p99', subject, unit: 'part', peer },
      ours.map(overTarget),
      runs.map(overTarget),
    ),
    rowOf(
      { metric: 'culprit goodput at that', subject, unit: 'req/s', peer },
      ours.map(culprit),
      runs.map(culprit),
    ),
  ])
}

/** The controller goes in the middle of the first phase: until when is somebody held? */
function lossRows(): BenchRow[] {
  const GONE = 30
  const heldFor = SEEDS.map((seed) => {
    const policy = POLICIES['latency-slo']
    const setup = { seed, isControlled: (second: number) => second < GONE }
    const seconds = threePhases(policy === undefined ? setup : { ...setup, policy })
    const held = seconds.filter(({ second, rates }) => second >= GONE && Object.keys(rates).length > 0)
    return held.length
  })
  const named = {
    metric: 'E16 held after the controller is gone',
    subject: 'latency-slo, leases of 5 s',
    unit: 's',
  }
  return [aloneRow(named, heldFor)]
}

function churnRow(): BenchRow {
  const policy = POLICIES['latency-slo']
  const missed = (setup: Setup) => SEEDS.map((seed) => missedInChurn(churning({ ...setup, seed })).length)
  const named = {
    metric: 'E16 seconds over target while ten instances come and go',
    subject: 'latency-slo',
    unit: `of ${CHURN_SECONDS - 10}`,
    peer: 'none',
  }
  return rowOf(named, missed(policy === undefined ? {} : { policy }), missed({}))
}
