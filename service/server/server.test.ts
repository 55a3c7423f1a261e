// The server through its HTTP surface: a real listener, real sockets, a reader in memory behind it.

import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect, createServer as createTcp, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { OtlpSpan } from '#model'
import type { DesiredState, SignedState } from '#protocol'
import { memoryPipeline, spanOf, TRACE_ID } from './memory-pipeline.fixture.ts'
import { startServer, type ServerHandle } from './start-server.ts'

const dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-server-'))
const spans: OtlpSpan[] = [0, 1, 2].map((index) => spanOf(index))
const { parts, filters } = memoryPipeline(spans)
let server: ServerHandle

const start = (change: object = {}): Promise<ServerHandle> =>
  startServer({ dataDir, port: 0, otlpPort: 0, ...change }, {}, parts)

before(async () => {
  server = await start()
})
after(async () => {
  await server.close()
  rmSync(dataDir, { recursive: true, force: true })
})

type Answer = {
  readonly status: number
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  readonly body: string
}

/** Not fetch: it sends neither foreign Host nor Origin headers, nor paths as they are. */
function ask(options: {
  path: string
  method?: string
  headers?: { readonly [name: string]: string }
  body?: string
}): Promise<Answer> {
  const { port } = new URL(server.url)
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method: options.method ?? 'GET',
        path: options.path,
        headers: options.headers,
        agent: false,
      },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        )
      },
    )
    request.on('error', reject)
    request.end(options.body)
  })
}

const admin = (): { readonly authorization: string } => ({ authorization: `Bearer ${server.adminToken}` })
const json = { 'content-type': 'application/json' }

async function login(): Promise<string> {
  const { headers } = await ask({
    path: new URL(server.newLoginUrl()).pathname + new URL(server.newLoginUrl()).search,
  })
  return String(headers['set-cookie']).split(';')[0] ?? ''
}

test('health, readiness, metrics and the API description answer without a token', async () => {
  const answers = await Promise.all(
    ['/healthz', '/readyz', '/metrics', '/openapi.json'].map((at) => ask({ path: at })),
  )
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  )
  assert.match(
    answers[2]?.body ?? '',
    /^# HELP crosscut_agents_connected .*\n# TYPE crosscut_agents_connected gauge\n/m,
  )
})

