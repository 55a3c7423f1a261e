// Who may do what, through HTTP: every route against every verb, namespaces at their edges, values, ends of
// tokens, and what strangers may ask for.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { VERBS, type TokenCreated, type TokenView } from '#protocol'
import { memoryPipeline, spanOf } from './memory-pipeline.fixture.ts'
import { routeTable } from './routes.ts'
import { startServer, type ServerHandle } from './start-server.ts'

const dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-tokens-'))
const { parts } = memoryPipeline([spanOf(0)])
let server: ServerHandle

const start = (): Promise<ServerHandle> => startServer({ dataDir, port: 0, otlpPort: 0 }, {}, parts)
before(async () => {
  server = await start()
})
after(async () => {
  await server.close()
  rmSync(dataDir, { recursive: true, force: true })
})

type Headers = { readonly [name: string]: string }
const bearer = (secret: string): Headers => ({ authorization: `Bearer ${secret}` })
const JSON_BODY = { 'content-type': 'application/json' }

/** Redirects are answers. `body`: none, or sent as JSON. */
function ask(line: string, headers: Headers, body?: unknown): Promise<Response> {
  const [method, at] = line.split(' ')
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { ...headers, ...JSON_BODY } }
  return fetch(server.url + at, { method, headers, redirect: 'manual', ...sent })
}

/** As `JSON.parse` has it. */
async function read(asked: Promise<Response>): Promise<ReturnType<typeof JSON.parse>> {
  return JSON.parse(await (await asked).text())
}

let made = 0
async function token(...may: string[]): Promise<TokenCreated> {
  const answer = await ask('POST /api/v1/tokens', bearer(server.adminToken), { name: `t${++made}`, may })
  assert.equal(answer.status, 201, JSON.stringify(may))
  return read(Promise.resolve(answer))
}

const revoke = (id: string): Promise<Response> =>
  ask(`DELETE /api/v1/tokens/${id}`, bearer(server.adminToken))

/** `200`, or `403 E_FORBIDDEN`. */
async function outcome(asked: Promise<Response>): Promise<string> {
  const answer = await asked
  const body = JSON.parse(await answer.text())
  return answer.ok ? String(answer.status) : `${answer.status} ${body.error.code}`
}

const GUARDED = routeTable.filter(({ access }) => access !== 'public')

for (const verb of VERBS) {
  test(`a token that may only ${verb} is refused by every route that needs another verb`, async () => {
    const { id, secret } = await token(verb)
    for (const { method, path: at, access } of GUARDED) {
      const body = method === 'GET' || method === 'DELETE' ? undefined : {}
      const line = `${method} ${at.replace(/\{\w+\}/g, 'nothing')}`
      const answer = await ask(line, bearer(secret), body)
      // What was refused is JSON; of what was not, some answers are text.
      const text = await answer.text()
      const error = text.startsWith('{') ? JSON.parse(text).error : undefined
      assert.notEqual(answer.status, 401, line)
      if (verb === access || verb === 'admin') assert.notEqual(error?.code, 'E_FORBIDDEN', line)
      else {
        assert.deepEqual([answer.status, error.code], [403, 'E_FORBIDDEN'], line)
        assert.match(error.message, /^token t\d+ may not /)
        assert.ok(error.hint.startsWith(`missing: ${access};`), `${line}: ${error.hint}`)
      }
    }
    await revoke(id)
  })
}

test('an agent token opens the routes of agents only', async () => {
  for (const { method, path: at, access } of GUARDED) {
    const body = method === 'GET' || method === 'DELETE' ? undefined : {}
    const answer = await ask(`${method} ${at.replace(/\{\w+\}/g, 'x')}`, bearer(server.agentToken), body)
    assert.equal(answer.status === 403, access !== 'agent', `${method} ${at}`)
  }
})

const query = (text: string, secret: string): Promise<Response> =>
  ask('POST /api/v1/queries', bearer(secret), { text, dryRun: true })

