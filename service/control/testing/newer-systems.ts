// Systems in simulated time for the policies beyond the published ones, for tests and bench/retro.bench.ts.

import type { Policy } from '#fair'
import { Controller, type PolicyOptions } from '../controller.ts'
import { POLICIES } from '../policies/index.ts'
import type { LatencyTarget } from '../rate-table.ts'
import { simulateSystem, type SystemInput, type SystemSecond } from '../simulate-system.ts'
import { mean } from './systems.ts'

export type System = Omit<SystemInput, 'seed' | 'controller'>

export type RunOptions = PolicyOptions & {
  readonly targets?: Readonly<Record<string, LatencyTarget>>
  readonly seed?: number
}

/** `policy` by name; undefined = nobody is held. */
export function run(system: System, policy: string | undefined, options: RunOptions = {}): SystemSecond[] {
  const controller = new Controller()
  for (const [workflow, target] of Object.entries(options.targets ?? {}))
    controller.setTarget(workflow, target)
  if (policy !== undefined) controller.setPolicy('p', POLICIES[policy] as Policy, options)
  return simulateSystem({ seed: options.seed ?? 5, controller, ...system })
}

export const perSecond = (seconds: readonly SystemSecond[], id: string): number =>
  mean(seconds.map(({ tenants }) => tenants[id]?.finished ?? 0))

/** deadline-aware: half as much again as can be done. */
export const OVERLOADED: System = {
  seconds: 60,
  resources: [{ process: 'server', name: 'cpu', kind: 'cpu', slots: 1 }],
  workloads: [
    {
      id: 'live',
      perSecond: 150,
      steps: [{ process: 'server', resource: 'cpu', point: 'door', meanMs: 10 }],
    },
  ],
}
export const LIVE_TARGETS = { live: { seconds: 0.2, statistic: 'mean' } } as const

export const inTime = (seconds: readonly SystemSecond[]): number =>
  seconds.filter(({ tenants }) => (tenants['live']?.p99Ms ?? Infinity) <= 200).length

const cpu = (process: string, meanMs: number) => ({ process, resource: 'cpu', point: 'door', meanMs })

/** cost-cap: one tenant in two processes. */
const SPREAD: System = {
  seconds: 60,
  resources: ['a', 'b'].map((process) => ({ process, name: 'cpu', kind: 'cpu' as const, slots: 1 })),
  workloads: [
    { id: 'greedy', clients: 10, steps: [cpu('a', 10)] },
    { id: 'greedy', clients: 10, steps: [cpu('b', 5)] },
    { id: 'modest', perSecond: 20, steps: [cpu('a', 5)] },
  ],
}

/** ms of CPU a second that the capped tenant takes, and what the other gets done, after 20 s. */
export function costOf(params: Record<string, number>, seed = 5) {
  let taken = 0
  const controller = new Controller()
  controller.setPolicy('p', POLICIES['cost-cap'] as Policy, { params })
  const onSecond: SystemInput['onSecond'] = (second) => {
    const seen = controller.measurements
    if (second >= 20) taken += (seen.load('cpu@a', 'greedy') + seen.load('cpu@b', 'greedy')) / 40
  }
  const seconds = simulateSystem({ seed, controller, ...SPREAD, onSecond })
  return { taken, modest: perSecond(seconds.slice(20), 'modest') }
}

const disk = (meanMs: number) => ({ process: 'server', resource: 'disk', point: 'door', meanMs })

/** latency-slo: a tail of waits behind bursts. */
export const BURSTS: System = {
  seconds: 90,
  resources: [{ process: 'server', name: 'disk', kind: 'disk', slots: 1 }],
  workloads: [
    { id: 'victim', perSecond: 40, steps: [disk(4)] },
    { id: 'culprit', clients: 12, thinkMs: 60, steps: [disk(8)] },
  ],
}
export const tailTarget = (statistic: LatencyTarget['statistic']) => ({
  victim: { seconds: 0.06, statistic },
})

/** Part of the seconds after the first 15 whose p99 is over the target. */
export function overTarget(seconds: readonly SystemSecond[]): number {
  const later = seconds.slice(15)
  return later.filter(({ tenants }) => (tenants['victim']?.p99Ms ?? 0) > 60).length / later.length
}
