// Shares of a rate by demand: they sum to one, nobody starves, and small moves are nobody's news.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isMoved, sharesOf } from './shares.ts'

test('shares sum to one, follow demand, and none is below a tenth of an equal one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 }),
      (demands) => {
        const shares = sharesOf(new Map(demands.map((demand, i) => [`a${i}`, demand])))
        const all = [...shares.values()]
        assert.ok(Math.abs(all.reduce((a, b) => a + b, 0) - 1) < 1e-9)
        assert.ok(all.every((share) => share >= 0.1 / demands.length - 1e-12))
        for (const [i, a] of demands.entries())
          for (const [j, b] of demands.entries())
            if (a > b) assert.ok((shares.get(`a${i}`) ?? 0) >= (shares.get(`a${j}`) ?? 1) - 1e-12)
      },
    ),
  )
})

test('without any demand all have the same', () => {
  assert.deepEqual(
    [
      ...sharesOf(
        new Map([
          ['a', 0],
          ['b', 0],
        ]),
      ).values(),
    ],
    [0.5, 0.5],
  )
  assert.equal(sharesOf(new Map()).size, 0)
})

test('a tenth of a share is no news, more is; so is somebody who comes or goes', () => {
  const was = new Map([
    ['a', 0.5],
    ['b', 0.5],
  ])
  assert.equal(
    isMoved(
      was,
      new Map([
        ['a', 0.52],
        ['b', 0.48],
      ]),
    ),
    false,
  )
  assert.equal(
    isMoved(
      was,
      new Map([
        ['a', 0.6],
        ['b', 0.4],
      ]),
    ),
    true,
  )
  assert.equal(isMoved(was, new Map([['a', 1]])), true)
  assert.equal(
    isMoved(
      was,
      new Map([
        ['a', 0.5],
        ['c', 0.5],
      ]),
    ),
    true,
  )
})
