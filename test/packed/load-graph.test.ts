// What loading the agent brings into a user's process: our own few files, Node's own modules, and not a byte
// more.

import assert from 'node:assert/strict'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { installCrosscut, type Installed } from './installed.ts'

/** SURFACES: .js loaded before the first weave. */
const AGENT_BYTES_MAX = 300_000

/** Notes every module that is loaded, then says so when the process ends. */
const WATCH = `
import { registerHooks } from 'node:module'
import { writeFileSync } from 'node:fs'
const loaded = []
registerHooks({
  load(url, context, next) {
    loaded.push(url)
    return next(url, context)
  },
})
process.on('exit', () => writeFileSync('loaded.json', JSON.stringify(loaded)))
`

let app: Installed

before(async () => {
  app = await installCrosscut()
  app.write('watch.mjs', WATCH)
  app.write('app.mjs', 'console.log("ran")')
})
after(() => app.remove())

async function loadedBy(args: readonly string[]): Promise<string[]> {
  const outcome = await app.run(['--import', './watch.mjs', ...args])
  assert.equal(outcome.code, 0, outcome.stderr)
  const urls = JSON.parse(readFileSync(path.join(app.folder, 'loaded.json'), 'utf8')) as string[]
  return urls
    .filter((url) => url.startsWith('file:'))
    .map((url) => path.relative(app.folder, new URL(url).pathname))
}

function bytesOf(files: readonly string[]): number {
  const own = files.filter((file) => file.startsWith('node_modules/crosscut/'))
  return own.reduce((sum, file) => sum + statSync(path.join(app.folder, file)).size, 0)
}

test('the agent loads only files of its own package, within its byte budget', async () => {
  const files = await loadedBy(['--import', 'crosscut/agent', 'app.mjs'])
  const foreign = files.filter((file) => !/^(app\.mjs|watch\.mjs|node_modules\/crosscut\/)/.test(file))
  assert.deepEqual(foreign, [])
  assert.ok(
    files.some((file) => file.startsWith('node_modules/crosscut/')),
    files.join(),
  )
  assert.ok(bytesOf(files) <= AGENT_BYTES_MAX, `${bytesOf(files)} bytes`)
})

test('an entry loads no agent: the library alone brings neither instrumentation nor exporter', async () => {
  app.write('library.mjs', "import { tracepoint } from 'crosscut'; tracepoint('x', { a: 1 })")
  const files = await loadedBy(['library.mjs'])
  assert.ok(!files.some((file) => file.includes('/agent')), files.join())
})

/**
 * What an agent that is on changes of a process. Functions as digests of their text; of globals all but the
 * slot by which copies of the library find each other.
 */
const SURROUNDINGS = `
import { hash } from 'node:crypto'
import diagnostics from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import http from 'node:http'
import Module from 'node:module'
import { Stream } from 'node:stream'
import { MessagePort, Worker } from 'node:worker_threads'
const channels = ['http.client.request.created', 'http.client.request.start', 'http.client.response.finish',
  'http.server.request.start', 'http.server.response.finish', 'undici:request:create',
  'undici:request:headers']
// Some wait for the first request.
const server = http.createServer((request, response) => response.end())
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
await (await fetch('http://127.0.0.1:' + server.address().port)).text()
server.closeAllConnections()
await new Promise((closed) => server.close(closed))
const functions = [Promise.all, Promise.prototype.then, EventEmitter.prototype.on, Stream.prototype.on, fetch,
  http.request, http.Agent.prototype.addRequest, http.Server.prototype.emit,
  http.OutgoingMessage.prototype.end, MessagePort.prototype.postMessage,
  Worker.prototype.postMessage, Module.prototype._compile]
console.log(JSON.stringify({
  subscribed: channels.filter((name) => diagnostics.hasSubscribers(name)),
  globals: Reflect.ownKeys(globalThis).map(String).filter((name) => name !== 'Symbol(crosscut.context.1)'),
  listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
  functions: functions.map((fn) => fn.name + ' ' + hash('sha1', String(fn))),
}))
`

test('a disabled agent leaves the process as it is without it', async () => {
  app.write('surroundings.mjs', SURROUNDINGS)
  const agent = ['--import', 'crosscut/agent', 'surroundings.mjs']
  const plain = await app.run(['surroundings.mjs'])
  const off = await app.run(agent, { CROSSCUT_DISABLED: 'true' })
  const on = JSON.parse((await app.run(agent)).stdout)
  assert.deepEqual(JSON.parse(off.stdout), JSON.parse(plain.stdout))
  // An agent that is on is seen.
  const without = JSON.parse(plain.stdout)
  for (const part of ['subscribed', 'listeners', 'functions'])
    assert.notDeepEqual(on[part], without[part], part)
})

test('the package has no dependency, no install script and only .js, types and prose', () => {
  const folder = path.join(app.folder, 'node_modules', 'crosscut')
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
  assert.equal(manifest.dependencies, undefined)
  assert.equal(manifest.scripts, undefined)
  const strange = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !/\.(js|d\.ts|json|md)$|^LICENSE$/.test(entry.name),
  )
  assert.deepEqual(
    strange.map((entry) => entry.name),
    [],
  )
})
