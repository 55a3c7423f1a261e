// What each policy beyond the published ones is for, in simulated time: beside doing nothing, and beside what
// it improves.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Controller, POLICIES, simulateSystem, type SystemSecond } from '#control'
import type { Policy } from '#fair'
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
  type System,
} from './testing/newer-systems.ts'
import { background, mean } from './testing/systems.ts'

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
  test('everybody is late without it; with it nine tenths of what can be done are in time', () => {
    assert.equal(inTime(run(OVERLOADED, undefined).slice(10)), 0)
    const ours = run(OVERLOADED, 'deadline-aware', { targets: LIVE_TARGETS }).slice(20)
    assert.ok(inTime(ours) >= 0.8 * ours.length, `${inTime(ours)} of ${ours.length} seconds`)
    assert.ok(perSecond(ours, 'live') >= 90, `${perSecond(ours, 'live')} of 100`)
  })

  test('where nobody is late nothing is dropped', () => {
    const calm = OVERLOADED.workloads.map((one) => ({ ...one, perSecond: 40 }))
    const seconds = run({ ...OVERLOADED, workloads: calm }, 'deadline-aware', { targets: LIVE_TARGETS })
    assert.equal(mean(seconds.map(({ tenants }) => tenants['live']?.late ?? 0)), 0)
  })

  test('a target that is taken away takes its deadline along', () => {
    const controller = new Controller()
    controller.setTarget('live', LIVE_TARGETS.live)
    controller.setPolicy('p', POLICIES['deadline-aware'] as Policy)
    const onSecond = (second: number) => {
      if (second === 10) controller.setTarget('live', undefined)
    }
    const seconds = simulateSystem({ seed: 5, controller, ...OVERLOADED, onSecond })
    const late = (from: number, to: number) =>
      mean(seconds.slice(from, to).map(({ tenants }) => tenants['live']?.late ?? 0))
    assert.ok(late(5, 10) > 10, `${late(5, 10)}`)
    assert.equal(late(13, 60), 0)
  })
})

describe('cost-cap: 300 ms of CPU a second for one tenant, over two processes', () => {
  test('it costs that, to a tenth, and nobody else is held', () => {
    const { taken, modest } = costOf({ 'cap.greedy': 300 })
    assert.ok(Math.abs(taken / 300 - 1) <= 0.1, `${taken} ms a second`)
    assert.ok(modest >= 19, `${modest}`)
  })

  test('at twice the price it is half of it', () => {
    const { taken } = costOf({ 'cap.greedy': 300, 'price.cpu': 2 })
    assert.ok(Math.abs(taken / 150 - 1) <= 0.1, `${taken} ms a second`)
  })
})

describe('latency-slo on the 99th percentile', () => {
  test('the tail is kept, where a promise on the mean leaves it', () => {
    const [none, onMean, onTail] = [
      overTarget(run(BURSTS, undefined)),
      overTarget(run(BURSTS, 'latency-slo', { targets: tailTarget('mean') })),
      overTarget(run(BURSTS, 'latency-slo', { targets: tailTarget('p99') })),
    ]
    assert.ok(none > 0.9 && onMean > 0.5 && onTail <= 0.1, `${none} ${onMean} ${onTail}`)
  })

  test('as published it lets go at once, and misses it again and again', () => {
    const literal = { targets: tailTarget('p99'), isLiteral: true }
    const published = overTarget(run(BURSTS, 'latency-slo-literal', literal))
    assert.ok(published >= 0.3, `${published}`)
  })
})
