// One tenant keeps a lock busy, another waits behind it: a policy finds who is to blame, holds that one
// alone, and lets it go when it is removed.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ControlHistory, ControlView, PointView, PolicyView, ResourceView, TenantView } from '#protocol'
import { until } from '../system/running.ts'
import { Ledger } from './ledger.ts'

const ledger = new Ledger()
before(async () => {
  await ledger.startServer()
  await ledger.startService()
})
after(() => ledger.close())

const api = <T>(place: string, init?: RequestInit) => ledger.api<T>(place, init)
const cli = async (...args: string[]): Promise<string> => (await ledger.cli(args)).stdout
const tenants = async () => (await api<{ tenants: TenantView[] }>('/tenants')).tenants
const tenantOf = async (name: string) => (await tenants()).find(({ tenant }) => tenant === name)
const points = async () => (await api<{ points: PointView[] }>('/points')).points
const rateOf = async (tenant: string) =>
  (await points()).find((one) => one.point === 'book' && one.tenant === tenant)?.rate

test('what each tenant takes of the lock is seen, and that it is slow', async () => {
  ledger.load('/greedy/book', { count: 20, pauseMs: 0 })
  ledger.load('/modest/book', { count: 2, pauseMs: 200 })
  ledger.load('/modest/report', { count: 2, pauseMs: 100 })
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
  const put = (name: string, body: object) => ledger.put(name, body)
  await assert.rejects(put('p', { policy: 'no-such' }), /E_UNKNOWN_POLICY.*bfair/)
  await assert.rejects(put('p', { policy: 'bfair', params: { alpha: 'x' } }), /params.alpha must be a number/)
  await assert.rejects(put('p', { policy: 'bfair', targets: { a: { latencyMs: 0 } } }), /above 0 ms/)
  await assert.rejects(put('a b', { policy: 'bfair' }), /name of a policy/)
  await assert.rejects(api('/policies/none', { method: 'DELETE' }), /E_NO_POLICY/)
})
