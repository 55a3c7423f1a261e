// `doctor`: explains why no spans arrive. It walks the way of a span backwards, from the server to the
// program, says what it saw at each step and what to do about the first thing that is wrong. Exit 1 when a
// step failed.
//
//   this Node -> server found? -> clocks alike? -> token accepted? -> parts ready? -> OTLP answers?
//   -> agents, their last errors? -> traces?

import { spawnSync } from 'node:child_process'
import type { AgentView, TraceSearchResult } from '#protocol'
import { Client, type AgentConnection, readToken } from '../client.ts'
import { asTyped } from '../install.ts'
import { ago, duration, paint, plain } from '../text.ts'
import { CliError, CLIENT_FLAGS, type Io, type Verb } from '../verb.ts'
import { agentFindings } from './doctor-agents.ts'

export type Finding = {
  readonly check: string
  readonly state: 'ok' | 'warn' | 'fail'
  readonly says: string
  readonly fix?: string
}

const CLOCK_SKEW_MS_MAX = 5_000
const SEEN_MS_MAX = 5_000

export const doctor: Verb = {
  name: 'doctor',
  summary: 'explain why no spans arrive',
  usage: '',
  words: [0, 0],
  flags: {
    send: { says: 'also send one span through OTLP and wait until the API shows it' },
    ...CLIENT_FLAGS,
  },
  examples: ['crosscut doctor', 'crosscut doctor --send'],
  run: async (io, args) => {
    const findings: Finding[] = []
    const note = (finding: Finding): void => {
      findings.push(finding)
      io.out(args.has('json') ? `${JSON.stringify(finding)}\n` : lineOf(io, finding))
    }
    const client = new Client(io, args)
    for (const finding of [...nodeFindings(io), ...environmentFindings(io), ...dataFindings(client)])
      note(finding)
    await examine(io, client, args.has('send'), note)
    const failed = findings.filter(({ state }) => state === 'fail').length
    if (!args.has('json'))
      io.say(
        failed === 0
          ? 'nothing is wrong that can be seen from here\n'
          : `${failed} of ${findings.length} checks failed\n`,
      )
    return failed === 0 ? 0 : 1
  },
}

function lineOf(io: Io, { check, state, says, fix }: Finding): string {
  const mark =
    state === 'ok'
      ? paint(io, 'green', 'ok  ')
      : state === 'warn'
        ? paint(io, 'yellow', 'warn')
        : paint(io, 'red', 'FAIL')
  const remedy = fix === undefined ? '' : `${' '.repeat(22)}-> ${plain(fix)}\n`
  return `${mark}  ${check.padEnd(14)} ${plain(says)}\n${remedy}`
}

/** Each step needs the one before: the first failure ends the walk. */
async function examine(
  io: Io,
  client: Client,
  isSending: boolean,
  note: (finding: Finding) => void,
): Promise<void> {
  try {
    const alive = await client.open('GET', '/healthz')
    note({
      check: 'server',
      state: 'ok',
      says: `${client.target.url} answers (from ${client.target.source})`,
    })
    note(clockFinding(alive))
    const connection = await client.agentConnection()
    note({ check: 'token', state: 'ok', says: 'the server accepts the token' })
    const parts = await readyFindings(client)
    for (const finding of parts) note(finding)
    const otlp = await otlpFinding(io, connection)
    note(otlp)
    const { agents } = await client.json<{ agents: readonly AgentView[] }>('GET', '/api/v1/agents')
    for (const finding of agentFindings(agents)) note(finding)
    // Asking a store that is not there would only wait.
    if (parts.some(({ state }) => state === 'fail')) return
    note(await traceFinding(client))
    if (isSending && otlp.state === 'ok') note(await sendFinding(io, client, connection))
  } catch (error: unknown) {
    if (!(error instanceof CliError)) throw error
    const check =
      error.code === 'E_UNREACHABLE' ? 'server' : error.code === 'E_UNAUTHORIZED' ? 'token' : 'answer'
    note({ check, state: 'fail', says: `${error.message} (${error.code})`, fix: error.hint })
  }
}

/** A folder that was asked for and holds nothing of a server is mistyped more often than new. */
function dataFindings({ target: { dataDir } }: Client): Finding[] {
  if (dataDir === undefined || readToken(dataDir, 'admin-token') !== undefined) return []
  return [
    {
      check: 'data',
      state: 'warn',
      says: `${dataDir} is not the data folder of a server`,
      fix: 'it is what `crosscut up` prints as data; check --data and CROSSCUT_DATA',
    },
  ]
}

