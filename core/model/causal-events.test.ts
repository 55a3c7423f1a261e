// A trace as a causal DAG: what comes before what, by tables of small traces; and for random ones, that the
// order never goes in a circle and says at least what nesting says.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { buildTrace, causalEvents, type CausalEvents, type OtlpLink, type OtlpSpan } from './index.ts'

const TRACE = '0123456789abcdef0123456789abcdef'
const EPOCH = 1_790_000_000_000_000_000n
const SEED = 20261128

type Brief = {
  readonly up?: string
  readonly at: number
  readonly to: number
  readonly kind?: OtlpSpan['kind']
  readonly unit?: string
  /** Whether our agent wrote it. */
  readonly isOurs?: boolean
  readonly joins?: readonly string[]
  readonly edge?: string
  readonly points?: Readonly<Record<string, number>>
  readonly attributes?: OtlpSpan['attributes']
}

function traceOf(briefs: Readonly<Record<string, Brief>>): CausalEvents {
  const idOf = (name: string): string => Buffer.from(name.padEnd(8, '.')).toString('hex')
  const spans = Object.entries(briefs).map(([name, brief]): OtlpSpan => {
    const { up, at, to, kind = 1, unit = 'A', isOurs = true, joins = [], edge = 'join' } = brief
    const link = (joined: string): OtlpLink => ({
      traceId: TRACE,
      spanId: idOf(joined),
      attributes: { 'crosscut.edge': edge },
    })
    return {
      traceId: TRACE,
      spanId: idOf(name),
      ...(up === undefined ? {} : { parentSpanId: idOf(up) }),
      name,
      kind,
      startTimeUnixNano: EPOCH + BigInt(at),
      endTimeUnixNano: EPOCH + BigInt(to),
      status: { code: 0 },
      attributes: brief.attributes ?? {},
      links: joins.map(link),
      events: Object.entries(brief.points ?? {}).map(([point, time]) => ({
        timeUnixNano: EPOCH + BigInt(time),
        name: point,
        attributes: {},
      })),
      resource: {
        attributes: {
          'service.name': unit,
          'host.name': unit,
          ...(isOurs ? { 'telemetry.sdk.name': 'crosscut' } : {}),
        },
      },
      scope: { name: 'test' },
    }
  })
  return causalEvents(buildTrace(spans))
}

/** `name tracepoint`, or for points their own name. */
const titleOf = ({ tracepoint, vars }: CausalEvents['events'][number]): string =>
  tracepoint.includes('.') ? `${String(vars['name'])} ${tracepoint}` : tracepoint

/** All that happened before an event, by title: reachability, written the plain way. */
function before({ events }: CausalEvents, title: string): string[] {
  const byId = new Map(events.map((event) => [event.id, event]))
  const reached = new Set<string>()
  const visit = (id: string): void => {
    for (const earlier of byId.get(id)?.after ?? []) {
      if (reached.has(earlier)) continue
      reached.add(earlier)
      visit(earlier)
    }
  }
  const start = events.find((event) => titleOf(event) === title)
  assert.ok(start, `there is ${title}`)
  visit(start.id)
  return [...reached].map((id) => titleOf(byId.get(id)!)).sort()
}

test('a child comes after what its parent had done by then, and before what it did after the end of the child', () => {
  const made = traceOf({
    a: { at: 0, to: 100, points: { early: 5, late: 50 } },
    b: { up: 'a', at: 10, to: 20 },
  })
  assert.deepEqual(before(made, 'b span.start'), ['a span.start', 'early'])
  assert.deepEqual(before(made, 'late'), ['a span.start', 'b span.end', 'b span.start', 'early'])
  assert.equal(before(made, 'a span.end').length, 5)
})

test('siblings of our agent are in order only where it tells of a join', () => {
  const concurrent = traceOf({
    a: { at: 0, to: 100 },
    b: { up: 'a', at: 10, to: 20 },
    c: { up: 'a', at: 30, to: 40 },
  })
  assert.deepEqual(before(concurrent, 'c span.start'), ['a span.start'])
  const joined = traceOf({
    a: { at: 0, to: 100 },
    b: { up: 'a', at: 10, to: 20 },
    c: { up: 'a', at: 30, to: 40, joins: ['b'] },
  })
  assert.deepEqual(before(joined, 'c span.start'), ['a span.start', 'b span.end', 'b span.start'])
  assert.equal(joined.assumed, 0)
})

test('siblings in units that others instrumented are in order where one ended before the next began', () => {
  const made = traceOf({
    a: { at: 0, to: 100, isOurs: false },
    b: { up: 'a', at: 10, to: 20, isOurs: false },
    c: { up: 'a', at: 15, to: 30, isOurs: false },
    d: { up: 'a', at: 40, to: 50, isOurs: false },
    e: { up: 'a', at: 60, to: 70, isOurs: false },
  })
  assert.deepEqual(before(made, 'c span.start'), ['a span.start'])
  assert.deepEqual(before(made, 'd span.start'), [
    'a span.start',
    'b span.end',
    'b span.start',
    'c span.end',
    'c span.start',
  ])
  assert.equal(made.assumed, 3, 'b and c before d, d before e; b before e follows')
})

