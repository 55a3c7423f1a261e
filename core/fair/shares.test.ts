// maxMinShare and dominantShares through `crosscut/control`: worked examples of the papers, and the laws that
// define max-min fairness.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { dominantShares, FairError, maxMinShare } from 'crosscut/control'

const near = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))

describe('maxMinShare', () => {
  const cases: readonly [string, Parameters<typeof maxMinShare>, Record<string, number>][] = [
    [
      'the small get what they want, the rest share equally',
      [10, { a: 2, b: 8, c: 8 }],
      { a: 2, b: 4, c: 4 },
    ],
    ['enough for all', [100, { a: 2, b: 8 }], { a: 2, b: 8 }],
    ['by weight', [12, { a: 100, b: 100 }, { a: 1, b: 2 }], { a: 4, b: 8 }],
    ['a heavy one that wants little leaves the rest', [12, { a: 100, b: 2 }, { b: 5 }], { a: 10, b: 2 }],
    ['nothing to share', [0, { a: 1, b: 0 }], { a: 0, b: 0 }],
    ['one wants all there is', [10, { a: Infinity, b: 3 }], { a: 7, b: 3 }],
    ['no limit', [Infinity, { a: Infinity, b: 3 }], { a: Infinity, b: 3 }],
    ['nobody', [5, {}], {}],
  ]
  for (const [name, args, expected] of cases)
    test(name, () => assert.deepEqual(maxMinShare(...args), expected))

  test('a name like a property of objects is a name', () => {
    const share = maxMinShare(10, JSON.parse('{"__proto__": 8, "constructor": 8}'))
    assert.deepEqual(Object.entries(share), [
      ['__proto__', 5],
      ['constructor', 5],
    ])
  })

  const demand = fc.record({ d: fc.double({ min: 0, max: 1e6, noNaN: true }), w: fc.constantFrom(0.5, 1, 3) })
  test('nobody gets more than asked, all or everything is given, and who lacks is not below anybody', () => {
    fc.assert(
      fc.property(
        fc.array(demand, { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 2e6, noNaN: true }),
        (all, capacity) => {
          const demands = Object.fromEntries(all.map(({ d }, i) => [`t${i}`, d]))
          const weights = Object.fromEntries(all.map(({ w }, i) => [`t${i}`, w]))
          const share = maxMinShare(capacity, demands, weights)
          const wanted = all.reduce((sum, { d }) => sum + d, 0)
          const given = Object.values(share).reduce((sum, got) => sum + got, 0)
          assert.ok(near(given, Math.min(wanted, capacity)), `${given} of ${capacity}, wanted ${wanted}`)
          for (const [id, got] of Object.entries(share)) {
            assert.ok(got >= 0 && got <= demands[id])
            if (near(got, demands[id])) continue
            for (const other of Object.keys(share))
              assert.ok(share[other] / weights[other] <= got / weights[id] + 1e-6, `${id} below ${other}`)
          }
        },
      ),
    )
  })
})

