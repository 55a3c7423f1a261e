// Systems in simulated time for the experiments of Retro, for tests and bench/retro.bench.ts.

import type { Algorithm, Policy } from '#fair'
import { Controller, type PolicyOptions } from '../controller.ts'
import { scale } from '../policies/shares.ts'
import {
  simulateSystem,
  type Admission,
  type SimulatedResource,
  type SystemInput,
  type SystemSecond,
  type SimulatedStep,
} from '../simulate-system.ts'

type Step = { readonly meanMs: number; readonly point?: string | undefined }

const step = (process: string, resource: string, { meanMs, point }: Step): SimulatedStep =>
  point === undefined ? { process, resource, meanMs } : { process, resource, meanMs, point }

/** Every request comes in by the door of the gateway and costs it some CPU. */
const door = (meanMs: number): SimulatedStep => step('gateway', 'cpu', { meanMs, point: 'door' })

export type Setup = {
  readonly policy?: Policy
  readonly options?: PolicyOptions
  readonly seed?: number
  readonly seconds?: number
  /** Of every queue; default fifo. */
  readonly algorithm?: Algorithm
  readonly admission?: () => Admission
  readonly isControlled?: (second: number) => boolean
  readonly onSecond?: (second: number) => void
  /** To look at afterwards, or to change meanwhile; default a new one. */
  readonly controller?: Controller
}

/** What a peer changes of a system beside its controller. */
function peerOf(
  { algorithm, admission, isControlled, onSecond }: Setup,
  resources: readonly SimulatedResource[],
) {
  return {
    resources: algorithm === undefined ? resources : resources.map((one) => ({ ...one, algorithm })),
    ...(admission === undefined ? {} : { admission: admission() }),
    ...(isControlled === undefined ? {} : { isControlled }),
    ...(onSecond === undefined ? {} : { onSecond }),
  }
}

function controllerOf(
  { policy, options, controller = new Controller() }: Setup,
  targets: Readonly<Record<string, number>> = {},
): Controller {
  for (const [workflow, seconds] of Object.entries(targets))
    controller.setTarget(workflow, { seconds, statistic: 'mean' })
  if (policy !== undefined) controller.setPolicy('policy', policy, options)
  return controller
}

/** E10: four tenants of 40 to 100 clients on one server that does 500 requests a second. */
export function oneServer(setup: Setup): SystemSecond[] {
  return simulateSystem({
    seed: setup.seed ?? 1,
    seconds: setup.seconds ?? 90,
    controller: controllerOf(setup),
    ...peerOf(setup, [{ process: 'server', name: 'disk', kind: 'disk', slots: 1 }]),
    workloads: [40, 60, 80, 100].map((clients, i) => ({
      id: 'abcd'[i] ?? '',
      clients,
      steps: [step('server', 'disk', { meanMs: 2, point: 'door' })],
    })),
  })
}

export const REWEIGHTED_AT = 45
export const WEIGHTS = { a: 1, b: 1, c: 2, d: 2 } as const

/** E10, second part: the same policy is set anew with other weights while it runs. */
export function reweighted(setup: Setup): SystemSecond[] {
  const { policy, options, controller = new Controller() } = setup
  const weights = Object.fromEntries(Object.entries(WEIGHTS).map(([id, weight]) => [`weight.${id}`, weight]))
  const onSecond = (second: number) => {
    if (second === REWEIGHTED_AT && policy !== undefined)
      controller.setPolicy('policy', policy, { ...options, params: { ...options?.params, ...weights } })
  }
  return oneServer({ ...setup, controller, onSecond })
}

/** How far any tenant's mean of any five seconds is from its part of 500 a second by weight, in parts of it. */
export function farthestFrom(
  weights: Readonly<Record<string, number>>,
  run: readonly SystemSecond[],
): number {
  const all = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
  const windows = run.slice(0, -4).map((_, i) => run.slice(i, i + 5))
  const distances = windows.flatMap((window) =>
    Object.entries(weights).map(([id, weight]) => {
      const got = mean(window.map(({ tenants }) => tenants[id]?.finished ?? 0))
      return Math.abs(got / ((500 * weight) / all) - 1)
    }),
  )
  return Math.max(...distances)
}

