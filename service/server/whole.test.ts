// The whole server as a user runs it: `crosscut up` as a process, spans over OTLP, answers from the API; and
// its death at any time.

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { openStore, storeSocketPath } from '#store'

const MAIN = new URL('../../face/cli/main.ts', import.meta.url).pathname
const dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-whole-'))
const running = new Set<ChildProcess>()

after(() => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(dataDir, { recursive: true, force: true })
})

type Up = {
  readonly child: ChildProcess
  readonly url: string
  readonly otlpUrl: string
  readonly otlpGrpcUrl: string
  readonly loginUrl: string
  readonly pid: number
}

async function up(otlpPort: number, dir = dataDir, more: readonly string[] = []): Promise<Up> {
  const args = ['up', '--json', '--data', dir, '--port', '0', '--otlp-port', String(otlpPort), ...more]
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let err = ''
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      if (out.includes('\n')) resolve({ child, ...JSON.parse(out) })
    })
    child.once('exit', (code) => reject(new Error(`up ended with ${code}: ${err}`)))
  })
}

function ended(child: ChildProcess): Promise<number | null> {
  running.delete(child)
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode)
    else child.once('exit', (code) => resolve(code))
  })
}

const adminToken = (dir = dataDir): string => readFileSync(path.join(dir, 'admin-token'), 'utf8').trim()

async function get(
  server: Up,
  at: string,
): Promise<{ readonly status: number; readonly body: ReturnType<typeof JSON.parse> }> {
  const response = await fetch(`${server.url}${at}`, { headers: { authorization: `Bearer ${adminToken()}` } })
  return { status: response.status, body: JSON.parse(await response.text()) }
}

async function until<T>(what: string, msMax: number, look: () => Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + msMax
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (performance.now() > endMs) throw new Error(`not within ${msMax} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function otlpJson(traceId: string, spanCount: number, { service = 'whole', traceState = '' } = {}): string {
  const now = BigInt(Date.now()) * 1_000_000n
  const ids = Array.from({ length: spanCount }, (_, index) => (index + 1).toString(16).padStart(16, '0'))
  const spans = ids.map((spanId, index) => ({
    traceId,
    spanId,
    traceState,
    ...(index === 0 ? {} : { parentSpanId: ids[0] }),
    name: `op ${index}`,
    kind: index === 0 ? 2 : 1,
    startTimeUnixNano: String(now + BigInt(index)),
    endTimeUnixNano: String(now + 1_000_000n - BigInt(index)),
    attributes: [{ key: 'n', value: { intValue: String(index) } }],
  }))
  const attributes = [{ key: 'service.name', value: { stringValue: service } }]
  return JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }] })
}

async function send(otlpUrl: string, body: string): Promise<boolean> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${otlpUrl}/v1/traces`, {
    method: 'POST',
    headers,
    body,
    signal: AbortSignal.timeout(10_000),
  }).catch(() => undefined)
  await response?.arrayBuffer().catch(() => undefined)
  return response?.status === 200
}

const newTraceId = (): string => randomBytes(16).toString('hex')

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => {
    probe.listen(0, '127.0.0.1', resolve)
  })
  const address = probe.address()
  await new Promise((resolve) => {
    probe.close(resolve)
  })
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

