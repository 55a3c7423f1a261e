// Outlines, single spans, search inside a trace, the heatmap and the service graph, on the real store.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildTrace, criticalPath } from '#model'
import { nodeClock } from '#log'
import { openStore, type Store } from '#store'
import { batchOf, type FixtureSpan } from './span-batch.fixture.ts'
import { spanBlock } from './span-table.ts'
import { openTraceReader } from './store-trace-reader.ts'
import { summaryBlock, summaryRows } from './summary-table.ts'
import { spansOfOutline } from './trace-outline.ts'
import type { TraceReader } from './trace-reader.ts'

const pad = (id: string): string => id.padStart(32, '0')
const span = (id: string): string => id.padStart(16, '0')
const MS = 1_000_000n
const T0 = 1_790_000_000_000n * MS

const SPANS: readonly FixtureSpan[] = [
  { traceId: 'a', spanId: '1', service: 'web', name: 'GET /', kind: 2, startNs: T0, endNs: T0 + 100n * MS },
  {
    traceId: 'a',
    spanId: '2',
    parentSpanId: '1',
    service: 'cart',
    name: 'load',
    kind: 2,
    startNs: T0 + 10n * MS,
    endNs: T0 + 60n * MS,
    status: { code: 2, message: 'No Stock' },
    attributes: { 'cart.id': 'C-77', rows: 7n },
    events: [{ timeNs: T0 + 20n * MS, name: 'retry', attributes: {} }],
    links: [{ traceId: pad('a'), spanId: span('3'), attributes: { 'crosscut.edge': 'queue' } }],
  },
  {
    traceId: 'a',
    spanId: '3',
    parentSpanId: '1',
    service: 'mailer',
    name: 'send',
    startNs: T0 + 2n * MS,
    endNs: T0 + 8n * MS,
  },
  {
    traceId: 'b',
    spanId: '1',
    service: 'web',
    name: 'GET /',
    kind: 2,
    startNs: T0 + 500n * MS,
    endNs: T0 + 501n * MS,
  },
]

const dir = mkdtempSync(join(tmpdir(), 'crosscut-outline-'))
let store: Store
let reader: TraceReader

before(async () => {
  store = openStore({ dir })
  await store.ready()
  reader = openTraceReader(store, nodeClock)
  // The second arrival of a span stands.
  const first = [{ ...SPANS[0]!, name: 'GET /old', endNs: T0 + MS }]
  await put(1, first)
  await put(2, SPANS)
})
after(async () => {
  await store.close()
  rmSync(dir, { recursive: true, force: true })
})

async function put(sequence: number, spans: readonly FixtureSpan[]): Promise<void> {
  await store.insert('spans', spanBlock([{ sequence, batch: batchOf(spans) }]), { token: `r.${sequence}` })
  const ids = [...new Set(spans.map(({ traceId }) => pad(traceId)))]
  const due = ids.map((traceId) => ({ traceId, sequence, summary: undefined, movedFromNs: undefined }))
  const rows = await summaryRows(store, due)
  await store.insert('traces', summaryBlock(rows, Math.floor(Date.now() / 1000)), { token: `s.${sequence}` })
}

test('the model of an outline is that of the whole trace, but for attributes', async () => {
  const [outline, ...rest] = await reader.outlines([pad('a')], { maxSpans: 100 })
  assert.ok(outline !== undefined && rest.length === 0)
  const light = buildTrace(spansOfOutline(outline))
  const whole = buildTrace(await reader.trace(pad('a')))
  const told = (trace: typeof whole): unknown => [
    trace.blocks.map(({ spanId, parent, service, name, kind, startNs, endNs, unit }) => [
      spanId,
      parent,
      service,
      name,
      kind,
      startNs,
      endNs,
      unit,
    ]),
    trace.edges,
    trace.points,
    trace.units.map(({ host }) => host),
    criticalPath(trace),
  ]
  assert.deepEqual(told(light), told(whole))
})

test('several traces come in one answer, at most so many spans, and what does not exist is left out', async () => {
  const both = await reader.outlines([pad('a'), pad('b'), pad('c'), 'no id'], { maxSpans: 100 })
  assert.deepEqual(both.map(({ traceId, count }) => [traceId, count]).sort(), [
    [pad('a'), 3],
    [pad('b'), 1],
  ])
  const cut = await reader.outlines([pad('a')], { maxSpans: 2 })
  assert.equal(cut[0]?.count, 2)
  assert.deepEqual(await reader.outlines([], { maxSpans: 2 }), [])
})

