// Questions about functions that nobody prepared: TypeScript, CommonJS, private methods, captured closures.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { AgentView, QueryResults, QueryView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, until } from '../system/running.ts'

const TICKER = `function tick(by) {
  const next = by
  return next
}
setInterval(() => tick(1), 50)
console.log('ticks')
`

const READERS = `class File { read(by) { return by.size } }
class Socket { read(by) { return by.size } }
class Book { write(by) { return by.size } }
const inner = { 'X-Api-Key': 'd', list: [{ token: 'e' }] }
const by = { size: 7, password: 'a', sid: 'b', colour: 'c', inner }
setInterval(() => { for (const one of [new File(), new Socket()]) one.read(by); new Book().write(by) }, 50)
console.log('reads')
`

const crosscut = new Crosscut()
let shop = ''

before(async () => {
  await crosscut.start()
  const app = path.join(ROOT, 'test', 'queries', 'bookshop', 'main.ts')
  const program = await crosscut.run([app], { OTEL_SERVICE_NAME: 'bookshop' }, /port \d+/)
  shop = `http://127.0.0.1:${/port (\d+)/.exec(program.output())?.[1]}`
  // The vocabulary is told with the first report.
  await until(
    async () => (await vocabulary('*bookshop*')).length > 0,
    () => 'no function is known',
    15_000,
  )
})
after(() => crosscut.close())

type Known = { readonly name: string; readonly vars: readonly string[] }

async function vocabulary(match: string): Promise<readonly Known[]> {
  const found = await crosscut.api<{ tracepoints: Known[] }>(
    `/tracepoints?match=${encodeURIComponent(match)}`,
  )
  return found.tracepoints
}

const visit = async (pathname: string): Promise<string> => (await fetch(`${shop}${pathname}`)).text()

