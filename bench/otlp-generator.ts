// Seeded OTLP requests in the shape of a small web system: what the ingest bench sends and the
// specification's numbers are about.
//
//   512 spans a request, 8 resources, 27 spans a trace, 11 attributes a span (8 from few values, 3 nearly
//   unique), about 500 B a span
//
// Same seed, same bytes.

import protobuf from 'protobufjs'
import { seededRandom, toHex } from '#base'
import type { Random } from '#base'
import { OTLP_DESCRIPTOR } from '#traces'

export const SPANS_PER_REQUEST = 512
const RESOURCES = 8
const SPANS_PER_TRACE = 27

export const SERVICES = [
  'gateway',
  'namenode',
  'datanode-1',
  'datanode-2',
  'datanode-3',
  'datanode-4',
  'worker',
  'billing',
]
const ROUTES = [
  '/files/:name',
  '/files',
  '/blocks/:id',
  '/login',
  '/health',
  '/jobs/:id/run',
  '/tenants/:id/usage',
]
const METHODS = ['GET', 'PUT', 'POST', 'DELETE']
/** Names of its spans. */
export const OPERATIONS = ROUTES.flatMap((route) => METHODS.map((method) => `${method} ${route}`))

const requestType = protobuf.Root.fromJSON(OTLP_DESCRIPTOR).lookupType('ExportTraceServiceRequest')

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
const int = (key: string, intValue: number) => ({ key, value: { intValue } })

export type OtlpRequests = {
  next(): Uint8Array
  /** Hex ids of the traces whose root was in the last request. */
  readonly roots: readonly string[]
}

/**
 * A stream of distinct requests, protobuf encoded. `startMs`: ns clock of the first span, for stores with
 * retention.
 */
export function otlpRequests(
  seed: number,
  options: { readonly spans?: number; readonly startMs?: number; readonly spansPerTrace?: number } = {},
): OtlpRequests {
  const random = seededRandom(seed)
  const clock = { ns: BigInt(options.startMs ?? 1_764_000_000_000) * 1_000_000n }
  const { spansPerTrace = SPANS_PER_TRACE } = options
  const trace: Growing = {
    spansPerTrace,
    left: 0,
    id: new Uint8Array(16),
    parent: new Uint8Array(8),
    roots: [],
  }
  const spansEach = (options.spans ?? SPANS_PER_REQUEST) / RESOURCES
  return {
    get roots() {
      return trace.roots
    },
    next: () => {
      trace.roots = []
      const resourceSpans = SERVICES.map((service) => ({
        resource: { attributes: resourceAttributes(service) },
        scopeSpans: [
          {
            scope: { name: '@opentelemetry/instrumentation-http', version: '0.223.0' },
            spans: Array.from({ length: spansEach }, () => span(random, clock, trace, service)),
          },
        ],
      }))
      return requestType.encode(requestType.create({ resourceSpans })).finish()
    },
  }
}

type Growing = {
  readonly spansPerTrace: number
  left: number
  id: Uint8Array
  parent: Uint8Array
  roots: string[]
}

function resourceAttributes(service: string) {
  return [
    text('service.name', service),
    text('service.version', '1.4.2'),
    text('host.name', `host-${service}`),
    text('telemetry.sdk.language', 'nodejs'),
    text('telemetry.sdk.version', '2.12.0'),
    int('process.pid', 4242),
  ]
}

function bytes(random: Random, length: number): Uint8Array {
  const id = new Uint8Array(length)
  random.fill(id)
  id[0]! ||= 1
  return id
}

function span(random: Random, clock: { ns: bigint }, trace: Growing, service: string) {
  const isRoot = trace.left-- <= 0
  if (isRoot) {
    Object.assign(trace, { left: trace.spansPerTrace - 1, id: bytes(random, 16) })
    trace.roots.push(toHex(trace.id))
  }
  const spanId = bytes(random, 8)
  const pick = <T>(values: readonly T[]): T => values[random.uint32() % values.length]!
  const route = pick(ROUTES)
  const method = pick(METHODS)
  const user = random.uint32() % 1_000_000
  clock.ns += BigInt(random.uint32() % 200_000)
  const made = {
    traceId: trace.id,
    spanId,
    parentSpanId: isRoot ? new Uint8Array(0) : trace.parent,
    name: `${method} ${route}`,
    kind: 1 + (random.uint32() % 5),
    startTimeUnixNano: longOf(clock.ns),
    endTimeUnixNano: longOf(clock.ns + BigInt(random.uint32() % 50_000_000)),
    flags: 0x101,
    status: random.uint32() % 50 === 0 ? { code: 2, message: 'connection reset' } : {},
    attributes: [
      text('http.request.method', method),
      text('http.route', route),
      int('http.response.status_code', pick([200, 201, 204, 404, 500])),
      text('url.scheme', 'http'),
      text('server.address', `${service}.shelf.internal`),
      int('server.port', 8080),
      text('network.protocol.version', '1.1'),
      text('user_agent.original', 'shelf-client/1.4 node/24'),
      text('url.full', `http://${service}.shelf.internal:8080${route}?user=${user}`),
      text('enduser.id', `user-${user.toString(36)}`),
      int('http.response.body.size', random.uint32() % 4_000_000),
    ],
  }
  trace.parent = spanId
  return made
}

/** protobufjs wants 64-bit values as two words. */
function longOf(value: bigint) {
  return {
    low: Number(BigInt.asIntN(32, value)),
    high: Number(BigInt.asIntN(32, value >> 32n)),
    unsigned: true,
  }
}
