// node:https on real sockets: the same channels, so the same there and back; and what an application set
// through OpenTelemetry's API.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { newFrame, runWith } from '#context'
import type { ClientExchange, ServerExchange } from './exchange.ts'
import { bag, execution, get, here, listen, pack, rig, serve } from './testing.ts'
import { cert, key } from './testing-certificate.ts'
import { withForeignMembers } from './wire.ts'

const seen: (ServerExchange | ClientExchange)[] = []
const used = rig({
  observer: {
    serverEnd: (exchange) => void seen.push(exchange),
    clientEnd: (exchange) => void seen.push(exchange),
  },
})

describe('https', () => {
  it('carries baggage there and back, and says that it is secure', async () => {
    const server = await listen(
      https.createServer({ key, cert }, (_request, response) => {
        const saw = here()
        pack('back')
        response.end(saw.join())
      }),
    )
    const after = await execution(['t'], async () => {
      const [response] = await once(
        https.get(`https://127.0.0.1:${server.port}/`, { rejectUnauthorized: false }),
        'response',
      )
      return [await text(response), here()]
    })
    assert.deepEqual(after, ['t', ['back', 't']])
    while (seen.length < 2) await new Promise((done) => setImmediate(done))
    assert.deepEqual(
      seen.map((exchange) => (exchange.side === 'client' ? exchange.secure : exchange.connection.isSecure)),
      [true, true],
    )
    assert.equal(seen.find((exchange) => exchange.side === 'client')?.port, server.port)
    await server.close()
  })
})

describe('members that an application made', () => {
  it('leave only as a valid header, whatever text they have', async () => {
    const server = await serve((request, response) => response.end(request.headers['baggage']))
    const frame = newFrame(bag('t'))
    const scope = withForeignMembers(frame.scope, 'good=1,bad=1;p=\r\nx,emoji=\u{1f600},%zz=1')
    const { body } = await runWith({ baggage: frame.baggage, scope }, () => get(server.url))
    assert.equal(body, 'cc=AXQ,good=1')
    assert.equal(used.carriers.counts.hook_failed, 0)
    http.validateHeaderValue('baggage', body)
    await server.close()
  })
})
