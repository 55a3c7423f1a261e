// How a rate is divided among the instances of a point.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { splitRate } from './split-rate.ts'

const passing = fc.array(
  fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.constantFrom(0, 0, NaN, -1, Infinity)),
  { minLength: 1, maxLength: 40 },
)
const rates = fc.double({ min: 0.1, max: 1e9, noNaN: true })
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const close = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))

test('the parts are the rate, whoever came or went; each is above 0, so nobody is stuck', () => {
  fc.assert(
    fc.property(rates, passing, (rate, passes) => {
      const parts = splitRate(rate, passes)
      assert.equal(parts.length, passes.length)
      assert.ok(close(sum(parts), rate), `${sum(parts)} of ${rate}`)
      for (const part of parts) assert.ok(part > 0 && part <= rate * (1 + 1e-9), `${part}`)
    }),
  )
})

test('who passes more gets no less; who passes the same gets the same; none less than a twentieth of an equal share', () => {
  fc.assert(
    fc.property(rates, passing, (rate, passes) => {
      const parts = splitRate(rate, passes)
      const clean = passes.map((one) => (one > 1e-6 && one < Infinity ? one : 0))
      for (const [i, a] of clean.entries())
        for (const [j, b] of clean.entries())
          if (a >= b) assert.ok((parts[i] ?? 0) >= (parts[j] ?? 0) * (1 - 1e-9))
      for (const part of parts) assert.ok(part >= (rate * 0.0476) / passes.length)
    }),
  )
})

test('a rate without end is one everywhere; twice the rate is twice each part', () => {
  assert.deepEqual(splitRate(Infinity, [3, 0]), [Infinity, Infinity])
  assert.deepEqual(splitRate(5, []), [])
  fc.assert(
    fc.property(rates, passing, (rate, passes) => {
      const [once, twice] = [splitRate(rate, passes), splitRate(2 * rate, passes)]
      for (const [i, part] of once.entries()) assert.ok(close(2 * part, twice[i] ?? 0))
    }),
  )
})
