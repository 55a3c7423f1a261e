// A part that dies is started again with growing pauses, told about, and never started again once closed. The
// clock is by hand.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '#base'
import { RESTART_CALM_MS, RESTART_MS_MAX } from './limits.ts'
import { Supervisor, type Part } from './supervisor.ts'

type HandPart = Part & { end(error?: Error): void; isClosed: boolean }

function handPart(): HandPart {
  let end: (error?: Error) => void = () => {}
  const exited = new Promise<Error | undefined>((resolve) => {
    end = resolve
  })
  const part = {
    exited,
    end,
    isClosed: false,
    close: async () => {
      part.isClosed = true
      end()
    },
  }
  return part
}

function rig(): {
  supervisor: Supervisor<HandPart>
  parts: HandPart[]
  tick: (ms: number) => Promise<void>
  failing: { is: boolean }
} {
  const timers: { atMs: number; fn: () => void }[] = []
  let nowMs = 0
  const clock: Clock = {
    nowNs: () => BigInt(nowMs) * 1_000_000n,
    monotonicMs: () => nowMs,
    setTimer: (ms, fn) => {
      const timer = { atMs: nowMs + ms, fn }
      timers.push(timer)
      return {
        cancel: () => {
          timers.splice(timers.indexOf(timer), 1)
        },
      }
    },
  }
  const settle = (): Promise<void> =>
    new Promise((resolve) => {
      setImmediate(resolve)
    })
  const tick = async (ms: number): Promise<void> => {
    nowMs += ms
    for (const timer of timers.filter(({ atMs }) => atMs <= nowMs)) {
      timers.splice(timers.indexOf(timer), 1)
      timer.fn()
    }
    await settle()
  }
  const parts: HandPart[] = []
  const failing = { is: false }
  const start = async (): Promise<HandPart> => {
    if (failing.is) throw new Error('cannot start')
    parts.push(handPart())
    return parts.at(-1) ?? handPart()
  }
  return { supervisor: new Supervisor({ name: 'part', clock, log: () => {}, start }), parts, tick, failing }
}

test('a part that ended is started again after 100 ms, then 200 ms; its last error is told', async () => {
  const { supervisor, parts, tick } = rig()
  await supervisor.start()
  parts[0]?.end(new Error('first'))
  await tick(0)
  assert.deepEqual(supervisor.status(), { name: 'part', state: 'waiting', restarts: 1, lastError: 'first' })
  assert.equal(supervisor.part, undefined)
  await tick(99)
  assert.equal(parts.length, 1)
  await tick(1)
  assert.deepEqual([parts.length, supervisor.status().state], [2, 'running'])
  parts[1]?.end(new Error('second'))
  await tick(0)
  await tick(199)
  assert.equal(parts.length, 2)
  await tick(1)
  assert.equal(parts.length, 3)
})

test('pauses stop growing at the limit, and begin anew after a calm minute', async () => {
  const { supervisor, parts, tick } = rig()
  await supervisor.start()
  for (let death = 0; death < 12; death++) {
    parts.at(-1)?.end()
    await tick(0)
    await tick(RESTART_MS_MAX)
    assert.equal(parts.length, death + 2)
  }
  await tick(RESTART_CALM_MS + 1)
  parts.at(-1)?.end()
  await tick(0)
  await tick(100)
  assert.equal(parts.length, 14)
})

test("a start that fails is tried again; the first start's failure is the caller's", async () => {
  const { supervisor, parts, tick, failing } = rig()
  await supervisor.start()
  failing.is = true
  parts[0]?.end()
  await tick(0)
  await tick(100)
  assert.deepEqual([supervisor.status().state, supervisor.status().lastError], ['waiting', 'cannot start'])
  failing.is = false
  await tick(200)
  assert.equal(supervisor.status().state, 'running')
  const never = rig()
  never.failing.is = true
  await assert.rejects(never.supervisor.start(), /cannot start/)
})

test('closing ends the part, and nothing is started after it', async () => {
  const { supervisor, parts, tick } = rig()
  await supervisor.start()
  await supervisor.close()
  await tick(RESTART_MS_MAX)
  assert.deepEqual([parts.length, parts[0]?.isClosed, supervisor.status().state], [1, true, 'closed'])
  const waiting = rig()
  await waiting.supervisor.start()
  waiting.parts[0]?.end()
  await waiting.tick(0)
  await waiting.supervisor.close()
  await waiting.tick(RESTART_MS_MAX)
  assert.equal(waiting.parts.length, 1)
})
