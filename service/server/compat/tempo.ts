// Tempo's search and trace API, as Grafana's data source asks it. Errors are sentences, as Tempo's are.
//
// Source: Tempo's HTTP API (docs/sources/tempo/api_docs).

import { formatDiagnostic } from '#base'
import { intrinsicOf, parseTraceQuery, tokensOf, type Field } from '#model'
import type { TraceFilter } from '#traces'
import type { Exchange, Handler, Services } from '../exchange.ts'
import { send, sendJson } from '../http-io.ts'
import {
  COMPAT_LIMIT_DEFAULT,
  COMPAT_SPANS_PER_SPANSET_DEFAULT,
  COMPAT_SPANS_PER_SPANSET_MAX,
  COMPAT_TAGS_MAX,
  FILTER_ATTRIBUTES_MAX,
  SEARCH_LIMIT_MAX,
} from '../limits.ts'
import { RequestError } from '../server-error.ts'
import type { CompatRead, TagScope } from './compat-reads.ts'
import { bad, durationNs, limitOf, quoted, readTraceId, unixTime } from './parameters.ts'

const SECONDS = 1_000_000_000n
/** What data sources look at to learn what there is: scoped tags, structural operators, v2 of traces. */
const TEMPO_VERSION = '2.8.0'

type Asked = { readonly read: CompatRead; readonly type: string }

function tempo(askedOf: (exchange: Exchange) => Asked): Handler {
  return async (exchange: Exchange, services: Services) => {
    const { response } = exchange
    try {
      const pipeline = services.pipeline()
      if (pipeline === undefined)
        throw new RequestError(503, 'E_STARTING', 'the server is starting', 'try again in a second')
      const { read, type } = askedOf(exchange)
      const bytes = await pipeline.reads.read({ kind: 'compat', read })
      if (bytes === undefined)
        throw new RequestError(404, 'E_NOT_FOUND', 'trace not found', 'it may be on its way')
      send(response, 200, bytes, { 'content-type': type })
    } catch (error: unknown) {
      if (!(error instanceof RequestError)) throw error
      const { status, code, message, hint } = error
      const body = Buffer.from(`${message} (${code}: ${hint})\n`)
      send(response, status, body, { 'content-type': 'text/plain; charset=utf-8' })
    }
  }
}

const JSON_TYPE = 'application/json'
const PROTOBUF_TYPE = 'application/protobuf'

export const tempoEcho: Handler = ({ response }) =>
  send(response, 200, Buffer.from('echo'), { 'content-type': 'text/plain; charset=utf-8' })

export const tempoBuildInfo: Handler = ({ response }) =>
  sendJson(response, 200, {
    version: TEMPO_VERSION,
    revision: 'crosscut',
    branch: 'crosscut',
    buildUser: '',
    buildDate: '',
    goVersion: '',
  })

const traceOf = (version: 1 | 2): Handler =>
  tempo(({ request, params }) => {
    const isProtobuf = /\bapplication\/(x-)?protobuf\b/.test(request.headers.accept ?? '')
    return {
      read: {
        api: 'tempo',
        ask: 'trace',
        version,
        traceId: readTraceId(params['traceId']),
        form: isProtobuf ? 'protobuf' : 'json',
      },
      type: isProtobuf ? PROTOBUF_TYPE : JSON_TYPE,
    }
  })
export const tempoTraceV1 = traceOf(1)
export const tempoTraceV2 = traceOf(2)

export const tempoSearch = tempo(({ query }) => {
  const spansPerSpanset = limitOf(query.get('spss'), {
    otherwise: COMPAT_SPANS_PER_SPANSET_DEFAULT,
    max: COMPAT_SPANS_PER_SPANSET_MAX,
  })
  return { read: { api: 'tempo', ask: 'search', filter: filterOf(query), spansPerSpanset }, type: JSON_TYPE }
})

function filterOf(query: URLSearchParams): TraceFilter {
  const q = query.get('q') ?? ''
  const tags = query.get('tags') ?? ''
  const [min, max] = [query.get('minDuration') ?? '', query.get('maxDuration') ?? '']
  const text = q.trim() !== '' ? checked(q) : tags === '' ? undefined : tagsQuery(tags)
  return {
    ...range(query),
    ...(text === undefined ? {} : { q: text }),
    ...(min === '' ? {} : { minMs: durationNs(min, 'minDuration') / 1e6 }),
    ...(max === '' ? {} : { maxMs: durationNs(max, 'maxDuration') / 1e6 }),
    limit: limitOf(query.get('limit'), { otherwise: COMPAT_LIMIT_DEFAULT, max: SEARCH_LIMIT_MAX }),
  }
}

