// Decisions about roots: what a sampled population says about the whole one, what buckets let through, what
// waits, and what ends. Time is given; ids are seeded, so that each run draws the same.
//
// Bounds. N traces of value x, each kept with p and weighed 1/p, give the sum of x within 5 standard
// deviations, sqrt(sum of x^2 (1 - p) / p): one run in 1.7 million is outside. A weighted quantile of n
// kept traces lies where the whole population has a rank within 5 sqrt(q (1 - q) / n).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Baggage } from '#baggage'
import { seededRandom } from '#base'
import { weightOfState, type SamplingPolicy, type SamplingState } from '#protocol'
import { openWallClock } from './clock.ts'
import { Ledger } from './guard.ts'
import { HeadSampling } from './head-sampling.ts'
import { openIds } from './ids.ts'
import { openRecorder, type SpanOptions } from './recorder.ts'
import { openSampler, rootThreshold, rootTraceState } from './sampler.ts'
import type { SamplerSetting } from './settings.ts'
import { KIND, Span, type SpanContext } from './span.ts'

const SCOPE = { name: 'test', version: '' }

type Bench = ReturnType<typeof bench>

/** A process without the process; its requests name their tenant in a baggage of one atom. */
function bench(
  options: { seed?: number; service?: string; sampler?: Partial<SamplerSetting>; perSecond?: number } = {},
) {
  const setting = { kind: 'always_on', isParentBased: true, ratio: 1, ...options.sampler } as const
  const random = seededRandom(options.seed ?? 1)
  const ledger = new Ledger()
  const clock = { nowMs: 1_000_000 }
  let current: string | undefined
  const head = new HeadSampling({
    service: options.service ?? 'shop',
    resource: new Map([['deployment.environment.name', 'blue']]),
    tenantOf: (baggage) =>
      baggage.atoms[0] === undefined ? undefined : Buffer.from(baggage.atoms[0]).toString(),
    rootThreshold: rootThreshold(setting),
    ledger,
    nowMs: () => clock.nowMs,
    currentTraceId: () => current,
  })
  const ended: Span[] = []
  const recorder = openRecorder({
    clock: openWallClock(),
    ids: openIds((words) => words.forEach((_, i) => (words[i] = random.uint32()))),
    sampler: openSampler(setting),
    rootState: rootTraceState(setting),
    head,
    onEnd: (span) => ended.push(span),
  })
  const begin = (more: Partial<SpanOptions> = {}) =>
    recorder.begin({ name: 'x', kind: KIND.internal, parent: undefined, scope: SCOPE, ...more })
  const mark = (name: string): void => {
    const advice = head.marks.find(({ tracepoint }) => tracepoint === name)
    // What runs there reads nothing of its surroundings.
    advice?.run(Object.create(null))
  }
  return {
    head,
    ledger,
    clock,
    ended,
    random,
    begin,
    reserve: recorder.reserve,
    become: (policies: readonly SamplingPolicy[], more: Partial<SamplingState> = {}) =>
      head.become({ policies, shares: {}, share: 1, perSecond: 1e6, perSecondOfTenant: 1e6, ...more }),
    /** Serves one request: what is recorded of it. */
    serve(path = '/', { tenant = '', within }: Serving = {}): Span | undefined {
      const baggage = tenant === '' ? Baggage.empty : Baggage.of([Buffer.from(tenant)])
      const request = Object.assign(Object.create(null), { request: { method: 'GET', url: path }, baggage })
      const root = begin({ kind: KIND.server, request })
      current = root.traceId
      within?.({ root, mark, child: (kind: number = KIND.internal) => begin({ kind, parent: root }) })
      current = undefined
      const span = recorder.recordedOf(root)
      if (span !== undefined) recorder.end(span)
      return span
    },
  }
}

type Serving = { readonly tenant?: string; readonly within?: (within: Within) => unknown }

type Within = {
  readonly root: SpanContext
  readonly mark: (name: string) => void
  readonly child: (kind?: number) => Span | SpanContext
}

