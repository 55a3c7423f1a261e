// The routes of /api/v1 that the app reads, each answered as an exact type or an ApiFailure that says what to
// do.

import type {
  AgentView,
  AttributeValue,
  Attributes,
  CriticalPathView,
  QueryResults,
  SpanView,
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
import { TRACE_PAGE_SPANS, TRACE_SPANS_MAX } from './limits.ts'

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

const traceView: Reader<TraceView> = object({
  traceId: hexId,
  summary,
  spans: array(span),
  totalSpans: number,
  edges: array(
    object({
      kind: oneOf('join', 'barrier', 'queue', 'link'),
      from: object({ spanId: hexId, traceId: optional(hexId), timeNs: optional(nanos) }),
      to: object({ spanId: hexId, timeNs: nanos }),
    }),
  ),
  repairs: array(object({ kind: string, spanId: optional(hexId), message: string })),
  clocks: array(object({ host: string, offsetNs: nanos })),
})

const spanPage = object({ spans: array(span) })

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
function listed<T>(name: string, read: Reader<readonly T[]>): Reader<readonly T[]> {
  const wrapped = object({ [name]: read })
  return (value, where) => (Array.isArray(value) ? read(value, where) : (wrapped(value, where)[name] ?? []))
}

export function searchTraces(query: URLSearchParams, signal: AbortSignal): Promise<TraceSearchResult> {
  return get(`/api/v1/traces?${query}`, searchResult, signal)
}

/**
 * A trace with all its spans, page by page. onPage gets what is there so far, each time it has doubled: every
 * showing lays out all spans anew, and doubling keeps the sum of that below twice the last.
 */
export async function readTrace(
  traceId: string,
  onPage: (trace: TraceView) => void,
  signal: AbortSignal,
): Promise<TraceView> {
  let trace = await get(`/api/v1/traces/${traceId}`, traceView, signal)
  const wanted = Math.min(trace.totalSpans, TRACE_SPANS_MAX)
  let shown = 0
  while (trace.spans.length < wanted) {
    if (trace.spans.length >= shown * 2) {
      onPage(trace)
      shown = trace.spans.length
    }
    const page = await get(
      `/api/v1/traces/${traceId}/spans?offset=${trace.spans.length}&limit=${TRACE_PAGE_SPANS}`,
      spanPage,
      signal,
    )
    if (page.spans.length === 0) break
    trace = { ...trace, spans: [...trace.spans, ...page.spans] }
  }
  return trace
}

export function readCriticalPath(traceId: string, signal: AbortSignal): Promise<CriticalPathView> {
  return get(`/api/v1/traces/${traceId}/critical-path`, criticalPath, signal)
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

function get<T>(path: string, read: Reader<T>, signal: AbortSignal): Promise<T> {
  return send({ method: 'GET', path }, read, signal)
}

type Ask = { readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: string; readonly body?: unknown }

async function send<T>({ method, path, body: given }: Ask, read: Reader<T>, signal: AbortSignal): Promise<T> {
  const response = await fetch(path, {
    method,
    headers: {
      accept: 'application/json',
      ...(given === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(given === undefined ? {} : { body: JSON.stringify(given) }),
    credentials: 'same-origin',
    signal,
  }).catch((error: unknown) => {
    throw signal.aborted ? error : unreachable()
  })
  if (!response.ok) throw await failureOf(response)
  const body: unknown = await response.json().catch(() => undefined)
  return read(body, path.split('?')[0] ?? path)
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
