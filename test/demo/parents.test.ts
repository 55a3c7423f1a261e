// The demo under load, traced, held against its own ground truth: wrong, lost and foreign parents must all be
// zero.

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, until } from '../system/running.ts'
import { judge, type TruthReport } from './judge.ts'

/** Requests of each tenant: enough that all workloads overlap, few enough for seconds. */
const REQUESTS = 25
const LOAD = 10
const TENANTS = 'web,photos;crawler,batch'
/** A trace is quiet, written and searchable after this. */
const SETTLE_MS = 4_000

const crosscut = new Crosscut()
let urls: string[] = []

before(async () => {
  await crosscut.start()
  const flags = ['--load', String(LOAD), '--requests', String(REQUESTS), '--tenants', TENANTS]
  const demo = await crosscut.run([path.join(ROOT, 'demo', 'main.ts'), ...flags], {}, /^shelf ready/m)
  urls = [...demo.output().matchAll(/^process \S+ (\S+)$/gm)].map((match) => match[1] ?? '')
})
after(() => crosscut.close())

async function truth(): Promise<TruthReport[]> {
  return await Promise.all(
    urls.map(async (url) => (await (await fetch(`${url}/truth`)).json()) as TruthReport),
  )
}

function sum(reports: readonly TruthReport[], pattern: RegExp): number {
  return reports
    .flatMap((report) => Object.entries(report.counts))
    .reduce((total, [op, count]) => total + (pattern.test(op) ? count : 0), 0)
}

test('under load every call has its span, the right parent, and no foreign one', async () => {
  const wanted = TENANTS.split(/[;,]/).length * REQUESTS
  await until(
    async () => {
      await sleep(500)
      return sum(await truth(), /^client\.\w+\.(ok|failed)$/) >= wanted
    },
    () => 'the load did not end',
    90_000,
  )
  await sleep(SETTLE_MS)
  const reports = await truth()
  assert.equal(sum(reports, /failed$/), 0, 'requests failed')
  const summaries = await crosscut.traces()
  const ofTenants = summaries.filter((summary) => summary.rootService.startsWith('client-'))
  const traces = await inLanes(ofTenants, (summary) => crosscut.trace(summary.traceId))
  const isTenants = (rid: string): boolean => /^(web|photos|crawler|batch)-/.test(rid)
  const { wrong, lost, foreign, spans } = judge(traces, reports, isTenants)
  assert.deepEqual(
    { wrong: wrong.slice(0, 5), lost: lost.slice(0, 5), foreign: foreign.slice(0, 5) },
    { wrong: [], lost: [], foreign: [] },
  )
  assert.ok(spans > wanted * 4, `only ${spans} spans`)
})

/** Eight at a time: a test is not the load that is under test. */
async function inLanes<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const queue = items.values()
  const lane = async (): Promise<void> => {
    for (const item of queue) results.push(await work(item))
  }
  await Promise.all(Array.from({ length: 8 }, lane))
  return results
}

test('the processes tell their hosts apart', async () => {
  const agents = await crosscut.api<{ agents: { service: string; host: string }[] }>('/agents')
  const hosts = agents.agents
    .filter((agent) => agent.service.startsWith('datanode-'))
    .map((agent) => agent.host)
  assert.deepEqual(hosts.toSorted(), ['A', 'B', 'C', 'D'])
})
