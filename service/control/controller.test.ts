// The controller against reports of all kinds and against itself being gone.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Controller, POLICIES, simulateSystem, type SystemInput } from '#control'
import type { MeasurementReport } from '#protocol'
import type { Policy } from '#fair'

const column = (...values: number[]) => Float64Array.from(values)

/** A report of one pool and one point; totals of two workflows. */
function report(change: Partial<MeasurementReport> & { total?: number } = {}): MeasurementReport {
  const { sequence = 1, total = sequence * 100 } = change
  const both = column(total, total / 10)
  return {
    process: 'p1',
    epoch: 1,
    sequence,
    atMs: sequence * 1000,
    workflows: ['acme', 'globex'],
    resources: [
      { name: 'db', kind: 'pool', load: both, waitMs: column(total * 9, total * 0.9), serviceMs: both },
    ],
    points: [{ name: 'door', passed: both }],
    requests: { finished: both, latencyMs: column(total * 20, total) },
    ...change,
  }
}

/** After two reports a rate is known. */
function fed(...reports: MeasurementReport[]): Controller {
  const controller = new Controller()
  for (const one of [report(), report({ sequence: 2 }), ...reports]) controller.take(one, one.atMs)
  return controller
}

const set = (name: string, step: Policy['step']): Policy => ({ name, step })

