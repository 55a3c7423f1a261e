// Live queries on live processes: exact counts across processes, late starters, removal, restarts, bad texts.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { AgentView, QueryResults, QueryView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, until } from '../system/running.ts'

const SHOP = path.join(ROOT, 'test', 'queries', 'shop.mjs')
const EVERYWHERE_MS_MAX = 30_000

const crosscut = new Crosscut()
let front = ''
let back = ''

before(async () => {
  await crosscut.start()
  back = await shop('back', {})
  front = await shop('front', { NEXT: back })
})
after(() => crosscut.close())

async function shop(name: string, env: Record<string, string>): Promise<string> {
  const program = await crosscut.run([SHOP], { OTEL_SERVICE_NAME: name, ...env }, /port \d+/)
  return `http://127.0.0.1:${/port (\d+)/.exec(program.output())?.[1]}`
}

const install = async (text: string, more: Record<string, unknown> = {}): Promise<QueryView> =>
  await crosscut.api<QueryView>('/queries', { method: 'POST', body: JSON.stringify({ text, ...more }) })

const results = async (id: string): Promise<QueryResults> =>
  await crosscut.api<QueryResults>(`/queries/${id}/results`)

const remove = async (id: string): Promise<unknown> =>
  await crosscut.api(`/queries/${id}`, { method: 'DELETE' })

/** Until this many processes run it. */
async function installedIn(id: string, processes: number): Promise<void> {
  await until(
    async () => (await results(id)).coverage.installed >= processes,
    () => `${id} is not installed in ${processes} processes`,
    EVERYWHERE_MS_MAX,
  )
}

async function totalOf(id: string, total: number): Promise<QueryResults> {
  let last = await results(id)
  await until(
    async () => {
      last = await results(id)
      return last.total >= total
    },
    () => `${id} has counted ${last.total}, not ${total}`,
    EVERYWHERE_MS_MAX,
  )
  return last
}

async function visit(user: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await (await fetch(front, { headers: { 'x-user': user } })).text()
}

