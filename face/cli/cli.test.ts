// The CLI as real processes against a real server (a reader in memory behind it), and `up` and `run` as a
// user starts them.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { memoryPipeline, spanOf, TRACE_ID } from '../../service/server/memory-pipeline.fixture.ts'
import { startServer, type ServerHandle } from '../../service/server/start-server.ts'
import type { AgentReport, AgentView } from '#protocol'
import { reference } from './help.ts'
import { duration, plain } from './text.ts'
import { VERBS } from './verbs.ts'
import { agentFindings } from './verbs/doctor-agents.ts'

const MAIN = new URL('./main.ts', import.meta.url).pathname
const AGENT = new URL('../../process/agent/register.ts', import.meta.url).pathname
const LAUNCHER = new URL('../../scripts/crosscut.mjs', import.meta.url).pathname
const home = mkdtempSync(path.join(tmpdir(), 'crosscut-cli-'))
const { parts } = memoryPipeline([
  spanOf(0, { name: 'GET /\u001b[31mred\u202e' }),
  spanOf(1, { status: { code: 2, message: 'no' } }),
  spanOf(2, {
    name: 'GET',
    attributes: { 'http.request.method': 'GET', 'url.path': '/price' },
    links: [{ traceId: TRACE_ID, spanId: '0000000000000002', attributes: { 'crosscut.edge': 'join' } }],
  }),
])
let server: ServerHandle

before(async () => {
  server = await startServer({ dataDir: path.join(home, '.crosscut'), port: 0, otlpPort: 0 }, {}, parts)
})
after(async () => {
  await server.close()
  rmSync(home, { recursive: true, force: true })
})

type Ended = { readonly code: number | null; readonly out: string; readonly err: string }
type Given = {
  readonly env?: { readonly [name: string]: string }
  readonly cwd?: string
  readonly entry?: string
}

const { PATH, NODE_COMPILE_CACHE } = process.env

/** Without variables of ours, in a folder with .crosscut in it. */
function crosscut(
  args: readonly string[],
  { env = {}, cwd = home, entry = MAIN }: Given = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [entry, ...args], {
      cwd,
      env: { PATH, NODE_COMPILE_CACHE, HOME: home, ...env },
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString()
    })
    child.on('error', reject).on('close', (code) => resolve({ code, out, err }))
  })
}

test('help, the overview and the version go to stdout and exit 0', async () => {
  const [overview, help, version] = await Promise.all([
    crosscut([]),
    crosscut(['trace', '--help']),
    crosscut(['--version']),
  ])
  assert.deepEqual([overview.code, help.code, version.code, overview.err], [0, 0, 0, ''])
  for (const { name } of VERBS) assert.ok(overview.out.includes(`  ${name} `), name)
  assert.match(help.out, /crosscut trace 4bf9/)
})

for (const [says, args, message] of [
  ['a mistyped verb', ['tarces'], /did you mean traces\?/],
  ['a mistyped flag', ['traces', '--limt', '3'], /did you mean --limit\?/],
  ['a missing word', ['trace'], /needs <trace id>/],
  ['a word too many', ['agents', 'x'], /does not take 'x'/],
  ['a flag without its value', ['traces', '--service'], /service/],
  ['a pair that is none', ['traces', '--attr', 'x'], /KEY=VALUE/],
  ['run without a command', ['run'], /needs a command/],
  ['a token that may nothing', ['token', 'create', 'x'], /needs --may/],
  ['a life that is no duration', ['token', 'create', 'x', '--may', 'read', '--ttl', '1w'], /--ttl takes/],
  ['half a token verb', ['token', 'revoke'], /create <name> \| list \| revoke <id>/],
  ['a policy of nobody', ['sampling', 'set', 'x', '--rate', '5'], /needs --owner/],
  ['a policy without a strategy', ['sampling', 'set', 'x', '--owner', 'o'], /--probability or --rate/],
  [
    'a restraint that is none',
    ['sampling', 'set', 'x', '--owner', 'o', '--rate', '5', '--where', 'tenant'],
    /ATTRIBUTE=VALUE/,
  ],
  ['a rule without its share', ['sampling', 'tail', '--failed'], /needs --probability/],
  ['an unknown shell', ['completion', 'tcsh'], /bash, zsh and fish/],
] as const) {
  test(`${says} exits 2 with a sentence on stderr and nothing on stdout`, async () => {
    const ended = await crosscut(args)
    assert.deepEqual([ended.code, ended.out], [2, ''])
    assert.match(ended.err, message)
  })
}