describe('what reports say', () => {
  test('totals become rates a second, and the table of Retro is read from them', () => {
    const controller = fed()
    let seen: unknown
    controller.setTarget('acme', { seconds: 0.01, statistic: 'mean' })
    controller.setPolicy(
      'look',
      set('look', (api) => {
        seen = {
          workflows: api.workflows(),
          resources: api.resources(),
          points: api.points(),
          load: api.load('db@p1', 'acme'),
          slowdown: api.slowdown('db@p1'),
          latencyAt: api.latency('db@p1', 'acme'),
          latency: api.latency('acme'),
          target: [api.targetLatency('acme'), api.targetLatency('globex')],
          throughput: api.throughput('door', 'globex'),
          rate: api.getRate('door', 'acme'),
          weight: api.getWeight('door', 'acme'),
          unknown: [api.load('x', 'acme'), api.slowdown('x'), api.throughput('door', 'x'), api.latency('x')],
        }
        return undefined
      }),
    )
    controller.step(2_000)
    assert.deepEqual(seen, {
      workflows: ['acme', 'globex'],
      resources: ['db@p1'],
      points: ['door'],
      load: 100,
      slowdown: 10,
      latencyAt: 1,
      latency: 0.02,
      target: [0.01, undefined],
      throughput: 10,
      rate: 100,
      weight: 1,
      unknown: [0, 1, 0, 0],
    })
  })

  test('a lost report loses nothing: the next one says it for both seconds', () => {
    const controller = fed(report({ sequence: 5 }))
    assert.equal(controller.measurements.throughput('door', 'acme'), 100)
  })

  test('twice, late, of an earlier epoch: left out and counted', () => {
    const controller = fed()
    const { measurements } = controller
    assert.equal(controller.take(report({ sequence: 2 }), 2_000), 'old')
    assert.equal(controller.take(report({ sequence: 1 }), 2_000), 'old')
    assert.equal(controller.take(report({ sequence: 9, epoch: 0 }), 2_000), 'old')
    assert.equal(measurements.throughput('door', 'acme'), 100)
    assert.deepEqual(
      [measurements.counts.old, measurements.counts.taken, measurements.counts.first],
      [3, 1, 1],
    )
  })

  test('a process that began anew is read from where it stands', () => {
    const controller = fed()
    assert.equal(controller.take(report({ epoch: 2, total: 5_000 }), 3_000), 'first')
    assert.equal(controller.measurements.throughput('door', 'acme'), 0)
    controller.take(report({ epoch: 2, sequence: 2, total: 5_050 }), 4_000)
    assert.equal(controller.measurements.throughput('door', 'acme'), 50)
  })

  test('new workflows come in at the end; names that change places are refused', () => {
    const controller = fed()
    const grown = report({ sequence: 3, workflows: ['acme', 'globex', 'new'] })
    assert.equal(
      controller.take({ ...grown, points: [{ name: 'door', passed: column(300, 30, 7) }] }, 3_000),
      'taken',
    )
    assert.ok(controller.measurements.throughput('door', 'new') > 0)
    assert.equal(
      controller.take(report({ sequence: 4, workflows: ['globex', 'acme', 'new'] }), 4_000),
      'malformed',
    )
  })

  const futures: readonly [string, Partial<MeasurementReport>][] = [
    ['number', { sequence: 2 ** 53 - 1, atMs: 3_000 }],
    ['time', { sequence: 3, atMs: 1e15 }],
    ['epoch', { sequence: 3, epoch: 2 ** 53 - 1 }],
  ]
  for (const [name, change] of futures)
    test(`one ${name} from the future costs what a silent process does, then all is as before`, () => {
      const controller = fed()
      controller.take(report({ ...change, total: 300 }), 3_000)
      const seen: number[] = []
      for (let sequence = 4; sequence <= 11; sequence++) {
        controller.take(report({ sequence }), sequence * 1_000)
        controller.step(sequence * 1_000)
        seen.push(controller.measurements.throughput('door', 'acme'))
      }
      assert.deepEqual(seen.slice(-1), [100], seen.join(' '))
      assert.ok(Math.max(...seen) <= 100, seen.join(' '))
    })

  test('decisions are dated by the clock of people; who is silent is known by the other', () => {
    const controller = fed()
    controller.setPolicy(
      'p',
      set('p', (api) => void api.setRate('door', 'acme', 50)),
    )
    assert.equal(controller.step(2_500, 1e12).length, 1)
    assert.equal(controller.step(3_000, 1e12 - 3_600_000).length, 1)
    controller.removePolicy('p')
    assert.deepEqual(
      controller.decisions.map(({ atMs, because }) => [atMs, because]),
      [
        [1e12, 'decided'],
        [1e12 - 3_600_000, 'removed'],
      ],
    )
  })

  test('a silent process is forgotten, with all it measured', () => {
    const controller = fed()
    assert.equal(controller.step(6_900).length, 1)
    assert.equal(controller.step(7_100).length, 0)
    assert.deepEqual(controller.measurements.workflows(), [])
  })

  test('whatever numbers come, what is read is finite and not below 0', () => {
    const any = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, 0, 1e300))
    const columns = fc.array(any, { maxLength: 3 }).map((values) => Float64Array.from(values))
    fc.assert(
      fc.property(fc.array(fc.tuple(columns, columns, any, any), { maxLength: 8 }), (all) => {
        const controller = fed()
        for (const policy of Object.values(POLICIES)) controller.setPolicy(policy.name, policy)
        controller.setTarget('acme', { seconds: 0.001, statistic: 'p99' })
        for (const [i, [load, wait, utilisation, atMs]] of all.entries()) {
          const one = report({ sequence: i + 3, atMs: i % 2 === 0 ? atMs : (i + 3) * 1000 })
          const resource = {
            name: 'db',
            kind: 'network' as const,
            load,
            waitMs: wait,
            serviceMs: load,
            utilisation,
          }
          const requests = { finished: load, latencyMs: wait, p99Ms: wait }
          controller.take(
            { ...one, resources: [resource], points: [{ name: 'door', passed: load }], requests },
            3_000,
          )
          for (const { settings } of controller.step(3_000 + i))
            for (const { rate, weight } of settings) assert.ok(rate > 0 && weight > 0, `${rate} ${weight}`)
        }
        const { measurements } = controller
        for (const w of measurements.workflows())
          for (const value of [
            measurements.load('db@p1', w),
            measurements.latencyAt('db@p1', w),
            measurements.slowdown('db@p1'),
            measurements.latency(w),
            measurements.latencyP99(w),
            measurements.throughput('door', w),
          ])
            assert.ok(value >= 0 && value < Infinity, `${value}`)
      }),
      { numRuns: 300 },
    )
  })

  test('100,000 tenants and 10,000 processes: what is too many is refused, and memory stays', () => {
    const controller = new Controller()
    const names = Array.from({ length: 100_000 }, (_, i) => `t${i}`)
    assert.equal(controller.take(report({ workflows: names }), 0), 'malformed')
    for (let i = 0; i < 10_000; i++) controller.take(report({ process: `p${i}` }), 0)
    assert.equal(controller.measurements.processes.length, 4_000)
    assert.equal(controller.measurements.counts['too many processes'], 6_000)
    controller.step(10_000)
    assert.equal(controller.measurements.processes.length, 0)
  })
})

