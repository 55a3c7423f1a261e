// The public API of OpenTelemetry over this agent: nesting, context, baggage, links, exceptions; in one
// process, through the real package.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { startAgent, type Agent } from './start.ts'
import { readSettings } from './settings.ts'
import type { ReadSpan } from './testing/otlp-oracle.ts'
import { startCollector, type Collector } from './testing/rig.ts'

let collector: Collector
let agent: Agent
const tracer = trace.getTracer('shop', '1.0')

before(async () => {
  collector = await startCollector()
  agent = startAgent(
    readSettings({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '5',
      OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '200',
      OTEL_SPAN_EVENT_COUNT_LIMIT: '3',
      OTEL_SPAN_LINK_COUNT_LIMIT: '2',
    }),
  )
})
after(async () => {
  agent.stop()
  await collector.close()
})

async function recorded(): Promise<ReadonlyMap<string, ReadSpan>> {
  await agent.flush(300)
  return new Map(collector.spans.splice(0).map((span) => [span.name, span]))
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const fresh = () => trace.getTracer('shop', '1.0')

test('a span made before the agent registered its provider is no span, one made after is', () => {
  assert.equal(typeof tracer.startSpan, 'function')
  assert.equal(fresh().startSpan('x').isRecording(), true)
})

test('active spans nest over awaits and concurrency, and are left again', async () => {
  await recorded()
  await fresh().startActiveSpan('root', async (root) => {
    await Promise.all(
      ['a', 'b'].map((name) =>
        fresh().startActiveSpan(name, async (span) => {
          await sleep(2)
          assert.equal(trace.getActiveSpan()?.spanContext().spanId, span.spanContext().spanId)
          fresh().startSpan(`${name} child`).end()
          span.end()
        }),
      ),
    )
    assert.equal(trace.getActiveSpan()?.spanContext().spanId, root.spanContext().spanId)
    fresh().startSpan('after both').end()
    root.end()
  })
  assert.equal(trace.getActiveSpan(), undefined)
  const spans = await recorded()
  const parentOf = (name: string) =>
    [...spans.values()].find((span) => span.spanId === spans.get(name)?.parentSpanId)?.name
  assert.deepEqual(['root', 'a', 'b', 'a child', 'b child', 'after both'].map(parentOf), [
    undefined,
    'root',
    'root',
    'a',
    'b',
    'root',
  ])
  assert.deepEqual(
    spans.get('after both')?.links.map((link) => link.attributes['crosscut.edge']),
    ['join', 'join'],
  )
})

test('attributes, events, links, status and times are what was given', async () => {
  await recorded()
  const other = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }
  const span = fresh().startSpan('all', {
    kind: SpanKind.PRODUCER,
    attributes: { a: 1 },
    links: [{ context: other, attributes: { why: 'batch' } }],
    startTime: [1700000000, 5],
  })
  span
    .setAttribute('b', [1, 2])
    .setAttributes({ c: 'x', d: true, e: 0.5, f: 'too many' })
    .updateName('renamed')
  span.addEvent('e', { k: 'v' }, new Date(1700000001000)).recordException(new TypeError('no'))
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'bad' }).end(new Date(1700000002000))
  span.setAttribute('late', 1).updateName('late')
  const read = (await recorded()).get('renamed')
  assert.ok(read)
  assert.deepEqual(read.attributes, { a: 1, b: [1, 2], c: 'x', d: true, e: 0.5 })
  assert.deepEqual(read.dropped, [1, 0, 0])
  assert.deepEqual([read.kind, read.status], [4, { code: 2, message: 'bad' }])
  // Times given by an application pass through a double of ms: exact to about a microsecond.
  assert.ok(Math.abs(Number(read.startNs - 1_700_000_000_000_000_005n)) < 2000)
  assert.ok(Math.abs(Number(read.endNs - 1_700_000_002_000_000_000n)) < 2000)
  assert.deepEqual(
    read.links.map((link) => [link.traceId, link.attributes]),
    [[other.traceId, { why: 'batch' }]],
  )
  assert.deepEqual(
    read.events.map((event) => event.name),
    ['e', 'exception'],
  )
  assert.equal(read.events[1]?.attributes['exception.type'], 'TypeError')
})

test('what is over a limit of OTEL_SPAN_* is left out, long texts are cut, and the span counts it', async () => {
  await recorded()
  const span = fresh().startSpan('full')
  span.setAttribute('fits', 'x'.repeat(200)).setAttribute('long', 'y'.repeat(201))
  for (let i = 0; i < 5; i++) {
    span.setAttribute(`a${i}`, `v${i}`).addEvent(`e${i}`)
    span.addLink({ context: { traceId: 'a'.repeat(32), spanId: `${i}`.repeat(15) + 'f', traceFlags: 1 } })
  }
  span.end()
  const read = (await recorded()).get('full')
  assert.deepEqual(read?.attributes, {
    fits: 'x'.repeat(200),
    long: 'y'.repeat(200),
    a0: 'v0',
    a1: 'v1',
    a2: 'v2',
  })
  assert.deepEqual(
    read.events.map(({ name }) => name),
    ['e0', 'e1', 'e2'],
  )
  assert.deepEqual([read.links.length, read.dropped], [2, [2, 2, 3]])
})

test('context.with carries values, spans and baggage; bind keeps them; root spans have no parent', async () => {
  await recorded()
  const key = Symbol('mine')
  const remote = trace.wrapSpanContext({
    traceId: 'c'.repeat(32),
    spanId: 'd'.repeat(16),
    traceFlags: 1,
    isRemote: true,
  })
  const given = trace.setSpan(
    propagation.setBaggage(
      ROOT_CONTEXT.setValue(key, 7),
      propagation.createBaggage({ user: { value: 'ü 1' } }),
    ),
    remote,
  )
  const bound = context.with(given, () => {
    assert.equal(context.active().getValue(key), 7)
    assert.equal(propagation.getActiveBaggage()?.getEntry('user')?.value, 'ü 1')
    fresh().startSpan('below remote').end()
    fresh().startSpan('alone', { root: true }).end()
    return context.bind(context.active(), () => context.active().getValue(key))
  })
  assert.equal(context.active().getValue(key), undefined)
  assert.equal(bound(), 7)
  const spans = await recorded()
  assert.equal(spans.get('below remote')?.traceId, 'c'.repeat(32))
  assert.equal(spans.get('below remote')?.flags, 0x301)
  assert.equal(spans.get('alone')?.parentSpanId, '')
  assert.notEqual(spans.get('alone')?.traceId, 'c'.repeat(32))
})

test('inject and extract by hand meet W3C headers, and a hostile property never reaches a header', () => {
  const carrier: Record<string, string> = {}
  const extracted = propagation.extract(ROOT_CONTEXT, {
    traceparent: `00-${'e'.repeat(32)}-${'f'.repeat(16)}-01`,
    baggage: 'a=1;p=\u0007,b=2',
  })
  propagation.inject(extracted, carrier)
  assert.equal(carrier['traceparent'], `00-${'e'.repeat(32)}-${'f'.repeat(16)}-01`)
  assert.equal(carrier['baggage'], 'a=1,b=2')
})

test('what the host gives wrongly is ignored, and what its function throws is its own', () => {
  const span = fresh().startSpan('odd')
  // @ts-expect-error: a host written in JavaScript may do this
  span.setAttribute(undefined, {}).addEvent(null).setStatus(undefined).addLink({})
  span.end()
  assert.throws(
    () =>
      fresh().startActiveSpan('thrower', () => {
        throw new RangeError('mine')
      }),
    RangeError,
  )
})
