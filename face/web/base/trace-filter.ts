// What the list shows, as a value; how it is written in the URL; how people type it.
//
//   typed            value                                URL
//   service=web      { service: 'web' }                   ?service=web
//   GET /cart        { name: 'GET /cart' }                ?name=GET+/cart
//   >100ms <2s       { minMs: 100, maxMs: 2000 }          ?minMs=100&maxMs=2000
//   http.route=/x    { attributes: [['http.route','/x']]} ?attr.http.route=/x
//   error            { isError: true }                    ?error=true
//
// The URL's names are those of GET /api/v1/traces, so that an address of the page reads like the request it
// makes.

export type TimeRange =
  | { readonly kind: 'last'; readonly minutes: number }
  | { readonly kind: 'between'; readonly fromNs: bigint; readonly toNs: bigint }
  | { readonly kind: 'all' }

export type TraceFilter = {
  readonly service?: string
  readonly name?: string
  readonly minMs?: number
  readonly maxMs?: number
  readonly isError?: boolean
  readonly attributes: readonly (readonly [key: string, value: string])[]
  readonly range: TimeRange
}

export const NO_FILTER: TraceFilter = { attributes: [], range: { kind: 'all' } }

export function readFilter(query: URLSearchParams): TraceFilter {
  const attributes: (readonly [string, string])[] = []
  for (const [key, value] of query)
    if (key.startsWith('attr.') && key.length > 5) attributes.push([key.slice(5), value])
  return {
    service: query.get('service') ?? undefined,
    name: query.get('name') ?? undefined,
    minMs: milliseconds(query.get('minMs')),
    maxMs: milliseconds(query.get('maxMs')),
    isError: query.get('error') === 'true' ? true : undefined,
    attributes,
    range: readRange(query),
  }
}

function readRange(query: URLSearchParams): TimeRange {
  const from = query.get('from') ?? ''
  const to = query.get('to') ?? ''
  if (/^\d{1,19}$/.test(from) && /^\d{1,19}$/.test(to))
    return { kind: 'between', fromNs: BigInt(from), toNs: BigInt(to) }
  const last = query.get('last') ?? ''
  return /^[1-9]\d{0,6}$/.test(last) ? { kind: 'last', minutes: Number(last) } : { kind: 'all' }
}

function milliseconds(text: string | null): number | undefined {
  if (text === null || text === '') return undefined
  const value = Number(text)
  return Number.isFinite(value) && value >= 0 ? value : undefined
}

/** Sets the filter's members in a query and removes what it does not say. */
export function writeFilter(query: URLSearchParams, filter: TraceFilter): void {
  for (const key of [...query.keys()]) if (key.startsWith('attr.')) query.delete(key)
  for (const key of ['service', 'name', 'minMs', 'maxMs', 'error', 'from', 'to', 'last']) query.delete(key)
  const set = (key: string, value: string | number | undefined): void => {
    if (value !== undefined && value !== '') query.set(key, String(value))
  }
  set('service', filter.service)
  set('name', filter.name)
  set('minMs', filter.minMs)
  set('maxMs', filter.maxMs)
  set('error', filter.isError ? 'true' : undefined)
  for (const [key, value] of filter.attributes) query.append(`attr.${key}`, value)
  if (filter.range.kind === 'last') set('last', filter.range.minutes)
  if (filter.range.kind === 'between') {
    set('from', String(filter.range.fromNs))
    set('to', String(filter.range.toNs))
  }
}

/**
 * The same as the API wants it: a range of "the last n minutes" becomes instants. pausedMs: as the list was
 * then.
 */
export function filterRequest(filter: TraceFilter, nowMs: number, pausedMs?: number): URLSearchParams {
  const query = new URLSearchParams()
  const { range } = filter
  const toNs = BigInt(pausedMs ?? nowMs + 60_000) * 1_000_000n
  const fromNs = (minutes: number): bigint => BigInt((pausedMs ?? nowMs) - minutes * 60_000) * 1_000_000n
  const fixed: TimeRange =
    range.kind === 'last' ? { kind: 'between', fromNs: fromNs(range.minutes), toNs } : range
  writeFilter(query, { ...filter, range: fixed })
  if (range.kind === 'all' && pausedMs !== undefined) query.set('to', String(toNs))
  return query
}

/** `paused=<ms since the epoch>`: the list stands still as it was then, for whoever opens the address. */
export function readPaused(query: URLSearchParams): number | undefined {
  const text = query.get('paused') ?? ''
  return /^\d{13}$/.test(text) ? Number(text) : undefined
}

/** Whether nothing narrows the list. */
export function isOpen(filter: TraceFilter): boolean {
  return (
    filter.service === undefined &&
    filter.name === undefined &&
    filter.minMs === undefined &&
    filter.maxMs === undefined &&
    !filter.isError &&
    filter.attributes.length === 0 &&
    filter.range.kind === 'all'
  )
}

const DURATION = /^(?:duration)?\s*(>=?|<=?)\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m)?$/i
const UNIT_MS: { readonly [unit: string]: number } = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
}
const PAIR = /^([^\s=:"<>]+)\s*[=:]\s*(.+)$/s

/**
 * Adds what was typed to a filter. Several conditions are separated by blanks; quotes keep blanks inside a
 * value.
 */
export function typeFilter(filter: TraceFilter, typed: string): TraceFilter {
  let next = filter
  const bare: string[] = []
  for (const token of tokens(typed)) {
    const change = readToken(token, next)
    if (change === undefined) bare.push(unquote(token))
    else next = { ...next, ...change }
  }
  return bare.length === 0 ? next : { ...next, name: bare.join(' ') }
}

function readToken(token: string, filter: TraceFilter): Partial<TraceFilter> | undefined {
  const duration = DURATION.exec(token)
  if (duration !== null) {
    const value = round(Number(duration[2]) * (UNIT_MS[(duration[3] ?? 'ms').toLowerCase()] ?? 1))
    return duration[1]!.startsWith('>') ? { minMs: value } : { maxMs: value }
  }
  if (/^errors?$/i.test(token)) return { isError: true }
  const pair = PAIR.exec(token)
  if (pair === null || token.startsWith('"')) return undefined
  const key = pair[1]!
  const value = unquote(pair[2]!)
  switch (key.toLowerCase()) {
    case 'service':
      return { service: value }
    case 'name':
      return { name: value }
    case 'minms':
      return { minMs: milliseconds(value) }
    case 'maxms':
      return { maxMs: milliseconds(value) }
    case 'error':
      return { isError: value === 'true' ? true : undefined }
    default:
      return { attributes: [...filter.attributes.filter(([other]) => other !== key), [key, value]] }
  }
}

/** Splits at blanks outside quotes: `a="b c" d` -> `a="b c"`, `d`. */
function tokens(typed: string): string[] {
  return typed.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.replace(/^"|"$/g, '') : text
}

function round(ms: number): number {
  return Math.round(ms * 1e6) / 1e6
}
