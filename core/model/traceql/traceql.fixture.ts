// One small trace with something of everything, for tests and for the examples of the reference.

import { buildTrace } from '../build-trace.ts'
import type { OtlpSpan } from '../otlp-span.ts'

const MS = 1_000_000n
export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'

type Given = Partial<Omit<OtlpSpan, 'resource'>> & {
  readonly id: string
  readonly parent?: string
  readonly service?: string
  readonly ms?: readonly [number, number]
}

export function spanOf({ id, parent, service = 'shop', ms = [0, 10], ...rest }: Given): OtlpSpan {
  return {
    traceId: TRACE_ID,
    spanId: id.padStart(16, '0'),
    ...(parent === undefined ? {} : { parentSpanId: parent.padStart(16, '0') }),
    name: id,
    kind: 1,
    startTimeUnixNano: 1_000_000_000n + BigInt(ms[0]) * MS,
    endTimeUnixNano: 1_000_000_000n + BigInt(ms[1]) * MS,
    status: { code: 0 },
    attributes: {},
    events: [],
    links: [],
    resource: { attributes: { 'service.name': service, 'host.name': 'A' } },
    scope: { name: 'http', version: '1.2' },
    ...rest,
  }
}

/**
 * a (gateway) -> b (shop, GET) -> d (db), e (db, error)
 *             -> c (shop, slow) -> f (cache);   and x, y: children of a span that never came
 */
export const SPANS = [
  spanOf({ id: 'a', service: 'gateway', kind: 2, ms: [0, 100], attributes: { 'http.status_code': 200 } }),
  spanOf({ id: 'b', parent: 'a', kind: 2, ms: [5, 40], attributes: { 'http.method': 'GET', retry: true } }),
  spanOf({ id: 'c', parent: 'a', ms: [40, 95], attributes: { bytes: 1500, ratio: 0.5, tags: ['x', 'y'] } }),
  spanOf({
    id: 'd',
    parent: 'b',
    service: 'db',
    kind: 3,
    ms: [6, 16],
    attributes: { 'db.system': 'postgres', bytes: 500, 'a name': 'q' },
    events: [
      { name: 'exception', timeUnixNano: 1_000_000_000n + 8n * MS, attributes: { 'exception.type': 'E' } },
    ],
  }),
  spanOf({
    id: 'e',
    parent: 'b',
    service: 'db',
    kind: 3,
    ms: [17, 37],
    status: { code: 2, message: 'deadlock' },
    attributes: { 'db.system': 'postgres', big: '9007199254740993' },
    links: [{ traceId: 'b'.repeat(32), spanId: '1'.repeat(16), attributes: { why: 'batch' } }],
  }),
  spanOf({ id: 'f', parent: 'c', service: 'cache', ms: [41, 42] }),
  spanOf({ id: 'x', parent: '99', service: 'worker', ms: [50, 60], attributes: { bytes: 10 } }),
  spanOf({ id: 'y', parent: '99', service: 'worker', ms: [60, 75] }),
]
export const TRACE = buildTrace(SPANS)
