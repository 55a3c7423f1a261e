// Experiments of Retro beside what one has without us: nothing, a static limit for each tenant, a gradient
// limit on concurrency, global shedding, round-robin queues. Two questions each: does the victim get his
// latency, and what do those get who have nothing to do with it? Simulated time, five seeds.
//
// The static limit is the best an operator could have chosen by what well-behaved tenants need.

import { POLICIES } from '#control'
import type { Policy } from '#fair'
import { baselines } from '../../service/control/testing/baselines.ts'
import {
  background,
  farthestFrom,
  INNOCENT,
  LISTS,
  mean,
  oneLock,
  onePool,
  oneServer,
  PHASES,
  phaseOf,
  reweighted,
  REWEIGHTED_AT,
  threePhases,
  TIGHT_TARGETS,
  twoDominants,
  uniform,
  WEIGHTS,
  type Setup,
} from '../../service/control/testing/systems.ts'
import type { SystemSecond } from '../../service/control/simulate-system.ts'
import type { BenchRow } from '../measure.ts'
import { goodput, latencyMs, rowOf, SEEDS, type Named } from './rows.ts'

type Run = readonly SystemSecond[]
type Question = Named & { readonly of: (run: Run) => number }

type Experiment = {
  readonly system: (setup: Setup) => Run
  readonly ours: Setup
  readonly peers: Readonly<Record<string, Setup>>
  readonly questions: readonly Question[]
}

export function baselineRows(): BenchRow[] {
  return [lock(), pool(), phases(), server(), weights(), dominants(), replication(), attribution()].flatMap(
    rowsOf,
  )
}

function rowsOf({ system, ours, peers, questions }: Experiment): BenchRow[] {
  const all = (setup: Setup) => SEEDS.map((seed) => system({ ...setup, seed }))
  const our = all(ours)
  const theirs = Object.entries(peers).map(([name, setup]) => [name, all(setup)] as const)
  return questions.flatMap(({ of, ...named }) =>
    theirs.map(([peer, runs]) => rowOf({ ...named, peer }, our.map(of), runs.map(of))),
  )
}

const withPolicy = (name: string, params: Record<string, number> = {}): Setup => {
  const policy = POLICIES[name]
  return policy === undefined ? {} : { policy, options: { params } }
}

function lock(): Experiment {
  const later = (run: Run) => run.slice(10)
  const subject = 'latency-slo, heartbeats of 50 ms'
  return {
    system: oneLock,
    ours: withPolicy('latency-slo'),
    peers: baselines({ tenants: ['rename', 'heartbeat', 'list'], rate: 25 }),
    questions: [
      { metric: 'E6 heartbeat', subject, unit: 'ms', of: (run) => latencyMs(later(run), 'heartbeat') },
      {
        metric: `E6 innocent goodput (of ${LISTS})`,
        subject,
        unit: 'req/s',
        of: (run) => goodput(later(run), 'list'),
      },
      { metric: 'E6 culprit goodput', subject, unit: 'req/s', of: (run) => goodput(later(run), 'rename') },
    ],
  }
}

/** No policy: the queue in front of the pool is ours. */
function pool(): Experiment {
  const later = (run: Run) => run.slice(10)
  const subject = 'a fair gate, 2dfqE, 10 slots'
  const tenants = ['report', 'page']
  return {
    system: onePool,
    ours: { algorithm: '2dfqE' },
    peers: { ...baselines({ tenants, rate: 60 }), wfqE: { algorithm: 'wfqE' } },
    questions: [
      {
        metric: 'E7 p99 of queries of 2 ms',
        subject,
        unit: 'ms',
        of: (run) => mean(later(run).map((second) => second.tenants['page']?.p99Ms ?? 0)),
      },
      {
        metric: 'E7 innocent goodput (of 50)',
        subject,
        unit: 'req/s',
        of: (run) => goodput(later(run), 'page'),
      },
      { metric: 'E7 other goodput', subject, unit: 'req/s', of: (run) => goodput(later(run), 'report') },
    ],
  }
}

