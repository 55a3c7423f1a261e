// What was found as Tempo's search answers it, which Grafana's data source reads.
//
// Source: Tempo's HTTP API (docs), tempopb SearchResponse: 64-bit numbers are text, attributes are OTLP/JSON.

import type { Block, Field, FieldValue, FoundSpanset, Values } from '#model'
import type { TraceSummary } from '#protocol'
import type { MatchedTrace, MatchedTraces } from '#traces'

/** Tempo says this where the root has not come. */
const NO_ROOT = '<root span not yet received>'

export function searchAnswer(found: MatchedTraces, spansPerSpanset: number): object {
  return {
    traces: found.traces.map((one) => matchedTrace(one, spansPerSpanset)),
    metrics: metricsOf(found),
  }
}

/** A search by tags and durations tells traces only. */
export function summariesAnswer(traces: readonly TraceSummary[]): object {
  return {
    traces: traces.map(traceOf),
    metrics: metricsOf({ inspectedTraces: traces.length, inspectedSpans: 0 }),
  }
}

const metricsOf = ({
  inspectedTraces,
  inspectedSpans,
}: Pick<MatchedTraces, 'inspectedTraces' | 'inspectedSpans'>): object => ({
  inspectedTraces,
  inspectedSpans: String(inspectedSpans),
  inspectedBytes: '0',
  totalBlocks: 1,
  completedJobs: 1,
  totalJobs: 1,
})

function traceOf({ traceId, rootService, rootName, startNs, durationNs, hasRoot }: TraceSummary): object {
  return {
    traceID: traceId,
    rootServiceName: hasRoot ? rootService : NO_ROOT,
    rootTraceName: hasRoot ? rootName : '',
    startTimeUnixNano: startNs,
    durationMs: Math.min(Number(BigInt(durationNs) / 1_000_000n), UINT32_MAX),
  }
}

const UINT32_MAX = 0xffff_ffff

function matchedTrace({ summary, trace, match }: MatchedTrace, spansPerSpanset: number): object {
  const spanSets = match.spansets.map((set) => spansetOf(set, match.show, spansPerSpanset))
  return {
    ...traceOf(summary),
    // The first one by itself is what clients from before 2.2 read.
    spanSet: spanSets[0],
    spanSets,
    serviceStats: statsOf(trace.blocks),
  }
}

function statsOf(blocks: readonly Block[]): object {
  const stats = new Map<string, { spanCount: number; errorCount: number }>()
  for (const { service, span } of blocks) {
    const own = stats.get(service) ?? { spanCount: 0, errorCount: 0 }
    stats.set(service, own)
    own.spanCount++
    if (span.status.code === 2) own.errorCount++
  }
  return Object.fromEntries(stats)
}

function spansetOf(
  { blocks, groupedBy }: FoundSpanset,
  show: (block: Block) => readonly FieldValue[],
  spansPerSpanset: number,
): object {
  return {
    spans: blocks.slice(0, spansPerSpanset).map((block) => ({
      spanID: block.spanId,
      name: block.name,
      startTimeUnixNano: String(block.span.startTimeUnixNano),
      durationNanos: String(durationOf(block)),
      attributes: show(block).flatMap(({ field, values }) =>
        field === undefined || isTold(field) ? [] : [{ key: nameOf(field), value: anyValue(values) }],
      ),
    })),
    matched: blocks.length,
    ...(groupedBy.length === 0
      ? {}
      : { attributes: groupedBy.map(({ text, values }) => ({ key: text, value: anyValue(values) })) }),
  }
}

const durationOf = ({ span }: Block): bigint =>
  span.endTimeUnixNano > span.startTimeUnixNano ? span.endTimeUnixNano - span.startTimeUnixNano : 0n

/** Members of the answer already. */
const TOLD: ReadonlySet<string> = new Set([
  'span:name',
  'span:id',
  'span:duration',
  'trace:id',
  'trace:duration',
  'trace:rootName',
  'trace:rootService',
])
const isTold = (field: Field): boolean => field.kind === 'intrinsic' && TOLD.has(field.name)

const nameOf = (field: Field): string =>
  field.kind === 'attribute' ? field.name : field.name.replace(/^span:/, '')

function anyValue(values: Values): object {
  if (Array.isArray(values)) return { arrayValue: { values: values.map((value) => anyValue(value)) } }
  switch (typeof values) {
    case 'string':
      return { stringValue: values }
    case 'boolean':
      return { boolValue: values }
    case 'bigint':
      return { intValue: String(values) }
    case 'number':
      return Number.isInteger(values) ? { intValue: String(values) } : { doubleValue: values }
    case 'undefined':
      return { stringValue: 'nil' }
    default:
      return {}
  }
}
