// Marks are round, begin at 0 and reach over the largest value.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { valueTicks } from './number-scale.ts'

test('marks are round numbers from 0 to beyond the largest', () => {
  assert.deepEqual(valueTicks(7, 4), [0, 2, 4, 6, 8])
  assert.deepEqual(valueTicks(100, 4), [0, 50, 100])
  assert.deepEqual(valueTicks(0.3, 3), [0, 0.1, 0.2, 0.3])
  assert.deepEqual(valueTicks(1234, 4), [0, 500, 1000, 1500])
})

test('nothing, and what is no number, has an axis all the same', () => {
  assert.deepEqual(valueTicks(0, 4), [0, 1])
  assert.deepEqual(valueTicks(NaN, 4), [0, 1])
  assert.deepEqual(valueTicks(Infinity, 4), [0, 1])
})
