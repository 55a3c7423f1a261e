// The routes of /api/v1 that the app reads, each answered as an exact type or an ApiFailure that says what to
// do.

import type {
  AgentView,
  AttributeValue,
  Attributes,
  CriticalPathView,
  ImpactView,
  PathShareView,
  QueryResults,
  ServiceGraphView,
  SpanView,
  TraceHeatView,
  TraceOutlineAnswer,
  TraceOutlineView,
  TracePathsView,
  TraceSearchResult,
  TraceSummary,
  TraceView,
} from '#protocol'
import {
  array,
  boolean,
  hexId,
  nanos,
  number,
  object,
  oneOf,
  optional,
  record,
  string,
  type Reader,
} from './decode.ts'

/** What went wrong, in words for the person in front of the page. */
export class ApiFailure extends Error {
  readonly code: string
  readonly status: number
  readonly hint: string | undefined
  constructor(failure: {
    readonly code: string
    readonly status: number
    readonly message: string
    readonly hint?: string
  }) {
    super(failure.message)
    this.code = failure.code
    this.status = failure.status
    this.hint = failure.hint
  }
}

const summary: Reader<TraceSummary> = object({
  traceId: hexId,
  rootService: string,
  rootName: string,
  startNs: nanos,
  durationNs: nanos,
  spanCount: number,
  errorCount: number,
  services: array(object({ name: string, spanCount: number })),
  hasRoot: boolean,
  weight: optional(number),
})

const searchResult: Reader<TraceSearchResult> = object({
  traces: array(summary),
  nextCursor: optional(string),
})

/** Attribute values are any JSON: shown as they are, never interpreted. */
const attributeValue: Reader<AttributeValue> = (value, where) => {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value
  if (Array.isArray(value)) return array(attributeValue)(value, where)
  return value === undefined ? null : record(attributeValue)(value, where)
}
const attributes: Reader<Attributes> = record(attributeValue)

const span: Reader<SpanView> = object({
  spanId: hexId,
  parentSpanId: optional(hexId),
  service: string,
  name: string,
  kind: oneOf('unspecified', 'internal', 'server', 'client', 'producer', 'consumer'),
  startNs: nanos,
  endNs: nanos,
  shiftNs: nanos,
  status: object({ code: oneOf('unset', 'ok', 'error'), message: optional(string) }),
  attributes,
  resource: attributes,
  scope: object({ name: string, version: optional(string) }),
  events: array(object({ timeNs: nanos, name: string, attributes })),
  links: array(object({ traceId: hexId, spanId: hexId, attributes })),
  droppedCount: number,
  depth: number,
})

const EDGE_KINDS = ['join', 'barrier', 'queue', 'lock', 'async', 'resource', 'link'] as const

const edges = array(
  object({
    kind: oneOf(...EDGE_KINDS),
    from: object({ spanId: hexId, traceId: optional(hexId), timeNs: optional(nanos) }),
    to: object({ spanId: hexId, timeNs: nanos }),
    attributes: optional(attributes),
  }),
)
const repairs = array(object({ kind: string, spanId: optional(hexId), message: string }))
const clocks = array(object({ host: string, offsetNs: nanos }))

const traceView: Reader<TraceView> = object({
  traceId: hexId,
  summary,
  spans: array(span),
  totalSpans: number,
  edges,
  repairs,
  clocks,
})

/** Columns are long: one look at each entry, no copy. */
const numbers: Reader<readonly number[]> = (value, where) => {
  if (!Array.isArray(value)) throw new TypeError(`${where} is no list`)
  for (const entry of value)
    if (typeof entry !== 'number' || !Number.isFinite(entry)) throw new TypeError(`${where} has no numbers`)
  return value
}

const outlineColumns = object({
  traceId: hexId,
  summary,
  totalSpans: number,
  isModelled: boolean,
  baseNs: nanos,
  origins: array(object({ service: string, host: string })),
  names: array(string),
  spanIds: string,
  parent: numbers,
  start: numbers,
  length: numbers,
  origin: numbers,
  name: numbers,
  kind: numbers,
  flags: numbers,
  path: optional(object({ span: numbers, start: numbers, end: numbers })),
  points: array(numbers),
  edges,
  repairs,
  clocks,
})

const outline: Reader<TraceOutlineView> = (value, where) => {
  const { points, ...read } = outlineColumns(value, where)
  return { ...read, points: points.map(([at = 0, ns = 0, name = 0]) => [at, ns, name] as const) }
}

