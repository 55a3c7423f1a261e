// When a process is woken for the delay of its event loop, and when it is left asleep.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { LOOP_BEAT_MS, LOOP_BEATS_UNASKED_MAX } from './limits.ts'
import { LoopBeat } from './loop-beat.ts'

const inPlace = <R>(fn: () => R): R => fn()

/** A beat whose timers are turned by hand; counts how often the process is woken. */
function openBeat(t: TestContext) {
  let wakings = 0
  t.mock.timers.enable({ apis: ['setInterval'] })
  const beat = new LoopBeat()
  t.after(() => beat.stop())
  const { setInterval: native } = globalThis
  t.mock.method(globalThis, 'setInterval', (fn: () => void, ms: number) =>
    native(() => {
      wakings += 1
      fn()
    }, ms),
  )
  return {
    beat,
    wakings: (beats: number): number => {
      const before = wakings
      t.mock.timers.tick(beats * LOOP_BEAT_MS)
      return wakings - before
    },
  }
}

test('beats while requests come, rests without, and beats again', (t) => {
  const { beat, wakings } = openBeat(t)
  assert.equal(wakings(10), 0, 'nothing before the first request')
  beat.start(inPlace)
  for (let second = 0; second < 3; second += 1) {
    assert.equal(wakings(LOOP_BEATS_UNASKED_MAX), LOOP_BEATS_UNASKED_MAX)
    beat.start(inPlace)
  }
  assert.equal(wakings(LOOP_BEATS_UNASKED_MAX), LOOP_BEATS_UNASKED_MAX, 'the last second')
  assert.equal(wakings(100), 1, 'the beat that finds nobody asking is the last')
  beat.start(inPlace)
  assert.equal(wakings(5), 5)
})