test('a trace sent by OTLP/JSON is in the list, whole, and has a critical path; stopping is graceful', async () => {
  const server = await up(0)
  await until('ready', 30_000, async () =>
    (await fetch(`${server.url}/readyz`)).status === 200 ? true : undefined,
  )
  const traceId = newTraceId()
  assert.ok(await send(server.otlpUrl, otlpJson(traceId, 5)))
  const sentMs = performance.now()
  const view = await until('visible', 10_000, async () => {
    const { status, body } = await get(server, `/api/v1/traces/${traceId}`)
    return status === 200 ? body : undefined
  })
  const visibleMs = performance.now() - sentMs
  assert.deepEqual(
    [view.totalSpans, view.summary.rootName, view.summary.services],
    [5, 'op 0', [{ name: 'whole', spanCount: 5 }]],
  )
  await until('listed', 10_000, async () => {
    const { body } = await get(server, '/api/v1/traces?service=whole&attr.n=3')
    return body.traces.some((found: { traceId: string }) => found.traceId === traceId) ? true : undefined
  })
  const { body } = await get(server, `/api/v1/traces/${traceId}/critical-path`)
  assert.equal(body.sections.at(0).startNs, view.summary.startNs)
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  assert.match(metrics, /^crosscut_ingest_accepted_spans_total 5$/m)
  assert.match(metrics, /^crosscut_traces_spans_inserted_total 5$/m)
  // Critical paths of many: one that was sampled at a quarter, as the end of its id says, counts four times.
  const quarter = { service: 'weighed', traceState: 'ot=th:c' }
  assert.ok(await send(server.otlpUrl, otlpJson(newTraceId().slice(0, 18) + 'f'.repeat(14), 1, quarter)))
  assert.ok(await send(server.otlpUrl, otlpJson(newTraceId(), 1, { service: 'weighed' })))
  const paths = await until('both added up', 10_000, async () => {
    const answer = await fetch(`${server.url}/api/v1/traces/critical-path`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminToken()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ filter: { service: 'weighed' } }),
    })
    const body = JSON.parse(await answer.text())
    return body.whole.traces >= 5 ? body : undefined
  })
  assert.deepEqual([paths.whole.traces, paths.whole.ns], [5, '5000000'])
  server.child.kill('SIGTERM')
  assert.equal(await ended(server.child), 0)
  console.log(`visible ${visibleMs.toFixed(0)} ms after the ack`)
})

/** Its output, whatever its exit code. */
function doctor(dir: string, more: { readonly [name: string]: string } = {}): Promise<string> {
  const child = spawn(process.execPath, [MAIN, 'doctor', '--data', dir], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...more },
  })
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  return new Promise((resolve) => child.on('close', () => resolve(out)))
}

test('/readyz and doctor say why the store is not ready; once that is mended it becomes so by itself', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'crosscut-hindered-'))
  const engine = path.join(dir, 'store', 'engine')
  mkdirSync(path.dirname(engine))
  writeFileSync(engine, 'a file where the folder of the engine should be')
  const server = await up(0, dir)
  const why = new RegExp(`the engine ended with exit code 1: .*${engine}`)
  const store = await until('a reason', 60_000, async () => {
    const response = await fetch(`${server.url}/readyz`)
    const { parts }: ReturnType<typeof JSON.parse> = await response.json()
    const [found] = parts.filter(({ name }: { name: string }) => name === 'store')
    return found.lastError === undefined ? undefined : { ...found, status: response.status }
  })
  assert.deepEqual([store.status, store.state], [503, 'starting'])
  assert.match(store.lastError, why)
  assert.match(await doctor(dir), new RegExp(`FAIL +store +starting.*${why.source}'?\n +-> .*mend that`))
  rmSync(engine)
  await until('ready', 60_000, async () =>
    (await fetch(`${server.url}/readyz`)).status === 200 ? true : undefined,
  )
  server.child.kill('SIGTERM')
  assert.equal(await ended(server.child), 0)
  rmSync(dir, { recursive: true, force: true })
})

