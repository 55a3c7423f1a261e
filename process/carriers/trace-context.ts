// W3C Trace Context: traceparent and tracestate, in and out.
//
// Both are read from whoever connects, so neither ever throws and both are one bounded scan without regular
// expressions. A traceparent that is not valid means "start a new trace"; a tracestate that is partly bad
// loses its bad members, never the traceparent. Source: https://www.w3.org/TR/trace-context-2/ sections 3.2
// and 3.3.
import {
  TRACESTATE_CHARS_MAX,
  TRACESTATE_LONG_MEMBER_CHARS,
  TRACESTATE_MEMBERS_MAX,
  TRACESTATE_SCANNED_MAX,
} from './limits.ts'

export interface TraceParent {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string
  /** 16 lower-case hex digits, not all zero. */
  readonly spanId: string
  /** The flags byte; bit 0 = sampled. */
  readonly flags: number
}

//  version - trace id                         - parent id        - flags
//  00      - 4bf92f3577b34da6a3ce929d0e0e4736 - 00f067aa0ba902b7 - 01
//  0      2 3                               35 36              52 53  55
const V00_LENGTH = 55

/**
 * The caller's span, or undefined when the header is absent or invalid (upper case, version ff, zero ids,
 * wrong length, two headers).
 */
export function parseTraceparent(value: string | readonly string[] | undefined): TraceParent | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string') return value.length === 1 ? parseTraceparent(value[0]) : undefined
  if (value.length < V00_LENGTH || !isShaped(value)) return undefined
  const version = hexByte(value, 0)
  if (version < 0 || version === 0xff) return undefined
  // A later version may append fields, each after a dash; version 00 may not.
  if (value.length > V00_LENGTH && (version === 0 || value.charCodeAt(V00_LENGTH) !== DASH)) return undefined
  const flags = hexByte(value, 53)
  if (flags < 0 || !isId(value, 3, 35) || !isId(value, 36, 52)) return undefined
  return { traceId: value.slice(3, 35), spanId: value.slice(36, 52), flags }
}

const DASH = 0x2d

function isShaped(value: string): boolean {
  return value.charCodeAt(2) === DASH && value.charCodeAt(35) === DASH && value.charCodeAt(52) === DASH
}

/** Hex digits only, and not all zero. Without a branch a digit: 48 digits take 100 ns, with them 360. */
function isId(value: string, begin: number, end: number): boolean {
  let seen = 0
  for (let i = begin; i < end; i++) seen |= hexDigit(value.charCodeAt(i))
  return seen > 0 && seen < FOREIGN
}

function hexByte(value: string, at: number): number {
  const high = hexDigit(value.charCodeAt(at))
  const low = hexDigit(value.charCodeAt(at + 1))
  return (high | low) < FOREIGN ? high * 16 + low : -1
}

/** Above every digit. */
const FOREIGN = 16
/** Lower case only, as the specification has it. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code))
  return digit < 0 ? FOREIGN : digit
})

function hexDigit(code: number): number {
  return DIGITS[code] ?? FOREIGN
}

/** Version 00. The ids are trusted to be valid: they come from parseTraceparent or from our own generator. */
export function formatTraceparent(traceId: string, spanId: string, flags: number): string {
  const byte = flags & 0xff
  return `00-${traceId}-${spanId}-${byte < 16 ? '0' : ''}${byte.toString(16)}`
}

/** What `cleanTracestate` did: `isCut` when any member was lost. */
export interface CleanTracestate {
  readonly value: string
  readonly isCut: boolean
}

const NO_TRACESTATE: CleanTracestate = { value: '', isCut: false }

/**
 * A tracestate fit to be passed on: valid members in their order, the first of duplicates, at most 32, at
 * most 512 characters (members above 128 characters go first, then from the end). A clean value comes back as
 * it was, byte for byte.
 */
export function cleanTracestate(value: string | readonly string[] | undefined): CleanTracestate {
  if (value === undefined || value.length === 0) return NO_TRACESTATE
  const text = typeof value === 'string' ? value : value.slice(0, TRACESTATE_MEMBERS_MAX).join(',')
  const members: string[] = []
  let isCut = collectMembers(text, members)
  if (text.length > TRACESTATE_SCANNED_MAX) isCut = true
  if (!isCut && text.length <= TRACESTATE_CHARS_MAX)
    return members.length === 0 ? NO_TRACESTATE : { value: text, isCut: false }
  return shorten(members, isCut)
}

/** Appends the valid members; true when one was left out. */
function collectMembers(text: string, members: string[]): boolean {
  const seen = new Set<string>()
  let isCut = false
  for (let at = 0; at < text.length && at < TRACESTATE_SCANNED_MAX;) {
    const comma = text.indexOf(',', at)
    const end = comma < 0 ? text.length : comma
    const member = trimSpaces(text, at, end)
    at = end + 1
    if (member.length === 0) continue
    const equals = member.indexOf('=')
    const key = member.slice(0, Math.max(equals, 0))
    if (
      members.length === TRACESTATE_MEMBERS_MAX ||
      seen.has(key) ||
      !isKey(key) ||
      !isValue(member, equals + 1)
    )
      isCut = true
    else {
      seen.add(key)
      members.push(member)
    }
  }
  return isCut
}

function shorten(members: readonly string[], wasCut: boolean): CleanTracestate {
  let chars = members.reduce((sum, member) => sum + member.length, Math.max(members.length - 1, 0))
  let kept = members
  if (chars > TRACESTATE_CHARS_MAX) {
    kept = members.filter((member) => {
      if (chars <= TRACESTATE_CHARS_MAX || member.length <= TRACESTATE_LONG_MEMBER_CHARS) return true
      chars -= member.length + 1
      return false
    })
  }
  let count = kept.length
  while (count > 0 && chars > TRACESTATE_CHARS_MAX) {
    count--
    chars -= (kept[count]?.length ?? 0) + 1
  }
  return { value: kept.slice(0, count).join(','), isCut: wasCut || count < members.length }
}

function trimSpaces(text: string, begin: number, end: number): string {
  while (begin < end && isSpace(text.charCodeAt(begin))) begin++
  while (end > begin && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(begin, end)
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** A letter or digit, then lower-case letters, digits, `_ - * /` and one `@` for a tenant; at most 256. */
function isKey(key: string): boolean {
  if (key.length === 0 || key.length > 256) return false
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i)
    const isWord = (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39)
    if (!isWord && (i === 0 || !'_-*/@'.includes(key.charAt(i)))) return false
  }
  const tenant = key.indexOf('@')
  return tenant < 0 || key.indexOf('@', tenant + 1) < 0
}

/** 1 to 256 printable ASCII characters without `,` and `=`. */
function isValue(member: string, begin: number): boolean {
  const length = member.length - begin
  if (length < 1 || length > 256) return false
  for (let i = begin; i < member.length; i++) {
    const code = member.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === 0x2c || code === 0x3d) return false
  }
  return true
}
