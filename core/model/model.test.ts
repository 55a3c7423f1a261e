// The model through its face: tables of small traces with known answers. Laws: model-laws.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  TRACE,
  EPOCH,
  MS,
  span,
  link,
  path,
  times,
  kinds,
  type Brief,
  partitionFaults,
} from './testing/brief-spans.ts'
import { buildTrace, calleesOf, criticalPath, summarize, toCriticalPathView, toTraceView } from './index.ts'
import type { OtlpLink, OtlpSpan } from './index.ts'

const paths: {
  says: string
  spans: Brief[]
  expect: (string | number)[][]
  options?: Parameters<typeof criticalPath>[1]
}[] = [
  { says: 'a span alone is its own path', spans: [{ id: 'r', at: 0, to: 10 }], expect: [['r', 0, 10]] },
  {
    says: 'a child that finishes last is entered, its begin leads back to the parent',
    spans: [
      { id: 'r', at: 0, to: 100 },
      { id: 'a', up: 'r', at: 10, to: 40 },
      { id: 'b', up: 'r', at: 30, to: 90 },
    ],
    expect: [
      ['r', 0, 30],
      ['b', 30, 90],
      ['r', 90, 100],
    ],
  },
  {
    says: 'children one after the other are all on the path',
    spans: [
      { id: 'r', at: 0, to: 100 },
      { id: 'a', up: 'r', at: 10, to: 40 },
      { id: 'b', up: 'r', at: 50, to: 90 },
    ],
    expect: [
      ['r', 0, 10],
      ['a', 10, 40],
      ['r', 40, 50],
      ['b', 50, 90],
      ['r', 90, 100],
    ],
  },
  {
    says: 'a sibling that ends exactly when the next begins is not entered (strict, as Jaeger does)',
    spans: [
      { id: 'r', at: 0, to: 20 },
      { id: 'a', up: 'r', at: 0, to: 10 },
      { id: 'b', up: 'r', at: 10, to: 20 },
    ],
    expect: [
      ['r', 0, 10],
      ['b', 10, 20],
    ],
  },
  {
    says: 'a child that outlives its parent is clipped, one outside is left out with all below it',
    spans: [
      { id: 'r', at: 0, to: 50 },
      { id: 'a', up: 'r', at: 20, to: 80 },
      { id: 'x', up: 'r', at: 60, to: 90 },
      { id: 'y', up: 'x', at: 61, to: 62 },
    ],
    expect: [
      ['r', 0, 20],
      ['a', 20, 50],
    ],
  },
  {
    says: 'a consumer is not part of its producer',
    spans: [
      { id: 'r', at: 0, to: 50 },
      { id: 'p', up: 'r', at: 10, to: 20, kind: 4 },
      { id: 'c', up: 'p', at: 12, to: 45, kind: 5 },
    ],
    expect: [
      ['r', 0, 10],
      ['p', 10, 20],
      ['r', 20, 50],
    ],
  },
  {
    says: 'a join leads to the branch that was awaited, not to a detached sibling that ended later',
    spans: [
      { id: 'r', at: 0, to: 100 },
      { id: 'a', up: 'r', at: 5, to: 30 },
      { id: 'd', up: 'r', at: 6, to: 38 },
      { id: 'c', up: 'r', at: 40, to: 100, links: [link('a', 'join')] },
    ],
    expect: [
      ['r', 0, 5],
      ['a', 5, 30],
      ['r', 30, 40],
      ['c', 40, 100],
    ],
  },
  {
    says: 'a plain link of a child does not override nesting',
    spans: [
      { id: 'r', at: 0, to: 100 },
      { id: 'a', up: 'r', at: 5, to: 10 },
      { id: 'd', up: 'r', at: 6, to: 38 },
      { id: 'c', up: 'r', at: 40, to: 100, links: [link('a')] },
    ],
    expect: [
      ['r', 0, 6],
      ['d', 6, 38],
      ['r', 38, 40],
      ['c', 40, 100],
    ],
  },
  {
    says: 'a barrier that arrives inside a block is followed to the other execution',
    spans: [
      { id: 'r', at: 0, to: 100, links: [link('w', 'barrier', { from: 60, to: 70 })] },
      { id: 's', at: 10, to: 80 },
      { id: 'w', up: 's', at: 20, to: 60 },
    ],
    expect: [
      ['s', 10, 20],
      ['w', 20, 60],
      ['r', 60, 70, 'barrier'],
      ['r', 70, 100],
    ],
    options: { from: { spanId: 's' }, to: { spanId: 'r' } },
  },
  {
    says: 'to the end of a consumer the path goes through the queue to its producer',
    spans: [
      { id: 'r', at: 0, to: 30 },
      { id: 'p', up: 'r', at: 10, to: 20, kind: 4 },
      { id: 'c', up: 'p', at: 70, to: 90, kind: 5 },
    ],
    expect: [
      ['r', 0, 10],
      ['p', 10, 20],
      ['c', 20, 70, 'queue'],
      ['c', 70, 90],
    ],
    options: { from: { spanId: 'r' }, to: { spanId: 'c' } },
  },
  {
    says: 'the path may begin inside a block',
    spans: [
      { id: 'r', at: 0, to: 100 },
      { id: 'a', up: 'r', at: 10, to: 90 },
    ],
    expect: [
      ['a', 50, 90],
      ['r', 90, 100],
    ],
    options: { from: { spanId: 'r', at: EPOCH + 50n }, to: { spanId: 'r' } },
  },
  {
    says: 'from after to has no path',
    spans: [{ id: 'r', at: 0, to: 100 }],
    expect: [],
    options: { from: { spanId: 'r', at: 'end' }, to: { spanId: 'r', at: 'begin' } },
  },
]

