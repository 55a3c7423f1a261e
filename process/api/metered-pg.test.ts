// A pool of pg against a real PostgreSQL, where one is installed: what each tenant waits for a connection and
// holds it, by promises, by callbacks and by the pool's own query.

import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import pg from 'pg'
import { Baggage } from '#baggage'
import { context } from '#context'
import { HOST_API_SLOT, type HostUse } from '#protocol'
import { readSettings } from '../agent/settings.ts'
import { startAgent, type Agent } from '../agent/start.ts'
import { startCollector, type Collector } from '../agent/testing/rig.ts'
import { ended, until } from '../../test/system/running.ts'
import { metered, tenant } from './index.ts'

const programs = postgresPrograms()
const skip = programs === undefined ? 'PostgreSQL is not installed' : false
const home = mkdtempSync(path.join(tmpdir(), 'crosscut-pg-'))

let collector: Collector
let agent: Agent
let server: ChildProcess | undefined
let pool: pg.Pool
let told: { readonly who: string; readonly waitMs: number; readonly serviceMs: number }[] = []

before(async () => {
  if (programs === undefined) return
  server = await startPostgres(programs)
  collector = await startCollector()
  agent = startAgent(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }))
  const host = Reflect.get(globalThis, HOST_API_SLOT)
  Reflect.set(globalThis, HOST_API_SLOT, {
    ...host,
    used: ({ waitMs, serviceMs }: HostUse) => told.push({ who: host.tenant() ?? '', waitMs, serviceMs }),
  })
  pool = metered(new pg.Pool({ host: home, user: 'postgres', max: 1 }), { name: 'db' })
})
after(async () => {
  if (server !== undefined) {
    // Its end does not wait for the connection's, which a server that goes would answer with an error.
    const left = pool.totalCount > 0 ? once(pool, 'remove') : undefined
    await pool.end()
    await left
    agent.stop()
    await collector.close()
    const gone = ended(server)
    server.kill('SIGINT')
    await gone
  }
  rmSync(home, { recursive: true, force: true })
})
beforeEach(() => {
  told = []
})

function postgresPrograms(): string | undefined {
  const versions = '/usr/lib/postgresql'
  if (!existsSync(versions)) return undefined
  const found = readdirSync(versions).map((version) => path.join(versions, version, 'bin'))
  return found.find((place) => existsSync(path.join(place, 'initdb')))
}

/** It refuses to run as root: then it runs as the user that Debian made for it. */
async function startPostgres(place: string): Promise<ChildProcess> {
  const isRoot = process.getuid?.() === 0
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres']))
  const user = isRoot ? { uid: idOf('-u'), gid: idOf('-g') } : {}
  const data = path.join(home, 'data')
  mkdirSync(data, { mode: 0o700 })
  if (isRoot) for (const one of [home, data]) chownSync(one, idOf('-u'), idOf('-g'))
  const options = { ...user, cwd: home, stdio: 'ignore' as const }
  execFileSync(
    path.join(place, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync'],
    options,
  )
  const settings = ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${home}`, '-c', 'fsync=off']
  const child = spawn(path.join(place, 'postgres'), ['-D', data, ...settings], options)
  await until(
    () => existsSync(path.join(home, '.s.PGSQL.5432')),
    () => 'it does not listen',
  )
  return child
}

const as = <R>(id: string, fn: () => Promise<R>): Promise<R> =>
  context.run(Baggage.empty, () => {
    tenant(id)
    return fn()
  })

const SLEEP = 'select pg_sleep(0.03)'

const ways: Readonly<Record<string, () => Promise<unknown>>> = {
  'the query of the pool': () => pool.query(SLEEP),
  'connect, with a promise': async () => {
    const client = await pool.connect()
    await client.query(SLEEP)
    client.release()
  },
  'connect, with a callback': () =>
    new Promise((resolve, reject) => {
      pool.connect((error, client, release) => {
        if (error !== undefined && error !== null) return reject(error)
        client?.query(SLEEP, () => {
          release()
          resolve(undefined)
        })
      })
    }),
}

for (const [way, ask] of Object.entries(ways)) {
  test(`${way}: who waits for the only connection, and who has it`, { skip }, async () => {
    await pool.query('select 1')
    told = []
    await Promise.all([as('first', ask), as('second', ask)])
    const [first, second, ...rest] = told
    assert.ok(first !== undefined && second !== undefined && rest.length === 0, JSON.stringify(told))
    assert.deepEqual([first.who, second.who], ['first', 'second'])
    assert.ok(first.serviceMs >= 29 && second.waitMs >= 29, JSON.stringify(told))
    assert.ok(second.waitMs > first.waitMs)
  })
}

test('a callback runs as who asked, not as who gave the connection back', { skip }, async () => {
  const asked = (id: string) =>
    as(
      id,
      () =>
        new Promise<string | undefined>((resolve) => {
          pool.connect((_error, _client, release) => {
            const who = Reflect.get(globalThis, HOST_API_SLOT).tenant()
            release()
            resolve(who)
          })
        }),
    )
  assert.deepEqual(await Promise.all(['a', 'b', 'c'].map(asked)), ['a', 'b', 'c'])
})
