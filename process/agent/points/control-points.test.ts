// What orders do to those who pass a point, which orders are believed, and that nobody is stuck by any.

import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ControlOrder } from '#protocol'
import { quietMeters } from '../testing/meters.ts'
import { believeOrder, fingerprintOf } from '../trust.ts'
import { WorkflowMeter } from '../workflow-meter.ts'
import { ControlPoints } from './control-points.ts'
import { OrderBook } from './order-book.ts'

let sent = 0
const order = (change: Partial<ControlOrder> = {}): ControlOrder => ({
  control: 1,
  agent: 'me',
  sentMs: ++sent,
  forMs: 30_000,
  settings: [{ point: 'door', workflow: 'a', rate: 0.1, weight: 1 }],
  ...change,
})
const setting = { point: 'door', workflow: 'a', weight: 1 }

function rig(settleMs = 0) {
  const meter = new WorkflowMeter({ meters: quietMeters(7) })
  const counted: string[] = []
  let changes = 0
  const points = new ControlPoints({
    meter,
    detached: (fn) => fn(),
    count: (reason) => counted.push(reason),
    onChange: () => (changes += 1),
    settleMs,
  })
  const pass = (tenant: string, signal?: AbortSignal) =>
    points.pass('door', tenant, { isHolding: false, signal })
  const passed = () => meter.report().points.find(({ name }) => name === 'door')?.passed
  return { meter, points, pass, passed, counted, changes: () => changes }
}

test('an order holds the tenants it names; the next one, without them, lets them go', async () => {
  const { points, pass, passed } = rig()
  points.obey(order())
  assert.equal(pass('a'), undefined, 'the first one owes nothing yet')
  const held = pass('a')
  assert.ok(held instanceof Promise)
  assert.equal(pass('b'), undefined)
  assert.deepEqual(passed(), [1, 1])
  points.obey(order({ settings: [] }))
  await held
  assert.deepEqual(passed(), [2, 1])
  assert.equal(pass('a'), undefined)
})

test('a renewed order keeps who waits in line, at the new rate', async () => {
  const { points, pass, passed } = rig()
  points.obey(order())
  void pass('a')
  const held = [pass('a'), pass('a')]
  points.obey(order({ settings: [{ ...setting, rate: 1_000 }] }))
  await Promise.all(held)
  assert.deepEqual(passed(), [3])
  points.release()
})

test('an order ends with its lease, and whoever waits goes on; so they do when we are switched off', async () => {
  const { points, pass } = rig()
  points.obey(order({ forMs: 5 }))
  void pass('a')
  await pass('a')
  assert.ok(points.isIdle)
  points.obey(order())
  void pass('a')
  const held = pass('a')
  points.release()
  await held
})

test('who waits with a signal may give up, and holds no place any more', async () => {
  const { points, pass, passed } = rig()
  points.obey(order())
  void pass('a')
  const controller = new AbortController()
  const held = pass('a', controller.signal)
  controller.abort(new Error('gone'))
  await assert.rejects(held ?? Promise.resolve(), /gone/)
  points.release()
  assert.deepEqual(passed(), [1])
})

test('who holds a lock goes on, and its tenant pays for it', () => {
  const { points, meter } = rig()
  points.obey(order({ settings: [{ ...setting, rate: 0.1 }] }))
  for (let i = 0; i < 5; i++) assert.equal(points.pass('door', 'a', { isHolding: true }), undefined)
  assert.ok(points.pass('door', 'a', { isHolding: false }) instanceof Promise)
  assert.ok(points.tryPass('door', 'a') > 40_000, 'in debt for all of them')
  assert.deepEqual(meter.report().points[0]?.passed, [5])
  points.release()
})

test('the first order after none holds nobody at once who may have taken a lock before it', () => {
  const { points, pass } = rig(60_000)
  points.obey(order())
  for (let i = 0; i < 3; i++) assert.equal(pass('a'), undefined)
  points.release()
})

test('a request is refused when it would wait too long, and dropped when its time is over', () => {
  const { points, meter } = rig()
  points.obey(order({ settings: [{ ...setting, rate: 1 }] }))
  const arrive = (remainingMs: number) =>
    points.arrive({
      point: 'door',
      tenant: 'a',
      remainingMs,
      waitMsMax: 2_500,
      canRefuse: true,
      isHolding: false,
      mayHold: false,
      go: () => {},
      drop: () => {},
    })
  assert.equal(arrive(Infinity).kind, 'go')
  assert.equal(arrive(Infinity).kind, 'wait')
  assert.deepEqual(arrive(1_500), { kind: 'refuse', retryAfterSeconds: 2 })
  assert.equal(arrive(Infinity).kind, 'wait')
  assert.deepEqual(arrive(Infinity), { kind: 'refuse', retryAfterSeconds: 3 })
  assert.deepEqual(arrive(0), { kind: 'drop' })
  const [{ passed, refused } = { passed: [], refused: [] }] = meter.report().points
  assert.deepEqual([passed, refused], [[1], [3]])
  points.release()
})