for (const [grants, text, isGranted] of [
  ['query:install', 'From f In **:* Select COUNT', true],
  ['query:install@shop/**', 'From f In shop/store.ts:get Select COUNT', true],
  ['query:install@shop/**', 'From f In shop/store.ts:get@return Select COUNT', true],
  ['query:install@shop/**', 'From f In shop/**:* Select COUNT', true],
  ['query:install@shop/**', 'From f In store.ts:get Select COUNT', false],
  ['query:install@shop/**', 'From f In workshop/store.ts:get Select COUNT', false],
  ['query:install@shop/**', 'From f In **:get Select COUNT', false],
  ['query:install@http.*', 'From h In http.server.response, http.client.response Select COUNT', true],
  ['query:install@http.*', 'From h In http.server.response, node.gc Select COUNT', false],
  ['query:install@http.* query:install@node.gc', 'From h In http.a.b, node.gc Select COUNT', true],
  ['query:install@http.*', 'From h In http.client.response Join g In node.gc On g -> h Select COUNT', false],
  // Values: what a process is, how long and with what status is none.
  [
    'query:install',
    'From h In http.server.response GroupBy h.status Select h.status, P99(h.durationMs)',
    true,
  ],
  ['query:install', 'From f In a.ts:f@exit GroupBy f.service, f.tenant Select f.service, COUNT', true],
  ['query:install', 'From d In node.eventloop.delay Select MAX(d.p99Ms)', true],
  ['query:install', 'From h In http.server.response Select h.path', false],
  ['query:install', 'From f In a.ts:f Where f.user == "ann" Select COUNT', false],
  ['query:install', 'From f In a.ts:f@return Select COUNT(DISTINCT f.return.id)', false],
  ['query:install', 'From f In a.ts:f@17 GroupBy f.local Select f.local, COUNT', false],
  ['query:install', 'From f In a.ts:f GroupBy f.status Select f.status, COUNT', false],
  ['query:install', 'From f In a.ts:f GroupBy f.host.name Select f.host.name, COUNT', false],
  ['query:install', 'From s In span.end GroupBy s["attributes.db"] Select s["attributes.db"], COUNT', false],
  ['query:install query:capture-values@shop/**', 'From f In shop/a.ts:f Select f.user', true],
  ['query:install query:capture-values@shop/**', 'From f In other/a.ts:f Select f.user', false],
  [
    'query:install query:capture-values@http.*',
    'From f In a.ts:f Join h In http.server.request.start On h -> f GroupBy h.path Select h.path, COUNT',
    true,
  ],
  [
    'query:install query:capture-values@a.ts:*',
    'From f In a.ts:f Join h In http.server.request.start On h -> f GroupBy h.path Select h.path, COUNT',
    false,
  ],
  ['query:capture-values', 'From f In a.ts:f Select COUNT', false],
] as const) {
  test(`who may ${grants} is ${isGranted ? 'given' : 'refused'}: ${text}`, async () => {
    const { id, secret } = await token(...grants.split(' '))
    assert.equal(await outcome(query(text, secret)), isGranted ? '200' : '403 E_FORBIDDEN')
    await revoke(id)
  })
}

test('a refusal names all that is missing, verb and namespace', async () => {
  const { id, name, secret } = await token('query:install@http.*')
  const { error } = await read(query('From f In shop/a.ts:f@return Select f.return', secret))
  assert.equal(error.message, `token ${name} may not install or remove queries at shop/a.ts:f@return`)
  assert.match(error.hint, /^missing: query:install@shop\/a.ts:f query:capture-values@shop\/a.ts:f;/)
  await revoke(id)
})

