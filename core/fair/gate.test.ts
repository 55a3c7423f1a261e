// The gate, on a clock of its own: who is let in when, what is told, what is forgotten.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FairError, Gate, type GateOptions, type LeftGate } from '#fair'

/** A resource on paper: each call holds its slot for its time, and time goes from end to end. */
class Bench {
  nowMs = 0
  readonly begun: string[] = []
  readonly left: LeftGate[] = []
  readonly gate: Gate
  #ends: { at: number; end: () => void }[] = []
  #calls: Promise<unknown>[] = []

  constructor(options: Partial<GateOptions>) {
    const common = {
      name: 'g',
      slots: 1,
      nowMs: () => this.nowMs,
      onLeft: (one: LeftGate) => this.left.push(one),
    }
    this.gate = new Gate({ ...common, ...options })
  }

  call(
    flow: string,
    holdMs: number,
    more: { cost?: number; signal?: AbortSignal; expiresAtMs?: number } = {},
  ) {
    const ran = this.gate.run({ flow, ...more }, () => {
      this.begun.push(flow)
      return new Promise<void>((resolve) => this.#ends.push({ at: this.nowMs + holdMs, end: resolve }))
    })
    ran.catch(() => {})
    this.#calls.push(ran)
    return ran
  }

  /** Lets time pass until this many calls have ended. */
  async pass(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await turn()
      this.#ends.sort((a, b) => a.at - b.at)
      const next = this.#ends.shift()
      if (next === undefined) return
      this.nowMs = Math.max(this.nowMs, next.at)
      next.end()
    }
    await turn()
  }

