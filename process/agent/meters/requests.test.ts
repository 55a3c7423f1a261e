// Requests of two tenants through pools of one connection: who waited for whom, over real sockets.

import assert from 'node:assert/strict'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { Pool } from 'undici'
import { Baggage } from '#baggage'
import { installCarriers, type Carriers } from '#carriers'
import { context, runWith, startContext, stopContext } from '#context'
import { openWorkflow } from '../bags.ts'
import { until } from '../../../test/system/running.ts'
import { Meters } from './meters.ts'

const workflow = openWorkflow()
const detached = <R>(fn: () => R): R => runWith(undefined, fn)
const finished: string[] = []
let meters: Meters
let carriers: Carriers
let server: http.Server
let port = 0
/** Answers that the server holds back. */
let held: (() => void)[] = []

before(async () => {
  startContext('meters')
  meters = new Meters({ epoch: 1, reads: workflow, detached, isWanted: true })
  carriers = installCarriers({ metering: meters.enable((tenant) => finished.push(tenant)) })
  server = http.createServer((_request, response) => {
    held.push(() => response.end('x'.repeat(1000)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
after(() => {
  carriers.uninstall()
  meters.disable()
  stopContext('meters')
  server.close()
  server.closeAllConnections()
})
beforeEach(() => {
  held = []
  finished.length = 0
})

const as = <R>(tenant: string, fn: () => R): R => context.run(workflow.withTenant(Baggage.empty, tenant), fn)

function told(resource: string) {
  const found = meters.usage.told().find(({ name }) => name === resource)
  const { names } = meters.usage.workflows
  const of = (column: ArrayLike<number> | undefined) => (tenant: string) =>
    column?.[names.indexOf(tenant)] ?? 0
  return { kind: found?.kind, count: of(found?.count), wait: of(found?.waitMs), load: of(found?.load) }
}

/** `a` has the only connection while `b` asks. */
async function oneAfterTheOther(pool: string, ask: () => Promise<unknown>): Promise<void> {
  const first = as('a', ask)
  await until(
    () => held.length === 1,
    () => 'the first did not come',
  )
  const second = as('b', ask)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(held.length, 1, 'the second waits for a connection')
  held[0]?.()
  await first
  await until(
    () => held.length === 2,
    () => 'the second did not come',
  )
  held[1]?.()
  await second
  await until(
    () => finished.length === 2 && told(pool).count('a') + told(pool).count('b') === 2,
    () => `finished: ${finished}`,
  )
}

function getOnce(agent: http.Agent): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, agent }, (response) => response.resume().on('close', resolve))
    request.on('error', reject)
  })
}

test('node:http: the wait for a socket of the agent, and how long it was held', async () => {
  const agent = new http.Agent({ maxSockets: 1, keepAlive: true })
  const name = `http.client:localhost:${port}`
  await oneAfterTheOther(name, () => getOnce(agent))
  agent.destroy()
  const pool = told(name)
  assert.equal(pool.kind, 'pool')
  assert.deepEqual([pool.count('a'), pool.count('b')], [1, 1])
  assert.ok(pool.wait('b') > 10 && pool.wait('b') > pool.wait('a'), `${pool.wait('a')} ${pool.wait('b')}`)
  assert.ok(pool.load('a') > 0 && pool.load('b') > 0)
  assert.deepEqual(finished, ['a', 'b'], 'requests are counted for who sent them')
})

test('undici: the wait in the queue of a pool', async () => {
  const dispatcher = new Pool(`http://127.0.0.1:${port}`, { connections: 1 })
  const name = `http.client:127.0.0.1:${port}`
  await oneAfterTheOther(name, async () =>
    (await dispatcher.request({ path: '/', method: 'GET' })).body.text(),
  )
  await dispatcher.close()
  const pool = told(name)
  assert.deepEqual([pool.count('a'), pool.count('b')], [1, 1])
  assert.ok(pool.wait('b') > 10 && pool.wait('b') > pool.wait('a'), `${pool.wait('a')} ${pool.wait('b')}`)
})

test('bytes go to the tenant whose request moved them, also on a connection that both use', () => {
  const loopback = told('loopback')
  assert.equal(loopback.kind, 'network')
  // Two answers each, counted at both ends of their connections.
  for (const tenant of ['a', 'b']) assert.ok(loopback.load(tenant) >= 4 * 1000, `${loopback.load(tenant)}`)
  assert.ok(Math.abs(loopback.load('a') / loopback.load('b') - 1) < 0.2)
  assert.equal(told('network').kind, undefined)
})

test('many origins are told apart up to a limit, then they are one', async () => {
  const agent = new http.Agent()
  for (let i = 0; i < 14; i++) {
    const asked = as('c', () => getOnceAt(agent, `o${i}.localhost`))
    await until(
      () => held.length === i + 1,
      () => 'it did not come',
    )
    held[i]?.()
    await asked
  }
  const toldNames = () => meters.usage.told().map(({ name }) => name)
  await until(
    () => toldNames().includes('http.client:(other)'),
    () => String(toldNames()),
  )
  const names = toldNames()
  assert.equal(names.filter((name) => name.startsWith('http.client:')).length, 13)
})

function getOnceAt(agent: http.Agent, host: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const lookup = (_name: string, options: { all?: boolean }, done: (...args: unknown[]) => void) =>
      options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
    const request = http.get({ host, port, agent, lookup: lookup as never }, (response) =>
      response.resume().on('close', resolve),
    )
    request.on('error', reject)
  })
}