const policy = (
  name: string,
  more: Partial<SamplingPolicy> & Pick<SamplingPolicy, 'strategy'>,
): SamplingPolicy => ({
  name,
  owner: 'test',
  restraints: [],
  levelOfDetail: 'normal',
  ...more,
})
const chance = (probability: number) => ({ kind: 'probability', probability }) as const
const rate = (perSecond: number) => ({ kind: 'rate', perSecond }) as const
const on = (attribute: string, value: string, test_: 'equals' | 'glob' = 'equals') => ({
  attribute,
  test: test_,
  value,
})
const weight = (span: Span): number => weightOfState(span.traceId, span.traceState)
const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0)

type Kept = { readonly value: number; readonly weight: number }

function assertEstimates(all: readonly number[], kept: readonly Kept[], p: number): void {
  const spread = (x: readonly number[]): number =>
    5 * Math.sqrt((sum(x.map((one) => one * one)) * (1 - p)) / p)
  const counted = sum(kept.map((one) => one.weight))
  assert.ok(Math.abs(counted - all.length) <= spread(all.map(() => 1)), `count ${counted} of ${all.length}`)
  const total = sum(kept.map((one) => one.weight * one.value))
  assert.ok(Math.abs(total - sum(all)) <= spread(all), `sum ${total} of ${sum(all)}`)
  for (const q of [0.5, 0.9, 0.99]) {
    const cut = quantile(kept, q)
    const rank = all.filter((value) => value <= cut).length / all.length
    assert.ok(
      Math.abs(rank - q) <= 5 * Math.sqrt((q * (1 - q)) / kept.length) + 1 / all.length,
      `rank ${rank}`,
    )
  }
}

function quantile(kept: readonly Kept[], q: number): number {
  const sorted = [...kept].sort((a, b) => a.value - b.value)
  let left = q * sum(sorted.map((one) => one.weight))
  return sorted.find((one) => (left -= one.weight) <= 0)?.value ?? Infinity
}

/** Log-normal, as latencies are: the mean of 12 uniforms is nearly normal. */
const latency = ({ random }: Bench): number =>
  Math.exp(sum(Array.from({ length: 12 }, () => random.uint32() / 2 ** 32)) - 6)

for (const p of [0.5, 0.1, 0.01]) {
  test(`traces kept with probability ${p} estimate count, sum and percentiles of all`, () => {
    const process_ = bench({ seed: 7 })
    process_.become([policy('some', { strategy: chance(p) })])
    const all: number[] = []
    const kept: Kept[] = []
    for (let i = 0; i < 40_000; i++) {
      const value = latency(process_)
      all.push(value)
      const span = process_.serve()
      if (span !== undefined) kept.push({ value, weight: weight(span) })
    }
    assertEstimates(all, kept, p)
  })
}

test('OTEL_TRACES_SAMPLER=parentbased_traceidratio weighs its traces too, without any policy', () => {
  const process_ = bench({ seed: 3, sampler: { kind: 'traceidratio', ratio: 0.2 } })
  const all: number[] = []
  const kept: Kept[] = []
  for (let i = 0; i < 20_000; i++) {
    const value = latency(process_)
    all.push(value)
    const span = process_.serve()
    if (span !== undefined) kept.push({ value, weight: weight(span) })
  }
  assert.equal(process_.head.isOn, false)
  assertEstimates(all, kept, 0.2)
})

test('of several policies the most generous decides, and each route is estimated right', () => {
  const process_ = bench({ seed: 11 })
  process_.become([
    policy('all', { strategy: chance(0.02) }),
    policy('cart', { strategy: chance(0.3), restraints: [on('http.route', '/cart/*', 'glob')] }),
    policy('buy', { strategy: chance(1), restraints: [on('http.route', '/cart/buy')] }),
  ])
  const routes = { '/': 0.02, '/cart/7?x=/buy': 0.3, '/cart/buy': 1 }
  for (const [path, p] of Object.entries(routes)) {
    const all: number[] = []
    const kept: Kept[] = []
    for (let i = 0; i < 20_000; i++) {
      const value = latency(process_)
      all.push(value)
      const span = process_.serve(path)
      if (span !== undefined) kept.push({ value, weight: weight(span) })
    }
    assertEstimates(all, kept, p)
  }
})

