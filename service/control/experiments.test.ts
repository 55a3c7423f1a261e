// The experiments of Retro in simulated time, with the numbers that must hold, beside what was published and
// beside doing nothing. All figures: `crosscut bench retro`.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Controller, POLICIES } from '#control'
import type { Policy } from '#fair'
import {
  background,
  churning,
  CHURN_SECONDS,
  cutsOf,
  farthestFrom,
  HEARTBEAT_TARGET,
  INNOCENT,
  LISTS,
  mean,
  missedInChurn,
  oneLock,
  onePool,
  oneServer,
  PHASES,
  phaseOf,
  reweighted,
  REWEIGHTED_AT,
  SLOW_THERE,
  TIGHT_TARGETS,
  threePhases,
  twoDominants,
  uniform,
  WEIGHTS,
} from './testing/systems.ts'
import type { SystemSecond } from './simulate-system.ts'

const finished = (run: readonly SystemSecond[], id: string) =>
  mean(run.map(({ tenants }) => tenants[id]?.finished ?? 0))
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

describe('E6: sixteen clients rename under the lock that heartbeats and listings need', () => {
  const without = oneLock({}).slice(10)
  const whole = oneLock({ policy: POLICIES['latency-slo'] })
  const ours = whole.slice(10)
  const heartbeatMs = (run: readonly SystemSecond[]) =>
    mean(run.map(({ tenants }) => tenants['heartbeat']?.meanMs ?? 0))

  test('from the tenth second on heartbeats take less than their 50 ms, without control five times as long', () => {
    assert.ok(heartbeatMs(without) >= 5 * 1000 * HEARTBEAT_TARGET, `without: ${heartbeatMs(without)}`)
    assert.ok(heartbeatMs(ours) <= 1000 * HEARTBEAT_TARGET, `${heartbeatMs(ours)}`)
  })

  test('who renames is held and nobody else; listings keep 95 %', () => {
    const held = new Set(whole.flatMap(({ rates }) => Object.keys(rates)))
    assert.deepEqual([...held], ['door rename'])
    assert.ok(finished(ours, 'list') >= 0.95 * LISTS, `${finished(ours, 'list')} of ${LISTS}`)
  })
})

describe('E7: ten connections, fifty clients of 200 ms beside queries of 2 ms', () => {
  const p99Ms = (run: readonly SystemSecond[]) => mean(run.map(({ tenants }) => tenants['page']?.p99Ms ?? 0))
  const without = onePool({}).slice(10)
  const ours = onePool({ algorithm: '2dfqE' }).slice(10)

  test('behind a fair gate the short ones wait a tenth at most, and the long ones lose nothing', () => {
    assert.ok(p99Ms(ours) <= p99Ms(without) / 10, `${p99Ms(ours)} of ${p99Ms(without)}`)
    assert.ok(finished(ours, 'page') >= 0.95 * 50, `${finished(ours, 'page')}`)
    assert.ok(finished(ours, 'report') >= 0.95 * finished(without, 'report'), `${finished(ours, 'report')}`)
  })
})

describe('E9: three phases, three aggressors, targets for three tenants', () => {
  const without = threePhases({})
  const controller = new Controller()
  const ours = threePhases({ controller, policy: POLICIES['latency-slo'] })
  for (const [i, culprit] of PHASES.entries()) {
    test(`${culprit}: back within 10 s, kept afterwards, and nobody else pays`, () => {
      assert.ok(phaseOf(without, i).worst >= 5, `without: ${phaseOf(without, i).worst}`)
      const { backAfter, violating, perSecond } = phaseOf(ours, i)
      assert.ok(backAfter >= 0 && backAfter <= 10, `${backAfter} s`)
      assert.ok(violating <= 0.1, `${violating}`)
      for (const [id, rate] of Object.entries(INNOCENT))
        assert.ok(perSecond(id) >= 0.93 * rate, `${id}: ${perSecond(id)} of ${rate}`)
    })

    test(`${culprit}: it alone is cut, and the resource is named that it makes slow`, () => {
      const cuts = cutsOf(controller, i)
      assert.ok(cuts.length > 0)
      for (const cut of cuts) assert.deepEqual(cut, { workflow: culprit, resource: SLOW_THERE[culprit] })
    })
  }

  test('over all phases the innocent get 95 % of what they ask for', () => {
    // In one phase and of one tenant that is less than what chance makes of 750 arrivals.
    const asked = Object.values(INNOCENT).reduce((sum, rate) => sum + rate, 0)
    const got = mean(
      PHASES.map((_, i) => phaseOf(ours, i).perSecond('good1') + phaseOf(ours, i).perSecond('good2')),
    )
    assert.ok(got >= 0.95 * asked, `${got} of ${asked}`)
  })

  test('who is not to blame any more is let go', () => {
    const last = ours.at(-1)
    assert.ok(last)
    assert.deepEqual(
      Object.keys(last.rates).filter((id) => !id.endsWith(' spin')),
      [],
    )
  })
})

describe('E16: ten instances of a gateway come and go while a culprit floods them', () => {
  const controller = new Controller()
  const run = churning({ controller, policy: POLICIES['latency-slo'] })

  test('the target is kept but in the two seconds of a newcomer that has no order yet', () => {
    const without = missedInChurn(churning({})).length
    assert.ok(without >= 0.9 * (CHURN_SECONDS - 10), `without: ${without}`)
    const missed = missedInChurn(run)
    assert.deepEqual(
      missed.filter(({ age }) => age > 1),
      [],
    )
    assert.ok(missed.length <= 0.2 * (CHURN_SECONDS - 10), `${missed.length}`)
    assert.deepEqual(new Set(controller.decisions.map(({ workflow }) => workflow)), new Set(['culprit']))
  })

  test('the culprit goes on at every instance, and none of those that went is remembered', () => {
    for (const { second, tenants } of run.slice(0, CHURN_SECONDS - 1))
      assert.ok((tenants['culprit']?.finished ?? 0) > 0, `second ${second}`)
    assert.deepEqual(controller.measurements.processes, ['store'])
    assert.deepEqual(run.at(-1)?.rates, {})
  })
})

