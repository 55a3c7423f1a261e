// Jaeger's query API, version 1, as its UI and Grafana's data source ask it.
//
// A search is one span that fits service, operation, tags and durations together, as in Jaeger; it becomes a
// TraceQL query. Errors come in Jaeger's envelope. Sources: jaeger cmd/query query_parser and http_handler,
// which define the parameters.

import type { Handler } from '../exchange.ts'
import { sendJson, send } from '../http-io.ts'
import {
  COMPAT_LIMIT_DEFAULT,
  COMPAT_LIMIT_MAX,
  COMPAT_TRACES_BY_ID_MAX,
  FILTER_ATTRIBUTES_MAX,
} from '../limits.ts'
import { RequestError } from '../server-error.ts'
import type { CompatRead } from './compat-reads.ts'
import { failureOf } from './jaeger-shape.ts'
import { bad, durationNs, limitOf, quoted, readTraceId, unixTime } from './parameters.ts'

const MICROS = 1_000n
const LOOKBACK = '1h'

/** Errors are Jaeger's; so is 404 for a trace that is not there. */
function jaeger(
  readOf: (query: URLSearchParams, params: { readonly [name: string]: string }) => CompatRead,
): Handler {
  return async ({ response, query, params }, services) => {
    try {
      const pipeline = services.pipeline()
      if (pipeline === undefined)
        throw new RequestError(503, 'E_STARTING', 'the server is starting', 'try again in a second')
      const bytes = await pipeline.reads.read({ kind: 'compat', read: readOf(query, params) })
      if (bytes === undefined)
        throw new RequestError(404, 'E_NOT_FOUND', 'trace not found', 'it may be on its way')
      send(response, 200, bytes, { 'content-type': 'application/json' })
    } catch (error: unknown) {
      if (!(error instanceof RequestError)) throw error
      sendJson(
        response,
        error.status,
        failureOf(error.status, `${error.message} (${error.code}: ${error.hint})`),
      )
    }
  }
}

export const jaegerServices = jaeger(() => ({ api: 'jaeger', ask: 'services' }))

/** Names alone. */
export const jaegerServiceOperations = jaeger((_query, { service = '' }) => ({
  api: 'jaeger',
  ask: 'operations',
  service,
  isShort: true,
}))

/** Names with kinds. */
export const jaegerOperations = jaeger((query) => {
  const service = query.get('service') ?? ''
  if (service === '') throw bad('service', 'is missing')
  const kind = query.get('spanKind') ?? ''
  return { api: 'jaeger', ask: 'operations', service, isShort: false, ...(kind === '' ? {} : { kind }) }
})

export const jaegerTraceById = jaeger((_query, { traceId }) => ({
  api: 'jaeger',
  ask: 'traces',
  traceIds: [readTraceId(traceId)],
}))

export const jaegerSearch = jaeger((query) => {
  const ids = query.getAll('traceID')
  if (ids.length > COMPAT_TRACES_BY_ID_MAX)
    throw bad('traceID', `may be given ${COMPAT_TRACES_BY_ID_MAX} times`)
  if (ids.length > 0) return { api: 'jaeger', ask: 'traces', traceIds: ids.map(readTraceId) }
  if ((query.get('service') ?? '') === '') throw bad('service', 'is missing')
  const { fromNs, toNs } = rangeOf(query)
  const limit = limitOf(query.get('limit'), { otherwise: COMPAT_LIMIT_DEFAULT, max: COMPAT_LIMIT_MAX })
  return { api: 'jaeger', ask: 'search', filter: { q: queryOf(query), fromNs, toNs, limit } }
})

/** Times are ms here. */
export const jaegerDependencies = jaeger((query) => {
  const end = query.get('endTs') ?? ''
  if (end !== '' && !/^\d{1,16}$/.test(end)) throw bad('endTs', 'must be ms since the epoch')
  const lookback = query.get('lookback') ?? '86400000'
  if (!/^\d{1,16}$/.test(lookback)) throw bad('lookback', 'must be a number of ms')
  const toNs = BigInt(end === '' ? Date.now() : end) * 1_000_000n
  const fromNs = toNs - BigInt(lookback) * 1_000_000n
  return { api: 'jaeger', ask: 'dependencies', toNs, fromNs: fromNs < 0n ? 0n : fromNs }
})

