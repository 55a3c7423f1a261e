// What should not be asked, and what an application does to those who ask: a coded diagnostic or a counted
// drop, and the host goes on as if nobody had asked.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { QueryResults, QueryView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, until } from '../system/running.ts'

const APP = path.join(ROOT, 'test', 'queries', 'hostile.mjs')
const CLI = path.join(ROOT, 'face', 'cli', 'main.ts')
const MS_MAX = 20_000

const crosscut = new Crosscut()
let app = ''

before(async () => {
  await crosscut.start()
  // Room for what the application itself does, none for what advice would keep alive.
  const limit = ['--max-old-space-size=192']
  const program = await crosscut.run([...limit, APP], { OTEL_SERVICE_NAME: 'hostile' }, /port \d+/)
  app = `http://127.0.0.1:${/port (\d+)/.exec(program.output())?.[1]}`
  await until(
    async () =>
      (await crosscut.api<{ tracepoints: unknown[] }>('/tracepoints?match=*hostile*')).tracepoints.length > 0,
    () => 'no function is known',
    MS_MAX,
  )
})
after(() => crosscut.close())

const visit = async (pathname: string): Promise<string> => (await fetch(`${app}${pathname}`)).text()

async function post(body: unknown): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`${crosscut.url}/api/v1/queries`, {
    method: 'POST',
    headers: { authorization: `Bearer ${crosscut.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: answer.status, text: await answer.text() }
}

const results = async (id: string): Promise<QueryResults> => await crosscut.api(`/queries/${id}/results`)
const remove = async (id: string): Promise<unknown> =>
  await crosscut.api(`/queries/${id}`, { method: 'DELETE' })

async function install(text: string, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const body = JSON.stringify({ text, ...more })
  const { id } = await crosscut.api<QueryView>('/queries', { method: 'POST', body })
  await until(
    async () => (await results(id)).coverage.installed >= 1,
    () => `${text} is not installed`,
    MS_MAX,
  )
  return id
}

/** Installs, does, and gives the results as soon as they are as wanted. */
async function ask(
  text: string,
  doing: () => Promise<unknown>,
  isDone: (results: QueryResults) => boolean,
  more: Readonly<Record<string, unknown>> = {},
): Promise<QueryResults> {
  const id = await install(text, more)
  await doing()
  let last = await results(id)
  await until(
    async () => isDone((last = await results(id))),
    () => `${text}: ${JSON.stringify(last).slice(0, 2000)}`,
    MS_MAX,
  )
  await remove(id)
  assert.equal(await visit('/'), 'ok')
  return last
}

const JOINS = Array.from({ length: 400 }, (_, i) => `Join a${i} In x On a${i} -> r`).join(' ')
const REFUSED: readonly (readonly [what: string, body: unknown, status: number, says: RegExp])[] = [
  [
    'a method of the language',
    { text: 'From m In Math.random Select COUNT' },
    422,
    /Math\.random is no func/,
  ],
  ['a method of a prototype', { text: 'From m In Promise.then Select COUNT' }, 422, /it comes with Node/],
  ['it says what is possible', { text: 'From m In JSON.parse Select COUNT' }, 422, /crosscut tracepoints/],
  ['a function of Node', { text: 'From m In node:fs:readFileSync Select COUNT' }, 422, /comes with Node/],
  ['the inside of Node', { text: 'From m In node:internal/timers:* Select COUNT' }, 422, /comes with Node/],
  ['the agent itself', { text: 'From m In crosscut/agent.js:** Select COUNT' }, 422, /the agent itself/],
  ['sums of text', { text: 'From m In x Select SUM("a" + 1)' }, 422, /E_QUERY/],
  ['an order of unlike kinds', { text: 'From m In x Where m.a < "b" and 5 Select COUNT' }, 422, /E_QUERY/],
  ['joins by the hundred', { text: `From r In y ${JOINS} Select COUNT` }, 422, /fewer than 32 sources/],
  ['1 MB of text', { text: `From e In x Select ${'a'.repeat(1_000_000)}` }, 400, /longer than/],
  ['more than a body may have', { text: 'x'.repeat(2_000_000) }, 413, /E_/],
  ['calls in calls', { text: `From e In x Select ${'abs('.repeat(3000)}1${')'.repeat(3000)}` }, 422, /nest/],
  ['not and not and not', { text: `From e In x Where ${'not '.repeat(4000)}true` }, 422, /nest|at most/],
  [
    'a lone surrogate',
    { text: 'From e In x Where e.a == "\ud800" Select COUNT', name: '\ud800' },
    400,
    /name/,
  ],
  ['a name beyond Unicode order', { text: 'From \u202ee In x Select COUNT' }, 422, /E_QUERY/],
]
describe('a question that cannot be answered', () => {
  for (const [what, body, status, says] of REFUSED) {
    test(`${what} is answered with ${status} and the reason`, async () => {
      const answer = await post(body)
      assert.deepEqual([answer.status, says.test(answer.text)], [status, true], answer.text.slice(0, 500))
    })
  }

  test('a tracepoint or variable that nobody has is named, with what may be meant', async () => {
    const warned = async (text: string): Promise<string> => (await post({ text, dryRun: true })).text
    assert.match(await warned('From t In hostile.mjs:tke Select COUNT'), /no process has.*hostile\.mjs:take/)
    assert.match(await warned('From t In hostile.mjs:take Select t.valu, COUNT'), /exports no valu.*value/)
  })

  test('views that end in themselves are told as such, and nothing is installed', async () => {
    const one = await install('From e In two Select e.a As a', { name: 'one' })
    const two = await install('From e In one Select e.a As a', { name: 'two' })
    const answer = await post({ text: 'From e In two Select e.a, COUNT' })
    assert.deepEqual([answer.status, /two/.test(answer.text)], [422, true], answer.text)
    await remove(two)
    await remove(one)
  })
})

describe('an application that bites', () => {
  test('no value runs its code, and each is a value, a placeholder or nothing', async () => {
    const { rows, coverage } = await ask(
      'From t In hostile.mjs:take GroupBy t.kind, t.value.name Select t.kind As kind, t.value.name As name, COUNT',
      async () => assert.equal(await visit('/take'), '0'),
      ({ total }) => total >= 17,
    )
    const names = new Map(rows.map(({ kind, name }) => [kind, name]))
    for (const kind of ['getter', 'proxy', 'revoked', 'arrayProxy', 'toString', 'symbol', 'nan', 'nothing'])
      assert.equal(names.get(kind), null, kind)
    assert.deepEqual(
      [names.get('circle'), names.get('control'), names.get('surrogate'), names.get('__proto__key')],
      ['circle', '\u001b[2J\u0000\u0007\u202e', '\ud800', 'x'],
    )
    assert.equal(String(names.get('huge')).length, 4096)
    assert.deepEqual(coverage.refused, [])
  })

  test('whole numbers of any size are told in lists, too', async () => {
    const { rows } = await ask(
      'From s In hostile.mjs:sizes@return GroupBy s.return Select s.return As sizes, SUM(s.size) As sum',
      async () => assert.equal(await visit('/sizes/80'), '3'),
      ({ total }) => total >= 1,
    )
    assert.deepEqual(rows, [{ sizes: [`${2n ** 80n}`, `${2n ** 80n + 1n}`, 1], sum: `${2n ** 80n}` }])
  })

  test('packed tuples beyond the baggage are bounded, counted, and harm no request', async () => {
    const text = 'From d In many.done Join p In many.packed On p -> d Select p.key As key, COUNT'
    const explode = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) await visit('/many/80')
      assert.equal(await visit('/many/5000'), '5000')
    }
    const isBounded = ({ total, drops, coverage }: QueryResults): boolean =>
      total > 0 && (drops.overflows > 0 || coverage.sampled.length > 0)
    const { rows } = await ask(text, explode, isBounded, { plan: 'baggage' })
    assert.ok(rows.length > 0 && rows.length < 200, `${rows.length}`)
    // By itself it goes over to the plan that carries none.
    const { plan } = await ask(text, explode, (now) => now.plan.kind === 'recorded')
    assert.match(plan.reason ?? '', /had no room in the baggage/)
  })

  test('10,000 groups: 2,000 have a row, the others are counted, and the command line says so', async () => {
    const text = 'From g In group.hit GroupBy g.key Select g.key, COUNT'
    const { rows, total, drops } = await ask(
      text,
      () => visit('/groups/10000'),
      (now) => now.drops.otherRows > 0,
    )
    const counted = rows.reduce((sum, { COUNT }) => sum + Number(COUNT), 0)
    assert.deepEqual([rows.length, counted + drops.otherRows], [2000, total])
    const said = await crosscutQuery(text, () => visit('/groups/10000'))
    assert.match(said, /\d+ tuples, .*; \d+ tuples beyond the limit of groups/)
    assert.match(said, /and 1960 more rows/)
  })

  test('control characters reach no terminal', async () => {
    const said = await crosscutQuery('From t In hostile.mjs:take Select t.value.name, COUNT', () =>
      visit('/take'),
    )
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(said, /[\u0000\u0007\u001b\u202e]/)
    assert.ok(said.split('\n').every((line) => line.length < 200))
  })

  test('keys that are cuts of texts of a megabyte do not keep those alive', async () => {
    const { rows } = await ask(
      'From t In text.hit GroupBy t.key Select t.key, COUNT',
      () => visit('/texts/500'),
      ({ total }) => total >= 100,
    )
    assert.ok(rows.length > 100)
  })

  test('a function that is called by the million is sampled or left alone, and its loop ends', async () => {
    const { coverage, total } = await ask(
      'From h In hostile.mjs:hot Select COUNT',
      async () => assert.equal(await visit('/hot/3000000'), '3000000'),
      ({ coverage: { sampled } }) => sampled.length > 0,
    )
    assert.ok(coverage.sampled.every(({ every, why }) => every !== 1 && why !== undefined))
    assert.ok(total > 0)
  })

  test('a loop that the application blocks itself is not blamed on a query', async () => {
    const { coverage, rows } = await ask(
      'From w In hostile.mjs:work GroupBy w.ms Select w.ms As ms, COUNT',
      async () => {
        for (let i = 0; i < 8; i++) await visit('/block/300')
      },
      ({ total }) => total >= 8,
    )
    assert.deepEqual([coverage.sampled, rows], [[], [{ ms: 300, COUNT: 8 }]])
  })
})

/** What `crosscut query` says when it is asked while this is done. */
async function crosscutQuery(text: string, doing: () => Promise<unknown>): Promise<string> {
  const child = spawn(process.execPath, [CLI, 'query', text, '--for', '6s', '--server', crosscut.url], {
    cwd: crosscut.folder,
    env: { ...process.env, CROSSCUT_DATA: path.join(crosscut.folder, '.crosscut') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  await until(
    async () => (await crosscut.api<{ queries: QueryView[] }>('/queries')).queries.some(isEverywhere(text)),
    () => `not installed: ${said}`,
    MS_MAX,
  )
  await doing()
  await ended
  return said
}

const isEverywhere =
  (text: string) =>
  (view: QueryView): boolean =>
    view.text === text && view.coverage.installed > 0