test('the server and the token are found in the nearest .crosscut; traces are a table, or JSON lines', async () => {
  const listed = await crosscut(['traces'])
  assert.deepEqual([listed.code, listed.err], [0, ''])
  assert.match(listed.out, new RegExp(`^TRACE .*\n${TRACE_ID} .* 3 +1 +1 +shop GET /`))
  const [first] = (await crosscut(['traces', '--json'])).out.trim().split('\n')
  assert.equal(JSON.parse(first ?? '').spanCount, 3)
})

test('a trace is a tree with durations; control characters of strangers reach no terminal', async () => {
  const { code, out } = await crosscut(['trace', TRACE_ID])
  assert.equal(code, 0)
  assert.match(out, /3 spans, 1 service, 1 error\n/)
  assert.match(out, /\n {2}op 1 .* error\n/)
  assert.match(out, /\n {2}GET \/price .*#/)
  assert.match(out, /Waited for \(join\)\n {2}\+\S+ ns +shop GET \/price +after +shop op 1\n/)
  assert.doesNotMatch(out, /[\u001b\u202e]/)
  const json = JSON.parse((await crosscut(['trace', TRACE_ID, '--json'])).out)
  assert.equal(json.spans.length, json.totalSpans)
  assert.equal((await crosscut(['trace', 'f'.repeat(32)])).code, 1)
})

test('failures exit 1 with a stable code and what to do', async () => {
  const gone = await crosscut(['agents', '--server', 'http://127.0.0.1:9'])
  assert.equal(gone.code, 1)
  assert.match(gone.err, /E_UNREACHABLE[^]*crosscut up/)
  const stranger = await crosscut(['agents'], {
    env: { CROSSCUT_TOKEN: 'wrong', CROSSCUT_SERVER: server.url },
    cwd: tmpdir(),
  })
  assert.equal(stranger.code, 1)
  assert.match(stranger.err, /E_UNAUTHORIZED/)
})

test('tools are deployed from a file, listed, refused with a code, removed', async () => {
  const file = path.join(home, 'levels.json')
  const advice = [
    {
      tracepoint: 'http.server.request',
      instructions: [
        { op: 'let', slot: 's', value: { parameter: 'level' } },
        { op: 'act', act: 'logLevel', slot: 's' },
      ],
    },
  ]
  writeFileSync(file, JSON.stringify({ advice, parameters: { level: 'info' } }))
  const deployed = await crosscut(['tool', 'deploy', 'levels.json', '--set', 'level=debug'])
  assert.deepEqual([deployed.code, deployed.out], [0, 'deployed levels, version 1\n'])
  const [row] = (await crosscut(['tool', 'ls', '--json'])).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual([row.name, row.parameters], ['levels', { level: 'debug' }])
  writeFileSync(
    file,
    JSON.stringify({
      advice: [{ tracepoint: 'x', instructions: [{ op: 'act', act: 'logLevel', slot: 'never' }] }],
    }),
  )
  assert.match((await crosscut(['tool', 'deploy', 'levels.json'])).err, /E_ADVICE_SLOT/)
  assert.equal((await crosscut(['tool', 'rm', 'levels'])).code, 0)
  assert.match((await crosscut(['tool', 'rm', 'levels'])).err, /E_NOT_FOUND/)
})

test('what a tool holds is listed by process, goes on when it is released, and is held anew', async () => {
  const app = path.join(home, 'held.mjs')
  writeFileSync(
    app,
    `import http from 'node:http'
     const server = http.createServer((request, response) => response.end('served'))
     server.listen(0, '127.0.0.1', () => console.log(server.address().port))`,
  )
  const instructions = [
    { op: 'let', slot: 'ms', value: 60_000 },
    { op: 'act', act: 'hold', slot: 'ms' },
  ]
  const advice = [{ tracepoint: 'http.server.request.start', instructions }]
  writeFileSync(path.join(home, 'breakpoint.json'), JSON.stringify({ advice }))
  const args = ['--no-warnings', '--import', AGENT, app]
  const env = {
    PATH,
    NODE_COMPILE_CACHE,
    CROSSCUT_SERVER: server.url,
    CROSSCUT_TOKEN: server.agentToken,
    OTEL_SERVICE_NAME: 'held',
    OTEL_TRACES_EXPORTER: 'none',
  }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await new Promise((resolve) =>
    child.stdout.once('data', (text) => resolve(String(text).trim())),
  )
  const rowHas = async (wanted: RegExp) => {
    for (let out = ''; !wanted.test(out);) out = (await crosscut(['tool', 'ls'])).out
  }
  const ask = async () => await (await fetch(`http://127.0.0.1:${port}/`)).text()
  try {
    await crosscut(['tool', 'deploy', 'breakpoint.json'])
    await rowHas(/breakpoint +1 +http\.server\.request\.start +1 +0 *\n/)
    const asked = ask()
    await rowHas(new RegExp(`held/${child.pid}: 1`))
    const released = await crosscut(['tool', 'release', 'breakpoint'])
    assert.deepEqual([released.code, released.out], [0, 'released breakpoint, which held 1\n'])
    assert.equal(await asked, 'served')
    const again = ask()
    await rowHas(new RegExp(`held/${child.pid}: 1`))
    const [row] = (await crosscut(['tool', 'ls', '--json'])).out.trim().split('\n')
    const { release, agents } = JSON.parse(row ?? '')
    assert.deepEqual([release, agents.held, agents.holding[0].service], [1, 1, 'held'])
    await crosscut(['tool', 'rm', 'breakpoint'])
    assert.equal(await again, 'served')
    assert.match((await crosscut(['tool', 'release', 'breakpoint'])).err, /E_NOT_FOUND/)
  } finally {
    child.kill()
  }
})

test('sampling policies and the tail rule are set, listed, refused with a code, removed', async () => {
  const where = ['--where', 'http.route~/cart/*', '--where', 'tenant=a=b', '--mark', 'cart.retry']
  const set = await crosscut([
    'sampling',
    'set',
    'cart',
    '--owner',
    'c',
    '--rate',
    '20',
    '--ttl',
    '7d',
    ...where,
  ])
  assert.deepEqual([set.code, set.out, set.err], [0, 'set cart\n', ''])
  const row = JSON.parse((await crosscut(['sampling', 'ls', '--json'])).out)
  assert.deepEqual(
    [row.name, row.strategy, row.restraints],
    [
      'cart',
      { kind: 'rate', perSecond: 20 },
      [
        { attribute: 'http.route', test: 'glob', value: '/cart/*' },
        { attribute: 'tenant', test: 'equals', value: 'a=b' },
        { attribute: 'mark', test: 'equals', value: 'cart.retry' },
      ],
    ],
  )
  const listed = await crosscut(['sampling', 'ls'])
  assert.match(listed.out, /cart +c +20\/s +http.route~\/cart\/\* tenant=a=b mark=cart.retry +normal/)
  assert.match(listed.err, /every trace that comes is kept/)
  const tail = await crosscut(['sampling', 'tail', '--slow', '--rare', '20', '--probability', '0.1'])
  assert.equal(tail.out, 'kept: slow, rare (below 20), what policies asked for, and 0.1 of the others\n')
  assert.equal((await crosscut(['sampling', 'tail'])).out, tail.out)
  assert.equal((await crosscut(['sampling', 'tail', 'off'])).out, 'every trace that comes is kept\n')
  assert.match((await crosscut(['sampling', 'tail', 'off'])).err, /E_NOT_FOUND/)
  const refused = await crosscut(['sampling', 'set', 'x', '--owner', 'o', '--probability', '7'])
  assert.deepEqual([refused.code, refused.out], [1, ''])
  assert.match(refused.err, /E_BAD_REQUEST/)
  assert.equal((await crosscut(['sampling', 'rm', 'cart'])).code, 0)
  assert.match((await crosscut(['sampling', 'rm', 'cart'])).err, /E_NOT_FOUND/)
})

test('bagc compiles BDL, and says where it is wrong', async () => {
  writeFileSync(path.join(home, 'a.bdl'), 'bag Tenant = 70 { string name = 0; }\n')
  const good = await crosscut(['bagc', 'a.bdl'])
  assert.equal(good.code, 0, good.err)
  assert.match(good.out, /Tenant/)
  writeFileSync(path.join(home, 'b.bdl'), 'bag Tenant = 70 { strin name = 0; }\n')
  const bad = await crosscut(['bagc', 'b.bdl'])
  assert.equal(bad.code, 1)
  assert.match(bad.err, /b\.bdl:1:\d+ error/)
})

test('features check says columns with units, or what is wrong and where', async () => {
  writeFileSync(path.join(home, 'a.features'), 'Blocks | Filter(error) | Count | RecordAs("errors")\n')
  const good = await crosscut(['features', 'check', 'a.features'])
  assert.equal(good.code, 0, good.err)
  assert.match(good.out, /errors +number/)
  const text = 'Row | Duration | RecordAs("t")\nBlocks | Sum | RecordAs("x")\nBloks | Count\n'
  writeFileSync(path.join(home, 'b.features'), text)
  const bad = await crosscut(['features', 'check', 'b.features', '--row-per', 'block'])
  assert.equal(bad.code, 1)
  assert.match(bad.err, /b\.features:2:10 error: Sum is of many numbers/)
  assert.match(bad.err, /b\.features:3:1 error: there is no Bloks \(try: Blocks\)/)
  const told = JSON.parse((await crosscut(['features', 'check', 'b.features', '--json'])).out)
  assert.deepEqual([told.ok, told.diagnostics.length], [false, 2])
  writeFileSync(path.join(home, 'c.filter'), 'duration > 1s and service = "gateway"\n')
  assert.equal((await crosscut(['features', 'check', 'c.filter', '--filter'])).code, 0)
  assert.match((await crosscut(['features', 'check', 'none'])).err, /E_NO_FILE/)
  assert.equal((await crosscut(['features', 'check', 'a.features', '--row-per', 'row'])).code, 2)
})

test('features ls names every column of every dataset', async () => {
  const { out } = await crosscut(['features', 'ls', '--json'])
  const rows = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const one = rows.find(({ dataset, name }) => dataset === 'requests' && name === 'duration_ms')
  assert.deepEqual(one, {
    dataset: 'requests',
    owner: 'crosscut',
    name: 'duration_ms',
    type: 'number',
    unit: 'ms',
  })
  assert.match((await crosscut(['features', 'ls'])).out, /DATASET +COLUMN +TYPE +UNIT +OWNER/)
})

test('features check --on tries them on a trace', async () => {
  const span = (spanId: string, name: string, code: number) => ({
    traceId: TRACE_ID,
    spanId,
    name,
    status: { code },
    startTimeUnixNano: '1790000000000000000',
    endTimeUnixNano: '1790000000005000000',
  })
  const attributes = [{ key: 'service.name', value: { stringValue: 'shop\u001b[31m' } }]
  const scopeSpans = [{ spans: [span('01', 'a', 2), span('02', 'b', 0)] }]
  writeFileSync(
    path.join(home, 'trace.json'),
    JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans }] }),
  )
  const on = ['--on', 'trace.json']
  writeFileSync(path.join(home, 'a.features'), 'Blocks | Filter(error) | Count | RecordAs("errors")\n')
  assert.match((await crosscut(['features', 'check', 'a.features', ...on])).out, /errors +1/)
  writeFileSync(path.join(home, 'd.features'), 'Duration | In(ms) | RecordAs("t")\nservice | RecordAs("s")\n')
  const { out } = await crosscut(['features', 'check', 'd.features', '--row-per', 'block', ...on])
  assert.match(out, /ELEMENT +t \(ms\) +s\n01 +5 +shop\ufffd\[31m/)
  const told = JSON.parse((await crosscut(['features', 'check', 'd.features', ...on, '--json'])).out)
  assert.deepEqual(told.rows, [{ values: [5, 'shop\u001b[31m'] }])
  writeFileSync(path.join(home, 'c.filter'), 'errors > 1\n')
  assert.equal((await crosscut(['features', 'check', 'c.filter', '--filter', ...on])).out, 'does not hold\n')
  assert.match((await crosscut(['features', 'check', 'a.features', '--on', 'a.features'])).err, /E_NOT_JSON/)
  assert.match(
    (await crosscut(['features', 'check', 'a.features', '--on', 'ab'.repeat(16)])).err,
    /E_NOT_FOUND/,
  )
})