test('spans are read by id with everything, and found by any text they hold, in any case', async () => {
  const [one] = await reader.spansById(pad('a'), [span('2'), span('9'), "x' OR 1"])
  assert.deepEqual(one?.attributes, { 'cart.id': 'C-77', rows: 7 })
  const find = async (text: string): Promise<string[]> =>
    (await reader.spanIdsWith(pad('a'), { text, limit: 10 })).sort()
  for (const text of ['no stock', 'c-77', 'CART.ID=c', 'rows=7', 'Retry', span('2')])
    assert.deepEqual(await find(text), [span('2')], text)
  assert.deepEqual(await find("' OR 1=1 --"), [])
  assert.equal((await reader.spanIdsWith(pad('a'), { text: 'e', limit: 2 })).length, 2)
})

test('the heatmap counts the newest version of every trace that fits, in time and duration', async () => {
  const range = { fromNs: T0, toNs: T0 + 999n * MS, columns: 10 }
  const heat = await reader.heat({}, range)
  assert.deepEqual(
    heat.cells.map(({ column, band, count, errors, traceId }) => [column, band, count, errors, traceId]),
    [
      [0, Math.floor(4 * Math.log2(100e6)), 1, 1, pad('a')],
      [5, Math.floor(4 * Math.log2(1e6)), 1, 0, pad('b')],
    ],
  )
  assert.equal((await reader.heat({ service: 'cart' }, range)).traces, 1)
  assert.equal((await reader.heat({ attributes: { 'cart.id': 'C-77' } }, range)).traces, 1)
  assert.equal((await reader.heat({ minMs: 200 }, range)).traces, 0)
})

test('the service graph has calls by parents and edges by links, between services only', async () => {
  const { services, edges } = await reader.serviceGraph({ fromNs: T0 - MS, toNs: T0 + 999n * MS })
  assert.deepEqual(edges.map(({ from, to, kind, count, errors }) => [from, to, kind, count, errors]).sort(), [
    ['mailer', 'cart', 'queue', 1, 0],
    ['web', 'cart', 'call', 1, 1],
    ['web', 'mailer', 'call', 1, 0],
  ])
  const cart = services.find(({ name }) => name === 'cart')
  assert.deepEqual([cart?.serverSpans, cart?.errors, cart?.p95Ns], [1, 1, String(50n * MS)])
})

test('calls that no span answers are calls to what they name, and producers hand over to their consumers', async () => {
  const from = T0 + 10_000n * MS
  const call = (spanId: string, attributes: FixtureSpan['attributes'], more: Partial<FixtureSpan> = {}) => ({
    traceId: 'c',
    spanId,
    parentSpanId: '1',
    service: 'shop',
    name: 'call',
    kind: 3,
    startNs: from,
    endNs: from + 4n * MS,
    attributes,
    ...more,
  })
  await put(3, [
    call('1', {}, { parentSpanId: '', kind: 2 }),
    call('2', { 'db.system': 'postgresql', 'db.namespace': 'orders', 'server.address': 'db1' }),
    call('3', { 'db.system.name': 'postgresql', 'db.name': 'orders' }, { status: { code: 2 } }),
    call('4', { 'server.address': 'cart.internal' }),
    call('5', {}, { parentSpanId: '4', service: 'cart', kind: 2 }),
    call('6', { 'messaging.system': 'kafka', 'messaging.destination.name': 'jobs' }, { kind: 4 }),
    call('7', { 'peer.service': 'nobody' }, { kind: 1 }),
    {
      ...call('8', {}, { parentSpanId: '', service: 'worker', kind: 5 }),
      traceId: 'd',
      links: [{ traceId: pad('c'), spanId: span('6') }],
    },
  ])
  const { services, edges } = await reader.serviceGraph({ fromNs: from - MS, toNs: from + 99n * MS })
  assert.deepEqual(services.map(({ name }) => name).sort(), ['cart', 'shop', 'worker'])
  assert.deepEqual(edges.map((edge) => [edge.from, edge.to, edge.kind, edge.count, edge.errors]).sort(), [
    ['shop', 'cart', 'call', 1, 0],
    ['shop', 'kafka/jobs', 'call', 1, 0],
    ['shop', 'postgresql/orders', 'call', 2, 1],
    ['shop', 'worker', 'queue', 1, 0],
  ])
  assert.equal(edges.find(({ to }) => to === 'postgresql/orders')?.p95Ns, String(4n * MS))
})