test('the API description is complete: every reference leads somewhere, every operation has its own id', async () => {
  const { body } = await ask({ path: '/openapi.json' })
  const document = JSON.parse(body)
  assert.equal(document.openapi, '3.1.0')
  for (const [, name] of body.matchAll(/#\/components\/schemas\/(\w+)/g))
    assert.ok(name !== undefined && name in document.components.schemas, name)
  const ids = [...body.matchAll(/"operationId":"(\w+)"/g)].map(([, id]) => id)
  assert.equal(new Set(ids).size, ids.length)
})

for (const [says, path_, headers, status] of [
  ['no token', '/api/v1/traces', {}, 401],
  ['a wrong token', '/api/v1/traces', { authorization: 'Bearer nonsense' }, 401],
  ['a token in another scheme', '/api/v1/traces', { authorization: 'Basic bm9uc2Vuc2U=' }, 401],
  ['a foreign Host (DNS rebinding)', '/api/v1/traces', { host: 'evil.example' }, 403],
  ['a Host that only starts like ours', '/healthz', { host: '127.0.0.1.evil.example:7070' }, 403],
  ['a foreign Origin', '/healthz', { origin: 'https://evil.example' }, 403],
  ['Origin null', '/healthz', { origin: 'null' }, 403],
] as const) {
  test(`${says} is answered ${status} with a code and without CORS`, async () => {
    const answer = await ask({ path: path_, headers })
    assert.equal(answer.status, status)
    assert.match(JSON.parse(answer.body).error.code, /^E_/)
    assert.equal(answer.headers['access-control-allow-origin'], undefined)
  })
}

for (const target of [
  '//api/v1/traces',
  '/api//v1/traces',
  '/api/v1/../v1/traces',
  '/%2e%2e/etc/passwd',
  '/api%2fv1/traces',
  '/..%5c..%5cx',
  '/%00',
  '/%zz',
  '/assets/%2e%2e%2f%2e%2e%2fpackage.json',
  'http://127.0.0.1/healthz',
  '*',
  '/api/v1/traces/',
]) {
  test(`the path ${target} is refused before anything looks at it`, async () => {
    const answer = await ask({ path: target, headers: admin() })
    assert.equal(answer.status, 400)
    assert.equal(JSON.parse(answer.body).error.code, 'E_BAD_PATH')
  })
}

test('a page learns where to send spans, but not the token of the agents', async () => {
  const place = '/api/v1/connection'
  const forPage = JSON.parse((await ask({ path: place, headers: { cookie: await login() } })).body)
  const forTerminal = JSON.parse((await ask({ path: place, headers: admin() })).body)
  assert.deepEqual([forPage.agentToken, forTerminal.agentToken], [undefined, server.agentToken])
})

test('an unknown route is 404, a wrong method 405 with what is allowed', async () => {
  const unknown = await ask({ path: '/api/v1/nothing', headers: admin() })
  assert.deepEqual([unknown.status, JSON.parse(unknown.body).error.code], [404, 'E_NOT_FOUND'])
  const wrong = await ask({ path: '/api/v1/traces', method: 'DELETE', headers: admin() })
  assert.deepEqual([wrong.status, wrong.headers.allow], [405, 'GET'])
})

test('a login link works once; its session reads, and changes only from our own page', async () => {
  const { pathname, search } = new URL(server.newLoginUrl())
  assert.equal((await ask({ path: pathname + search, method: 'HEAD' })).status, 204)
  assert.equal((await ask({ path: pathname + search, headers: { 'sec-purpose': 'prefetch' } })).status, 204)
  const first = await ask({ path: pathname + search })
  assert.deepEqual([first.status, first.headers.location], [303, '/'])
  assert.match(String(first.headers['set-cookie']), /HttpOnly; SameSite=Strict; Path=\//)
  assert.equal((await ask({ path: pathname + search })).status, 401)
  const cookie = String(first.headers['set-cookie']).split(';')[0] ?? ''
  assert.equal((await ask({ path: '/api/v1/traces', headers: { cookie } })).status, 200)
  const again = await ask({ path: pathname + search, headers: { cookie } })
  assert.deepEqual([again.status, again.headers.location], [303, '/'], 'who is signed in stays so')
  const beside = `crosscut-another=1.2.3; ${cookie}; theme=x`
  assert.equal((await ask({ path: '/api/v1/traces', headers: { cookie: beside } })).status, 200)
  const later = cookie.replace(/=\d+/, `=${Date.now() + 1e12}`)
  assert.equal((await ask({ path: '/api/v1/traces', headers: { cookie: later } })).status, 401, 'forged')
  const put = (headers: { readonly [name: string]: string }): Promise<Answer> =>
    ask({
      path: '/api/v1/kill-switch',
      method: 'PUT',
      headers: { cookie, ...json, ...headers },
      body: '{"disabled":false}',
    })
  const own = new URL(server.url).host
  assert.equal((await put({})).status, 403)
  assert.equal(
    (await put({ host: own, origin: `http://${own}`, 'sec-fetch-site': 'cross-site' })).status,
    403,
  )
  assert.equal((await put({ host: own, origin: `http://${own}` })).status, 200)
})

test('a form post (text/plain) is 415, a body too large 413, broken JSON 400', async () => {
  const put = (headers: { readonly [name: string]: string }, body: string): Promise<Answer> =>
    ask({ path: '/api/v1/kill-switch', method: 'PUT', headers: { ...admin(), ...headers }, body })
  assert.equal((await put({ 'content-type': 'text/plain' }, '{"disabled":true}')).status, 415)
  assert.equal((await put(json, `{"x":"${'x'.repeat(1024 * 1024)}"}`)).status, 413)
  assert.equal((await put(json, '{"disabled":')).status, 400)
  assert.equal((await put(json, '{"disabled":"yes"}')).status, 400)
})

test('a sender that is still writing is told why, and its connection goes on', async () => {
  const bytes = 2 * 1024 * 1024
  const head = [
    'PUT /api/v1/kill-switch HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Bearer ${server.adminToken}`,
    'Content-Type: application/json',
    `Content-Length: ${bytes}`,
  ]
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  let seen = ''
  const sees = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (seen.includes(text)) resolve()
      }
      socket.on('data', look).once('close', () => reject(new Error(`closed after: ${seen}`)))
      look()
    })
  socket.on('data', (chunk) => {
    seen += chunk.toString()
  })
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  await sees('E_TOO_LARGE')
  socket.write(Buffer.alloc(bytes, 0x20))
  socket.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
  await sees('"status":"ok"')
  socket.destroy()
})