test('login prints a link that works; the kill switch is thrown and taken back', async () => {
  const { out } = await crosscut(['login'])
  assert.equal((await fetch(out.trim(), { redirect: 'manual' })).status, 303)
  assert.match((await crosscut(['kill-switch', 'on'])).out, /on: agents do nothing/)
  assert.match((await crosscut(['kill-switch', 'off'])).out, /off: agents work/)
})

test('the library is listed, a query of it shown, and one that it has not is told with those it has', async () => {
  assert.match((await crosscut(['query', 'library'])).out, /^NAME +TITLE +TELLS\n(?:.*\n)*Q7 /)
  assert.match((await crosscut(['query', 'library', 'Q3'])).out, /^From dnop In .*\n/)
  const unknown = await crosscut(['query', 'Q77'])
  assert.equal(unknown.code, 1)
  assert.match(unknown.err, /the library has no query Q77 \(E_LIBRARY\)[^]*Q1 Q2/)
})

test('a token is made, used by the CLI, refused with what is missing, listed and revoked', async () => {
  const may = ['--may', 'read', '--may', 'query:install@shop/**']
  const made = await crosscut(['token', 'create', 'oncall', ...may, '--ttl', '8h'])
  assert.equal(made.code, 0, made.err)
  assert.match(made.out, /^cct_[\w-]{32}\n$/)
  const [, id = ''] = /^token oncall, id ([0-9a-f]{16}), until .*; this is told once\n$/.exec(made.err) ?? []
  const env = { CROSSCUT_TOKEN: made.out.trim() }
  assert.equal((await crosscut(['traces'], { env })).code, 0)
  const { out: link } = await crosscut(['login'], { env })
  assert.equal((await fetch(link.trim(), { redirect: 'manual' })).status, 303)
  const allowed = await crosscut(['query', '--explain', 'From f In shop/a.ts:f Select COUNT'], { env })
  assert.equal(allowed.code, 0, allowed.err)
  const refused = await crosscut(['query', 'From h In http.server.response Select h.path'], { env })
  assert.deepEqual([refused.code, refused.out], [1, ''])
  assert.match(
    refused.err,
    /token oncall may not install or remove queries at http\.server\.response \(E_FORBIDDEN\)/,
  )
  assert.match(
    refused.err,
    /query:install@http\.server\.response query:capture-values@http\.server\.response/,
  )
  assert.match((await crosscut(['token', 'list'], { env })).err, /E_FORBIDDEN/)
  writeFileSync(path.join(home, 'spans.json'), '{}')
  const imported = await crosscut(['import', 'spans.json'], { env })
  assert.match(imported.err, /may not administer this server \(E_FORBIDDEN\)/)
  assert.match(
    (await crosscut(['token', 'list'])).out,
    new RegExp(`\n${id} +oncall +.* read query:install@shop/\\*\\*\n`),
  )
  assert.equal((await crosscut(['token', 'revoke', id])).out, `revoked ${id}\n`)
  const over = await crosscut(['traces'], { env })
  assert.match(over.err, /E_UNAUTHORIZED[^]*over or revoked/)
  assert.match((await crosscut(['token', 'list'])).err, /there are no tokens/)
})