function range(query: URLSearchParams): { readonly fromNs?: bigint; readonly toNs?: bigint } {
  const fromNs = unixTime(query.get('start'), SECONDS, 'start')
  const toNs = unixTime(query.get('end'), SECONDS, 'end')
  return { ...(fromNs === undefined ? {} : { fromNs }), ...(toNs === undefined ? {} : { toNs }) }
}

/** Errors: 400 with everything that is wrong. */
function checked(q: string): string {
  const { diagnostics } = parseTraceQuery(q)
  if (diagnostics.length === 0) return q
  throw new RequestError(
    400,
    'E_TRACEQL',
    `invalid TraceQL query: ${diagnostics.map(formatDiagnostic).join('; ')}`,
    'docs/reference/traceql.md',
  )
}

/** logfmt: `service.name=shop http.url="/a b"`; a value is found anywhere in it, in either case. */
function tagsQuery(tags: string): string {
  const pairs = [...tags.matchAll(/([^\s=]+)=("(?:[^"\\]|\\.)*"|\S*)|(\S+)/g)]
  if (pairs.length > FILTER_ATTRIBUTES_MAX) throw bad('tags', `may name ${FILTER_ATTRIBUTES_MAX} tags`)
  const conditions = pairs.map(([, key, value = '', stray]) => {
    if (key === undefined) throw bad('tags', `must be key=value: '${(stray ?? '').slice(0, 40)}' is not`)
    return tagCondition(key, value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value)
  })
  return `{ ${conditions.join(' && ')} }`
}

/** Names that tags had for what is no attribute. */
const BESIDE: { readonly [key: string]: string | undefined } = {
  name: 'name',
  'root.name': 'rootName',
  'root.service.name': 'rootServiceName',
  'status.message': 'statusMessage',
}

function tagCondition(key: string, value: string): string {
  if (key === 'status.code' || key === 'status')
    return /^(ok|error|unset)$/.test(value) ? `status = ${value}` : 'false'
  const name = (Object.hasOwn(BESIDE, key) ? BESIDE[key] : undefined) ?? `.${quoted(key)}`
  const pattern = `(?is).*${value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}.*`
  const typed = [
    `${name} =~ ${quoted(pattern)}`,
    ...(name.startsWith('.') && /^-?\d{1,18}(\.\d{1,18})?$/.test(value) ? [`${name} = ${value}`] : []),
    ...(name.startsWith('.') && /^(true|false)$/.test(value) ? [`${name} = ${value}`] : []),
  ]
  return `(${typed.join(' || ')})`
}

const TAG_SCOPES: readonly TagScope[] = [
  'span',
  'resource',
  'event',
  'link',
  'instrumentation',
  'intrinsic',
  'none',
]

const tagsOf = (version: 1 | 2): Handler =>
  tempo(({ query }) => {
    const given = query.get('scope') ?? ''
    const scope = TAG_SCOPES.find((known) => known === given)
    if (scope === undefined && given !== '') throw bad('scope', `must be one of ${TAG_SCOPES.join(', ')}`)
    const read = { api: 'tempo', ask: 'tags', version, ...range(query) } as const
    return { read: scope === undefined ? read : { ...read, scope }, type: JSON_TYPE }
  })
export const tempoTagsV1 = tagsOf(1)
export const tempoTagsV2 = tagsOf(2)

const valuesOf = (version: 1 | 2): Handler =>
  tempo(({ query, params }) => {
    const q = query.get('q') ?? ''
    const limit = limitOf(query.get('limit'), { otherwise: COMPAT_TAGS_MAX, max: COMPAT_TAGS_MAX })
    const field = fieldOf(params['tag'] ?? '', version)
    const read = { api: 'tempo', ask: 'values', version, field, limit, ...range(query) } as const
    return { read: q === '' ? read : { ...read, q }, type: JSON_TYPE }
  })
export const tempoValuesV1 = valuesOf(1)
export const tempoValuesV2 = valuesOf(2)

/** Version 1 names tags without their scopes, version 2 fields of TraceQL. Grafana encodes them twice. */
function fieldOf(given: string, version: 1 | 2): Field {
  const tag = /%[0-9a-f]{2}/i.test(given) ? decoded(given) : given
  const intrinsic = intrinsicOf(tag)
  if (intrinsic !== undefined) return { kind: 'intrinsic', name: intrinsic }
  if (version === 1) return { kind: 'attribute', scope: 'any', name: tag }
  const [token] = tokensOf(tag).tokens
  if (token?.kind === 'attribute' && token.span.end === tag.length)
    return { kind: 'attribute', scope: token.scope, name: token.name }
  throw bad('tag', 'must be a field of TraceQL: resource.service.name, span.http.method, .foo, status')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
