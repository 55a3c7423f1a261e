// fetch and undici on real sockets. The trap: with limited connections a queued request is created in the
// context of whoever frees a connection; without the dispatch patch 36 of 40 requests carried another's
// header.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { execution, get, here, pack, rig, serve, type TestServer } from './testing.ts'
import type { ClientExchange } from './exchange.ts'

const ended: ClientExchange[] = []
const used = rig({ observer: { clientEnd: (exchange) => void ended.push(exchange) } })

/** Loaded after the carriers, as an application would. */
const undici = (): typeof import('undici') => createRequire(import.meta.url)('undici')

let server: TestServer
before(async () => {
  server = await serve(async (request, response) => {
    const carried = here()
    if (request.url === '/redirect') {
      response.writeHead(302, { location: '/' }).end()
      return
    }
    if (request.url === '/flaky' && !failed.has(carried.join())) {
      failed.add(carried.join())
      response.writeHead(503).end()
      return
    }
    await new Promise((done) => setTimeout(done, 1))
    if (request.url === '/trailer') {
      response.write(' ')
      await new Promise((done) => setTimeout(done, 5))
    }
    pack(`back-${carried.at(-1) ?? 'none'}`)
    response.end(carried.join())
  })
})
after(() => server.close())
const failed = new Set<string>()

type Caller = (path: string) => Promise<string>

/** 40 requests at once, each of its own execution: which header did each carry, and what came back to it? */
async function crowd(call: Caller, path = '/'): Promise<void> {
  const results = await Promise.all(
    Array.from({ length: 40 }, (_, i) => execution([`r${i}`], async () => [await call(path), here()])),
  )
  const wrong = results.filter(([body, back], i) => body !== `r${i}` || String(back) !== `back-r${i},r${i}`)
  assert.deepEqual(wrong, [])
}

describe('each of 40 concurrent requests carries its own baggage and joins its own answer', () => {
  it('with the default fetch', () => crowd(async (path) => (await fetch(server.url + path)).text()))

  it('with the default fetch again, when its dispatcher is known', () =>
    crowd(async (path) => (await fetch(server.url + path)).text()))

  it('with fetch over the built-in Agent limited to 4 connections', async () => {
    const Agent = builtInAgent()
    const dispatcher = new Agent({ connections: 4 })
    await crowd(async (path) => (await fetch(server.url + path, withDispatcher(dispatcher))).text())
    await dispatcher.close()
  })

  it('with undici.request over a Pool of 4', async () => {
    const pool = new (undici().Pool)(server.url, { connections: 4 })
    await crowd(async (path) => (await pool.request({ path, method: 'GET' })).body.text())
    await pool.close()
  })

  it('with one options object shared by all requests', async () => {
    const pool = new (undici().Pool)(server.url, { connections: 4 })
    const options = { path: '/', method: 'GET' } as const
    await crowd(async () => (await pool.request(options)).body.text())
    await pool.close()
  })

  it('with undici.request over an Agent limited to 4', async () => {
    const dispatcher = new (undici().Agent)({ connections: 4 })
    await crowd(async (path) => (await undici().request(server.url + path, { dispatcher })).body.text())
    await dispatcher.close()
  })

  it("with the package's own fetch over a Pool of 4", async () => {
    const dispatcher = new (undici().Pool)(server.url, { connections: 4 })
    await crowd(async (path) => (await undici().fetch(server.url + path, { dispatcher })).text())
    await dispatcher.close()
  })

  it('with a single pipelining Client', async () => {
    const client = new (undici().Client)(server.url, { pipelining: 4 })
    await crowd(async (path) => (await client.request({ path, method: 'GET' })).body.text())
    await client.close()
  })

  it('with retries', async () => {
    const { Agent, interceptors } = undici()
    const dispatcher = new Agent({ connections: 4 }).compose(
      interceptors.retry({ minTimeout: 1, maxRetries: 2, statusCodes: [503] }),
    )
    await crowd(
      async (path) => (await undici().request(server.url + path, { dispatcher })).body.text(),
      '/flaky',
    )
    await dispatcher.close()
  })

  it('with redirects, by fetch and by interceptor', async () => {
    const { Agent, interceptors } = undici()
    const dispatcher = new Agent({ connections: 4 }).compose(interceptors.redirect({ maxRedirections: 2 }))
    await crowd(
      async (path) => (await undici().request(server.url + path, { dispatcher })).body.text(),
      '/redirect',
    )
    await crowd(async (path) => (await fetch(server.url + path)).text(), '/redirect')
    await dispatcher.close()
  })

  it('with trailers: what was packed after the headers arrives with the body', async () => {
    await crowd(async (path) => (await (await fetch(server.url + path)).text()).trim(), '/trailer')
    const pool = new (undici().Pool)(server.url, { connections: 4 })
    await crowd(
      async (path) => (await (await pool.request({ path, method: 'GET' })).body.text()).trim(),
      '/trailer',
    )
    await pool.close()
  })

  it('with stream and pipeline', async () => {
    const pool = new (undici().Pool)(server.url, { connections: 4 })
    const { PassThrough } = await import('node:stream')
    await crowd(async (path) => {
      const into = new PassThrough()
      await pool.stream({ path, method: 'GET' }, () => into)
      return String(into.read())
    })
    await pool.close()
  })
})

