// Replays through the face: known answers, laws on random traces, and an oracle that runs a tree of spans the
// way a program would, without a graph.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  buildTrace,
  criticalPath,
  endToEnd,
  exclusiveTimes,
  impactOf,
  replay,
  scheduleOf,
  slacks,
  whatIf,
  type Trace,
} from './index.ts'
import { anyTrace, causalTrace, edge, span, tidyTrace, type Brief } from './testing/random-trace.ts'

const SEED = 20261128

const cases: readonly {
  readonly says: string
  readonly spans: readonly Brief[]
  readonly faster: { readonly name: string; readonly faster: number }
  readonly expect: readonly [before: number, after: number]
}[] = [
  {
    says: 'work of a block alone shrinks with it',
    spans: [{ id: 'r', at: 0, to: 100 }],
    faster: { name: 'op-r', faster: 20 },
    expect: [100, 80],
  },
  {
    says: 'of two parallel calls the longer saves until the other is the longer',
    spans: [
      { id: 'r', at: 0, to: 100 },
      { id: 'long', up: 'r', at: 0, to: 90 },
      { id: 'short', up: 'r', at: 0, to: 60 },
    ],
    faster: { name: 'op-long', faster: 100 },
    expect: [100, 70],
  },
  {
    says: 'the shorter of two parallel calls saves nothing',
    spans: [
      { id: 'r', at: 0, to: 100 },
      { id: 'long', up: 'r', at: 0, to: 90 },
      { id: 'short', up: 'r', at: 0, to: 60 },
    ],
    faster: { name: 'op-short', faster: 50 },
    expect: [100, 100],
  },
  {
    says: 'what waits for a child is not shortened, what the parent does between is',
    spans: [
      { id: 'r', at: 0, to: 100 },
      { id: 'c', up: 'r', at: 40, to: 80 },
    ],
    faster: { name: 'op-r', faster: 50 },
    expect: [100, 70],
  },
  {
    says: 'a join makes the joined branch count, though it is no child',
    spans: [
      { id: 'r', at: 0, to: 100 },
      { id: 'a', up: 'r', at: 0, to: 50 },
      { id: 'b', up: 'a', at: 10, to: 40 },
      { id: 'c', up: 'r', at: 60, to: 100, links: [edge('b', 'join')] },
    ],
    faster: { name: 'op-b', faster: 100 },
    expect: [100, 70],
  },
  {
    says: 'of several branches joined at one instant the last one decides, the others had waited',
    spans: [
      { id: 'r', at: 0, to: 100 },
      { id: 'a', up: 'r', at: 0, to: 20 },
      { id: 'b', up: 'r', at: 0, to: 50 },
      { id: 'c', up: 'r', at: 55, to: 100, links: [edge('a', 'join'), edge('b', 'join')] },
    ],
    faster: { name: 'op-b', faster: 50 },
    expect: [100, 75],
  },
  {
    says: 'time in a queue stays what it was',
    spans: [
      { id: 'r', at: 0, to: 100, kind: 4 },
      { id: 'w', up: 'r', at: 30, to: 80, kind: 5, links: [] },
      { id: 'last', up: 'r', at: 90, to: 95, links: [edge('w', 'queue', { from: 80, to: 90 })] },
    ],
    faster: { name: 'op-w', faster: 50 },
    expect: [100, 75],
  },
]

for (const { says, spans, faster, expect } of cases) {
  test(`what if: ${says}`, () => {
    const { beforeNs, afterNs } = whatIf(buildTrace(spans.map(span)), faster)
    assert.deepEqual([Number(beforeNs), Number(afterNs)], expect)
  })
}

test('slack is how much room there is, drag what the whole would win; an unawaited block has no slack', () => {
  const trace = buildTrace([
    span({ id: 'r', at: 0, to: 100 }),
    span({ id: 'long', up: 'r', at: 0, to: 90 }),
    span({ id: 'short', up: 'r', at: 0, to: 60 }),
    span({ id: 'free', up: 'r', at: 20, to: 40, kind: 4 }),
    span({ id: 'late', up: 'free', at: 30, to: 900, kind: 5 }),
  ])
  assert.deepEqual(impactOf(trace, 'long'), { slackNs: 0n, dragNs: 30n, workNs: 90n })
  assert.deepEqual(impactOf(trace, 'short'), { slackNs: 30n, dragNs: 0n, workNs: 60n })
  assert.deepEqual(impactOf(trace, 'late'), { dragNs: 0n, workNs: 870n })
  assert.equal(impactOf(trace, 'nobody'), undefined)
  assert.deepEqual(whatIf(buildTrace([]), { faster: 50 }), { beforeNs: 0n, afterNs: 0n })
})

const scales = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 })

test('law: nothing shortened is the trace itself, checkpoint by checkpoint, circles and bad clocks included', () => {
  fc.assert(
    fc.property(anyTrace, (spans) => {
      const schedule = scheduleOf(buildTrace(spans))
      assert.deepEqual([...replay(schedule, () => 1)], [...schedule.time])
    }),
    { seed: SEED, numRuns: 2000 },
  )
})

test('law: less work is never slower, anywhere; and less of it saves no less', () => {
  fc.assert(
    fc.property(anyTrace, scales, scales, (spans, one, other) => {
      const schedule = scheduleOf(buildTrace(spans))
      const some = replay(schedule, (block) => one[block]!)
      const more = replay(schedule, (block) => one[block]! * other[block]!)
      for (let at = 0; at < some.length; at++) {
        assert.ok(some[at]! <= schedule.time[at]! + 1e-6)
        assert.ok(more[at]! <= some[at]! + 1e-6)
      }
    }),
    { seed: SEED, numRuns: 1000 },
  )
})

