// Which spans a new span is linked to: those that happened before it and that nothing else implies.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Baggage, loadBdl } from '#baggage'
import { TRAIL_MAX } from './limits.ts'
import { Span } from './span.ts'
import { beginAfterTrail, endOfTrail, trailOf } from './trail.ts'

let made = 0
function spanOf(parent?: Span): Span {
  made += 1
  return new Span({
    name: `s${made}`,
    kind: 1,
    traceId: 'a'.repeat(32),
    spanId: made.toString(16).padStart(16, '0'),
    parent,
    scope: { name: '', version: '' },
    startMs: made,
  })
}

const linked = (span: Span): readonly string[] => (span.links ?? []).map((link) => link.spanId).sort()
const idsIn = (baggage: Baggage): readonly string[] =>
  trailOf(baggage)
    .map(({ spanId }) => spanId)
    .sort()
const idsOf = (...spans: readonly Span[]): readonly string[] => spans.map((span) => span.spanId).sort()

test('a span after two joined branches is linked to both, and not to what both began after', () => {
  const [first, a, b, after] = [spanOf(), spanOf(), spanOf(), spanOf()]
  const start = endOfTrail(beginAfterTrail(Baggage.empty, first), first)
  const ends = [a, b].map((span) => endOfTrail(beginAfterTrail(start, span), span))
  beginAfterTrail(start.join(Baggage.join(...ends)), after)
  assert.deepEqual([linked(a), linked(b)], [idsOf(first), idsOf(first)])
  assert.deepEqual(linked(after), idsOf(a, b))
})

test('nothing is linked to its own ancestors, nor to what an ancestor was linked to', () => {
  const before = spanOf()
  const baggage = endOfTrail(beginAfterTrail(Baggage.empty, before), before)
  const parent = spanOf()
  const inner = beginAfterTrail(baggage, parent)
  const child = spanOf(parent)
  beginAfterTrail(inner, child)
  assert.deepEqual([linked(parent), linked(child)], [idsOf(before), []])
})

test('a loop of a thousand spans that join one by one links each to the one before, and the trail stays short', () => {
  let baggage: Baggage = Baggage.empty
  let previous: Span | undefined
  for (let i = 0; i < 1000; i += 1) {
    const span = spanOf()
    baggage = beginAfterTrail(baggage, span)
    assert.deepEqual(linked(span), previous === undefined ? [] : idsOf(previous))
    baggage = baggage.join(endOfTrail(baggage, span))
    assert.ok(trailOf(baggage).length <= 2)
    previous = span
  }
})

test('a join of more spans than are remembered keeps TRAIL_MAX of them', () => {
  for (const [width, kept] of [
    [TRAIL_MAX, TRAIL_MAX],
    [TRAIL_MAX + 1, TRAIL_MAX],
  ] as const) {
    const spans = Array.from({ length: width }, () => spanOf())
    const joined = Baggage.join(
      ...spans.map((span) => endOfTrail(beginAfterTrail(Baggage.empty, span), span)),
    )
    const after = spanOf()
    beginAfterTrail(joined, after)
    assert.equal(linked(after).length, kept)
  }
})

test('the trail goes with baggage through writes, joins and trims, and never into its bytes', () => {
  const { Meter } = loadBdl('bag Meter = 70 { counter used = 0; }')
  assert.ok(Meter)
  const meter = Meter.increment(Baggage.empty, 'used', 5)
  const [a, b] = [spanOf(), spanOf()]
  const ended = endOfTrail(meter, a)
  assert.deepEqual(idsIn(Meter.increment(ended, 'used', 1)), idsOf(a))
  assert.deepEqual(idsIn(ended.trim(1)), idsOf(a))
  assert.deepEqual(idsIn(ended.join(endOfTrail(Baggage.empty, b))), idsOf(a, b))
  assert.deepEqual(idsIn(Baggage.join(Baggage.empty, endOfTrail(Baggage.empty, b), ended)), idsOf(a, b))
  assert.deepEqual(idsIn(endOfTrail(ended, b)), idsOf(b))
  assert.equal(ended.encode(), meter.encode())
  assert.ok(ended.equals(meter))
  assert.deepEqual(idsIn(Baggage.decode(ended.encode())), [])
})

test('a join that learns nothing of the trail gives the value itself', () => {
  const ended = endOfTrail(Baggage.of([Uint8Array.of(0, 1)]), spanOf())
  assert.equal(ended.join(Baggage.of([Uint8Array.of(0, 1)])), ended)
  assert.equal(Baggage.empty.join(ended), ended)
  assert.equal(ended.join(ended), ended)
})
