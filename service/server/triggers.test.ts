// When a trace has its rows is what the operator set: `crosscut up` with its flags, spans over OTLP, rows
// over the API. Waits are long where they must not end a trace, and short where they must.

import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { newTraceId, RunningServer } from './running-server.fixture.ts'

const LONG_MS = 30_000
const LONG_IDLE = ['--trace-idle-ms', String(LONG_MS), '--trace-rootless-idle-ms', String(LONG_MS)]
/** With the triggers that a server has by itself a row is there after some three seconds. */
const USUAL_MS = 6_000

describe('triggers of a running server', () => {
  const server = new RunningServer()
  after(() => server.remove())

  test('a trace has its row soon after its first span, though it may go on for long', async () => {
    await server.start([...LONG_IDLE, '--trace-first-ms', '100'])
    const traceId = newTraceId()
    const begin = performance.now()
    await server.send(traceId, 'shop', [{ id: 1, ms: 20 }])
    assert.equal((await server.rowOf('requests', traceId))['duration_ms'], 20)
    assert.ok(performance.now() - begin < LONG_MS)
    assert.equal(await server.end('SIGTERM'), 0)
  })

  test('while it may go on it has none, and an orderly end gives it one', async () => {
    await server.start([...LONG_IDLE, '--trace-first-ms', String(LONG_MS)])
    const traceId = newTraceId()
    await server.send(traceId, 'shop', [{ id: 1, ms: 30 }])
    await new Promise((resolve) => setTimeout(resolve, USUAL_MS))
    const where = { column: 'traceId', op: '=', value: traceId }
    const { body } = await server.call('POST', '/datasets/requests/query', { select: ['count'], where })
    assert.deepEqual(body.rows, [{ count: 0 }])
    assert.equal(await server.end('SIGTERM'), 0)
    await server.start()
    assert.equal((await server.rowOf('requests', traceId))['duration_ms'], 30)
  })

  test('a time that cannot be is refused by the name of its flag, with what can', async () => {
    const { code, err } = await server.crosscut(['up', '--trace-again-ms', '99'])
    assert.equal(code, 1)
    assert.match(err, /--trace-again-ms must be a whole number of ms from 100 to 30000 \(E_CONFIG\)/)
  })
})
