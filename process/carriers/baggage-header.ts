// The W3C `baggage` header: take our member out of it, keep the others as they are, put ours back.
//
//   baggage: cc=AAECAw.kkkkkkkkkkkkkkkkkkkkkk , tenant=gold;ttl=1 , user=%C3%A9
//            `--------- ours --------------'   `---- of others: passed on byte for byte ----'
//
// One bounded scan with indexOf: no array of parts, no object keyed by what a stranger sent (`__proto__` is
// just text here), nothing decoded that is not ours. A member is kept whole or dropped whole. One budget
// holds for all lines of the header together. Source: https://www.w3.org/TR/baggage/ section 3.3; limits of
// OpenTelemetry JS, whose services sit between ours.
import type { DropCounts } from './counts.ts'
import { ELEMENTS_SCANNED_MAX, HEADER_BYTES_MAX, LINES_MAX, MEMBER_BYTES_MAX, MEMBERS_MAX } from './limits.ts'

export const OUR_KEY = 'cc'
const OUR_PREFIX = 'cc='

export interface ScannedBaggage {
  /** Value of our member without its properties; undefined when there is none. */
  readonly ours: string | undefined
  /** The other members, as they came; '' when there are none. */
  readonly foreign: string
}

const NOTHING: ScannedBaggage = { ours: undefined, foreign: '' }

/**
 * Never throws, whatever the value; what is left out is counted. Cost: O(length), two small objects at most.
 */
export function scanBaggage(
  value: string | readonly string[] | undefined,
  counts: DropCounts,
): ScannedBaggage {
  if (value === undefined || value.length === 0) return NOTHING
  if (typeof value === 'string' && isOnlyOurs(value))
    return { ours: value.slice(OUR_PREFIX.length), foreign: '' }
  const scan = new Scan(counts)
  if (typeof value === 'string') scan.line(value)
  else {
    for (let i = 0; i < value.length && i < LINES_MAX; i++) scan.line(value[i] ?? '')
    if (value.length > LINES_MAX) counts.lines_exceeded += value.length - LINES_MAX
  }
  return { ours: scan.ours, foreign: scan.foreign }
}

/** The usual case between our own services: nothing to copy, nothing to look at twice. */
function isOnlyOurs(value: string): boolean {
  return (
    value.length <= MEMBER_BYTES_MAX &&
    value.startsWith(OUR_PREFIX) &&
    value.indexOf(',') < 0 &&
    value.indexOf(';') < 0 &&
    value.indexOf(' ') < 0
  )
}

class Scan {
  ours: string | undefined
  foreign = ''
  private bytes = 0
  private members = 0
  private elements = 0
  private readonly counts: DropCounts

  constructor(counts: DropCounts) {
    this.counts = counts
  }

  line(text: string): void {
    for (let at = 0; at <= text.length;) {
      if (this.elements++ >= ELEMENTS_SCANNED_MAX) {
        this.counts.members_exceeded++
        return
      }
      const comma = text.indexOf(',', at)
      const end = comma < 0 ? text.length : comma
      this.element(text, at, end)
      at = end + 1
    }
  }

  private element(text: string, begin: number, end: number): void {
    while (begin < end && isSpace(text.charCodeAt(begin))) begin++
    while (end > begin && isSpace(text.charCodeAt(end - 1))) end--
    const length = end - begin
    if (length === 0) return
    if (length > MEMBER_BYTES_MAX) this.counts.member_too_long++
    else if (this.members === MEMBERS_MAX) this.counts.members_exceeded++
    else if (this.bytes + length + (this.members > 0 ? 1 : 0) > HEADER_BYTES_MAX)
      this.counts.header_exceeded++
    else this.member(text.slice(begin, end))
  }

  private member(member: string): void {
    if (keyOf(member) === OUR_KEY) {
      if (this.ours !== undefined) this.counts.member_duplicate++
      else this.ours = valueOf(member)
    } else {
      const fault = faultOf(member)
      if (fault !== undefined) {
        this.counts[fault]++
        return
      }
      this.foreign = this.foreign === '' ? member : `${this.foreign},${member}`
    }
    this.bytes += member.length + (this.members > 0 ? 1 : 0)
    this.members++
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function keyOf(member: string): string {
  const equals = member.indexOf('=')
  return equals < 0 ? '' : member.slice(0, equals).trimEnd()
}

function valueOf(member: string): string {
  const begin = member.indexOf('=') + 1
  const semicolon = member.indexOf(';', begin)
  return member.slice(begin, semicolon < 0 ? member.length : semicolon).trim()
}

/** Why a member of others cannot be passed on; undefined = it can. */
function faultOf(member: string): 'member_malformed' | 'member_charset' | undefined {
  const equals = member.indexOf('=')
  const semicolon = member.indexOf(';')
  if (equals <= 0 || (semicolon >= 0 && semicolon < equals)) return 'member_malformed'
  let hasPercent = false
  for (let i = 0; i < member.length; i++) {
    const code = member.charCodeAt(i)
    // What http.validateHeaderValue refuses. HTTP itself delivers none of it; queues and sockets of the
    // user's own do.
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return 'member_charset'
    if (code === 0x25) hasPercent = true
  }
  return hasPercent && !isDecodable(member, equals, semicolon < 0 ? member.length : semicolon)
    ? 'member_malformed'
    : undefined
}

/**
 * Would the next reader's decodeURIComponent throw? (A propagator of OpenTelemetry JS once did, into the
 * host.)
 */
function isDecodable(member: string, equals: number, end: number): boolean {
  try {
    decodeURIComponent(member.slice(0, equals))
    decodeURIComponent(member.slice(equals + 1, end))
    return true
  } catch {
    return false
  }
}

/**
 * Characters that our member's value may take beside these others; at most MEMBER_BYTES_MAX - 3, negative
 * when there is no room.
 */
export function roomForOurs(foreign: string): number {
  const total = foreign.length === 0 ? HEADER_BYTES_MAX : HEADER_BYTES_MAX - foreign.length - 1
  return Math.min(total, MEMBER_BYTES_MAX) - OUR_PREFIX.length
}

/** The whole header; ours first, so that a reader with a smaller budget keeps it. '' = send none. */
export function joinBaggageHeader(ours: string | undefined, foreign: string): string {
  if (ours === undefined) return foreign
  return foreign === '' ? OUR_PREFIX + ours : `${OUR_PREFIX}${ours},${foreign}`
}