test('a session outlives a restart, a login link does not', async () => {
  const cookie = await login()
  const { search, pathname } = new URL(server.newLoginUrl())
  await server.close()
  server = await start()
  assert.equal((await ask({ path: '/api/v1/traces', headers: { cookie } })).status, 200)
  assert.equal((await ask({ path: pathname + search })).status, 401)
})

test('search passes its filters on, exactly', async () => {
  filters.length = 0
  const query =
    'service=shop&name=op&minMs=1.5&maxMs=9&attr.k=v&attr.__proto__=x&error=true&from=1790000000000&to=2026-11-24T00:00:00Z&limit=5'
  assert.equal((await ask({ path: `/api/v1/traces?${query}`, headers: admin() })).status, 200)
  const [{ attributes, ...filter } = {}] = filters
  assert.deepEqual(Object.entries(attributes ?? {}), [
    ['k', 'v'],
    ['__proto__', 'x'],
  ])
  assert.deepEqual(filter, {
    service: 'shop',
    name: 'op',
    minMs: 1.5,
    maxMs: 9,
    isError: true,
    fromNs: 1_790_000_000_000_000_000n,
    toNs: BigInt(Date.parse('2026-11-24T00:00:00Z')) * 1_000_000n,
    limit: 5,
  })
})

for (const query of [
  'limit=0',
  'limit=1001',
  'minMs=-1',
  'minMs=x',
  'from=yesterday',
  'error=maybe',
  'attr.=v',
  `service=${'x'.repeat(1025)}`,
  Array.from({ length: 17 }, (_, index) => `attr.k${index}=v`).join('&'),
]) {
  test(`the search ${query.slice(0, 20)} is 400 and says which parameter`, async () => {
    const { status, body } = await ask({ path: `/api/v1/traces?${query}`, headers: admin() })
    assert.deepEqual([status, JSON.parse(body).error.code], [400, 'E_BAD_REQUEST'])
  })
}

for (const [says, path_, hint] of [
  ['a mistyped filter', '/api/v1/traces?servce=shop', 'did you mean service?'],
  ['a parameter of another route', '/api/v1/agents?limit=1', 'it takes none'],
  ['a filter of another spelling', `/api/v1/traces/${TRACE_ID}/spans?page=2`, 'it takes offset, limit'],
  ['an attribute without its prefix', '/api/v1/traces?http.route=x', 'it takes service'],
] as const) {
  test(`${says} is refused, not ignored: ${hint}`, async () => {
    const { status, body } = await ask({ path: path_, headers: admin() })
    const { error } = JSON.parse(body)
    assert.deepEqual([status, error.code], [400, 'E_UNKNOWN_PARAMETER'])
    assert.ok(error.hint.startsWith(hint), error.hint)
  })
}

test('probes may ask with anything', async () => {
  for (const path_ of ['/healthz?x=1', '/readyz?x=1', '/metrics?x=1'])
    assert.equal((await ask({ path: path_ })).status, 200, path_)
})

test('every kind of refusal has a code, a sentence and a hint', async () => {
  const own = { ...admin(), ...json }
  const answers = await Promise.all([
    ask({ path: '/api/v1/nothing', headers: admin() }),
    ask({ path: '/api//v1' }),
    ask({ path: '/api/v1/traces' }),
    ask({ path: '/api/v1/traces', headers: { host: '' } }),
    ask({ path: '/api/v1/traces', headers: { host: 'evil.example' } }),
    ask({ path: '/api/v1/traces', headers: { origin: 'https://evil.example' } }),
    ask({ path: '/api/v1/traces', method: 'DELETE', headers: admin() }),
    ask({ path: '/api/v1/traces?minMs=x', headers: admin() }),
    ask({ path: '/api/v1/traces/xyz', headers: admin() }),
    ask({ path: `/api/v1/traces/${'d'.repeat(32)}`, headers: admin() }),
    ask({ path: '/api/v1/agents', headers: agentHeaders() }),
    ask({ path: '/api/v1/queries', method: 'POST', headers: own, body: '{' }),
    ask({ path: '/api/v1/queries', method: 'POST', headers: own, body: '[]' }),
    ask({ path: '/api/v1/queries', method: 'POST', headers: own, body: '{"text":"From"}' }),
    ask({
      path: '/api/v1/queries',
      method: 'POST',
      headers: { ...own, 'content-encoding': 'gzip' },
      body: 'x',
    }),
    ask({ path: '/api/v1/queries', method: 'POST', headers: own, body: '"'.repeat(1024 * 1024 + 1) }),
    ask({ path: '/api/v1/queries/none', method: 'DELETE', headers: admin() }),
    ask({ path: '/api/v1/tools/none', headers: admin() }),
    ask({ path: '/api/v1/tools/a%20b', method: 'PUT', headers: own, body: '{}' }),
    ask({ path: '/agent/v1/state?agent=', headers: agentHeaders() }),
    ask({ path: '/agent/v1/hello', method: 'POST', headers: agentHeaders(), body: '{}' }),
  ])
  for (const { status, body } of answers) {
    const { error } = JSON.parse(body)
    assert.ok(status >= 400 && /^E_[A-Z_]+$/.test(error.code), body)
    assert.ok(error.message.length > 0 && error.hint.length > 0, body)
  }
})

