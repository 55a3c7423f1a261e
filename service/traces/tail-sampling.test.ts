// The tail rule on summaries, without a store: what is kept, and that what is kept says how it was with all.
//
// Bounds as for the head (process/agent/head-sampling.test.ts): N traces of value x, each kept with p and
// weighed 1/p, give the sum of x within 5 sqrt(sum of x^2 (1 - p) / p). Those kept for a reason add no
// spread.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom, toHex } from '#base'
import { thresholdOf, weightOfState, type TailRule } from '#protocol'
import type { Summary } from './assembler.ts'
import {
  DROP_AFTER_MS,
  DROPPED_WAITING_MAX,
  TAIL_OPERATIONS_MAX,
  TAIL_SAMPLES_MIN,
  TAIL_WINDOW_MS,
} from './assembly-limits.ts'
import { DurationTails } from './duration-tails.ts'
import type { SummaryRow } from './summary-table.ts'
import { TailSampling } from './tail-sampling.ts'

const RULE: TailRule = { slow: false, failed: false, rareBelow: 0, probability: 0.1 }
const random = seededRandom(17)
const uniform = (): number => random.uint32() / 2 ** 32

function traceId(): string {
  const bytes = new Uint8Array(16)
  random.fill(bytes)
  return toHex(bytes)
}

function rowOf(change: Partial<Summary> = {}, more: Partial<SummaryRow> = {}): SummaryRow {
  const summary: Summary = {
    traceId: traceId(),
    startNs: 1n,
    durationNs: 1_000_000n,
    rootService: 'shop',
    rootName: 'GET /',
    hasRoot: true,
    spanCount: 1,
    errorCount: 0,
    rootTraceState: '',
    headWeight: 1,
    services: new Map(),
    operations: [],
    ...change,
  }
  return { summary, version: 1n, isDeleted: false, weight: 1, isAgain: false, ...more }
}

function ruled(rule: Partial<TailRule> = {}): TailSampling {
  const tail = new TailSampling()
  tail.become({ ...RULE, ...rule })
  return tail
}

const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0)
const LOW = `${'1'.repeat(18)}00000000000001`
const HIGH = `${'1'.repeat(18)}ffffffffffffff`

test('without a rule there is nothing to decide', () => {
  assert.equal(new TailSampling().isIdle, true)
})

for (const headP of [1, 0.25]) {
  test(`traces kept by chance after a head of ${headP} estimate count and sum of all, head and tail multiplied`, () => {
    const tail = ruled()
    const p = headP * RULE.probability
    const threshold = thresholdOf(headP)
    const state = headP === 1 ? '' : `ot=th:${threshold}`
    const all: number[] = []
    const kept: { readonly value: number; readonly weight: number }[] = []
    for (let i = 0; i < 60_000; i++) {
      const value = Math.exp(3 * uniform())
      all.push(value)
      const row = rowOf({ rootTraceState: state, durationNs: BigInt(Math.round(value * 1e6)) })
      const id = row.summary.traceId
      if (id.slice(-14) < threshold) continue
      for (const one of tail.keep([row], i / 100))
        kept.push({ value, weight: one.weight * weightOfState(id, state) })
    }
    const spread = (x: readonly number[]): number => 5 * Math.sqrt((sum(x.map((v) => v * v)) * (1 - p)) / p)
    assert.ok(Math.abs(sum(kept.map(({ weight }) => weight)) - all.length) <= spread(all.map(() => 1)))
    assert.ok(Math.abs(sum(kept.map(({ weight, value }) => weight * value)) - sum(all)) <= spread(all))
    assert.equal(tail.stats().tailKept.chance, kept.length)
  })
}

test('slow and failed ones are all kept at weight 1, and with the others they estimate all', () => {
  const tail = ruled({ slow: true, failed: true })
  let all = 0
  let counted = 0
  let failures = 0
  let slow = 0
  for (let i = 0; i < 40_000; i++) {
    const isFailed = uniform() < 0.02
    const ms = uniform() < 0.005 ? 500 + 100 * uniform() : 1 + 10 * uniform()
    const row = rowOf({ errorCount: isFailed ? 1 : 0, durationNs: BigInt(Math.round(ms * 1e6)) })
    const [kept] = tail.keep([row], i)
    all += 1
    counted += kept?.weight ?? 0
    if (isFailed) failures += kept?.weight ?? 0
    if (isFailed) assert.equal(kept?.weight, 1)
    if (!isFailed && ms > 400 && i > 1000) {
      assert.equal(kept?.weight, 1)
      slow += 1
    }
  }
  const p = RULE.probability
  assert.ok(Math.abs(counted - all) <= 5 * Math.sqrt((all * (1 - p)) / p))
  const stats = tail.stats()
  assert.equal(stats.tailKept.failed, failures)
  assert.ok(stats.tailKept.slow >= slow && slow > 100)
  assert.equal(sum(Object.values(stats.tailKept)) + stats.tailDropped, all)
})

test('an operation is rare until it was seen often enough in the window, to the trace', () => {
  const tail = ruled({ rareBelow: 3, probability: 1e-6 })
  const ids = Array.from({ length: 5 }, (_, i) => `${String(i).repeat(18)}00000000000001`)
  const keep = (id: string, atMs: number): number => tail.keep([rowOf({ traceId: id })], atMs).length
  assert.deepEqual(
    ids.slice(0, 4).map((id) => keep(id, 0)),
    [1, 1, 1, 0],
  )
  assert.equal(keep(ids[4] ?? '', 2 * TAIL_WINDOW_MS), 1)
})