describe('what a policy may do', () => {
  const rates = (controller: Controller, nowMs = 2_000) =>
    Object.fromEntries(
      controller
        .step(nowMs)
        .flatMap(({ settings }) => settings.map(({ workflow, rate }) => [workflow, rate])),
    )
  const once = (v: number): Policy => set('once', (api) => void api.setRate('door', 'acme', v))

  const cases: readonly [string, number, Record<string, number>][] = [
    ['raising what is not limited limits nothing', 500, {}],
    ['a cut is a cut', 80, { acme: 80 }],
    ['a cut below half is a half', 1, { acme: 50 }],
    ['a rate below 0 is refused', -1, {}],
    ['no number is refused', Number.NaN, {}],
  ]
  for (const [name, v, expected] of cases)
    test(name, () => {
      const controller = fed()
      controller.setPolicy('once', once(v))
      assert.deepEqual(rates(controller), expected)
    })

  test('a limit grows to twice what passes at most, and is lifted after ten steps without use', () => {
    const controller = fed()
    let v = 60
    controller.setPolicy(
      'p',
      set('p', (api) => void api.setRate('door', 'acme', v)),
    )
    assert.deepEqual(rates(controller), { acme: 60 })
    v = 10_000
    assert.deepEqual(rates(controller), { acme: 200 })
    v = Number.NaN
    for (let i = 0; i < 9; i++) assert.deepEqual(rates(controller), { acme: 200 }, `step ${i}`)
    assert.deepEqual(rates(controller), {})
  })

  test('of two policies the lower rate counts, a dry run not at all; who is removed takes his limits along', () => {
    const controller = fed()
    controller.setPolicy('a', once(80))
    controller.setPolicy('b', once(70))
    controller.setPolicy('dry', once(60), { isDryRun: true })
    assert.deepEqual(rates(controller), { acme: 70 })
    assert.deepEqual(
      controller.decisions.map(({ policy, isDryRun, from, to }) => [policy, isDryRun, from, to]),
      [
        ['a', false, Infinity, 80],
        ['b', false, Infinity, 70],
        ['dry', true, Infinity, 60],
      ],
    )
    controller.removePolicy('b')
    assert.deepEqual(rates(controller), { acme: 80 })
  })

  test('one that throws is told, stopped after five times, and what it set is lifted; others go on', () => {
    const controller = fed()
    controller.setPolicy('good', once(80))
    const bad = set('bad', (api) => {
      api.setRate('door', 'globex', 5)
      throw new Error('mine')
    })
    controller.setPolicy('bad', bad)
    for (let i = 0; i < 4; i++) assert.deepEqual(rates(controller), { acme: 80, globex: 5 })
    assert.deepEqual(rates(controller), { acme: 80 })
    const [, state] = controller.policies
    assert.deepEqual([state?.error, state?.isStopped], ['mine', true])
  })

  test('a rate is split by what passes where, and a newcomer gets a little', () => {
    const controller = fed()
    for (const sequence of [1, 2])
      controller.take(report({ process: 'p2', sequence, total: sequence * 300 }), 2_000)
    controller.take(report({ process: 'p3' }), 2_000)
    controller.setPolicy('p', once(200))
    const leases = controller.step(2_000)
    const got = leases.map(({ process, settings }) => [process, settings[0]?.rate ?? 0] as const)
    const [p1, p2, p3] = got.map(([, rate]) => rate)
    assert.ok(Math.abs((p2 ?? 0) / (p1 ?? 1) - 3) < 0.3, JSON.stringify(got))
    assert.ok((p3 ?? 0) > 0 && (p3 ?? 0) < 10)
    assert.ok(Math.abs((p1 ?? 0) + (p2 ?? 0) + (p3 ?? 0) - 200) < 1e-9)
  })

  test('the p99 is what latency means where the target says so', () => {
    const controller = fed()
    const p99Ms = column(70, 10)
    controller.take(
      {
        ...report({ sequence: 3 }),
        requests: {
          ...report({ sequence: 3 }).requests,
          finished: column(300, 30),
          latencyMs: column(6_000, 300),
          p99Ms,
        },
      },
      3_000,
    )
    controller.setTarget('acme', { seconds: 0.1, statistic: 'p99' })
    let seen: readonly number[] = []
    controller.setPolicy(
      'p',
      set('p', (api) => void (seen = [api.latency('acme'), api.latency('globex')])),
    )
    controller.step(3_000)
    assert.deepEqual(seen, [0.07, 0.01])
  })
})

