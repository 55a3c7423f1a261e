// Tracepoints that Node feeds: subscribed while wanted, and reading a host's message runs none of its code.

import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { Sources } from './sources.ts'

test('a channel is subscribed while it is wanted, and left alone after', () => {
  const heard: unknown[] = []
  const sources = new Sources((name, own) => heard.push([name, own('order.id')]))
  const orders = channel('shop.orders')
  sources.want(['channel:shop.orders', 'http.server.request.start', 'channel:shop.orders'])
  orders.publish({ order: { id: 7 } })
  assert.deepEqual(heard, [['channel:shop.orders', 7]])
  sources.want(['node.gc'])
  assert.equal(orders.hasSubscribers, false)
  sources.want([])
})

test('a collection and the delay of the loop are told', async () => {
  const heard = new Map<string, unknown>()
  await new Promise<void>((resolve) => {
    const sources = new Sources((name, own) => {
      heard.set(name, name === 'node.gc' ? own('durationMs') : own('p99Ms'))
      if (heard.size < 2) return
      sources.want([])
      clearInterval(churn)
      resolve()
    })
    sources.want(['node.gc', 'node.eventloop.delay'])
    const kept: unknown[] = []
    // The agent's own timers keep no process alive: this one does, until both were told.
    const churn = setInterval(() => {
      for (let i = 0; i < 200_000; i++) kept[i % 100] = { i }
    }, 5)
  })
  for (const value of heard.values()) assert.ok(typeof value === 'number' && value >= 0)
})
