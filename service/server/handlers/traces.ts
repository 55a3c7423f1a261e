// Search, one trace, its spans, its critical path, those of many traces, who calls whom; and the live list on
// the search route with Accept: text/event-stream.

import { formatDiagnostic } from '#base'
import { parseTraceQuery, type PointRef } from '#model'
import type { TraceFilter } from '#traces'
import type { Exchange, Handler, Services } from '../exchange.ts'
import { openEventStream, readJson, send } from '../http-io.ts'
import {
  FILTER_ATTRIBUTES_MAX,
  FILTER_TEXT_MAX,
  GRAPH_MS_DEFAULT,
  GRAPH_MS_MAX,
  HEAT_COLUMNS_MAX,
  HEAT_NS_DEFAULT,
  PATHS_TRACES_DEFAULT,
  PATHS_TRACES_MAX,
  SEARCH_LIMIT_DEFAULT,
  SEARCH_LIMIT_MAX,
  SPANS_PAGE_DEFAULT,
  SPANS_PAGE_MAX,
  TRACE_VIEW_SPANS_MAX,
} from '../limits.ts'
import { either, flag, integer, number, object, optional, record, text as textOf, timeOf } from '../parse.ts'
import type { Read } from '../reads.ts'
import { RequestError } from '../server-error.ts'

export const search: Handler = async (exchange, services) => {
  const filter = readFilter(exchange.query)
  if (/\btext\/event-stream\b/.test(exchange.request.headers.accept ?? ''))
    return listen(exchange, services, filter)
  await answer(exchange, services, { kind: 'search', filter })
}

export const trace: Handler = (exchange, services) =>
  answer(exchange, services, {
    kind: 'view',
    traceId: readTraceId(exchange.params.traceId),
    limit: TRACE_VIEW_SPANS_MAX,
  })

export const spans: Handler = (exchange, services) =>
  answer(exchange, services, { kind: 'spans', ...readPage(exchange) })

export const otlp: Handler = (exchange, services) =>
  answer(exchange, services, { kind: 'otlp', ...readPage(exchange) })

function readPage({ params, query }: Exchange): {
  readonly traceId: string
  readonly offset: number
  readonly limit: number
} {
  return {
    traceId: readTraceId(params.traceId),
    offset: wholeNumber(query, 'offset', { otherwise: 0, max: Number.MAX_SAFE_INTEGER }),
    limit: wholeNumber(query, 'limit', { otherwise: SPANS_PAGE_DEFAULT, max: SPANS_PAGE_MAX }),
  }
}

export const criticalPath: Handler = (exchange, services) =>
  answer(exchange, services, {
    kind: 'critical-path',
    traceId: readTraceId(exchange.params.traceId),
    from: readPoint(exchange.query, 'from'),
    to: readPoint(exchange.query, 'to'),
  })

export const outline: Handler = (exchange, services) =>
  answer(exchange, services, {
    kind: 'outline',
    traceId: readTraceId(exchange.params.traceId),
    isModelled: truth(exchange.query, 'modelled', 'is')['is'] === true,
  })

export const span: Handler = (exchange, services) =>
  answer(exchange, services, {
    kind: 'span',
    traceId: readTraceId(exchange.params.traceId),
    spanId: readSpanId(exchange.params.spanId),
  })

export const impact: Handler = (exchange, services) =>
  answer(exchange, services, {
    kind: 'impact',
    traceId: readTraceId(exchange.params.traceId),
    spanId: readSpanId(exchange.params.spanId),
  })

export const find: Handler = (exchange, services) => {
  const wanted = exchange.query.get('text') ?? ''
  if (wanted === '' || wanted.length > FILTER_TEXT_MAX)
    throw bad('text', `must be 1..${FILTER_TEXT_MAX} characters`)
  return answer(exchange, services, {
    kind: 'find',
    traceId: readTraceId(exchange.params.traceId),
    text: wanted,
  })
}

const pathsBody = object({
  filter: optional(
    record(
      either<string | number | boolean | { readonly [key: string]: string }>(
        textOf(FILTER_TEXT_MAX),
        number,
        flag,
        record(textOf(FILTER_TEXT_MAX), FILTER_ATTRIBUTES_MAX),
      ),
      FILTER_ATTRIBUTES_MAX + 10,
    ),
  ),
  limit: optional(integer),
  whatIf: optional(
    object({
      service: optional(textOf(FILTER_TEXT_MAX)),
      name: optional(textOf(FILTER_TEXT_MAX)),
      faster: number,
    }),
  ),
})