test('doctor names the variable that silences spans, and the server that is not there', async () => {
  const silenced = await crosscut(['doctor', '--json'], { env: { OTEL_TRACES_SAMPLER: 'always_off' } })
  const findings = silenced.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(silenced.code, 1)
  assert.ok(findings.some(({ state, says }) => state === 'fail' && says.includes('OTEL_TRACES_SAMPLER')))
  assert.ok(findings.some(({ check, state }) => check === 'token' && state === 'ok'))
  const alone = await crosscut(['doctor'], { cwd: tmpdir(), env: { CROSSCUT_SERVER: 'http://127.0.0.1:9' } })
  assert.equal(alone.code, 1)
  assert.match(alone.out, /FAIL +server .*no server answers[^]*crosscut up/)
  const stranger = http.createServer((_, response) => response.writeHead(404).end())
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
  const { port } = stranger.address() as AddressInfo
  const elsewhere = await crosscut(['doctor', '--server', `http://127.0.0.1:${port}`])
  stranger.close()
  assert.match(elsewhere.out, /FAIL .*E_NOT_CROSSCUT[^]*7070/)
  const folder = await crosscut(['doctor', '--server', server.url, '--data', '/nowhere'])
  assert.match(folder.out, /warn +data .*\/nowhere is not the data folder[^]*FAIL +token .*wants a token/)
})