for (const { says, spans, expect, options } of paths) {
  test(`critical path: ${says}`, () => assert.deepEqual(path(buildTrace(spans.map(span)), options), expect))
}

const repairs: { says: string; spans: Brief[]; kinds: string[]; times?: Record<string, [number, number]> }[] =
  [
    {
      says: 'the same span twice is kept once',
      spans: [
        { id: 'r', at: 0, to: 9 },
        { id: 'r', at: 0, to: 9 },
      ],
      kinds: ['duplicate-span'],
    },
    {
      says: 'of two spans with one id the later end is kept',
      spans: [
        { id: 'r', at: 0, to: 9 },
        { id: 'r', at: 0, to: 5 },
      ],
      kinds: ['conflicting-span'],
      times: { r: [0, 9] },
    },
    {
      says: 'a missing parent makes a root',
      spans: [{ id: 'a', up: 'zz', at: 0, to: 9 }],
      kinds: ['missing-parent'],
    },
    {
      says: 'a self-parent makes a root',
      spans: [{ id: 'a', up: 'a', at: 0, to: 9 }],
      kinds: ['self-parent'],
    },
    {
      says: 'a circle is cut at its earliest span',
      spans: [
        { id: 'a', up: 'b', at: 3, to: 9 },
        { id: 'b', up: 'c', at: 1, to: 9 },
        { id: 'c', up: 'a', at: 2, to: 9 },
      ],
      kinds: ['child-before-parent', 'parent-cycle'],
    },
    {
      says: 'an end before the start gives zero duration',
      spans: [{ id: 'a', at: 9, to: 2 }],
      kinds: ['end-before-start'],
      times: { a: [9, 9] },
    },
    {
      says: 'a child that starts before its parent on one host stays as it came',
      spans: [
        { id: 'a', at: 5, to: 9 },
        { id: 'b', up: 'a', at: 2, to: 6 },
      ],
      kinds: ['child-before-parent'],
      times: { a: [5, 9], b: [2, 6] },
    },
    {
      says: 'an edge to nowhere is told',
      spans: [{ id: 'a', at: 5, to: 9, links: [link('ffff', 'join')] }],
      kinds: ['edge-without-source'],
    },
    {
      says: 'an edge that arrives before it leaves is told',
      spans: [
        { id: 'a', at: 5, to: 9 },
        { id: 'b', at: 2, to: 6, links: [link('a', 'join')] },
      ],
      kinds: ['edge-against-time'],
    },
    {
      says: 'a span of another trace is left out',
      spans: [
        { id: 'a', at: 5, to: 9 },
        { id: 'b', at: 2, to: 6, trace: 'f'.repeat(32) },
      ],
      kinds: ['foreign-span'],
    },
  ]

