// Broken instrumentation, sent to a running server: each mistake that the trace model repairs is a row of the
// dataset `model-repairs` that names it, a sound trace is none, and mended spans that come late take the row
// back. (An id twice is none: the store has the newest.)

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DatasetResult, TraceView } from '#protocol'
import { Crosscut, until } from './running.ts'

const crosscut = new Crosscut()
before(() => crosscut.start())
after(() => crosscut.close())

type Sent = {
  readonly id: number
  readonly up?: number
  /** ms behind the trace's begin. */
  readonly at: number
  readonly to: number
  readonly host?: string
  readonly kind?: number
  readonly isTimeless?: true
  readonly joins?: number
}

const BEGIN_MS = Date.now() - 60_000
const YEAR_MS = 365 * 86_400_000
const CLIENT = 3
const SERVER = 2
const idOf = (n: number): string => n.toString(16).padStart(16, '0')
const ns = (ms: number): string => `${BEGIN_MS + ms}000000`

const MISTAKES: readonly { readonly kinds: readonly string[]; readonly spans: readonly Sent[] }[] = [
  {
    kinds: [],
    spans: [
      { id: 1, at: 0, to: 9 },
      { id: 2, up: 1, at: 2, to: 6 },
    ],
  },
  {
    kinds: ['missing-parent'],
    spans: [
      { id: 1, at: 0, to: 9 },
      { id: 2, up: 77, at: 2, to: 6 },
    ],
  },
  { kinds: ['self-parent'], spans: [{ id: 1, up: 1, at: 0, to: 9 }] },
  {
    kinds: ['parent-cycle'],
    spans: [
      { id: 1, up: 2, at: 0, to: 9 },
      { id: 2, up: 1, at: 0, to: 9 },
    ],
  },
  {
    kinds: ['zero-time'],
    spans: [
      { id: 1, at: 0, to: 9 },
      { id: 2, up: 1, at: 0, to: 0, isTimeless: true },
    ],
  },
  { kinds: ['end-before-start'], spans: [{ id: 1, at: 9, to: 2 }] },
  {
    kinds: ['time-out-of-range'],
    spans: [
      { id: 1, at: 0, to: 9 },
      { id: 2, up: 1, at: 2, to: 6 },
      { id: 3, at: -YEAR_MS, to: 9 },
    ],
  },
  {
    kinds: ['child-before-parent'],
    spans: [
      { id: 1, at: 5, to: 9 },
      { id: 2, up: 1, at: 2, to: 6 },
    ],
  },
  { kinds: ['edge-without-source'], spans: [{ id: 1, at: 0, to: 9, joins: 77 }] },
  {
    kinds: ['edge-against-time'],
    spans: [
      { id: 1, at: 5, to: 9 },
      { id: 2, at: 2, to: 6, joins: 1 },
    ],
  },
  {
    kinds: ['clock-infeasible', 'child-before-parent'],
    spans: [
      { id: 1, at: 0, to: 1000 },
      { id: 2, up: 1, at: 0, to: 10, kind: CLIENT },
      { id: 3, up: 2, at: -100, to: -95, host: 'far', kind: SERVER },
      { id: 4, up: 1, at: 20, to: 30, kind: CLIENT },
      { id: 5, up: 4, at: 22, to: 28, host: 'far', kind: SERVER },
    ],
  },
  {
    kinds: ['clock-by-requests'],
    spans: [
      { id: 1, at: 0, to: 20000 },
      { id: 2, up: 1, at: 0, to: 2000, kind: CLIENT },
      { id: 3, up: 2, at: -20000, to: -19800, host: 'far', kind: SERVER },
      { id: 4, up: 1, at: 4000, to: 5200, kind: CLIENT },
      { id: 5, up: 4, at: -16040, to: -14840, host: 'far', kind: SERVER },
      { id: 6, up: 1, at: 6000, to: 7000, kind: CLIENT },
      { id: 7, up: 6, at: -13800, to: -12800, host: 'far', kind: SERVER },
    ],
  },
]

const traceIdOf = (n: number): string => (n + 1).toString(16).padStart(32, 'a')

function request(traceId: string, spans: readonly Sent[]): object {
  const resourceSpans = [...Map.groupBy(spans, ({ host = 'near' }) => host)].map(([host, own]) => ({
    resource: {
      attributes: [
        { key: 'service.name', value: { stringValue: `at-${host}` } },
        { key: 'host.name', value: { stringValue: host } },
      ],
    },
    scopeSpans: [{ spans: own.map((span) => otlpSpan(traceId, span)) }],
  }))
  return { resourceSpans }
}

function otlpSpan(traceId: string, { id, up, at, to, kind = 1, isTimeless, joins }: Sent): object {
  const edge = { key: 'crosscut.edge', value: { stringValue: 'join' } }
  return {
    traceId,
    spanId: idOf(id),
    ...(up === undefined ? {} : { parentSpanId: idOf(up) }),
    name: 'op',
    kind,
    startTimeUnixNano: isTimeless ? '0' : ns(at),
    endTimeUnixNano: isTimeless ? '0' : ns(to),
    links: joins === undefined ? [] : [{ traceId, spanId: idOf(joins), attributes: [edge] }],
  }
}

async function send(traceId: string, spans: readonly Sent[]): Promise<void> {
  const body = JSON.stringify(request(traceId, spans))
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${crosscut.otlpUrl}/v1/traces`, { method: 'POST', headers, body })
  assert.equal(answer.status, 200, await answer.text())
}

async function rows(): Promise<ReadonlyMap<string, DatasetResult['rows'][number]>> {
  const init = { method: 'POST', body: JSON.stringify({ select: ['traceId', 'kinds', 'repairs', 'hosts'] }) }
  const answer = await crosscut.api<DatasetResult>('/datasets/model-repairs/query', init)
  return new Map(answer.rows.map((row) => [String(row['traceId']), row]))
}

test('each mistake of instrumentation is a row that names it; a sound trace is none', async () => {
  for (const [n, { spans }] of MISTAKES.entries()) await send(traceIdOf(n), spans)
  const wanted = MISTAKES.filter(({ kinds }) => kinds.length > 0).length
  let found: Awaited<ReturnType<typeof rows>> = new Map()
  await until(
    async () => (found = await rows()).size >= wanted,
    () => `${found.size} rows of ${wanted}: ${JSON.stringify([...found.values()])}`,
  )
  for (const [n, { kinds, spans }] of MISTAKES.entries()) {
    const row = found.get(traceIdOf(n))
    const view = await crosscut.trace(traceIdOf(n))
    assert.deepEqual([...new Set(view.repairs.map(({ kind }) => kind))], kinds)
    if (row === undefined) {
      assert.deepEqual(kinds, [])
      continue
    }
    assert.deepEqual([row['kinds'], row['repairs']], [kinds, view.repairs.length])
    const hosts = new Set(spans.map(({ host = 'near' }) => host))
    assert.deepEqual(new Set([row['hosts']].flat()), hosts)
  }
})

test('a parent that was only late takes the row back', async () => {
  const late = traceIdOf(MISTAKES.findIndex(({ kinds }) => kinds.includes('missing-parent')))
  assert.ok((await rows()).has(late))
  await send(late, [{ id: 77, up: 1, at: 1, to: 8 }])
  await until(
    async () => !(await rows()).has(late),
    () => 'its row is still there',
  )
  const view: TraceView = await crosscut.trace(late)
  assert.deepEqual([view.repairs, view.totalSpans], [[], 3])
})
