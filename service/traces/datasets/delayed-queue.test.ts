// The delayed queue: each owner has its own room in it, and what waits outlives the worker.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeClock } from '#log'
import { openStore, type Store } from '#store'
import { ALL_OWNERS, DelayedQueue } from './delayed-queue.ts'
import { Hold } from './hold.ts'
import { DELAYED_OF_OWNER_MAX, DELAYED_PAGE_OF_OWNER } from './limits.ts'

const hex = (n: number): string => n.toString(16).padStart(32, '0')

describe('the delayed queue', () => {
  const dir = mkdtempSync(join(tmpdir(), 'crosscut-delayed-'))
  let store: Store

  before(async () => {
    store = openStore({ dir })
    await store.ready()
  })
  after(async () => {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('an owner that is full loses its own, is counted, and takes no room of others', async () => {
    const queue = new DelayedQueue(store, nodeClock, 'first')
    let durable = 0
    const hold = new Hold(() => {
      durable++
    })
    for (let i = 0; i < DELAYED_OF_OWNER_MAX; i++) queue.add({ owner: 'wild', traceId: hex(i) }, hold)
    assert.deepEqual([queue.waiting, queue.counts.dropped], [DELAYED_OF_OWNER_MAX, 0])
    queue.add({ owner: 'wild', traceId: hex(DELAYED_OF_OWNER_MAX) }, hold)
    assert.equal(queue.counts.dropped, 1)
    for (const owner of ['calm', ALL_OWNERS]) queue.add({ owner, traceId: hex(1) }, hold)
    assert.deepEqual([queue.waiting, queue.counts.dropped], [DELAYED_OF_OWNER_MAX + 2, 1])
    hold.release()
    assert.equal(durable, 0)
    await queue.drain()
    assert.equal(durable, 1)
  })

  it('another worker knows what waits of whom; who rests is not taken from, room comes back when it is done', async () => {
    const queue = new DelayedQueue(store, nodeClock, 'second')
    await queue.start()
    assert.equal(queue.waiting, DELAYED_OF_OWNER_MAX + 2)
    const hold = new Hold(() => undefined)
    queue.add({ owner: 'wild', traceId: hex(DELAYED_OF_OWNER_MAX) }, hold)
    assert.equal(queue.counts.dropped, 1, 'it is full as before')
    const taken = await queue.take(['wild'])
    assert.deepEqual(taken.map(({ owner }) => owner).sort(), [ALL_OWNERS, 'calm'])
    const [own] = await queue.take([])
    assert.equal(own?.owner, 'wild')
    queue.done(own)
    queue.add({ owner: 'wild', traceId: hex(DELAYED_OF_OWNER_MAX) }, hold)
    assert.equal(queue.counts.dropped, 1)
    hold.release()
    await queue.drain()
  })

  it('each look finds the next ones, the last begins anew; what comes again meanwhile is not lost', async () => {
    const queue = new DelayedQueue(store, nodeClock, 'third')
    await queue.start()
    const hold = new Hold(() => undefined)
    const resting = ['wild', 'calm', ALL_OWNERS]
    const count = DELAYED_PAGE_OF_OWNER + 10
    for (let i = 0; i < count; i++) queue.add({ owner: 'long', traceId: hex(i) }, hold)
    hold.release()
    await queue.drain()
    const first = await queue.take(resting)
    const second = await queue.take(resting)
    assert.deepEqual([first.length, second.length], [DELAYED_PAGE_OF_OWNER, 10])
    assert.deepEqual(
      [...first, ...second].map(({ traceId }) => traceId),
      Array.from({ length: count }, (_, i) => hex(i)),
    )
    assert.deepEqual(await queue.take(resting), [])
    // Refused by its owner, which adds it, and then released by who took it.
    queue.add({ owner: 'long', traceId: hex(7) }, new Hold(() => undefined))
    for (const one of [...first, ...second]) queue.done(one)
    await queue.drain()
    assert.deepEqual(await queue.take(resting), [{ owner: 'long', traceId: hex(7) }])
    queue.done({ owner: 'long', traceId: hex(7) })
    await queue.drain()
    await queue.take(resting)
    assert.deepEqual(await queue.take(resting), [])
  })
})
