// Whose handler begins next when many have arrived: by weight and by what was taken, one slice at a time.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TURNS_WAITING_MAX } from './limits.ts'
import { Turns } from './turns.ts'

/** Handlers that take as long as they say, on a clock of their own. */
function rig() {
  let nowMs = 0
  const turns = new Turns(
    (fn) => fn(),
    () => nowMs,
  )
  return { turns, busy: (ms: number) => void (nowMs += ms) }
}

const settled = async (turns: Turns): Promise<void> => {
  while (turns.queued > 0) await new Promise((resolve) => setImmediate(resolve))
}

test('many dear ones before a few cheap ones: the cheap ones do not wait for all of them', async () => {
  const { turns, busy } = rig()
  const order: string[] = []
  const enter = (tenant: string, ms: number) =>
    turns.enter(
      tenant,
      () => {
        busy(ms)
        order.push(tenant)
      },
      { weights: undefined },
    )
  for (let i = 0; i < 20; i++) enter('dear', 3)
  for (let i = 0; i < 5; i++) enter('cheap', 0.1)
  await settled(turns)
  assert.equal(order.length, 25)
  const lastCheap = order.lastIndexOf('cheap')
  assert.ok(lastCheap < 12, order.join(' '))
})

test('a larger share begins more often', async () => {
  const { turns, busy } = rig()
  const order: string[] = []
  const weights = new Map([['vip', 4]])
  for (let i = 0; i < 40; i++)
    for (const tenant of ['vip', 'other'])
      turns.enter(tenant, () => (busy(1), order.push(tenant)), { weights })
  await settled(turns)
  const vips = order.slice(0, 25).filter((tenant) => tenant === 'vip').length
  assert.ok(vips >= 17 && vips <= 23, `${vips} of 25`)
})

test('between slices others have their turn; who gave up is not served; beyond the limit nobody waits', async () => {
  const { turns, busy } = rig()
  let turnsOfLoop = 0
  let isOver = false
  const count = () => {
    turnsOfLoop += 1
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const gone = new AbortController()
  const served: number[] = []
  for (let i = 0; i < 10; i++)
    turns.enter('a', () => (busy(2), served.push(i)), {
      weights: undefined,
      ...(i === 5 ? { signal: gone.signal } : {}),
    })
  gone.abort()
  await settled(turns)
  isOver = true
  assert.ok(turnsOfLoop >= 8, `${turnsOfLoop}`)
  assert.ok(!served.includes(5))
  // The first one runs at once and its slice goes on until the next turn of the loop.
  let refused = 0
  for (let i = 0; i <= TURNS_WAITING_MAX + 5; i++)
    if (!turns.enter('b', () => busy(i === 0 ? 2 : 0), { weights: undefined })) refused += 1
  assert.ok(refused >= 5)
  await settled(turns)
})
