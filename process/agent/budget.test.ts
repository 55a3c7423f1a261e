// The budget of advice and the watchdog's verdict, on a clock that the advice itself moves.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdviceEnvironment } from '#advice'
import { AdviceBudget } from './budget.ts'
import { ADVICE_SAMPLE_EVERY } from './limits.ts'
import { blameFor } from './watchdog.ts'

const budgetAt = (clock: { readonly nowMs: number }): AdviceBudget =>
  new AdviceBudget({ now: () => clock.nowMs, cpuMs: () => clock.nowMs, random: seeded(1), savedWindows: 0 })

/** Park and Miller's generator. */
function seeded(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

/** Runs advice that takes `us` so often that hits would take `hits * us` if all were served. */
function hit(budget: AdviceBudget, clock: { nowMs: number }, hits: number, us: number): number[] {
  const weights: number[] = []
  const environment = {} as AdviceEnvironment
  const advice = {
    packs: false,
    run(_environment: AdviceEnvironment, weight = 1) {
      clock.nowMs += us / 1000
      weights.push(weight)
    },
  }
  const meter = budget.meter('t')
  for (let i = 0; i < hits; i++) if (meter.takes()) meter.run(advice, environment)
  return weights
}

test('advice within its budget is exact', () => {
  const clock = { nowMs: 0 }
  const budget = budgetAt(clock)
  // With what a hit costs beside its advice.
  const weights = hit(budget, clock, 9400, 1)
  assert.equal(weights.length, 9400)
  assert.ok(weights.every((weight) => weight === 1))
})

test('advice above its budget is sampled, and what is sampled counts for the rest', () => {
  const clock = { nowMs: 0 }
  const budget = budgetAt(clock)
  const weights = hit(budget, clock, 100_000, 1)
  assert.ok(weights.length < 50_000, `${weights.length} runs`)
  const counted = weights.reduce((sum, weight) => sum + weight, 0)
  // One hit in 4 of 40,000, one in 16 of 50,000: 3 sigma are 2,800.
  assert.ok(Math.abs(counted - 100_000) <= 2800, `${counted}`)
  assert.ok((budget.use('t')?.every ?? 0) > 1)
  // Quiet seconds bring it back, step by step.
  for (let second = 0; second < 6; second++) budget.turn()
  assert.equal(budget.use('t')?.every, 1)
})

test('what was not used is saved for a burst, up to a bound, and a result that was sampled stays told', () => {
  const clock = { nowMs: 0 }
  const budget = new AdviceBudget({
    now: () => clock.nowMs,
    cpuMs: () => clock.nowMs,
    random: seeded(1),
    savedWindows: 3,
  })
  // Four windows' worth at once, of 10 ms each; the hit itself costs 50 ns beside its advice.
  hit(budget, clock, 37_000, 1)
  assert.deepEqual([budget.use('t')?.every, budget.use('t')?.estimated], [1, 0])
  budget.turn()
  hit(budget, clock, 11_000, 1)
  assert.equal(budget.use('t')?.every, 4)
  assert.ok((budget.use('t')?.estimated ?? 0) > 0)
  for (let second = 0; second < 6; second++) budget.turn()
  assert.equal(budget.use('t')?.every, 1)
  assert.ok((budget.use('t')?.estimated ?? 0) > 0)
  hit(budget, clock, 37_000, 1)
  assert.equal(budget.use('t')?.every, 1, 'saved again')
})

test('one run that the machine put to sleep degrades nothing', () => {
  const clock = { nowMs: 0 }
  const budget = budgetAt(clock)
  for (let i = 0; i < 8; i++) {
    hit(budget, clock, 1000, 1)
    hit(budget, clock, 1, 30_000)
  }
  assert.equal(budget.use('t')?.every, 1)
})

test('advice whose every run is long is known by its first runs, not by its first hundreds', () => {
  for (const before of [0, 1000]) {
    const clock = { nowMs: 0 }
    const budget = budgetAt(clock)
    hit(budget, clock, before, 1)
    const startMs = clock.nowMs
    const runs = hit(budget, clock, 1_000_000, 12_000).length
    assert.equal(budget.use('t')?.every, 0)
    assert.ok(clock.nowMs - startMs <= 64 * 12 + 500, `${runs} runs, ${clock.nowMs - startMs} ms`)
  }
})

test('hits that are only passed by cost too: too many of them disarm, in the middle of a window', () => {
  const clock = { nowMs: 0 }
  let isToldOf = false
  const budget = new AdviceBudget({
    now: () => clock.nowMs,
    random: seeded(1),
    onDisarmed: () => (isToldOf = true),
  })
  hit(budget, clock, 10_000_000, 1)
  assert.deepEqual([budget.use('t')?.every, budget.use('t')?.why, isToldOf], [0, 'cpu', true])
})

test('two advices of a tool that take turns are taken independently: pairs stay unbiased', () => {
  const clock = { nowMs: 0 }
  const budget = budgetAt(clock)
  budget.degradeDearest('cpu')
  const meter = budget.meter('t')
  meter.degrade('cpu')
  assert.equal(meter.every, 4)
  let pairs = 0
  for (let i = 0; i < 40_000; i++) {
    const isPacked = meter.takes()
    if (meter.takes() && isPacked) pairs += 1
  }
  // Each stands for 16: 2,500 are expected, sigma is 48.
  assert.ok(Math.abs(pairs - 2500) < 200, `${pairs}`)
})

test('what costs too much even so is disarmed, said once, and tried again after its time', () => {
  const clock = { nowMs: 0 }
  const budget = budgetAt(clock)
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
  const budget = budgetAt(clock)
  const names = Array.from({ length: 16 }, (_, i) => `t${i}`)
  budget.keep(names)
  const run = (us: number) => ({ packs: false, run: () => void (clock.nowMs += us / 1000) })
  for (let i = 0; i < 1920; i++)
    for (const name of names) budget.meter(name).run(run(name === 't3' ? 0.9 : 0.8), {} as AdviceEnvironment)
  assert.ok((budget.use('t3')?.every ?? 1) > 1)
  assert.equal(budget.use('t4')?.every, 1)
})

const MIB = 2 ** 20
const well = { lateMs: 2, heapBytes: 100 * MIB, heapBytesMax: 1000 * MIB }
const idle = { feltNs: 100_000, heldBytes: 1000 }

test('advice is blamed for a late loop or a full heap only where it has its part in it', () => {
  const verdicts = [
    [well, idle],
    [{ ...well, lateMs: 300 }, idle],
    [
      { ...well, lateMs: 300 },
      { ...idle, feltNs: 149e6 },
    ],
    [
      { ...well, lateMs: 300 },
      { ...idle, feltNs: 150e6 },
    ],
    [
      { ...well, lateMs: 49 },
      { ...idle, feltNs: 49e6 },
    ],
    [{ ...well, heapBytes: 950 * MIB }, idle],
    [
      { ...well, heapBytes: 950 * MIB },
      { ...idle, heldBytes: 50 * MIB },
    ],
    [
      { ...well, heapBytes: 850 * MIB },
      { ...idle, heldBytes: 500 * MIB },
    ],
  ] as const
  assert.deepEqual(
    verdicts.map(([vitals, share]) => blameFor(vitals, share)),
    [undefined, undefined, undefined, 'loop', undefined, undefined, 'heap', undefined],
  )
})

test('runs in which the machine put the thread to sleep are not felt', () => {
  const clock = { nowMs: 0, cpuMs: 0 }
  const budget = new AdviceBudget({
    now: () => clock.nowMs,
    cpuMs: () => clock.cpuMs,
    random: seeded(1),
    savedWindows: 0,
  })
  const advice = {
    packs: false,
    run() {
      clock.cpuMs += 0.001
      clock.nowMs += 50
    },
  }
  // Before the first nobody has asked for its CPU time: it is taken for 1 ms.
  for (let i = 0; i < 1000; i++) budget.meter('t').run(advice, {} as AdviceEnvironment)
  assert.ok(budget.feltNs < 1e6 + 1000 * 3000, `${budget.feltNs} ns`)
  assert.equal(budget.use('t')?.every, 1)
})

test('the CPU clock is asked behind a long run only: of short ones it tells nothing', () => {
  const clock = { nowMs: 0, asked: 0 }
  const budget = new AdviceBudget({
    now: () => clock.nowMs,
    cpuMs: () => {
      clock.asked += 1
      return clock.nowMs
    },
    random: seeded(1),
    savedWindows: 0,
  })
  const runs = (count: number, ms: number): void => {
    const run = (): void => void (clock.nowMs += ms)
    for (let i = 0; i < count; i++) budget.meter('t').run({ packs: false, run }, {} as AdviceEnvironment)
  }
  for (let i = 0; i < 100; i++) {
    runs(20, 0.001)
    runs(1, 0.9)
  }
  assert.equal(clock.asked, 0)
  runs(ADVICE_SAMPLE_EVERY, 1.1)
  runs(20, 0.001)
  assert.ok(clock.asked > 0)
})

test('what was cut from long runs is felt all the same, and the tool that held up the loop gives way', () => {
  const clock = { nowMs: 0 }
  const budget = budgetAt(clock)
  hit(budget, clock, 1000, 1)
  budget.turn()
  // As a collection of garbage would look: the budget does not believe it.
  hit(budget, clock, 64, 1)
  hit(budget, clock, 1, 0)
  for (let i = 0; i < 64 && budget.feltNs < 80e6; i++) hit(budget, clock, 1, 80_000)
  assert.equal(budget.use('t')?.every, 1)
  assert.equal(blameFor({ ...well, lateMs: 80 }, { ...idle, feltNs: budget.feltNs }), 'loop')
  budget.degradeDearest('loop')
  assert.deepEqual([budget.use('t')?.every, budget.use('t')?.why], [4, 'loop'])
  budget.turn()
  assert.deepEqual([budget.use('t')?.every, budget.use('t')?.why], [1, undefined])
})