const outlineAnswer: Reader<TraceOutlineAnswer> = (value, where) => {
  const { kind } = object({ kind: oneOf('whole', 'outline') })(value, where)
  return kind === 'whole'
    ? { kind, view: object({ view: traceView })(value, where).view }
    : { kind, outline: object({ outline })(value, where).outline }
}

const criticalPath: Reader<CriticalPathView> = object({
  sections: array(object({ spanId: hexId, service: string, name: string, startNs: nanos, endNs: nanos })),
  exclusiveNs: record(nanos),
})

const agentReport = object({
  agent: string,
  epoch: string,
  seq: number,
  timeMs: number,
  stateVersion: number,
  packages: array(object({ name: string, version: number, error: optional(string) })),
  spans: object({ emitted: number, sent: number, dropped: number, queued: number }),
  drops: record(number),
  budget: object({ adviceNs: number, adviceRuns: number, isTripped: boolean }),
  eventLoopDelayMsP99: number,
  rssBytes: number,
  lastError: optional(object({ where: string, code: string, message: string, timeMs: number })),
})

const agents: Reader<readonly AgentView[]> = array(
  object({
    agent: string,
    service: string,
    pid: number,
    host: string,
    nodeVersion: string,
    agentVersion: string,
    startedMs: number,
    resource: record(string),
    tracepoints: array(object({ name: string, vars: array(string) })),
    isConnected: boolean,
    lastSeenMs: number,
    report: optional(agentReport),
  }),
)

/** A deployed tool, as far as the system page shows it. */
export type ToolRow = { readonly name: string; readonly version: number | undefined }
const tools: Reader<readonly ToolRow[]> = array(object({ name: string, version: optional(number) }))

/** Lists come bare or under their name, whichever the route prefers. */
export function listed<T>(name: string, read: Reader<readonly T[]>): Reader<readonly T[]> {
  const wrapped = object({ [name]: read })
  return (value, where) => (Array.isArray(value) ? read(value, where) : (wrapped(value, where)[name] ?? []))
}

export function searchTraces(query: URLSearchParams, signal: AbortSignal): Promise<TraceSearchResult> {
  return get(`/api/v1/traces?${query}`, searchResult, signal)
}

/**
 * A trace to be drawn. A large one comes in columns: at once as it came, which onPart gets, then repaired and
 * aligned; its attributes stay on the server.
 */
export async function readTrace(
  traceId: string,
  onPart: (trace: TraceOutlineAnswer) => void,
  signal: AbortSignal,
): Promise<TraceOutlineAnswer> {
  const first = await get(`/api/v1/traces/${traceId}/outline`, outlineAnswer, signal)
  if (first.kind === 'whole' || first.outline.isModelled) return first
  onPart(first)
  return get(`/api/v1/traces/${traceId}/outline?modelled=true`, outlineAnswer, signal)
}

/** A trace with everything of its spans, as far as one answer holds them (5,000). */
export function readSmallTrace(traceId: string, signal: AbortSignal): Promise<TraceView> {
  return get(`/api/v1/traces/${traceId}`, traceView, signal)
}

/** One span of a large trace, with everything. */
export function readSpan(traceId: string, spanId: string, signal: AbortSignal): Promise<SpanView> {
  return get(`/api/v1/traces/${traceId}/spans/${spanId}`, span, signal)
}

const impact: Reader<ImpactView> = object({
  spanId: hexId,
  workNs: nanos,
  pathNs: nanos,
  slackNs: optional(nanos),
  dragNs: nanos,
})

export function readImpact(traceId: string, spanId: string, signal: AbortSignal): Promise<ImpactView> {
  return get(`/api/v1/traces/${traceId}/spans/${spanId}/impact`, impact, signal)
}

/** Spans of a large trace that contain a text. */
export async function findSpans(
  traceId: string,
  text: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const query = new URLSearchParams({ text })
  const read = object({ spanIds: array(hexId) })
  return (await get(`/api/v1/traces/${traceId}/find?${query}`, read, signal)).spanIds
}

const share = {
  ns: nanos,
  waitNs: nanos,
  traces: number,
  p50Ns: nanos,
  p95Ns: nanos,
  distribution: array(object({ ns: nanos, count: number, traceId: hexId, spanId: optional(hexId) })),
}
const wholeShare: Reader<PathShareView> = object(share)
const tracePaths: Reader<TracePathsView> = object({
  whole: wholeShare,
  services: array(object({ ...share, service: string })),
  operations: array(object({ ...share, service: string, name: string, dragNs: nanos })),
  nodes: array(object({ ...share, parent: number, service: string, name: string, withChildrenNs: nanos })),
  foldedNodes: number,
  whatIf: optional(
    object({
      service: optional(string),
      name: optional(string),
      faster: number,
      beforeNs: nanos,
      afterNs: nanos,
      p50BeforeNs: nanos,
      p50AfterNs: nanos,
      p95BeforeNs: nanos,
      p95AfterNs: nanos,
      savedTraces: number,
    }),
  ),
  fromNs: optional(nanos),
  toNs: optional(nanos),
  skipped: number,
  hasMore: boolean,
})

