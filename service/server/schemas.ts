// JSON Schemas of what the API takes and answers, for OpenAPI. Types of the same names stand in
// core/protocol.

import type { ColumnRole } from '#protocol'

type Schema = { readonly [keyword: string]: unknown }

const text: Schema = { type: 'string' }
const count: Schema = { type: 'integer', minimum: 0 }
const number: Schema = { type: 'number' }
const flag: Schema = { type: 'boolean' }
const ns: Schema = { type: 'string', pattern: '^-?[0-9]+$', description: 'nanoseconds, decimal' }
const id16: Schema = { type: 'string', pattern: '^[0-9a-f]{16}$' }
const id32: Schema = { type: 'string', pattern: '^[0-9a-f]{32}$' }
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
const list = (items: Schema): Schema => ({ type: 'array', items })
const map = (values: Schema): Schema => ({ type: 'object', additionalProperties: values })

/** All members required but those whose name ends in '?'. */
function object(members: { readonly [name: string]: Schema }): Schema {
  const entries = Object.entries(members)
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, schema]) => [name.replace('?', ''), schema])),
    required: entries.map(([name]) => name).filter((name) => !name.endsWith('?')),
  }
}

const tracepoint = object({ name: text, vars: list(text) })
const packageState = object({ name: text, version: count, 'error?': text })
const lastError = object({ where: text, code: text, message: text, timeMs: number })

const OPERATIONS = [
  'observe',
  'filter',
  'let',
  'now',
  'random',
  'unpack',
  'pack',
  'set',
  'replace',
  'increment',
  'drop',
  'keep',
  'verify',
  'emit',
  'act',
]
const COLUMN_ROLES: readonly ColumnRole[] = [
  'window',
  'key',
  'count',
  'sum',
  'min',
  'max',
  'average',
  'quantile',
  'histogram',
  'distinct',
  'value',
]
const degradedBy: Schema = { enum: ['cpu', 'loop', 'heap'] }
const coverage = object({
  connected: count,
  installed: count,
  functions: count,
  missed: list(object({ tracepoint: text, reason: text, agents: count })),
  sampled: list(object({ agent: text, service: text, every: count, estimated: count, 'why?': degradedBy })),
  refused: list(object({ agent: text, service: text, error: text })),
})
const plan = object({ kind: { enum: ['baggage', 'recorded'] }, sinceMs: number, 'reason?': text })
const queryView = {
  id: text,
  'name?': text,
  text,
  columns: list(text),
  installedBy: text,
  createdMs: number,
  expiresMs: number,
  plan,
  coverage,
  total: number,
}

const tokenView = { id: text, name: text, may: list(text), createdMs: number, expiresMs: number }