describe('dominantShares', () => {
  test('the example of the DRF paper: 9 CPUs and 18 GB, A needs 1 and 4 a task, B 3 and 1', () => {
    // Ghodsi et al. figure 1: A runs 3 tasks, B 2. Demands for 100 tasks each.
    const granted = dominantShares(
      { A: { cpu: 100, memory: 400 }, B: { cpu: 300, memory: 100 } },
      { cpu: 9, memory: 18 },
    )
    assert.ok(near(granted.A * 100, 3) && near(granted.B * 100, 2), JSON.stringify(granted))
  })

  const cases: readonly [string, Parameters<typeof dominantShares>, Record<string, number>][] = [
    [
      'enough for all',
      [
        { a: { cpu: 2 }, b: { cpu: 3, net: 1 } },
        { cpu: 10, net: 10 },
      ],
      { a: 1, b: 1 },
    ],
    [
      'one resource is max-min',
      [{ a: { cpu: 2 }, b: { cpu: 8 }, c: { cpu: 8 } }, { cpu: 10 }],
      { a: 1, b: 0.5, c: 0.5 },
    ],
    ['by weight', [{ a: { cpu: 12 }, b: { cpu: 12 } }, { cpu: 12 }, { b: 2 }], { a: 1 / 3, b: 2 / 3 }],
    [
      'who needs another resource is not held back',
      [
        { a: { cpu: 20 }, b: { net: 5 } },
        { cpu: 10, net: 5 },
      ],
      { a: 0.5, b: 1 },
    ],
    ['nothing needed is all granted', [{ a: {}, b: { cpu: 0 } }, { cpu: 0 }], { a: 1, b: 1 }],
    [
      'nothing there',
      [
        { a: { cpu: 1 }, b: { net: 1 } },
        { cpu: 0, net: 9 },
      ],
      { a: 0, b: 1 },
    ],
    ['no limit', [{ a: { cpu: 1e9 } }, { cpu: Infinity }], { a: 1 }],
  ]
  for (const [name, args, expected] of cases)
    test(name, () => {
      const granted = dominantShares(...args)
      assert.deepEqual(Object.keys(granted), Object.keys(expected))
      for (const [id, fraction] of Object.entries(expected))
        assert.ok(near(granted[id], fraction), `${id} ${granted[id]}`)
    })

  const RESOURCES = ['cpu', 'net', 'disk'] as const
  const amount = fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 100, noNaN: true }))
  const needs = fc.record({ cpu: amount, net: amount, disk: amount })
  const capacity = fc.double({ min: 1, max: 300, noNaN: true })
  test('nothing is overused; who lacks meets a full resource that nobody has more of by weight', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(needs, fc.constantFrom(1, 2, 0.5)), { minLength: 1, maxLength: 8 }),
        fc.record({ cpu: capacity, net: capacity, disk: capacity }),
        (all, capacities) => {
          const demands = Object.fromEntries(all.map(([need], i) => [`t${i}`, need]))
          const weights = Object.fromEntries(all.map(([, weight], i) => [`t${i}`, weight]))
          const granted = dominantShares(demands, capacities, weights)
          const used = (resource: (typeof RESOURCES)[number]) =>
            Object.keys(demands).reduce((sum, id) => sum + granted[id] * demands[id][resource], 0)
          const level = (id: string) =>
            (granted[id] * Math.max(...RESOURCES.map((r) => demands[id][r] / capacities[r]))) / weights[id]
          for (const resource of RESOURCES) assert.ok(used(resource) <= capacities[resource] * (1 + 1e-9))
          for (const id of Object.keys(demands)) {
            assert.ok(granted[id] >= 0 && granted[id] <= 1)
            if (granted[id] >= 1 - 1e-9) continue
            const blocking = RESOURCES.filter(
              (r) => demands[id][r] > 0 && used(r) >= capacities[r] * (1 - 1e-6),
            )
            const isLeast = blocking.some((r) =>
              Object.keys(demands).every(
                (other) => demands[other][r] === 0 || level(other) <= level(id) + 1e-6,
              ),
            )
            assert.ok(isLeast, `${id}: ${JSON.stringify({ demands, capacities, weights, granted })}`)
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('bad input is refused, with what to do', () => {
  const bad: readonly [string, () => unknown, RegExp][] = [
    [
      'a capacity that is no number',
      () => maxMinShare(Number.NaN, {}),
      /capacity must be 0 or more, got NaN/,
    ],
    ['a demand below 0', () => maxMinShare(1, { a: -1 }), /demand of 'a'/],
    ['a weight of 0', () => maxMinShare(1, { a: 1 }, { a: 0 }), /weight of 'a'/],
    ['a resource of unknown capacity', () => dominantShares({ a: { cpu: 1 } }, {}), /'cpu'.*give Infinity/],
    ['an endless demand', () => dominantShares({ a: { cpu: Infinity } }, { cpu: 1 }), /infinite/],
    ['a capacity below 0', () => dominantShares({}, { cpu: -1 }), /capacity of 'cpu'/],
  ]
  for (const [name, call, message] of bad)
    test(name, () =>
      assert.throws(
        call,
        (error) =>
          error instanceof FairError && error.code === 'E_SHARE_INPUT' && message.test(error.message),
      ),
    )
})
