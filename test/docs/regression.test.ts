// The tutorial "find the regression", followed literally: its commands are taken out of the text and run, on
// the demo with and without the fault; what it says of the answers holds, and is what the gateway counted.
// Canopy 2.1 and 5.4, case study 1.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { DatasetComparison, DatasetDifference, DatasetResult } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, until, type Program } from '../system/running.ts'
import type { TruthReport } from '../demo/judge.ts'

const ROWS_MS_MAX = 40_000
const VISITS = 9
const PIECES = ['Feed', 'Photos', 'Suggestions', 'UserInput']
/** Of all style sheets of a page. */
const BYTES = { '1': 24_000, '2': 34_000 } as const
/** What the late sheet takes at least, by its size (demo/page.ts). */
const LATE_SHEET_MS = 200

const TUTORIAL = readFileSync(path.join(ROOT, 'docs', 'tutorial-regression.md'), 'utf8')
const COMMANDS = [...TUTORIAL.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text = '']) =>
  text.replaceAll(/^ {3}/gm, ''),
)
const crosscut = new Crosscut()
let demo: Program | undefined
let gateway = ''
const truths: Truth[] = []
type Truth = TruthReport & {
  readonly tallies: { readonly [of: string]: { readonly [rid: string]: number } }
}

before(() => crosscut.start())
after(() => crosscut.close())

/** What the next command of the tutorial says on stdout. */
async function follow(): Promise<string> {
  const command = COMMANDS.shift()
  assert.ok(command, 'the tutorial has another command')
  const start = /^npm start -- (.*)/.exec(command)?.[1]
  if (start !== undefined) return await startDemo(start.split(' '))
  const node = `'${process.execPath}'`
  return await shell(
    command
      .replaceAll('npx crosscut', `${node} '${path.join(ROOT, 'face/cli/main.ts')}'`)
      .replaceAll('npm run -s node -- ', `${node} ${ROOT}/`)
      .replaceAll('PAGE', `${gateway}/page`),
  )
}

async function startDemo(flags: readonly string[]): Promise<string> {
  if (demo !== undefined) truths.push((await (await fetch(`${gateway}/truth`)).json()) as Truth)
  await demo?.stop()
  const main = path.join(ROOT, 'demo', 'main.ts')
  demo = await crosscut.run([main, ...flags], { CROSSCUT_PAGES: '1' }, /^shelf ready/m)
  gateway = /^shelf ready (\S+)$/m.exec(demo.output())?.[1] ?? ''
  // The first answer of a process takes long for reasons of its own.
  await (await fetch(`${gateway}/page?rid=warm`)).text()
  return demo.output()
}

