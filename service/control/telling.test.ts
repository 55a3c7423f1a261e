// What people are told: decisions as episodes, why somebody was held, the last ten minutes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Controller, episodesOf, History, POLICIES, POLICY_NOTES, type Decision } from '#control'
import type { Policy } from '#fair'
import type { MeasurementReport } from '#protocol'

/** `hog` holds db for 900 ms a second, `web` waits there; `other` uses a disk that is not slow. */
function report(process: string, second: number): MeasurementReport {
  return {
    process,
    epoch: 1,
    sequence: second,
    atMs: second * 1_000,
    workflows: ['hog', 'web', 'other'],
    resources: [
      {
        name: 'db',
        kind: 'pool',
        load: [900 * second, 50 * second, 0],
        waitMs: [100 * second, 3_000 * second, 0],
        serviceMs: [900 * second, 50 * second, 0],
      },
      {
        name: 'disk',
        kind: 'disk',
        load: [0, 0, 500 * second],
        waitMs: [0, 0, 0],
        serviceMs: [0, 0, 500 * second],
      },
    ],
    points: [{ name: 'door', passed: [90 * second, 10 * second, 20 * second] }],
    requests: {
      finished: [90 * second, 10 * second, 20 * second],
      latencyMs: [1_000 * second, 3_050 * second, 500 * second],
    },
  }
}

function heldSystem(): Controller {
  const controller = new Controller()
  controller.setTarget('web', { seconds: 0.1, statistic: 'mean' })
  controller.setPolicy('slo', POLICIES['latency-slo'] as Policy)
  for (let second = 1; second <= 4; second++) {
    controller.take(report('p1', second), second * 1_000)
    controller.step(second * 1_000)
  }
  return controller
}

test('a cut says who suffers, where, and how much of it is whose', () => {
  const [first] = heldSystem().decisions
  assert.ok(first)
  assert.equal(first.workflow, 'hog')
  assert.equal(first.because, 'decided')
  const { resource, slowdown, share, victim, miss } = first.reason
  assert.deepEqual({ resource, victim }, { resource: 'db@p1', victim: 'web' })
  assert.ok(Math.abs(slowdown - 4_050 / 950) < 1e-9, `${slowdown}`)
  assert.ok(Math.abs(share - 900 / 950) < 1e-9, `${share}`)
  assert.ok(Math.abs(miss - 305 / 100) < 1e-9, `${miss}`)
})

test('blame is shared out among all, and who only uses what is fast has no part in it', () => {
  const guilt = heldSystem().blame('web')
  assert.ok(Math.abs((guilt.get('hog') ?? 0) - 900 / 950) < 1e-9)
  assert.ok(Math.abs((guilt.get('web') ?? 0) - 50 / 950) < 1e-9)
  assert.equal(guilt.get('other'), 0)
})

test('removing a policy releases whom it held, and says so', () => {
  const controller = heldSystem()
  controller.removePolicy('slo')
  const last = controller.decisions.at(-1)
  assert.equal(last?.to, Number.POSITIVE_INFINITY)
  assert.equal(last?.because, 'removed')
  const [newest, held] = episodesOf(controller.decisions)
  assert.equal(newest?.kind, 'released')
  assert.equal(held?.kind, 'cut')
  assert.deepEqual(
    held?.points.map(({ point }) => point),
    ['door'],
  )
})

const decisions = fc
  .array(
    fc.record({
      gapMs: fc.integer({ min: 0, max: 8_000 }),
      policy: fc.constantFrom('a', 'b'),
      workflow: fc.constantFrom('x', 'y'),
      point: fc.constantFrom('p', 'q'),
      from: fc.constantFrom(1, 5, Number.POSITIVE_INFINITY),
      to: fc.constantFrom(1, 2, 9, Number.POSITIVE_INFINITY),
    }),
    { maxLength: 40 },
  )
  .map((all) => {
    let atMs = 0
    const reason = { resource: undefined, slowdown: 1, share: 0, victim: undefined, miss: 0 }
    return all.map(({ gapMs, ...rest }): Decision => {
      atMs += gapMs
      return { ...rest, atMs, isDryRun: false, because: 'decided', reason }
    })
  })

test('episodes lose no decision: each begins and ends with one', () => {
  fc.assert(
    fc.property(decisions, (all) => {
      const episodes = episodesOf(all)
      const begins = episodes.map(({ fromMs }) => fromMs)
      assert.deepEqual(
        begins,
        begins.toSorted((a, b) => b - a),
      )
      for (const { policy, workflow, atMs, point, to } of all) {
        const around = episodes.filter(
          (one) =>
            one.policy === policy &&
            one.workflow === workflow &&
            one.fromMs <= atMs &&
            atMs <= one.untilMs &&
            one.points.some((each) => each.point === point),
        )
        assert.ok(around.length >= 1, `${policy} ${workflow} ${point} -> ${to} at ${atMs} is nowhere`)
      }
      for (const key of new Set(all.map(({ policy, workflow }) => `${policy}${workflow}`))) {
        const last = all.findLast(({ policy, workflow }) => `${policy}${workflow}` === key)
        const episode = episodes.find(({ policy, workflow }) => `${policy}${workflow}` === key)
        assert.equal(episode?.untilMs, last?.atMs)
        assert.equal(episode?.points.find(({ point }) => point === last?.point)?.to, last?.to)
      }
    }),
    { numRuns: 200 },
  )
})

test('the past is bounded in time and names, and keeps those with a target', () => {
  const controller = new Controller()
  const history = new History()
  const workflows = Array.from({ length: 50 }, (_, i) => `tenant-${i}`)
  for (let second = 1; second <= 700; second++) {
    const column = workflows.map((_, i) => (50 - i) * second)
    controller.take(
      {
        ...report('p1', second),
        workflows,
        resources: [],
        points: [],
        requests: { finished: column, latencyMs: column },
      },
      second * 1_000,
    )
    controller.step(second * 1_000)
    history.note(controller.measurements, second * 1_000, new Set(['tenant-49']))
  }
  const { timesMs, tenants } = history.past
  assert.equal(timesMs.length, 300)
  assert.equal(timesMs.at(-1), 699_000)
  assert.equal(Object.keys(tenants).length, 12)
  assert.equal(tenants['tenant-49']?.at(-1)?.perSecond, 1)
  assert.equal(tenants['tenant-0']?.length, 300)
  assert.equal(tenants['tenant-12'], undefined)
})

test('every policy has a note, and its defaults are what it does when nothing is said', () => {
  assert.deepEqual(Object.keys(POLICY_NOTES).sort(), Object.keys(POLICIES).sort())
  for (const [name, policy] of Object.entries(POLICIES)) {
    const params = Object.entries(POLICY_NOTES[name]?.params ?? {}).map(([key, { value }]) => [key, value])
    const ratesWith = (given: Record<string, number>) => {
      const controller = new Controller()
      controller.setTarget('web', { seconds: 0.1, statistic: 'mean' })
      controller.setPolicy('p', policy, { params: given, isLiteral: name.endsWith('-literal') })
      for (let second = 1; second <= 6; second++) {
        controller.take(report('p1', second), second * 1_000)
        controller.step(second * 1_000)
      }
      return controller.effective
    }
    assert.deepEqual(ratesWith(Object.fromEntries(params)), ratesWith({}), name)
  }
})
