// A pipeline over an array of spans: what tests of the HTTP surface read from. Everything in front of it is
// the real thing.

import type { OtlpSpan } from '#model'
import { summarize } from '#model'
import type { TraceFilter, TraceReader } from '#traces'
import { TraceReads } from './reads.ts'
import type { Parts } from './start-server.ts'

export const TRACE_ID = 'a'.repeat(32)

/** Once: spans of one trace stand a nanosecond apart. */
const NOW_NS = BigInt(Date.now()) * 1_000_000n

export function spanOf(index: number, change: Partial<OtlpSpan> = {}): OtlpSpan {
  const startTimeUnixNano = NOW_NS + BigInt(index)
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
    summary: async (id) => summarize(spans.filter(({ traceId }) => traceId === id)),
    trace: async (id) => spans.filter(({ traceId }) => traceId === id),
    spansOf: async () => ({ spans, totalSpans: spans.length }),
    services: async () => ['shop'],
    operations: async () => ['op 0'],
    attributeKeys: async () => ['n'],
  }
  const parts: Parts = {
    startPipeline: async () => ({
      otlp: { host: '127.0.0.1', port: 4318 },
      reads: new TraceReads(reader, Date.now),
      parts: () => [{ name: 'store', state: 'running', restarts: 0 }],
      metrics: async () => [],
      close: async () => {},
    }),
  }
  return { parts, filters }
}
