// A service for tests that calls UPSTREAM in the ways there are, as a user would write it.
import http from 'node:http'
import https from 'node:https'
import { controlPoint, Mutex, remainingMs, setDeadline } from '../../api/index.ts'

const upstream = process.env.UPSTREAM
const ledger = new Mutex({ name: 'ledger' })
const undici = () => import('undici')

const ways = {
  fetch: async () => await (await fetch(upstream)).text(),
  undici: async () => {
    const { request } = await undici()
    return await (await request(upstream)).body.text()
  },
  pool: async () => {
    const { Pool } = await undici()
    const pool = new Pool(upstream)
    return await (await pool.request({ path: '/', method: 'GET' })).body.text()
  },
  // Given up after a moment by who waits for it.
  signalled: async () => {
    const { request } = await undici()
    return await (await request(upstream, { signal: AbortSignal.timeout(20) })).body.text()
  },
  http: () =>
    new Promise((resolve, reject) => {
      const client = upstream.startsWith('https:') ? https : http
      const request = client.request(upstream, { method: 'POST' }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => (text += chunk))
        response.on('end', () => resolve(text))
      })
      request.on('error', reject)
      request.end('body')
    }),
  // Its head is rendered at once, for its headers are a list.
  listed: () =>
    new Promise((resolve, reject) => {
      const headers = ['host', new URL(upstream).host, 'x-listed', '1']
      const request = http.get(upstream, { headers }, (response) => {
        response.resume().on('end', () => resolve('answered'))
      })
      request.on('error', reject)
    }),
  // Gives it up after a moment, and says which events came.
  abandoned: () =>
    new Promise((resolve) => {
      const events = []
      const request = http.get(upstream, () => events.push('response'))
      request.on('error', (error) => events.push(error.code ?? error.name))
      request.on('close', () => resolve([...events, 'close'].join(' ')))
      setTimeout(() => request.destroy(), 20)
    }),
  lock: () => ledger.run(async () => (await controlPoint('inner'), 'done')),
  inner: async () => (await controlPoint('inner'), 'done'),
  hello: async () => `hello ${remainingMs() === undefined ? 'for ever' : 'for a while'}`,
}

const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://here')
  const ms = url.searchParams.get('within')
  if (ms !== null) setDeadline(Number(ms))
  try {
    response.end(await ways[url.pathname.slice(1)]())
  } catch (error) {
    response.writeHead(500).end(`${error.cause?.code ?? error.code ?? error.message}`)
  }
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
