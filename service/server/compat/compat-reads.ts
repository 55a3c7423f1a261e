// Reading for other systems' APIs: what Jaeger's and Tempo's routes ask, answered in their shapes. Runs in
// the read thread.

import { buildTrace, needOf, parseTraceQuery, type Field, type SpanTest } from '#model'
import {
  encodeOtlp,
  messageField,
  type OtlpRequest,
  type Scope,
  type TraceFilter,
  type TraceReader,
  type Vocabulary,
} from '#traces'
import { COMPAT_SPANS_MAX, TRACE_MODEL_SPANS_MAX, TRACE_READ_PAGE } from '../limits.ts'
import { answerOf, jaegerTrace } from './jaeger-shape.ts'
import { searchAnswer, summariesAnswer } from './tempo-shape.ts'

type Range = { readonly fromNs?: bigint; readonly toNs?: bigint }

export type CompatRead =
  | { readonly api: 'jaeger'; readonly ask: 'services' }
  | {
      readonly api: 'jaeger'
      readonly ask: 'operations'
      readonly service: string
      readonly kind?: string
      readonly isShort: boolean
    }
  | { readonly api: 'jaeger'; readonly ask: 'search'; readonly filter: TraceFilter & { readonly q: string } }
  | { readonly api: 'jaeger'; readonly ask: 'traces'; readonly traceIds: readonly string[] }
  | ({ readonly api: 'jaeger'; readonly ask: 'dependencies' } & Range)
  | {
      readonly api: 'tempo'
      readonly ask: 'search'
      readonly filter: TraceFilter
      readonly spansPerSpanset: number
    }
  | {
      readonly api: 'tempo'
      readonly ask: 'trace'
      readonly traceId: string
      readonly version: 1 | 2
      readonly form: 'json' | 'protobuf'
    }
  | ({
      readonly api: 'tempo'
      readonly ask: 'tags'
      readonly version: 1 | 2
      readonly scope?: TagScope
    } & Range)
  | ({
      readonly api: 'tempo'
      readonly ask: 'values'
      readonly version: 1 | 2
      readonly field: Field
      /** Values of spans that this query would find, as far as it is one. */
      readonly q?: string
      readonly limit: number
    } & Range)

export type TagScope = Scope | 'intrinsic' | 'none'

export class CompatReads {
  readonly #reader: TraceReader
  readonly #vocabulary: Vocabulary

  constructor(reader: TraceReader, vocabulary: Vocabulary) {
    this.#reader = reader
    this.#vocabulary = vocabulary
  }

  /** JSON to be, or bytes as they are; undefined = no such trace. */
  answer(read: CompatRead, signal: AbortSignal): Promise<unknown> {
    return read.api === 'jaeger' ? this.#jaeger(read, signal) : this.#tempo(read, signal)
  }

  async #jaeger(read: CompatRead & { readonly api: 'jaeger' }, signal: AbortSignal): Promise<unknown> {
    switch (read.ask) {
      case 'services':
        return answerOf((await this.#reader.services()).toSorted())
      case 'operations':
        return this.#operations(read, signal)
      case 'dependencies':
        return answerOf(await this.#vocabulary.dependencies(read, signal))
      case 'traces':
        return this.#traces(read.traceIds, signal)
      case 'search': {
        const { traces } = await this.#reader.match(read.filter, signal)
        let spans = 0
        const shown = traces.filter(({ trace }, i) => {
          spans += trace.blocks.length
          return i === 0 || spans <= COMPAT_SPANS_MAX
        })
        return answerOf(shown.map(({ trace }) => jaegerTrace(trace)))
      }
    }
  }

  async #operations(
    { service, kind, isShort }: CompatRead & { readonly ask: 'operations' },
    signal: AbortSignal,
  ): Promise<unknown> {
    const all = (await this.#vocabulary.operations(service, signal))
      .map((operation) => ({ name: operation.name, spanKind: KINDS[operation.kind] ?? '' }))
      .filter(({ spanKind }) => kind === undefined || spanKind === kind)
    if (!isShort) return answerOf(all)
    return answerOf([...new Set(all.map(({ name }) => name))].toSorted())
  }

  async #traces(traceIds: readonly string[], signal: AbortSignal): Promise<unknown> {
    const traces: object[] = []
    for (const traceId of traceIds) {
      const spans = await this.#spans(traceId, signal)
      if (spans.length > 0) traces.push(jaegerTrace(buildTrace(spans)))
    }
    return traces.length === 0 ? undefined : answerOf(traces)
  }

  async #spans(traceId: string, signal: AbortSignal): ReturnType<TraceReader['trace']> {
    const spans = await this.#reader.trace(traceId, { maxSpans: COMPAT_SPANS_MAX, signal })
    while (spans.length >= TRACE_READ_PAGE && spans.length < COMPAT_SPANS_MAX) {
      const page = { offset: spans.length, limit: TRACE_READ_PAGE }
      const more = await this.#reader.spansOf(traceId, page, signal)
      if (more.spans.length === 0) break
      spans.push(...more.spans)
    }
    return spans
  }