test('doctor names the setting that silences a program, and lets starters be silent', () => {
  const agent = (service: string, drops: AgentReport['drops'], emitted: number): AgentView => ({
    agent: service,
    service,
    pid: 1,
    host: 'A',
    nodeVersion: '24.0.0',
    agentVersion: '0.1.0',
    startedMs: 0,
    resource: {},
    tracepoints: [],
    isConnected: true,
    lastSeenMs: Date.now(),
    report: {
      agent: service,
      epoch: '1',
      seq: 1,
      timeMs: 0,
      stateVersion: 0,
      packages: [],
      spans: { emitted, sent: emitted, dropped: 0, queued: 0 },
      drops,
      budget: { adviceNs: 0, adviceRuns: 0, isTripped: false },
      eventLoopDelayMsP99: 0,
      rssBytes: 0,
    },
  })
  const findings = agentFindings([
    agent('shop', { 'silenced by OTEL_SDK_DISABLED=true': 1 }, 0),
    agent('npm', {}, 0),
    agent('good', {}, 3),
  ])
  assert.deepEqual(
    findings.map(({ state }) => state),
    ['fail', 'ok', 'ok', 'ok'],
  )
  assert.match(findings[0]?.says ?? '', /shop .* is silenced by OTEL_SDK_DISABLED=true/)
  assert.match(findings[0]?.fix ?? '', /^unset OTEL_SDK_DISABLED /)
  assert.match(agentFindings([])[0]?.fix ?? '', /crosscut run -- node app\.js/)
  assert.equal(agentFindings([agent('alone', {}, 0)])[0]?.state, 'warn')
  const [ended] = agentFindings([{ ...agent('batch', {}, 3), isConnected: false }])
  assert.deepEqual([ended?.state, /, gone now\): 3 spans made, 3 sent/.test(ended?.says ?? '')], ['ok', true])
})

