// One tenant keeps a lock busy, another waits behind it: a policy finds who is to blame, holds that one
// alone, and lets it go when it is removed.

import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import type { ControlHistory, ControlView, PointView, PolicyView, ResourceView, TenantView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { memoryPipeline } from '../../service/server/memory-pipeline.fixture.ts'
import { startServer, type ServerHandle } from '#server'
import { ended, until } from '../system/running.ts'

const dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-throttling-'))
let server: ServerHandle
let service = ''
let child: ChildProcess | undefined
let isOver = false
const clients: Promise<void>[] = []

before(async () => {
  // No traces are looked at: the reader behind the server is one in memory.
  server = await startServer({ dataDir, port: 0, otlpPort: 0 }, {}, memoryPipeline([]).parts)
  service = await startService()
})
after(async () => {
  isOver = true
  await Promise.allSettled(clients)
  const gone = ended(child)
  child?.kill()
  await gone
  await server.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function startService(): Promise<string> {
  const place = (file: string) => path.join(ROOT, file)
  const args = ['--import', place('process/agent/register.ts'), place('test/throttling/ledger-service.mjs')]
  const env = {
    ...process.env,
    OTEL_SERVICE_NAME: 'ledger',
    OTEL_EXPORTER_OTLP_ENDPOINT: server.otlpUrl,
    CROSSCUT_SERVER: server.url,
    CROSSCUT_TOKEN: server.agentToken,
  }
  child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env })
  let said = ''
  child.stdout?.on('data', (bytes: Buffer) => (said += bytes.toString()))
  await until(
    () => /port \d+/.test(said),
    () => `the service did not say its port: ${said}`,
  )
  return `http://127.0.0.1:${/port (\d+)/.exec(said)?.[1]}`
}

async function api<T>(place: string, init: RequestInit = {}): Promise<T> {
  const headers = { authorization: `Bearer ${server.adminToken}`, 'content-type': 'application/json' }
  const answer = await fetch(`${server.url}/api/v1${place}`, { ...init, headers })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${place} answered ${answer.status}: ${text}`)
  return JSON.parse(text) as T
}

/** Clients that ask again when they were answered, after a pause. */
function load(
  pathname: string,
  { count, pauseMs }: { readonly count: number; readonly pauseMs: number },
): void {
  const client = async (): Promise<void> => {
    while (!isOver) {
      await (await fetch(`${service}${pathname}`)).text()
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
  for (let i = 0; i < count; i++) clients.push(client().catch(() => {}))
}

const tenants = async () => (await api<{ tenants: TenantView[] }>('/tenants')).tenants
const tenantOf = async (name: string) => (await tenants()).find(({ tenant }) => tenant === name)
const points = async () => (await api<{ points: PointView[] }>('/points')).points
const rateOf = async (tenant: string) =>
  (await points()).find((one) => one.point === 'book' && one.tenant === tenant)?.rate

/** Beside the clients: who blocks this process stops the load. */
async function cli(...args: string[]): Promise<string> {
  const main = path.join(ROOT, 'face', 'cli', 'main.ts')
  const env = { ...process.env, CROSSCUT_SERVER: server.url, CROSSCUT_TOKEN: server.adminToken }
  const done = await promisify(execFile)(process.execPath, [main, ...args], { env, cwd: dataDir })
  return done.stdout
}

test('what each tenant takes of the lock is seen, and that it is slow', async () => {
  load('/greedy/book', { count: 20, pauseMs: 0 })
  load('/modest/book', { count: 2, pauseMs: 200 })
  load('/modest/report', { count: 2, pauseMs: 100 })
  let seen: ResourceView[] = []
  const lock = () => seen.find(({ resource }) => resource.startsWith('ledger@'))
  await until(
    async () => {
      seen = (await api<{ resources: ResourceView[] }>('/resources')).resources
      return (lock()?.slowdown ?? 0) > 5
    },
    () => JSON.stringify(seen),
  )
  let modest: TenantView | undefined
  await until(
    async () => {
      modest = await tenantOf('modest')
      return (modest?.latencyMs ?? 0) > 20 || (modest?.latencyMsP99 ?? 0) > 50
    },
    () => `modest does not wait: ${JSON.stringify(modest)}`,
  )
  const load_ = lock()?.load ?? {}
  assert.equal(lock()?.kind, 'lock')
  assert.equal(lock()?.service, 'ledger')
  assert.ok((load_['greedy'] ?? 0) > 4 * (load_['modest'] ?? 0), JSON.stringify(load_))
  assert.ok(seen.some(({ resource, kind }) => resource.startsWith('reports@') && kind === 'pool'))
  assert.match(await cli('resources'), /ledger@\S+ +ledger +lock +\d/)
  assert.match(await cli('tenants'), /greedy/)
  assert.match(await cli('blame', 'modest'), /modest .*greedy \d+%.* ledger@\S+ \d+%/)
  assert.match(await cli('points'), /book +greedy +\S+ +none/)
  assert.match(await cli('policy', 'types'), /latency-slo +built in +keeps targets/)
})

test('a dry run says whom it would hold, and holds nobody', async () => {
  await cli('policy', 'set', 'trial', '--policy', 'latency-slo', '--target', 'modest=20ms', '--dry-run')
  const trial = async () => await api<PolicyView>('/policies/trial')
  await until(
    async () => (await trial()).decisions.some(({ tenant, to }) => tenant === 'greedy' && to !== undefined),
    () => 'it would do nothing',
  )
  assert.equal(await rateOf('greedy'), undefined)
  assert.match(await cli('policy', 'ls'), /trial +latency-slo +dry run +greedy at book/)
  const log = /trial \(dry run\) +greedy cut +.*book free -> .*modest takes \S+x its target; ledger@/
  assert.match(await cli('policy', 'log', 'trial'), log)
  await cli('policy', 'rm', 'trial')
})

test('the policy holds who is to blame until the target is met; removed, everybody goes on', async () => {
  await cli('policy', 'set', 'slo', '--policy', 'latency-slo', '--target', 'modest=25ms')
  let shown = ''
  await until(
    async () => {
      const view = await api<ControlView>('/control')
      shown = JSON.stringify(view)
      return (await rateOf('greedy')) !== undefined && ((await tenantOf('modest'))?.latencyMs ?? 1e9) <= 25
    },
    () => `the target is not met: ${shown}`,
  )
  assert.equal(await rateOf('modest'), undefined, 'who has the target is never held')
  await cli('policy', 'rm', 'slo')
  await until(
    async () => {
      const now = (await points()).find(({ point, tenant }) => point === 'book' && tenant === 'greedy')
      return now !== undefined && now.rate === undefined && now.perSecond > 0
    },
    () => 'it is still held',
  )
  assert.match(await cli('policy', 'log', 'slo'), /greedy released .*-> free +the policy was removed/)
  const { timesMs, tenants: past } = await api<ControlHistory>('/control/history')
  assert.equal(past['modest']?.length, timesMs.length)
  const { blame, policies } = await api<ControlView>('/control')
  assert.deepEqual(policies, [])
  assert.ok(blame.some(({ tenant }) => tenant === 'modest'))
})

test('bad policies are refused with what to do', async () => {
  const put = (name: string, body: object) =>
    api(`/policies/${name}`, { method: 'PUT', body: JSON.stringify(body) })
  await assert.rejects(put('p', { policy: 'no-such' }), /E_UNKNOWN_POLICY.*bfair/)
  await assert.rejects(put('p', { policy: 'bfair', params: { alpha: 'x' } }), /params.alpha must be a number/)
  await assert.rejects(put('p', { policy: 'bfair', targets: { a: { latencyMs: 0 } } }), /above 0 ms/)
  await assert.rejects(put('a b', { policy: 'bfair' }), /name of a policy/)
  await assert.rejects(api('/policies/none', { method: 'DELETE' }), /E_NO_POLICY/)
})
