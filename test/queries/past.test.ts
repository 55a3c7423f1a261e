// A query asked of stored traces gives the rows that the same query gave while it all happened.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { PastResults, QueryResults, QueryView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, until } from '../system/running.ts'

const SHOP = path.join(ROOT, 'test', 'queries', 'shop.mjs')
const SETTLED_MS_MAX = 30_000
/** Nothing shall be sampled. */
const ENV = { CROSSCUT_BUDGET: '0.9' }

const crosscut = new Crosscut()
let front = ''

before(async () => {
  await crosscut.start()
  const back = await shop('back', {})
  front = await shop('front', { NEXT: back })
})
after(() => crosscut.close())

async function shop(name: string, env: Record<string, string>): Promise<string> {
  const program = await crosscut.run([SHOP], { OTEL_SERVICE_NAME: name, ...ENV, ...env }, /port \d+/)
  return `http://127.0.0.1:${/port (\d+)/.exec(program.output())?.[1]}`
}

/** What reaches an answer: of the calls in turn the first reaches the second, of those side by side none. */
const QUESTIONS: Readonly<Record<string, string>> = {
  'counts by service': `
    From r In http.server.request.end GroupBy r.service, r.path, r.status
    Select r.service As service, r.path As path, r.status As status, COUNT`,
  'joins a call with the request it is made for': `
    From c In http.client.request.end Join s In First(http.server.request.start) On s -> c
    GroupBy s.path, c.path Select s.path As front, c.path As back, COUNT`,
  'joins what was served before an answer came': `
    From c In http.client.response Join s In http.server.request.start On s -> c
    GroupBy c.path, s.service, s.path
    Select c.path As call, s.service As service, s.path As served, COUNT`,
  'joins calls with calls before them': `
    From second In http.client.request.start Join first In http.client.response On first -> second
    GroupBy first.path, second.path Select first.path As first, second.path As second, COUNT`,
  'keeps what nothing was joined to': `
    From c In http.client.request.start Left Join b In MostRecent(http.client.response) On b -> c
    GroupBy c.path, b.path Select c.path As call, b.path As before, COUNT`,
}

const ask = async (body: Record<string, unknown>): Promise<PastResults> =>
  await crosscut.api<PastResults>('/queries/past', { method: 'POST', body: JSON.stringify(body) })

describe('a query over the past', () => {
  test('gives the rows of the live one, for every kind of join', async () => {
    const live: [name: string, id: string][] = []
    for (const [name, text] of Object.entries(QUESTIONS)) {
      const { id } = await crosscut.api<QueryView>('/queries', {
        method: 'POST',
        body: JSON.stringify({ text }),
      })
      live.push([name, id])
    }
    const results = async (id: string): Promise<QueryResults> => await crosscut.api(`/queries/${id}/results`)
    for (const [, id] of live)
      await until(
        async () => (await results(id)).coverage.installed === 2,
        () => `${id} is not installed`,
        SETTLED_MS_MAX,
      )
    await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const answer = await fetch(`${front}${i % 3 === 0 ? '/in-turn' : '/together'}`)
        assert.equal(await answer.text(), '1+2')
      }),
    )
    for (const [name, id] of live) {
      let rows: unknown
      let past: PastResults | undefined
      await until(
        async () => {
          const before = (await results(id)).rows
          past = await ask({ text: QUESTIONS[name] })
          rows = (await results(id)).rows
          return (
            past.coverage.traces === 12 &&
            JSON.stringify(before) === JSON.stringify(rows) &&
            isSame(past.rows, rows)
          )
        },
        () => `${name}: live ${JSON.stringify(rows)}, past ${JSON.stringify(past)}`,
        SETTLED_MS_MAX,
      )
      assert.ok(past !== undefined && past.rows.length > 0, `${name} has rows`)
      assert.deepEqual([past.coverage.isWhole, past.coverage.skipped, past.assumed], [true, 0, 0])
      await crosscut.api(`/queries/${id}`, { method: 'DELETE' })
    }
  })

  test('tells times and windows, which no double is exact for', async () => {
    const { rows } = await ask({
      text: 'From s In span.end Select MAX(s.time) - MIN(s.time) >= 0 As grows, MIN(s.time) As first Every 24h',
    })
    assert.ok(rows.length > 0)
    for (const { window, grows, first } of rows) {
      assert.equal(grows, true)
      assert.match(`${String(window)} ${String(first)}`, /^\d{19} \d{19}$/)
    }
  })

  test('says what is wrong with a text, a time, or a name that nothing stored has', async () => {
    const refused = async (body: Record<string, unknown>): Promise<string> =>
      await ask(body).then(
        () => 'answered',
        (error: unknown) => String(error),
      )
    assert.match(await refused({ text: 'From r In x Select nothing.there' }), /E_QUERY/)
    assert.match(await refused({ text: 'From r In x Select COUNT', from: 'soon' }), /from must be a time/)
    assert.match(
      await refused({ text: 'From r In x Select COUNT', from: '2026-01-02', to: '2026-01-01' }),
      /from is after to/,
    )
    const { rows, warnings } = await ask({ text: 'From r In store.ts:take Select COUNT' })
    assert.deepEqual(rows, [])
    assert.match(warnings.join(), /nothing stored is at store\.ts:take/)
  })

  test('is asked by `crosscut query --past`', async () => {
    const cli = path.join(ROOT, 'scripts', 'crosscut.mjs')
    const question = 'From s In span.end Where s.kind == "server" GroupBy s.service Select s.service, COUNT'
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [cli, 'query', question, '--past', '1h', '--json', '--data', path.join(crosscut.folder, '.crosscut')],
      { cwd: ROOT },
    )
    const { rows } = JSON.parse(stdout) as PastResults
    assert.deepEqual(rows, [
      { 's.service': 'back', COUNT: 24 },
      { 's.service': 'front', COUNT: 12 },
    ])
  })
})

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