function nodeFindings(io: Io): Finding[] {
  const found = (
    spawnSync('node', ['--version'], { encoding: 'utf8', env: { PATH: io.env.PATH ?? '' } }).stdout ?? ''
  ).trim()
  const [major = 0, minor = 0] = (/^v(\d+)\.(\d+)/.exec(found) ?? []).slice(1).map(Number)
  const isOld = major < 22 || (major === 22 && minor < 15)
  if (found === '')
    return [
      {
        check: 'node',
        state: 'warn',
        says: 'no node is on the PATH',
        fix: 'programs need Node 22.15 or newer for the agent',
      },
    ]
  return [
    isOld
      ? {
          check: 'node',
          state: 'warn',
          says: `node on the PATH is ${found}; the agent needs 22.15 or newer`,
          fix: `start programs with: ${asTyped()} run (it brings a newer one), or install one`,
        }
      : { check: 'node', state: 'ok', says: `node on the PATH is ${found}` },
  ]
}

/** Variables that silence the agent or any OpenTelemetry SDK. */
const SILENCERS: readonly { readonly name: string; readonly is: RegExp; readonly says: string }[] = [
  { name: 'CROSSCUT_DISABLED', is: /^(1|true)$/i, says: 'the agent installs nothing' },
  { name: 'OTEL_SDK_DISABLED', is: /^true$/i, says: 'no spans are recorded' },
  { name: 'OTEL_TRACES_EXPORTER', is: /^none$/i, says: 'spans are not exported' },
  { name: 'OTEL_TRACES_SAMPLER', is: /always_off$/i, says: 'no trace is sampled' },
  { name: 'OTEL_TRACES_SAMPLER_ARG', is: /^0(\.0+)?$/, says: 'a ratio of 0 samples nothing' },
]

function environmentFindings(io: Io): Finding[] {
  const findings: Finding[] = SILENCERS.flatMap(({ name, is, says }) => {
    const value = io.env[name] ?? ''
    return is.test(value)
      ? [
          {
            check: 'environment',
            state: 'fail' as const,
            says: `${name}=${value}: ${says}`,
            fix: `unset ${name}`,
          },
        ]
      : []
  })
  const imports = [...(io.env.NODE_OPTIONS ?? '').matchAll(/--(?:import|require|r)[= ]\s*(\S+)/g)].map(
    ([, module]) => module ?? '',
  )
  const ours = imports.findIndex((module) => /crosscut|agent-door|register\.ts/.test(module))
  const before = imports.slice(0, Math.max(0, ours))
  if (ours > 0) {
    findings.push({
      check: 'import order',
      state: 'warn',
      says: `${before.join(', ')} is loaded before the agent`,
      fix: 'put --import=crosscut/agent first in NODE_OPTIONS: what is loaded earlier cannot be traced',
    })
  }
  return findings.length > 0
    ? findings
    : [{ check: 'environment', state: 'ok', says: 'no variable silences spans' }]
}

function clockFinding(response: Response): Finding {
  const skewMs = Date.now() - Date.parse(response.headers.get('date') ?? '')
  if (!Number.isFinite(skewMs))
    return { check: 'clock', state: 'warn', says: 'the server does not tell the time' }
  if (Math.abs(skewMs) <= CLOCK_SKEW_MS_MAX)
    return { check: 'clock', state: 'ok', says: "this clock and the server's agree" }
  return {
    check: 'clock',
    state: 'warn',
    says: `this clock is ${duration(Math.abs(skewMs) * 1e6)} ${skewMs > 0 ? 'ahead of' : 'behind'} the server's`,
    fix: 'traces are found by their own times: search a wider range, or set the clock',
  }
}

async function readyFindings(client: Client): Promise<Finding[]> {
  type Ready = { parts: readonly { name: string; state: string; restarts: number; lastError?: string }[] }
  const response = await fetch(`${client.target.url}/readyz`)
  const { parts }: Ready = JSON.parse(await response.text())
  return parts.map(({ name, state, restarts, lastError }) => {
    const history = restarts === 0 ? '' : `, restarted ${restarts} times`
    const why = lastError === undefined ? '' : `; last: ${lastError}`
    return state === 'running'
      ? {
          check: name,
          state: restarts === 0 ? 'ok' : 'warn',
          says: `running${history}${restarts === 0 ? '' : why}`,
        }
      : {
          check: name,
          state: 'fail',
          says: `${state}${history}${why}`,
          fix: fixOf(state, lastError),
        }
  })
}

/** What stopped a part for good must be mended first; what is starting may only need time. */
function fixOf(state: string, lastError: string | undefined): string {
  if (state === 'failed') return 'mend that, then start the server again'
  return lastError === undefined
    ? "wait a few seconds; if it stays so, the server's stderr says why"
    : 'if it stays so, mend that: it goes on by itself'
}