for (const { says, spans, kinds: expected, times: expectedTimes } of repairs) {
  test(`repair: ${says}`, () => {
    const trace = buildTrace(spans.map(span))
    assert.deepEqual(kinds(trace), expected)
    if (expectedTimes !== undefined) assert.deepEqual(times(trace), expectedTimes)
  })
}

test('times of zero and of 2^64-1 are clamped and told, and the rest of the trace is not moved', () => {
  const odd = [0n, 2n ** 64n - 1n].map((at, index) => ({
    ...span({ id: `o${index}`, up: 'r', at: 0, to: 0 }),
    startTimeUnixNano: at,
    endTimeUnixNano: at,
  }))
  const trace = buildTrace([
    span({ id: 'r', at: 0, to: 9 }),
    span({ id: 'a', up: 'r', at: 1, to: 2 }),
    ...odd,
  ])
  assert.deepEqual(times(trace).a, [1, 2])
  assert.ok(kinds(trace).includes('zero-time') && kinds(trace).includes('time-out-of-range'))
})

test('a span without an end lasts until the last that is known inside it by its clock', () => {
  const open = (one: Brief, events: OtlpSpan['events'] = []) => ({
    ...span(one),
    endTimeUnixNano: 0n,
    events,
  })
  const event = { timeUnixNano: EPOCH + 70n, name: 'retry', attributes: {} }
  const trace = buildTrace([
    open({ id: 'r', at: 0, to: 0 }),
    open({ id: 'a', up: 'r', at: 10, to: 0 }, [event]),
    span({ id: 'b', up: 'a', at: 20, to: 60 }),
    span({ id: 'c', up: 'r', at: 30, to: 900, host: 'B' }),
    open({ id: 'd', up: 'r', at: 40, to: 0 }),
  ])
  assert.deepEqual(times(trace), { r: [0, 70], a: [10, 70], b: [20, 60], c: [30, 900], d: [40, 40] })
  assert.deepEqual(kinds(trace), ['zero-time'])
})

test('whom a call went to: who answered, who was handed something, else what it says of its callee', () => {
  const call = (id: string, attributes: OtlpSpan['attributes'], kind: 3 | 4 = 3): OtlpSpan => ({
    ...span({ id, up: 'r', at: 10, to: 20, kind }),
    attributes,
  })
  const trace = buildTrace([
    span({ id: 'r', at: 0, to: 100, kind: 2 }),
    call('answered', { 'server.address': '10.0.0.7' }),
    span({ id: 's', up: 'answered', at: 12, to: 18, host: 'B', kind: 2 }),
    call('sent', { 'messaging.system': 'kafka' }, 4),
    span({ id: 'c', at: 40, to: 50, host: 'C', kind: 5, links: [link('sent')] }),
    call('peer', { 'peer.service': 'cart', 'db.system': 'redis' }),
    call('db', { 'db.system.name': 'postgresql', 'db.namespace': 'orders', 'server.address': 'db1' }),
    call('queue', { 'messaging.system': 'kafka', 'messaging.destination.name': 'jobs' }, 4),
    call('rpc', { 'rpc.service': 'shop.Cart' }),
    call('address', { 'server.address': 'api.example.org', 'server.port': 443 }),
    call('silent', { 'peer.service': '', 'db.system': ['odd'] }),
    { ...call('inside', { 'peer.service': 'nobody' }), kind: 1 },
  ])
  const callees = calleesOf(trace)
  assert.deepEqual(Object.fromEntries(trace.blocks.map(({ index, spanId }) => [spanId, callees[index]])), {
    r: undefined,
    answered: 'svc-B',
    s: undefined,
    sent: 'svc-C',
    c: undefined,
    peer: 'cart',
    db: 'postgresql/orders',
    queue: 'kafka/jobs',
    rpc: 'shop.Cart',
    address: 'api.example.org',
    silent: undefined,
    inside: undefined,
  })
})