test('a trace, its spans in pages, its critical path; unknown and malformed ids', async () => {
  const get = async (at: string): Promise<ReturnType<typeof JSON.parse>> =>
    JSON.parse((await ask({ path: `/api/v1/traces/${at}`, headers: admin() })).body)
  const view = await get(TRACE_ID)
  assert.deepEqual([view.totalSpans, view.summary.rootName, view.spans.length], [3, 'op 0', 3])
  assert.deepEqual(
    (await get(`${TRACE_ID}/spans?offset=1&limit=1`)).spans.map(({ spanId }: { spanId: string }) => spanId),
    [view.spans[1].spanId],
  )
  const path_ = await get(`${TRACE_ID.toUpperCase()}/critical-path`)
  const total = path_.sections.reduce(
    (sum: bigint, { startNs, endNs }: { startNs: string; endNs: string }) =>
      sum + BigInt(endNs) - BigInt(startNs),
    0n,
  )
  assert.equal(total, 1_000n)
  assert.equal((await get('b'.repeat(32))).error.code, 'E_NOT_FOUND')
  assert.equal((await get('xyz')).error.code, 'E_BAD_REQUEST')
  assert.equal((await get('0'.repeat(32))).error.code, 'E_BAD_REQUEST')
})

test('critical paths of what a search finds, with a what-if; impact, outline and find of one trace', async () => {
  const answer = await ask({
    path: '/api/v1/traces/critical-path',
    method: 'POST',
    headers: { ...admin(), 'content-type': 'application/json' },
    body: JSON.stringify({
      filter: { service: 'shop', attr: { n: '1' } },
      limit: 5,
      whatIf: { name: 'op 0', faster: 50 },
    }),
  })
  assert.equal(answer.status, 200)
  const { whole, operations, whatIf, skipped } = JSON.parse(answer.body)
  assert.deepEqual([whole.ns, whole.traces, skipped], ['1000', 1, 0])
  assert.equal(
    operations.reduce((sum: bigint, { ns }: { ns: string }) => sum + BigInt(ns), 0n),
    1_000n,
  )
  assert.ok(BigInt(whatIf.afterNs) <= 1_000n)
  assert.deepEqual({ ...filters.at(-1)?.attributes, limit: filters.at(-1)?.limit }, { n: '1', limit: 5 })
  const get = async (at: string) =>
    JSON.parse((await ask({ path: `/api/v1/traces/${at}`, headers: admin() })).body)
  const impact = await get(`${TRACE_ID}/spans/0000000000000002/impact`)
  assert.deepEqual([impact.spanId, BigInt(impact.dragNs) >= 0n], ['0000000000000002', true])
  assert.equal((await get(`${TRACE_ID}/spans/0000000000000002`)).name, 'op 1')
  assert.equal((await get(`${TRACE_ID}/spans/00000000000000ff`)).error.code, 'E_NOT_FOUND')
  assert.equal((await get(`${TRACE_ID}/spans/zz/impact`)).error.code, 'E_BAD_REQUEST')
  assert.equal((await get(`${TRACE_ID}/outline`)).kind, 'whole')
  const { outline } = await get(`${TRACE_ID}/outline?modelled=true`)
  assert.deepEqual([outline.totalSpans, outline.parent, outline.spanIds.length], [3, [-1, 0, 0], 48])
  assert.deepEqual((await get(`${TRACE_ID}/find?text=op%202`)).spanIds, ['0000000000000003'])
  assert.equal((await get(`${TRACE_ID}/find`)).error.code, 'E_BAD_REQUEST')
  assert.equal(
    (await get('heat?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z')).error.code,
    'E_BAD_REQUEST',
  )
})

