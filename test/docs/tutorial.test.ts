// The tutorial, followed literally: its program is taken out of the text, run, asked, and shows what the text
// says it shows.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { TraceView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, freePort, until } from '../system/running.ts'

const TUTORIAL = path.join(ROOT, 'docs', 'tutorial.md')
const crosscut = new Crosscut()
let trace: TraceView

function programOf(markdown: string): string {
  const block = /```js\n([\s\S]*?)```/.exec(markdown)?.[1]
  assert.ok(block, 'the tutorial has a program')
  return block.replaceAll(/^ {3}/gm, '')
}

before(async () => {
  await crosscut.start()
  const port = await freePort()
  // The text uses port 3000; a test may not count on it being free.
  const program = programOf(readFileSync(TUTORIAL, 'utf8')).replaceAll('3000', String(port))
  const file = path.join(crosscut.folder, 'app.mjs')
  writeFileSync(file, `${program}\nshop.on('listening', () => console.log('listening'))\n`)
  await crosscut.run([file], {}, /listening/)
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), '42 42 42\n')
  await until(
    async () => (await crosscut.traces()).some((found) => found.spanCount === 7),
    () => 'no whole trace',
    10_000,
  )
  const [summary] = await crosscut.traces()
  trace = await crosscut.trace(summary?.traceId ?? '')
})
after(() => crosscut.close())

test('the trace has one request, three calls, and their three handlings', () => {
  const kinds = trace.spans.map((span) => `${span.kind} ${span.depth}`)
  const call = ['client 1', 'server 2']
  assert.deepEqual(kinds, ['server 0', ...call, ...call, ...call])
})

test('two joins say why the third call came after the first two', () => {
  const calls = trace.spans.filter((span) => span.kind === 'client')
  const third = calls.toSorted((a, b) => (BigInt(a.startNs) < BigInt(b.startNs) ? -1 : 1))[2]
  const joins = trace.edges.filter((edge) => edge.kind === 'join' && edge.to.spanId === third?.spanId)
  const sources = joins.map((edge) => edge.from.spanId).toSorted()
  const others = calls.filter((span) => span !== third).map((span) => span.spanId)
  assert.deepEqual(sources, others.toSorted())
})

test('the terminal shows it too', () => {
  const cli = path.join(ROOT, 'face', 'cli', 'main.ts')
  const env = { ...process.env, CROSSCUT_SERVER: crosscut.url, CROSSCUT_TOKEN: crosscut.token }
  const list = spawnSync(process.execPath, [cli, 'traces'], { encoding: 'utf8', env })
  assert.match(list.stdout, new RegExp(trace.traceId.slice(0, 8)))
  const one = spawnSync(process.execPath, [cli, 'trace', trace.traceId], { encoding: 'utf8', env })
  assert.equal(one.stdout.match(/GET .*#/g)?.length, 7)
  assert.match(one.stdout, /Waited for \(join\)\n.* GET \/price +after .* GET \/price, .* GET \/price\n/)
})
