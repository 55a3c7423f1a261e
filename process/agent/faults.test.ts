// Every function of the agent that the host calls is made to fail once: the host gets what it would get
// without us.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { context } from '#context'
import { openHostApi } from './host-api.ts'
import { openWorkflow } from './bags.ts'
import type { AdviceEnvironment } from '#advice'
import { AdviceBudget } from './budget.ts'
import { openWallClock } from './clock.ts'
import { guarded, Ledger } from './guard.ts'
import { openIds } from './ids.ts'
import { openRecorder } from './recorder.ts'
import { openSampler } from './sampler.ts'
import { openSpans, type Spans } from './spans-api.ts'
import { Tracepoints, type Surroundings } from './tracepoints.ts'

/** The same object, but every method of it throws what is hardest to handle. */
function broken<T extends object>(part: T): T {
  return new Proxy(part, {
    get: (target, name) =>
      typeof Reflect.get(target, name) === 'function' ? () => throwNastily() : Reflect.get(target, name),
  })
}

function throwNastily(): never {
  throw Object.defineProperty(new Error('ours'), 'message', {
    get: () => {
      throw new Error('even the message')
    },
  })
}

/** A process without a name, at a time without a date. */
const surroundings: Surroundings = {
  identity: new Map(),
  nowNs: () => 0n,
  stamp: () => new Uint8Array(16),
  tenant: () => undefined,
  isAuthentic: () => false,
  isSecret: () => false,
  overflowed: () => {},
}

function hostApi(isBroken: {
  readonly spans?: boolean
  readonly tracepoints?: boolean
  readonly workflow?: boolean
}) {
  const ledger = new Ledger()
  const clock = openWallClock()
  const sampler = openSampler({ kind: 'always_on', isParentBased: true, ratio: 1 })
  const recorder = openRecorder({ clock, ids: openIds(), sampler, onEnd: () => {} })
  const tracepoints = new Tracepoints({ budget: new AdviceBudget(), code: undefined, ledger, surroundings })
  const spans: Spans = openSpans(recorder, tracepoints)
  const workflow = openWorkflow()
  const api = openHostApi({
    ledger,
    isTracing: true,
    eventsMax: 10,
    resources: new Map(),
    spans: isBroken.spans === true ? broken(spans) : spans,
    tracepoints: isBroken.tracepoints === true ? broken(tracepoints) : tracepoints,
    workflow: isBroken.workflow === true ? broken(workflow) : workflow,
  })
  return { api, ledger }
}

test('with every part failing, each call of the entry does nothing and gives nothing', () => {
  context.start()
  try {
    const { api } = hostApi({ spans: true, tracepoints: true, workflow: true })
    api.tracepoint('t', { a: 1 })
    assert.equal(api.isWoven('t'), false)
    api.setTenant('x')
    api.setTag('k', 'v')
    assert.deepEqual(
      [api.tenant(), api.tag('k'), api.logLevel(), api.controlPoint('c')],
      [undefined, undefined, undefined, undefined],
    )
    api.startBlock('b', {}).end()
    api.startBlock('b', {}).end(new Error('host'))
    assert.equal(
      api.runBlock('b', () => 5),
      5,
    )
    api.point('p', {})
    api.measured('m', 1)
    api.declareResource('r', 'pool')
  } finally {
    context.stop()
  }
})

test('what the function in a block throws or rejects with is the very same', async () => {
  for (const spans of [true, false]) {
    const { api } = hostApi({ spans })
    const error = new Error('mine')
    assert.throws(
      () =>
        api.runBlock('b', () => {
          throw error
        }),
      (caught: unknown) => caught === error,
    )
    await assert.rejects(
      Promise.resolve(api.runBlock('b', () => Promise.reject(error))),
      (caught: unknown) => caught === error,
    )
  }
})

test('a guard gives its fallback for whatever is thrown, and remembers that', () => {
  const ledger = new Ledger()
  const thrown: readonly unknown[] = [
    new Error('e'),
    'text',
    null,
    undefined,
    Object.create(null),
    Symbol('s'),
  ]
  for (const one of thrown) {
    const guardedOne = guarded(ledger, 'here', 'fallback', (): string => {
      throw one
    })
    assert.equal(guardedOne(), 'fallback')
  }
  assert.ok((ledger.drops['internal-error'] ?? 0) >= thrown.length)
  assert.equal(guarded(ledger, 'here', 'fallback', throwNastily)(), 'fallback')
})