test('a body of critical paths that makes no sense is refused by name', async () => {
  const bodies: readonly (readonly [body: unknown, names: RegExp])[] = [
    [{ limit: 0 }, /limit must be 1\.\.1000/],
    [{ limit: 1001 }, /limit/],
    [{ filter: { cursor: 'x' } }, /filter\.cursor is not a condition/],
    [{ filter: { minMs: 'soon' } }, /minMs must be milliseconds/],
    [{ filter: [] }, /filter must be an object/],
    [{ whatIf: { faster: 20 } }, /must name a service/],
    [{ whatIf: { name: 'x', faster: 101 } }, /faster must be 0\.\.100/],
    [{ whatIf: { name: 'x' } }, /faster must be a number/],
  ]
  for (const [body, names] of bodies) {
    const answer = await ask({
      path: '/api/v1/traces/critical-path',
      method: 'POST',
      headers: { ...admin(), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    assert.equal(answer.status, 400)
    assert.match(JSON.parse(answer.body).error.message, names)
  }
})

/** Reads a stream until `wanted` says it has seen enough. */
function readStream(
  at: string,
  headers: { readonly [name: string]: string },
  wanted: (text: string) => boolean,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(server.url)
    const request = httpRequest({ host: '127.0.0.1', port, path: at, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        if (!wanted(text)) return
        request.destroy()
        resolve(text)
      })
    })
    request.on('error', reject)
    request.end()
  })
}

test('the live list tells a trace when it appears and again when it has grown', async () => {
  const id = 'c'.repeat(32)
  let isGrown = false
  const text = await readStream(
    '/api/v1/traces?service=shop',
    { ...admin(), accept: 'text/event-stream' },
    (seen) => {
      if (!seen.includes(TRACE_ID)) return false
      if (!spans.some(({ traceId }) => traceId === id)) spans.push(spanOf(0, { traceId: id }))
      if (seen.includes(id) && !isGrown) isGrown = spans.push(spanOf(1, { traceId: id })) > 0
      return seen.split(id).length > 2
    },
  )
  const events = text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)))
  const counts = events
    .flatMap(({ traces }) => traces)
    .filter(({ traceId }: { traceId: string }) => traceId === id)
  assert.deepEqual(
    counts.map(({ spanCount }: { spanCount: number }) => spanCount),
    [1, 2],
  )
})

const agentHeaders = (): { readonly [name: string]: string } => ({
  authorization: `Bearer ${server.agentToken}`,
  ...json,
})
const HELLO = {
  agent: 'agent-1',
  service: 'shop',
  pid: 7,
  host: 'A',
  nodeVersion: 'v24',
  agentVersion: '0.1',
  startedMs: 1,
  resource: {},
  tracepoints: [
    { name: 'http.server.request', vars: ['url'] },
    { name: 'shop.buy', vars: ['item'] },
  ],
}
const REPORT = {
  agent: 'agent-1',
  epoch: 'e',
  seq: 2,
  timeMs: 1,
  stateVersion: 0,
  packages: [],
  drops: {},
  rssBytes: 1,
  eventLoopDelayMsP99: 1,
  spans: { emitted: 9, sent: 8, dropped: 1, queued: 0 },
  budget: { adviceNs: 0, adviceRuns: 0, isTripped: false },
}

test('an agent says hello, reports, and is seen; an old report changes nothing; strangers are told to say hello', async () => {
  const post = (at: string, body: object): Promise<Answer> =>
    ask({ path: `/agent/v1/${at}`, method: 'POST', headers: agentHeaders(), body: JSON.stringify(body) })
  assert.equal((await post('report', REPORT)).status, 409)
  assert.equal((await post('hello', { ...HELLO, pid: 'seven' })).status, 400)
  assert.equal((await post('hello', HELLO)).status, 200)
  assert.equal((await post('report', REPORT)).status, 200)
  assert.equal((await post('report', { ...REPORT, seq: 1, rssBytes: 5 })).status, 200)
  const { agents } = JSON.parse((await ask({ path: '/api/v1/agents', headers: admin() })).body)
  assert.deepEqual([agents.length, agents[0].isConnected, agents[0].report.rssBytes], [1, true, 1])
  const { tracepoints } = JSON.parse(
    (await ask({ path: '/api/v1/tracepoints?match=shop.*', headers: admin() })).body,
  )
  assert.deepEqual(tracepoints, [{ name: 'shop.buy', vars: ['item'], agents: 1, services: ['shop'] }])
})

