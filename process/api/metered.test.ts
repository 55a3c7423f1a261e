// Pools, queues, threads and locks of others, with the packages themselves: what each tenant waits and holds
// is told under its own name, and nothing changes for who uses them.

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { Mutex as AsyncMutex, Semaphore, withTimeout } from 'async-mutex'
import genericPool from 'generic-pool'
import mysql from 'mysql2'
import mysqlPromise from 'mysql2/promise'
import PQueue from 'p-queue'
import { Tinypool } from 'tinypool'
import { Baggage } from '#baggage'
import { context } from '#context'
import { HOST_API_SLOT, type HostUse } from '#protocol'
import { readSettings } from '../agent/settings.ts'
import { startAgent, type Agent } from '../agent/start.ts'
import { startCollector, type Collector } from '../agent/testing/rig.ts'
import { metered, Queue, RwLock, tenant } from './index.ts'

type Told = HostUse & { readonly who: string }

let collector: Collector
let agent: Agent
let told: Told[] = []

before(async () => {
  collector = await startCollector()
  agent = startAgent(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }))
  const host = Reflect.get(globalThis, HOST_API_SLOT)
  // Beside what the agent does with it: in whose frame it was told.
  Reflect.set(globalThis, HOST_API_SLOT, {
    ...host,
    used(use: HostUse) {
      told.push({ ...use, who: host.tenant() ?? '' })
      host.used(use)
    },
  })
})
after(async () => {
  agent.stop()
  await collector.close()
})
beforeEach(() => {
  told = []
})

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const as = <R>(id: string, fn: () => Promise<R>): Promise<R> =>
  context.run(Baggage.empty, () => {
    tenant(id)
    return fn()
  })

/** Each use once, by who asked; `second` waited for the whole time that `first` held. */
function oneAfterTheOther(kind: string): void {
  const [first, second, ...rest] = told
  assert.ok(first !== undefined && second !== undefined && rest.length === 0, JSON.stringify(told))
  assert.deepEqual([first.who, second.who], ['first', 'second'])
  assert.deepEqual([first.resource, first.kind], ['db', kind])
  assert.ok(first.serviceMs > 15, `${first.serviceMs}`)
  assert.ok(second.waitMs > 15 && second.waitMs > first.waitMs, JSON.stringify(told))
}

/** Both at once, of what only one can have. */
async function both(use: () => Promise<unknown>): Promise<void> {
  const first = as('first', use)
  const second = as('second', use)
  await Promise.all([first, second])
}

test('async-mutex: the lock, by acquire and by runExclusive', async () => {
  const mutex = metered(new AsyncMutex(), { name: 'db' })
  await both(() => mutex.runExclusive(() => sleep(20)))
  oneAfterTheOther('lock')
  told = []
  await both(async () => {
    const release = await mutex.acquire()
    await sleep(20)
    release()
  })
  oneAfterTheOther('lock')
  told = []
  await both(async () => {
    await mutex.acquire()
    await sleep(20)
    mutex.release()
  })
  oneAfterTheOther('lock')
  assert.equal(await mutex.runExclusive(() => 'what fn gives'), 'what fn gives')
  await assert.rejects(
    mutex.runExclusive(() => Promise.reject(new Error('of fn'))),
    /of fn/,
  )
  assert.equal(mutex.isLocked(), false)
})

test('async-mutex: a semaphore gives its value, and who gave up used nothing', async () => {
  const semaphore = metered(new Semaphore(1), { name: 'db', kind: 'pool' })
  await both(async () => {
    const [value, release] = await semaphore.acquire()
    assert.equal(value, 1)
    await sleep(20)
    release()
  })
  oneAfterTheOther('pool')
  told = []
  const hasty = metered(withTimeout(new AsyncMutex(), 5), { name: 'db' })
  const release = await as('first', () => hasty.acquire())
  await assert.rejects(
    as('second', () => hasty.acquire()),
    /timeout/,
  )
  release()
  assert.deepEqual(
    told.map(({ who }) => who),
    ['first'],
  )
})

test('generic-pool: acquire to release, and use', async () => {
  const factory = { create: async () => ({}), destroy: async () => {} }
  const pool = metered(genericPool.createPool(factory, { max: 1 }), { name: 'db' })
  await both(async () => {
    const resource = await pool.acquire()
    await sleep(20)
    await pool.release(resource)
  })
  oneAfterTheOther('pool')
  told = []
  await both(() => pool.use(() => sleep(20)))
  oneAfterTheOther('pool')
  await pool.drain()
  await pool.clear()
})

