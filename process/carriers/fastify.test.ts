// Under a framework that reads bodies and ends responses its own way: Fastify, over its public API.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fastify from 'fastify'
import { execution, get, here, pack, rig } from './testing.ts'

const used = rig()

describe('under Fastify', () => {
  it('hooks, body parser and handler run in the execution of the request, and its baggage flows back', async () => {
    const seen: Record<string, string[]> = {}
    const app = fastify()
    app.addHook('onRequest', (_request, _reply, done) => {
      seen['onRequest'] = here()
      done()
    })
    app.addHook('onResponse', async () => void (seen['onResponse'] = here()))
    app.post('/', async (request) => {
      seen['handler'] = here()
      await new Promise((done) => setTimeout(done, 1))
      pack('from-handler')
      return { body: request.body }
    })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const options = { method: 'POST', headers: { 'content-type': 'application/json' } }
    const [got, after] = await execution(
      ['t'],
      async () => [await get(url, options, '{"a":1}'), here()] as const,
    )
    assert.deepEqual([got.status, got.body], [200, '{"body":{"a":1}}'])
    assert.deepEqual(after, ['from-handler', 't'])
    assert.deepEqual(seen, { onRequest: ['t'], handler: ['t'], onResponse: ['from-handler', 't'] })
    await app.close()
  })

  it('40 requests at once do not see each other', async () => {
    const app = fastify()
    app.get('/', async () => {
      await new Promise((done) => setTimeout(done, 1))
      const mine = here()
      pack(`back-${mine[0]}`)
      return mine
    })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const call = async () => [(await get(url)).body, here()]
    const calls = Array.from({ length: 40 }, (_, i) => execution([`r${i}`], call))
    const results = await Promise.all(calls)
    results.forEach((result, i) => assert.deepEqual(result, [`["r${i}"]`, [`back-r${i}`, `r${i}`]]))
    assert.equal(used.carriers.counts.hook_failed, 0)
    await app.close()
  })
})
