// Only the way to the slow resource is narrowed: other points of the same tenant, and other instances of the
// same point, stay open. And what an operator says by hand.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Controller, POLICIES, simulateSystem, type SystemInput } from '#control'
import type { Policy } from '#fair'
import type { MeasurementReport } from '#protocol'

const policy = (name: string): Policy => POLICIES[name] as Policy
const step = (process: string, point: string, meanMs: number) => ({
  process,
  point,
  resource: 'disk',
  meanMs,
})

/** Two stores; `mixed` floods the first, where `victim` waits, and asks a little of the second. */
function twoStores(
  pointOf: (store: string) => string,
  name = 'latency-slo',
  params: Record<string, number> = {},
): {
  readonly controller: Controller
  readonly input: SystemInput
} {
  const controller = new Controller()
  controller.setTarget('victim', { seconds: 0.03, statistic: 'mean' })
  controller.setPolicy('p', policy(name), { params })
  const [a, b] = [pointOf('store-a'), pointOf('store-b')]
  const input = {
    seed: 3,
    seconds: 40,
    controller,
    resources: ['store-a', 'store-b'].map((process) => ({
      process,
      name: 'disk',
      kind: 'disk' as const,
      slots: 1,
    })),
    workloads: [
      { id: 'victim', perSecond: 20, steps: [step('store-a', a, 5)] },
      { id: 'mixed', clients: 20, steps: [step('store-a', a, 10)] },
      { id: 'mixed', perSecond: 30, steps: [step('store-b', b, 5)] },
    ],
  }
  return { controller, input }
}

describe('LatencySLO cuts a tenant on its way to the slow resource', () => {
  for (const [name, pointOf, held] of [
    ['two points', (store: string) => `door of ${store}`, 'door of store-a'],
    ['two instances of one point', () => 'door', 'door@store-a'],
  ] as const)
    test(`${name}: the other stays open, and the target is met`, () => {
      const { controller, input } = twoStores(pointOf)
      const run = simulateSystem(input)
      const places = new Set(controller.decisions.map(({ point, workflow }) => `${workflow} at ${point}`))
      assert.deepEqual([...places], [`mixed at ${held}`])
      const late = run.slice(15)
      const missing = late.filter(({ tenants }) => (tenants['victim']?.meanMs ?? 0) > 30).length
      assert.ok(missing <= 0.1 * late.length, `${missing} of ${late.length} seconds`)
    })

  test('where most instances are concerned, the point as a whole is cut', () => {
    const controller = new Controller()
    controller.setTarget('victim', { seconds: 0.01, statistic: 'mean' })
    controller.setPolicy('slo', policy('latency-slo'))
    simulateSystem({
      seed: 3,
      seconds: 20,
      controller,
      resources: ['1', '2', '3'].map((i) => ({
        process: `store-${i}`,
        name: 'disk',
        kind: 'disk' as const,
        slots: 1,
      })),
      workloads: ['1', '2', '3'].flatMap((i) => [
        { id: 'victim', perSecond: 20, steps: [step(`store-${i}`, 'door', 5)] },
        { id: 'greedy', clients: 20, steps: [step(`store-${i}`, 'door', 10)] },
      ]),
    })
    const places = controller.decisions.map(({ point }) => point)
    assert.ok(places.filter((point) => point === 'door').length > places.length / 2, places.join(' '))
  })
})

describe('BFAIR cuts a tenant on its way to the resource that is slow', () => {
  for (const [name, pointOf, held] of [
    ['two points', (store: string) => `door of ${store}`, 'door of store-a'],
    ['two instances of one point', () => 'door', 'door@store-a'],
  ] as const)
    test(`${name}: the other stays open, and the slowdown is brought down`, () => {
      const { controller, input } = twoStores(pointOf, 'bfair', { slowdown: 5 })
      const run = simulateSystem({ ...input, seconds: 60 })
      const places = new Set(controller.decisions.map(({ point, workflow }) => `${workflow} at ${point}`))
      assert.deepEqual([...places], [`mixed at ${held}`])
      const slow = run.slice(30).map(({ slowdown }) => slowdown['disk@store-a'] ?? 0)
      const mean = slow.reduce((sum, one) => sum + one, 0) / slow.length
      assert.ok(mean < 10, `${mean}; without it is 20`)
      const other = controller.measurements.throughputAt(pointOf('store-b'), 'mixed', 'store-b')
      assert.ok(other > 20, `${other} of 30 a second`)
    })
})

/** What `greedy` and `modest` pass at two points of two processes, 100 a second each. */
function report(process: string, second: number, points: readonly string[]): MeasurementReport {
  return {
    process,
    epoch: 1,
    sequence: second,
    atMs: second * 1_000,
    workflows: ['greedy', 'modest'],
    resources: [],
    points: points.map((name) => ({ name, passed: [100 * second, 100 * second] })),
  }
}

describe('what an operator says by hand', () => {
  const run = (params: Record<string, number>, points: readonly string[], seconds = 8) => {
    const controller = new Controller()
    controller.setPolicy('hand', policy('manual'), { params, points })
    let leases = controller.step(0)
    for (let second = 1; second <= seconds; second++) {
      for (const process of ['p1', 'p2'])
        controller.take(report(process, second, ['http.server:shop', 'book']), second * 1_000)
      leases = controller.step(second * 1_000)
    }
    return leases
  }

  test('rates, shares and times at the points named, divided among instances; nobody else is touched', () => {
    const params = { 'rate.greedy': 20, 'weight.modest': 4, 'seconds.greedy': 2 }
    const leases = run(params, ['http.*'])
    const at = { point: 'http.server:shop' }
    for (const { settings } of leases)
      assert.deepEqual(settings, [
        { ...at, workflow: 'greedy', rate: 10, weight: 1, limitMs: 2_000 },
        { ...at, workflow: 'modest', rate: Infinity, weight: 4 },
      ])
  })

  test('one instance is named with its process', () => {
    const leases = run({ 'rate.greedy': 20 }, ['book@p2'])
    // Patterns name points; that of one instance lets pass only what is set for it.
    assert.deepEqual(
      leases.map(({ settings }) => settings.length),
      [0, 0],
    )
    const controller = new Controller()
    const one: Policy<undefined> = {
      name: 'one',
      step: (api) => {
        api.setRate('book@p2', 'greedy', 50)
        api.setRate('book@nowhere', 'greedy', 50)
        api.setTimeLimit?.('book', 'greedy', Number.NaN)
      },
    }
    controller.setPolicy('one', one as Policy)
    for (let second = 1; second <= 3; second++)
      for (const process of ['p1', 'p2']) controller.take(report(process, second, ['book']), second * 1_000)
    const settings = controller.step(3_000).map(({ process, settings }) => [process, settings])
    assert.deepEqual(settings, [
      ['p1', []],
      ['p2', [{ point: 'book', workflow: 'greedy', rate: 50, weight: 1 }]],
    ])
  })

  test('a limit for one instance and one for the point: the lower one holds there', () => {
    const controller = new Controller()
    const both: Policy<undefined> = {
      name: 'both',
      step: (api) => {
        api.setRate('book', 'greedy', 120)
        api.setRate('book@p2', 'greedy', 50)
      },
    }
    controller.setPolicy('both', both as Policy)
    for (let second = 1; second <= 3; second++)
      for (const process of ['p1', 'p2']) controller.take(report(process, second, ['book']), second * 1_000)
    const rates = controller.step(3_000).map(({ settings }) => settings.map(({ rate }) => rate))
    assert.deepEqual(rates, [[60], [50]])
  })
})