test('completion scripts name every verb', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { out } = await crosscut(['completion', shell])
    for (const { name } of VERBS) assert.ok(out.includes(name), `${shell} ${name}`)
  }
})

test('run passes arguments, exit code and signals through, and tells the program where the server is', async () => {
  const script = `
    if (process.argv[1] === 'wait') {
      process.on('SIGTERM', () => process.exit(7))
      console.log('ready')
      setInterval(() => {}, 1000)
    } else {
      const { CROSSCUT_SERVER, CROSSCUT_TOKEN, OTEL_SERVICE_NAME, NODE_OPTIONS } = process.env
      const seen = [CROSSCUT_SERVER, CROSSCUT_TOKEN, OTEL_SERVICE_NAME, NODE_OPTIONS, process.argv[1]]
      console.log(JSON.stringify(seen))
      process.exitCode = 5
    }`
  const env = { PATH: `${path.dirname(process.execPath)}:${process.env.PATH ?? ''}`, CROSSCUT_DISABLED: '1' }
  const ended = await crosscut(['run', '--service', 'shop', '--', 'node', '-e', script, '--', 'a b'], { env })
  assert.equal(ended.code, 5, ended.err)
  const [url, token, service, options, word] = JSON.parse(ended.out)
  assert.deepEqual([url, token, service, word], [server.url, server.agentToken, 'shop', 'a b'])
  assert.match(options, /--import=file:/)
  const child = spawn(process.execPath, [MAIN, 'run', '--', 'node', '-e', script, 'wait'], {
    cwd: home,
    env: { ...env, HOME: home },
  })
  const code = await new Promise((resolve) => {
    child.stdout.once('data', () => child.kill('SIGTERM'))
    child.on('exit', resolve)
  })
  assert.equal(code, 7)
  assert.match((await crosscut(['run', '--', 'no-such-program'], { env })).err, /E_NO_COMMAND/)
})

test('the launcher runs the same program', async () => {
  const ended = await crosscut(['tarces'], { entry: LAUNCHER })
  assert.equal(ended.code, 2)
  assert.match(ended.err, /did you mean traces/)
})

test('text of strangers loses control characters and direction overrides; durations are readable', () => {
  assert.equal(plain('a\u001b[2Jb\n\u202ec\u0000'), 'a\ufffd[2Jb\ufffd\ufffdc\ufffd')
  assert.deepEqual([950n, 12_340n, 4_560_000n, 1_200_000_000n, 125_000_000_000n].map(duration), [
    '950 ns',
    '12.3 us',
    '4.56 ms',
    '1.20 s',
    '2 m 05 s',
  ])
})

test('docs/reference/cli.md is what the verb table says', () => {
  const page = readFileSync(new URL('../../docs/reference/cli.md', import.meta.url), 'utf8')
  assert.equal(page, reference(), 'run: node face/cli/reference.ts')
})
