// A pipeline over an array of spans: what tests of the HTTP surface read from. Everything in front of it is
// the real thing.

import type { OtlpSpan } from '#model'
import { summarize } from '#model'
import type { TraceFilter, TraceOutline, TraceReader } from '#traces'
import { TraceReads, type Reads } from './reads.ts'
import type { Parts } from './start-server.ts'

export const TRACE_ID = 'a'.repeat(32)
/** One for all spans: a clock that ticks between two of them would move one by a millisecond. */
const BEGIN_NS = BigInt(Date.now()) * 1_000_000n

export function spanOf(index: number, change: Partial<OtlpSpan> = {}): OtlpSpan {
  const startTimeUnixNano = BEGIN_NS + BigInt(index)
  return {
    traceId: TRACE_ID,
    spanId: (index + 1).toString(16).padStart(16, '0'),
    name: `op ${index}`,
    kind: 2,
    startTimeUnixNano,
    parentSpanId: index === 0 ? undefined : '0000000000000001',
    endTimeUnixNano: startTimeUnixNano + 1_000n,
    status: { code: 0 },
    attributes: { n: index },
    events: [],
    links: [],
    resource: { attributes: { 'service.name': 'shop', 'host.name': 'A' } },
    scope: { name: 'test' },
    ...change,
  }
}

export function memoryPipeline(spans: OtlpSpan[]): {
  readonly parts: Parts
  readonly filters: TraceFilter[]
} {
  const filters: TraceFilter[] = []
  const reader: TraceReader = {
    search: async (filter) => {
      filters.push(filter)
      const ids = [...new Set(spans.map(({ traceId }) => traceId))]
      return { traces: ids.map((id) => summarize(spans.filter(({ traceId }) => traceId === id))) }
    },
    match: () => Promise.reject(new Error('nothing is matched in memory')),
    summary: async (id) => summarize(spans.filter(({ traceId }) => traceId === id)),
    trace: async (id) => spans.filter(({ traceId }) => traceId === id),
    spansOfTraces: async (ids) =>
      Map.groupBy(
        spans.filter(({ traceId }) => ids.includes(traceId)),
        ({ traceId }) => traceId,
      ),
    tailWeights: async () => new Map(),
    spansOf: async (id) => {
      const own = spans.filter(({ traceId }) => traceId === id)
      return { spans: own, totalSpans: own.length }
    },
    otlp: async () => ({ resourceSpans: [] }),
    outlines: async (ids) => ids.flatMap((id) => outlineOf(spans.filter(({ traceId }) => traceId === id))),
    spansById: async (id, ids) =>
      spans.filter(({ traceId, spanId }) => traceId === id && ids.includes(spanId)),
    spanIdsWith: async (id, { text }) =>
      spans.filter(({ traceId, name }) => traceId === id && name.includes(text)).map(({ spanId }) => spanId),
    heat: async (_filter, { fromNs, toNs, columns }) => ({
      fromNs: String(fromNs),
      toNs: String(toNs),
      columns,
      traces: 0,
      cells: [],
    }),
    serviceGraph: async ({ fromNs, toNs }) => ({
      fromNs: String(fromNs),
      toNs: String(toNs),
      services: [],
      edges: [],
      spans: 0,
      isCut: false,
    }),
    services: async () => ['shop'],
    operations: async () => ['op 0'],
    attributeKeys: async () => ['n'],
  }
  const parts: Parts = {
    startPipeline: async () => ({
      otlp: { host: '127.0.0.1', port: 4318 },
      reads: memoryReads(new TraceReads(reader, Date.now)),
      features: () => undefined,
      importFile: () => Promise.reject(new Error('nothing is imported into memory')),
      setTail: () => {},
      parts: () => [{ name: 'store', state: 'running', restarts: 0 }],
      metrics: async () => [],
      close: async () => {},
    }),
  }
  return { parts, filters }
}

/** One shape a span: what the store tells apart by hash. */
function outlineOf(spans: readonly OtlpSpan[]): TraceOutline[] {
  const [first] = spans
  if (first === undefined) return []
  return [
    {
      traceId: first.traceId,
      count: spans.length,
      spanIds: spans.map(({ spanId }) => spanId).join(''),
      parentIds: spans.map(({ parentSpanId }) => parentSpanId ?? '0'.repeat(16)).join(''),
      startNs: BigUint64Array.from(spans, (span) => span.startTimeUnixNano),
      durationNs: BigUint64Array.from(spans, (span) => span.endTimeUnixNano - span.startTimeUnixNano),
      shape: Uint32Array.from(spans.keys()),
      shapes: spans.map(({ name, kind, status, resource }) => ({
        service: String(resource.attributes['service.name']),
        name,
        kind,
        statusCode: status.code,
        resource,
      })),
      links: new Map(spans.filter(({ links }) => links.length > 0).map((span) => [span.spanId, span.links])),
      events: new Map(),
    },
  ]
}

function memoryReads(traces: TraceReads): Reads {
  return {
    read: (read) =>
      read.kind === 'dataset-query' || read.kind === 'dataset-compare'
        ? Promise.reject(new Error('there are no datasets in memory'))
        : traces.read(read),
  }
}
