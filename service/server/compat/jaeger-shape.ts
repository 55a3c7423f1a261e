// A modelled trace as Jaeger's JSON: what its UI, Grafana's data source and jaeger-json.ts read.
//
// Times are as exported, in microseconds; what the model repaired is told as warnings of spans. What
// OpenTelemetry keeps beside attributes becomes tags by the names that its specification gives them, and
// jaeger-json.ts puts back. Sources: jaeger/model/json; OpenTelemetry, "OpenTelemetry to Jaeger".

import type { Block, OtlpResource, Trace } from '#model'
import type { AttributeValue, Attributes } from '#protocol'

type Tag = { readonly key: string; readonly type: string; readonly value: string | number | boolean }

/** The envelope of every answer of the API. */
export type JaegerAnswer = {
  readonly data: unknown
  readonly total: number
  readonly limit: number
  readonly offset: number
  readonly errors: readonly { readonly code: number; readonly msg: string }[] | null
}

export const answerOf = (data: readonly unknown[]): JaegerAnswer => ({
  data,
  total: data.length,
  limit: 0,
  offset: 0,
  errors: null,
})

export const failureOf = (code: number, msg: string): JaegerAnswer => ({
  data: null,
  total: 0,
  limit: 0,
  offset: 0,
  errors: [{ code, msg }],
})

export function jaegerTrace(trace: Trace): object {
  const processes = new Processes()
  const warnings = warningsOf(trace)
  const spans = trace.blocks.map((block) => spanOf(trace, block, processes.idOf(block), warnings))
  return { traceID: trace.traceId, spans, processes: processes.all(), warnings: null }
}

/** Spans of one process share one resource object. */
class Processes {
  readonly #ids = new Map<OtlpResource, string>()
  readonly #all: { [id: string]: object } = {}

  idOf({ service, span: { resource } }: Block): string {
    let id = this.#ids.get(resource)
    if (id === undefined) {
      id = `p${this.#ids.size + 1}`
      this.#ids.set(resource, id)
      const tags = tagsOf(resource.attributes).filter(({ key }) => key !== 'service.name')
      this.#all[id] = { serviceName: service, tags }
    }
    return id
  }

  all(): { readonly [id: string]: object } {
    return this.#all
  }
}

function warningsOf({ repairs }: Trace): ReadonlyMap<string, readonly string[]> {
  const warnings = new Map<string, string[]>()
  for (const { spanId, kind, message } of repairs) {
    if (spanId === undefined) continue
    const own = warnings.get(spanId)
    const text = `${kind}: ${message}`
    if (own === undefined) warnings.set(spanId, [text])
    else own.push(text)
  }
  return warnings
}

const micros = (ns: bigint): number => Number(ns / 1000n)

function spanOf(
  trace: Trace,
  { span }: Block,
  processID: string,
  warnings: ReadonlyMap<string, readonly string[]>,
): object {
  const { startTimeUnixNano: start, endTimeUnixNano: end, parentSpanId: parent = '' } = span
  return {
    traceID: trace.traceId,
    spanID: span.spanId,
    flags: (span.flags ?? 0) & 0xff,
    operationName: span.name,
    references: [
      ...(parent === '' ? [] : [{ refType: 'CHILD_OF', traceID: trace.traceId, spanID: parent }]),
      ...span.links.map(({ traceId, spanId, attributes }) => ({
        refType: attributes['opentracing.ref_type'] === 'child_of' ? 'CHILD_OF' : 'FOLLOWS_FROM',
        traceID: traceId,
        spanID: spanId,
      })),
    ],
    startTime: micros(start),
    duration: end > start ? micros(end - start) : 0,
    tags: [...tagsOf(span.attributes), ...tagsBeside(span)],
    logs: span.events.map(({ timeUnixNano, name, attributes }) => ({
      timestamp: micros(timeUnixNano),
      fields: [{ key: 'event', type: 'string', value: name }, ...tagsOf(attributes)],
    })),
    processID,
    warnings: warnings.get(span.spanId) ?? null,
  }
}

const KINDS = [undefined, 'internal', 'server', 'client', 'producer', 'consumer'] as const
const STATUS = [undefined, 'OK', 'ERROR'] as const

function tagsBeside({ kind, status, scope, traceState = '' }: Block['span']): Tag[] {
  const told: readonly (readonly [key: string, value: string | boolean | undefined])[] = [
    ['span.kind', KINDS[kind]],
    ['otel.status_code', STATUS[status.code]],
    ['otel.status_description', status.message],
    ['error', status.code === 2 ? true : undefined],
    ['otel.scope.name', scope.name],
    ['otel.scope.version', scope.version],
    ['w3c.tracestate', traceState],
  ]
  return told.flatMap(([key, value]) => (value === undefined || value === '' ? [] : [tagOf(key, value)]))
}

const tagsOf = (attributes: Attributes): Tag[] =>
  Object.entries(attributes).map(([key, value]) => tagOf(key, value))

function tagOf(key: string, value: AttributeValue): Tag {
  if (typeof value === 'string') return { key, type: 'string', value }
  if (typeof value === 'boolean') return { key, type: 'bool', value }
  if (typeof value === 'number') return { key, type: Number.isInteger(value) ? 'int64' : 'float64', value }
  return { key, type: 'string', value: value === null ? '' : JSON.stringify(value) }
}