test('an advice that fails is counted, and those after it run', () => {
  const ledger = new Ledger()
  const tracepoints = new Tracepoints({ budget: new AdviceBudget(), code: undefined, ledger, surroundings })
  let runs = 0
  const advice = (run: () => void) => ({ tool: 't', tracepoint: 'p', vars: [], packs: false, cost: 1, run })
  tracepoints.install([advice(throwNastily), advice(() => (runs += 1))])
  tracepoints.hit('p', {})
  assert.deepEqual([runs, ledger.drops['advice-failed']], [1, 1])
})

/** Runs advice that takes `us` so often that hits would take `hits * us` if all were served. */
function hit(budget: AdviceBudget, clock: { nowMs: number }, hits: number, us: number): number[] {
  const weights: number[] = []
  const environment = new Proxy({} as AdviceEnvironment, {})
  const advice = {
    packs: false,
    run(_environment: AdviceEnvironment, weight = 1) {
      clock.nowMs += us / 1000
      weights.push(weight)
    },
  }
  for (let i = 0; i < hits; i++) budget.meter('t').spend(advice, environment)
  return weights
}

test('advice within its budget is exact', () => {
  const clock = { nowMs: 0 }
  const budget = new AdviceBudget(() => clock.nowMs)
  const weights = hit(budget, clock, 9900, 1)
  assert.equal(weights.length, 9900)
  assert.ok(weights.every((weight) => weight === 1))
})

test('advice above its budget is sampled, and what is sampled counts for the rest', () => {
  const clock = { nowMs: 0 }
  const budget = new AdviceBudget(() => clock.nowMs)
  const weights = hit(budget, clock, 100_000, 1)
  assert.ok(weights.length < 50_000, `${weights.length} runs`)
  const counted = weights.reduce((sum, weight) => sum + weight, 0)
  assert.ok(Math.abs(counted - 100_000) <= 64, `${counted}`)
  assert.ok((budget.use('t')?.every ?? 0) > 1)
  // Quiet seconds bring it back, step by step.
  for (let second = 0; second < 6; second++) budget.turn()
  assert.equal(budget.use('t')?.every, 1)
})

test('one run that the machine put to sleep degrades nothing', () => {
  const clock = { nowMs: 0 }
  const budget = new AdviceBudget(() => clock.nowMs)
  hit(budget, clock, 1000, 1)
  hit(budget, clock, 64, 30_000)
  assert.equal(budget.use('t')?.every, 1)
})

test('what costs too much even so is disarmed, said once, and tried again after its time', () => {
  const clock = { nowMs: 0 }
  const budget = new AdviceBudget(() => clock.nowMs)
  budget.keep(['t'])
  let isChanged = false
  for (let second = 0; second < 10 && !isChanged; second++) {
    hit(budget, clock, 2_000_000, 50)
    isChanged = budget.turn()
    if (budget.use('t')?.every === 0) break
  }
  assert.equal(budget.use('t')?.every, 0)
  assert.equal(budget.totals.isTripped, true)
  assert.equal(hit(budget, clock, 1000, 50).length, 0)
  clock.nowMs += 10_000
  assert.equal(budget.turn(), true)
  assert.deepEqual([budget.use('t')?.every, budget.totals.isTripped], [1024, false])
})

test('many tools within their own budgets are still too much together: the dearest gives way', () => {
  const clock = { nowMs: 0 }
  const budget = new AdviceBudget(() => clock.nowMs)
  const names = Array.from({ length: 16 }, (_, i) => `t${i}`)
  budget.keep(names)
  const run = (us: number) => ({ packs: false, run: () => void (clock.nowMs += us / 1000) })
  for (let i = 0; i < 1920; i++)
    for (const name of names)
      budget.meter(name).spend(run(name === 't3' ? 0.9 : 0.8), {} as AdviceEnvironment)
  assert.ok((budget.use('t3')?.every ?? 1) > 1)
  assert.equal(budget.use('t4')?.every, 1)
})