test('a barrier is no way for what happened before, a queue is', () => {
  const over = (edge: string): string[] =>
    before(
      traceOf({
        a: { at: 0, to: 100 },
        b: { up: 'a', at: 10, to: 20 },
        c: { up: 'a', at: 30, to: 40, joins: ['b'], edge },
      }),
      'c span.start',
    )
  assert.deepEqual(over('barrier'), ['a span.start'])
  assert.deepEqual(over('queue'), ['a span.start', 'b span.end', 'b span.start'])
})

test('spans of HTTP are the tracepoints that a process has; what happens after the answer reaches nobody', () => {
  const http = { 'http.request.method': 'GET', 'http.response.status_code': 200 }
  const made = traceOf({
    call: {
      at: 0,
      to: 100,
      kind: 3,
      attributes: { ...http, 'url.full': 'http://b:80/x?y', 'server.address': 'b', 'server.port': 80 },
    },
    serve: {
      up: 'call',
      at: 10,
      to: 90,
      kind: 2,
      unit: 'B',
      attributes: { ...http, 'url.path': '/x', 'server.address': 'b', 'server.port': 80 },
    },
  })
  const varsOf = (tracepoint: string): Readonly<Record<string, unknown>> =>
    made.events.find((event) => event.tracepoint === tracepoint)?.vars ?? {}
  const { method, path, host, port, status, service, durationMs } = varsOf('http.client.response')
  assert.deepEqual([method, path, host, port, status, service], ['GET', '/x', 'b', 80, 200, 'A'])
  assert.equal(durationMs, 100 / 1e6)
  assert.equal(varsOf('http.server.request.start')['host'], 'b:80')
  assert.equal(varsOf('span.start')['host'], 'A')
  const reaching = made.events.filter(({ tracepoint, id }) => {
    const isBefore = made.events.some(({ after }) => after.includes(id))
    return tracepoint.endsWith('request.end') && isBefore
  })
  assert.deepEqual(reaching, [])
  const end = made.events.find(({ id }) => id.endsWith('/end'))
  assert.ok(end)
  const byId = new Map(made.events.map((event) => [event.id, event]))
  const response = [...byId.values()].find(({ tracepoint }) => tracepoint === 'http.server.response')
  assert.ok(response && end.after.includes(response.id), 'the answer comes before the end of the call')
})

test('what served a call comes before its answer, also where the span of the server ends later', () => {
  const http = { 'http.request.method': 'GET', 'http.response.status_code': 200 }
  const call: Brief = { at: 0, to: 100, kind: 3, attributes: http }
  const serve: Brief = {
    up: 'call',
    at: 10,
    to: 105,
    kind: 2,
    attributes: http,
    points: { read: 50, late: 104 },
  }
  const answered = traceOf({ call, serve })
  const reaching = before(answered, 'call span.end')
  assert.ok(reaching.includes('serve span.start'))
  assert.ok(reaching.includes('read') && !reaching.includes('late'))
  // A call that was given up: nothing came back.
  const failed = traceOf({ call: { ...call, attributes: { 'http.request.method': 'GET' } }, serve })
  assert.ok(!before(failed, 'call span.end').includes('serve span.start'))
})

const brief = fc.record({
  up: fc.nat(11),
  at: fc.integer({ min: -50, max: 300 }),
  length: fc.integer({ min: -20, max: 200 }),
  unit: fc.constantFrom('A', 'B', 'C'),
  isOurs: fc.boolean(),
  isRoot: fc.boolean(),
  joins: fc.array(fc.nat(11), { maxLength: 3 }),
  edge: fc.constantFrom('join', 'queue', 'lock', 'barrier', 'link'),
  points: fc.array(fc.integer({ min: -20, max: 400 }), { maxLength: 3 }),
})

test('of any spans: every event is there once, the order has no circle, and parents come before children', () => {
  const law = fc.property(fc.array(brief, { minLength: 1, maxLength: 12 }), (all) => {
    const made = traceOf(
      Object.fromEntries(
        all.map(({ up, at, length, joins, points, isRoot, ...rest }, i): [string, Brief] => [
          `s${i}`,
          {
            ...rest,
            ...(isRoot ? {} : { up: `s${up}` }),
            at,
            to: at + length,
            joins: joins.map((joined) => `s${joined}`),
            points: Object.fromEntries(points.map((time, k) => [`p${i}-${k}`, time])),
          },
        ]),
      ),
    )
    const ids = made.events.map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
    const depth = new Map<string, number>()
    const byId = new Map(made.events.map((event) => [event.id, event]))
    const depthOf = (id: string, seen: readonly string[]): number => {
      assert.ok(!seen.includes(id), 'a circle')
      const event = byId.get(id)
      assert.ok(event, `${id} is told`)
      const known = depth.get(id)
      if (known !== undefined) return known
      const found = 1 + Math.max(0, ...event.after.map((earlier) => depthOf(earlier, [...seen, id])))
      depth.set(id, found)
      return found
    }
    for (const id of ids) depthOf(id, [])
    assert.equal(made.events.filter(({ tracepoint }) => tracepoint === 'span.start').length, all.length)
    assert.equal(
      made.events.filter(({ tracepoint }) => !tracepoint.startsWith('span.')).length,
      all.flatMap(({ points }) => points).length,
    )
  })
  fc.assert(law, { numRuns: 2000, seed: SEED })
})
