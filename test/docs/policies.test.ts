// The guide to policies, followed literally: its file is written, tried, run and removed by its commands, on
// a service where one tenant keeps a lock busy.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { PointView, PolicyView, ResourceView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { until } from '../system/running.ts'
import { Ledger } from '../throttling/ledger.ts'

const guide = readFileSync(path.join(ROOT, 'docs', 'guides', 'policies.md'), 'utf8')
const blocks = (language: string) =>
  [...guide.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text = '']) => text)
const [trying = [], running = []] = blocks('sh').map((text) => text.trim().split('\n'))

const ledger = new Ledger()
before(async () => {
  await ledger.startServer()
  await ledger.startService()
  ledger.load('/greedy/book', { count: 20, pauseMs: 0 })
  ledger.load('/modest/book', { count: 2, pauseMs: 200 })
})
after(() => ledger.close())

async function type(command = ''): Promise<string> {
  const [program, ...args] = command.split(' ')
  assert.equal(program, 'crosscut')
  const { code, stdout, stderr } = await ledger.cli(args)
  assert.equal(code, 0, `${command}: ${stderr}`)
  return stdout
}

const view = () => ledger.api<PolicyView>('/policies/loudest')
const rates = async () =>
  (await ledger.api<{ points: PointView[] }>('/points')).points.flatMap(({ tenant, rate }) =>
    rate === undefined ? [] : [tenant],
  )
const slowdown = async () =>
  (await ledger.api<{ resources: ResourceView[] }>('/resources')).resources.find(({ resource }) =>
    resource.startsWith('ledger@'),
  )?.slowdown ?? 0

test('the dry run would hold who is loud, and holds nobody', async () => {
  const [source = ''] = blocks('ts')
  writeFileSync(path.join(ledger.home, 'loudest.ts'), source)
  await until(
    async () => (await slowdown()) > 5,
    () => 'the lock is not slow',
  )
  const [set, list, log] = trying
  await type(set)
  await until(
    async () => (await view()).settings.some(({ tenant }) => tenant === 'greedy'),
    () => 'it would hold nobody',
  )
  assert.match(await type(list), /loudest +loudest\.ts +dry run +greedy at /)
  assert.match(await type(log), /greedy cut .* ledger@\S+ is \S+x slow/)
  assert.deepEqual(await rates(), [])
})

test('run, it brings the lock to the slowdown asked for; removed, everybody goes on', async () => {
  const [set, remove] = running
  await type(set)
  await until(
    async () => (await slowdown()) < 3,
    () => 'the lock stays slow',
  )
  assert.deepEqual([...new Set(await rates())], ['greedy'])
  await type(remove)
  assert.deepEqual(await rates(), [])
})
