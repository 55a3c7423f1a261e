// What each policy beyond the published ones is for, in simulated time: beside doing nothing, and beside what
// it improves.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Controller, POLICIES, simulateSystem, type SystemInput, type SystemSecond } from '#control'
import type { Policy } from '#fair'
import type { PolicyOptions } from './controller.ts'
import type { LatencyTarget } from './rate-table.ts'
import { background, mean } from './testing/systems.ts'

type System = Omit<SystemInput, 'seed' | 'controller'>

function run(
  system: System,
  policy: string | undefined,
  options: PolicyOptions & { readonly targets?: Readonly<Record<string, LatencyTarget>> } = {},
): SystemSecond[] {
  const controller = new Controller()
  for (const [workflow, target] of Object.entries(options.targets ?? {}))
    controller.setTarget(workflow, target)
  if (policy !== undefined) controller.setPolicy('p', POLICIES[policy] as Policy, options)
  return simulateSystem({ seed: 5, controller, ...system })
}

const perSecond = (seconds: readonly SystemSecond[], id: string) =>
  mean(seconds.map(({ tenants }) => tenants[id]?.finished ?? 0))

describe('background: floors', () => {
  const options = { params: { 'floor.replication': 10 } }
  const [without, ours] = [background({}), background({ policy: POLICIES['background'], options })]

  test('others hardly wait, and it has its floor', () => {
    const waits = (seconds: readonly SystemSecond[], id: string) =>
      mean(seconds.slice(15).map(({ tenants }) => tenants[id]?.meanMs ?? 0))
    for (const [id, serviceMs] of Object.entries({ heartbeat: 1, read: 8 })) {
      assert.ok(waits(without, id) > 500, `without: ${waits(without, id)}`)
      assert.ok(waits(ours, id) < serviceMs + 30, `${id}: ${waits(ours, id)}`)
    }
    for (const { second, tenants } of ours.slice(15))
      assert.ok((tenants['replication']?.finished ?? 0) >= 9, `second ${second}`)
  })

  test('alone it takes everything', () => {
    const alone: System = {
      seconds: 20,
      resources: [{ process: 'store', name: 'disk', kind: 'disk', slots: 1 }],
      workloads: [
        {
          id: 'replication',
          clients: 8,
          steps: [{ process: 'store', resource: 'disk', point: 'p', meanMs: 10 }],
        },
      ],
    }
    assert.deepEqual(run(alone, 'background', options), run(alone, undefined))
  })
})

describe('deadline-aware: half as much again as can be done', () => {
  const system: System = {
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
  const targets = { live: { seconds: 0.2, statistic: 'mean' } } as const
  const inTime = (seconds: readonly SystemSecond[]) =>
    seconds.filter(({ tenants }) => (tenants['live']?.p99Ms ?? Infinity) <= 200)

  test('everybody is late without it; with it nine tenths of what can be done are in time', () => {
    assert.equal(inTime(run(system, undefined).slice(10)).length, 0)
    const ours = run(system, 'deadline-aware', { targets }).slice(20)
    assert.ok(inTime(ours).length >= 0.8 * ours.length, `${inTime(ours).length} of ${ours.length} seconds`)
    assert.ok(perSecond(ours, 'live') >= 90, `${perSecond(ours, 'live')} of 100`)
  })

  test('where nobody is late nothing is dropped', () => {
    const calm = system.workloads.map((one) => ({ ...one, perSecond: 40 }))
    const seconds = run({ ...system, workloads: calm }, 'deadline-aware', { targets })
    assert.equal(mean(seconds.map(({ tenants }) => tenants['live']?.late ?? 0)), 0)
  })

  test('a target that is taken away takes its deadline along', () => {
    const controller = new Controller()
    controller.setTarget('live', targets.live)
    controller.setPolicy('p', POLICIES['deadline-aware'] as Policy)
    const onSecond = (second: number) => {
      if (second === 10) controller.setTarget('live', undefined)
    }
    const seconds = simulateSystem({ seed: 5, controller, ...system, onSecond })
    const late = (from: number, to: number) =>
      mean(seconds.slice(from, to).map(({ tenants }) => tenants['live']?.late ?? 0))
    assert.ok(late(5, 10) > 10, `${late(5, 10)}`)
    assert.equal(late(13, 60), 0)
  })
})

describe('cost-cap: 300 ms of CPU a second for one tenant, over two processes', () => {
  const cpu = (process: string, meanMs: number) => ({ process, resource: 'cpu', point: 'door', meanMs })
  const system: System = {
    seconds: 60,
    resources: ['a', 'b'].map((process) => ({ process, name: 'cpu', kind: 'cpu' as const, slots: 1 })),
    workloads: [
      { id: 'greedy', clients: 10, steps: [cpu('a', 10)] },
      { id: 'greedy', clients: 10, steps: [cpu('b', 5)] },
      { id: 'modest', perSecond: 20, steps: [cpu('a', 5)] },
    ],
  }
  const costMs = (params: Record<string, number>) => {
    let taken = 0
    const controller = new Controller()
    controller.setPolicy('p', POLICIES['cost-cap'] as Policy, { params })
    const look: SystemInput['onSecond'] = (second) => {
      const seen = controller.measurements
      if (second >= 20) taken += (seen.load('cpu@a', 'greedy') + seen.load('cpu@b', 'greedy')) / 40
    }
    const seconds = simulateSystem({ seed: 5, controller, ...system, onSecond: look })
    return { taken, modest: perSecond(seconds.slice(20), 'modest') }
  }

  test('it costs that, to a tenth, and nobody else is held', () => {
    const { taken, modest } = costMs({ 'cap.greedy': 300 })
    assert.ok(Math.abs(taken / 300 - 1) <= 0.1, `${taken} ms a second`)
    assert.ok(modest >= 19, `${modest}`)
  })

  test('at twice the price it is half of it', () => {
    const { taken } = costMs({ 'cap.greedy': 300, 'price.cpu': 2 })
    assert.ok(Math.abs(taken / 150 - 1) <= 0.1, `${taken} ms a second`)
  })
})

describe('latency-slo on the 99th percentile', () => {
  const disk = (meanMs: number) => ({ process: 'server', resource: 'disk', point: 'door', meanMs })
  const system: System = {
    seconds: 90,
    resources: [{ process: 'server', name: 'disk', kind: 'disk', slots: 1 }],
    workloads: [
      { id: 'victim', perSecond: 40, steps: [disk(4)] },
      { id: 'culprit', clients: 12, thinkMs: 60, steps: [disk(8)] },
    ],
  }
  const targetOf = (statistic: LatencyTarget['statistic']) => ({ victim: { seconds: 0.06, statistic } })
  const over = (seconds: readonly SystemSecond[]) => {
    const later = seconds.slice(15)
    return later.filter(({ tenants }) => (tenants['victim']?.p99Ms ?? 0) > 60).length / later.length
  }

  test('the tail is kept, where a promise on the mean leaves it', () => {
    const [none, onMean, onTail] = [
      over(run(system, undefined)),
      over(run(system, 'latency-slo', { targets: targetOf('mean') })),
      over(run(system, 'latency-slo', { targets: targetOf('p99') })),
    ]
    assert.ok(none > 0.9 && onMean > 0.5 && onTail <= 0.1, `${none} ${onMean} ${onTail}`)
  })

  test('as published it lets go at once, and misses it again and again', () => {
    const literal = { targets: targetOf('p99'), isLiteral: true }
    const published = over(run(system, 'latency-slo-literal', literal))
    assert.ok(published >= 0.3, `${published}`)
  })
})