async function shell(command: string): Promise<string> {
  const env = { ...process.env, CROSSCUT_SERVER: crosscut.url, CROSSCUT_TOKEN: crosscut.token }
  const child = spawn('sh', ['-ec', command], {
    cwd: crosscut.folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => void (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => void (err += chunk.toString()))
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.equal(code, 0, `${command}\n${out}${err}`)
  return out
}

async function ask(dataset: string, question: object): Promise<DatasetResult['rows']> {
  const init = { method: 'POST', body: JSON.stringify(question) }
  return (await crosscut.api<DatasetResult>(`/datasets/${dataset}/query`, init)).rows
}

/** Every visit has its row, by features that were there before it. */
async function allRows(release: string): Promise<void> {
  let count: unknown
  await until(
    async () => {
      const [row] = await ask('pages', { select: ['count'], where: `release = '${release}'` })
      count = row?.['count']
      return count === VISITS
    },
    () => `${String(count)} rows of ${VISITS} visits`,
    ROWS_MS_MAX,
  )
}

test('the demo starts, two datasets are defined, nine visitors come', async () => {
  await follow()
  assert.match(await follow(), /^early_flush_misses +number/m)
  assert.equal((await follow()).match(/^visit /gm)?.length, VISITS)
  await allRows('1')
})

test('release 2 goes out, nine visitors come', async () => {
  await follow()
  assert.equal((await follow()).match(/^visit /gm)?.length, VISITS)
  await allRows('2')
  truths.push((await (await fetch(`${gateway}/truth`)).json()) as Truth)
})

test('it is slower: what grew is the waiting for resources', async () => {
  const said = await follow()
  for (const release of ['1', '2']) assert.match(said, new RegExp(`^${release} +${VISITS} `, 'm'))
  const rows = await ask('pages', {
    select: ['on_the_path', 'release', 'display_ms', 'server_ms', 'network_ms', 'resource_ms', 'browser_ms'],
  })
  for (const row of rows) {
    const parts = ['server_ms', 'network_ms', 'resource_ms', 'browser_ms'].map((name) => Number(row[name]))
    const sum = parts.reduce((all, part) => all + part, 0)
    assert.ok(Math.abs(sum - Number(row['display_ms'])) < 0.01, JSON.stringify(row))
    // Timers may fire a millisecond early.
    if (row['release'] === '2' && String(row['on_the_path']).includes('piece UserInput'))
      assert.ok(Number(row['resource_ms']) >= LATE_SHEET_MS - 2, JSON.stringify(row))
  }
})

test('what is different about release 2: 10 kB more of style sheets, one found late, a piece on the path', async () => {
  const said = await follow()
  assert.match(said, /^css_bytes +1\.000 /m)
  assert.match(said, /^early_flush_misses +1\.000 .* 1 +0$/m)
  assert.doesNotMatch(said, /^country /m)
  const answer = await crosscut.api<DatasetComparison>('/datasets/pages/compare', {
    method: 'POST',
    body: JSON.stringify({ a: "release = '2'", b: "release = '1'" }),
  })
  assert.deepEqual([answer.a.rows, answer.b.rows], [VISITS, VISITS])
  const found = (column: string): DatasetDifference | undefined =>
    answer.columns.find((one) => one.column === column && one.isSignificant)
  assert.ok(found('css_bytes') && found('early_flush_misses'))
  const onThePath = found('on_the_path')
  assert.ok(onThePath?.kind === 'categories', JSON.stringify(answer.columns))
  const piece = onThePath.values.find(({ value }) => value === 'piece UserInput')
  assert.ok(piece && piece.delta > 0.5, JSON.stringify(onThePath.values))
})

test('the piece is UserInput, and only it; gateway and pages counted the same bytes', async () => {
  const said = await follow()
  for (const piece of PIECES) {
    assert.match(said, new RegExp(`^${piece} +1 +6000 +0 `, 'm'))
    assert.match(said, new RegExp(`^${piece} +2 +${piece === 'UserInput' ? '16000 +1' : '6000 +0'} `, 'm'))
  }
  const bytes = await ask('pages', { select: ['release', 'css_bytes'] })
  for (const [i, release] of (['1', '2'] as const).entries()) {
    const told = bytes.filter((row) => row['release'] === release).map((row) => row['css_bytes'])
    assert.deepEqual(told, Array(VISITS).fill(BYTES[release]))
    const sent = truths[i]?.tallies['gateway.style.bytes'] ?? {}
    assert.deepEqual(Object.values(sent), told)
  }
})

test('an example leads to its trace, where the piece waits for its style sheet on the critical path', async () => {
  const { example } = JSON.parse(await follow())
  assert.equal(COMMANDS.length, 0)
  const { spans } = await crosscut.trace(example)
  const piece = spans.find(({ service, name }) => service === 'browser' && name === 'piece UserInput')
  const root = spans.find(({ name }) => name === 'page /page')
  assert.ok(piece && root)
  const query = new URLSearchParams({ from: root.spanId, to: `${piece.spanId}@end` })
  const { sections } = await crosscut.api<{ sections: { spanId: string; waitedFor?: string }[] }>(
    `/traces/${example}/critical-path?${query}`,
  )
  assert.ok(sections.some(({ spanId, waitedFor }) => spanId === piece.spanId && waitedFor === 'resource'))
})