async function otlpFinding(io: Io, { otlpUrl, otlpGrpcUrl, agentToken }: AgentConnection): Promise<Finding> {
  const check = 'otlp'
  if (otlpUrl === undefined)
    return {
      check,
      state: 'fail',
      says: 'the server does not take spans yet',
      fix: 'it is starting: wait a few seconds',
    }
  // An empty variable counts as unset.
  const elsewhere = io.env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || io.env.OTEL_EXPORTER_OTLP_ENDPOINT
  try {
    const response = await post(`${otlpUrl}/v1/traces`, agentToken, {})
    if (!response.ok)
      return {
        check,
        state: 'fail',
        says: `${otlpUrl}/v1/traces answers ${response.status}`,
        fix: '503 = the disk is full or the log is behind',
      }
  } catch (error: unknown) {
    return {
      check,
      state: 'fail',
      says: `${otlpUrl} does not answer: ${String(error)}`,
      fix: 'a firewall or proxy between here and the server?',
    }
  }
  const amiss = elsewhere ? endpointTrouble(io, elsewhere, { otlpUrl, otlpGrpcUrl }) : undefined
  if (amiss !== undefined) return { check, ...amiss }
  const grpc = otlpGrpcUrl === undefined ? '' : `, gRPC is on ${otlpGrpcUrl}`
  return { check, state: 'ok', says: `${otlpUrl}/v1/traces takes spans${grpc}` }
}

/**
 * Where programs started here send spans: to another server, or to the port of the other protocol. Agents of
 * ours speak HTTP whatever is asked for; a program of another SDK speaks what it is told.
 */
function endpointTrouble(
  io: Io,
  endpoint: string,
  { otlpUrl, otlpGrpcUrl }: { readonly otlpUrl: string; readonly otlpGrpcUrl: string | undefined },
): Omit<Finding, 'check'> | undefined {
  const portOf = (url: string | undefined): string =>
    url !== undefined && URL.canParse(url) ? new URL(url).port : ''
  const name = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'].find(
    (one) => io.env[one],
  )
  const isGrpc = name !== undefined && io.env[name] === 'grpc'
  const port = portOf(endpoint)
  if (otlpGrpcUrl !== undefined && port === portOf(otlpGrpcUrl)) {
    const says = `${endpoint} is the port of gRPC`
    return isGrpc
      ? {
          state: 'warn',
          says: `${says}: other SDKs send spans there, the agent, which speaks HTTP, can not`,
          fix: `for programs with the agent set the endpoint to ${otlpUrl}`,
        }
      : {
          state: 'fail',
          says: `${says}, and programs started here speak HTTP`,
          fix: `set the endpoint to ${otlpUrl}, or OTEL_EXPORTER_OTLP_PROTOCOL=grpc for other SDKs`,
        }
  }
  if (port !== portOf(otlpUrl))
    return {
      state: 'fail',
      says: `programs started here send spans to ${endpoint}, not to ${otlpUrl}`,
      fix: 'unset OTEL_EXPORTER_OTLP_ENDPOINT, or set it to the second',
    }
  if (!isGrpc) return undefined
  return {
    state: 'fail',
    says: `${name}=grpc, but ${endpoint} is the port of HTTP: only programs with the agent send spans there`,
    fix: otlpGrpcUrl === undefined ? `unset ${name}` : `unset ${name}, or set the endpoint to ${otlpGrpcUrl}`,
  }
}

function post(url: string, token: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  return fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5_000),
  })
}

async function traceFinding(client: Client): Promise<Finding> {
  const {
    traces: [newest],
  } = await client.json<TraceSearchResult>('GET', '/api/v1/traces?limit=1')
  if (newest === undefined) return { check: 'traces', state: 'warn', says: 'the server has no traces yet' }
  return {
    check: 'traces',
    state: 'ok',
    says: `the newest began ${ago(Date.now() - Number(BigInt(newest.startNs) / 1_000_000n))} (${newest.traceId})`,
  }
}

async function sendFinding(
  io: Io,
  client: Client,
  { otlpUrl = '', agentToken }: AgentConnection,
): Promise<Finding> {
  const check = 'round trip'
  const hex = (bytes: number): string =>
    Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex')
  const traceId = hex(16)
  const now = BigInt(Date.now()) * 1_000_000n
  const span = {
    traceId,
    spanId: hex(8),
    name: 'crosscut doctor',
    kind: 1,
    startTimeUnixNano: String(now),
    endTimeUnixNano: String(now + 1_000n),
  }
  const attributes = [{ key: 'service.name', value: { stringValue: 'crosscut-doctor' } }]
  const startMs = performance.now()
  await post(`${otlpUrl}/v1/traces`, agentToken, {
    resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: [span] }] }],
  })
  while (performance.now() - startMs < SEEN_MS_MAX && !io.signal.aborted) {
    const isSeen = await client.open('GET', `/api/v1/traces/${traceId}`).then(
      () => true,
      () => false,
    )
    if (isSeen)
      return {
        check,
        state: 'ok',
        says: `a span was visible ${duration((performance.now() - startMs) * 1e6)} after it was sent`,
      }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    check,
    state: 'fail',
    says: `a span that was acked is not visible after ${SEEN_MS_MAX / 1000} s`,
    fix: 'is the store ready? see above',
  }
}