test('a trace that spans 30 days keeps every ns of it', () => {
  const month = 30 * 86_400 * 1e9
  assert.deepEqual(
    times(
      buildTrace(
        [
          { id: 'r', at: 0, to: month },
          { id: 'a', up: 'r', at: month - 1, to: month },
        ].map(span),
      ),
    ),
    { r: [0, month], a: [month - 1, month] },
  )
})

const clocks: { says: string; spans: Brief[]; offsets: Record<string, number>; infeasible?: boolean }[] = [
  {
    says: 'one RPC is put in the middle of its caller',
    offsets: { A: 0, B: 1025 },
    spans: [
      { id: 'a', at: 0, to: 100, kind: 3 },
      { id: 'b', up: 'a', at: -1000, to: -950, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'a clock that agrees is left alone',
    offsets: { A: 0, B: 0 },
    spans: [
      { id: 'a', at: 0, to: 100, kind: 3 },
      { id: 'b', up: 'a', at: 1, to: 20, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'bounds of all calls are intersected',
    offsets: { A: 0, B: 503 },
    spans: [
      { id: 'r', at: 0, to: 1000 },
      { id: 'a', up: 'r', at: 0, to: 100, kind: 3 },
      { id: 'b', up: 'a', at: -500, to: -450, host: 'B', kind: 2 },
      { id: 'c', up: 'r', at: 200, to: 216, kind: 3 },
      { id: 'd', up: 'c', at: -300, to: -290, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'a one-sided bound moves no more than it must',
    offsets: { A: 0, B: 40 },
    spans: [
      { id: 'a', at: 0, to: 10, kind: 4 },
      { id: 'b', up: 'a', at: -40, to: 90, host: 'B', kind: 5 },
    ],
  },
  {
    says: 'a callee that takes longer than its caller bounds from one side only',
    offsets: { A: 0, B: 40 },
    spans: [
      { id: 'a', at: 0, to: 10, kind: 3 },
      { id: 'b', up: 'a', at: -40, to: 90, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'calls that contradict each other leave the times raw',
    offsets: { A: 0, B: 0 },
    infeasible: true,
    spans: [
      { id: 'r', at: 0, to: 1000 },
      { id: 'a', up: 'r', at: 0, to: 10, kind: 3 },
      { id: 'b', up: 'a', at: -100, to: -95, host: 'B', kind: 2 },
      { id: 'c', up: 'r', at: 20, to: 30, kind: 3 },
      { id: 'd', up: 'c', at: 22, to: 28, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'a callee that ends a tenth after its caller was late, its clock is left alone',
    offsets: { A: 0, B: 0 },
    spans: [
      { id: 'a', at: 0, to: 100 * MS, kind: 3 },
      { id: 'b', up: 'a', at: 20 * MS, to: 108 * MS, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'a short callee that ends one late turn of an event loop after its caller, neither',
    offsets: { A: 0, B: 0 },
    spans: [
      { id: 'a', at: 0, to: 4 * MS, kind: 3 },
      { id: 'b', up: 'a', at: 3 * MS, to: 6.5 * MS, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'a callee that ends more than a tenth after its caller has a clock that is ahead',
    offsets: { A: 0, B: -14 * MS },
    spans: [
      { id: 'a', at: 0, to: 100 * MS, kind: 3 },
      { id: 'b', up: 'a', at: 18 * MS, to: 110 * MS, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'a callee that begins after its caller ended has a clock that is ahead, however little',
    offsets: { A: 0, B: -1.25 * MS },
    spans: [
      { id: 'a', at: 0, to: MS, kind: 3 },
      { id: 'b', up: 'a', at: 1.5 * MS, to: 2 * MS, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'an answer noticed late gives way to the requests, and the clock is set by these',
    offsets: { A: 0, B: -1000 * MS },
    spans: [
      { id: 'r', at: 0, to: 100 * MS },
      { id: 'a', up: 'r', at: 0, to: 10 * MS, kind: 3 },
      { id: 'b', up: 'a', at: 1000 * MS, to: 1009 * MS, host: 'B', kind: 2 },
      { id: 'c', up: 'r', at: 20 * MS, to: 30 * MS, kind: 3 },
      { id: 'd', up: 'c', at: 1022 * MS, to: 1033 * MS, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'a callee that ran a little longer than its caller waited was an answer all the same',
    offsets: { A: 0, B: -560 * MS },
    spans: [
      { id: 'a', at: 0, to: 50 * MS, kind: 3 },
      { id: 'b', up: 'a', at: 560 * MS, to: 611 * MS, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'answers that contradict each other are given up for requests that do not',
    offsets: { A: 0, B: 1002 },
    spans: [
      { id: 'r', at: 0, to: 1000 },
      { id: 'a', up: 'r', at: 0, to: 100, kind: 3 },
      { id: 'b', up: 'a', at: -1000, to: -990, host: 'B', kind: 2 },
      { id: 'c', up: 'r', at: 200, to: 260, kind: 3 },
      { id: 'd', up: 'c', at: -802, to: -742, host: 'B', kind: 2 },
      { id: 'e', up: 'r', at: 300, to: 350, kind: 3 },
      { id: 'f', up: 'e', at: -690, to: -640, host: 'B', kind: 2 },
    ],
  },
  {
    says: 'a third host is aligned through the second',
    offsets: { A: 0, B: 1025, C: 2045 },
    spans: [
      { id: 'a', at: 0, to: 100, kind: 3 },
      { id: 'b', up: 'a', at: -1000, to: -950, host: 'B', kind: 2 },
      { id: 'c', up: 'b', at: -2000, to: -1990, host: 'C', kind: 2 },
    ],
  },
  {
    says: 'a join between hosts is a bound too',
    offsets: { A: 0, B: 30 },
    spans: [
      { id: 'a', at: 0, to: 50 },
      { id: 'b', at: 20, to: 90, host: 'B', links: [link('a', 'join')] },
    ],
  },
]

for (const { says, spans, offsets, infeasible = false } of clocks) {
  test(`clocks: ${says}`, () => {
    const trace = buildTrace(spans.map(span))
    assert.deepEqual(
      Object.fromEntries(trace.clocks.map(({ host, offsetNs }) => [host, Number(offsetNs)])),
      offsets,
    )
    assert.equal(kinds(trace).includes('clock-infeasible'), infeasible)
  })
}

test('a span that waited for what is no span has an edge from itself to itself, and only forwards', () => {
  const waited = link('b', 'resource', { from: 20, to: 60 })
  const backwards = link('b', 'resource', { from: 70, to: 65 })
  const now = link('b', 'resource', { from: 80, to: 80 })
  const trace = buildTrace([
    span({ id: 'a', at: 0, to: 100 }),
    span({
      id: 'b',
      up: 'a',
      at: 10,
      to: 90,
      links: [waited, backwards, now, link('b', 'resource'), link('b')],
    }),
  ])
  assert.deepEqual(
    trace.edges.map(({ kind, from, to }) => [kind, from?.block, to.block]),
    [['resource', 1, 1]],
  )
  assert.deepEqual(path(trace), [
    ['a', 0, 10],
    ['b', 10, 20],
    ['b', 20, 60, 'resource'],
    ['b', 60, 90],
    ['a', 90, 100],
  ])
})

const handedOver: {
  says: string
  spans: readonly Brief[]
  expect: readonly (readonly [kind: string, from: string, fromNs: number, to: string, toNs: number])[]
}[] = [
  {
    says: 'a consumer below its producer has a queue edge from where the producer ended',
    spans: [
      { id: 'p', at: 0, to: 20, kind: 4 },
      { id: 'c', up: 'p', at: 70, to: 90, kind: 5 },
    ],
    expect: [['queue', 'p', 20, 'c', 70]],
  },
  {
    says: 'a producer that still waits for its broker has handed over by when its consumer begins',
    spans: [
      { id: 'p', at: 0, to: 20, kind: 4 },
      { id: 'c', up: 'p', at: 12, to: 45, kind: 5 },
    ],
    expect: [['queue', 'p', 12, 'c', 12]],
  },
  {
    says: 'plain links of a consumer to its producers are queue edges, those to others are links',
    spans: [
      { id: 'p', at: 0, to: 10, kind: 4 },
      { id: 'q', at: 5, to: 15, kind: 4 },
      { id: 'o', at: 0, to: 4 },
      { id: 'c', at: 40, to: 60, kind: 5, links: [link('p'), link('q'), link('o')] },
    ],
    expect: [
      ['queue', 'p', 10, 'c', 40],
      ['queue', 'q', 15, 'c', 40],
      ['link', 'o', 4, 'c', 40],
    ],
  },
  {
    says: 'a consumer that tells its edge itself has that one only',
    spans: [
      { id: 'p', at: 0, to: 20, kind: 4 },
      { id: 'c', up: 'p', at: 70, to: 90, kind: 5, links: [link('p', 'queue', { from: 18 })] },
    ],
    expect: [['queue', 'p', 18, 'c', 70]],
  },
  {
    says: 'neither a server below a producer nor a consumer below a client is handed anything over',
    spans: [
      { id: 'p', at: 0, to: 20, kind: 4 },
      { id: 's', up: 'p', at: 5, to: 9, kind: 2 },
      { id: 'k', at: 0, to: 20, kind: 3 },
      { id: 'c', up: 'k', at: 5, to: 9, kind: 5 },
    ],
    expect: [],
  },
  {
    says: 'its times are those of aligned clocks, and it says nothing about clocks but that begins are in order',
    spans: [
      { id: 'p', at: 0, to: 20, kind: 4 },
      { id: 'c', at: -40, to: 90, host: 'B', kind: 5, links: [link('p')] },
    ],
    expect: [['queue', 'p', -40, 'c', -40]],
  },
]
for (const { says, spans, expect } of handedOver) {
  test(`edges: ${says}`, () => {
    const trace = buildTrace(spans.map((one) => span(one)))
    const end = ({ block, timeNs }: { readonly block: number; readonly timeNs: bigint }) =>
      [trace.blocks[block].spanId, Number(timeNs - EPOCH)] as const
    const edges = trace.edges.map(({ kind, from, to }) => [
      kind,
      ...(from === undefined ? [] : end(from)),
      ...end(to),
    ])
    assert.deepEqual(edges, expect)
    assert.deepEqual(trace.repairs, [])
  })
}

test('the view of an edge has what its link says beside kind and times; nothing where that is nothing', () => {
  const waited = link('b', 'queue', { from: 20, to: 60 })
  const said = { 'crosscut.counter.depth': 7, 'queue.name': 'jobs', 'crosscut.edge.from_event': 'put' }
  const trace = buildTrace([
    span({ id: 'a', at: 0, to: 100 }),
    span({ id: 'b', up: 'a', at: 10, to: 50 }),
    span({
      id: 'c',
      up: 'a',
      at: 55,
      to: 90,
      links: [{ ...waited, attributes: { ...waited.attributes, ...said } }, link('b')],
    }),
  ])
  const { edges } = toTraceView(trace)
  assert.deepEqual(
    edges.map(({ kind, attributes }) => [kind, attributes]),
    [
      ['queue', { 'crosscut.counter.depth': 7, 'queue.name': 'jobs' }],
      ['link', undefined],
    ],
  )
})

test("an edge leaves at the event that it names, by the source's own clock; a time that is told goes before", () => {
  const named = (times: { from?: number } = {}) => {
    const one = link('s', 'async', times)
    return { ...one, attributes: { ...one.attributes, 'crosscut.edge.from_event': 'head' } }
  }
  const event = { timeUnixNano: EPOCH + 30n, name: 'head', attributes: {} }
  const spans = (link: OtlpLink, events = [event]) => [
    span({ id: 'd', at: 0, to: 100 }),
    { ...span({ id: 's', up: 'd', at: 10, to: 95, kind: 2 }), events },
    span({ id: 'r', up: 'd', at: 40, to: 100, links: [link] }),
  ]
  const leavesAt = (spans: readonly OtlpSpan[]) =>
    buildTrace(spans).edges.map(({ from }) => Number((from?.timeNs ?? 0n) - EPOCH))
  assert.deepEqual(leavesAt(spans(named())), [30])
  assert.deepEqual(leavesAt(spans(named({ from: 20 }))), [20])
  assert.deepEqual(leavesAt(spans(named(), [])), [95])
  assert.deepEqual(path(buildTrace(spans(named()))), [
    ['d', 0, 10],
    ['s', 10, 30],
    ['d', 30, 40],
    ['r', 40, 100],
  ])
})

test('a chain of 200,000 blocks and a circle of edges at one instant come to an end', () => {
  const chain = Array.from({ length: 200_000 }, (_, index) =>
    span({ id: `s${index}`, up: index === 0 ? undefined : `s${index - 1}`, at: 0, to: 10 }),
  )
  const trace = buildTrace(chain)
  assert.equal(trace.blocks.at(-1)?.depth, 199_999)
  assert.deepEqual(path(trace), [['s199999', 0, 10]])
  const circle = buildTrace([
    span({ id: 'r', at: 0, to: 10 }),
    span({ id: 'a', up: 'r', at: 5, to: 5, links: [link('b', 'join')] }),
    span({ id: 'b', up: 'r', at: 5, to: 5, links: [link('a', 'join')] }),
  ])
  assert.deepEqual(partitionFaults(circle, EPOCH, EPOCH + 10n, undefined), [])
})

test('OTLP/JSON forms are taken as they are: times as text, KeyValue lists, upper-case ids, resource left out', () => {
  const trace = buildTrace([
    {
      traceId: TRACE.toUpperCase(),
      spanId: 'AB',
      name: 'GET /',
      kind: 'SPAN_KIND_SERVER',
      startTimeUnixNano: '1790000000000000000',
      endTimeUnixNano: '1790000000000000010',
      attributes: [
        { key: 'n', value: { intValue: '5' } },
        { key: '__proto__', value: { stringValue: 'x' } },
      ],
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'web' } }] },
    },
    {
      traceId: TRACE,
      spanId: 'cd',
      parentSpanId: 'ab',
      name: 'child',
      startTimeUnixNano: 1,
      endTimeUnixNano: Number.NaN,
    },
  ])
  const view = toTraceView(trace)
  assert.deepEqual(
    view.spans.map(({ service, name, kind, depth }) => [service, name, kind, depth]),
    [
      ['web', 'GET /', 'server', 0],
      ['unknown_service', 'child', 'unspecified', 1],
    ],
  )
  assert.equal(view.spans[0].attributes.n, 5)
  assert.equal(Reflect.get({}, 'x'), undefined)
})

test('traces of small synthetic times, zero included, are not mistaken for unset clocks', () => {
  const small = (spanId: string, parentSpanId: string | undefined, start: bigint, end: bigint): OtlpSpan => ({
    ...span({ id: spanId, up: parentSpanId, at: 0, to: 0 }),
    startTimeUnixNano: start,
    endTimeUnixNano: end,
  })
  const trace = buildTrace([small('r', undefined, 0n, 100n), small('a', 'r', 10n, 40n)])
  assert.equal(trace.repairCount, 0)
  assert.deepEqual(
    criticalPath(trace).map(({ spanId, startNs, endNs }) => [spanId, startNs, endNs]),
    [
      ['r', 0n, 10n],
      ['a', 10n, 40n],
      ['r', 40n, 100n],
    ],
  )
})

test('a view has a summary, pages of spans, and a critical path in decimal strings', () => {
  const spans = [
    { id: 'r', at: 0, to: 100 },
    { id: 'a', up: 'r', at: 10, to: 40, host: 'B' },
  ].map(span)
  const trace = buildTrace(spans)
  assert.deepEqual(toTraceView(trace).summary, summarize(spans))
  assert.deepEqual(
    toTraceView(trace, { offset: 1, limit: 5 }).spans.map(({ spanId }) => spanId),
    ['a'],
  )
  assert.deepEqual(
    { ...toCriticalPathView(criticalPath(trace)).exclusiveNs },
    { 'svc-A op-r': '70', 'svc-B op-a': '30' },
  )
})

test('an empty list is an empty trace', () => {
  const trace = buildTrace([])
  assert.deepEqual(
    [trace.root, trace.hasRoot, criticalPath(trace).length, toTraceView(trace).totalSpans],
    [-1, false, 0, 0],
  )
})
