// Both sides of an agent: its control connection (/agent/v1, agent token), and what the operator sees of it
// (/api/v1).

import {
  SAMPLING_POLICIES_MAX,
  unpackColumn,
  type AgentHello,
  type AgentReport,
  type DegradedBy,
  type Measured,
  type PackageUse,
  type ResultReport,
  type WorkflowColumn,
} from '#protocol'
import type { Handler } from '../exchange.ts'
import { openEventStream, readJson, sendJson } from '../http-io.ts'
import { TRACEPOINTS_PER_AGENT_MAX } from '../limits.ts'
import {
  flag,
  integer,
  list,
  number,
  object,
  oneOf,
  optional,
  pair,
  record,
  text,
  wrong,
  type Parser,
} from '../parse.ts'
import { RequestError } from '../server-error.ts'

const NAME = text(256)
const tracepoint = object({
  name: NAME,
  vars: list(NAME, 256),
  lines: optional(pair(integer)),
  source: optional(text(64)),
})

const hello: Parser<AgentHello> = object({
  agent: text(128),
  service: NAME,
  pid: integer,
  host: NAME,
  nodeVersion: text(64),
  agentVersion: text(64),
  startedMs: number,
  resource: record(text(4_096), 128),
  tracepoints: list(tracepoint, TRACEPOINTS_PER_AGENT_MAX),
})

/** Keys and states are values that `#advice` reads; here they only have to be lists. */
const group: Parser<readonly [unknown, unknown]> = (value, where) => {
  const [keys, states] = list((one: unknown) => one, 2)(value, where)
  return [keys, states]
}

const resultReport: Parser<ResultReport> = object({
  tool: NAME,
  version: integer,
  result: NAME,
  hits: number,
  otherRows: number,
  overflows: number,
  groups: list(group, 10_000),
})

const COLUMN_LENGTH_MAX = 1_024
const numbers = list((value: unknown) => (typeof value === 'number' ? value : 0), COLUMN_LENGTH_MAX)
/** 8 bytes a number, 4 characters for 3 bytes. */
const columnText = text(Math.ceil((COLUMN_LENGTH_MAX * 8 * 4) / 3))

/** The controller looks at each number itself: here it only has to be one. Lists of numbers are as good. */
const column: Parser<WorkflowColumn> = (value, where) => {
  if (typeof value !== 'string') return numbers(value, where)
  const unpacked = unpackColumn(columnText(value, where), decodeLong)
  if (unpacked === undefined) throw wrong(where, 'must be float64 numbers in base64url')
  return unpacked
}

/** Node's own: 1,000 numbers take 5 us, with the loop of `#base` 45. It skips what is foreign, so look again. */
function decodeLong(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

const measured: Parser<Measured> = object({
  epoch: integer,
  atMs: number,
  workflows: list(NAME, 1_024),
  resources: list(
    object({
      name: NAME,
      kind: oneOf('pool', 'queue', 'lock', 'cpu', 'disk', 'network', 'other'),
      load: column,
      waitMs: column,
      serviceMs: column,
      utilisation: optional(number),
    }),
    256,
  ),
  points: list(object({ name: NAME, passed: column, refused: optional(column) }), 64),
  requests: optional(object({ finished: column, latencyMs: column, p99Ms: optional(column) })),
  obeyed: optional(integer),
})

/** One that this server does not know yet is told as the one that was first. */
const degradedBy: Parser<DegradedBy> = (value) => (value === 'loop' || value === 'heap' ? value : 'cpu')

const use: Parser<PackageUse> = object({
  functions: integer,
  missed: list(object({ tracepoint: text(512), reason: text(1_024) }), 64),
  runs: integer,
  estimated: integer,
  ns: number,
  every: integer,
  why: optional(degradedBy),
  packedBytes: integer,
})

export const agentReport: Parser<AgentReport> = object({
  agent: text(128),
  epoch: text(128),
  seq: integer,
  timeMs: number,
  stateVersion: integer,
  packages: list(
    object({
      name: NAME,
      version: integer,
      error: optional(text(4_096)),
      use: optional(use),
      held: optional(integer),
    }),
    1_024,
  ),
  woven: optional(list(text(8_192), 256)),
  measured: optional(measured),
  results: optional(list(resultReport, 256)),
  sampling: optional(
    list(object({ policy: NAME, seen: integer, kept: integer, refused: integer }), SAMPLING_POLICIES_MAX),
  ),
  spans: object({ emitted: integer, sent: integer, dropped: integer, queued: integer }),
  drops: record(integer, 256),
  budget: object({ adviceNs: number, adviceRuns: number, isTripped: flag }),
  eventLoopDelayMsP99: number,
  rssBytes: number,
  lastError: optional(object({ where: NAME, code: NAME, message: text(4_096), timeMs: number })),
})

export const sayHello: Handler = async ({ request, response, host }, { agents, pipeline }) => {
  agents.hello(hello(await readJson(request), ''))
  const otlp = pipeline()?.otlp
  const name = host.replace(/:\d+$/, '')
  sendJson(response, 200, {
    ok: true,
    ...(otlp === undefined ? {} : { otlp: `http://${name}:${otlp.port}` }),
  })
}

/** 409 tells an agent that this server was restarted: say hello again. */
export const takeReport: Handler = async (
  { request, response },
  { agents, queries, sampling, throttling },
) => {
  const told = agentReport(await readJson(request), '')
  if (agents.report(told)) {
    queries.take(told)
    sampling.take(told)
    throttling.take(told)
    return sendJson(response, 200, { ok: true })
  }
  throw new RequestError(
    409,
    'E_AGENT_UNKNOWN',
    'this server has not met that agent',
    'POST /agent/v1/hello first',
  )
}

/** Signed desired state now, at each change, and renewed before it expires. */
export const streamState: Handler = ({ response, query }, { agents, state, throttling }) => {
  const agent = query.get('agent') ?? ''
  if (agent === '' || agent.length > 128)
    throw new RequestError(
      400,
      'E_BAD_REQUEST',
      'agent must be the id that said hello',
      'POST /agent/v1/hello first',
    )
  const stream = openEventStream(response)
  const tell = (): void => stream.send(JSON.stringify(state.signed(agent)), 'state')
  tell()
  const order = throttling.listen(agent, (signed) => stream.send(JSON.stringify(signed), 'control'))
  const ends = [state.listen(tell), agents.stream(agent), order]
  stream.onClose(() => {
    for (const end of ends) end()
  })
}

export const listAgents: Handler = ({ response }, { agents }) =>
  sendJson(response, 200, { agents: agents.views() })

export const listTracepoints: Handler = ({ response, query }, { agents }) => {
  const match = query.get('match') ?? '*'
  if (match.length > 256)
    throw new RequestError(400, 'E_BAD_REQUEST', 'match is too long', 'give at most 256 characters')
  sendJson(response, 200, { tracepoints: agents.tracepoints(match === '' ? '*' : match) })
}
