// What protobufjs reads from our bytes is what was recorded.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SpanQueue, type Batch } from './batch.ts'
import { openWallClock } from './clock.ts'
import { Ledger } from './guard.ts'
import { QUEUE_BYTES_MAX, SPAN_BYTES_MAX } from './limits.ts'
import { Span, type AttributeValue } from './span.ts'
import { readRequest, type ReadSpan } from './testing/otlp-oracle.ts'

const clock = openWallClock()
const SCOPE = { name: 'test', version: '1' }
const LIMITS = { spansMax: 1000, queueMax: 2000 }

function openQueue(limits = LIMITS): { queue: SpanQueue; ledger: Ledger } {
  const ledger = new Ledger()
  return {
    ledger,
    queue: new SpanQueue({
      resource: new Map<string, string | number>([
        ['service.name', 'täst'],
        ['process.pid', 7],
      ]),
      clock,
      ledger,
      limits,
    }),
  }
}

function spanOf(change: (span: Span) => void = () => {}, scope = SCOPE): Span {
  const parent = {
    traceId: 'ab'.repeat(16),
    spanId: 'cd'.repeat(8),
    traceFlags: 1,
    isRemote: true,
    traceState: 'a=1',
  }
  const span = new Span({
    name: 'GET',
    kind: 2,
    traceId: parent.traceId,
    spanId: '0123456789abcdef',
    parent,
    scope,
    startMs: 12.345678,
  })
  change(span)
  span.endMs = 1_000_000.5
  return span
}

function roundTrip(...spans: Span[]): readonly ReadSpan[] {
  const { queue } = openQueue()
  for (const span of spans) queue.add(span)
  return readRequest(bodyOf(queue.take()))
}

const bodyOf = (batch: Batch | undefined): Uint8Array => batch?.body ?? new Uint8Array()

test('every field of a span comes out as it went in', () => {
  const [read] = roundTrip(
    spanOf((span) => {
      span.add('text', 'ü😀')
      span.add('list', ['a', 2, true, null, 0.5])
      span.statusCode = 2
      span.statusMessage = 'broken'
      span.addEvent({ name: 'point', atMs: 20, attributes: ['k', -7] }, 10)
      span.addLink({ traceId: 'ef'.repeat(16), spanId: '11'.repeat(8), edge: 'join', edgeFromMs: 30 }, 10)
      span.droppedAttributes = 300
    }),
  )
  assert.deepEqual(read, {
    resource: { 'service.name': 'täst', 'process.pid': 7 },
    scope: SCOPE,
    traceId: 'ab'.repeat(16),
    spanId: '0123456789abcdef',
    parentSpanId: 'cd'.repeat(8),
    traceState: 'a=1',
    name: 'GET',
    kind: 2,
    startNs: clock.toNs(12.345678),
    endNs: clock.toNs(1_000_000.5),
    attributes: { text: 'ü😀', list: ['a', 2, true, null, 0.5] },
    events: [{ name: 'point', timeNs: clock.toNs(20), attributes: { k: -7 } }],
    links: [
      {
        traceId: 'ef'.repeat(16),
        spanId: '11'.repeat(8),
        attributes: { 'crosscut.edge': 'join', 'crosscut.edge.from_ns': clock.toNs(30).toString() },
      },
    ],
    status: { code: 2, message: 'broken' },
    dropped: [300, 0, 0],
    flags: 0x301,
  })
})

const value: fc.Arbitrary<AttributeValue> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.array(fc.oneof(fc.string({ maxLength: 40 }), fc.boolean(), fc.integer()), { maxLength: 5 }),
)

/** A double that is whole is an int64 on the wire, which knows no -0. */
const expected = (one: AttributeValue): unknown => (Object.is(one, -0) ? 0 : one)

test('any attributes come out as they went in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 80 }), value), { maxLength: 20 }),
      (pairs) => {
        const [read] = roundTrip(
          spanOf((span) => pairs.forEach(([key, one], i) => span.add(`${i}${key}`, one))),
        )
        assert.deepEqual(
          read?.attributes,
          Object.fromEntries(pairs.map(([key, one], i) => [`${i}${key}`, expected(one)])),
        )
      },
    ),
    { seed: 11, numRuns: 300 },
  )
})

for (const length of [0, 1, 63, 64, 127, 128, 16_383, 16_384, 30_000]) {
  test(`a text of ${length} characters fits its length prefix`, () => {
    assert.equal(
      roundTrip(spanOf((span) => span.add('k', 'x'.repeat(length))))[0]?.attributes['k'],
      'x'.repeat(length),
    )
  })
}

test('spans of several tracers share a request, each below its own scope', () => {
  const read = roundTrip(
    spanOf(),
    spanOf(() => {}, { name: 'other', version: '' }),
    spanOf(),
  )
  assert.deepEqual(
    read.map((span) => span.scope.name),
    ['test', 'test', 'other'],
  )
})

test('emitted = sent + dropped + queued through every way a span can go', () => {
  const { queue, ledger } = openQueue({ spansMax: 2, queueMax: 4 })
  for (let i = 0; i < 6; i += 1) queue.add(spanOf())
  assert.deepEqual(queue.counts, { emitted: 6, sent: 0, dropped: 2, queued: 4 })
  const [first, second] = [queue.take(), queue.take()]
  assert.ok(first && second)
  queue.settleSent(first, 1)
  queue.settleDropped(second, 'export-failed')
  assert.deepEqual(queue.counts, { emitted: 6, sent: 1, dropped: 5, queued: 0 })
  assert.deepEqual({ ...ledger.drops }, { 'queue-full': 2, 'collector-rejected': 1, 'export-failed': 2 })
})

test('a span of the last accepted size goes, one byte more does not, and its neighbours stay whole', () => {
  const sizeOf = (text: string): number => {
    const { queue } = openQueue()
    queue.add(spanOf((span) => span.add('k', text)))
    return queue.counts.queued
  }
  let low = SPAN_BYTES_MAX - 1000
  while (sizeOf('x'.repeat(low)) === 1) low += 1
  const { queue, ledger } = openQueue()
  queue.add(spanOf())
  queue.add(spanOf((span) => span.add('k', 'x'.repeat(low))))
  queue.add(spanOf((span) => span.add('k', 'x'.repeat(low - 1))))
  assert.equal(readRequest(bodyOf(queue.take())).length, 2)
  assert.equal(ledger.drops['span-too-large'], 1)
})

test('bytes are bounded too: large spans stop at the byte limit, counted', () => {
  const { queue } = openQueue({ spansMax: 100_000, queueMax: 100_000 })
  for (let i = 0; i < 100; i += 1) queue.add(spanOf((span) => span.add('k', 'x'.repeat(60_000))))
  assert.equal(queue.counts.queued, Math.ceil(QUEUE_BYTES_MAX / 60_000))
  assert.equal(queue.counts.queued + queue.counts.dropped, 100)
})

test('times survive to the ns, also where seconds change', () => {
  for (const ms of [0, 0.000001, 999.999999, 1000, 123_456_789.123456]) {
    const view = new DataView(new ArrayBuffer(8))
    clock.write(ms, view, 0)
    assert.equal(view.getBigUint64(0, true), clock.toNs(ms))
  }
})