test('law: an operation saves at most what was taken of its time on the critical path; off it nothing', () => {
  fc.assert(
    fc.property(
      causalTrace,
      fc.constantFrom('a', 'b', 'c'),
      fc.constantFrom('x', 'y'),
      fc.constantFrom(20, 50, 100),
      (spans, service, name, faster) => {
        const trace = buildTrace(spans)
        const { beforeNs, afterNs } = whatIf(trace, { service, name, faster })
        const onPath = exclusiveTimes(criticalPath(trace)).get(`${service} ${name}`) ?? 0n
        assert.ok(afterNs <= beforeNs)
        assert.ok((Number(beforeNs - afterNs) - 1) * 100 <= Number(onPath) * faster + 1e-3)
        if (onPath === 0n) assert.equal(afterNs, beforeNs)
        assert.equal(whatIf(trace, { service, name, faster: 0 }).afterNs, beforeNs)
      },
    ),
    { seed: SEED, numRuns: 3000 },
  )
})

test('law: a block that grows by its slack makes nothing longer, and one without slack does', () => {
  fc.assert(
    fc.property(anyTrace, fc.nat(11), (spans, pick) => {
      const trace = buildTrace(spans)
      const schedule = scheduleOf(trace)
      const block = pick % trace.blocks.length
      const slack = slacks(schedule)[block]!
      assert.ok(slack >= 0)
      const works = workOf(schedule, block)
      const before = endToEnd(schedule, schedule.time)
      const grownBy = (ns: number): number =>
        endToEnd(
          schedule,
          replay(schedule, (index) => (index === block ? 1 + ns / works : 1)),
        )
      if (works === 0) return
      assert.ok(grownBy(Number.isFinite(slack) ? slack : 1e6) <= before + 1e-6)
    }),
    { seed: SEED, numRuns: 2000 },
  )
})

test('law: each work on the critical path has no slack', () => {
  fc.assert(
    fc.property(causalTrace, (spans) => {
      const trace = buildTrace(spans)
      const slack = slacks(scheduleOf(trace))
      for (const section of criticalPath(trace)) {
        if (section.waitedFor !== undefined) continue
        const block = trace.blocks.find(({ spanId }) => spanId === section.spanId)!
        // Time before a block of which nobody knows what it waited for is on its account, but not its work.
        if (section.startNs >= block.startNs) assert.equal(slack[block.index], 0)
      }
    }),
    { seed: SEED, numRuns: 1000 },
  )
})

/** Runs a tree of spans as a program would: work, start children, wait for those that it had waited for. */
function simulate(trace: Trace, scale: (block: number) => number): number {
  const relative = (ns: bigint): number => Number(ns - trace.blocks[0]!.startNs)
  const run = (block: number, begin: number): number => {
    const children = trace.blocks.filter(({ parent }) => parent === block)
    const happenings = children.flatMap(({ index, startNs, endNs }) => [
      { at: relative(startNs), rank: 0, child: index },
      { at: relative(endNs), rank: 1, child: index },
    ])
    happenings.sort((a, b) => a.at - b.at || a.rank - b.rank)
    const ends = new Map<number, number>()
    let now = begin
    let before = relative(trace.blocks[block]!.startNs)
    for (const { at, rank, child } of happenings) {
      if (rank === 0) {
        now += (at - before) * scale(block)
        ends.set(child, run(child, now))
      } else now = Math.max(now, ends.get(child)!)
      before = at
    }
    return now + (relative(trace.blocks[block]!.endNs) - before) * scale(block)
  }
  return run(0, 0)
}

test('oracle: on trees the replay is what running the program with less work gives', () => {
  fc.assert(
    fc.property(tidyTrace, scales, (spans, scale) => {
      const trace = buildTrace(spans)
      const schedule = scheduleOf(trace)
      const after = endToEnd(
        schedule,
        replay(schedule, (block) => scale[block]!),
      )
      assert.ok(Math.abs(after - simulate(trace, (block) => scale[block]!)) < 1e-6)
    }),
    { seed: SEED, numRuns: 1000 },
  )
})

test('a chain of 100,000 spans and a fan of 100,000 are replayed without recursion', () => {
  const chain = Array.from({ length: 100_000 }, (_, index) =>
    span({ id: `s${index}`, up: index === 0 ? undefined : `s${index - 1}`, at: index, to: 300_000 - index }),
  )
  const fan = Array.from({ length: 100_000 }, (_, index) =>
    span({
      id: `s${index}`,
      up: index === 0 ? undefined : 's0',
      at: index,
      to: index === 0 ? 200_000 : index + 9,
    }),
  )
  for (const spans of [chain, fan]) {
    const trace = buildTrace(spans)
    assert.equal(whatIf(trace, { faster: 100 }).afterNs, 0n)
    assert.equal(whatIf(trace, { faster: 0 }).afterNs, whatIf(trace, { faster: 0 }).beforeNs)
  }
})

/** All that grows when the block does: its own work, and what it did between an edge and what that led to. */
function workOf({ first, work, lag, worker }: ReturnType<typeof scheduleOf>, block: number): number {
  const own = work.subarray(first[block], first[block + 1]).reduce((sum, ns) => sum + ns, 0)
  return lag.reduce((sum, ns, link) => (worker[link] === block ? sum + ns : sum), own)
}