describe('a live query', () => {
  test('groups what one process counts by what only another one knows, exactly', async () => {
    const { id } = await install(`
      From read In db.read
      Join f In First(front.user) On f -> read
      GroupBy f.user, read.table
      Select f.user As user, read.table As table, COUNT, SUM(read.bytes) As bytes`)
    await installedIn(id, 2)
    const { agents } = await crosscut.api<{ agents: AgentView[] }>('/agents')
    const woven = agents.flatMap(({ report }) => report?.woven ?? [])
    assert.deepEqual([...new Set(woven)].sort(), ['db.read', 'front.user'])
    await Promise.all([visit('ann', 20), visit('bob', 7)])
    // Each visit reads 1 + 2 times: twice `orders`, once `users`.
    const { rows, coverage, drops } = await totalOf(id, 27 * 3)
    assert.deepEqual(rows, [
      { user: 'ann', table: 'orders', COUNT: 40, bytes: 400 },
      { user: 'ann', table: 'users', COUNT: 20, bytes: 200 },
      { user: 'bob', table: 'orders', COUNT: 14, bytes: 140 },
      { user: 'bob', table: 'users', COUNT: 7, bytes: 70 },
    ])
    assert.deepEqual([coverage.refused, drops], [[], { otherRows: 0, overflows: 0, lost: 0 }])
    await remove(id)
  })

  test('sees behind an await what the called service did before it answered', async () => {
    const { id } = await install(`
      From out In http.server.response
      Join read In db.read On read -> out
      Where out.service == "front"
      Select out.service As service, COUNT, SUM(read.bytes) As bytes`)
    await installedIn(id, 2)
    await visit('eve', 5)
    const { rows } = await totalOf(id, 15)
    assert.deepEqual(rows, [{ service: 'front', COUNT: 15, bytes: 150 }])
    await remove(id)
  })

  test('reaches a process that starts after it, and a view can be joined', async () => {
    const view = await install('From u In front.user Select u.user As user', { name: 'users' })
    const { id } = await install(`
      From read In db.read Join u In users On u -> read
      Where read.service like "late*"
      GroupBy u.user Select u.user, COUNT`)
    const lateBack = await shop('late-back', {})
    const lateFront = await shop('late-front', { NEXT: lateBack })
    await installedIn(id, 4)
    await (await fetch(lateFront, { headers: { 'x-user': 'zoe' } })).text()
    assert.deepEqual((await totalOf(id, 3)).rows, [{ 'u.user': 'zoe', COUNT: 3 }])
    await remove(id)
    await remove(view.id)
  })

  test('records events and joins them here when it is asked to, to the same rows', async () => {
    const { id, plan } = await install(
      `From read In db.read Join f In First(front.user) On f -> read
       GroupBy f.user Select f.user As user, COUNT, SUM(read.bytes) As bytes`,
      { plan: 'recorded' },
    )
    assert.deepEqual([plan.kind, plan.reason], ['recorded', 'asked for'])
    await installedIn(id, 2)
    await Promise.all([visit('ann', 9), visit('bob', 4)])
    const { rows, drops } = await totalOf(id, 13 * 3)
    assert.deepEqual(rows, [
      { user: 'ann', COUNT: 27, bytes: 270 },
      { user: 'bob', COUNT: 12, bytes: 120 },
    ])
    assert.deepEqual(drops, { otherRows: 0, overflows: 0, lost: 0 })
    await remove(id)
  })

  test('goes over to that by itself when tuples have no room in the baggage, and says so', async () => {
    const { id, plan } = await install(`
      From second In db.read Join first In db.read On first -> second
      Where second.time >= first.time
      GroupBy second.service Select second.service As service, COUNT`)
    assert.equal(plan.kind, 'baggage')
    await installedIn(id, 2)
    const readOften = async (): Promise<unknown> => await (await fetch(`${back}/read/100`)).text()
    await readOften()
    await until(
      async () => (await results(id)).plan.kind === 'recorded',
      () => 'it stays in baggage',
      EVERYWHERE_MS_MAX,
    )
    await installedIn(id, 2)
    await readOften()
    const { rows, ...told } = await totalOf(id, 4950)
    assert.deepEqual(rows, [{ service: 'back', COUNT: 4950 }])
    assert.match(told.plan.reason ?? '', /^the tuples of \d+ hits had no room in the baggage$/)
    await remove(id)
  })

  test('is recorded from the start when it is expected to want more baggage than its budget', async () => {
    const text = 'From r In db.read Join f In First(front.user) On f -> r Select f.user, COUNT'
    const { id, plan } = await install(text, { budgetBytes: 10 })
    assert.match(plan.reason ?? '', /^about \d+ bytes of baggage a request, above the budget of 10$/)
    await remove(id)
    await assert.rejects(install(text, { budgetBytes: 3073 }), /at most 3072/)
    await assert.rejects(install(text, { plan: 'magic' }), /one of auto, baggage, recorded/)
  })

  test('streams its results once a second, and ends with its removal', async () => {
    const { id } = await install('From r In db.read Select COUNT')
    await installedIn(id, 2)
    await visit('sam', 1)
    await totalOf(id, 3)
    const answer = await fetch(`${crosscut.url}/api/v1/queries/${id}/results`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${crosscut.token}` },
    })
    let text = ''
    const reading = (async () => {
      for await (const chunk of answer.body ?? []) text += Buffer.from(chunk).toString()
    })()
    await until(
      () => (text.match(/data: /g) ?? []).length >= 2,
      () => `the stream said ${text}`,
      EVERYWHERE_MS_MAX,
    )
    await remove(id)
    await reading
    assert.match(text, /"rows":\[\{"COUNT":3\}\]/)
  })

  test('--explain-analyze runs it, and says what it cost beside what it would do', async () => {
    const text =
      'From r In db.read Join f In First(front.user) On f -> r GroupBy f.user Select f.user As user, COUNT'
    const cli = path.join(ROOT, 'face', 'cli', 'main.ts')
    const data = path.join(crosscut.folder, '.crosscut')
    const asked = promisify(execFile)(
      process.execPath,
      [cli, 'query', text, '--explain-analyze', '--for', '10s', '--json', '--data', data],
      { cwd: crosscut.folder },
    )
    let id = ''
    await until(
      async () => {
        const { queries } = await crosscut.api<{ queries: QueryView[] }>('/queries')
        id = queries.find((one) => one.text === text)?.id ?? ''
        return id !== ''
      },
      () => 'the command line has not asked',
      EVERYWHERE_MS_MAX,
    )
    await installedIn(id, 2)
    await visit('eve', 5)
    const { stdout } = await asked
    const { plan, advice, cost, bytesPerRequest, measured } = JSON.parse(stdout)
    assert.match(plan.before, /First/)
    assert.match(plan.after, /First/)
    assert.deepEqual(advice.map((one: { tracepoint: string }) => one.tracepoint).toSorted(), [
      'db.read',
      'front.user',
    ])
    assert.ok(cost > 0 && bytesPerRequest > 0)
    assert.ok(measured.processes >= 2)
    assert.deepEqual([measured.seconds, measured.tuples], [10, 15])
    assert.deepEqual([measured.tuplesPerSecond, measured.runsPerSecond], [1.5, 2])
    assert.ok(measured.nsPerRun > 0 && measured.cpuShare > 0 && measured.packedBytes > 0)
    assert.deepEqual(measured.drops, { otherRows: 0, overflows: 0, lost: 0 })
    const { queries } = await crosscut.api<{ queries: QueryView[] }>('/queries')
    assert.ok(!queries.some((one) => one.id === id))
  })

  test('outlives a kill of the server: no count is lost and none comes twice', async () => {
    const { id } = await install('From r In db.read GroupBy r.table Select r.table As table, COUNT')
    await installedIn(id, 2)
    await visit('kim', 4)
    await totalOf(id, 12)
    await crosscut.kill()
    await visit('kim', 4)
    await crosscut.start()
    const { rows } = await totalOf(id, 24)
    assert.deepEqual(rows, [
      { table: 'orders', COUNT: 16 },
      { table: 'users', COUNT: 8 },
    ])
    await remove(id)
  })

  test('leaves nothing behind: after its removal no process has it', async () => {
    const { id } = await install('From r In db.read Select COUNT')
    await installedIn(id, 2)
    await remove(id)
    await goneEverywhere()
  })

  test('ends by itself when its time is over, if nobody ends it', async () => {
    const { id } = await install('From r In db.read Select COUNT', { ttlSeconds: 8 })
    await installedIn(id, 2)
    await goneEverywhere()
    const { queries } = await crosscut.api<{ queries: QueryView[] }>('/queries')
    assert.ok(!queries.some((one) => one.id === id))
  })
})

async function goneEverywhere(): Promise<void> {
  await until(
    async () => {
      const { agents } = await crosscut.api<{ agents: { report?: { packages: unknown[] } }[] }>('/agents')
      return agents.every(({ report }) => report === undefined || report.packages.length === 0)
    },
    () => 'a process still has the query',
    EVERYWHERE_MS_MAX,
  )
}

describe('a text that is no query', () => {
  const ask = async (body: unknown): Promise<{ readonly status: number; readonly text: string }> => {
    const answer = await fetch(`${crosscut.url}/api/v1/queries`, {
      method: 'POST',
      headers: { authorization: `Bearer ${crosscut.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: answer.status, text: await answer.text() }
  }

  const REFUSED: readonly (readonly [string, unknown, number, RegExp])[] = [
    ['misspelt words', { text: 'Frm e In x Selct COUNT' }, 422, /E_QUERY.*Frm.*Selct/],
    ['an unknown source', { text: 'From e In x Select f.a, COUNT' }, 422, /f is no source/],
    ['a type that cannot be', { text: 'From e In x Select SUM("a")' }, 422, /a number belongs here/],
    ['SQL of another kind', { text: "COPY x TO '/etc/passwd'; DROP TABLE t" }, 422, /E_QUERY/],
    ['a text of 64 kB and more', { text: `From e In x Select ${'a'.repeat(70_000)}` }, 400, /longer than/],
    [
      'a text beyond the language',
      { text: `From e In x Select ${'a'.repeat(17_000)}` },
      422,
      /at most 16384/,
    ],
    ['parentheses without end', { text: `From e In x Where ${'('.repeat(5000)}` }, 422, /nest at most/],
    ['no text', {}, 400, /text must be text/],
    ['a life without end', { text: 'From e In x Select COUNT', ttlSeconds: 1e9 }, 400, /ttlSeconds/],
    ['a name that is none', { text: 'From e In x Select COUNT', name: '../x' }, 400, /query name/],
  ]
  for (const [what, body, status, message] of REFUSED) {
    test(`${what} is answered with ${status} and what to mend`, async () => {
      const answer = await ask(body)
      assert.equal(answer.status, status, answer.text)
      assert.match(answer.text, message)
    })
  }

  test('names that nobody knows are warned of, with what may be meant', async () => {
    const answer = await ask({ text: 'From e In http.server.request.ed Select COUNT', dryRun: true })
    assert.match(answer.text, /is http\.server\.request\.end meant/)
  })
})
