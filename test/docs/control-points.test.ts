// The guide to control points: its programs, taken out of the page, run as a service under its agent. What
// passes is seen at the server, what a policy says is obeyed, and what has expired is not begun.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { PointView } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import { until } from '../system/running.ts'
import { Ledger } from '../throttling/ledger.ts'

const guide = readFileSync(path.join(ROOT, 'docs', 'guides', 'control-points.md'), 'utf8')
const [background = '', deadlines = ''] = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text]) => text)
const [streaming = ''] = /pipeline\(file, paced\('blocks'\), response\)/.exec(guide) ?? []
const [job = ''] = /tryControlPoint\('jobs'\)/.exec(guide) ?? []

/** Imports of a block, and what is under them. */
function parted(block: string): readonly [string, string] {
  const lines = block.split('\n')
  const isImport = (line: string) => line.startsWith('import ')
  return [lines.filter(isImport).join('\n'), lines.filter((line) => !isImport(line)).join('\n')]
}

function program(): string {
  const entry = pathToFileURL(path.join(ROOT, 'process', 'api', 'index.ts')).href
  const [backgroundImports, replicate] = parted(background)
  const [deadlineImports, deadline] = parted(deadlines)
  const text = `import http from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
${backgroundImports}
${deadlineImports}
import { FairGate, paced, tryControlPoint } from 'crosscut'

type Block = string
let copied = 0
const copy = async (_block: Block) => void (copied += 1)
${replicate}
const gate = new FairGate({ name: 'rows', slots: 1 })
let asked = 0
const query = async (_sql: string) => void (asked += 1)
async function inTime(url: string) {
  const [sql, partial] = ['select 1', 'partial']
  ${deadline}
  return 'all of it'
}
async function* blocks() { yield* ['a', 'b', 'c'] }
const file = () => Readable.from([Buffer.alloc(200_000)])

const deeds: Record<string, (response: http.ServerResponse) => Promise<string>> = {
  '/replicate': async () => { await replicate(blocks()); return String(copied) },
  '/in-time': async () => inTime(address + '/hello'),
  '/too-late': async () => {
    const slot = await gate.acquire()
    setTimeout(() => slot.release(), 2_200)
    const code = await inTime(address + '/hello').then(() => 'begun', (error) => error.code)
    return code + ' ' + asked
  },
  '/hello': async () => 'hello',
  '/job': async () => { tenant('replication'); return String(${job}) },
}
const stream = (file: Readable, response: http.ServerResponse) => ${streaming}
const server = http.createServer((request, response) => {
  const url = request.url ?? ''
  if (url === '/stream') return void stream(file(), response)
  deeds[url]!(response).then(
    (said) => response.end(said),
    (error) => response.writeHead(500).end(String(error)),
  )
})
let address = ''
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as import('node:net').AddressInfo
  address = 'http://127.0.0.1:' + port
  console.log('port ' + port)
})
`
  return text.replaceAll("'crosscut'", `'${entry}'`)
}

const ledger = new Ledger()
let url = ''
before(async () => {
  await ledger.startServer()
  const file = path.join(ledger.home, 'service.ts')
  writeFileSync(file, program())
  url = await ledger.startService(file, 'guide')
})
after(() => ledger.close())

const get = async (deed: string) => (await fetch(`${url}${deed}`)).text()
const points = async () => (await ledger.api<{ points: PointView[] }>('/points')).points

test('in background work: three blocks, each through the point, as a tenant of its own', async () => {
  assert.equal(await get('/replicate'), '3')
  await until(
    async () => {
      await get('/replicate')
      const seen = await points()
      return seen.some(({ point, tenant }) => point === 'replicate' && tenant === 'replication')
    },
    () => 'nothing passed',
  )
})

test('a policy holds it there, and a job that asks is told to come again', async () => {
  const params = { 'rate.replication': 0.5 }
  await ledger.put('hand', { policy: 'manual', params, points: ['replicate', 'jobs'] })
  await until(
    async () => {
      const beganMs = performance.now()
      await get('/replicate')
      return performance.now() - beganMs > 1_000
    },
    () => 'it is not held',
  )
  await get('/job')
  await until(
    async () => Number(await get('/job')) > 0,
    () => 'a job is never put back',
  )
  await ledger.api('/policies/hand', { method: 'DELETE' })
})

test('a stream passes once each 64 KiB, and arrives whole', async () => {
  const answer = await fetch(`${url}/stream`)
  assert.equal((await answer.arrayBuffer()).byteLength, 200_000)
  await until(
    async () => (await points()).some(({ point }) => point === 'blocks'),
    () => 'no piece passed',
  )
})

test('deadlines: in time it is all there; what expires in line never begins', async () => {
  assert.equal(await get('/in-time'), 'all of it')
  assert.equal(await get('/too-late'), 'E_GATE_EXPIRED 1')
})