describe('E16: reports that are lost, late and twice, and a controller that is not there', () => {
  const system = (change: Partial<SystemInput>, controller = new Controller()): SystemInput => {
    controller.setTarget('victim', { seconds: 0.05, statistic: 'mean' })
    controller.setPolicy('slo', POLICIES['latency-slo'] as Policy)
    const door = { process: 'server', resource: 'disk', point: 'door' }
    return {
      seed: 1,
      seconds: 60,
      controller,
      resources: [{ process: 'server', name: 'disk', kind: 'disk', slots: 1 }],
      workloads: [
        { id: 'victim', perSecond: 20, steps: [{ ...door, meanMs: 4 }] },
        { id: 'culprit', clients: 40, steps: [{ ...door, meanMs: 8 }] },
      ],
      ...change,
    }
  }
  const missed = (run: ReturnType<typeof simulateSystem>, from: number, to: number) =>
    run.slice(from, to).filter(({ tenants }) => (tenants['victim']?.meanMs ?? 0) > 50).length

  test('every third report is lost, every fifth comes twice, every seventh a second late: it still holds', () => {
    let late: readonly MeasurementReport[] = []
    const deliver: SystemInput['deliver'] = (reports, second) => {
      const now =
        second % 3 === 0 || second % 7 === 0 ? [] : second % 5 === 0 ? [...reports, ...reports] : reports
      const all = [...now, ...late]
      late = second % 7 === 0 ? reports : []
      return all
    }
    assert.ok(missed(simulateSystem(system({ deliver })), 15, 60) <= 5)
  })

  test('while it is gone leases end and nobody is held; a new one has it in hand again within ten seconds', () => {
    const first = new Controller()
    const gone = simulateSystem(system({ isControlled: (second) => second < 20 || second >= 40 }, first))
    assert.equal(missed(gone, 10, 20), 0)
    assert.ok('door culprit' in (gone[19]?.rates ?? {}))
    assert.deepEqual(gone[26]?.rates, {}, 'five seconds after the last word')
    assert.ok(missed(gone, 30, 40) > 0, 'nobody is held')
    assert.ok(missed(gone, 50, 60) <= 1, `${missed(gone, 50, 60)}`)
  })

  test('a culprit that pauses is not stuck when it comes back', () => {
    const door = { process: 'server', resource: 'disk', point: 'door' }
    const run = simulateSystem(
      system({
        workloads: [
          { id: 'victim', perSecond: 20, steps: [{ ...door, meanMs: 4 }] },
          { id: 'culprit', clients: 40, untilSecond: 20, steps: [{ ...door, meanMs: 8 }] },
          { id: 'other', perSecond: 10, steps: [{ ...door, meanMs: 4 }] },
        ],
      }),
    )
    assert.deepEqual(run.at(-1)?.rates, {})
  })
})
