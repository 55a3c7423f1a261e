// node:http on real sockets: baggage and trace context there and back, with nothing lost between event,
// handler and await.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { execution, get, here, listen, pack, rig, serve } from './testing.ts'
import type { ClientExchange, ServerExchange } from './exchange.ts'

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const servers: ServerExchange[] = []
const clients: ClientExchange[] = []
const seen: string[] = []

const used = rig({
  observer: {
    serverEnd: (exchange) => void servers.push(exchange),
    clientResponse: () => void seen.push('response'),
    clientEnd: (exchange) => void clients.push(exchange),
  },
})

describe('a request', () => {
  it('carries the baggage of its execution to the handler and everything the handler awaits', async () => {
    const server = await serve(async (_request, response) => {
      const first = here()
      await new Promise((done) => setTimeout(done, 1))
      response.end(JSON.stringify([first, here()]))
    })
    const got = await execution(['tenant=a'], () => get(server.url))
    assert.deepEqual(JSON.parse(got.body), [['tenant=a'], ['tenant=a']])
    await server.close()
  })

  it('is an execution of its own: two requests on one kept connection do not see each other', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const server = await serve((_request, response) => {
      const before = here()
      pack('left-behind')
      response.end(before.join())
    })
    const first = await execution(['one'], () => get(server.url, { agent }))
    const second = await execution(['two'], () => get(server.url, { agent }))
    assert.deepEqual([first.body, second.body], ['one', 'two'])
    agent.destroy()
    await server.close()
  })

  it('adds no baggage header when there is none to carry', async () => {
    const server = await serve((request, response) => response.end(JSON.stringify(request.headers)))
    const got = await get(server.url)
    assert.equal(JSON.parse(got.body).baggage, undefined)
    await server.close()
  })

  it('passes on members of others, tracestate and the trace of its caller', async () => {
    const back = await serve((request, response) => response.end(JSON.stringify(request.headers)))
    const front = await serve(async (_request, response) => {
      pack('ours')
      response.end((await get(back.url)).body)
    })
    const got = await raw(
      front.port,
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nbaggage: a=1;p=2, b=%20\r\n` +
        `traceparent: ${TRACEPARENT}\r\ntracestate: v=1\r\n\r\n`,
    )
    const headers = JSON.parse(got.slice(got.indexOf('{'), got.lastIndexOf('}') + 1))
    assert.match(headers.baggage, /^cc=[\w-]+,a=1;p=2,b=%20$/)
    assert.equal(headers.traceparent, TRACEPARENT)
    assert.equal(headers.tracestate, 'v=1')
    await Promise.all([front.close(), back.close()])
  })

  it('keeps what the application wrote into the baggage header, and replaces a copy of ours in it', async () => {
    const server = await serve((request, response) =>
      response.end(JSON.stringify([request.headers['baggage'], here()])),
    )
    const got = await execution(['mine'], () => get(server.url, { headers: { baggage: 'app=1,cc=AAECAw' } }))
    const [header, carried] = JSON.parse(got.body)
    assert.match(header, /^cc=[\w-]+,app=1$/)
    assert.deepEqual(carried, ['mine'])
    await server.close()
  })

  it('does so too with what the application sets after it has made the request', async () => {
    const server = await serve((request, response) =>
      response.end(JSON.stringify([request.headers['baggage'], request.headers['crosscut-accept'], here()])),
    )
    const got = await execution(['mine'], async () => {
      const request = http.request(server.url)
      request.setHeader('Baggage', 'app=1,cc=AAECAw')
      request.setHeader('crosscut-accept', 'copied')
      request.end()
      const [response] = await once(request, 'response')
      return text(response)
    })
    const [baggage, accept, seenThere] = JSON.parse(got)
    assert.match(baggage, /^cc=[\w-]+,app=1$/)
    assert.equal(accept, '1')
    assert.deepEqual(seenThere, ['mine'])
    await server.close()
  })
})

describe('events of a request', () => {
  it('run in the frame of who listens, on either side, also where there is one listener', async () => {
    const heard: string[] = []
    const hear = (event: string) => () => void heard.push(`${event} ${here().join()}`)
    const server = await serve((request, response) => {
      pack('handler')
      request.resume().on('end', hear('request end'))
      response.on('finish', hear('response finish')).on('close', hear('response close'))
      setImmediate(() => response.end('x'))
    })
    await execution(['caller'], async () => {
      const request = http.request(server.url, { method: 'POST' })
      request.on('finish', hear('sent')).on('close', hear('closed')).end('body')
      const isClosed = once(request, 'close')
      const [response] = await once(request, 'response')
      await text(response)
      await isClosed
    })
    await server.close()
    assert.deepEqual(heard.sort(), [
      'closed caller,handler',
      'request end caller,handler',
      'response close caller,handler',
      'response finish caller,handler',
      'sent caller',
    ])
  })
})

describe('flow-back', () => {
  it('joins at the await what the handler packed, in a header', async () => {
    const server = await serve(async (_request, response) => {
      await Promise.resolve()
      pack('server')
      response.end('x')
    })
    const after = await execution(['client'], async () => {
      await get(server.url)
      return here()
    })
    assert.deepEqual(after, ['client', 'server'])
    await server.close()
  })

  it('is there with writeHead and its headers as object, array, pairs, and with a message', async () => {
    const shapes: ((response: http.ServerResponse) => void)[] = [
      (response) => response.writeHead(200, { 'x-a': '1' }).end(),
      (response) => response.writeHead(200, ['x-a', '1']).end(),
      (response) => response.writeHead(200, 'fine', { 'x-a': '1' }).end(),
      (response) => response.writeHead(200, 'fine').end(),
      (response) => {
        response.flushHeaders()
        response.end()
      },
      (response) => {
        response.setHeader('x-b', '2')
        response.writeHead(200, { 'x-a': '1' }).end()
      },
      (response) => {
        response.setHeader('x-b', '2')
        response.writeHead(200, ['x-a', '1']).end()
      },
    ]
    for (const shape of shapes) {
      const server = await serve((_request, response) => {
        pack('s')
        shape(response)
      })
      assert.deepEqual(
        await execution(['c'], async () => {
          await get(server.url)
          return here()
        }),
        ['c', 's'],
        String(shape),
      )
      await server.close()
    }
  })

  it('comes in a trailer for what is packed after the headers left', async () => {
    const server = await serve(async (_request, response) => {
      response.write('early ')
      await new Promise((done) => setTimeout(done, 1))
      pack('late')
      response.end('end')
    })
    const after = await execution(['client'], async () => {
      const got = await get(server.url)
      return [got.body, here()]
    })
    assert.deepEqual(after, ['early end', ['client', 'late']])
    await server.close()
  })

  it('comes in a trailer for whoever reads with for await, too', async () => {
    const server = await serve(async (_request, response) => {
      response.write('early ')
      await new Promise((done) => setTimeout(done, 1))
      pack('late')
      response.end('end')
    })
    const after = await execution(['client'], async () => {
      const [response] = await once(http.get(server.url), 'response')
      const body = await text(response)
      return [body, here()]
    })
    assert.deepEqual(after, ['early end', ['client', 'late']])
    await server.close()
  })

  it('belongs to its hop: a proxy that copies headers both ways forwards neither of ours', async () => {
    const back = await serve((request, response) => {
      pack('x')
      response.end(JSON.stringify(request.headers))
    })
    const proxy = await serve(async (request, response) => {
      const got = await get(back.url, { headers: { ...request.headers, host: 'proxied' } })
      response.writeHead(got.status, got.headers).end(got.body)
    })
    const got = await raw(proxy.port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    assert.ok(!got.includes('crosscut-baggage'), got)
    const refused = await execution(['client'], () => get(proxy.url))
    assert.equal(refused.headers['crosscut-baggage'], undefined)
    await Promise.all([proxy.close(), back.close()])
  })

  it('is not sent to a caller that did not ask for it', async () => {
    const server = await serve((_request, response) => {
      pack('secret')
      response.end('x')
    })
    const got = await raw(server.port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    assert.ok(!got.toLowerCase().includes('crosscut'))
    await server.close()
  })

  it('adds nothing when the handler packed nothing', async () => {
    const server = await serve((_request, response) => response.end('x'))
    const got = await raw(
      server.port,
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\ncrosscut-accept: 1\r\nbaggage: cc=AXg\r\n\r\n',
    )
    assert.ok(!got.toLowerCase().includes('crosscut'))
    await server.close()
  })

  it('counts what came too late for a response with Content-Length', async () => {
    const server = await serve((_request, response) => {
      response.setHeader('content-length', 2)
      response.write('a')
      pack('late')
      response.end('b')
    })
    const before = used.carriers.counts.return_too_late
    await execution(['c'], () => get(server.url))
    assert.equal(used.carriers.counts.return_too_late, before + 1)
    await server.close()
  })
})

describe('events', () => {
  it('of request and response run in the execution of the request', async () => {
    const saw: Record<string, string[]> = {}
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    const server = await serve((request, response) => {
      request.on('data', () => {
        saw['data'] = here()
        pack('from-data')
      })
      request.on('end', () => {
        saw['end'] = here()
        response.end('x')
      })
      request.on('close', () => {
        saw['request close'] = here()
      })
      response.on('finish', () => {
        saw['finish'] = here()
      })
      response.on('close', () => {
        saw['close'] = here()
        resolve()
      })
    })
    const after = await execution(['t'], async () => {
      await get(server.url, { method: 'POST' }, 'body')
      return here()
    })
    await closed
    assert.deepEqual(saw['data'], ['t'])
    assert.deepEqual(saw['end'], ['from-data', 't'], 'data happened before end')
    assert.deepEqual(saw['finish'], ['from-data', 't'])
    assert.deepEqual(saw['close'], ['from-data', 't'])
    assert.ok(saw['request close']?.includes('t'))
    assert.deepEqual(after, ['from-data', 't'], 'and it flows back')
    await server.close()
  })

  it('of an aborted request tell of the end, once, as aborted', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    const server = await serve((_request, response) => {
      response.on('close', () => setImmediate(resolve))
      response.write('never finished')
    })
    servers.length = 0
    const socket = net.connect(server.port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
    await closed
    assert.deepEqual(
      servers.map((exchange) => exchange.aborted),
      [true],
    )
    await server.close()
  })

  it('of a failed request tell the observer its error, and the application too', async () => {
    const server = await serve((request) => request.socket.destroy())
    clients.length = 0
    await assert.rejects(
      execution(['c'], () => get(server.url)),
      { code: 'ECONNRESET' },
    )
    while (clients.length === 0) await new Promise((done) => setImmediate(done))
    assert.equal(clients.length, 1)
    assert.match(String(clients[0]?.error), /socket hang up/)
    await server.close()
  })

  it('pipelined on one connection keep their executions apart', async () => {
    const server = await serve(async (_request, response) => {
      await new Promise((done) => setTimeout(done, 2))
      response.end(`<${here().join()}>`)
    })
    const request = (member: string): string => `GET / HTTP/1.1\r\nHost: x\r\nbaggage: cc=${member}\r\n\r\n`
    const got = await raw(
      server.port,
      request('AWE') + request('AWI') + request('AWM').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
    )
    assert.deepEqual(got.match(/<\w>/g), ['<a>', '<b>', '<c>'])
    await server.close()
  })
})

describe('awkward requests', () => {
  it('carry all headers though Node renders the head before it publishes: headers as an array', async () => {
    const server = await serve((request, response) =>
      response.end(JSON.stringify([here(), request.headers['x-a'], request.headers.host])),
    )
    const got = await execution(['t'], () => get(server.url, { headers: ['X-A', '1', 'Host', 'h'] }))
    assert.deepEqual(JSON.parse(got.body), [['t'], '1', 'h'])
    await server.close()
  })

  it('carry all headers with Expect: 100-continue', async () => {
    const server = await serve((request, response) => {
      request.on('data', () => {})
      request.on('end', () => {
        pack('back')
        response.end(here().join())
      })
    })
    const after = await execution(['t'], async () => {
      const request = http.request(server.url, { method: 'POST', headers: { expect: '100-continue' } })
      request.on('continue', () => request.end('body'))
      const [response] = await once(request, 'response')
      let body = ''
      for await (const chunk of response) body += String(chunk)
      return [body, here()]
    })
    assert.deepEqual(after, ['back,t', ['back', 't']])
    await server.close()
  })

  it('reach a handler of checkContinue in their execution', async () => {
    const raw = http.createServer()
    raw.on('checkContinue', (_request: http.IncomingMessage, response: http.ServerResponse) => {
      response.writeContinue()
      response.end(here().join())
    })
    const server = await listen(raw)
    const got = await execution(['t'], () =>
      get(server.url, { method: 'POST', headers: { expect: '100-continue' } }, ''),
    )
    assert.equal(got.body, 't')
    await server.close()
  })

  it('queued behind maxSockets each carry their own baggage and join their own answer', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
    const server = await serve(async (_request, response) => {
      await new Promise((done) => setTimeout(done, 1))
      const mine = here()
      pack(`back-${mine[0]}`)
      response.end(mine.join())
    })
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        execution([`r${i}`], async () => {
          const got = await get(server.url, { agent })
          return [got.body, ...here()]
        }),
      ),
    )
    results.forEach((result, i) => assert.deepEqual(result, [`r${i}`, `back-r${i}`, `r${i}`]))
    agent.destroy()
    await server.close()
  })

  it('of upgrade and CONNECT work as without us', async () => {
    const plain = http.createServer()
    plain.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello'),
    )
    const server = await listen(plain)
    const text = await execution(['t'], async () => {
      const request = http.request(server.url, { headers: { connection: 'Upgrade', upgrade: 'x' } })
      request.end()
      const [, socket, head] = await once(request, 'upgrade')
      let text = String(head)
      for await (const chunk of socket) text += String(chunk)
      return text
    })
    assert.equal(text, 'hello')
    await server.close()
  })
})

describe('the whole file', () => {
  it('ran without a fault of ours', () => {
    const { hook_failed: faults, headers_already_sent: unsent } = used.carriers.counts
    assert.deepEqual([faults, unsent], [0, 0])
  })
})

/** Bytes as given, the answer as text. */
async function raw(port: number, text: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(text)
  let got = ''
  for await (const chunk of socket) got += String(chunk)
  return got
}