/** Installs, does, and gives the rows when `total` tuples have been counted. */
async function ask(text: string, total: number, doing: () => Promise<unknown>): Promise<QueryResults> {
  const { id, warnings } = await crosscut.api<QueryView & { warnings: string[] }>('/queries', {
    method: 'POST',
    body: JSON.stringify({ text }),
  })
  assert.deepEqual(warnings, [])
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

test('functions are in the vocabulary under the names they are written with', async () => {
  const names = new Map((await vocabulary('*bookshop*')).map(({ name, vars }) => [name, vars]))
  assert.deepEqual(names.get('test/queries/bookshop/main.ts:handle'), ['titles', 'user'])
  assert.deepEqual(names.get('test/queries/bookshop/main.ts:buy'), ['title', 'user'])
  assert.deepEqual(names.get('test/queries/bookshop/store.ts:Store.take'), ['this', 'title'])
  assert.ok(names.has('test/queries/bookshop/store.ts:Store.#find'))
  assert.ok(names.has('test/queries/bookshop/prices.cjs:priceOf'))
  assert.ok(names.has('test/queries/bookshop/main.ts:<createServer:36>'), [...names.keys()].join(' '))
})

test('a method counts by its argument, and by a field of this', async () => {
  const { rows } = await ask(
    'From take In store.ts:Store.take GroupBy take.title, take.this.name Select take.title, take.this.name, COUNT',
    4,
    async () => {
      await visit('/ann/x,yy')
      await visit('/bob/x,zzz')
    },
  )
  assert.deepEqual(rows.map((row) => Object.values(row)).sort(), [
    ['x', 'main', 2],
    ['yy', 'main', 1],
    ['zzz', 'main', 1],
  ])
})

test('what a function returns is seen, in a promise too, and in CommonJS', async () => {
  const taken = await ask(
    'From t In store.ts:Store.take@return GroupBy t.title Select t.title, MIN(t.return.authors.length), ' +
      'MIN(t.durationMs >= 1) AS slow',
    2,
    () => visit('/ann/r1,r2'),
  )
  assert.deepEqual(taken.rows.map(({ 't.title': title, slow }) => [title, slow]).sort(), [
    ['r1', true],
    ['r2', true],
  ])
  const prices = await ask('From p In prices.cjs:priceOf@return Select SUM(p.return), COUNT', 2, () =>
    visit('/ann/abc,abcd'),
  )
  assert.deepEqual(prices.rows, [{ 'SUM(p.return)': 7, COUNT: 2 }])
})

test('an error is counted by its message, and a return is not', async () => {
  const { rows } = await ask(
    'From b In main.ts:buy@throw GroupBy b.error Select b.error, COUNT',
    1,
    async () => {
      await visit('/eve/rare')
      assert.equal(await visit('/eve/rare'), 'rare is sold out for eve')
    },
  )
  assert.deepEqual(rows, [{ 'b.error': 'rare is sold out for eve', COUNT: 1 }])
})

test('who asked is joined to what happened, function to function', async () => {
  const { rows, coverage, use } = await ask(
    'From p In prices.cjs:priceOf Join h In First(main.ts:handle) On h -> p ' +
      'GroupBy h.user Select h.user, COUNT, SUM(length(p.title)) AS letters',
    5,
    async () => {
      await Promise.all([visit('/ann/a,bb'), visit('/bob/ccc,dddd,a')])
    },
  )
  assert.deepEqual([coverage.functions, coverage.sampled], [2, []])
  assert.equal(use.runs, 7)
  assert.deepEqual(rows.map((row) => Object.values(row)).sort(), [
    ['ann', 2, 3],
    ['bob', 3, 8],
  ])
})

test('a list that a function returned is a value to group by', async () => {
  const { rows } = await ask(
    'From t In store.ts:Store.take@return GroupBy t.return.authors.name Select t.return.authors.name, COUNT',
    3,
    () => visit('/ann/q,q,w'),
  )
  assert.deepEqual(rows.map((row) => Object.values(row)).sort(), [
    [['A', 'of q'], 2],
    [['A', 'of w'], 1],
  ])
})

test('a line shows the variables that stand there, private fields and the time since entry', async () => {
  const file = path.join(ROOT, 'test', 'queries', 'bookshop', 'store.ts')
  const line =
    readFileSync(file, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('this.#taken += 1')) + 1
  const place = `store.ts:Store.take@${line}`
  const { rows, coverage } = await ask(
    `From t In ${place} GroupBy t.book.title Select t.book.title, MIN(t.book.copies), MAX(t.this.#taken) - MIN(t.this.#taken) AS between, ` +
      'MIN(t.durationMs > 0.5) AS waited, COUNT',
    3,
    () => visit('/ann/l1,l1,l22'),
  )
  assert.deepEqual(rows.map((row) => Object.values(row)).sort(), [
    ['l1', 998, 1, true, 2],
    ['l22', 999, 0, true, 1],
  ])
  assert.deepEqual([coverage.functions, coverage.missed], [1, []])
  const entered = await ask(
    'From t In store.ts:Store.take Select COUNT, MIN(t.this.#taken >= 3) AS more',
    1,
    () => visit('/ann/after'),
  )
  assert.deepEqual(entered.rows, [{ COUNT: 1, more: true }])
})

test('a line of a function that another one makes is seen, with the variables around it', async () => {
  const file = path.join(ROOT, 'test', 'queries', 'bookshop', 'main.ts')
  const line =
    readFileSync(file, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('return await handle')) + 1
  const [inner] = await vocabulary('*main.ts:checkout.<startActiveSpan*')
  const { rows, coverage } = await ask(
    `From c In ${inner.name}@${line} GroupBy c.user, c.titles.length Select c.user, c.titles.length, COUNT`,
    2,
    () => Promise.all([visit('/ann/n1,n2'), visit('/bob/n1')]),
  )
  assert.deepEqual(rows.map((row) => Object.values(row)).sort(), [
    ['ann', 2, 1],
    ['bob', 1, 1],
  ])
  assert.match(coverage.missed[0].reason, /made after the query came/)
})

test('a line before which there is no room is told, and the request is answered as ever', async () => {
  const nothing = await ask('From t In store.ts:Store.take@14 Select COUNT', 0, async () => {
    assert.match(await visit('/ann/none'), /"paid":4/)
  })
  const [miss] = nothing.coverage.missed
  assert.equal(miss.tracepoint, 'test/queries/bookshop/store.ts:Store.take@14')
  assert.match(miss.reason, /^no statement begins in line 14; one does in line 15/)
  await assert.rejects(
    ask('From t In store.ts:Store.take@99 Select COUNT', 0, async () => {}),
    (error: Error) => error.message.includes('line 99 is not in'),
  )
})

test('spans of @opentelemetry/api are tracepoints, and what is packed there flows on', async () => {
  const ended = await ask(
    'From s In span.end Where s.name == "checkout" GroupBy s.attributes.shop.user, s.kind ' +
      'Select s.attributes.shop.user, s.kind, COUNT, MIN(s.durationMs > 0.5) AS waited',
    1,
    () => visit('/ann/s1'),
  )
  assert.deepEqual(
    ended.rows.map((row) => Object.values(row)),
    [['ann', 'internal', 1, true]],
  )
  const joined = await ask(
    'From t In store.ts:Store.take Join s In First(span.start) On s -> t ' +
      'GroupBy s.attributes.shop.user Select s.attributes.shop.user, COUNT',
    3,
    () => Promise.all([visit('/ann/s1,s2'), visit('/bob/s1')]),
  )
  assert.deepEqual(joined.rows.map((row) => Object.values(row)).sort(), [
    ['ann', 2],
    ['bob', 1],
  ])
})

test('a process with another text of the file is asked at no line of it, and says why', async () => {
  const versions = ['', '// a line more\n'].map((first, i) => {
    const folder = path.join(crosscut.folder, `version-${i}`)
    mkdirSync(folder)
    writeFileSync(path.join(folder, 'package.json'), '{ "name": "ticker" }')
    writeFileSync(path.join(folder, 'ticker.mjs'), first + TICKER)
    return path.join(folder, 'ticker.mjs')
  })
  await crosscut.run([versions[0]], { OTEL_SERVICE_NAME: 'first' }, /ticks/)
  await until(
    async () => (await vocabulary('ticker.mjs:*')).length > 0,
    () => 'no function is known',
    15_000,
  )
  const ask = async (text: string): Promise<() => Promise<QueryResults>> => {
    const made = await crosscut.api<QueryView>('/queries', { method: 'POST', body: JSON.stringify({ text }) })
    return async () => await crosscut.api(`/queries/${made.id}/results`)
  }
  const line = await ask(
    'From t In ticker.mjs:tick@3 GroupBy t.service, t.next Select t.service, t.next, COUNT',
  )
  const entry = await ask('From t In ticker.mjs:tick GroupBy t.service Select t.service, COUNT')
  await crosscut.run([versions[1]], { OTEL_SERVICE_NAME: 'second' }, /ticks/)
  await until(
    async () => (await entry()).rows.length === 2 && (await line()).rows.length > 0,
    () => 'the processes do not count',
    15_000,
  )
  const { rows, coverage } = await line()
  assert.deepEqual(
    rows.map((row) => [row['t.service'], row['t.next']]),
    [['first', 1]],
  )
  assert.deepEqual(
    coverage.missed.map(({ tracepoint, reason, agents }) => [tracepoint, agents, reason.slice(0, 33)]),
    [['ticker.mjs:tick@3', 1, 'another text of this file is load']],
  )
})

test('a process that starts late is seen at lines of a class too, which is made after its module began', async () => {
  const file = path.join(ROOT, 'test', 'queries', 'bookshop', 'store.ts')
  const line =
    readFileSync(file, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('this.#taken += 1')) + 1
  const text = `From t In store.ts:Store.take@${line} Where t.service == "late" Select COUNT, MAX(t.this.#taken) AS taken`
  const { id } = await crosscut.api<QueryView>('/queries', { method: 'POST', body: JSON.stringify({ text }) })
  const app = path.join(ROOT, 'test', 'queries', 'bookshop', 'main.ts')
  const late = await crosscut.run([app], { OTEL_SERVICE_NAME: 'late' }, /port \d+/)
  const results = async (): Promise<QueryResults> => await crosscut.api(`/queries/${id}/results`)
  const hasIt = ({ service, report }: AgentView): boolean =>
    service === 'late' && report?.packages.some(({ name }) => name.endsWith(id)) === true
  await until(
    async () => (await crosscut.api<{ agents: AgentView[] }>('/agents')).agents.some(hasIt),
    () => 'not installed in the late one',
    15_000,
  )
  await (await fetch(`http://127.0.0.1:${/port (\d+)/.exec(late.output())?.[1]}/ann/x,y`)).text()
  await until(
    async () => (await results()).total >= 2,
    () => 'nothing was counted',
    15_000,
  )
  const { rows, coverage } = await results()
  assert.deepEqual([rows, coverage.missed], [[{ COUNT: 2, taken: 1 }], []])
})

test('a method of any class is asked by its name alone, and what is named like a secret is not read', async () => {
  const file = path.join(crosscut.folder, 'readers.mjs')
  writeFileSync(path.join(crosscut.folder, 'package.json'), '{ "name": "readers" }')
  writeFileSync(file, READERS)
  const env = { OTEL_SERVICE_NAME: 'readers', CROSSCUT_REDACT: 'colour,-sid' }
  const program = await crosscut.run([file], env, /reads/)
  await until(
    async () => (await vocabulary('readers.mjs:*')).length >= 3,
    () => 'its functions are not known',
    15_000,
  )
  const nothing = async (): Promise<void> => {}
  const { rows } = await ask(
    'From r In *:*.read GroupBy r.tracepoint Select r.tracepoint As at, MAX(r.by.size) As size',
    4,
    nothing,
  )
  assert.deepEqual(rows.map(({ at, size }) => [at, size]).sort(), [
    ['readers.mjs:File.read', 7],
    ['readers.mjs:Socket.read', 7],
  ])
  const secrets = await ask(
    `From r In readers.mjs:Book.write
     Select DISTINCT r.by.password, r.by.inner["X-Api-Key"] As key, r.by.inner.list.token As token,
       r.by.colour, r.by.sid`,
    1,
    nothing,
  )
  assert.deepEqual(
    secrets.rows.map((row) => Object.values(row)),
    [['[redacted]', '[redacted]', '[redacted]', '[redacted]', 'b']],
  )
  await program.stop()
})