export const PHASE_SECONDS = 60
export const PHASES = ['scan', 'mkdir', 'spin'] as const
/** What each of them makes slow. */
export const SLOW_THERE = { scan: 'disk@store', mkdir: 'lock@service', spin: 'cpu@service' } as const
/** Seconds. */
export const PHASE_TARGETS = { f1: 0.05, f2: 0.025, f3: 0.06 } as const
/** So tight that a culprit has to be cut by more than half. */
export const TIGHT_TARGETS = { f1: 0.015, f2: 0.004, f3: 0.012 } as const
/** Who has nothing to do with it, and how often he comes. */
export const INNOCENT = { good1: 15, good2: 40 } as const

/**
 * E9: three processes, three tenants with targets, three aggressors one after the other (disk, lock, CPU),
 * and two tenants that share the disk and the CPU with them and do no harm.
 */
export function threePhases(
  setup: Setup & { readonly targets?: Readonly<Record<string, number>> },
): SystemSecond[] {
  const phase = (i: number) => ({ fromSecond: i * PHASE_SECONDS, untilSecond: (i + 1) * PHASE_SECONDS })
  const input: SystemInput = {
    seed: setup.seed ?? 4,
    seconds: PHASES.length * PHASE_SECONDS,
    controller: controllerOf(setup, setup.targets ?? PHASE_TARGETS),
    ...peerOf(setup, [
      { process: 'gateway', name: 'cpu', kind: 'cpu', slots: 1 },
      { process: 'service', name: 'cpu', kind: 'cpu', slots: 1 },
      { process: 'service', name: 'lock', kind: 'lock', slots: 1 },
      { process: 'store', name: 'disk', kind: 'disk', slots: 2 },
    ]),
    workloads: [
      { id: 'f1', perSecond: 20, steps: [door(0.5), step('store', 'disk', { meanMs: 8 })] },
      { id: 'f2', perSecond: 50, steps: [door(0.5), step('service', 'cpu', { meanMs: 1 })] },
      {
        id: 'f3',
        perSecond: 20,
        steps: [door(0.5), step('service', 'lock', { meanMs: 2 }), step('store', 'disk', { meanMs: 4 })],
      },
      { id: 'scan', clients: 30, ...phase(0), steps: [door(0.2), step('store', 'disk', { meanMs: 25 })] },
      { id: 'mkdir', clients: 60, ...phase(1), steps: [door(0.2), step('service', 'lock', { meanMs: 8 })] },
      { id: 'spin', clients: 60, ...phase(2), steps: [door(0.2), step('service', 'cpu', { meanMs: 6 })] },
      {
        id: 'good1',
        perSecond: INNOCENT.good1,
        steps: [door(0.5), step('store', 'disk', { meanMs: 2 })],
      },
      {
        id: 'good2',
        perSecond: INNOCENT.good2,
        steps: [door(0.5), step('service', 'cpu', { meanMs: 2 })],
      },
    ],
  }
  return simulateSystem(input)
}

/** E11: one tenant needs mostly CPU, the other mostly connections; both have more clients than is good. */
export function twoDominants(setup: Setup): SystemSecond[] {
  const cpu = (meanMs: number, point?: string) => step('server', 'cpu', { meanMs, point })
  const pool = (meanMs: number, point?: string) => step('server', 'pool', { meanMs, point })
  return simulateSystem({
    seed: setup.seed ?? 1,
    seconds: setup.seconds ?? 120,
    controller: controllerOf(setup),
    ...peerOf(setup, [
      { process: 'server', name: 'cpu', kind: 'cpu', slots: 1 },
      { process: 'server', name: 'pool', kind: 'pool', slots: 1 },
    ]),
    workloads: [
      { id: 'cpu', clients: 120, steps: [cpu(10, 'door'), pool(6)] },
      { id: 'pool', clients: 80, steps: [pool(10, 'door'), cpu(6)] },
    ],
  })
}