  async finish(): Promise<void> {
    await this.pass(this.#calls.length)
    await Promise.allSettled(this.#calls)
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const times = (count: number, fn: (i: number) => void) => Array.from({ length: count }, (_, i) => fn(i))

describe('whose turn it is', () => {
  test('a tenant with a hundred calls in line does not keep out one who comes later', async () => {
    const bench = new Bench({ slots: 2 })
    times(100, () => bench.call('many', 10))
    times(3, () => bench.call('few', 10))
    await bench.pass(12)
    assert.ok(bench.begun.slice(0, 10).filter((flow) => flow === 'few').length === 3, bench.begun.join())
    await bench.finish()
  })

  test('first come, first served inside a tenant, and over all with fifo', async () => {
    const bench = new Bench({ algorithm: 'fifo' })
    for (const flow of ['a', 'a', 'b', 'a', 'c']) bench.call(flow, 1)
    await bench.finish()
    assert.deepEqual(bench.begun, ['a', 'a', 'b', 'a', 'c'])
  })

  test('short calls do not wait behind all slots taken by long ones, once those are known', async () => {
    const bench = new Bench({ slots: 4 })
    times(60, () => bench.call('long', 400))
    times(60, () => bench.call('longer', 500))
    await bench.pass(8)
    const wait: number[] = []
    times(40, () => bench.call('short', 1))
    await bench.pass(50)
    for (const one of bench.left) if (one.flow === 'short') wait.push(one.waitMs)
    assert.equal(wait.length, 40, 'all forty ran while about ten long ones did')
    await bench.finish()
  })

  test('shares follow weights, also of a name that has not come yet', async () => {
    const bench = new Bench({})
    bench.gate.setWeight('paid', 3)
    times(200, () => bench.call('free', 10))
    times(200, () => bench.call('paid', 10))
    await bench.pass(100)
    const paid = bench.begun.slice(0, 100).filter((flow) => flow === 'paid').length
    assert.ok(Math.abs(paid - 75) <= 2, `${paid}`)
    bench.gate.setWeight('paid', 1)
    const before = bench.begun.length
    await bench.pass(100)
    const later = bench.begun.slice(before).filter((flow) => flow === 'paid').length
    assert.ok(Math.abs(later - 50) <= 2, `${later}`)
    await bench.finish()
  })

  test('a cost in a measure of the caller orders by it: a tenant of large calls waits for its share only', async () => {
    const bench = new Bench({ slots: 1 })
    times(50, (i) => bench.call('blobs', i % 2 === 0 ? 100 : 10, { cost: i % 2 === 0 ? 10 : 1 }))
    times(500, () => bench.call('rows', 10, { cost: 1 }))
    await bench.pass(200)
    const held = (flow: string) =>
      bench.left.filter((one) => one.flow === flow).reduce((sum, one) => sum + one.holdMs, 0)
    assert.ok(Math.abs(held('blobs') / held('rows') - 1) < 0.1, `${held('blobs')} ${held('rows')}`)
    await bench.finish()
  })
})

describe('who leaves early', () => {
  test('aborted while waiting: the reason comes out, the place is gone, nothing is charged', async () => {
    const bench = new Bench({})
    const giveUp = new AbortController()
    const first = bench.call('a', 5)
    const second = bench.call('b', 5, { signal: giveUp.signal })
    giveUp.abort(new Error('enough'))
    await assert.rejects(second, /enough/)
    assert.equal(bench.gate.queued, 0)
    await bench.finish()
    await first
    assert.deepEqual(
      bench.left.map(({ flow, outcome, holdMs }) => [flow, outcome, holdMs]),
      [
        ['b', 'aborted', 0],
        ['a', 'served', 5],
      ],
    )
    await assert.rejects(bench.call('b', 5, { signal: giveUp.signal }), /enough/)
  })

  test('aborted while it runs: its own matter, the slot is held until it ends', async () => {
    const bench = new Bench({})
    const giveUp = new AbortController()
    bench.call('a', 5, { signal: giveUp.signal })
    bench.call('b', 5)
    giveUp.abort()
    await turn()
    assert.deepEqual([bench.gate.running, bench.gate.queued], [1, 1])
    await bench.finish()
    assert.deepEqual(bench.begun, ['a', 'b'])
  })

  test('past its deadline it is dropped when its turn comes, and does not cost a slot', async () => {
    const bench = new Bench({})
    bench.call('a', 50)
    const late = bench.call('b', 5, { expiresAtMs: 20 })
    const inTime = bench.call('c', 5, { expiresAtMs: 200 })
    await bench.finish()
    await assert.rejects(late, (error) => error instanceof FairError && error.code === 'E_GATE_EXPIRED')
    await inTime
    assert.deepEqual(bench.begun, ['a', 'c'])
  })

  test('a function that throws, at once or later, gives the slot back', async () => {
    const bench = new Bench({})
    const fail = () => {
      throw new Error('mine')
    }
    await assert.rejects(bench.gate.run({ flow: 'a' }, fail), /mine/)
    await assert.rejects(
      bench.gate.run({ flow: 'a' }, async () => fail()),
      /mine/,
    )
    assert.equal(bench.gate.running, 0)
    assert.equal(await bench.gate.run({ flow: 'a' }, () => 7), 7)
  })
})

describe('everything is bounded', () => {
  test('the last place in line is given, the next call is refused', async () => {
    const bench = new Bench({ waitingMax: 2 })
    times(3, () => bench.call('a', 1))
    await assert.rejects(bench.call('b', 1), (error) => {
      return (
        error instanceof FairError && error.code === 'E_GATE_FULL' && /2 wait already/.test(error.message)
      )
    })
    await bench.finish()
    await bench.gate.run({ flow: 'b' }, () => {})
  })

  test('100,000 names are forgotten again, those with calls never', async () => {
    const bench = new Bench({ slots: 1, idleFlowsMax: 100 })
    const held = bench.call('holder', 1)
    const waiting = bench.call('waiter', 1)
    bench.gate.setWeight('holder', 2)
    const other = new Bench({ slots: 1, idleFlowsMax: 100 })
    for (let i = 0; i < 100_000; i++) await other.gate.run({ flow: `t${i}` }, () => {})
    assert.equal(other.gate.flows, 100)
    assert.equal(bench.gate.flows, 2)
    await bench.finish()
    await Promise.all([held, waiting])
  })

  test('a clock that goes back, and one that jumps, stop nobody', async () => {
    const bench = new Bench({ slots: 1 })
    times(5, () => bench.call('a', 1))
    await bench.pass(1)
    bench.nowMs -= 1_000
    await bench.pass(1)
    bench.nowMs += 1e12
    times(5, () => bench.call('b', 1))
    await bench.finish()
    assert.equal(bench.begun.length, 10)
    assert.ok(bench.left.every(({ waitMs, holdMs }) => waitMs >= 0 && holdMs >= 0))
  })

  for (const slots of [0, -1, 1.5, Number.NaN, 4_097])
    test(`a gate of ${slots} slots is refused`, () =>
      assert.throws(
        () => new Bench({ slots }),
        (error) => error instanceof FairError && /slots/.test(error.message),
      ))

  test('a cost or weight that is none is refused', async () => {
    const { gate } = new Bench({})
    await assert.rejects(
      gate.run({ flow: 'a', cost: Number.NaN }, () => {}),
      /cost must be 0 or more/,
    )
    for (const weight of [0, -1, Number.NaN, 1e7]) assert.throws(() => gate.setWeight('a', weight), /weight/)
    assert.equal(gate.running, 0)
  })
})
