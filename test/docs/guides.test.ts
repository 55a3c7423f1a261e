// The programs and commands of the guides, taken out of the pages and run as they stand.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { TraceView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, freePort, until } from '../system/running.ts'

const VISIBLE_MS_MAX = 10_000
const crosscut = new Crosscut()
before(() => crosscut.start())
after(() => crosscut.close())

/** The block behind the mark that it is run by this file. */
function blockOf(page: string): string {
  const text = readFileSync(path.join(ROOT, 'docs', 'guides', page), 'utf8')
  const block = /<!-- run by test\/docs\/guides\.test\.ts -->\n```\w+\n([\s\S]*?)```/.exec(text)?.[1]
  assert.ok(block, `${page} has a block to run`)
  return block
}

async function traceOf(service: string): Promise<TraceView> {
  let id: string | undefined
  await until(
    async () => {
      id = (await crosscut.traces({ service })).find((found) => found.hasRoot)?.traceId
      return id !== undefined
    },
    () => `no trace of ${service}`,
    VISIBLE_MS_MAX,
  )
  return await crosscut.trace(id ?? '')
}

const hasCurl = spawnSync('curl', ['--version']).status === 0
const skip = hasCurl ? false : 'curl is not installed'

test('any OpenTelemetry app: the trace sent by hand is acked with {} and shown', { skip }, async () => {
  const command = blockOf('any-opentelemetry-app.md').replace('http://127.0.0.1:4318', crosscut.otlpUrl)
  const { stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' })
  assert.equal(stdout, '{}', stderr)
  const trace = await traceOf('by-hand')
  assert.deepEqual(
    trace.spans.map(({ name, kind }) => `${kind} ${name}`),
    ['server hello'],
  )
})

test('your Node app: what the code says is on its spans', async () => {
  const port = await freePort()
  const entry = pathToFileURL(path.join(ROOT, 'process', 'api', 'index.ts')).href
  const program = blockOf('your-node-app.md')
    .replace('3000', String(port))
    .replace("'crosscut'", `'${entry}'`)
  const file = path.join(crosscut.folder, 'app.mjs')
  writeFileSync(file, `${program}\nconsole.log('started')\n`)
  await crosscut.run([file], { OTEL_SERVICE_NAME: 'guide' }, /started/)
  const address = `http://127.0.0.1:${port}/`
  await until(
    async () =>
      await fetch(address, { headers: { 'x-tenant': 'acme' } }).then(
        async (response) => (await response.text()) === 'tea,milk',
        () => false,
      ),
    () => 'the program does not answer',
  )
  const { spans } = await traceOf('guide')
  const request = spans.find(({ kind }) => kind === 'server')
  const block = spans.find(({ name }) => name === 'load rows')
  assert.equal(block?.parentSpanId, request?.spanId)
  const events = request?.events.map(({ name }) => name) ?? []
  assert.ok(events.includes('cache miss') && events.includes('render'), events.join())
})
