// Sampling over the server's surface: policies kept, told to agents signed, split among them, ended; the tail
// rule kept and handed on; all of it audited and granted by verb.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { DesiredState, SamplingList, SignedState, TailRule } from '#protocol'
import { memoryPipeline } from './memory-pipeline.fixture.ts'
import { startServer, type ServerHandle } from './start-server.ts'

const dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-sampling-'))
const tails: (TailRule | undefined)[] = []
const { parts } = memoryPipeline([])
let server: ServerHandle

const start = (dir = dataDir): Promise<ServerHandle> =>
  startServer(
    { dataDir: dir, port: 0, otlpPort: 0 },
    {},
    {
      startPipeline: async (options) => {
        tails.push(options.tail)
        return { ...(await parts.startPipeline(options)), setTail: (rule) => void tails.push(rule) }
      },
    },
  )

before(async () => {
  server = await start()
})
after(async () => {
  await server.close()
  rmSync(dataDir, { recursive: true, force: true })
})

type Answered = { readonly status: number; readonly json: ReturnType<typeof JSON.parse> }

async function ask(line: string, body?: unknown, token = server.adminToken): Promise<Answered> {
  const [method = 'GET', at = '/'] = line.split(' ')
  const response = await fetch(`${server.url}${at}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, json: JSON.parse(await response.text()) }
}

const list = async (): Promise<SamplingList> => (await ask('GET /api/v1/sampling')).json

/** What the server wants of this agent now: the first event of its stream. */
async function told(agent: string): Promise<DesiredState> {
  const response = await fetch(`${server.url}/agent/v1/state?agent=${agent}`, {
    headers: { authorization: `Bearer ${server.agentToken}` },
  })
  const reader = response.body?.getReader()
  let text = ''
  for (;;) {
    const { value } = (await reader?.read()) ?? {}
    text += Buffer.from(value ?? new Uint8Array()).toString()
    const data = /data: (.*)\n\n/.exec(text)?.[1]
    if (data === undefined) continue
    await reader?.cancel()
    const signed: SignedState = JSON.parse(data)
    return JSON.parse(Buffer.from(signed.payload, 'base64url').toString())
  }
}

const hello = (agent: string): Promise<Answered> =>
  ask(
    'POST /agent/v1/hello',
    {
      agent,
      service: 'shop',
      pid: 1,
      host: 'A',
      nodeVersion: '24',
      agentVersion: '0',
      startedMs: 0,
      resource: {},
      tracepoints: [],
    },
    server.agentToken,
  )

function report(agent: string, seq: number, seen: number): Promise<Answered> {
  const sampling = [{ policy: 'some', seen, kept: Math.floor(seen / 10), refused: 1 }]
  return ask(
    'POST /agent/v1/report',
    {
      agent,
      epoch: 'e',
      seq,
      timeMs: seq * 1000,
      stateVersion: 1,
      packages: [],
      sampling,
      spans: { emitted: 0, sent: 0, dropped: 0, queued: 0 },
      drops: {},
      budget: { adviceNs: 0, adviceRuns: 0, isTripped: false },
      eventLoopDelayMsP99: 0,
      rssBytes: 0,
    },
    server.agentToken,
  )
}

const GOOD = { owner: 'cart', strategy: { ratePerSecond: 10 } }

test('without policies agents are told what they always were', async () => {
  assert.equal((await told('nobody')).sampling, undefined)
  assert.deepEqual((await list()).policies, [])
})

test('a policy is told to agents at once, in a new version, and outlives the server', async () => {
  const { version } = await told('a')
  const restraints = [{ attribute: 'http.route', glob: '/cart/*' }]
  const set = await ask('PUT /api/v1/sampling/some', { ...GOOD, restraints, levelOfDetail: 'coarse' })
  assert.equal(set.status, 200)
  await server.close()
  server = await start()
  const state = await told('a')
  assert.ok(state.version > version)
  assert.deepEqual(state.sampling, {
    policies: [
      {
        name: 'some',
        owner: 'cart',
        strategy: { kind: 'rate', perSecond: 10 },
        restraints: [{ attribute: 'http.route', test: 'glob', value: '/cart/*' }],
        levelOfDetail: 'coarse',
      },
    ],
    shares: { some: 1 },
    share: 1,
    perSecond: 1000,
    perSecondOfTenant: 5,
  })
  const [policy] = (await list()).policies
  assert.equal(policy?.setBy, 'admin token')
})

test('a rate is split among agents by the demand that they report', async () => {
  await Promise.all(['busy', 'idle'].map(hello))
  for (const seq of [1, 2, 3]) {
    await report('busy', seq, seq * 900)
    await report('idle', seq, seq * 100)
  }
  const share = async (agent: string): Promise<number> => (await told(agent)).sampling?.shares['some'] ?? -1
  // Shares follow every five seconds; the agents go on as they were.
  for (let seq = 4; Math.abs((await share('busy')) - 0.86) > 1e-9; seq++) {
    await report('busy', seq, seq * 900)
    await report('idle', seq, seq * 100)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.ok(Math.abs((await share('idle')) - 0.14) < 1e-9)
  const [policy] = (await list()).policies
  assert.equal(policy?.use.agents, 2)
  assert.ok((policy?.use.seen ?? 0) >= 3000 && policy?.use.refused === 2)
})

for (const [says, body, code] of [
  ['no owner', { strategy: { probability: 1 } }, 'E_BAD_REQUEST'],
  ['a probability above one', { owner: 'x', strategy: { probability: 2 } }, 'E_BAD_REQUEST'],
  ['another name', { ...GOOD, name: 'other' }, 'E_BAD_REQUEST'],
  ['a lifetime of nothing', { ...GOOD, ttlSeconds: 0 }, 'E_BAD_REQUEST'],
  ['a lifetime of two years', { ...GOOD, ttlSeconds: 2 * 366 * 24 * 3600 }, 'E_BAD_REQUEST'],
  ['an end that is over', { ...GOOD, endsMs: 1 }, 'E_BAD_REQUEST'],
  ['no object', [GOOD], 'E_BAD_REQUEST'],
] as const) {
  test(`a policy with ${says} is refused with a code and its mend, and nothing changes`, async () => {
    const before_ = await list()
    const { status, json } = await ask('PUT /api/v1/sampling/bad', body)
    assert.deepEqual([status, json.error.code], [400, code])
    assert.ok(json.error.hint.length > 0)
    assert.equal((await list()).stateVersion, before_.stateVersion)
  })
}

test('a policy ends at its time: agents are told without it', async () => {
  await ask('PUT /api/v1/sampling/short', { ...GOOD, ttlSeconds: 0.2 })
  assert.equal((await list()).policies.length, 2)
  const names = async (): Promise<string[]> =>
    (await told('a')).sampling?.policies.map(({ name }) => name) ?? []
  while ((await names()).includes('short')) await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal((await list()).policies.length, 1)
  assert.equal((await ask('GET /api/v1/sampling/short')).status, 404)
})

test('the tail rule is handed to the pipeline, also by the next server, until it is removed', async () => {
  const rule = { slow: true, failed: true, rareBelow: 5, probability: 0.1 }
  assert.equal((await ask('GET /api/v1/tail-sampling')).status, 404)
  assert.equal((await ask('PUT /api/v1/tail-sampling', { probability: 0 })).status, 400)
  assert.deepEqual((await ask('PUT /api/v1/tail-sampling', rule)).json, rule)
  assert.deepEqual(tails.at(-1), rule)
  await server.close()
  tails.length = 0
  server = await start()
  assert.deepEqual(tails, [rule, rule])
  assert.deepEqual((await list()).tail, rule)
  await ask('DELETE /api/v1/tail-sampling')
  assert.equal(tails.at(-1), undefined)
  assert.equal((await list()).tail, null)
})

test('every change is in the audit log, with who asked for what', async () => {
  await ask('DELETE /api/v1/sampling/some')
  assert.equal((await ask('DELETE /api/v1/sampling/some')).status, 404)
  const { json } = await ask('GET /api/v1/audit')
  const what = json.entries.map((entry: { what: string }) => entry.what)
  for (const one of ['sampling.set', 'sampling.remove', 'tail.set', 'tail.remove'])
    assert.ok(what.includes(one), one)
  const set = json.entries.find(
    (entry: { what: string; detail: { name: string } }) => entry.detail.name === 'some',
  )
  assert.equal(json.isIntact, true)
  assert.ok(set !== undefined)
})

test('a token for sampling sets policies, and not the rule that deletes', async () => {
  const { json } = await ask('POST /api/v1/tokens', { name: 's', may: ['sampling:set'] })
  assert.equal((await ask('PUT /api/v1/sampling/mine', GOOD, json.secret)).status, 200)
  assert.equal((await ask('DELETE /api/v1/sampling/mine', undefined, json.secret)).status, 200)
  assert.equal((await ask('PUT /api/v1/tail-sampling', { probability: 1 }, json.secret)).status, 403)
})

test('the last of 256 policies is accepted, one more refused', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'crosscut-sampling-'))
  const saved = Array.from({ length: 255 }, (_, i) => ({ ...GOOD, name: `p${i}`, setBy: 'x', setMs: 0 }))
  writeFileSync(path.join(dir, 'sampling.json'), JSON.stringify({ policies: saved }))
  await server.close()
  server = await start(dir)
  assert.equal((await ask('PUT /api/v1/sampling/last', GOOD)).status, 200)
  const { status, json } = await ask('PUT /api/v1/sampling/more', GOOD)
  assert.deepEqual([status, json.error.code], [409, 'E_TOO_MANY_POLICIES'])
  assert.equal((await ask('PUT /api/v1/sampling/p7', GOOD)).status, 200)
})

test('a server does not start on damaged policies', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'crosscut-sampling-'))
  writeFileSync(path.join(dir, 'sampling.json'), '{"policies":[{"name":"x"}]}')
  await assert.rejects(start(dir), { code: 'E_DATA_DAMAGED' })
  rmSync(dir, { recursive: true, force: true })
})