export type PathsAsk = {
  readonly filter: { readonly [name: string]: unknown }
  readonly limit: number
  readonly whatIf?: { readonly service?: string; readonly name?: string; readonly faster: number }
}

/** Critical paths of the traces that match, added up. */
export function readPaths(body: PathsAsk, signal: AbortSignal): Promise<TracePathsView> {
  return send({ method: 'POST', path: '/api/v1/traces/critical-path', body }, tracePaths, signal)
}

const traceHeat: Reader<TraceHeatView> = object({
  fromNs: nanos,
  toNs: nanos,
  columns: number,
  traces: number,
  cells: array(object({ column: number, band: number, count: number, errors: number, traceId: hexId })),
})

export function readHeat(query: URLSearchParams, signal: AbortSignal): Promise<TraceHeatView> {
  return get(`/api/v1/traces/heat?${query}`, traceHeat, signal)
}

const serviceGraph: Reader<ServiceGraphView> = object({
  fromNs: nanos,
  toNs: nanos,
  services: array(object({ name: string, serverSpans: number, errors: number, p50Ns: nanos, p95Ns: nanos })),
  edges: array(
    object({
      from: string,
      to: string,
      kind: oneOf('call', ...EDGE_KINDS),
      count: number,
      errors: number,
      p50Ns: optional(nanos),
      p95Ns: optional(nanos),
    }),
  ),
  spans: number,
  isCut: boolean,
})

export function readServiceGraph(query: URLSearchParams, signal: AbortSignal): Promise<ServiceGraphView> {
  return get(`/api/v1/service-graph?${query}`, serviceGraph, signal)
}

/** Between two points as path-ends.ts writes them; absent: of the whole root. */
export function readCriticalPath(
  traceId: string,
  ends: { readonly from: string | undefined; readonly to: string | undefined },
  signal: AbortSignal,
): Promise<CriticalPathView> {
  const query = new URLSearchParams()
  if (ends.from !== undefined) query.set('from', ends.from)
  if (ends.to !== undefined) query.set('to', ends.to)
  return get(`/api/v1/traces/${traceId}/critical-path?${query}`, criticalPath, signal)
}

export function readAgents(signal: AbortSignal): Promise<readonly AgentView[]> {
  return get('/api/v1/agents', listed('agents', agents), signal)
}

/** Names to offer while somebody types a filter. */
export type Facets = { readonly services: readonly string[]; readonly attributeKeys: readonly string[] }
const facets: Reader<Facets> = object({ services: array(string), attributeKeys: array(string) })

export function readFacets(signal: AbortSignal): Promise<Facets> {
  return get('/api/v1/facets', facets, signal)
}

const connection = object({ otlpUrl: optional(string) })

/** Where spans are to be sent; undefined while the listener is not there. */
export async function readOtlpUrl(signal: AbortSignal): Promise<string | undefined> {
  return (await get('/api/v1/connection', connection, signal)).otlpUrl
}

export function readTools(signal: AbortSignal): Promise<readonly ToolRow[]> {
  return get('/api/v1/tools', listed('tools', tools), signal)
}

/**
 * One message of the live stream: a summary, a list of them, or a search result. Others (keep-alives) are
 * empty.
 */
export function readStreamed(text: string): readonly TraceSummary[] {
  const value: unknown = JSON.parse(text)
  if (Array.isArray(value)) return array(summary)(value, 'stream')
  if (typeof value !== 'object' || value === null) return []
  if ('traces' in value) return searchResult(value, 'stream').traces
  return 'traceId' in value ? [summary(value, 'stream')] : []
}