export const SCHEMAS = {
  Any: {},
  Ok: object({ ok: flag, 'otlp?': text }),
  Status: object({ status: text }),
  ApiError: object({ error: object({ code: text, message: text, hint: text }) }),
  Readiness: object({
    status: { enum: ['ready', 'not ready'] },
    parts: list(
      object({
        name: text,
        state: { enum: ['starting', 'running', 'waiting', 'failed', 'closed'] },
        restarts: count,
        'lastError?': text,
      }),
    ),
  }),
  LoginLink: object({ url: text }),
  Connection: object({ serverUrl: text, 'agentToken?': text, 'otlpUrl?': text }),
  AgentHello: object({
    agent: text,
    service: text,
    pid: count,
    host: text,
    nodeVersion: text,
    agentVersion: text,
    startedMs: number,
    resource: map(text),
    tracepoints: list(tracepoint),
  }),
  AgentReport: object({
    agent: text,
    epoch: text,
    seq: count,
    timeMs: number,
    stateVersion: count,
    'woven?': list(text),
    packages: list(packageState),
    'results?': list(
      object({
        tool: text,
        version: count,
        result: text,
        hits: number,
        groups: list(list({})),
        otherRows: number,
        overflows: number,
      }),
    ),
    spans: object({ emitted: count, sent: count, dropped: count, queued: count }),
    drops: map(count),
    budget: object({ adviceNs: number, adviceRuns: number, isTripped: flag }),
    eventLoopDelayMsP99: number,
    rssBytes: number,
    'lastError?': lastError,
  }),
  AgentView: {
    allOf: [
      ref('AgentHello'),
      object({ isConnected: flag, lastSeenMs: number, 'report?': ref('AgentReport') }),
    ],
  },
  AgentList: object({ agents: list(ref('AgentView')) }),
  TracepointList: object({
    tracepoints: list(
      object({
        name: text,
        vars: list(text),
        agents: count,
        services: list(text),
        'lines?': list(count),
        'sources?': list(text),
      }),
    ),
  }),
  TraceSummary: object({
    traceId: id32,
    rootService: text,
    rootName: text,
    startNs: ns,
    durationNs: ns,
    spanCount: count,
    errorCount: count,
    services: list(object({ name: text, spanCount: count })),
    hasRoot: flag,
  }),
  TraceSearchResult: object({ traces: list(ref('TraceSummary')), 'nextCursor?': text }),
  Facets: object({ services: list(text), attributeKeys: list(text), operations: list(text) }),
  SpanView: object({
    spanId: id16,
    'parentSpanId?': id16,
    service: text,
    name: text,
    kind: { enum: ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] },
    startNs: ns,
    endNs: ns,
    shiftNs: ns,
    status: object({ code: { enum: ['unset', 'ok', 'error'] }, 'message?': text }),
    attributes: map({}),
    resource: map({}),
    scope: object({ name: text, 'version?': text }),
    events: list(object({ timeNs: ns, name: text, attributes: map({}) })),
    links: list(object({ traceId: id32, spanId: id16, attributes: map({}) })),
    droppedCount: count,
    depth: count,
  }),
  TraceView: object({
    traceId: id32,
    summary: ref('TraceSummary'),
    spans: list(ref('SpanView')),
    totalSpans: count,
    edges: list(
      object({
        kind: { enum: ['join', 'barrier', 'queue', 'link'] },
        from: object({ spanId: id16, 'traceId?': id32, 'timeNs?': ns }),
        to: object({ spanId: id16, timeNs: ns }),
      }),
    ),
    repairs: list(object({ kind: text, 'spanId?': text, message: text })),
    clocks: list(object({ host: text, offsetNs: ns })),
  }),
  SpanPage: object({ spans: list(ref('SpanView')), offset: count, totalSpans: count }),
  CriticalPathView: object({
    sections: list(
      object({ spanId: id16, service: text, name: text, startNs: ns, endNs: ns, 'waitedFor?': text }),
    ),
    exclusiveNs: map(ns),
  }),
  OtlpRequest: object({ resourceSpans: list({}) }),
  SpanFile: { description: 'the file as it is, of the format that the query names' },
  ImportCounts: object({
    format: { enum: ['otlp', 'jaeger', 'zipkin'] },
    acceptedSpans: count,
    rejectedSpans: count,
    message: text,
    isDuplicate: flag,
  }),
  QueryRequest: object({
    text,
    'ttlSeconds?': number,
    'name?': text,
    'dryRun?': flag,
    'plan?': { enum: ['auto', 'baggage', 'recorded'] },
    'budgetBytes?': count,
  }),
  QueryInstalled: object({ ...queryView, explanation: {}, warnings: list(text) }),
  QueryList: object({ queries: list(object(queryView)) }),
  QueryRemoved: object({ id: text }),
  QueryResults: object({
    id: text,
    seq: count,
    timeMs: number,
    columns: list(text),
    roles: list({ enum: COLUMN_ROLES }),
    rows: list(map({})),
    'rollUps?': list(object({ by: list(text), rows: list(map({})) })),
    'top?': count,
    total: number,
    perSecond: object({ rows: list(map({})), total: number }),
    coverage,
    plan,
    use: object({ runs: count, ns: number, packedBytes: count }),
    drops: object({ otherRows: number, overflows: number, lost: number }),
    'isUnchanged?': flag,
  }),
  ToolPackage: object({
    'name?': text,
    'version?': count,
    'schema?': text,
    advice: list(
      object({
        tracepoint: text,
        instructions: list(object({ op: { enum: OPERATIONS } })),
      }),
    ),
    'parameters?': map({ type: ['string', 'number', 'boolean'] }),
    'agents?': object({ installed: count, failed: count }),
  }),
  ToolList: object({ tools: list(ref('ToolPackage')), stateVersion: count, disabled: flag }),
  Deployed: object({ name: text, 'version?': count, stateVersion: count }),
  KillSwitch: object({ disabled: flag }),
  TokenRequest: object({ name: text, may: list(text), 'ttlSeconds?': number }),
  TokenCreated: object({ ...tokenView, secret: text }),
  TokenList: object({ tokens: list(object(tokenView)) }),
  TokenRevoked: object({ id: text }),
  Audit: object({
    isIntact: flag,
    entries: list(
      object({
        seq: count,
        timeMs: number,
        who: text,
        what: text,
        detail: map({}),
        previous: text,
        hash: text,
      }),
    ),
  }),
  SignedState: object({ payload: text, signature: text, publicKey: text }),
} satisfies { readonly [name: string]: Schema }

export type SchemaName = keyof typeof SCHEMAS