  async #tempo(read: CompatRead & { readonly api: 'tempo' }, signal: AbortSignal): Promise<unknown> {
    switch (read.ask) {
      case 'search':
        return this.#search(read, signal)
      case 'trace':
        return this.#trace(read, signal)
      case 'tags':
        return this.#tags(read, signal)
      case 'values':
        return this.#values(read, signal)
    }
  }

  async #search(
    { filter, spansPerSpanset }: CompatRead & { readonly api: 'tempo'; readonly ask: 'search' },
    signal: AbortSignal,
  ): Promise<object> {
    const { q } = filter
    if (q === undefined) return summariesAnswer((await this.#reader.search(filter, signal)).traces)
    return searchAnswer(await this.#reader.match({ ...filter, q }, signal), spansPerSpanset)
  }

  async #trace(
    { traceId, version, form }: CompatRead & { readonly ask: 'trace' },
    signal: AbortSignal,
  ): Promise<unknown> {
    const { request, isCut } = await this.#otlp(traceId, signal)
    if (request.resourceSpans.length === 0) return undefined
    const message = `only the first ${TRACE_MODEL_SPANS_MAX} spans are here: the trace is too large`
    if (form === 'protobuf') {
      const trace = encodeOtlp(request)
      if (version === 1) return trace
      const told = isCut ? [PARTIAL, messageField(4, Buffer.from(message))] : []
      return Buffer.concat([messageField(1, trace), ...told])
    }
    if (version === 1) return { batches: request.resourceSpans }
    return { trace: request, metrics: {}, ...(isCut ? { status: 'PARTIAL', message } : {}) }
  }

  async #otlp(
    traceId: string,
    signal: AbortSignal,
  ): Promise<{ readonly request: OtlpRequest; readonly isCut: boolean }> {
    const resourceSpans: OtlpRequest['resourceSpans'][number][] = []
    for (let offset = 0; ; offset += TRACE_READ_PAGE) {
      if (offset >= TRACE_MODEL_SPANS_MAX) return { request: { resourceSpans }, isCut: true }
      const page = await this.#reader.otlp(traceId, { offset, limit: TRACE_READ_PAGE }, signal)
      resourceSpans.push(...page.resourceSpans)
      if (spanCount(page) < TRACE_READ_PAGE) return { request: { resourceSpans }, isCut: false }
    }
  }

  async #tags(read: CompatRead & { readonly ask: 'tags' }, signal: AbortSignal): Promise<object> {
    const keys = await this.#vocabulary.keys(read, signal)
    const scopes = [
      ...SCOPES.map((name) => ({ name, tags: keys[name] })),
      { name: 'intrinsic', tags: INTRINSIC_TAGS },
    ].filter(({ name }) => read.scope === undefined || read.scope === 'none' || read.scope === name)
    if (read.version === 2) return { scopes: scopes.filter(({ tags }) => tags.length > 0), metrics: {} }
    const plain = scopes.filter(({ name }) => read.scope !== undefined || OLD_SCOPES.has(name))
    return { tagNames: [...new Set(plain.flatMap(({ tags }) => tags))].toSorted(), metrics: {} }
  }

  async #values(read: CompatRead & { readonly ask: 'values' }, signal: AbortSignal): Promise<object> {
    const where = read.q === undefined ? undefined : testOf(read.q)
    const options = { ...read, ...(where === undefined ? {} : { where }) }
    const values = (await this.#vocabulary.values(read.field, options, signal)).slice(0, read.limit)
    if (read.version === 2) return { tagValues: values, metrics: {} }
    return { tagValues: [...new Set(values.map(({ value }) => value))], metrics: {} }
  }
}

const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer']
const SCOPES = ['span', 'resource', 'event', 'link', 'instrumentation'] as const
const OLD_SCOPES: ReadonlySet<string> = new Set(['span', 'resource'])
/** As Grafana's editor offers them. */
const INTRINSIC_TAGS = [
  'duration',
  'event:name',
  'event:timeSinceStart',
  'instrumentation:name',
  'instrumentation:version',
  'kind',
  'link:spanID',
  'link:traceID',
  'name',
  'rootName',
  'rootServiceName',
  'span:childCount',
  'span:duration',
  'span:id',
  'span:kind',
  'span:name',
  'span:parentID',
  'span:status',
  'span:statusMessage',
  'status',
  'statusMessage',
  'trace:duration',
  'trace:id',
  'trace:rootName',
  'trace:rootService',
  'traceDuration',
]
/** TraceByIDResponse.status = PARTIAL. */
const PARTIAL = Uint8Array.of(0x18, 1)

function spanCount({ resourceSpans }: OtlpRequest): number {
  let count = 0
  for (const resource of resourceSpans)
    for (const scope of listIn(resource, 'scopeSpans')) count += listIn(scope, 'spans').length
  return count
}

function listIn(of: unknown, member: string): readonly unknown[] {
  const list: unknown = typeof of === 'object' && of !== null ? Reflect.get(of, member) : undefined
  return Array.isArray(list) ? list : []
}

/** Editors send what is typed so far: what is no query yet, or is more than one selector, filters nothing. */
function testOf(q: string): SpanTest | undefined {
  const { query } = parseTraceQuery(q)
  const need = query === undefined ? undefined : needOf(query)
  return need?.kind === 'span' ? need.test : undefined
}