const coverage = object({
  connected: number,
  installed: number,
  functions: number,
  missed: array(object({ tracepoint: string, reason: string, agents: number })),
  sampled: array(
    object({
      agent: string,
      service: string,
      every: number,
      estimated: number,
      why: optional(oneOf('cpu', 'loop', 'heap')),
    }),
  ),
  refused: array(object({ agent: string, service: string, error: string })),
})
const plan = object({ kind: oneOf('baggage', 'recorded'), sinceMs: number, reason: optional(string) })
const resultRow = record<unknown>((value) => value)
const queryResults: Reader<QueryResults> = object({
  id: string,
  seq: number,
  timeMs: number,
  columns: array(string),
  roles: array(
    oneOf(
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
    ),
  ),
  rows: array(resultRow),
  rollUps: optional(array(object({ by: array(string), rows: array(resultRow) }))),
  top: optional(number),
  total: number,
  perSecond: object({ rows: array(resultRow), total: number }),
  coverage,
  use: object({ runs: number, ns: number, packedBytes: number }),
  plan,
  drops: object({ otherRows: number, overflows: number, lost: number }),
})

/** A running query, as far as the list shows it. */
export type QueryRow = {
  readonly id: string
  readonly name: string | undefined
  readonly text: string
  readonly installedBy: string
  readonly total: number
  readonly createdMs: number
  readonly expiresMs: number
  readonly installed: number
}
const queryView = object({
  id: hexId,
  name: optional(string),
  text: string,
  installedBy: string,
  total: number,
  createdMs: number,
  expiresMs: number,
  coverage,
})
const queryRows: Reader<readonly QueryRow[]> = array((value, where) => {
  const { coverage: told, ...row } = queryView(value, where)
  return { ...row, installed: told.installed }
})
const tracepoints = array(object({ name: string, vars: array(string), services: array(string) }))
const identified = object({ id: hexId })

export function readQueries(signal: AbortSignal): Promise<readonly QueryRow[]> {
  return get('/api/v1/queries', listed('queries', queryRows), signal)
}

/** Installs a live query. Errors: ApiFailure E_QUERY with all that is wrong with the text, a line each. */
export function installQuery(
  body: { readonly text: string; readonly ttlSeconds: number; readonly name?: string },
  signal: AbortSignal,
): Promise<{ readonly id: string }> {
  return send({ method: 'POST', path: '/api/v1/queries', body }, identified, signal)
}

export function removeQuery(id: string, signal: AbortSignal): Promise<{ readonly id: string }> {
  return send({ method: 'DELETE', path: `/api/v1/queries/${encodeURIComponent(id)}` }, identified, signal)
}

export function readQueryResults(id: string, signal: AbortSignal): Promise<QueryResults> {
  return get(`/api/v1/queries/${encodeURIComponent(id)}/results`, queryResults, signal)
}

/** One message of the stream of results. */
export function readStreamedResults(text: string): QueryResults {
  return queryResults(JSON.parse(text), 'stream')
}

/** Where a query can look, with the variables it finds there. */
export type Tracepoint = {
  readonly name: string
  readonly vars: readonly string[]
  readonly services: readonly string[]
}

export function readTracepoints(signal: AbortSignal): Promise<readonly Tracepoint[]> {
  return get('/api/v1/tracepoints', listed('tracepoints', tracepoints), signal)
}

export function get<T>(path: string, read: Reader<T>, signal: AbortSignal): Promise<T> {
  return send({ method: 'GET', path }, read, signal)
}

type Ask = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: unknown
}

export async function send<T>(ask: Ask, read: Reader<T>, signal: AbortSignal): Promise<T> {
  const response = await fetchAnswer(ask, signal)
  const body: unknown = await response.json().catch(() => undefined)
  return read(body, ask.path.split('?')[0] ?? ask.path)
}

/** The text of an answer, for what is taken along as it is. */
export async function getText(path: string, signal: AbortSignal): Promise<string> {
  return (await fetchAnswer({ method: 'GET', path }, signal)).text()
}

async function fetchAnswer({ method, path, body }: Ask, signal: AbortSignal): Promise<Response> {
  const response = await fetch(path, {
    method,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    credentials: 'same-origin',
    signal,
  }).catch((error: unknown) => {
    throw signal.aborted ? error : unreachable()
  })
  if (!response.ok) throw await failureOf(response)
  return response
}

function unreachable(): ApiFailure {
  return new ApiFailure({
    code: 'E_UNREACHABLE',
    status: 0,
    message: 'The server does not answer.',
    hint: 'Is `crosscut up` still running? This page tries again by itself.',
  })
}

const apiError = object({ error: object({ code: string, message: string, hint: optional(string) }) })

async function failureOf(response: Response): Promise<ApiFailure> {
  const status = response.status
  try {
    const { error } = apiError(await response.json(), 'error')
    const message = status === 403 ? `You may not do this: ${error.message}` : error.message
    return new ApiFailure({ ...error, message, status })
  } catch {
    return new ApiFailure({ code: `HTTP_${status}`, status, message: `The server answered ${status}.` })
  }
}