/** start and end in us; without a start `lookback` before the end (a duration, or "custom"). */
function rangeOf(query: URLSearchParams): { readonly fromNs: bigint; readonly toNs: bigint } {
  const toNs = unixTime(query.get('end'), MICROS, 'end') ?? BigInt(Date.now()) * 1_000_000n
  const given = unixTime(query.get('start'), MICROS, 'start')
  const lookback = query.get('lookback') ?? LOOKBACK
  const length = durationNs(lookback === '' || lookback === 'custom' ? LOOKBACK : lookback, 'lookback')
  const fromNs = given ?? toNs - BigInt(Math.round(length))
  return { fromNs: fromNs < 0n ? 0n : fromNs, toNs }
}

/** `{ resource.service.name = "a" && name = "b" && ... }` */
function queryOf(query: URLSearchParams): string {
  const operation = query.get('operation') ?? ''
  const conditions = [
    `resource.service.name = ${quoted(query.get('service') ?? '')}`,
    ...(operation === '' || operation === 'all' ? [] : [`name = ${quoted(operation)}`]),
    ...tagsOf(query).map(([key, value]) => tagCondition(key, value)),
    ...durations(query),
  ]
  return `{ ${conditions.join(' && ')} }`
}

function durations(query: URLSearchParams): string[] {
  const [min, max] = [query.get('minDuration') ?? '', query.get('maxDuration') ?? '']
  return [
    ...(min === '' ? [] : [`duration >= ${Math.round(durationNs(min, 'minDuration'))}ns`]),
    ...(max === '' ? [] : [`duration <= ${Math.round(durationNs(max, 'maxDuration'))}ns`]),
  ]
}

/** `tag=key:value`, many times, and `tags={"key":"value"}`. */
function tagsOf(query: URLSearchParams): [string, string][] {
  const pairs = query.getAll('tag').map((text): [string, string] => {
    const at = text.indexOf(':')
    if (at < 1) throw bad('tag', 'must be key:value')
    return [text.slice(0, at), text.slice(at + 1)]
  })
  for (const text of query.getAll('tags')) pairs.push(...jsonTags(text))
  if (pairs.length > FILTER_ATTRIBUTES_MAX) throw bad('tags', `may name ${FILTER_ATTRIBUTES_MAX} tags`)
  return pairs
}

function jsonTags(text: string): [string, string][] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    parsed = undefined
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw bad('tags', 'must be an object of JSON: {"http.status_code":"500"}')
  return Object.entries(parsed).map(([key, value]) => [key, String(value)])
}

/** Tags that are no attributes here. */
const BESIDE: { readonly [key: string]: ((value: string) => string) | undefined } = {
  error: (value) => (value === 'true' ? '(status = error || .error = true)' : '(status != error)'),
  'span.kind': (value) => (/^[a-z]+$/.test(value) && KINDS.has(value) ? `kind = ${value}` : 'false'),
  'otel.status_code': (value) => `status = ${value === 'ERROR' ? 'error' : value === 'OK' ? 'ok' : 'unset'}`,
  'otel.status_description': (value) => `statusMessage = ${quoted(value)}`,
  'otel.scope.name': (value) => `instrumentation:name = ${quoted(value)}`,
  'otel.library.name': (value) => `instrumentation:name = ${quoted(value)}`,
}
const KINDS: ReadonlySet<string> = new Set(['internal', 'server', 'client', 'producer', 'consumer'])

/** A tag is asked as text and may be a number, true or false, or an attribute of the resource. */
function tagCondition(key: string, value: string): string {
  const beside = Object.hasOwn(BESIDE, key) ? BESIDE[key] : undefined
  if (beside !== undefined) return beside(value)
  const name = `.${quoted(key)}`
  const typed = [
    `${name} = ${quoted(value)}`,
    ...(/^-?\d{1,18}(\.\d{1,18})?$/.test(value) ? [`${name} = ${value}`] : []),
    ...(value === 'true' || value === 'false' ? [`${name} = ${value}`] : []),
  ]
  return typed.length === 1 ? typed[0]! : `(${typed.join(' || ')})`
}
