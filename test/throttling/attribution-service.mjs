// One of three services in a row whose work is known to the ms: it burns CPU for the tenant of the request,
// holds a connection of a pool, asks the next service over two connections at most, and the last one works on
// the requests of several tenants at once.
//
//   front ──undici Pool(2)──► middle ──undici Pool(2)──► back: batches of what came meanwhile
//
// It keeps the truth itself, by tenant: CPU by the thread's own clock around each piece of work, and how long
// each held its pooled connection. argv: the next service's URL, none for the last.

import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import genericPool from 'generic-pool'
import { Pool } from 'undici'
import { metered, Queue, tenant } from '../../process/api/index.ts'

/** ms of CPU, and of holding a connection, for one request. */
const WORK = {
  big: { cpuMs: 9, holdMs: 12 },
  middle: { cpuMs: 6, holdMs: 6 },
  small: { cpuMs: 3, holdMs: 3 },
}

const [nextUrl] = process.argv.slice(2)
const next = nextUrl === undefined ? undefined : new Pool(nextUrl, { connections: 2 })
const factory = { create: async () => ({}), destroy: async () => {} }
const pool = metered(genericPool.createPool(factory, { max: 2 }), { name: 'db' })
const truth = { cpu: {}, db: {} }
const add = (to, who, ms) => (to[who] = (to[who] ?? 0) + ms)

function threadMs() {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Gives what it really took. */
function burn(ms) {
  const beganMs = threadMs()
  while (threadMs() - beganMs < ms);
  return threadMs() - beganMs
}

async function holdConnection(who) {
  const connection = await pool.acquire()
  const beganMs = performance.now()
  await sleep(WORK[who].holdMs)
  add(truth.db, who, performance.now() - beganMs)
  await pool.release(connection)
}

const jobs = new Queue('jobs')
let waiting = []

/** What came in the last 20 ms is worked on at once: each tenant's part is by its requests. */
async function workOnBatch() {
  const batch = waiting
  waiting = []
  await jobs.processAll(
    batch.map(({ item }) => item),
    async () => {
      const tookMs = burn(2 * batch.length)
      for (const { who } of batch) add(truth.cpu, who, tookMs / batch.length)
      await Promise.resolve()
    },
  )
  for (const { done } of batch) done()
}

function inBatch(who) {
  return new Promise((done) => {
    if (waiting.length === 0) setTimeout(workOnBatch, 20)
    waiting.push({ item: jobs.enqueue(), who, done })
  })
}

const server = http.createServer(async (request, response) => {
  const [, what, who] = request.url.split('/')
  if (what === 'truth') return response.end(JSON.stringify(truth))
  // Named at the front alone: the others learn it from what travels with the request.
  if (what === 'ask') tenant(who)
  add(truth.cpu, who, burn(WORK[who].cpuMs / 2))
  await holdConnection(who)
  if (next === undefined) await inBatch(who)
  else await (await next.request({ method: 'GET', path: `/do/${who}` })).body.text()
  add(truth.cpu, who, burn(WORK[who].cpuMs / 2))
  response.end('done')
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