test('an agent token opens no route of the operator, and no token no route of agents', async () => {
  assert.equal((await ask({ path: '/api/v1/tools', headers: agentHeaders() })).status, 403)
  assert.equal((await ask({ path: '/agent/v1/state?agent=x' })).status, 401)
})

async function signedState(): Promise<SignedState> {
  const text = await readStream('/agent/v1/state?agent=agent-1', agentHeaders(), (seen) =>
    /data: .*\n\n/.test(seen),
  )
  return JSON.parse(/event: state\ndata: (.*)\n/.exec(text)?.[1] ?? '')
}

function openState(signed: SignedState): DesiredState {
  const payload = Buffer.from(signed.payload, 'base64url')
  const raw = Buffer.from(signed.publicKey, 'base64url')
  const fingerprint = createHash('sha256').update(raw).digest().subarray(0, 16).toString('base64url')
  assert.equal(server.agentToken.split('.')[1], fingerprint)
  const key = createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]),
    format: 'der',
    type: 'spki',
  })
  assert.ok(verify(null, payload, key, Buffer.from(signed.signature, 'base64url')))
  return JSON.parse(payload.toString('utf8'))
}

const TOOL = {
  schema: '',
  parameters: {},
  advice: [
    {
      tracepoint: 'http.server.request',
      instructions: [
        { op: 'let', slot: 'level', value: 'debug' },
        { op: 'act', act: 'logLevel', slot: 'level' },
      ],
    },
  ],
}

test("a tool is verified, signed, told; its version and the state's only grow, across restarts too", async () => {
  const put = (body: object): Promise<Answer> =>
    ask({
      path: '/api/v1/tools/levels',
      method: 'PUT',
      headers: { ...admin(), ...json },
      body: JSON.stringify(body),
    })
  assert.equal((await put(TOOL)).status, 200)
  const before = openState(await signedState())
  assert.deepEqual(
    before.packages.map(({ name, version }) => [name, version]),
    [['levels', 1]],
  )
  assert.ok(before.expiresMs > Date.now())
  await server.close()
  server = await start()
  assert.equal((await put(TOOL)).status, 200)
  const later = openState(await signedState())
  assert.ok(later.version > before.version && later.fleet === before.fleet)
  assert.equal(later.packages[0]?.version, 2)
  const refused = await put({
    ...TOOL,
    advice: [{ tracepoint: 'x', instructions: [{ op: 'act', act: 'logLevel', slot: 'never' }] }],
  })
  assert.deepEqual([refused.status, JSON.parse(refused.body).error.code], [422, 'E_ADVICE_SLOT'])
  const observe = { op: 'observe', vars: ['path'] }
  const hold = { op: 'act', act: 'hold', slot: 'path' }
  const held = await put({ ...TOOL, advice: [{ tracepoint: 'x', instructions: [observe, hold] }] })
  assert.equal(held.status, 422)
  assert.match(
    held.body,
    /E_ADVICE_ACT.*hold: .*put it at http\.server\.request\.start.*nothing was deployed/,
  )
  const release = () => ask({ path: '/api/v1/tools/levels/release', method: 'POST', headers: admin() })
  const nothing = await release()
  assert.deepEqual([nothing.status, JSON.parse(nothing.body).error.code], [409, 'E_HOLDS_NOTHING'])
  const told = async () => openState(await signedState()).packages.map((one) => [one.version, one.release])
  const arrival = 'http.server.request.start'
  const breakpoint = { ...TOOL, release: 9, advice: [{ tracepoint: arrival, instructions: [observe, hold] }] }
  await put(breakpoint)
  assert.deepEqual(await told(), [[3, 0]])
  assert.deepEqual(JSON.parse((await release()).body).held, 0)
  assert.deepEqual(await told(), [[3, 1]])
  await put(breakpoint)
  assert.deepEqual(await told(), [[4, 1]], 'what was released stays so')
  assert.equal((await ask({ path: '/api/v1/tools/levels', method: 'DELETE', headers: admin() })).status, 200)
  assert.equal((await ask({ path: '/api/v1/tools/levels', headers: admin() })).status, 404)
  assert.equal((await release()).status, 404)
  assert.equal(openState(await signedState()).packages.length, 0)
})