/** E12: a flood of replication beside heartbeats and reads with targets. */
export function background(setup: Setup): SystemSecond[] {
  return simulateSystem({
    seed: setup.seed ?? 1,
    seconds: setup.seconds ?? 60,
    controller: controllerOf(setup, { heartbeat: 0.05, read: 0.1 }),
    ...peerOf(setup, [{ process: 'store', name: 'disk', kind: 'disk', slots: 2 }]),
    workloads: [
      { id: 'heartbeat', perSecond: 10, steps: [step('store', 'disk', { meanMs: 1, point: 'blocks' })] },
      { id: 'read', perSecond: 40, steps: [step('store', 'disk', { meanMs: 8, point: 'blocks' })] },
      { id: 'replication', clients: 64, steps: [step('store', 'disk', { meanMs: 30, point: 'blocks' })] },
    ],
  })
}

export const HEARTBEAT_TARGET = 0.05
/** How often who only reads comes, a second. */
export const LISTS = 20

/** E6: sixteen clients rename under the lock that heartbeats and listings need as well. */
export function oneLock(setup: Setup): SystemSecond[] {
  const locked = (meanMs: number) => [step('namenode', 'lock', { meanMs, point: 'door' })]
  return simulateSystem({
    seed: setup.seed ?? 1,
    seconds: setup.seconds ?? 60,
    controller: controllerOf(setup, { heartbeat: HEARTBEAT_TARGET }),
    ...peerOf(setup, [{ process: 'namenode', name: 'lock', kind: 'lock', slots: 1 }]),
    workloads: [
      { id: 'rename', clients: 16, steps: locked(20) },
      { id: 'heartbeat', perSecond: 10, steps: locked(1) },
      { id: 'list', perSecond: LISTS, steps: locked(1) },
    ],
  })
}

/** E7: ten connections to a database; fifty clients of 200 ms beside queries of 2 ms. */
export function onePool(setup: Setup): SystemSecond[] {
  const query = (meanMs: number) => [step('service', 'db', { meanMs, point: 'door' })]
  return simulateSystem({
    seed: setup.seed ?? 1,
    seconds: setup.seconds ?? 40,
    controller: controllerOf(setup),
    ...peerOf(setup, [{ process: 'service', name: 'db', kind: 'pool', slots: 10 }]),
    workloads: [
      { id: 'report', clients: 50, steps: query(200) },
      { id: 'page', perSecond: 50, steps: query(2) },
    ],
  })
}

/** Who was cut in a phase, and at which resource that was said to do harm. */
export function cutsOf({ decisions }: Controller, phase: number) {
  const inPhase = (atMs: number) => Math.ceil(atMs / 1000 / PHASE_SECONDS) === phase + 1
  return decisions
    .filter(({ atMs, because, from, to }) => inPhase(atMs) && because === 'decided' && to < from)
    .map(({ workflow, reason }) => ({ workflow, resource: reason.resource }))
}

/** Each lives half a minute, and one comes every six seconds: five at a time. */
export const INSTANCES = 10
const LIFE_SECONDS = 30
const EVERY_SECONDS = 6
export const CHURN_SECONDS = (INSTANCES - 1) * EVERY_SECONDS + LIFE_SECONDS
export const CHURN_TARGET = 0.05

