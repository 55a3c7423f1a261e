// Which spans a new span is linked to: those that happened before it and that nothing else implies.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Baggage, loadBdl } from '#baggage'
import { TRAIL_MAX } from './limits.ts'
import { Span } from './span.ts'
import { readTrail, Trail, withoutTrail } from './trail.ts'

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
const idsOf = (...spans: readonly Span[]): readonly string[] => spans.map((span) => span.spanId).sort()

test('a span after two joined branches is linked to both, and not to what both began after', () => {
  const trail = new Trail()
  const [first, a, b, after] = [spanOf(), spanOf(), spanOf(), spanOf()]
  const start = trail.end(trail.begin(Baggage.empty, first), first)
  const ends = [a, b].map((span) => trail.end(trail.begin(start, span), span))
  trail.begin(start.join(Baggage.join(...ends)), after)
  assert.deepEqual([linked(a), linked(b)], [idsOf(first), idsOf(first)])
  assert.deepEqual(linked(after), idsOf(a, b))
})

test('nothing is linked to its own ancestors, nor to what an ancestor was linked to', () => {
  const trail = new Trail()
  const before = spanOf()
  const baggage = trail.end(trail.begin(Baggage.empty, before), before)
  const parent = spanOf()
  const inner = trail.begin(baggage, parent)
  const child = spanOf(parent)
  trail.begin(inner, child)
  assert.deepEqual([linked(parent), linked(child)], [idsOf(before), []])
})

test('a loop of a thousand spans that join one by one links each to the one before, and the trail stays short', () => {
  const trail = new Trail()
  let baggage: Baggage = Baggage.empty
  let previous: Span | undefined
  for (let i = 0; i < 1000; i += 1) {
    const span = spanOf()
    baggage = trail.begin(baggage, span)
    assert.deepEqual(linked(span), previous === undefined ? [] : idsOf(previous))
    baggage = baggage.join(trail.end(baggage, span))
    assert.ok(readTrail(baggage).length <= 2)
    previous = span
  }
})

test('a join of more spans than are remembered keeps TRAIL_MAX of them', () => {
  for (const [width, kept] of [
    [TRAIL_MAX, TRAIL_MAX],
    [TRAIL_MAX + 1, TRAIL_MAX],
  ] as const) {
    const trail = new Trail()
    const spans = Array.from({ length: width }, () => spanOf())
    const joined = Baggage.join(...spans.map((span) => trail.end(trail.begin(Baggage.empty, span), span)))
    const after = spanOf()
    trail.begin(joined, after)
    assert.equal(linked(after).length, kept)
  }
})

test('other bags, and what they own, pass the trail untouched', () => {
  const { Meter } = loadBdl('bag Meter = 70 { counter used = 0; }')
  assert.ok(Meter)
  const trail = new Trail()
  const meter = Meter.increment(Baggage.empty, 'used', 5)
  const [a, b] = [spanOf(), spanOf()]
  const ended = trail.end(trail.begin(meter, a), a)
  assert.deepEqual(readTrail(ended), idsOf(a))
  const again = trail.end(trail.begin(ended, b), b)
  assert.deepEqual(readTrail(again), idsOf(b))
  assert.equal(
    Meter.increment(again, 'used', 1).byteLength,
    again.byteLength,
    'the counter is extended, not begun anew',
  )
  assert.ok(withoutTrail(again).equals(meter))
  assert.deepEqual(readTrail(withoutTrail(again)), [])
})

test('a bag of an application with any id, any shape and any length is never taken for the trail', () => {
  const trail = new Trail()
  const span = spanOf()
  for (const id of [0, 1, 2, 3, 127, 128, 2 ** 31 - 2]) {
    const { App } = loadBdl(`bag App = ${id} { string text = 0; set<fixed64> spans = 1; }`)
    assert.ok(App)
    for (const text of ['t', 'x'.repeat(15), 'x'.repeat(200)]) {
      const theirs = App.write(Baggage.empty, { text, spans: new Set([1n, 2n]) })
      assert.equal(withoutTrail(theirs), theirs)
      const both = trail.end(theirs, span)
      assert.deepEqual(App.read(both), App.read(theirs))
      assert.deepEqual(readTrail(both), idsOf(span))
      assert.ok(withoutTrail(both).equals(theirs))
    }
  }
})

test('what stands behind the trail stays when it is cut out', () => {
  const behind = Baggage.of([Uint8Array.of(0xfc, 1), Uint8Array.of(0, 7)])
  const both = new Trail().end(behind, spanOf())
  assert.equal(readTrail(both).length, 1)
  assert.ok(withoutTrail(both).equals(behind))
})

test('the trail is in bytes what its schema says', () => {
  const { Trail: bag } = loadBdl('bag Trail = 2147483647 { set<fixed64> spans = 0; }')
  assert.ok(bag)
  const trail = new Trail()
  const span = spanOf()
  const written = trail.end(Baggage.empty, span)
  assert.deepEqual(bag.read(written), { spans: new Set([BigInt(`0x${span.spanId}`)]) })
  assert.ok(bag.write(Baggage.empty, { spans: new Set([BigInt(`0x${span.spanId}`)]) }).equals(written))
})
