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
import type { AgentView, CriticalPathView, TraceSummary, TraceView } from '#protocol'
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
  /** How long an answer to this address waits, ms. */
  delayMs: (address: string) => number
  /** Requests seen, newest last. */
  readonly requests: string[]
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
  const say: Say = { traces: [], failStatus: undefined, agents: [], delayMs: () => 0, requests: [] }
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
  const trace = /^\/api\/v1\/traces\/([0-9a-f]{32})(\/critical-path|\/spans)?$/.exec(url.pathname)
  if (trace !== null)
    return traceRoute(
      response,
      say.traces.find((one) => one.traceId === trace[1]),
      trace[2],
      url.searchParams,
    )
  if (url.pathname === '/api/v1/traces')
    return json(response, { traces: search(say.traces, url.searchParams) })
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
  if (part === '/critical-path') return json(response, criticalPath(trace))
  if (part === undefined) return json(response, { ...trace, spans: trace.spans.slice(0, FIRST_PAGE_SPANS) })
  const offset = Number(query.get('offset'))
  json(response, {
    spans: trace.spans.slice(offset, offset + Number(query.get('limit'))),
    totalSpans: trace.totalSpans,
  })
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

/** Last-finishing child, backwards from the root's end: enough of Jaeger's rule for pictures. */
export function criticalPath(trace: TraceView): CriticalPathView {
  const children = new Map<string, TraceView['spans'][number][]>()
  for (const span of trace.spans) {
    const siblings = children.get(span.parentSpanId ?? '') ?? []
    children.set(span.parentSpanId ?? '', siblings)
    siblings.push(span)
  }
  const sections: CriticalPathView['sections'][number][] = []
  const walk = (span: TraceView['spans'][number], untilNs: bigint): void => {
    let at = untilNs
    const below = [...(children.get(span.spanId) ?? [])].sort((a, b) =>
      BigInt(a.endNs) > BigInt(b.endNs) ? -1 : 1,
    )
    for (const child of below) {
      const end = BigInt(child.endNs)
      if (end >= at || child.kind === 'consumer') continue
      sections.push({
        spanId: span.spanId,
        service: span.service,
        name: span.name,
        startNs: String(end),
        endNs: String(at),
      })
      walk(child, end)
      at = BigInt(child.startNs)
    }
    if (at > BigInt(span.startNs))
      sections.push({
        spanId: span.spanId,
        service: span.service,
        name: span.name,
        startNs: span.startNs,
        endNs: String(at),
      })
  }
  const root = trace.spans[0]
  if (root !== undefined) walk(root, BigInt(root.endNs))
  const exclusive: { [key: string]: bigint } = {}
  for (const section of sections) {
    const key = `${section.service} ${section.name}`
    exclusive[key] = (exclusive[key] ?? 0n) + BigInt(section.endNs) - BigInt(section.startNs)
  }
  return {
    sections: sections.reverse(),
    exclusiveNs: Object.fromEntries(Object.entries(exclusive).map(([key, ns]) => [key, String(ns)])),
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