test('a view is what it stands for, and a query is removed by whoever may install it', async () => {
  const admin = bearer(server.adminToken)
  const text = 'From h In http.server.response Select h.path As path'
  const view = await read(ask('POST /api/v1/queries', admin, { text, name: 'paths' }))
  const shop = await token('query:install@shop/**')
  const http = await token('query:install@http.*')
  const through = 'From f In shop/a.ts:f Join p In paths On p -> f Select COUNT'
  assert.equal(await outcome(query(through, shop.secret)), '403 E_FORBIDDEN')
  const remove = (secret: string): Promise<string> =>
    outcome(ask(`DELETE /api/v1/queries/${view.id}`, bearer(secret)))
  assert.equal(await remove(shop.secret), '403 E_FORBIDDEN')
  assert.equal(await remove(http.secret), '200')
  for (const { id } of [shop, http]) await revoke(id)
})

const tool = (tracepoint: string, ...instructions: object[]): object => ({
  advice: [{ tracepoint, instructions }],
})
const OBSERVE = { op: 'observe', vars: ['user'] }
const LEVEL = [
  { op: 'let', slot: 'level', value: 'debug' },
  { op: 'act', act: 'logLevel', slot: 'level' },
]

test('a tool is deployed, replaced and removed inside of its namespace; reading values is a verb of its own', async () => {
  const admin = server.adminToken
  const shop = await token('tool:deploy@shop/**')
  const all = await token('tool:deploy', 'query:capture-values')
  const put = (name: string, body: object, secret: string): Promise<string> =>
    outcome(ask(`PUT /api/v1/tools/${name}`, bearer(secret), body))
  const remove = (name: string, secret: string): Promise<string> =>
    outcome(ask(`DELETE /api/v1/tools/${name}`, bearer(secret)))
  assert.equal(await put('mine', tool('shop/a.ts:f', ...LEVEL), shop.secret), '200')
  assert.equal(await put('mine', tool('shop/a.ts:f,http.x', ...LEVEL), shop.secret), '403 E_FORBIDDEN')
  assert.equal(await put('mine', tool('shop/a.ts:f', OBSERVE), shop.secret), '403 E_FORBIDDEN')
  assert.equal(await put('theirs', tool('http.x', OBSERVE, ...LEVEL), all.secret), '200')
  assert.equal(await put('theirs', tool('shop/a.ts:f', ...LEVEL), shop.secret), '403 E_FORBIDDEN')
  assert.equal(await remove('theirs', shop.secret), '403 E_FORBIDDEN')
  assert.equal(await remove('mine', shop.secret), '200')
  assert.equal(await remove('theirs', all.secret), '200')
  assert.equal(await put('query-1', tool('http.x', ...LEVEL), admin), '400 E_BAD_REQUEST', 'of queries')
  const schema = 'bag Tags = 70 { string plan = 0; }'
  const reading = { ...tool('shop/a.ts:f', { op: 'unpack', bag: 'Tags', field: 'plan', slot: 's' }), schema }
  assert.equal(await put('bags', reading, shop.secret), '403 E_FORBIDDEN', 'what others packed')
  for (const { id } of [shop, all]) await revoke(id)
})

test('who may only read is told no secret of agents', async () => {
  const { id, secret } = await token('read')
  const told = await read(ask('GET /api/v1/connection', bearer(secret)))
  assert.deepEqual([told.agentToken, told.serverUrl], [undefined, server.url])
  await revoke(id)
})

async function sessionOf(secret: string): Promise<string> {
  const { url } = await read(ask('POST /api/v1/login-links', bearer(secret), {}))
  const answer = await fetch(url, { redirect: 'manual' })
  assert.equal(answer.status, 303)
  return answer.headers.get('set-cookie')?.split(';')[0] ?? ''
}

test('a login link gives a session with the grants of its token, no more', async () => {
  const { id, name, secret } = await token('read')
  const cookie = await sessionOf(secret)
  assert.equal(await outcome(ask('GET /api/v1/traces', { cookie })), '200')
  const change = ask('PUT /api/v1/kill-switch', { cookie, origin: server.url }, { disabled: true })
  const { error } = await read(change)
  assert.equal(error.message, `browser of token ${name} may not administer this server`)
  const widened = cookie.replace(`.${id}.`, '.')
  assert.notEqual(widened, cookie)
  assert.equal((await ask('GET /api/v1/traces', { cookie: widened })).status, 401, 'forged')
  const { url } = await read(ask('POST /api/v1/login-links', bearer(secret), {}))
  await revoke(id)
  assert.equal((await fetch(url, { redirect: 'manual' })).status, 401, 'a link that was not followed yet')
})

