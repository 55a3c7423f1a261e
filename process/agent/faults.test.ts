// Every function of the agent that the host calls is made to fail once: the host gets what it would get
// without us.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { context } from '#context'
import { openHostApi } from './host-api.ts'
import { openWorkflow } from './bags.ts'
import { AdviceBudget } from './budget.ts'
import { openWallClock } from './clock.ts'
import { guarded, Ledger } from './guard.ts'
import { openIds } from './ids.ts'
import { openRecorder } from './recorder.ts'
import { openSampler } from './sampler.ts'
import { openSpans, type Spans } from './spans-api.ts'
import { Tracepoints, type Surroundings } from './tracepoints.ts'
import { quietMeters } from './testing/meters.ts'
import { ControlPoints } from './points/control-points.ts'
import { Deadlines } from './points/execution.ts'
import { WorkflowMeter } from './workflow-meter.ts'

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
  toolStops: () => undefined,
  choose: () => {},
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
  const meter = new WorkflowMeter({ meters: quietMeters(1) })
  const detached = <R>(fn: () => R): R => fn()
  const api = openHostApi({
    ledger,
    isTracing: true,
    limits: { attributes: 10, events: 10, links: 10, valueLength: 10 },
    meter,
    points: new ControlPoints({ meter, detached, count: () => {} }),
    deadlines: new Deadlines(detached),
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
    const queued = api.enqueue('q', {})
    assert.equal(
      queued.dequeue(() => 6, [queued]),
      6,
    )
    queued.arrived()
    api.waited(0, undefined, { kind: 'lock', name: 'l', annotations: {} })
    api.annotate({ a: 1 })
    api.count('c', 1, undefined)
    assert.equal(api.mark(), undefined)
    api.point('p', {})
    api.measured('m', 1)
    api.used({ resource: 'r', kind: 'pool', tenant: '', waitMs: 1, serviceMs: 1 })
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
  const advice = (run: () => void) => ({
    tool: 't',
    tracepoint: 'p',
    vars: [],
    packs: false,
    acts: [],
    cost: 1,
    run,
  })
  tracepoints.install([advice(throwNastily), advice(() => (runs += 1))])
  tracepoints.hit('p', {})
  assert.deepEqual([runs, ledger.drops['advice-failed']], [1, 1])
})
