// Draws of rows: bounded, even, the same whoever draws.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RowSample } from '#model'

const row = (n: number) => ({
  traceId: (n * 2_654_435_761).toString(16).padStart(32, '0'),
  element: String(n),
})
const drawn = (numbers: readonly number[], max: number): readonly string[] => {
  const sample = new RowSample<ReturnType<typeof row>>(max)
  for (const n of numbers) sample.add(row(n))
  return sample
    .rows()
    .map(({ element }) => element)
    .sort()
}

test('a draw does not depend on the order, and draws of two halves make the draw of all', () => {
  const numbers = fc.uniqueArray(fc.nat(1_000_000), { maxLength: 120 })
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 30 }), fc.nat(), (all, max, cut) => {
      const whole = drawn(all, max)
      assert.equal(whole.length, Math.min(max, all.length))
      assert.deepEqual(drawn([...all].reverse(), max), whole)
      const at = all.length === 0 ? 0 : cut % all.length
      const halves = [...drawn(all.slice(0, at), max), ...drawn(all.slice(at), max)].map(Number)
      assert.deepEqual(drawn(halves, max), whole)
    }),
    { numRuns: 200 },
  )
})

test('a draw is even: each tenth of the rows has about a tenth of it', () => {
  const all = Array.from({ length: 20_000 }, (_, n) => n)
  const tenths = Array.from({ length: 10 }, () => 0)
  for (const element of drawn(all, 2_000)) tenths[Math.floor(Number(element) / 2_000)]! += 1
  // 200 each; 5 standard deviations are 67.
  for (const count of tenths) assert.ok(Math.abs(count - 200) < 67, tenths.join())
})