/** Critical paths of what a search finds, added up; what they would be with an operation faster. */
export const paths: Handler = async (exchange, services) => {
  const {
    filter = {},
    limit = PATHS_TRACES_DEFAULT,
    whatIf,
  } = pathsBody(await readJson(exchange.request), '')
  if (limit < 1 || limit > PATHS_TRACES_MAX) throw bad('limit', `must be 1..${PATHS_TRACES_MAX}`)
  if (whatIf !== undefined && !(whatIf.faster >= 0 && whatIf.faster <= 100))
    throw bad('whatIf.faster', 'must be 0..100, percent of the work that is saved')
  if (whatIf !== undefined && whatIf.service === undefined && whatIf.name === undefined)
    throw bad('whatIf', 'must name a service, an operation (name), or both')
  const read = readFilter(queryOf(filter))
  await answer(exchange, services, { kind: 'paths', filter: { ...read, limit }, change: whatIf })
}

/** Members of a JSON filter are the parameters of the search, attributes in `attr`. */
function queryOf(filter: { readonly [name: string]: unknown }): URLSearchParams {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(filter)) {
    if (!FILTER_NAMES.has(name)) throw bad(`filter.${name.slice(0, 40)}`, 'is not a condition of a search')
    if (name !== 'attr') query.set(name, String(value))
    else for (const [key, text] of Object.entries(value ?? {})) query.append(`attr.${key}`, String(text))
  }
  return query
}

const FILTER_NAMES: ReadonlySet<string> = new Set([
  ...['service', 'name', 'minMs', 'maxMs', 'error', 'from', 'to', 'attr'],
])

/** Of a search without from: the last hour. */
export const heat: Handler = (exchange, services) => {
  const filter = readFilter(exchange.query)
  const toNs = filter.toNs ?? BigInt(services.nowMs()) * 1_000_000n
  const fromNs = filter.fromNs ?? (toNs > HEAT_NS_DEFAULT ? toNs - HEAT_NS_DEFAULT : 0n)
  if (fromNs >= toNs) throw bad('from', 'must be before to')
  const columns = wholeNumber(exchange.query, 'columns', { otherwise: 60, max: HEAT_COLUMNS_MAX, min: 1 })
  return answer(exchange, services, { kind: 'heat', filter, fromNs, toNs, columns })
}

export const graph: Handler = (exchange, services) => {
  const { toNs = BigInt(services.nowMs()) * 1_000_000n } = instant(exchange.query, 'to', 'toNs')
  const longest = BigInt(GRAPH_MS_MAX) * 1_000_000n
  const { fromNs = toNs - BigInt(GRAPH_MS_DEFAULT) * 1_000_000n } = instant(exchange.query, 'from', 'fromNs')
  if (fromNs > toNs) throw bad('from', 'must not be after to')
  return answer(exchange, services, {
    kind: 'graph',
    fromNs: toNs - fromNs > longest ? toNs - longest : fromNs < 0n ? 0n : fromNs,
    toNs,
  })
}

export const facets: Handler = (exchange, services) =>
  answer(exchange, services, { kind: 'facets', service: exchange.query.get('service') ?? undefined })

/** A read's answer, as it is. Errors: 404 where there is no such trace, 503 while starting. */
export async function answer({ response }: Exchange, services: Services, read: Read): Promise<void> {
  const pipeline = services.pipeline()
  if (pipeline === undefined) throw starting()
  const bytes = await pipeline.reads.read(read)
  if (bytes === undefined) {
    throw new RequestError(
      404,
      'E_NOT_FOUND',
      'there is no such trace',
      'its spans may still be on their way: a trace appears within 3 s',
    )
  }
  send(response, 200, bytes, { 'content-type': 'application/json' })
}

function listen({ response, query }: Exchange, services: Services, filter: TraceFilter): void {
  // Twice a second, all new traces would be read whole.
  if (filter.q !== undefined) throw bad('q', 'is not for a live list: search again, or filter by the others')
  const live = services.live()
  if (live === undefined) throw starting()
  live.checkRoom()
  const key = new URLSearchParams(
    [...query].filter(([name]) => !['from', 'to', 'limit', 'cursor'].includes(name)),
  )
  key.sort()
  live.listen(openEventStream(response), key.toString(), filter)
}

function starting(): RequestError {
  return new RequestError(503, 'E_STARTING', 'the server is starting', 'try again in a second')
}