describe('a response', () => {
  it('joins at the await of undici.request itself, before the body', async () => {
    const { request } = undici()
    const joined = await execution(['r'], async () => {
      const response = await request(server.url)
      const joined = here()
      await response.body.dump()
      return joined
    })
    assert.deepEqual(joined, ['back-r', 'r'])
  })

  it('joins at the await of fetch itself, before the body', async () => {
    const joined = await execution(['r'], async () => {
      const response = await fetch(server.url)
      const joined = here()
      await response.arrayBuffer()
      return joined
    })
    assert.deepEqual(joined, ['back-r', 'r'])
  })

  it('leaves nothing behind outside of executions', async () => {
    await (await fetch(server.url)).text()
    assert.deepEqual(here(), [])
  })
})

describe('a quiet request', () => {
  it('carries nothing and is not observed, even when it is created later, behind others', async () => {
    const pool = new (undici().Pool)(server.url, { connections: 1 })
    const ask = async () => (await pool.request({ path: '/', method: 'GET' })).body.text()
    ended.length = 0
    const bodies = await execution(['r'], () => Promise.all([ask(), used.carriers.quietly(ask), ask()]))
    assert.deepEqual(bodies, ['r', '', 'r'])
    assert.equal(ended.length, 2)
    await pool.close()
  })
})

describe('the observer', () => {
  it('gets method, host, port, path and status, and the end once', async () => {
    ended.length = 0
    await execution(['r'], async () =>
      (await fetch(`${server.url}/p?q=1`, { method: 'POST', body: 'x' })).text(),
    )
    const own = ended.filter((exchange) => exchange.transport === 'undici')
    assert.deepEqual(
      own.map(({ method, host, port, path, statusCode }) => [method, host, port, path, statusCode]),
      [['POST', '127.0.0.1', server.port, '/p?q=1', 200]],
    )
  })

  it('gets the error of a refused connection', async () => {
    const gone = await serve(() => {})
    await gone.close()
    ended.length = 0
    await assert.rejects(execution(['r'], () => fetch(gone.url)))
    assert.deepEqual(
      ended.map((exchange) => Reflect.get(Object(exchange.error), 'code')),
      ['ECONNREFUSED'],
    )
  })

  it('gets the error of an aborted request', async () => {
    const abort = new AbortController()
    const silent = await serve(() => abort.abort())
    ended.length = 0
    await assert.rejects(
      execution(['r'], () => fetch(silent.url, { signal: abort.signal })),
      { name: 'AbortError' },
    )
    assert.deepEqual(
      ended.map((exchange) => Reflect.get(Object(exchange.error), 'name')),
      ['AbortError'],
    )
    await silent.close()
  })
})

describe('uninstalling', () => {
  it('gives undici its own dispatch back', async () => {
    const { Dispatcher, Agent } = undici()
    const patched = new Agent().dispatch
    used.carriers.uninstall()
    assert.notEqual(new Agent().dispatch, patched)
    assert.notEqual(new Agent().dispatch, Dispatcher.prototype.dispatch)
    const { body } = await execution(['r'], () => get(server.url))
    assert.equal(body, '')
    assert.equal(used.carriers.counts.hook_failed, 0, 'and no fault of ours in this whole file')
  })
})

interface Closable {
  close(): Promise<void>
}

function builtInAgent(): new (options: { connections: number }) => Closable {
  const dispatcher: unknown =
    Reflect.get(globalThis, Symbol.for('undici.globalDispatcher.2')) ??
    Reflect.get(globalThis, Symbol.for('undici.globalDispatcher.1'))
  assert.ok(typeof dispatcher === 'object' && dispatcher !== null)
  const constructor: unknown = Reflect.get(dispatcher, 'constructor')
  assert.ok(isConstructor(constructor))
  return constructor
}

function isConstructor(value: unknown): value is new (options: { connections: number }) => Closable {
  return typeof value === 'function'
}

/** `dispatcher` is undici's own member of RequestInit. */
function withDispatcher(dispatcher: Closable): RequestInit {
  return Object.assign<RequestInit, { dispatcher: Closable }>({}, { dispatcher })
}
