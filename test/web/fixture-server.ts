// A small server with the routes that the browser app reads, answering seeded fixtures: for the browser tests
// and for working on the app without the whole system. It serves the real build under the real policy.
//
//   node test/web/fixture-server.ts [port]     then open the printed address
//
// The cast: `FixtureServer` owns the listener and the open streams; tests change what it answers through
// `say`.

import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  buildTrace,
  criticalPath,
  impactOf,
  PathProfile,
  toCriticalPathView,
  type LooseOtlpSpan,
  type PointRef,
  type Trace,
  type WhatIf,
} from '#model'
import type {
  AgentView,
  PipelineView,
  ServiceGraphView,
  SpanView,
  TraceHeatView,
  TraceOutlineAnswer,
  TraceSummary,
  TraceView,
} from '#protocol'
import { outlineOfModel } from '../../service/server/outline-view.ts'
import { bigTrace, checkoutTrace, hostileTrace, readTrace, seeded } from './fixtures.ts'

const DIST = fileURLToPath(new URL('../../face/web/dist/', import.meta.url))
const TYPES: { readonly [extension: string]: string } = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}
/** As the server promises: nothing from elsewhere, nothing inline. */
const POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
/** Spans in the first answer of a trace; the rest comes by pages, as from the real server. */
const FIRST_PAGE_SPANS = 5_000

export type Say = {
  /** What the list holds. */
  traces: TraceView[]
  /** undefined = answers; otherwise every API route fails with this status. */
  failStatus: number | undefined
  agents: AgentView[]
  pipeline: PipelineView
  /** How long an answer to this address waits, ms. */
  delayMs: (address: string) => number
  /** Requests seen, newest last. */
  readonly requests: string[]
}

const QUIET: PipelineView = {
  nowMs: 0,
  parts: [],
  losses: [],
  owners: [],
  past: { stepMs: 10_000, timesMs: [], gauges: {}, rates: {}, losses: {}, ownersWaiting: {} },
}

export type FixtureServer = {
  readonly url: string
  readonly say: Say
  /** Adds traces and tells the open streams. */
  readonly arrive: (...traces: TraceView[]) => void
  readonly close: () => Promise<void>
}

