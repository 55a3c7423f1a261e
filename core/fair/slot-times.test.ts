// The book of slots against a queue that is simulated with known begins.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SlotTimes, type SlotJob } from './slot-times.ts'

test('behind servers that take the oldest first, begins are exact', () => {
  const jobs = fc.array(fc.record({ at: fc.nat(200), takes: fc.integer({ min: 1, max: 50 }) }), {
    minLength: 1,
    maxLength: 40,
  })
  fc.assert(
    fc.property(jobs, fc.integer({ min: 1, max: 6 }), (unsorted, slots) => {
      const arrivals = unsorted.toSorted((a, b) => a.at - b.at)
      // By definition: each begins when the first of the servers is free.
      const free = Array.from({ length: slots }, () => 0)
      const served = arrivals.map(({ at, takes }) => {
        const server = free.indexOf(Math.min(...free))
        const begin = Math.max(at, free[server] ?? 0)
        free[server] = begin + takes
        return { at, begin, end: begin + takes }
      })
      const book = new SlotTimes(slots)
      const known = new Map<number, SlotJob>()
      // At one instant who goes makes room for who comes.
      const events = served
        .flatMap(({ at, end }, i) => [
          { ms: at, i, isEnd: false },
          { ms: end, i, isEnd: true },
        ])
        .toSorted((a, b) => a.ms - b.ms || Number(b.isEnd) - Number(a.isEnd) || a.i - b.i)
      for (const { ms, i, isEnd } of events) {
        const job = known.get(i)
        const { at, begin, end } = served[i] ?? { at: 0, begin: 0, end: 0 }
        if (!isEnd) known.set(i, book.enter(ms))
        else if (job !== undefined)
          assert.deepEqual(book.leave(job, ms), { waitMs: begin - at, serviceMs: end - begin })
      }
      assert.equal(book.size, 0)
    }),
  )
})

test('who is served out of turn is charged his time as waiting, and nobody is lost', () => {
  const book = new SlotTimes(1)
  const [first, second, third] = [book.enter(0), book.enter(1), book.enter(2)]
  assert.deepEqual(book.leave(third, 5), { waitMs: 3, serviceMs: 0 })
  assert.deepEqual(book.leave(first, 7), { waitMs: 0, serviceMs: 7 })
  assert.deepEqual(book.leave(second, 9), { waitMs: 6, serviceMs: 2 })
  assert.equal(book.size, 0)
})