const stream = (at: string, headers: Headers): Promise<Response> =>
  ask(`GET ${at}`, { ...headers, accept: 'text/event-stream' })

/** Resolves when the server ends it. */
async function ended({ body }: Response): Promise<void> {
  try {
    for await (const _ of body ?? []) continue
  } catch {
    // Cut off in the middle.
  }
}

test('revoking ends the token, its sessions and the streams of both, at once', async () => {
  const text = 'From h In http.server.response Select COUNT'
  const admin = bearer(server.adminToken)
  const installed = await read(ask('POST /api/v1/queries', admin, { text }))
  const { id, secret } = await token('read')
  const cookie = await sessionOf(secret)
  const other = await stream('/api/v1/traces', admin)
  const results = `/api/v1/queries/${installed.id}/results`
  const streams = await Promise.all([
    stream('/api/v1/traces', bearer(secret)),
    stream('/api/v1/traces', { cookie }),
    stream(results, bearer(secret)),
  ])
  assert.deepEqual(
    streams.map(({ status }) => status),
    [200, 200, 200],
  )
  assert.equal((await revoke(id)).status, 200)
  await Promise.all(streams.map(ended))
  for (const headers of [bearer(secret), { cookie }])
    assert.equal((await ask('GET /api/v1/traces', headers)).status, 401)
  assert.equal((await revoke(id)).status, 404)
  assert.ok((await other.body?.getReader().read())?.value, 'the stream of another goes on')
})

test('a token ends by itself, with the streams that it opened', async () => {
  const given = { name: 'short', may: ['read'], ttlSeconds: 1 }
  const short: TokenCreated = await read(ask('POST /api/v1/tokens', bearer(server.adminToken), given))
  const open = await stream('/api/v1/traces', bearer(short.secret))
  assert.equal(open.status, 200)
  await ended(open)
  assert.equal((await ask('GET /api/v1/traces', bearer(short.secret))).status, 401)
  assert.ok(!(await listed()).some(({ name }) => name === 'short'))
})

test('whoever revokes the token that it asks with is answered', async () => {
  const { id, secret } = await token('admin')
  assert.equal(await outcome(ask(`DELETE /api/v1/tokens/${id}`, bearer(secret))), '200')
  assert.equal((await ask('GET /api/v1/tokens', bearer(secret))).status, 401)
})

async function listed(): Promise<readonly TokenView[]> {
  return (await read(ask('GET /api/v1/tokens', bearer(server.adminToken)))).tokens
}

test('tokens, sessions and revocations outlive a restart; no secret is listed or stored', async () => {
  const kept = await token('read', 'query:install@shop/**,http.*')
  const gone = await token('read')
  const cookie = await sessionOf(kept.secret)
  await revoke(gone.id)
  await server.close()
  server = await start()
  assert.equal((await ask('GET /api/v1/traces', bearer(kept.secret))).status, 200)
  assert.equal((await ask('GET /api/v1/traces', { cookie })).status, 200)
  assert.equal((await ask('GET /api/v1/traces', bearer(gone.secret))).status, 401)
  assert.equal(await outcome(query('From f In http.x Select COUNT', kept.secret)), '200')
  const { secret, ...view } = kept
  assert.deepEqual(
    (await listed()).filter(({ id }) => id === kept.id),
    [view],
  )
  const file = path.join(dataDir, 'tokens.json')
  assert.ok(!readFileSync(file, 'utf8').includes(secret.slice(4)))
  assert.equal(statSync(file).mode & 0o077, 0)
  await revoke(kept.id)
})

