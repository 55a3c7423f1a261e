// Canopy's finer events as an application tells them: what stands on blocks, points and edges; queues and
// locks. Read as a collector gets them, and as the model of the trace understands them.

import assert from 'node:assert/strict'
import { after as afterAll, before, test } from 'node:test'
import http from 'node:http'
import { buildTrace, criticalPath } from '#model'
import {
  after,
  annotate,
  block,
  count,
  counters,
  labels,
  mark,
  Mutex,
  point,
  Queue,
  RwLock,
  sets,
  stack,
  tags,
  type QueueItem,
} from '../api/index.ts'
import { readSettings } from './settings.ts'
import { startAgent, type Agent } from './start.ts'
import type { ReadSpan } from './testing/otlp-oracle.ts'
import { closed, listen, startCollector, type Collector } from './testing/rig.ts'

let collector: Collector
let agent: Agent

before(async () => {
  collector = await startCollector()
  agent = startAgent(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }))
})
afterAll(async () => {
  agent.stop()
  await collector.close()
})

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** What one request to `handler` leaves, or several at once. */
async function tracesOf(handler: () => Promise<unknown>, requests = 1): Promise<readonly ReadSpan[]> {
  await agent.flush(300)
  collector.spans.length = 0
  const server = http.createServer((_request, response) => {
    handler().then(
      () => response.end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  const url = await listen(server)
  await Promise.all(Array.from({ length: requests }, async () => (await fetch(url)).text()))
  await closed(server)
  await agent.flush(300)
  return collector.spans.splice(0).filter((span) => span.attributes['url.path'] !== '/v1/traces')
}

function named(spans: readonly ReadSpan[], name: string): ReadSpan {
  const found = spans.find((span) => span.name === name)
  assert.ok(found, `no span ${name} among ${spans.map((span) => span.name).join(', ')}`)
  return found
}

/** The model reads what OTLP carries. */
function modelOf(spans: readonly ReadSpan[]) {
  return buildTrace(
    spans.map((span) => ({
      ...span,
      kind: span.kind,
      startTimeUnixNano: span.startNs,
      endTimeUnixNano: span.endNs,
      events: span.events.map((event) => ({ ...event, timeUnixNano: event.timeNs })),
      resource: { attributes: span.resource },
    })),
  )
}

test('blocks and points carry attributes, nested counters with units, labels, sets and a stack', async () => {
  const spans = await tracesOf(async () => {
    const load = block('load', { key: 'k', ...counters({ cache: { hits: 1, deep: { misses: 2 } } }) })
    load.annotate({ ...labels('cold', 'cold', 'slow'), ...sets({ tables: ['a', 'b', 'a'] }) })
    load.count('rows')
    load.count('rows', 2)
    load.count('bytes', 10, 'By')
    load.point('half', () => ({ at: 50, ...counters({ heap: 7 }, { heap: 'By' }) }))
    load.end()
    load.annotate({ late: true })
    await block('work', { n: 1 }, async () => {
      annotate(stack())
      count('steps', 3)
      await sleep(1)
      count('steps', 4)
      point('done', labels('ok'))
    })
  })
  const load = named(spans, 'load')
  assert.deepEqual(load.attributes, {
    key: 'k',
    'crosscut.counter.cache.hits': 1,
    'crosscut.counter.cache.deep.misses': 2,
    'crosscut.labels': ['cold', 'slow'],
    'crosscut.set.tables': ['a', 'b'],
    'crosscut.counter.rows': 3,
    'crosscut.counter.bytes': 10,
    'crosscut.unit.bytes': 'By',
  })
  assert.deepEqual(
    load.events.map(({ name, attributes }) => [name, attributes]),
    [['half', { at: 50, 'crosscut.counter.heap': 7, 'crosscut.unit.heap': 'By' }]],
  )
  const work = named(spans, 'work')
  assert.equal(work.attributes['n'], 1)
  assert.equal(work.attributes['crosscut.counter.steps'], 7)
  assert.match(String(work.attributes['code.stacktrace']), /^at .*finer-events\.test\.ts:\d+/)
  assert.deepEqual(work.events[0]?.attributes, { 'crosscut.labels': ['ok'] })
})

test('what has no form in OTLP is left out, and no annotation is too many', async () => {
  const hostile: Record<string, never> = JSON.parse('{"n":null,"o":{"a":1},"ok":1}')
  const spans = await tracesOf(async () => {
    const all = block('hostile', hostile)
    all.annotate(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i])))
    all.count('odd', Number.NaN)
    all.end()
  })
  const { attributes, dropped } = named(spans, 'hostile')
  assert.equal(attributes['ok'], 1)
  assert.equal('n' in attributes || 'o' in attributes || 'crosscut.counter.odd' in attributes, false)
  assert.equal(Object.keys(attributes).length, 128)
  assert.equal(dropped[0] > 0, true)
})

