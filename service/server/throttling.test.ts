// What agents report of their resources, over the server's surface, and a wall clock that jumps meanwhile.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { packColumn, type AgentReport, type Measured, type ResourceView } from '#protocol'
import { Agents } from './agents.ts'
import { openDataDir } from './data-dir.ts'
import { CONTROL_STEP_MS } from './limits.ts'
import { memoryPipeline } from './memory-pipeline.fixture.ts'
import { startServer, type ServerHandle } from './start-server.ts'
import { Throttling } from './throttling.ts'

const home = mkdtempSync(path.join(tmpdir(), 'crosscut-throttling-'))
let server: ServerHandle
before(async () => {
  const at = { dataDir: path.join(home, 'server'), port: 0, otlpPort: 0 }
  server = await startServer(at, {}, memoryPipeline([]).parts)
})
after(async () => {
  await server.close()
  rmSync(home, { recursive: true, force: true })
})

async function ask(line: string, token: string, body?: unknown) {
  const [method = '', at = ''] = line.split(' ')
  const response = await fetch(server.url + at, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, json: JSON.parse(await response.text()) }
}

/** Of a pool that `acme` and `globex` hold for 100 and 25 ms a second, and wait for three times as long. */
function report(agent: string, seq: number, write: (column: number[]) => unknown): AgentReport {
  const [load, waitMs] = [write([100 * seq, 25 * seq]), write([300 * seq, 75 * seq])]
  const measured = {
    epoch: 1,
    atMs: seq * 1_000,
    workflows: ['acme', 'globex'],
    resources: [{ name: 'db', kind: 'pool', load, waitMs, serviceMs: load }],
    points: [{ name: 'door', passed: load }],
  } as Measured
  return {
    agent,
    epoch: 'e',
    seq,
    timeMs: 0,
    stateVersion: 0,
    packages: [],
    measured,
    spans: { emitted: 0, sent: 0, dropped: 0, queued: 0 },
    drops: {},
    budget: { adviceNs: 0, adviceRuns: 0, isTripped: false },
    eventLoopDelayMsP99: 0,
    rssBytes: 0,
  }
}

const asList = (column: number[]) => column
const hello = (agent: string) => ({
  agent,
  service: 'shop',
  pid: 1,
  host: 'h',
  nodeVersion: '24',
  agentVersion: '0',
  startedMs: 0,
  resource: {},
  tracepoints: [],
})

for (const [name, write] of [
  ['text', packColumn],
  ['lists', asList],
] as const)
  test(`columns come as ${name}, and are read as they are`, async () => {
    const agent = `agent-${name}`
    await ask('POST /agent/v1/hello', server.agentToken, hello(agent))
    for (const seq of [1, 2]) {
      const { status } = await ask('POST /agent/v1/report', server.agentToken, report(agent, seq, write))
      assert.equal(status, 200)
    }
    const { resources } = (await ask('GET /api/v1/resources', server.adminToken)).json
    const [db] = (resources as ResourceView[]).filter(({ resource }) => resource === `db@${agent}`)
    assert.deepEqual([db?.slowdown, db?.load], [4, { acme: 100, globex: 25 }])
  })

test('text with foreign characters, or cut off, is no column: the report is refused', async () => {
  await ask('POST /agent/v1/hello', server.agentToken, hello('odd'))
  const whole = packColumn([1, 2])
  for (const text of [`${whole.slice(0, -1)}$`, ` ${whole}`, `${whole}==`, whole.slice(0, -2)]) {
    const { status, json } = await ask(
      'POST /agent/v1/report',
      server.agentToken,
      report('odd', 1, () => text),
    )
    assert.equal(status, 400, text)
    assert.match(json.error.message, /float64 numbers in base64url/)
  }
})

test('a wall clock that jumps forgets nobody, and keeps nobody who is silent', async () => {
  const clock = { wallMs: 1e12, monotonicMs: 0 }
  const throttling = new Throttling({
    dataDir: await openDataDir(path.join(home, 'clocks')),
    agents: new Agents(() => clock.wallMs),
    nowMs: () => clock.wallMs,
    monotonicMs: () => clock.monotonicMs,
  })
  const hour = 3_600_000
  const afterStep = async (change: Partial<typeof clock>) => {
    Object.assign(clock, change)
    await sleep(2 * CONTROL_STEP_MS)
    return throttling.resources().map(({ resource }) => resource)
  }
  try {
    for (const seq of [1, 2]) throttling.take(report('a', seq, asList))
    assert.deepEqual(await afterStep({ wallMs: 1e12 + hour, monotonicMs: 2_000 }), ['db@a'])
    assert.deepEqual(await afterStep({ wallMs: 1e12 - hour, monotonicMs: 4_000 }), ['db@a'])
    assert.deepEqual(await afterStep({ wallMs: 1e12 - hour, monotonicMs: 6_000 }), [])
  } finally {
    throttling.close()
  }
})