export async function startFixtureServer(
  options: { readonly port?: number; readonly nowMs?: number } = {},
): Promise<FixtureServer> {
  const say: Say = {
    traces: [],
    failStatus: undefined,
    agents: [],
    pipeline: QUIET,
    delayMs: () => 0,
    requests: [],
  }
  const streams = new Map<ServerResponse, URLSearchParams>()
  const server = createServer((request, response) => {
    answer(request, response, say, streams).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  await new Promise<void>((done) => {
    server.listen(options.port ?? 0, '127.0.0.1', done)
  })
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    say,
    arrive: (...traces) => {
      say.traces.unshift(...traces)
      for (const [stream, query] of streams) {
        const fresh = search(traces, query)
        if (fresh.length > 0) stream.write(`data: ${JSON.stringify({ traces: fresh })}\n\n`)
      }
    },
    close: async () => {
      for (const stream of streams.keys()) stream.destroy()
      server.closeAllConnections()
      await new Promise((done) => {
        server.close(done)
      })
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  say: Say,
  streams: Map<ServerResponse, URLSearchParams>,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://fixture')
  response.setHeader('content-security-policy', POLICY)
  response.setHeader('x-content-type-options', 'nosniff')
  if (!url.pathname.startsWith('/api/')) return await file(url.pathname, response)
  say.requests.push(url.pathname + url.search)
  const waitMs = say.delayMs(url.pathname + url.search)
  if (waitMs > 0) await new Promise((done) => setTimeout(done, waitMs))
  if (say.failStatus !== undefined) {
    return json(
      response,
      {
        error: {
          code: 'E_STORE_DOWN',
          message: 'The store does not answer.',
          hint: 'It is restarted by itself.',
        },
      },
      say.failStatus,
    )
  }
  if (request.headers.accept === 'text/event-stream') return stream(response, url.searchParams, streams)
  if (url.pathname === '/api/v1/traces/critical-path') return await paths(request, response, say)
  if (url.pathname === '/api/v1/traces/heat') return json(response, heat(say.traces, url.searchParams))
  if (url.pathname === '/api/v1/service-graph') return json(response, graph(say.traces.slice(0, 100)))
  const one = /^\/api\/v1\/traces\/([0-9a-f]{32})\/spans\/([0-9a-f]{16})(\/impact)?$/.exec(url.pathname)
  if (one !== null) {
    const trace = say.traces.find(({ traceId }) => traceId === one[1])
    return trace === undefined ? notFound(response) : spanRoute(response, trace, one[2] ?? '', one[3])
  }
  const trace = /^\/api\/v1\/traces\/([0-9a-f]{32})(\/critical-path|\/outline|\/find|\/otlp)?$/.exec(
    url.pathname,
  )
  if (trace !== null)
    return traceRoute(
      response,
      say.traces.find((one) => one.traceId === trace[1]),
      trace[2],
      url.searchParams,
    )
  if (url.pathname === '/api/v1/traces')
    return json(response, { traces: search(say.traces, url.searchParams) })
  if (url.pathname === '/api/v1/pipeline') return json(response, say.pipeline)
  if (url.pathname === '/api/v1/facets') return json(response, facetsOf(say.traces))
  if (url.pathname === '/api/v1/connection') return json(response, { otlpUrl: 'http://127.0.0.1:14318' })
  if (url.pathname === '/api/v1/agents') return json(response, { agents: say.agents })
  if (url.pathname === '/api/v1/tools')
    return json(response, { tools: [{ name: 'tag-requests', version: 3 }] })
  return notFound(response)
}

async function file(pathname: string, response: ServerResponse): Promise<void> {
  const name =
    path.extname(pathname) === '' ? 'index.html' : path.normalize(pathname).replace(/^(\.\.[/\\])+/, '')
  const bytes = await readFile(path.join(DIST, name)).catch(() => undefined)
  if (bytes === undefined) return notFound(response)
  response
    .writeHead(200, { 'content-type': TYPES[path.extname(name)] ?? 'application/octet-stream' })
    .end(bytes)
}

function stream(
  response: ServerResponse,
  query: URLSearchParams,
  streams: Map<ServerResponse, URLSearchParams>,
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(': open\n\n')
  streams.set(response, query)
  response.on('close', () => {
    streams.delete(response)
  })
}

function traceRoute(
  response: ServerResponse,
  trace: TraceView | undefined,
  part: string | undefined,
  query: URLSearchParams,
): void {
  if (trace === undefined) return notFound(response)
  if (part === '/critical-path') {
    const ends = { from: pointOf(query.get('from')), to: pointOf(query.get('to')) }
    return json(response, toCriticalPathView(criticalPath(modelOf(trace), ends)))
  }
  if (part === '/outline') return json(response, outlineAnswer(trace, query.get('modelled') === 'true'))
  if (part === '/otlp') return json(response, otlpPage(trace, query))
  if (part === '/find') {
    const wanted = (query.get('text') ?? '').toLowerCase()
    const found = trace.spans.filter((span) => JSON.stringify(span).toLowerCase().includes(wanted))
    return json(response, { spanIds: found.map(({ spanId }) => spanId) })
  }
  json(response, { ...trace, spans: trace.spans.slice(0, FIRST_PAGE_SPANS) })
}

/** `<span id>@begin`, `@end` or `@<ns>`. */
function pointOf(text: string | null): PointRef | undefined {
  const [spanId = '', at = ''] = (text ?? '').split('@')
  if (spanId === '') return undefined
  return { spanId, at: at === 'begin' || at === 'end' ? at : BigInt(at) }
}

function search(traces: readonly TraceView[], query: URLSearchParams): TraceSummary[] {
  const number = (key: string): number | undefined => (query.has(key) ? Number(query.get(key)) : undefined)
  const attributes = [...query]
    .filter(([key]) => key.startsWith('attr.'))
    .map(([key, value]) => [key.slice(5), value] as const)
  const wanted = (trace: TraceView): boolean => {
    const ms = Number(trace.summary.durationNs) / 1e6
    const startNs = BigInt(trace.summary.startNs)
    return (
      ms >= (number('minMs') ?? 0) &&
      ms <= (number('maxMs') ?? Infinity) &&
      (query.get('error') !== 'true' || trace.summary.errorCount > 0) &&
      (!query.has('from') || startNs >= BigInt(query.get('from') ?? 0)) &&
      (!query.has('to') || startNs <= BigInt(query.get('to') ?? 0)) &&
      trace.spans.some(
        (span) =>
          (!query.has('service') || span.service === query.get('service')) &&
          (!query.has('name') || span.name === query.get('name')) &&
          attributes.every(([key, value]) => String(span.attributes[key] ?? span.resource[key]) === value),
      )
    )
  }
  return traces
    .filter(wanted)
    .map((trace) => trace.summary)
    .sort((a, b) => (BigInt(a.startNs) < BigInt(b.startNs) ? 1 : -1))
    .slice(0, number('limit') ?? 20)
}

function facetsOf(traces: readonly TraceView[]): { services: string[]; attributeKeys: string[] } {
  const spans = traces.flatMap((trace) => trace.spans.slice(0, 100))
  return {
    services: [...new Set(spans.map((span) => span.service))].sort(),
    attributeKeys: [...new Set(spans.flatMap((span) => Object.keys(span.attributes)))].sort(),
  }
}

/** The model of a fixture: what the server computes on top of it is computed here by the same code. */
function modelOf(trace: TraceView): Trace {
  const known = models.get(trace)
  if (known !== undefined) return known
  const made = buildTrace(trace.spans.map((span) => loose(trace.traceId, span)))
  models.set(trace, made)
  return made
}
const models = new WeakMap<TraceView, Trace>()

const KINDS: readonly SpanView['kind'][] = [
  'unspecified',
  'internal',
  'server',
  'client',
  'producer',
  'consumer',
]

function loose(traceId: string, span: SpanView): LooseOtlpSpan {
  return {
    traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: Math.max(0, KINDS.indexOf(span.kind)),
    startTimeUnixNano: span.startNs,
    endTimeUnixNano: span.endNs,
    attributes: span.attributes,
    events: span.events.map(({ timeNs, name, attributes }) => ({ timeUnixNano: timeNs, name, attributes })),
    links: span.links,
    status: { code: span.status.code === 'error' ? 2 : 0 },
    resource: { attributes: { ...span.resource, 'service.name': span.service } },
  }
}

/** A page of spans as they came: what alignment moved is where it was. */
function otlpPage({ traceId, spans }: TraceView, query: URLSearchParams): unknown {
  const [offset, limit] = [Number(query.get('offset')), Number(query.get('limit'))]
  return {
    resourceSpans: spans.slice(offset, offset + limit).map(({ spanId, name, startNs, shiftNs }) => ({
      scopeSpans: [
        { spans: [{ traceId, spanId, name, startTimeUnixNano: String(BigInt(startNs) - BigInt(shiftNs)) }] },
      ],
    })),
  }
}

/** One of them as it came, without edges, the other modelled; the server answers the same way. */
function outlineAnswer(trace: TraceView, isModelled: boolean): TraceOutlineAnswer {
  if (trace.spans.length <= FIRST_PAGE_SPANS) return { kind: 'whole', view: trace }
  const { path, ...outline } = outlineOfModel(modelOf(trace))
  if (isModelled) return { kind: 'outline', outline: { ...outline, ...(path === undefined ? {} : { path }) } }
  return { kind: 'outline', outline: { ...outline, isModelled: false, edges: [], repairs: [], clocks: [] } }
}

function spanRoute(
  response: ServerResponse,
  trace: TraceView,
  spanId: string,
  part: string | undefined,
): void {
  if (part === undefined) {
    const span = trace.spans.find((one) => one.spanId === spanId)
    return span === undefined ? notFound(response) : json(response, span)
  }
  const model = modelOf(trace)
  const impact = impactOf(model, spanId)
  if (impact === undefined) return notFound(response)
  const pathNs = criticalPath(model).reduce(
    (sum, section) => (section.spanId === spanId ? sum + section.endNs - section.startNs : sum),
    0n,
  )
  const told = Object.entries(impact).map(([name, ns]) => [name, String(ns)])
  json(response, { spanId, pathNs: String(pathNs), ...Object.fromEntries(told) })
}

async function paths(request: IncomingMessage, response: ServerResponse, say: Say): Promise<void> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  const { filter, limit, whatIf }: PathsBody = JSON.parse(text)
  const query = new URLSearchParams({ limit: String(limit) })
  for (const [name, value] of Object.entries(filter)) query.set(name, String(value))
  const found = new Set(search(say.traces, query).map(({ traceId }) => traceId))
  const profile = new PathProfile(whatIf)
  for (const trace of say.traces)
    if (found.has(trace.traceId) && trace.spans.length <= FIRST_PAGE_SPANS) profile.add(modelOf(trace))
  json(response, { ...profile.view(), skipped: 0, hasMore: say.traces.length > found.size })
}

type PathsBody = {
  readonly filter: { readonly [name: string]: unknown }
  readonly limit: number
  readonly whatIf?: WhatIf
}

function heat(traces: readonly TraceView[], query: URLSearchParams): TraceHeatView {
  const columns = Number(query.get('columns'))
  const found = search(traces, new URLSearchParams([...query, ['limit', '1000']]))
  const starts = found.map(({ startNs }) => BigInt(startNs)).sort((a, b) => (a < b ? -1 : 1))
  const fromNs = starts[0] ?? 0n
  const toNs = (starts.at(-1) ?? 0n) + 1n
  const cells = new Map<
    string,
    { column: number; band: number; count: number; errors: number; traceId: string }
  >()
  for (const { startNs, durationNs, errorCount, traceId } of found) {
    const column = Number(((BigInt(startNs) - fromNs) * BigInt(columns)) / (toNs - fromNs))
    const band = Math.floor(4 * Math.log2(Number(durationNs)))
    const cell = cells.get(`${column} ${band}`) ?? { column, band, count: 0, errors: 0, traceId }
    cells.set(`${column} ${band}`, cell)
    cell.count += 1
    cell.errors += errorCount > 0 ? 1 : 0
  }
  return {
    fromNs: String(fromNs),
    toNs: String(toNs),
    columns,
    traces: found.length,
    cells: [...cells.values()],
  }
}

function graph(traces: readonly TraceView[]): ServiceGraphView {
  const edges = new Map<string, { from: string; to: string; count: number; errors: number }>()
  const services = new Map<string, { serverSpans: number; errors: number }>()
  const count = (from: string, to: string, { status }: SpanView): void => {
    const key = JSON.stringify([from, to])
    const edge = edges.get(key) ?? { from, to, count: 0, errors: 0 }
    edges.set(key, edge)
    edge.count += 1
    edge.errors += status.code === 'error' ? 1 : 0
  }
  for (const { spans } of traces) {
    const byId = new Map(spans.map((span) => [span.spanId, span]))
    for (const span of spans) {
      const entry = services.get(span.service) ?? { serverSpans: 0, errors: 0 }
      services.set(span.service, entry)
      entry.serverSpans += span.kind === 'server' ? 1 : 0
      entry.errors += span.status.code === 'error' ? 1 : 0
      const parent = byId.get(span.parentSpanId ?? '')
      if (parent !== undefined && parent.service !== span.service) count(parent.service, span.service, span)
      const database = span.attributes['db.system']
      if (span.kind === 'client' && typeof database === 'string') count(span.service, database, span)
    }
  }
  return {
    fromNs: '0',
    toNs: '1',
    services: [...services].map(([name, entry]) => ({ name, ...entry, p50Ns: '2000000', p95Ns: '9000000' })),
    edges: [...edges.values()].map((edge) => ({ ...edge, kind: 'call', p50Ns: '1500000', p95Ns: '8000000' })),
    spans: traces.reduce((sum, { spans }) => sum + spans.length, 0),
    isCut: false,
  }
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function notFound(response: ServerResponse): void {
  json(response, { error: { code: 'E_NOT_FOUND', message: 'There is nothing here.' } }, 404)
}

/** A list as of a busy quarter of an hour. */
export function sampleTraces(nowMs: number, count: number): TraceView[] {
  const random = seeded(7)
  return Array.from({ length: count }, (_, index) => {
    const startNs =
      BigInt(nowMs - Math.round((index * 900_000) / count) - Math.round(random() * 2_000)) * 1_000_000n
    const options = { seed: 100 + index, startNs, isFailing: random() < 0.06, isSkewed: random() < 0.2 }
    return random() < 0.35 ? checkoutTrace(options) : readTrace(options)
  })
}

export function sampleAgents(nowMs: number): AgentView[] {
  const services = ['gateway', 'cart', 'pricing', 'inventory', 'payments', 'mailer']
  return services.map((service, index): AgentView => ({
    agent: `a${index}`,
    service,
    pid: 4200 + index * 17,
    host: `host-${'abccdf'[index]}`,
    nodeVersion: index === 3 ? '22.23.1' : '24.21.0',
    agentVersion: '0.1.0',
    startedMs: nowMs - 3_600_000 * (index + 1),
    resource: { 'service.name': service },
    tracepoints: [],
    isConnected: index !== 4,
    lastSeenMs: nowMs - (index === 4 ? 94_000 : 400),
    report: {
      agent: `a${index}`,
      epoch: 'e',
      seq: 900,
      timeMs: nowMs,
      stateVersion: 3,
      packages: [{ name: 'tag-requests', version: 3 }],
      spans: {
        emitted: 182_340 * (index + 1) + 12,
        sent: 182_340 * (index + 1),
        dropped: index === 4 ? 812 : 0,
        queued: 12,
      },
      drops: index === 4 ? { 'export-failed': 812 } : {},
      budget: { adviceNs: 41_000 * index, adviceRuns: 20 * index, isTripped: false },
      eventLoopDelayMsP99: 1.2 + index * 0.7,
      rssBytes: 81_000_000 + index * 9_400_000,
      ...(index === 4
        ? {
            lastError: {
              where: 'export',
              code: 'ECONNREFUSED',
              message: 'connect ECONNREFUSED 127.0.0.1:4318',
              timeMs: nowMs - 94_000,
            },
          }
        : {}),
    },
  }))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const nowMs = Date.now()
  const fixture = await startFixtureServer({ port: Number(process.argv[2] ?? 0) })
  const startNs = BigInt(nowMs) * 1_000_000n
  fixture.say.traces.push(
    checkoutTrace({ seed: 5, startNs, isSkewed: true }),
    checkoutTrace({ seed: 9, startNs, isFailing: true }),
    hostileTrace({ seed: 3, startNs }),
    bigTrace({ seed: 4, startNs, spans: 100_000 }),
    ...sampleTraces(nowMs, 240),
  )
  fixture.say.agents.push(...sampleAgents(nowMs))
  let seed = 10_000
  setInterval(() => {
    fixture.arrive(
      (seed % 3 === 0 ? checkoutTrace : readTrace)({
        seed: seed++,
        startNs: BigInt(Date.now()) * 1_000_000n,
        isFailing: seed % 17 === 0,
      }),
    )
  }, 700)
  process.stdout.write(
    `${fixture.url}/traces\n${fixture.say.traces
      .slice(0, 4)
      .map((trace) => `${fixture.url}/traces/${trace.traceId}`)
      .join('\n')}\n`,
  )
}