test('a trace that a policy asked for is kept, whatever the rule says, and counted so', () => {
  const tail = ruled({ probability: 1e-6 })
  const [kept] = tail.keep([rowOf({ traceId: LOW, rootTraceState: 'ot=th:0,crosscut=k:1' })], 0)
  assert.equal(kept?.weight, 1)
  assert.equal(tail.stats().tailKept.policy, 1)
})

test('a hostile tracestate neither throws nor makes a trace wanted', () => {
  const tail = ruled({ probability: 1e-6 })
  for (const state of ['crosscut=k:2', 'crosscut=w:9', 'ot=th:zz', 'ot=th:ffffffffffffff', '=,;:', 'k:1'])
    assert.equal(tail.keep([rowOf({ traceId: LOW, rootTraceState: state })], 0).length, 0, state)
})

test('decisions stand when they are asked again: a retry of the store counts nothing twice', () => {
  const tail = ruled()
  const rows = [rowOf({ traceId: LOW }), rowOf({ traceId: HIGH })]
  const first = tail.keep(rows, 0)
  const before = tail.stats()
  assert.deepEqual(tail.keep(rows, 1), first)
  assert.deepEqual(tail.stats(), before)
  assert.deepEqual(
    first.map(({ summary, weight }) => [summary.traceId, weight]),
    [[HIGH, 10]],
  )
})

test('what was kept stays kept with its weight, also by a worker before us', () => {
  const tail = ruled({ probability: 1e-6 })
  const [kept] = tail.keep([rowOf({ traceId: LOW }, { isAgain: true, weight: 7 })], 0)
  assert.equal(kept?.weight, 7)
})

test('a rule that is gone leaves what it kept its weight, and decides about nothing else', () => {
  const tail = ruled()
  tail.keep([rowOf({ traceId: HIGH })], 0)
  tail.become(undefined)
  const rows = tail.keep([rowOf({ traceId: HIGH, spanCount: 2 }), rowOf({ traceId: LOW })], 10)
  assert.deepEqual(
    rows.map(({ weight }) => weight),
    [10, 1],
  )
  assert.deepEqual(Object.values(tail.stats().tailKept), [0, 0, 0, 0, 1, 0])
})

test('datasets get what is kept, with its weight, and nothing of what is dropped', () => {
  const tail = ruled()
  const rows = [rowOf({ traceId: LOW }), rowOf({ traceId: HIGH })]
  const due = rows.map(({ summary }) => ({ traceId: summary.traceId }))
  assert.deepEqual(
    new TailSampling().kept(due),
    due.map((one) => ({ ...one, tailWeight: 1 })),
  )
  tail.keep(rows, 0)
  assert.deepEqual(tail.kept(due), [{ traceId: HIGH, tailWeight: 10 }])
})

test('a dropped trace comes back when later spans make it failed, with its moved row', () => {
  const tail = ruled({ failed: true })
  assert.deepEqual(tail.keep([rowOf({ traceId: LOW })], 0), [])
  const late = rowOf({ traceId: LOW, errorCount: 1 })
  const moved = { ...rowOf({ traceId: LOW }), isDeleted: true }
  assert.equal(tail.keep([late, moved], 10).length, 2)
  assert.deepEqual(tail.due(DROP_AFTER_MS + 20, 10), [])
  assert.equal(tail.stats().tailDropped, 0)
})

test('spans of a dropped trace go after the last moment at which it could come back, not before', () => {
  const tail = ruled()
  tail.keep([rowOf({ traceId: LOW })], 0)
  assert.deepEqual(tail.due(DROP_AFTER_MS - 1, 10), [])
  assert.deepEqual(tail.due(DROP_AFTER_MS, 10), [LOW])
  tail.become(undefined)
  assert.equal(tail.isIdle, false)
  tail.deleted([LOW])
  assert.equal(tail.isIdle, true)
  assert.equal(tail.stats().tailDeleted, 1)
})

test('ids that wait are bounded: beyond, the oldest are due at once', () => {
  const tail = ruled({ probability: 1e-6 })
  for (let i = 0; i < DROPPED_WAITING_MAX; i++)
    tail.keep([rowOf({ traceId: `${i.toString(16).padStart(18, '0')}00000000000000` })], 0)
  assert.equal(tail.due(1, 10).length, 0)
  tail.keep([rowOf({ traceId: `${'f'.repeat(18)}00000000000000` })], 0)
  assert.equal(tail.due(1, 10).length, 10)
})

test('a p99 is known from its 200th trace on, within a ninth, and for two windows', () => {
  const tails = new DurationTails()
  for (let i = 0; i < TAIL_SAMPLES_MIN - 1; i++) tails.add('a', 1e6 * (1 + (i % 100)), 0)
  assert.ok(Number.isNaN(tails.p99Ns('a', 0)))
  tails.add('a', 1e6, 0)
  const p99 = tails.p99Ns('a', TAIL_WINDOW_MS)
  assert.ok(p99 >= 98e6 && p99 <= 99e6 * 1.1, String(p99))
  assert.ok(Number.isNaN(tails.p99Ns('a', 2 * TAIL_WINDOW_MS)))
  assert.equal(tails.seen('b', 0), 0)
})

test('durations of any size have a bucket, and of too many operations the oldest is forgotten', () => {
  const tails = new DurationTails()
  for (const ns of [0, 1, 2 ** 39, 2 ** 63]) for (let i = 0; i < 100; i++) tails.add('a', ns, 0)
  assert.ok(tails.p99Ns('a', 0) > 2 ** 38)
  for (let i = 0; i < TAIL_OPERATIONS_MAX - 1; i++) tails.add(`op ${i}`, 1, 0)
  assert.equal(tails.seen('a', 0), 400)
  tails.add('one more', 1, 0)
  assert.equal(tails.seen('a', 0), 0)
})
