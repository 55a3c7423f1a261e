// The limiter, on a clock of its own.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FairError, RateLimiter, type RateLimiterOptions } from '#fair'

class TestClock {
  nowMs = 0
  #timers = new Set<{ at: number; fn: () => void }>()

  monotonicMs(): number {
    return this.nowMs
  }

  setTimer(ms: number, fn: () => void) {
    const timer = { at: this.nowMs + ms, fn }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  get timers(): number {
    return this.#timers.size
  }

  to(nowMs: number): void {
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > nowMs) break
      this.#timers.delete(next)
      this.nowMs = Math.max(this.nowMs, next.at)
      next.fn()
    }
    this.nowMs = nowMs
  }
}

function limiter(options: Partial<RateLimiterOptions> = {}) {
  const clock = new TestClock()
  return { clock, limiter: new RateLimiter({ clock, rate: 10, ...options }) }
}

/** When each of `count` takers goes, in ms; filled while time passes. */
function goers(of: ReturnType<typeof limiter>, count: number, cost = 1): number[] {
  const times: number[] = []
  const waits = Array.from({ length: count }, () => of.limiter.take(cost))
  for (const wait of waits) {
    if (wait === undefined) times.push(of.clock.nowMs)
    else void wait.then(() => times.push(of.clock.nowMs))
  }
  return times
}

/** Time goes in small steps, so that promises settle at the time they were granted. */
async function pass(of: ReturnType<typeof limiter>, untilMs: number, stepMs = 5): Promise<void> {
  for (let at = of.clock.nowMs + stepMs; at <= untilMs; at += stepMs) {
    of.clock.to(at)
    await Promise.resolve()
    await Promise.resolve()
  }
}

describe('rate and burst', () => {
  test('one every 100 ms at 10 a second; silence is credited up to the burst and no further', async () => {
    const of = limiter()
    const times = goers(of, 4)
    await pass(of, 400)
    assert.deepEqual(times, [0, 100, 200, 300])
    of.clock.to(60_000)
    const burst = goers(of, 13)
    assert.equal(burst.length, 11, 'a second of credit, and one more')
    await pass(of, 60_200)
    assert.equal(burst.length, 13)
  })

  test('a dear one goes when its turn is, and what it cost is waited for afterwards', async () => {
    const of = limiter()
    const dear = goers(of, 1, 5)
    const next = goers(of, 1)
    await pass(of, 600)
    assert.deepEqual([dear, next], [[0], [500]])
  })

  test('in any second and rate no more go than rate x (time + burst) + 1, and no fewer than rate x time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(0, 0.1, 1),
        fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 60 }),
        (rate, burstSeconds, gaps) => {
          const { clock, limiter: own } = limiter({ rate, burstSeconds })
          let taken = 0
          for (const gap of gaps) {
            clock.to(clock.nowMs + gap)
            while (own.tryTake()) taken += 1
          }
          const seconds = clock.nowMs / 1000
          assert.ok(taken <= rate * (seconds + burstSeconds) + 1 + 1e-6)
          if (burstSeconds === 1) assert.ok(taken >= Math.floor(rate * seconds + 1e-6))
        },
      ),
    )
  })
})

describe('a change of rate acts on those who wait', () => {
  test('halved and doubled while waiting: the rest of the wait is rescaled', async () => {
    const of = limiter({ rate: 1 })
    const times = goers(of, 3)
    await pass(of, 500)
    of.limiter.setRate(10)
    await pass(of, 700)
    assert.deepEqual(times, [0, 550, 650], '500 ms of waiting were left at 1/s, 50 at 10/s')
  })

  test('0 holds everybody, a later rate lets them go where they stood; Infinity lets all go at once', async () => {
    const of = limiter({ rate: 10 })
    const times = goers(of, 3)
    of.limiter.setRate(0)
    await pass(of, 10_000, 500)
    assert.deepEqual([times, of.limiter.waiting, of.clock.timers], [[0], 2, 0])
    of.limiter.setRate(10)
    await pass(of, 10_100)
    assert.deepEqual(times, [0, 10_100])
    of.limiter.setRate(Infinity)
    await pass(of, 10_105)
    assert.deepEqual([times.length, of.limiter.waiting], [3, 0])
    assert.equal(goers(of, 1_000).length, 1_000)
  })

  test('a new rate gives no credit for time before it', () => {
    const of = limiter({ rate: 1 })
    of.clock.to(60_000)
    of.limiter.setRate(100)
    assert.equal(goers(of, 50).length, 2, 'one second at 1/s, and one more')
  })

  test('a lease that is not renewed ends in the agreed rate; a renewed one does not', async () => {
    const of = limiter({ rate: Infinity })
    of.limiter.setRate(0, { forMs: 5_000, thenRate: Infinity })
    const times = goers(of, 3)
    await pass(of, 4_000, 100)
    of.limiter.setRate(0, { forMs: 5_000, thenRate: Infinity })
    await pass(of, 8_900, 100)
    assert.deepEqual(times, [])
    await pass(of, 9_100, 100)
    assert.equal(times.length, 3)
    assert.equal(of.limiter.rate, Infinity)
  })
})

describe('waiting is orderly and bounded', () => {
  test('who gives up makes room, and nobody behind loses the turn', async () => {
    const of = limiter()
    of.limiter.tryTake()
    const giveUp = new AbortController()
    const second = of.limiter.take(1, giveUp.signal)
    const times = goers(of, 1)
    giveUp.abort(new Error('enough'))
    await assert.rejects(second ?? Promise.resolve(), /enough/)
    await pass(of, 100)
    assert.deepEqual(times, [100])
  })

  test('the last place is given, the next is refused; nobody overtakes who waits', async () => {
    const of = limiter({ waitingMax: 2 })
    goers(of, 3)
    await assert.rejects(
      async () => of.limiter.take(),
      (error) => error instanceof FairError && error.code === 'E_GATE_FULL',
    )
    assert.equal(of.limiter.tryTake(), false)
    of.limiter.close()
    assert.deepEqual([of.limiter.waiting, of.clock.timers], [0, 0])
  })

  for (const rate of [-1, Number.NaN])
    test(`a rate of ${rate} is refused and changes nothing`, () => {
      const of = limiter()
      assert.throws(() => of.limiter.setRate(rate), /rate must be 0 or more/)
      assert.equal(of.limiter.rate, 10)
    })
})
