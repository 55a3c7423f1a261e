// The order of actions at a control point, and when a limiter tells how long.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { actionFor, RateLimiter } from '#fair'

const time = fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constantFrom(0, Infinity, NaN))
const arrivals = fc.record({
  waitMs: time,
  remainingMs: time,
  serviceMs: fc.double({ min: 0, max: 1e4, noNaN: true }),
  waitMsMax: fc.double({ min: 1, max: 1e5, noNaN: true }),
  canRefuse: fc.boolean(),
  isHolding: fc.boolean(),
})

/** How hard each is on who arrives. */
const SEVERITY = { go: 0, wait: 1, refuse: 2, drop: 3 } as const

test('who holds something that others wait for is never stopped', () => {
  fc.assert(
    fc.property(arrivals, (arrival) => {
      assert.deepEqual(actionFor({ ...arrival, isHolding: true }), { kind: 'go' })
    }),
  )
})

test('longer waits and less time left are never answered more mildly', () => {
  const orderly = (value: number) => (Number.isNaN(value) ? 0 : value)
  fc.assert(
    fc.property(arrivals, time, time, (arrival, wait, remaining) => {
      const mild = { ...arrival, waitMs: orderly(arrival.waitMs), remainingMs: orderly(arrival.remainingMs) }
      const hard = {
        ...mild,
        waitMs: Math.max(mild.waitMs, orderly(wait)),
        remainingMs: Math.min(mild.remainingMs, orderly(remaining)),
      }
      assert.ok(SEVERITY[actionFor(hard).kind] >= SEVERITY[actionFor(mild).kind])
    }),
  )
})

test('who cannot be told to come again is neither refused nor dropped', () => {
  fc.assert(
    fc.property(arrivals, (arrival) => {
      const { kind } = actionFor({ ...arrival, canRefuse: false })
      assert.ok(kind === 'go' || kind === 'wait')
    }),
  )
})

test('who is let wait is served in time, as things stand; who is refused is told whole seconds', () => {
  fc.assert(
    fc.property(arrivals, (arrival) => {
      const action = actionFor({ ...arrival, canRefuse: true, isHolding: false })
      if (action.kind === 'wait') {
        assert.ok(action.ms <= arrival.waitMsMax)
        assert.ok(!(action.ms + arrival.serviceMs > arrival.remainingMs))
      }
      if (action.kind === 'refuse')
        assert.ok(Number.isInteger(action.retryAfterSeconds) && action.retryAfterSeconds >= 1)
    }),
  )
})

test('the time is over before its turn: refused at once; over already: dropped', () => {
  const arrival = { waitMs: 400, remainingMs: 500, serviceMs: 50, waitMsMax: 1_000, canRefuse: true }
  assert.deepEqual(actionFor(arrival), { kind: 'wait', ms: 400 })
  assert.deepEqual(actionFor({ ...arrival, serviceMs: 101 }), { kind: 'refuse', retryAfterSeconds: 1 })
  assert.deepEqual(actionFor({ ...arrival, remainingMs: 0 }), { kind: 'drop' })
  assert.deepEqual(actionFor({ ...arrival, waitMs: 1_001, remainingMs: 1e9 }), {
    kind: 'refuse',
    retryAfterSeconds: 2,
  })
  assert.equal(actionFor({ ...arrival, waitMs: NaN, remainingMs: NaN }).kind, 'go')
})

test('a limiter tells how long who comes now would wait, and lets go who has waited too long', () => {
  let nowMs = 0
  const timers = new Set<{ at: number; fn: () => void }>()
  const clock = {
    monotonicMs: () => nowMs,
    setTimer: (ms: number, fn: () => void) => {
      const timer = { at: nowMs + ms, fn }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
  }
  const to = (ms: number) => {
    for (;;) {
      const due = [...timers].filter(({ at }) => at <= ms).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      timers.delete(due)
      nowMs = due.at
      due.fn()
    }
    nowMs = ms
  }
  const limiter = new RateLimiter({ clock, rate: 2, burstSeconds: 0, waitMsMax: 3_000 })
  const went: string[] = []
  assert.equal(limiter.waitMs, 0)
  limiter.whenFree(() => went.push('a'))
  assert.equal(limiter.waitMs, 500)
  limiter.whenFree(() => went.push('b'))
  const leave = limiter.whenFree(() => went.push('never'))
  assert.equal(limiter.waitMs, 1_500)
  leave?.()
  assert.equal(limiter.waitMs, 1_000)
  limiter.force(2)
  assert.equal(limiter.waitMs, 2_000)
  limiter.whenFree(() => went.push('too late') > 0 && false)
  to(2_000)
  assert.deepEqual(went, ['a', 'b', 'too late'])
  assert.equal(limiter.waitMs, 0, 'what is not used costs nothing')
  limiter.force(100)
  assert.equal(limiter.waitMs, 3_000, 'not more than the longest wait')
  limiter.setRate(0)
  limiter.whenFree(() => went.push('c'))
  to(4_999)
  assert.equal(limiter.waiting, 1)
  to(5_000)
  assert.deepEqual([went.at(-1), limiter.waiting], ['c', 0])
})
