// Parameters as Jaeger and Tempo write them: Go's durations, times in some unit since the epoch, ids without
// leading zeros.

import { RequestError } from '../server-error.ts'
import { FILTER_TEXT_MAX } from '../limits.ts'

export function bad(name: string, what: string): RequestError {
  return new RequestError(
    400,
    'E_BAD_REQUEST',
    `parameter '${name}' ${what}`,
    'docs/guides/grafana.md lists them',
  )
}

const UNITS_NS: { readonly [unit: string]: number } = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86_400e9,
}

/** `1.5s`, `2h45m`; days too. Errors: 400. */
export function durationNs(text: string, name: string): number {
  if (text.length > 64 || !/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d))+$/.test(text))
    throw bad(name, 'must be a duration: 1.5s, 100ms, 2h45m')
  let ns = 0
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g))
    ns += Number(count) * UNITS_NS[unit!]!
  return Math.min(ns, Number.MAX_SAFE_INTEGER)
}

/** undefined = not given. Errors: 400. */
export function unixTime(text: string | null, unitNs: bigint, name: string): bigint | undefined {
  if (text === null || text === '' || text === '0') return undefined
  if (!/^\d{1,19}$/.test(text)) throw bad(name, 'must be a whole number since the epoch')
  const ns = BigInt(text) * unitNs
  return ns > 0xffff_ffff_ffff_ffffn ? 0xffff_ffff_ffff_ffffn : ns
}

export function limitOf(
  text: string | null,
  { otherwise, max }: { readonly otherwise: number; readonly max: number },
): number {
  if (text === null || text === '' || text === '0') return otherwise
  if (!/^\d{1,9}$/.test(text)) throw bad('limit', `must be a whole number, at most ${max}`)
  return Math.min(Number(text), max)
}

/** 32 digits; both systems leave leading zeros out. Errors: 400. */
export function readTraceId(text: string | undefined): string {
  if (text === undefined || !/^[0-9a-f]{1,32}$/i.test(text) || /^0+$/.test(text))
    throw new RequestError(
      400,
      'E_BAD_REQUEST',
      'a trace id is up to 32 hex digits, not all zero',
      'search finds them',
    )
  return text.toLowerCase().padStart(32, '0')
}

/** As text of TraceQL. Errors: 400 for what is too long. */
export function quoted(text: string): string {
  if (text.length > FILTER_TEXT_MAX) throw bad(text.slice(0, 20), 'is too long')
  return `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}"`
}