function phases(): Experiment {
  const subject = 'latency-slo, three phases'
  const each = (run: Run) => PHASES.map((_, i) => phaseOf(run, i))
  const promised = ['f1', 'f2', 'f3']
  return {
    system: threePhases,
    ours: withPolicy('latency-slo'),
    peers: baselines({ tenants: [...promised, ...PHASES, ...Object.keys(INNOCENT)], rate: 60 }),
    questions: [
      {
        metric: 'E9 worst latency over target, all phases',
        subject,
        unit: 'x',
        of: (run) => mean(each(run).map(({ worst }) => worst)),
      },
      {
        metric: 'E9 seconds over target',
        subject,
        unit: 'part',
        of: (run) => mean(each(run).map(({ violating }) => violating)),
      },
      {
        metric: `E9 innocent goodput (of ${INNOCENT.good1 + INNOCENT.good2})`,
        subject,
        unit: 'req/s',
        of: (run) => mean(each(run).map((phase) => phase.perSecond('good1') + phase.perSecond('good2'))),
      },
      {
        metric: 'E9 culprit goodput, all phases',
        subject,
        unit: 'req/s',
        of: (run) => mean(each(run).map((phase, i) => phase.perSecond(PHASES[i] ?? ''))),
      },
    ],
  }
}

function server(): Experiment {
  const later = (run: Run) => run.slice(30)
  const subject = 'bfair, T = 25, beside baselines'
  return {
    system: oneServer,
    ours: withPolicy('bfair'),
    peers: baselines({ tenants: ['a', 'b', 'c', 'd'], rate: 125 }),
    questions: [
      {
        metric: 'E10 smallest of four tenants',
        subject,
        unit: 'req/s',
        of: (run) => goodput(later(run), 'a'),
      },
      {
        metric: 'E10 goodput of all',
        subject,
        unit: 'req/s',
        of: (run) => [...'abcd'].reduce((sum, id) => sum + goodput(later(run), id), 0),
      },
    ],
  }
}

function weights(): Experiment {
  return {
    system: reweighted,
    ours: withPolicy('bfair'),
    peers: baselines({ tenants: ['a', 'b', 'c', 'd'], rate: 125 }),
    questions: [
      {
        metric: 'E10 farthest that five seconds of a tenant are from its part by weight',
        subject: 'bfair, 1 : 1 : 2 : 2, from 15 s after it is set',
        unit: 'of it',
        of: (run) => farthestFrom(WEIGHTS, run.slice(REWEIGHTED_AT + 15)),
      },
    ],
  }
}

/** Of either tenant 0.625 of the resource that it needs most can be had at once. */
function dominants(): Experiment {
  const share = (run: Run, id: string) => goodput(run.slice(60), id) / 100
  const subject = 'r-drf'
  return {
    system: twoDominants,
    ours: withPolicy('r-drf'),
    peers: baselines({ tenants: ['cpu', 'pool'], rate: 62 }),
    questions: [
      {
        metric: 'E11 ratio of dominant shares',
        subject,
        unit: 'x',
        of: (run) => share(run, 'cpu') / share(run, 'pool'),
      },
      {
        metric: 'E11 smaller dominant share',
        subject,
        unit: 'of its resource',
        of: (run) => Math.min(share(run, 'cpu'), share(run, 'pool')),
      },
    ],
  }
}

/** At targets so tight that the culprit has to be cut by more than half. */
function attribution(): Experiment {
  const subject = 'latency-slo, tight targets'
  const each = (run: Run) => PHASES.map((_, i) => phaseOf(run, i, TIGHT_TARGETS))
  const tenants = ['f1', 'f2', 'f3', ...PHASES, ...Object.keys(INNOCENT)]
  return {
    system: (setup) => threePhases({ ...setup, targets: TIGHT_TARGETS }),
    ours: withPolicy('latency-slo'),
    peers: { uniform: { policy: uniform as Policy }, ...baselines({ tenants, rate: 60 }) },
    questions: [
      {
        metric: `E17 innocent goodput (of ${INNOCENT.good1 + INNOCENT.good2})`,
        subject,
        unit: 'req/s',
        of: (run) => mean(each(run).map((phase) => phase.perSecond('good1') + phase.perSecond('good2'))),
      },
      {
        metric: 'E17 seconds over target',
        subject,
        unit: 'part',
        of: (run) => mean(each(run).map(({ violating }) => violating)),
      },
    ],
  }
}

function replication(): Experiment {
  const later = (run: Run) => run.slice(15)
  const subject = 'background, floor 10'
  return {
    system: background,
    ours: withPolicy('background', { 'floor.replication': 10 }),
    peers: baselines({ tenants: ['heartbeat', 'read', 'replication'], rate: 50 }),
    questions: [
      {
        metric: 'E12 heartbeat beside baselines',
        subject,
        unit: 'ms',
        of: (run) => latencyMs(later(run), 'heartbeat'),
      },
      {
        metric: 'E12 innocent goodput (of 50)',
        subject,
        unit: 'req/s',
        of: (run) => goodput(later(run), 'read') + goodput(later(run), 'heartbeat'),
      },
      {
        metric: 'E12 background goodput',
        subject,
        unit: 'req/s',
        of: (run) => goodput(later(run), 'replication'),
      },
    ],
  }
}