test('the kill switch is told to agents and can be taken back', async () => {
  const put = (disabled: boolean): Promise<Answer> =>
    ask({
      path: '/api/v1/kill-switch',
      method: 'PUT',
      headers: { ...admin(), ...json },
      body: JSON.stringify({ disabled }),
    })
  await put(true)
  assert.equal(openState(await signedState()).disabled, true)
  await put(false)
  assert.equal(openState(await signedState()).disabled, false)
})

test('the audit log names who did what, and tells when a line was changed or a last line torn', async () => {
  const read = async (): Promise<{ isIntact: boolean; entries: { what: string }[] }> =>
    JSON.parse((await ask({ path: '/api/v1/audit?limit=1000', headers: admin() })).body)
  const good = await read()
  assert.ok(good.isIntact)
  for (const what of ['tool.deploy', 'tool.release', 'tool.remove', 'login', 'agents.disabled', 'start'])
    assert.ok(
      good.entries.some((entry) => entry.what === what),
      what,
    )
  const file = path.join(dataDir, 'audit.log')
  const text = readFileSync(file, 'utf8')
  await server.close()
  writeFileSync(file, `${readFileSync(file, 'utf8')}{"seq":99,"torn`)
  server = await start()
  assert.ok((await read()).isIntact)
  writeFileSync(file, text.replace('tool.deploy', 'tool.nothing'))
  assert.equal((await read()).isIntact, false)
})

test('secrets are files of their owner only', () => {
  for (const name of [
    'admin-token',
    'agent-token',
    'keys/signing.pem',
    'keys/session.key',
    'audit.log',
    'state.json',
  ]) {
    assert.equal(statSync(path.join(dataDir, name)).mode & 0o077, 0, name)
  }
})

test('a second server on the same folder is refused and told where the first is', async () => {
  await assert.rejects(
    start(),
    (error: Error) => 'code' in error && error.code === 'E_DATA_LOCKED' && error.message.includes(server.url),
  )
})

test('a busy port is told with who holds it; --auto-port takes the next', async () => {
  const holder = createTcp()
  await new Promise<void>((resolve) => {
    holder.listen(0, '127.0.0.1', resolve)
  })
  const { port } = holder.address() as AddressInfo
  const other = mkdtempSync(path.join(tmpdir(), 'crosscut-busy-'))
  try {
    await assert.rejects(
      start({ dataDir: other, port }),
      (error: Error) =>
        'code' in error &&
        error.code === 'E_PORT_BUSY' &&
        error.message.includes(`process ${process.pid}`) &&
        error.message.includes(String(port)),
    )
    const moved = await start({ dataDir: other, port, autoPort: true })
    assert.notEqual(Number(new URL(moved.url).port), port)
    await moved.close()
  } finally {
    holder.close()
    rmSync(other, { recursive: true, force: true })
  }
})