test('doctor knows which protocol is spoken on which port', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'crosscut-protocols-'))
  const { child, otlpUrl: http, otlpGrpcUrl: grpc, url } = await up(0, dir)
  await until('ready', 30_000, async () => ((await fetch(`${url}/readyz`)).status === 200 ? true : undefined))
  const rows: readonly (readonly [endpoint: string, protocol: string, says: string])[] = [
    [http, '', `ok    otlp           ${http}/v1/traces takes spans`],
    [http, 'http/protobuf', `ok    otlp           ${http}/v1/traces takes spans`],
    [http, 'grpc', `FAIL  otlp           OTEL_EXPORTER_OTLP_PROTOCOL=grpc, but ${http} is the port of HTTP`],
    [
      grpc,
      'grpc',
      `warn  otlp           ${grpc} is the port of gRPC: other SDKs send spans there, the agent`,
    ],
    [grpc, '', `FAIL  otlp           ${grpc} is the port of gRPC, and programs started here speak HTTP`],
    [url, '', `FAIL  otlp           programs started here send spans to ${url}, not to ${http}`],
    ['', 'grpc', `ok    otlp           ${http}/v1/traces takes spans, gRPC is on ${grpc}`],
  ]
  for (const [endpoint, protocol, says] of rows) {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: protocol }
    const said = await doctor(dir, env)
    assert.ok(said.includes(says), `${endpoint} ${protocol}:\n${said}`)
    assert.match(said, /no variable silences spans/)
  }
  child.kill('SIGTERM')
  assert.equal(await ended(child), 0)
  rmSync(dir, { recursive: true, force: true })
})

/**
 * Calls itself twice at a time, then once more: two branches that are awaited together, and what comes after
 * them.
 */
const APP = `
  import http from 'node:http'
  const server = http.createServer(async (request, response) => {
    const own = 'http://127.0.0.1:' + server.address().port
    if (request.url === '/buy') {
      await Promise.all([fetch(own + '/a').then((a) => a.text()), fetch(own + '/b').then((b) => b.text())])
      await (await fetch(own + '/c')).text()
    }
    response.end('ok')
  }).listen(0, '127.0.0.1', () => console.log(server.address().port))`

function runApp(dir: string): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const args = [
    MAIN,
    'run',
    '--data',
    dir,
    '--service',
    'shop',
    '--',
    'node',
    '--input-type=module',
    '-e',
    APP,
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  running.add(child)
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (port: Buffer) =>
      resolve({ child, url: `http://127.0.0.1:${port.toString().trim()}` }),
    )
    child.once('exit', (code) => reject(new Error(`the program ended with ${code}`)))
  })
}

