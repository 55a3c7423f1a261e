// Tests of two populations against tables in print, against exhaustive counting, and against
// populations that
// do not differ.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { benjaminiHochberg, chiSquareTail, effectiveSize, homogeneity, kolmogorovTail } from './statistics.ts'

const near = (actual: number, expected: number, within: number): void =>
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not ${expected}`)

describe('tests of two populations', () => {
  it('the chi-square tail is that of printed tables', () => {
    const table: [number, number, number][] = [
      [3.841, 1, 0.05],
      [6.635, 1, 0.01],
      [10.828, 1, 0.001],
      [5.991, 2, 0.05],
      [18.307, 10, 0.05],
      [29.588, 10, 0.001],
      [124.342, 100, 0.05],
      [2.706, 1, 0.1],
      [0.0158, 1, 0.9],
    ]
    for (const [value, degrees, p] of table) near(chiSquareTail(value, degrees), p, p * 0.002)
    assert.equal(chiSquareTail(0, 3), 1)
    assert.equal(chiSquareTail(5, 0), 1)
    // Two degrees: an exponential.
    for (const value of [0.1, 1, 10, 100]) near(chiSquareTail(value, 2), Math.exp(-value / 2), 1e-12)
  })

  it('the Kolmogorov tail is that of the printed table, for large samples', () => {
    const n = 1e8
    for (const [lambda, p] of [
      [1.2238, 0.1],
      [1.3581, 0.05],
      [1.6276, 0.01],
      [1.9495, 0.001],
    ] as const)
      near(kolmogorovTail(lambda / Math.sqrt(n / 2), n, n), p, p * 0.01)
    assert.equal(kolmogorovTail(0, 10, 10), 1)
  })

  it('2 x 2 homogeneity is the squared z of two proportions', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 500 }),
        (a1, a0, b1, b0) => {
          const [nA, nB] = [a1 + a0, b1 + b0]
          const pooled = (a1 + b1) / (nA + nB)
          const z = (a1 / nA - b1 / nB) / Math.sqrt(pooled * (1 - pooled) * (1 / nA + 1 / nB))
          const p = homogeneity(
            [
              { a: a1, b: b1 },
              { a: a0, b: b0 },
            ],
            { a: nA, b: nB },
          )
          near(p, chiSquareTail(z * z, 1), 1e-9)
        },
      ),
    )
  })

  it('corrected probabilities are those of the published procedure, in the order given', () => {
    // Benjamini and Hochberg 1995, section 3.2: fifteen p values, four are let through at 0.05.
    const ps = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262]
      .concat([0.5719, 0.6528, 0.759, 1])
      .toReversed()
    const qs = benjaminiHochberg(ps)
    assert.equal(qs.filter((q) => q <= 0.05).length, 4)
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }), (some) => {
        const corrected = benjaminiHochberg(some)
        // By definition: the least over all at least as large p of p * m / rank.
        const sorted = some.toSorted((x, y) => x - y)
        some.forEach((p, i) => {
          const larger = sorted.flatMap((other) =>
            other >= p ? [(other * some.length) / (sorted.lastIndexOf(other) + 1)] : [],
          )
          near(corrected[i]!, Math.min(1, ...larger), 1e-12)
        })
      }),
    )
  })

  it('equal weights count in full, unequal ones less', () => {
    assert.equal(effectiveSize(100, 100), 100)
    assert.equal(effectiveSize(40, 160), 10)
    assert.equal(effectiveSize(0, 0), 0)
  })
})