test('weights and limits of time are told by point and tenant; what is ordered is said to change', () => {
  const { points, changes } = rig()
  assert.equal(points.weightsAt('door'), undefined)
  points.obey(
    order({
      settings: [
        { ...setting, weight: 4 },
        { ...setting, workflow: 'b', weight: 1e99 },
        { ...setting, workflow: 'c', limitMs: 1 },
      ],
    }),
  )
  assert.deepEqual(
    [...(points.weightsAt('door') ?? [])],
    [
      ['a', 4],
      ['b', 1e6],
    ],
  )
  assert.equal(points.limitMsAt('door', 'c'), 10, 'no time in which nothing can be done')
  assert.equal(points.limitMsAt('door', 'a'), undefined)
  assert.equal(points.tryPass('door', 'a'), 0)
  points.obey(order({ settings: [] }))
  assert.equal(points.weightsAt('door'), undefined)
  assert.equal(changes(), 2)
})

test('whatever is ordered, whoever waits goes on when the lease is over', async () => {
  const settings = fc.array(
    fc.record({
      point: fc.constantFrom('door', 'other'),
      workflow: fc.constantFrom('a', 'b', '(other)'),
      rate: fc.option(fc.double({ min: 0, max: 1e300, noNaN: true }), { nil: undefined }),
      weight: fc.double({ min: 5e-324, max: 1e300, noNaN: true }),
      limitMs: fc.option(fc.double({ min: 0, max: 1e300, noNaN: true }), { nil: undefined }),
    }),
    { maxLength: 6 },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(settings, { minLength: 1, maxLength: 4 }), async (orders) => {
      const { points, pass, passed } = rig()
      const waits: unknown[] = []
      for (const [i, said] of orders.entries()) {
        const clean = JSON.parse(JSON.stringify(said)) as ControlOrder['settings']
        points.obey(order({ settings: clean, forMs: i === orders.length - 1 ? 1 : 30_000 }))
        waits.push(pass('a'), pass('a'), pass('b'))
      }
      await Promise.all(waits)
      const [a = 0, b = 0] = passed() ?? []
      assert.equal(Number(a) + Number(b), 3 * orders.length)
    }),
    { numRuns: 60 },
  )
})

test('each order is taken at most once, in order, whatever the network does to them', () => {
  const arrivals = fc.array(fc.record({ at: fc.nat(30), late: fc.nat(20_000) }), { maxLength: 60 })
  fc.assert(
    fc.property(arrivals, fc.integer({ min: -1e9, max: 1e9 }), (arriving, offset) => {
      const book = new OrderBook()
      const taken: number[] = []
      const sorted = arriving.map(({ at, late }) => ({ sentMs: 1 + at * 1_000, arrives: at * 1_000 + late }))
      for (const { sentMs, arrives } of sorted.sort((a, b) => a.arrives - b.arrives))
        if (book.judge({ sentMs, forMs: 5_000 }, arrives + offset) === 'taken') taken.push(sentMs)
      assert.deepEqual(
        taken,
        [...new Set(taken)].sort((a, b) => a - b),
      )
    }),
  )
})

test('an order that comes later than it lives, against the quickest of its stream, is late', () => {
  const book = new OrderBook()
  const judge = (sentMs: number, nowMs: number) => book.judge({ sentMs, forMs: 5_000 }, nowMs)
  assert.equal(judge(1_000, 77), 'taken', 'clocks have nothing in common')
  assert.equal(judge(2_000, 6_077), 'taken')
  assert.equal(judge(3_000, 7_078), 'late')
  assert.equal(judge(2_000, 1_077), 'old')
  book.streamBegan()
  assert.equal(judge(3_000, 90_000), 'taken', 'another server, another clock')
  assert.equal(book.last, 3_000)
})

test('an order is believed when it is signed, for this agent and whole', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url')
  const signedText = (text: string, key = privateKey) => {
    const payload = Buffer.from(text)
    const signature = sign(null, payload, key).toString('base64url')
    return JSON.stringify({
      payload: payload.toString('base64url'),
      signature,
      publicKey: raw.toString('base64url'),
    })
  }
  const signed = (value: object, key = privateKey) => signedText(JSON.stringify(value), key)
  const pinned = { fingerprint: fingerprintOf(raw), agent: 'me' }
  const right = order()
  assert.deepEqual(believeOrder(signed(right), pinned), right)
  const other = generateKeyPairSync('ed25519').privateKey
  const withRate = (rate: string) => JSON.stringify(right).replace('"rate":0.1', `"rate":${rate}`)
  const refused: readonly [string, string, RegExp][] = [
    ['another key', signed(right, other), /signature/],
    ['another agent', signed(order({ agent: 'you' })), /another agent/],
    ['a state', signed({ format: 1, fleet: 'f', version: 1, expiresMs: 1_000, packages: [] }), /no order/],
    ['a rate below 0', signedText(withRate('-1')), /no order/],
    ['a rate without end', signedText(withRate('1e999')), /no order/],
    ['a rate of NaN', signedText(withRate('null')), /no order/],
    ['a rate that is none', signedText(withRate('"x"')), /no order/],
    ['a weight of 0', signed(order({ settings: [{ ...setting, weight: 0 }] })), /no order/],
    ['no JSON', '{', /JSON/],
  ]
  for (const [name, data, message] of refused) assert.throws(() => believeOrder(data, pinned), message, name)
})