/** E16: ten instances of a gateway come and go in front of one disk, where a culprit floods all of them. */
export function churning(setup: Setup): SystemSecond[] {
  const lives = Array.from({ length: INSTANCES }, (_, i) => ({
    fromSecond: i * EVERY_SECONDS,
    untilSecond: i * EVERY_SECONDS + LIFE_SECONDS,
  }))
  const disk = (i: number, meanMs: number) => [
    step(`gate-${i}`, 'cpu', { meanMs: 0.2, point: 'door' }),
    step('store', 'disk', { meanMs }),
  ]
  const isThere = ({ process }: { readonly process: string }, second: number) =>
    lives.every(
      ({ fromSecond, untilSecond }, i) =>
        process !== `gate-${i}` || (second >= fromSecond && second < untilSecond),
    )
  return simulateSystem({
    seed: setup.seed ?? 1,
    seconds: CHURN_SECONDS + 15,
    controller: controllerOf(setup, { victim: CHURN_TARGET }),
    ...peerOf(setup, [
      ...lives.map((_, i) => ({ process: `gate-${i}`, name: 'cpu', kind: 'cpu' as const, slots: 1 })),
      { process: 'store', name: 'disk', kind: 'disk', slots: 1 },
    ]),
    deliver: (reports, second) => reports.filter((report) => isThere(report, second)),
    workloads: lives.flatMap((life, i) => [
      { id: 'victim', perSecond: 4, steps: disk(i, 4), ...life },
      { id: 'culprit', clients: 8, steps: disk(i, 8), ...life },
    ]),
  })
}

/** Seconds after the first ten in which the victim waits too long, and the age of the newest instance. */
export function missedInChurn(
  run: readonly SystemSecond[],
): { readonly second: number; readonly age: number }[] {
  const lastBirth = (INSTANCES - 1) * EVERY_SECONDS
  return run
    .slice(10, CHURN_SECONDS)
    .filter(({ tenants }) => (tenants['victim']?.meanMs ?? 0) > 1000 * CHURN_TARGET)
    .map(({ second }) => ({
      second,
      age: second > lastBirth ? second - lastBirth : second % EVERY_SECONDS,
    }))
}

/** What one does without attribution: everybody without a target is cut alike (E17). */
export const uniform: Policy<number | undefined> = {
  name: 'uniform',
  step(api, params, before = 0) {
    const { alpha = 0.2, beta = 0.02, calm = 0.8 } = params
    const missOf = (w: string) => api.latency(w) / (api.targetLatency(w) ?? Infinity)
    const miss = Math.max(0, ...api.workflows().map(missOf))
    const low = api.workflows().filter((w) => api.targetLatency(w) === undefined)
    const isCut = miss > 1 && miss > 0.9 * before
    const factor = isCut ? Math.max(0.5, 1 - alpha * (miss - 1)) : miss < calm ? 1 + beta : 1
    for (const l of low) scale(api, l, factor)
    return miss
  },
}

/** How often a target of its phase is missed, and what the others get meanwhile, over the seconds given. */
export function phaseOf(
  run: readonly SystemSecond[],
  phase: number,
  targets: Readonly<Record<string, number>> = PHASE_TARGETS,
) {
  const seconds = run.slice(phase * PHASE_SECONDS, (phase + 1) * PHASE_SECONDS)
  const misses = seconds.map(({ tenants }) =>
    Math.max(...Object.entries(targets).map(([id, target]) => (tenants[id]?.meanMs ?? 0) / 1000 / target)),
  )
  const later = seconds.slice(10)
  const perSecond = (id: string) => mean(later.map(({ tenants }) => tenants[id]?.finished ?? 0))
  return {
    /** Seconds from its begin until every target is met for the first time after one was missed. */
    backAfter: misses.findIndex((miss, i) => miss <= 1 && misses.slice(0, i).some((earlier) => earlier > 1)),
    /** Part of the seconds after the first ten in which a target is missed. */
    violating: mean(misses.slice(10).map((miss) => (miss > 1 ? 1 : 0))),
    /** Median over the same seconds of the worst miss. */
    worst: [...misses.slice(10)].sort((a, b) => a - b)[Math.floor(misses.slice(10).length / 2)] ?? 0,
    perSecond,
  }
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