/** The query of GET /api/v1/traces. Errors: 400 E_BAD_REQUEST names the parameter. */
export function readFilter(query: URLSearchParams): TraceFilter {
  const attributes: { [key: string]: string } = Object.create(null)
  for (const [name, value] of query) {
    if (name.length > FILTER_TEXT_MAX || (name !== 'q' && value.length > FILTER_TEXT_MAX))
      throw bad(name.slice(0, 40), 'is too long')
    if (name === 'attr.') throw bad(name, 'must be followed by the key of an attribute')
    if (name.startsWith('attr.')) attributes[name.slice(5)] = value
  }
  if (Object.keys(attributes).length > FILTER_ATTRIBUTES_MAX)
    throw bad('attr', `may be given ${FILTER_ATTRIBUTES_MAX} times`)
  return {
    ...text(query, 'service'),
    ...text(query, 'name'),
    ...text(query, 'cursor'),
    ...traceQuery(query),
    ...milliseconds(query, 'minMs'),
    ...milliseconds(query, 'maxMs'),
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
    ...truth(query, 'error', 'isError'),
    ...instant(query, 'from', 'fromNs'),
    ...instant(query, 'to', 'toNs'),
    limit: wholeNumber(query, 'limit', { otherwise: SEARCH_LIMIT_DEFAULT, max: SEARCH_LIMIT_MAX, min: 1 }),
  }
}

function text<N extends string>(query: URLSearchParams, name: N): { readonly [name: string]: string } {
  const value = query.get(name)
  return value === null || value === '' ? {} : { [name]: value }
}

/** Errors: 400 E_TRACEQL with everything that is wrong. */
function traceQuery(query: URLSearchParams): { readonly q?: string } {
  const q = query.get('q') ?? ''
  if (q.trim() === '') return {}
  const { diagnostics } = parseTraceQuery(q)
  if (diagnostics.length === 0) return { q }
  const message = diagnostics.map(formatDiagnostic).join('; ')
  throw new RequestError(400, 'E_TRACEQL', `q: ${message}`, 'docs/reference/traceql.md has every construct')
}

function truth(query: URLSearchParams, name: string, member: string): { readonly [name: string]: boolean } {
  const value = query.get(name)
  if (value === null || value === '') return {}
  if (!/^(true|false|1|0)$/.test(value)) throw bad(name, 'must be true or false')
  return { [member]: value === 'true' || value === '1' }
}

function milliseconds(query: URLSearchParams, name: string): { readonly [name: string]: number } {
  const value = query.get(name)
  if (value === null || value === '') return {}
  if (!/^\d{1,15}(\.\d{1,9})?$/.test(value)) throw bad(name, 'must be milliseconds, not negative')
  return { [name]: Number(value) }
}

/** ns since the epoch (17 digits and more), ms since the epoch (fewer), or an ISO 8601 time. */
function instant<N extends string>(
  query: URLSearchParams,
  name: string,
  member: N,
): { readonly [name in N]?: bigint } {
  const none: { [one in N]?: bigint } = {}
  const value = query.get(name)
  if (value === null || value === '') return none
  const read = timeOf(value)
  if (read === undefined) throw bad(name, 'must be a time: ns or ms since the epoch, or ISO 8601')
  return Object.assign(none, { [member]: read })
}

export function wholeNumber(
  query: URLSearchParams,
  name: string,
  { otherwise, max, min = 0 }: { otherwise: number; max: number; min?: number },
): number {
  const value = query.get(name)
  if (value === null || value === '') return otherwise
  const number = Number(value)
  if (!/^\d{1,16}$/.test(value) || number < min || number > max)
    throw bad(name, `must be a whole number ${min}..${max}`)
  return number
}

/** `<span id>`, `<span id>@begin`, `<span id>@end`, `<span id>@<ns>`. */
function readPoint(query: URLSearchParams, name: string): PointRef | undefined {
  const value = query.get(name)
  if (value === null || value === '') return undefined
  const [, spanId, at] = /^([0-9a-f]{16})(?:@(begin|end|\d{1,20}))?$/i.exec(value) ?? []
  if (spanId === undefined)
    throw bad(name, 'must be <span id>, or <span id>@begin, @end or @<ns since the epoch>')
  const side = at === 'begin' || at === 'end' ? at : at === undefined ? undefined : BigInt(at)
  return { spanId: spanId.toLowerCase(), ...(side === undefined ? {} : { at: side }) }
}

function readTraceId(value: string | undefined): string {
  if (value !== undefined && /^[0-9a-f]{32}$/i.test(value) && !/^0+$/.test(value)) return value.toLowerCase()
  throw new RequestError(
    400,
    'E_BAD_REQUEST',
    'a trace id is 32 hex digits, not all zero',
    'GET /api/v1/traces finds them',
  )
}

function readSpanId(value: string | undefined): string {
  if (value !== undefined && /^[0-9a-f]{16}$/i.test(value)) return value.toLowerCase()
  throw new RequestError(
    400,
    'E_BAD_REQUEST',
    'a span id is 16 hex digits',
    'GET /api/v1/traces/{traceId} lists them',
  )
}

function bad(name: string, what: string): RequestError {
  return new RequestError(
    400,
    'E_BAD_REQUEST',
    `${name} ${what}`,
    'GET /openapi.json describes every parameter',
  )
}
