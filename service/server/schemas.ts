// JSON Schemas of what the API takes and answers, for OpenAPI. Types of the same names stand in
// core/protocol.

import type { ColumnRole } from '#protocol'

type Schema = { readonly [keyword: string]: unknown }

const text: Schema = { type: 'string' }
const count: Schema = { type: 'integer', minimum: 0 }
const number: Schema = { type: 'number' }
const maybeNumber: Schema = { type: ['number', 'null'] }
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

const pathShare = {
  ns,
  waitNs: ns,
  traces: count,
  p50Ns: ns,
  p95Ns: ns,
  distribution: list(object({ ns, count, traceId: id32, 'spanId?': id16 })),
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

const policyDefinition = {
  policy: text,
  'params?': map(number),
  'targets?': map(object({ latencyMs: number, 'statistic?': { enum: ['mean', 'p99'] } })),
  'points?': list(text),
  'dryRun?': flag,
}
const decisionReason = object({
  'resource?': text,
  slowdown: number,
  share: number,
  'victim?': text,
  'miss?': number,
})
const decisionCause = { enum: ['decided', 'lifted', 'removed', 'replaced'] }
const policyView = {
  name: text,
  ...policyDefinition,
  'error?': text,
  isStopped: flag,
  settings: list(object({ point: text, tenant: text, 'rate?': number, weight: number, 'limitMs?': number })),
  decisions: list(
    object({
      timeMs: number,
      point: text,
      tenant: text,
      'from?': number,
      'to?': number,
      because: decisionCause,
      reason: decisionReason,
    }),
  ),
}
const tenantView = object({
  tenant: text,
  perSecond: number,
  latencyMs: number,
  latencyMsP99: number,
  shares: map(number),
})
const resourceView = object({
  resource: text,
  kind: text,
  service: text,
  slowdown: number,
  load: map(number),
})
const pointView = object({
  point: text,
  tenant: text,
  perSecond: number,
  'refusedPerSecond?': number,
  'rate?': number,
  isBinding: flag,
  weight: number,
})
const blameView = object({
  tenant: text,
  latencyMs: number,
  'target?': object({ latencyMs: number, 'statistic?': { enum: ['mean', 'p99'] } }),
  'miss?': number,
  causes: list(object({ tenant: text, share: number })),
  resources: list(object({ resource: text, share: number })),
})
const episodeView = object({
  kind: { enum: ['cut', 'raised', 'released'] },
  fromMs: number,
  untilMs: number,
  policy: text,
  isDryRun: flag,
  tenant: text,
  points: list(object({ point: text, 'from?': number, 'to?': number })),
  because: decisionCause,
  reason: decisionReason,
})
const tenantPast = object({ perSecond: number, latencyMs: number, latencyMsP99: number })

const tokenView = { id: text, name: text, may: list(text), createdMs: number, expiresMs: number }

const scalar: Schema = { type: ['string', 'number', 'boolean'] }
const datasetColumn = {
  name: text,
  type: { enum: ['number', 'string', 'strings', 'boolean'] },
  'unit?': text,
}
const where: Schema = {
  description:
    "a text (service = 'gateway' and duration_ms > 100), or { and: [..] }, { or: [..] }, { not: .. }, { column, op, value }",
  type: ['string', 'object'],
}
const instant: Schema = {
  description: 'ns (17 digits and more) or ms since the epoch, or ISO 8601',
  type: ['string', 'number'],
}
const datasetDefinition = {
  owner: text,
  'filter?': text,
  'features?': text,
  'file?': {
    ...text,
    description: "a TypeScript file in the server's folder of features, instead of features",
  },
  'rowPer?': { enum: ['trace', 'element', 'unit', 'block', 'point', 'edge'] },
  'retentionHours?': count,
  'maxBytes?': count,
}
const backfill = object({
  dataset: text,
  version: count,
  fromMs: number,
  toMs: number,
  state: { enum: ['waiting', 'running', 'done', 'cancelled', 'failed'] },
  tracesDone: count,
  tracesTotal: count,
  rows: count,
  startedMs: number,
  by: text,
  'error?': text,
})
const trial = object({
  traces: count,
  matched: count,
  rows: count,
  overBudget: count,
  cpuMs: number,
  cpuMsMax: number,
})
const population = object({ rows: count, weight: number })
const numbers = object({
  mean: { type: ['number', 'null'] },
  p50: { type: ['number', 'null'] },
  p95: { type: ['number', 'null'] },
  missing: number,
})
const levelOfDetail: Schema = { enum: ['coarse', 'normal', 'fine'] }
const strategy = object({ 'probability?': number, 'ratePerSecond?': number })
const samplingPolicy = {
  name: text,
  owner: text,
  strategy: object({ kind: { enum: ['probability', 'rate'] }, 'probability?': number, 'perSecond?': number }),
  restraints: list(object({ attribute: text, test: { enum: ['equals', 'glob'] }, value: text })),
  levelOfDetail,
  'endsMs?': number,
}
const samplingPolicyView = object({
  ...samplingPolicy,
  setBy: text,
  setMs: number,
  use: object({ agents: count, seen: count, kept: count, refused: count }),
})

const rowPer: Schema = { enum: ['trace', 'unit', 'block', 'point', 'edge'] }
const notebookContent = {
  cells: list(object({ kind: { enum: ['features', 'sql', 'text'] }, 'rowPer?': rowPer, text })),
  sample: { description: "newest traces that features are of, or 'all'" },
}
const notebookSummary = {
  id: id16,
  name: text,
  owner: text,
  version: count,
  createdMs: number,
  changedMs: number,
  changedBy: text,
  cellCount: count,
  bytes: count,
}

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
  Connection: object({ serverUrl: text, 'agentToken?': text, 'otlpUrl?': text, 'otlpGrpcUrl?': text }),
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
    'weight?': number,
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
        kind: { enum: ['join', 'barrier', 'queue', 'lock', 'async', 'resource', 'link'] },
        from: object({ spanId: id16, 'traceId?': id32, 'timeNs?': ns }),
        to: object({ spanId: id16, timeNs: ns }),
        'attributes?': {},
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
  PathsRequest: object({
    'filter?': map({}),
    'limit?': count,
    'whatIf?': object({ 'service?': text, 'name?': text, faster: number }),
  }),
  TracePathsView: object({
    whole: object(pathShare),
    services: list(object({ ...pathShare, service: text })),
    operations: list(object({ ...pathShare, service: text, name: text, dragNs: ns })),
    nodes: list(
      object({ ...pathShare, parent: { type: 'integer' }, service: text, name: text, withChildrenNs: ns }),
    ),
    foldedNodes: count,
    'whatIf?': object({
      'service?': text,
      'name?': text,
      faster: number,
      beforeNs: ns,
      afterNs: ns,
      p50BeforeNs: ns,
      p50AfterNs: ns,
      p95BeforeNs: ns,
      p95AfterNs: ns,
      savedTraces: count,
    }),
    'fromNs?': ns,
    'toNs?': ns,
    skipped: count,
    hasMore: flag,
  }),
  ImpactView: object({ spanId: id16, workNs: ns, pathNs: ns, 'slackNs?': ns, dragNs: ns }),
  SpanIds: object({ spanIds: list(id16) }),
  TraceHeatView: object({
    fromNs: ns,
    toNs: ns,
    columns: count,
    traces: count,
    cells: list(
      object({ column: count, band: { type: 'integer' }, count: number, errors: number, traceId: id32 }),
    ),
  }),
  ServiceGraphView: object({
    fromNs: ns,
    toNs: ns,
    services: list(object({ name: text, serverSpans: number, errors: number, p50Ns: ns, p95Ns: ns })),
    edges: list(
      object({ from: text, to: text, kind: text, count: number, errors: number, 'p50Ns?': ns, 'p95Ns?': ns }),
    ),
    spans: count,
    isCut: flag,
  }),
  PipelineView: object({
    nowMs: number,
    parts: list(object({ name: text, state: text, restarts: count, 'lastError?': text })),
    losses: list(
      object({
        stage: { enum: ['agents', 'ingest', 'traces', 'features', 'store'] },
        cause: text,
        what: text,
        unit: text,
        isIntentional: flag,
        count,
      }),
    ),
    owners: list(
      object({
        owner: text,
        waiting: count,
        queueMax: count,
        cpuMs: number,
        overBudget: count,
        refused: count,
        quarantines: count,
        'restsUntilMs?': number,
      }),
    ),
    past: object({
      stepMs: count,
      timesMs: list(number),
      gauges: map(list(maybeNumber)),
      rates: map(list(maybeNumber)),
      losses: map(list(count)),
      ownersWaiting: map(list(maybeNumber)),
    }),
  }),
  TraceOutlineAnswer: object({
    kind: { enum: ['whole', 'outline'] },
    'view?': ref('TraceView'),
    'outline?': object({
      traceId: id32,
      summary: ref('TraceSummary'),
      totalSpans: count,
      isModelled: flag,
      baseNs: ns,
      origins: list(object({ service: text, host: text })),
      names: list(text),
      spanIds: text,
      parent: list({ type: 'integer' }),
      start: list(number),
      length: list(number),
      origin: list(count),
      name: list(count),
      kind: list(count),
      flags: list(count),
      'path?': object({ span: list(count), start: list(number), end: list(number) }),
      points: list(list(number)),
      edges: list({}),
      repairs: list({}),
      clocks: list({}),
    }),
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
  PastRequest: object({ text, 'from?': text, 'to?': text }),
  PastResults: object({
    columns: list(text),
    rows: list({}),
    total: number,
    coverage: object({
      traces: count,
      spans: count,
      skipped: count,
      isWhole: flag,
      fromNs: ns,
      toNs: ns,
    }),
    assumed: count,
    otherRows: number,
    warnings: list(text),
  }),
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
  DatasetDefinition: object({ ...datasetDefinition, 'dryRun?': flag, 'force?': flag }),
  DatasetView: object({
    ...datasetDefinition,
    name: text,
    version: count,
    columns: list(object(datasetColumn)),
    isBuiltIn: flag,
    changedMs: number,
    changedBy: text,
    history: list(object({ version: count, changedMs: number, by: text })),
    'use?': object({
      traces: count,
      rows: count,
      cpuMs: number,
      failures: count,
      'lastFailure?': object({ message: text, traceId: id32 }),
      'quarantinedUntilMs?': number,
    }),
    'backfill?': ref('BackfillView'),
    'trial?': trial,
  }),
  DatasetList: object({ datasets: list(ref('DatasetView')) }),
  DatasetRemoved: object({ name: text }),
  NotebookRequest: object({ name: text, ...notebookContent, 'version?': count }),
  NotebookView: object({ ...notebookSummary, ...notebookContent, olderVersions: list(count) }),
  NotebookList: object({ notebooks: list(object(notebookSummary)) }),
  NotebookRemoved: object({ id: id16 }),
  FeatureRowsRequest: object({
    features: text,
    'filter?': text,
    'rowPer?': rowPer,
    'from?': instant,
    'to?': instant,
    'cursor?': text,
  }),
  FeatureRowsView: object({
    columns: list(object(datasetColumn)),
    rows: list(object({ traceId: id32, 'element?': text, weight: number, values: list({}) })),
    rowCount: count,
    traces: count,
    matched: count,
    skipped: count,
    spans: count,
    'oldestNs?': ns,
    'nextCursor?': text,
  }),
  SqlStatement: object({ text, 'from?': text, 'to?': text }),
  DatasetQuery: object({
    select: list(text),
    'groupBy?': list(text),
    'where?': where,
    'from?': instant,
    'to?': instant,
    'everySeconds?': number,
    'orderBy?': list(text),
    'limit?': count,
  }),
  DatasetResult: object({
    columns: list(
      object({
        ...datasetColumn,
        role: { enum: ['time', 'group', 'value'] },
        type: { enum: ['number', 'string', 'strings', 'boolean', 'time'] },
      }),
    ),
    rows: list(map({})),
    matched: population,
    isCut: flag,
    isApproximate: flag,
    version: count,
  }),
  DatasetCompare: object({
    a: where,
    'b?': where,
    'from?': instant,
    'to?': instant,
    'columns?': list(text),
  }),
  DatasetComparison: object({
    a: population,
    b: population,
    shared: population,
    correction: { enum: ['benjamini-hochberg'] },
    level: number,
    columns: list(
      object({
        column: text,
        type: datasetColumn.type,
        'unit?': text,
        effect: number,
        p: number,
        q: number,
        isSignificant: flag,
        kind: { enum: ['categories', 'numbers'] },
        'values?': list(object({ 'value?': scalar, a: number, b: number, delta: number, q: number })),
        'distinct?': count,
        'a?': numbers,
        'b?': numbers,
        'bins?': list(object({ from: number, to: number, a: number, b: number })),
      }),
    ),
    version: count,
  }),
  BackfillRequest: object({ 'from?': instant, 'to?': instant }),
  BackfillView: backfill,
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
  SamplingRequest: object({
    owner: text,
    strategy,
    'restraints?': list(object({ attribute: text, 'equals?': text, 'glob?': text })),
    'levelOfDetail?': levelOfDetail,
    'ttlSeconds?': number,
  }),
  SamplingSet: object({ ...samplingPolicy, stateVersion: count }),
  SamplingPolicy: samplingPolicyView,
  SamplingList: object({
    policies: list(samplingPolicyView),
    tail: { anyOf: [ref('TailRule'), { type: 'null' }] },
    stateVersion: count,
  }),
  TailRule: object({ 'slow?': flag, 'failed?': flag, 'rareBelow?': count, probability: number }),
  KillSwitch: object({ disabled: flag }),
  TenantList: object({ tenants: list(tenantView) }),
  ResourceList: object({ resources: list(resourceView) }),
  PointList: object({ points: list(pointView) }),
  BlameList: object({ blame: list(blameView) }),
  EpisodeList: object({ episodes: list(episodeView) }),
  Control: object({
    timeMs: number,
    tenants: list(tenantView),
    resources: list(resourceView),
    points: list(pointView),
    policies: list(object(policyView)),
    blame: list(blameView),
    episodes: list(episodeView),
  }),
  ControlHistory: object({
    timesMs: list(number),
    tenants: map(list({ anyOf: [tenantPast, { type: 'null' }] })),
    slowdown: map(list({ type: ['number', 'null'] })),
  }),
  PolicyTypeList: object({
    types: list(
      object({
        policy: text,
        does: text,
        needsTargets: flag,
        params: list(object({ name: text, value: number, says: text })),
        'file?': text,
      }),
    ),
  }),
  PolicyDefinition: object(policyDefinition),
  Policy: object(policyView),
  PolicyList: object({ policies: list(object(policyView)) }),
  Named: object({ name: text }),
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