describe('E17: what attribution is worth, where a culprit has to be cut by more than half', () => {
  const innocent = (policy: Policy | undefined) => {
    const run = threePhases({ policy, targets: TIGHT_TARGETS })
    const phases = PHASES.map((_, i) => phaseOf(run, i, TIGHT_TARGETS))
    return {
      violating: mean(phases.map(({ violating }) => violating)),
      goodput: mean(phases.flatMap(({ perSecond }) => Object.keys(INNOCENT).map(perSecond))),
    }
  }

  test('twice the innocent goodput of cutting everybody alike, the targets kept as well', () => {
    const [ours, alike] = [innocent(POLICIES['latency-slo']), innocent(uniform)]
    assert.ok(ours.violating <= 0.1 && alike.violating <= 0.1, `${ours.violating} ${alike.violating}`)
    assert.ok(ours.goodput >= 2 * alike.goodput, `${ours.goodput} ${alike.goodput}`)
  })
})

describe('E10: bottleneck fairness on one server, T = 25', () => {
  test('equal shares within 15 s, slowdown near the target, hardly anything lost', () => {
    const without = finished(oneServer({}).slice(30), 'a') / 125
    assert.ok(without < 0.65, 'without: by number of clients')
    const run = oneServer({ policy: POLICIES['bfair'] })
    const farthest = farthestFrom({ a: 1, b: 1, c: 1, d: 1 }, run.slice(15))
    assert.ok(farthest <= 0.15, `any five seconds from the 15th on: ${farthest}`)
    const steady = run.slice(30)
    const slowdown = median(steady.map((one) => one.slowdown['disk@server'] ?? 0))
    assert.ok(slowdown >= 25 * 0.7 && slowdown <= 25 * 1.3, `${slowdown}`)
    const total = mean(
      steady.map(({ tenants }) => Object.values(tenants).reduce((sum, one) => sum + one.finished, 0)),
    )
    assert.ok(total >= 0.95 * 500, `${total}`)
  })

  test('weights 1 : 1 : 2 : 2, set while it runs, are there 15 s later and stay', () => {
    const run = reweighted({ policy: POLICIES['bfair'] })
    const before = farthestFrom(WEIGHTS, run.slice(15, REWEIGHTED_AT))
    assert.ok(before > 0.3, `shares are equal before: ${before}`)
    const farthest = farthestFrom(WEIGHTS, run.slice(REWEIGHTED_AT + 15))
    assert.ok(farthest <= 0.15, `any five seconds: ${farthest}`)
  })

  test('as published it swings: less is done, and slowdown is far off either way', () => {
    const run = oneServer({ policy: POLICIES['bfair-literal'], options: { isLiteral: true } }).slice(30)
    const slow = run.map((one) => one.slowdown['disk@server'] ?? 0)
    assert.ok(
      Math.max(...slow) > 3 * 25 && Math.min(...slow) < 3,
      `${Math.min(...slow)} .. ${Math.max(...slow)}`,
    )
  })
})

describe('E11: dominant shares of two tenants, one of CPU, one of connections', () => {
  const shares = (params: Record<string, number>) => {
    const run = twoDominants({ policy: POLICIES['r-drf'], options: { params } }).slice(60)
    return { cpu: finished(run, 'cpu') / 100, pool: finished(run, 'pool') / 100 }
  }

  test('equal to 10 %', () => {
    const { cpu, pool } = shares({})
    assert.ok(Math.abs(cpu / pool - 1) <= 0.1, `${cpu} ${pool}`)
    assert.ok(cpu >= 0.56, `of 0.625: ${cpu}`)
  })

  test('2 : 1 by weight, to 0.2', () => {
    const { cpu, pool } = shares({ 'weight.cpu': 2 })
    assert.ok(Math.abs(cpu / pool - 2) <= 0.2, `${cpu} ${pool}`)
  })

  test('as published rates only ever fall', () => {
    const run = twoDominants({ policy: POLICIES['r-drf-literal'], options: { isLiteral: true } })
    assert.ok(finished(run.slice(100), 'cpu') < 5)
  })
})

describe('E12: replication in the background of heartbeats and reads', () => {
  const run = background({
    policy: POLICIES['latency-slo'],
    options: { params: { 'floor.replication': 10 } },
  }).slice(10)

  test('targets hold, and replication goes on at no less than its floor', () => {
    const missed = run.filter(
      ({ tenants }) => (tenants['heartbeat']?.meanMs ?? 0) > 50 || (tenants['read']?.meanMs ?? 0) > 100,
    )
    assert.ok(missed.length <= 0.1 * run.length, `${missed.length} of ${run.length}`)
    for (const { second, tenants } of run)
      assert.ok(
        (tenants['replication']?.finished ?? 0) >= 9,
        `second ${second}: ${tenants['replication']?.finished}`,
      )
  })
})

test('the same seed gives the same run', () => {
  const once = oneServer({ policy: POLICIES['bfair'], seconds: 10 })
  assert.deepEqual(oneServer({ policy: POLICIES['bfair'], seconds: 10 }), once)
  assert.notDeepEqual(oneServer({ policy: POLICIES['bfair'], seconds: 10, seed: 2 }), once)
})