test('a queue: its time is an edge, the work has the tags of who enqueued, who waits has the way back', async () => {
  const jobs = new Queue('jobs')
  const waiting: { item: QueueItem; work: () => unknown }[] = []
  const seen: (string | undefined)[] = []
  const drain = setInterval(() => {
    for (const { item, work } of waiting.splice(0)) void item.process(() => work())
  }, 20)
  const spans = await tracesOf(async () => {
    tags.set('job', 'mine')
    const item = jobs.enqueue(counters({ bytes: 5 }, { bytes: 'By' }))
    waiting.push({
      item,
      work: async () => {
        seen.push(tags.get('job'))
        await block('inner', () => sleep(15))
      },
    })
    await item.finished()
    await sleep(1)
  })
  clearInterval(drain)
  assert.deepEqual(seen, ['mine'])
  const request = spans.find((span) => span.kind === 2)
  const [send, work, inner] = [named(spans, 'send jobs'), named(spans, 'process jobs'), named(spans, 'inner')]
  assert.ok(request)
  assert.deepEqual([send.kind, work.kind], [4, 5])
  assert.deepEqual(
    [send.parentSpanId, work.parentSpanId, inner.parentSpanId],
    [request.spanId, send.spanId, work.spanId],
  )
  assert.equal(send.attributes['crosscut.counter.bytes'], 5)
  assert.equal(work.links[0]?.spanId, send.spanId)
  assert.equal(work.links[0]?.attributes['crosscut.edge'], 'queue')
  assert.equal(work.links[0]?.attributes['crosscut.edge.name'], 'jobs')
  const back = request.links.find((link) => link.spanId === work.spanId)
  assert.equal(back?.attributes['crosscut.edge'], 'queue')
  assert.equal(BigInt(String(back?.attributes['crosscut.edge.from_ns'])), work.endNs)

  const trace = modelOf(spans.filter((span) => span.traceId === request.traceId))
  assert.equal(new Set(trace.blocks.map((one) => one.unit)).size >= 2, true)
  const root = trace.blocks.find((one) => one.spanId === request.spanId)
  assert.ok(root)
  const path = criticalPath(trace, { from: { spanId: root.spanId }, to: { spanId: root.spanId } })
  const blocks = path.map(({ name, waitedFor }) => (waitedFor === undefined ? name : `${waitedFor}: ${name}`))
  for (const step of ['queue: process jobs', 'inner']) assert.ok(blocks.includes(step), blocks.join(', '))
})

test('a batch has an edge from each item that it took, and all who wait go on', async () => {
  const jobs = new Queue('batch')
  const waiting: QueueItem[] = []
  const spans = await tracesOf(async () => {
    const item = jobs.enqueue()
    waiting.push(item)
    if (waiting.length === 3) setTimeout(() => void jobs.processAll(waiting, () => sleep(2)), 5)
    await item.finished()
  }, 3)
  const work = spans.filter((span) => span.name === 'process batch')
  assert.equal(work.length, 1)
  const sends = spans.filter((span) => span.name === 'send batch')
  assert.deepEqual(work[0]?.links.map((link) => link.spanId).sort(), sends.map((span) => span.spanId).sort())
  const waiters = spans.filter((span) => span.kind === 2)
  for (const waiter of waiters) assert.ok(waiter.links.some((link) => link.spanId === work[0]?.spanId))
})

for (const [name, lock] of [
  ['Mutex', new Mutex({ name: 'shelf' })],
  ['RwLock', new RwLock({ name: 'shelf' })],
] as const) {
  const exclusively = (fn: () => Promise<void>) => (lock instanceof Mutex ? lock.run(fn) : lock.write(fn))

  test(`${name}: who waits has a block, ended by an edge from the holder; who does not wait has none`, async () => {
    const spans = await tracesOf(() => exclusively(() => block('hold', () => sleep(10))), 3)
    const waits = spans.filter((span) => span.name === 'wait shelf')
    assert.equal(waits.length, 2)
    const requests = spans.filter((span) => span.kind === 2)
    for (const wait of waits) {
      assert.equal(wait.links.length, 1)
      const [link] = wait.links
      assert.equal(link?.attributes['crosscut.edge'], 'lock')
      assert.equal(link?.attributes['crosscut.edge.name'], 'shelf')
      const holder = requests.find((span) => span.spanId === link?.spanId)
      assert.ok(holder, 'the edge comes from the span that held the lock')
      assert.notEqual(holder.spanId, wait.parentSpanId)
      const [from, to] = ['from_ns', 'to_ns'].map((end) =>
        BigInt(String(link?.attributes[`crosscut.edge.${end}`])),
      )
      assert.ok(from !== undefined && to !== undefined && from <= to && to <= wait.endNs + 1_000n)
    }
    const again = await tracesOf(() => exclusively(async () => {}))
    assert.deepEqual(again.map((span) => span.kind).sort(), [2, 3])
  })
}

test('within one trace the critical path goes from the waiter to the holder', async () => {
  const lock = new Mutex({ name: 'l' })
  const spans = await tracesOf(() =>
    Promise.all([
      block('first', () => lock.run(() => sleep(20))),
      block('second', () => lock.run(() => sleep(20))),
    ]),
  )
  const request = spans.find((span) => span.kind === 2)
  const trace = modelOf(spans.filter((span) => span.traceId === request?.traceId))
  const path = criticalPath(trace, {
    from: { spanId: request?.spanId ?? '' },
    to: { spanId: request?.spanId ?? '' },
  })
  const names = path.map((section) => section.name)
  assert.ok(names.indexOf('first') >= 0 && names.indexOf('first') < names.indexOf('second'), names.join(', '))
})

test('a hand-over by mark and after is an async edge from that point of the other span', async () => {
  const spans = await tracesOf(async () => {
    let from: ReturnType<typeof mark>
    await block('asks', async () => {
      from = mark()
      await sleep(2)
    })
    await block('answers', async () => {
      after(from, 'answer', { size: 3 })
      await sleep(1)
    })
    assert.equal(after(undefined, 'nothing'), undefined)
  })
  const [asks, answers] = [named(spans, 'asks'), named(spans, 'answers')]
  const link = answers.links.find((one) => one.attributes['crosscut.edge'] === 'async')
  assert.equal(link?.spanId, asks.spanId)
  assert.deepEqual([link?.attributes['crosscut.edge.name'], link?.attributes['size']], ['answer', 3])
  const from = BigInt(String(link?.attributes['crosscut.edge.from_ns']))
  assert.ok(from >= asks.startNs && from <= asks.endNs)
})
