// `crosscut attach` on processes that were started without us: what it brings, what it refuses, and that the
// process is as before.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { AgentView, QueryResults, QueryView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, until, type Program } from '../system/running.ts'

const CLI = path.join(ROOT, 'face', 'cli', 'main.ts')
const SHOP = path.join(ROOT, 'test', 'attach', 'shop', 'main.mjs')
const crosscut = new Crosscut()

before(() => crosscut.start())
after(() => crosscut.close())

type Shop = { readonly program: Program; readonly pid: number; visit(title: string): Promise<string> }

async function shop(flags: readonly string[] = [], env: Record<string, string> = {}): Promise<Shop> {
  const program = await crosscut.plain([...flags, SHOP], env, /port \d+/)
  const url = `http://127.0.0.1:${/port (\d+)/.exec(program.output())?.[1]}`
  const visit = async (title: string): Promise<string> => (await fetch(`${url}/${title}`)).text()
  return { program, pid: program.child.pid ?? 0, visit }
}

async function attach(pid: number | string, ...flags: string[]): Promise<{ status: unknown; said: string }> {
  const data = path.join(crosscut.folder, '.crosscut')
  const child = spawn(process.execPath, [CLI, 'attach', String(pid), '--data', data, ...flags], {
    cwd: crosscut.folder,
    timeout: 60_000,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)))
  const [status] = (await once(child, 'close')) as unknown[]
  return { status, said }
}

async function ask(text: string, total: number, doing: () => Promise<unknown>): Promise<QueryResults> {
  const { id } = await crosscut.api<QueryView>('/queries', { method: 'POST', body: JSON.stringify({ text }) })
  const results = async (): Promise<QueryResults> => await crosscut.api(`/queries/${id}/results`)
  await until(
    async () => (await results()).coverage.installed >= 1,
    () => 'not installed',
    15_000,
  )
  await doing()
  let last = await results()
  await until(
    async () => (last = await results()).total >= total,
    () => `${last.total} of ${total} were counted`,
    15_000,
  )
  await crosscut.api(`/queries/${id}`, { method: 'DELETE' })
  return last
}

test('a process that runs is traced, asked, and as it was', async () => {
  const { program, pid, visit } = await shop()
  assert.equal(await visit('first'), 'here is first 99 5 FIRST')
  const { status, said } = await attach(pid, '--service', 'attached')
  assert.equal(status, 0, said)
  assert.match(said, /will pause for up to \d+ ms[^]*attached to process \d+/)
  assert.doesNotMatch(said, /still open/)
  assert.match(program.output(), /Debugger listening[^]*Debugger ending/)
  await until(
    async () => {
      const { agents } = await crosscut.api<{ agents: AgentView[] }>('/agents')
      return agents.some(({ service, tracepoints }) => service === 'attached' && tracepoints.length > 10)
    },
    () => 'the agent is not known',
    15_000,
  )
  const taken = await ask(
    'From t In shelf.mjs:Shelf.take@return GroupBy t.title, t.this.name Select t.title, t.this.name, COUNT, MIN(t.return)',
    2,
    async () => {
      assert.equal(await visit('a'), 'here is a 98 1 A')
      assert.equal(await visit('b'), 'here is b 97 1 B')
    },
  )
  assert.deepEqual(taken.rows.map((row) => Object.values(row)).sort(), [
    ['a', 'main', 1, 98],
    ['b', 'main', 1, 97],
  ])
  assert.deepEqual(taken.coverage.missed, [])
  const counted = await ask(
    'From c In stock.cjs:count Join r In First(http.server.request.start) On r -> c GroupBy r.path Select r.path, COUNT',
    1,
    () => visit('cc'),
  )
  assert.deepEqual(counted.rows, [{ 'r.path': '/cc', COUNT: 1 }])
  assert.match(counted.coverage.missed[0].reason, /taken out of its module/)
  const nothing = await ask('From g In shelf.mjs:greet Select COUNT', 0, () => visit('d'))
  assert.match(nothing.coverage.missed[0].reason, /ES module exports cannot be replaced/)
  const lines = await ask('From t In shelf.mjs:Shelf.take@12 Select COUNT', 0, () => visit('e'))
  assert.match(lines.coverage.missed[0].reason, /loaded before the agent/)
  await until(
    async () => (await crosscut.traces({ service: 'attached' })).length >= 5,
    () => 'no traces',
    20_000,
  )
  assert.match((await attach(pid)).said, /E_ATTACHED/)
})

test('what the signal would end, or what would pause too long, is refused and lives on', async () => {
  const other = spawn('sleep', ['60'])
  assert.match((await attach(other.pid ?? 0)).said, /E_ATTACH_NOT_NODE/)
  assert.equal(other.exitCode ?? other.signalCode, null)
  other.kill()
  assert.match((await attach(2 ** 22 + 1)).said, /E_ATTACH_PID/)
  assert.match((await attach('3x')).said, /needs the number of a process/)
  const deaf = await shop(['--disable-sigusr1'])
  assert.match((await attach(deaf.pid)).said, /E_ATTACH_SIGNAL/)
  assert.match(await deaf.visit('x'), /^here is x/)
  const large = await shop([], { BALLAST_MB: '300' })
  const refused = await attach(large.pid)
  assert.match(refused.said, /E_ATTACH_PAUSE[^]*--force/)
  assert.match(await large.visit('x'), /^here is x/)
  assert.equal((await attach(large.pid, '--force')).status, 0)
  assert.match(await large.visit('y'), /^here is y/)
})