for (const [says, arrivals] of [
  ['steady demand', () => 1000],
  ['demand that jumps between 100 and 4000 a second', (second: number) => (second % 7 < 5 ? 100 : 4000)],
  ['demand below the rate', () => 20],
] as const) {
  test(`a rate of 50 a second keeps about that under ${says}, and its weights add up to all`, () => {
    const process_ = bench({ seed: 5 })
    process_.become([policy('fifty', { strategy: rate(50) })])
    let all = 0
    const kept: Span[] = []
    for (let second = 0; second < 60; second++) {
      const many = arrivals(second)
      for (let i = 0; i < many; i++) {
        process_.clock.nowMs = 1_000_000 + second * 1000 + (i * 1000) / many
        all += 1
        const span = process_.serve()
        if (span !== undefined) kept.push(span)
      }
    }
    assert.ok(kept.length <= 50 * 60 + 50, `${kept.length} kept`)
    // Each root that had a token has its p; those without are a debt of less than one interval at the end.
    const pMin = 50 / 4000
    const p = says === 'demand below the rate' ? 1 : says === 'steady demand' ? 0.05 : pMin
    const counted = sum(kept.map(weight))
    assert.ok(Math.abs(counted - all) <= 5 * Math.sqrt((all * (1 - p)) / p) + 4000, `${counted} of ${all}`)
    if (says === 'demand below the rate') assert.equal(counted, all)
  })
}

test('a bucket of five lets five through and not the sixth; a fifth of a second later one more', () => {
  const process_ = bench()
  process_.become([policy('five', { strategy: rate(5) })])
  const serve = (many: number): number =>
    Array.from({ length: many }, () => process_.serve()).filter((span) => span !== undefined).length
  assert.equal(serve(5), 5)
  assert.equal(serve(1), 0)
  process_.clock.nowMs += 199
  assert.equal(serve(1), 0)
  process_.clock.nowMs += 1
  assert.equal(serve(2), 1)
  assert.deepEqual(process_.head.use(), [{ policy: 'five', seen: 9, kept: 6, refused: 3 }])
  // The one that got the token stands for the two before it that found none, too.
  assert.equal(sum(process_.ended.map(weight)), 8)
})

test('each tenant has a bucket of its own, traces of no tenant have none, and all share one', () => {
  const process_ = bench()
  process_.become([policy('many', { strategy: rate(1000) })], { perSecondOfTenant: 5, perSecond: 14 })
  const kept = (tenant: string): number =>
    Array.from({ length: 20 }, () => process_.serve('/', { tenant })).filter((span) => span !== undefined)
      .length
  assert.deepEqual([kept('a'), kept('b'), kept(''), kept('c')], [5, 5, 4, 0])
})

test("an agent's share of a rate is its bucket, and a lower share is in force at once", () => {
  const process_ = bench()
  const kept = (): number =>
    Array.from({ length: 20 }, () => process_.serve()).filter((span) => span !== undefined).length
  process_.become([policy('ten', { strategy: rate(10) })], { shares: { ten: 0.3 } })
  assert.equal(kept(), 3)
  process_.become([policy('ten', { strategy: rate(10) })], { shares: { ten: 0 } })
  process_.clock.nowMs += 900
  assert.equal(kept(), 0)
})

test('a policy ends at its time, not before; then the root sampler decides', () => {
  const process_ = bench()
  process_.become([policy('none', { strategy: chance(0), endsMs: process_.clock.nowMs + 10 })])
  process_.clock.nowMs += 9
  assert.equal(process_.serve(), undefined)
  process_.clock.nowMs += 1
  assert.ok(process_.serve() instanceof Span)
})

