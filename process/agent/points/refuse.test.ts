// Refusals are told late: no more than so many wait, and none is told whose client has gone.

import assert from 'node:assert/strict'
import { createServer, get, type IncomingMessage } from 'node:http'
import { mock, test } from 'node:test'
import type { ServerExchange } from '#carriers'
import { closed, listen } from '../testing/rig.ts'
import { REFUSALS_WAITING_MAX, REFUSAL_DELAY_MS } from './limits.ts'
import { LateRefusals } from './refuse.ts'

test('the thousandth waits, the next is told at once; after a while all are', async () => {
  const late = new LateRefusals((fn) => fn())
  let arrived = 0
  const server = createServer((request, response) => {
    arrived += 1
    late.refuse({ request, response, isRefused: false } as ServerExchange, 7)
  })
  const url = await listen(server)
  const ask = () => {
    const answered = Promise.withResolvers<IncomingMessage>()
    const request = get(url, { agent: false }, (response) => answered.resolve(response.resume()))
    request.on('error', answered.reject)
    return { request, answer: answered.promise }
  }
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    let told = 0
    const waiting = Array.from({ length: REFUSALS_WAITING_MAX }, () => ask().answer.then(() => (told += 1)))
    await arrivals(REFUSALS_WAITING_MAX)
    const { statusCode, headers } = await ask().answer
    assert.deepEqual([statusCode, headers['retry-after']], [429, '7'])
    mock.timers.tick(REFUSAL_DELAY_MS - 1)
    assert.equal(told, 0)
    mock.timers.tick(1)
    await Promise.all(waiting)

    const gone = ask()
    await arrivals(REFUSALS_WAITING_MAX + 2)
    gone.request.destroy()
    await assert.rejects(gone.answer)
    assert.equal(told, REFUSALS_WAITING_MAX)
  } finally {
    mock.timers.reset()
    await closed(server)
  }

  async function arrivals(count: number): Promise<void> {
    while (arrived < count) await new Promise((resolve) => setImmediate(resolve))
  }
})