for (const [says, text] of [
  ['a bad header line', 'GET /healthz HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n'],
  ['no request at all', '\u0000\u0001\u0002\r\n\r\n'],
  ['a header of 20 kB', `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
  ['100,000 headers', `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n${'a:b\r\n'.repeat(100_000)}\r\n`],
] as const) {
  test(`${says} is answered 4xx and the server lives`, async () => {
    const first = await new Promise<string>((resolve) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.write(text))
      let seen = ''
      socket
        .on('data', (chunk) => {
          seen += chunk.toString()
        })
        .on('error', () => {})
        .on('close', () => resolve(seen))
    })
    assert.match(first, /^(HTTP\/1\.1 4\d\d[^]*"code":"E_[^]*"hint":"|$)/)
    assert.equal((await ask({ path: '/healthz' })).status, 200)
  })
}

test('configuration: flags before environment before file; everything wrong is told at once', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'crosscut-config-'))
  const { readConfig } = await import('./options.ts')
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ port: 1, otlpPort: 2, host: 'localhost' }))
  const config = readConfig({ dataDir: folder, host: '127.0.0.1' }, { CROSSCUT_PORT: '3' })
  assert.deepEqual([config.port, config.otlpPort, config.host], [3, 2, '127.0.0.1'])
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ prot: 1, otlpPort: 'x' }))
  assert.throws(
    () => readConfig({ dataDir: folder }, { CROSSCUT_PORT: '99999' }),
    (error: Error) =>
      ['prot', 'config.json: otlpPort', 'CROSSCUT_PORT'].every((part) => error.message.includes(part)),
  )
  assert.throws(() => readConfig({ host: '0.0.0.0', insecureNoAuth: true }), /loopback/)
  rmSync(path.join(folder, 'config.json'))
  mkdirSync(path.join(folder, 'config.json'))
  assert.throws(() => readConfig({ dataDir: folder }), /config\.json cannot be read: EISDIR/)
  rmSync(folder, { recursive: true, force: true })
})

for (const [where, options, env, file] of [
  ['a flag', { insecureNoAuth: true }, {}, {}],
  ['the environment', {}, { CROSSCUT_INSECURE_NO_AUTH: '1' }, {}],
  ['config.json', {}, {}, { insecureNoAuth: true }],
] as const) {
  test(`without authentication, by ${where}: everybody is admin, and the log says so`, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'crosscut-open-'))
    writeFileSync(path.join(folder, 'config.json'), JSON.stringify(file))
    const said: string[] = []
    const log = (message: string) => void said.push(message)
    const given = { ...options, dataDir: folder, port: 0, otlpPort: 0, log }
    const open = await startServer(given, env, parts)
    try {
      const statusOf = async (init: RequestInit): Promise<number> =>
        (await fetch(`${open.url}/api/v1/kill-switch`, init)).status
      assert.equal(await statusOf({}), 200)
      const body = JSON.stringify({ disabled: false })
      assert.equal(await statusOf({ method: 'PUT', headers: json, body }), 200)
      const warnings = said.filter((message) => /WARNING.*whoever reaches this port is admin/.test(message))
      assert.equal(warnings.length, 1, said.join())
    } finally {
      await open.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

test('with authentication nobody is warned of its absence', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'crosscut-shut-'))
  const said: string[] = []
  const log = (message: string) => void said.push(message)
  const shut = await startServer({ dataDir: folder, port: 0, otlpPort: 0, log }, {}, parts)
  assert.equal((await fetch(`${shut.url}/api/v1/kill-switch`)).status, 401)
  await shut.close()
  assert.ok(!said.some((message) => message.includes('WARNING')), said.join())
  rmSync(folder, { recursive: true, force: true })
})

test('when traces are due is a setting: by flag, environment and file, from 100 to 30000 ms', async () => {
  const { readConfig, triggersOf } = await import('./options.ts')
  const folder = mkdtempSync(path.join(tmpdir(), 'crosscut-config-'))
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ traceFirstMs: 100, traceAgainMs: 30_000 }))
  const given = { dataDir: folder, traceIdleMs: 30_000 }
  const triggers = triggersOf(readConfig(given, { CROSSCUT_TRACE_ROOTLESS_IDLE_MS: '100' }))
  assert.deepEqual(triggers, { idleMs: 30_000, rootlessIdleMs: 100, firstMs: 100, againMs: 30_000 })
  assert.throws(
    () => readConfig({ dataDir: folder, traceIdleMs: 99 }, { CROSSCUT_TRACE_FIRST_MS: '30001' }),
    (error: Error & { code?: string }) =>
      error.code === 'E_CONFIG' &&
      error.message.includes('--trace-idle-ms must be a whole number of ms from 100 to 30000') &&
      error.message.includes('CROSSCUT_TRACE_FIRST_MS must be a whole number of ms from 100 to 30000'),
  )
  rmSync(folder, { recursive: true, force: true })
})

test('docs/reference/settings.md has every setting, by each of its names', async () => {
  const { SETTINGS } = await import('./options.ts')
  const page = readFileSync(new URL('../../docs/reference/settings.md', import.meta.url), 'utf8')
  const told = [...page.matchAll(/^\| `(--[\w-]+)[^`]*` \| `(\w+)` \| `(\w+)` \|/gm)].map((row) =>
    row.slice(1),
  )
  assert.deepEqual(
    told,
    Object.entries(SETTINGS).map(([name, { flag, env }]) => [flag, env, name]),
  )
})

test('docs/reference/http-api.md is what the route table says', async () => {
  const { apiReference } = await import('./api-reference.ts')
  const page = readFileSync(new URL('../../docs/reference/http-api.md', import.meta.url), 'utf8')
  assert.equal(page, apiReference(), 'run: node service/server/reference.ts')
})
