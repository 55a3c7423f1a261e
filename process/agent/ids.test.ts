// Ids are of the right form, differ, and are never all zero.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#base'
import { openIds } from './ids.ts'

const seeded = (seed: number) => {
  const random = seededRandom(seed)
  return openIds((words) => words.forEach((_, i) => (words[i] = random.uint32())))
}

test('200,000 span ids of one process are well formed and all different', () => {
  const ids = seeded(1)
  const made = new Set(Array.from({ length: 200_000 }, () => ids.spanId()))
  assert.equal(made.size, 200_000)
  for (const id of made) assert.match(id, /^[0-9a-f]{16}$/)
  assert.ok(!made.has('0'.repeat(16)))
})

test('trace ids are random in all their digits, and those of two processes differ', () => {
  const [a, b] = [seeded(1), seeded(2)]
  const made = new Set(Array.from({ length: 1000 }, () => [a.traceId(), b.traceId()]).flat())
  assert.equal(made.size, 2000)
  for (let at = 0; at < 32; at += 1) assert.equal(new Set([...made].map((id) => id[at])).size, 16)
})

test('a generator of nothing but zeros is asked again', () => {
  let asked = 0
  const ids = openIds((words) => {
    asked += 1
    if (asked > 2) words[0] = 1
  })
  assert.match(ids.traceId(), /[1-9a-f]/)
  assert.equal(asked, 3)
})