test('processes with the same policies decide alike about the same trace, and fewer keep a part of more', () => {
  const sets = [0.3, 0.3, 0.05].map((p) => {
    const process_ = bench({ seed: 99 })
    process_.become([policy('some', { strategy: chance(p) })])
    return new Set(Array.from({ length: 5000 }, () => process_.serve()?.traceId))
  })
  const [a, b, few] = sets
  assert.deepEqual(a, b)
  assert.ok(few !== undefined && few.size > 100 && [...few].every((id) => a?.has(id)))
})

test('a parent that was decided elsewhere decides, whatever the policies say', () => {
  const process_ = bench()
  process_.become([policy('none', { strategy: chance(0) })])
  const parent = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), isRemote: true }
  const kept = process_.begin({ parent: { ...parent, traceFlags: 1, traceState: 'ot=th:8' } })
  assert.ok(kept instanceof Span && kept.traceState === 'ot=th:8')
  process_.become([policy('all', { strategy: chance(1) })])
  assert.ok(!(process_.begin({ parent: { ...parent, traceFlags: 0 } }) instanceof Span))
})

test('a request waits for its mark: nothing before it, all after it, below the root', () => {
  const process_ = bench({ sampler: { kind: 'always_off' } })
  process_.become([policy('retry', { strategy: chance(1), restraints: [on('mark', 'retry')] })])
  assert.equal(process_.serve('/', { within: ({ child }) => void child() }), undefined)
  let late: unknown
  const root = process_.serve('/', {
    within: ({ mark, child }) => {
      const early = child()
      assert.ok(!(early instanceof Span) && early.traceFlags === 0)
      mark('retry')
      late = child()
      // What began silent goes on recorded.
      assert.equal(early.traceFlags, 1)
    },
  })
  assert.ok(root instanceof Span && late instanceof Span)
  assert.equal(late.parent?.spanId, root.spanId)
  assert.equal(root.kind, KIND.server)
  assert.equal(root.traceState, 'ot=th:0,crosscut=k:1')
  assert.equal(process_.head.isHolding, false)
})

test('a request waits for its tenant', () => {
  const process_ = bench({ sampler: { kind: 'always_off' } })
  process_.become([policy('vip', { strategy: chance(1), restraints: [on('tenant', 'v*', 'glob')] })])
  const named = (tenant: string) => ({ within: () => process_.head.tenantNamed(tenant) })
  assert.equal(process_.serve('/', named('other')), undefined)
  assert.ok(process_.serve('/', named('vera')) instanceof Span)
  assert.ok(process_.serve('/', { tenant: 'vera' }) instanceof Span)
})

test('marks, with a policy for all beside them: all and those that reached it are estimated right', () => {
  const process_ = bench({ seed: 21 })
  process_.become([
    policy('all', { strategy: chance(0.05) }),
    policy('retry', { strategy: chance(0.4), restraints: [on('mark', 'retry')] }),
  ])
  const all = { marked: [] as number[], plain: [] as number[] }
  const kept = { marked: [] as Kept[], plain: [] as Kept[] }
  for (let i = 0; i < 30_000; i++) {
    const which = process_.random.uint32() % 3 === 0 ? 'marked' : 'plain'
    const value = latency(process_)
    all[which].push(value)
    const span = process_.serve('/', { within: ({ mark }) => which === 'marked' && mark('retry') })
    if (span !== undefined) kept[which].push({ value, weight: weight(span) })
  }
  assertEstimates(all.marked, kept.marked, 0.4)
  assertEstimates(all.plain, kept.plain, 0.05)
})

