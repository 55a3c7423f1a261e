// Over a picture a policy decides what it decides over the table; pictures are bounded, and what is no number
// is refused with who set it.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Controller, fulfil, PictureApi, POLICIES } from '#control'
import type { Policy } from '#fair'
import { pictureOf } from './picture.ts'
import { RateTable } from './rate-table.ts'
import { background, oneServer, threePhases, twoDominants, type Setup } from './testing/systems.ts'

/** As in another process: everything is cloned on its way there and back. */
function atADistance(policy: Policy): Policy {
  return {
    name: policy.name,
    step(api, params, state) {
      assert.ok(api instanceof RateTable)
      const there = new PictureApi(structuredClone(pictureOf(api)))
      const next = policy.step(there, params, state)
      fulfil(structuredClone(there.wishes), api)
      return next
    },
  }
}

const SYSTEMS: Readonly<Record<string, (setup: Setup) => unknown>> = {
  oneServer: (setup) => oneServer({ ...setup, seconds: 20 }),
  twoDominants: (setup) => twoDominants({ ...setup, seconds: 20 }),
  threePhases,
  background: (setup) => background({ ...setup, seconds: 20 }),
}

describe('a policy does over a picture what it does over the table', () => {
  for (const [name, policy] of Object.entries(POLICIES))
    test(name, () => {
      const isLiteral = name.endsWith('-literal')
      const params = { 'weight.a': 2, 'floor.replication': 5, 'cap.spin': 100, 'rate.mkdir': 20 }
      for (const [system, run] of Object.entries(SYSTEMS)) {
        const options = { isLiteral, params, points: system === 'background' ? ['bl*'] : [] }
        assert.deepEqual(run({ policy: atADistance(policy), options }), run({ policy, options }), system)
      }
    })
})

test('instances of points, weights and times go there and back', () => {
  const controller = new Controller()
  controller.setTarget('a', { seconds: 1, statistic: 'p99' })
  const policy: Policy<number> = {
    name: 'all',
    step(api, _params, before = 0) {
      assert.deepEqual([api.targetLatency('a'), api.targetStatistic?.('a')], [1, 'p99'])
      const [instance = ''] = api.pointsAt?.('disk@store') ?? []
      if (before === 1) {
        assert.equal(api.getRate(instance, 'a'), 0.9 * 100)
        assert.equal(api.getWeight('door', 'a'), 3)
        assert.deepEqual(api.held?.('a'), [instance])
      }
      api.setRate(instance, 'a', before === 0 ? 0.9 * api.throughput(instance, 'a') : 80)
      api.setWeight('door', 'a', 3)
      api.setTimeLimit?.('door', 'a', 2)
      return before + 1
    },
  }
  controller.setPolicy('p', atADistance(policy as Policy))
  for (let second = 1; second <= 3; second++) {
    const totals = [100 * second]
    controller.take(
      {
        process: 'store',
        epoch: 1,
        sequence: second,
        atMs: 1_000 * second,
        workflows: ['a'],
        resources: [{ name: 'disk', kind: 'disk', load: totals, waitMs: totals, serviceMs: totals }],
        points: [{ name: 'door', passed: totals }],
      },
      1_000 * second,
    )
    if (second > 1) controller.step(1_000 * second)
  }
  assert.deepEqual(controller.policies[0]?.error, undefined)
  assert.deepEqual(controller.policies[0]?.settings, [
    { point: 'door@store', workflow: 'a', rate: 80, weight: 1 },
    { point: 'door', workflow: 'a', rate: Infinity, weight: 3, limitMs: 2_000 },
  ])
})

test('a picture of 4,000 resources of 200 tenants keeps the slowest, and every table its bound', () => {
  const controller = new Controller()
  const workflows = Array.from({ length: 200 }, (_, i) => `t${i}`)
  for (const second of [1, 2])
    for (let p = 0; p < 400; p++) {
      const column = workflows.map((_, i) => i * second)
      const resources = Array.from({ length: 10 }, (_, r) => ({
        name: `r${r}`,
        kind: 'pool' as const,
        load: column,
        waitMs: column.map((value) => value * (p === 7 ? 9 : 1)),
        serviceMs: column,
      }))
      controller.take(
        {
          process: `p${p}`,
          epoch: 1,
          sequence: second,
          atMs: 1_000 * second,
          workflows,
          resources,
          points: [],
        },
        1_000 * second,
      )
    }
  const picture = controller.picture('none')
  assert.equal(picture.resources.length, 320)
  assert.equal(picture.load.length, 64_000)
  for (let r = 0; r < 10; r++) assert.ok(picture.resources.includes(`r${r}@p7`))
})

describe('what is no rate, weight or time is refused with who set it', () => {
  const api = () => new PictureApi(new Controller().picture('none'))
  const cases: readonly [string, (one: PictureApi) => void, RegExp][] = [
    ['NaN', (one) => one.setRate('p', 'w', Number.NaN), /the rate of 'w' at 'p' to NaN: a rate is a number/],
    ['below 0', (one) => one.setRate('p', 'w', -1), /to -1/],
    ['a text', (one) => one.setRate('p', 'w', '5' as never), /to '5'/],
    ['no tenant', (one) => one.setRate('p', undefined as never, 5), /of undefined at 'p'/],
    ['a weight of 0', (one) => one.setWeight('p', 'w', 0), /a weight is a number above 0/],
    ['an infinite weight', (one) => one.setWeight('p', 'w', Infinity), /to Infinity/],
    ['no time', (one) => one.setTimeLimit('p', 'w', 0), /a number of seconds above 0/],
  ]
  for (const [name, set, message] of cases)
    test(name, () => assert.throws(() => set(api()), { code: 'E_POLICY_VALUE', message }))

  test('the 64,001st wish of a step', () => {
    const one = api()
    for (let i = 0; i < 64_000; i++) one.setRate('p', 'w', i)
    assert.throws(() => one.setRate('p', 'w', 1), { code: 'E_POLICY_VALUE', message: /more than 64000/ })
  })
})