for (const [says, change] of [
  ['no name', { name: undefined }],
  ['an empty name', { name: '' }],
  ['a name of 65 characters', { name: 'x'.repeat(65) }],
  ['a name with a newline', { name: 'ci\nadmin token from 127.0.0.1' }],
  ['a name that is a word of objects, as a list', { name: ['__proto__'] }],
  ['nothing granted', { may: [] }],
  ['one grant too many', { may: Array.from({ length: 17 }, () => 'read') }],
  ['a grant that is too long', { may: [`query:install@${'x'.repeat(243)}`] }],
  ['an unknown verb', { may: ['write'] }],
  ['a verb of objects', { may: ['constructor'] }],
  ['the right of agents', { may: ['agent'] }],
  ['a verb with a space', { may: ['admin '] }],
  ['no verb', { may: ['@shop/**'] }],
  ['a limit on what has none', { may: ['admin@shop/**'] }],
  ['a limit of nothing', { may: ['query:install@'] }],
  ['an alternative of nothing', { may: ['query:install@shop/**,'] }],
  ['a glob with a place', { may: ['query:install@a.ts:f@return'] }],
  ['a glob with a NUL', { may: ['query:install@a\u0000'] }],
  ['a glob with a newline', { may: ['query:install@a\n'] }],
  ['a life of no time', { ttlSeconds: 0 }],
  ['a life of more than a year', { ttlSeconds: 366 * 86_400 + 1 }],
  ['a life that is no number', { ttlSeconds: '60' }],
] as const) {
  test(`a token with ${says} is refused`, async () => {
    const asked = { name: 'hostile', may: ['read'], ...change }
    const answer = ask('POST /api/v1/tokens', bearer(server.adminToken), asked)
    assert.equal(await outcome(answer), '400 E_BAD_REQUEST')
  })
}

test('the last that is accepted: a long name, sixteen long grants, a year', async () => {
  const name = 'x'.repeat(64)
  const may = Array.from({ length: 16 }, () => `query:install@${'@x'.repeat(121)}`)
  const asked = { name, may, ttlSeconds: 366 * 86_400 }
  const answer = await ask('POST /api/v1/tokens', bearer(server.adminToken), asked)
  assert.equal(answer.status, 201)
  await revoke(JSON.parse(await answer.text()).id)
})

test('a name is taken once, and there is an end to how many there are', async () => {
  const make = (name: string): Promise<Response> =>
    ask('POST /api/v1/tokens', bearer(server.adminToken), { name, may: ['read'] })
  const before = (await listed()).length
  const all = await Promise.all(Array.from({ length: 256 - before }, (_, at) => make(`many${at}`)))
  assert.ok(all.every(({ status }) => status === 201))
  assert.equal(await outcome(make('many0')), '409 E_NAME_TAKEN')
  assert.equal(await outcome(make('more')), '409 E_TOO_MANY_TOKENS')
  const [{ id }] = await listed()
  await revoke(id)
  assert.equal(await outcome(make('more')), '201')
  await Promise.all((await listed()).map((one) => revoke(one.id)))
})

test('the audit log names the token, and who made and revoked it', async () => {
  const { id, name, secret } = await token('query:install@http.*', 'read')
  const text = 'From h In http.x Select COUNT'
  assert.equal((await ask('POST /api/v1/queries', bearer(secret), { text })).status, 201)
  await sessionOf(secret)
  await revoke(id)
  const { entries } = await read(ask('GET /api/v1/audit?limit=4', bearer(server.adminToken)))
  const lines = entries.map((one: { who: string; what: string; detail: { name?: string } }) =>
    [one.who.replace(/ from .*/, ''), one.what, one.detail.name].filter(Boolean).join(' '),
  )
  assert.deepEqual(lines, [
    `admin token token.revoke ${name}`,
    `browser of token ${name} login`,
    `token ${name} query.install`,
    `admin token token.create ${name}`,
  ])
})