test('a page is decided about where its document is served, and waits for nothing', () => {
  const process_ = bench({ sampler: { kind: 'always_off' } })
  process_.become([
    policy('pages', { strategy: chance(1), restraints: [on('http.route', '/page')] }),
    policy('retry', { strategy: chance(1), restraints: [on('mark', 'retry')] }),
  ])
  const reserve = (url: string) =>
    process_.reserve(
      Object.assign(Object.create(null), { request: { method: 'GET', url }, baggage: Baggage.empty }),
    )
  const page = reserve('/page?x=1')
  assert.deepEqual([page.traceFlags, page.traceState], [1, 'ot=th:0,crosscut=k:1'])
  assert.equal(reserve('/other').traceFlags, 0)
  assert.equal(process_.head.isHolding, false)
})

test('a coarse trace leaves out what is inside, and what goes out hangs below what came in', () => {
  const process_ = bench()
  process_.become([policy('coarse', { strategy: chance(1), levelOfDetail: 'coarse' })])
  process_.serve('/', {
    within: ({ root, child }) => {
      const inside = child()
      assert.ok(!(inside instanceof Span))
      const client = process_.begin({ kind: KIND.client, parent: inside })
      assert.ok(client instanceof Span && client.parent?.spanId === root.spanId)
      assert.equal(client.traceState, 'ot=th:0,crosscut=d:c;k:1')
    },
  })
})

test('of two policies that chose a trace the finer level holds; a fine span counts CPU time', () => {
  const process_ = bench()
  process_.become([
    policy('coarse', { strategy: chance(1), levelOfDetail: 'coarse' }),
    policy('fine', { strategy: chance(1), levelOfDetail: 'fine' }),
  ])
  const root = process_.serve()
  assert.equal(root?.traceState, 'ot=th:0,crosscut=d:f;k:1')
  assert.equal(typeof root.get('crosscut.counter.process_cpu_time'), 'number')
})

test('a policy for another service or place is none here: the recorder is as without policies', () => {
  const process_ = bench({ service: 'shop' })
  process_.become([
    policy('other', { strategy: chance(0), restraints: [on('service.name', 'stock')] }),
    policy('elsewhere', {
      strategy: chance(0),
      restraints: [on('resource.deployment.environment.name', 'green')],
    }),
  ])
  assert.equal(process_.head.isOn, false)
  assert.equal(process_.serve()?.traceState, undefined)
  process_.become([
    policy('here', {
      strategy: chance(0),
      restraints: [on('resource.deployment.environment.name', 'b*', 'glob')],
    }),
  ])
  assert.equal(process_.serve(), undefined)
  process_.head.become(undefined)
  assert.ok(process_.serve() instanceof Span)
})

test('a hostile state leaves what can be understood, and throws nothing', () => {
  const process_ = bench()
  for (const state of [
    null,
    7,
    'x',
    [],
    { policies: 'x' },
    { policies: [null, {}, []], shares: 3, share: 'x' },
  ])
    process_.head.become(state)
  assert.equal(process_.head.isOn, false)
  assert.equal(process_.ledger.drops['sampling-policy-refused'], 3)
  process_.head.become({
    policies: [policy('five', { strategy: rate(5) })],
    share: -1,
    perSecond: Number.NaN,
  })
  assert.equal(process_.serve(), undefined)
  const many = Array.from({ length: 300 }, (_, i) => policy(`p${i}`, { strategy: chance(0) }))
  process_.become(many)
  assert.equal(process_.head.use().length, 256)
})

test('requests that wait are forgotten beyond the bound, and counted', () => {
  const process_ = bench({ sampler: { kind: 'always_off' } })
  process_.become([policy('retry', { strategy: chance(1), restraints: [on('mark', 'retry')] })])
  const request = Object.assign(Object.create(null), {
    request: { method: 'GET', url: '/' },
    baggage: Baggage.empty,
  })
  for (let i = 0; i < 10_000; i++) process_.begin({ kind: KIND.server, request })
  assert.equal(process_.ledger.drops['sampling-root-forgotten'], undefined)
  process_.begin({ kind: KIND.server, request })
  assert.equal(process_.ledger.drops['sampling-root-forgotten'], 1)
})
