// What the pages of tenants say, and the strips of who was held.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PolicyEpisode } from '#protocol'
import { amount, millis, percent, readParams, readTargets, reasonText, resourceName } from './say.ts'
import { strips } from './strips.ts'

const episode = (change: Partial<PolicyEpisode>): PolicyEpisode => ({
  kind: 'cut',
  fromMs: 1_000,
  untilMs: 2_000,
  policy: 'slo',
  isDryRun: false,
  tenant: 'hog',
  points: [{ point: 'door', from: 100, to: 25 }],
  because: 'decided',
  reason: { slowdown: 1, share: 0 },
  ...change,
})

test('numbers keep three digits and their unit', () => {
  assert.deepEqual(
    [amount(0.41234), amount(27.28), amount(1240.4), amount(Infinity)],
    ['0.412', '27.3', '1240', '–'],
  )
  assert.deepEqual(
    [millis(0.4), millis(27.28), millis(1240), millis(0)],
    ['400 µs', '27.3 ms', '1.24 s', '–'],
  )
  assert.deepEqual([percent(0), percent(0.004), percent(0.905)], ['0%', '<1%', '91%'])
})

test('a resource is called by its service; who is unknown keeps its id', () => {
  const db = { resource: 'db@1f', kind: 'pool', service: 'store', slowdown: 1, load: {} }
  assert.equal(resourceName('db@1f', [db]), 'db of store')
  assert.equal(resourceName('db@2e', [db]), 'db@2e')
})

test('a reason names who suffers, where, and whose load it is; what is not known is left out', () => {
  const reason = { resource: 'db@1f', slowdown: 10.2, share: 0.9, victim: 'web', miss: 1.96 }
  assert.equal(
    reasonText(episode({ reason }), []),
    'web takes 1.96 times its target; db@1f is 10.2 times slower, 90% of it is hog',
  )
  assert.equal(reasonText(episode({}), []), '')
  assert.equal(reasonText(episode({ kind: 'released', because: 'removed' }), []), 'the policy was removed')
})

test('targets and parameters are read as the command line writes them, and nothing else', () => {
  assert.deepEqual(readTargets('web=200ms, paid = 1.5s p99'), {
    web: { latencyMs: 200, statistic: 'mean' },
    paid: { latencyMs: 1500, statistic: 'p99' },
  })
  assert.deepEqual(readTargets(''), {})
  for (const wrong of ['web', 'web=', 'web=200', 'web=0ms', '=5ms', 'web=1h'])
    assert.equal(readTargets(wrong), undefined, wrong)
  assert.deepEqual(readParams('alpha=0.2, weight.a=b=4'), { alpha: 0.2, 'weight.a=b': 4 })
  for (const wrong of ['alpha', 'alpha=', '=1', 'alpha=x', 'alpha=Infinity'])
    assert.equal(readParams(wrong), undefined, wrong)
})

test('a strip begins with the first cut and ends with the release, as strong as the cut', () => {
  const [strip] = strips(
    [
      episode({ kind: 'released', fromMs: 8_000, untilMs: 8_000, points: [{ point: 'door', from: 25 }] }),
      episode({ fromMs: 2_000, untilMs: 4_000 }),
    ],
    { fromMs: 0, nowMs: 10_000 },
  )
  assert.deepEqual(strip?.pieces, [
    { left: 0.2, width: 0.2, strength: 0.75 },
    { left: 0.4, width: 0.4, strength: 0.75 },
  ])
})

test('whatever was decided, strips stay in their picture', () => {
  const any = fc.record({
    kind: fc.constantFrom('cut', 'raised', 'released'),
    gapMs: fc.nat(4_000),
    lengthMs: fc.nat(4_000),
    tenant: fc.constantFrom('a', 'b'),
    from: fc.option(fc.double({ min: 0.1, max: 1e9, noNaN: true }), { nil: undefined }),
    to: fc.option(fc.double({ min: 0.1, max: 1e9, noNaN: true }), { nil: undefined }),
  })
  fc.assert(
    fc.property(fc.array(any, { maxLength: 20 }), (all) => {
      let atMs = 0
      const episodes = all.map(({ kind, gapMs, lengthMs, tenant, from, to }) => {
        const fromMs = atMs + gapMs
        atMs = fromMs + lengthMs
        const way = {
          point: 'door',
          ...(from === undefined ? {} : { from }),
          ...(to === undefined || kind === 'released' ? {} : { to }),
        }
        return episode({ kind: kind as PolicyEpisode['kind'], fromMs, untilMs: atMs, tenant, points: [way] })
      })
      for (const { pieces } of strips(episodes.toReversed(), { fromMs: 5_000, nowMs: atMs + 1 }))
        for (const { left, width, strength } of pieces) {
          assert.ok(left >= 0 && width >= 0 && left + width <= 1 + 1e-9, `${left} ${width}`)
          assert.ok(strength >= 0 && strength <= 1, `${strength}`)
        }
    }),
    { numRuns: 200 },
  )
})