test('p-queue: the time in the queue, and at work', async () => {
  const queue = metered(new PQueue({ concurrency: 1 }), { name: 'db' })
  await both(() => queue.add(() => sleep(20)))
  oneAfterTheOther('queue')
  assert.equal(await queue.add(() => 7), 7)
  await assert.rejects(
    queue.add(() => Promise.reject(new Error('of the task'))),
    /of the task/,
  )
})

test('tinypool: threads that are busy with others', async () => {
  const filename = new URL('testing/sleep-in-thread.mjs', import.meta.url).href
  const pool = metered(new Tinypool({ filename, minThreads: 1, maxThreads: 1 }), { name: 'db', kind: 'pool' })
  await pool.run(1)
  told = []
  await both(() => pool.run(20))
  oneAfterTheOther('pool')
  await pool.destroy()
})

test('mysql2: a pool of connections, with promises and with callbacks, over its own protocol', async () => {
  const server = mysql.createServer((connection) => {
    connection.serverHandshake({
      protocolVersion: 10,
      serverVersion: 'test',
      connectionId: 1,
      statusFlags: 2,
      characterSet: 8,
      capabilityFlags: 0xffffff,
      authCallback: (_given: object, done: (error: null) => void) => {
        done(null)
        counted()
      },
    })
    // Each command counts its packets from 0; the server's half of mysql2 leaves that to us.
    const counted = () => Reflect.set(connection, 'sequenceId', 0)
    connection.on('query', () =>
      setTimeout(() => {
        Reflect.apply(Reflect.get(connection, 'writeOk'), connection, [])
        counted()
      }, 20),
    )
    connection.on('error', () => {})
  })
  await new Promise<void>((resolve) => Reflect.apply(server.listen, server, [0, '127.0.0.1', resolve]))
  const at = Reflect.get(server, '_server').address()
  const options = { host: '127.0.0.1', port: at.port, user: 'u', connectionLimit: 1 }
  const pool = metered(mysqlPromise.createPool(options), { name: 'db' })
  await both(() => pool.query('do something'))
  oneAfterTheOther('pool')
  await pool.end()
  const older = metered(mysql.createPool(options), { name: 'db' })
  told = []
  await both(
    () =>
      new Promise((resolve, reject) => {
        older.getConnection((error, connection) => {
          if (error) return reject(error)
          connection.query('do something', () => {
            connection.release()
            resolve(undefined)
          })
        })
      }),
  )
  oneAfterTheOther('pool')
  await new Promise((resolve) => older.end(resolve))
  await new Promise((resolve) => server.close(resolve))
})

test('a queue of our own: the time in it and at work, charged to who put in; a batch is divided', async () => {
  const queue = new Queue('db')
  const [first, second] = await Promise.all([
    as('first', async () => queue.enqueue()),
    as('second', async () => queue.enqueue()),
  ])
  await first.process(() => sleep(20))
  await second.process(() => sleep(20))
  oneAfterTheOther('queue')
  told = []
  const items = await Promise.all(['a', 'b'].map((who) => as(who, async () => queue.enqueue())))
  await queue.processAll(items, () => sleep(20))
  const [a, b] = told
  assert.deepEqual([a?.who, b?.who], ['a', 'b'])
  const [half = 0, other = 0] = [a?.serviceMs, b?.serviceMs]
  assert.ok(Math.abs(half - other) < 0.1 * half, JSON.stringify(told))
})

test('a lock of readers and writers: readers pay for the time of writers together', async () => {
  const lock = new RwLock({ name: 'db' })
  await both(() => lock.write(() => sleep(20)))
  oneAfterTheOther('lock')
  told = []
  await both(() => lock.read(() => sleep(20)))
  const [a, b] = told
  assert.ok(a !== undefined && b !== undefined && told.length === 2)
  const together = Math.max(a.serviceMs, b.serviceMs)
  assert.ok(Math.abs((a.load ?? 0) + (b.load ?? 0) - together) < 0.5 * together, JSON.stringify(told))
})

test('what is none of those is refused with what is known, and measured twice is once', async () => {
  assert.throws(() => metered({}, { name: 'x' }), { code: 'E_METERED', message: /x: not one of pools of pg/ })
  const mutex = metered(new AsyncMutex(), { name: 'db' })
  assert.equal(metered(mutex, { name: 'other' }), mutex)
  await as('a', () => mutex.runExclusive(() => {}))
  assert.deepEqual(
    told.map(({ resource }) => resource),
    ['db'],
  )
})