test('a program under `crosscut run` is seen, traced with its joins, and takes a tool while it runs', async () => {
  const server = await up(0)
  const app = await runApp(dataDir)
  await (await fetch(`${app.url}/buy`)).text()
  const agent = await until('the agent', 10_000, async () => {
    const { body } = await get(server, '/api/v1/agents')
    return body.agents.find(
      (one: { service: string; report?: object }) => one.service === 'shop' && one.report !== undefined,
    )
  })
  assert.ok(agent.isConnected)
  const id = await until('its trace', 20_000, async () => {
    const { status, body } = await get(server, '/api/v1/traces?service=shop')
    return status === 200
      ? body.traces.find((one: { spanCount: number }) => one.spanCount === 7)?.traceId
      : undefined
  })
  const { body: view } = await get(server, `/api/v1/traces/${id}`)
  assert.deepEqual(
    view.edges.map(({ kind }: { kind: string }) => kind),
    ['join', 'join'],
  )
  assert.ok(
    view.spans.every(({ depth }: { depth: number }, index: number) => (index === 0) === (depth === 0)),
  )
  const tool = readFileSync(new URL('../../tools/tag-requests/tool.json', import.meta.url), 'utf8')
  const schema = readFileSync(new URL('../../tools/tag-requests/schema.bdl', import.meta.url), 'utf8')
  const headers = { authorization: `Bearer ${adminToken()}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ ...JSON.parse(tool), schema })
  assert.equal(
    (await fetch(`${server.url}/api/v1/tools/tag-requests`, { method: 'PUT', headers, body })).status,
    200,
  )
  await until('the tool in force', 10_000, async () =>
    (await get(server, '/api/v1/tools/tag-requests')).body.agents.installed === 1 ? true : undefined,
  )
  await (await fetch(`${app.url}/buy`, { headers: { 'x-debug': '1' } })).text()
  await until('a tagged trace', 20_000, async () => {
    const { body: found } = await get(server, '/api/v1/traces?attr.crosscut.tag=debug')
    return found.traces?.length === 1 ? true : undefined
  })
  app.child.kill('SIGTERM')
  await ended(app.child)
  server.child.kill('SIGTERM')
  assert.equal(await ended(server.child), 0)
})

async function killStore(server: Up): Promise<void> {
  const pid = await until('the store child', 20_000, async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text()
    const found = /^crosscut_store_child_pid (\d+)$/m.exec(text)?.[1]
    return found === undefined || !/^crosscut_store_is_ready 1$/m.test(text) ? undefined : Number(found)
  })
  process.kill(pid, 'SIGKILL')
}

/** With a port given for HTTP it would be 4317, which a server beside this test may have. */
const ANY_GRPC_PORT = ['--otlp-grpc-port', '0']

test('kill -9 of the server (three times) and of the store child during ingest: no acked span lost, none doubled', async () => {
  const port = await freePort()
  const bodies = new Map<string, string>()
  const acked = new Set<string>()
  let isOver = false
  const client = async (): Promise<void> => {
    while (!isOver) {
      const traceId = newTraceId()
      bodies.set(traceId, otlpJson(traceId, 4))
      // The same body until it is acked, as every OTLP exporter does: an ack may have been lost with the
      // server.
      while (!(await send(`http://127.0.0.1:${port}`, bodies.get(traceId) ?? ''))) {
        if (isOver) return
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      acked.add(traceId)
    }
  }
  let server = await up(port, dataDir, ANY_GRPC_PORT)
  const clients = Array.from({ length: 4 }, client)
  for (const delayMs of [900, 400, 1_500]) {
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    server.child.kill('SIGKILL')
    await ended(server.child)
    server = await up(port, dataDir, ANY_GRPC_PORT)
  }
  await killStore(server)
  const before = acked.size
  await until('acks after the last death', 20_000, async () => (acked.size > before + 40 ? true : undefined))
  isOver = true
  await Promise.all(clients)
  const store = openStore({ socketPath: storeSocketPath(path.join(dataDir, 'store')) })
  await store.ready()
  try {
    const sql = `SELECT lower(hex(trace_id)) AS id, count() AS n, uniqExact(span_id) AS unique FROM spans GROUP BY trace_id`
    const missing = await until('all acked spans in the store', 30_000, async () => {
      const rows = await store.query(sql)
      const counts = new Map(rows.map(({ id, n, unique }) => [String(id), `${n} ${unique}`]))
      assert.ok(
        rows.every(({ n, unique }) => n === unique),
        'a span is stored twice',
      )
      return [...acked].every((id) => counts.get(id) === '4 4') ? 0 : undefined
    })
    assert.equal(missing, 0)
  } finally {
    await store.close()
    server.child.kill('SIGTERM')
    await ended(server.child)
  }
  console.log(`${acked.size} batches acked over four deaths`)
})

test('a busy port of OTLP/gRPC is told with who holds it; --auto-port takes the next', async () => {
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  const address = holder.address()
  const busy = typeof address === 'object' && address !== null ? address.port : 0
  const dir = path.join(dataDir, 'busy')
  const flags = ['--otlp-grpc-port', String(busy)]
  try {
    await assert.rejects(up(0, dir, flags), (error: Error) =>
      [`port ${busy} is held by process ${process.pid}`, '--otlp-grpc-port', '--auto-port'].every((part) =>
        error.message.includes(part),
      ),
    )
    const server = await up(0, dir, [...flags, '--auto-port'])
    assert.ok(Number(new URL(server.otlpGrpcUrl).port) > busy, server.otlpGrpcUrl)
    server.child.kill('SIGTERM')
    assert.equal(await ended(server.child), 0)
  } finally {
    holder.close()
  }
})
