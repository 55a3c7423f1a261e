// What waited for a loop, from the beats that Node counts, against what is known to have kept it busy.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#base'
import { LoopWait } from './loop-wait.ts'

const BEAT_MS = 20

/** Beats over 200 s of a loop that is kept busy for `stallMs` again and again, and what was waited for it. */
function busy(stallMs: number, idleMs: number) {
  const random = seededRandom(7)
  const deltas: number[] = []
  let [beforeMs, areaMs] = [0, 0]
  let beganMs = 0
  while (beforeMs < 200_000) {
    const dueMs = beforeMs + BEAT_MS
    while (beganMs + stallMs <= dueMs) {
      areaMs += stallMs ** 2 / 2
      beganMs += stallMs + (2 * idleMs * random.uint32()) / 2 ** 32
    }
    const atMs = beganMs <= dueMs ? beganMs + stallMs : dueMs
    deltas.push((atMs - beforeMs) * 1e6)
    beforeMs = atMs
  }
  const mean = deltas.reduce((sum, one) => sum + one, 0) / deltas.length
  const variance = deltas.reduce((sum, one) => sum + (one - mean) ** 2, 0) / deltas.length
  return {
    beats: { count: deltas.length, mean, stddev: Math.sqrt(variance) },
    meanMs: areaMs / beforeMs,
  }
}

const CASES = [
  { stallMs: 5, idleMs: 30 },
  { stallMs: 15, idleMs: 45 },
  { stallMs: 200, idleMs: 800 },
  { stallMs: 900, idleMs: 100 },
]
for (const { stallMs, idleMs } of CASES)
  test(`a loop that is busy for ${stallMs} ms, then idle for ${idleMs}, is waited for as long as that takes`, () => {
    const { beats, meanMs } = busy(stallMs, idleMs)
    const wait = new LoopWait(BEAT_MS)
    wait.saw(beats)
    const found = wait.take()
    assert.ok(found > 0.8 * meanMs && found < 1.35 * meanMs, `${found} ms, not ${meanMs}`)
  })

test('nobody waits for an idle loop, nor where nobody looked', () => {
  const wait = new LoopWait(BEAT_MS)
  wait.saw({ count: 50, mean: BEAT_MS * 1e6, stddev: 0 })
  assert.equal(wait.take(), 0)
  wait.saw({ count: 0, mean: Number.NaN, stddev: Number.NaN })
  assert.equal(wait.take(), 0)
})
