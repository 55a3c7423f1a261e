// Search, one trace, its spans, its critical path; and the live list on the search route with Accept:
// text/event-stream.

import type { PointRef } from '#model'
import type { TraceFilter } from '#traces'
import type { Exchange, Handler, Services } from '../exchange.ts'
import { openEventStream, send } from '../http-io.ts'
import {
  FILTER_ATTRIBUTES_MAX,
  FILTER_TEXT_MAX,
  SEARCH_LIMIT_DEFAULT,
  SEARCH_LIMIT_MAX,
  SPANS_PAGE_DEFAULT,
  SPANS_PAGE_MAX,
  TRACE_VIEW_SPANS_MAX,
} from '../limits.ts'
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

export const facets: Handler = (exchange, services) =>
  answer(exchange, services, { kind: 'facets', service: exchange.query.get('service') ?? undefined })

async function answer({ response }: Exchange, services: Services, read: Read): Promise<void> {
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
    if (name.length > FILTER_TEXT_MAX || value.length > FILTER_TEXT_MAX)
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
function instant(query: URLSearchParams, name: string, member: string): { readonly [name: string]: bigint } {
  const value = query.get(name)
  if (value === null || value === '') return {}
  if (/^\d{17,19}$/.test(value)) return { [member]: BigInt(value) }
  if (/^\d{1,16}$/.test(value)) return { [member]: BigInt(value) * 1_000_000n }
  const ms = Date.parse(value)
  if (!Number.isFinite(ms) || ms < 0) throw bad(name, 'must be a time: ns or ms since the epoch, or ISO 8601')
  return { [member]: BigInt(ms) * 1_000_000n }
}

function wholeNumber(
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

function bad(name: string, what: string): RequestError {
  return new RequestError(
    400,
    'E_BAD_REQUEST',
    `${name} ${what}`,
    'GET /openapi.json describes every parameter',
  )
}
