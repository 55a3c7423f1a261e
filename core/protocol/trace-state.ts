// What a tracestate says about sampling, by OpenTelemetry's `ot` member and one of ours.
//
//   tracestate: ot=th:c;rv:6e6d1a75832a2f,crosscut=d:c;k:1;w:1.5
//                  |    |                          |   |   `- weight beside th: what no threshold can say
//                  |    |                          |   `----- wanted: a sampling policy asked for this trace
//                  |    |                          `--------- level of detail: c(oarse), f(ine)
//                  |    `- randomness R, else the last 14 digits of the trace id
//                  `------ rejection threshold T, trailing zeros left out: kept if R >= T
//
// T and R are numbers of 56 bits, here always as 14 hex digits: such texts compare as their numbers do,
// exactly, where doubles would not. A probability p has T = (1 - p) 2^56, and who is kept with p stands for
// 1/p. Everything here is read from whoever connects: nothing throws, and what cannot be meant says
// nothing. Source: OpenTelemetry, "TraceState: probability sampling" and "TraceState handling"; W3C trace
// context 3.3.

export type LevelOfDetail = 'coarse' | 'normal' | 'fine'

export type TraceSampling = {
  /** 14 hex digits; absent = the probability of a decision before is not known. */
  readonly threshold?: string
  /** 14 hex digits, when it is told beside the trace id. */
  readonly randomness?: string
  /** At least 1. */
  readonly factor: number
  readonly detail: LevelOfDetail
  readonly isWanted: boolean
}

const DIGITS = 14
const SPACE = 2 ** 56
const ALWAYS = '0'.repeat(DIGITS)
/** Above every randomness. */
export const NEVER = 'x'.repeat(DIGITS)
/**
 * Rarer than one in a billion nobody samples; beyond, a stranger's tracestate would drown all that was
 * counted.
 */
export const WEIGHT_MAX = 1e9

/** Shapes: 14 hex digits. A probability of 1 or more keeps all, 0 or less none. */
export function thresholdOf(probability: number): string {
  if (!(probability > 0)) return NEVER
  if (probability >= 1) return ALWAYS
  // Exact: a power of two moves only the exponent, and doubles above 2^53 are whole.
  const kept = BigInt(Math.max(1, Math.round(probability * SPACE)))
  return (BigInt(SPACE) - kept).toString(16).padStart(DIGITS, '0')
}

/** The share of traces that this threshold keeps. */
export function probabilityOf(threshold: string): number {
  return threshold === NEVER ? 0 : Number(BigInt(SPACE) - BigInt(`0x${threshold}`)) / SPACE
}

/** What decisions about a trace compare with: told by its root, else random by W3C level 2. */
export function randomnessOf(traceId: string, told?: Pick<TraceSampling, 'randomness'>): string {
  return told?.randomness ?? traceId.slice(-DIGITS)
}

const SAYS_NOTHING: TraceSampling = Object.freeze({ factor: 1, detail: 'normal', isWanted: false })
const DETAILS: { readonly [letter: string]: LevelOfDetail } = { c: 'coarse', f: 'fine' }

export function readTraceState(traceState: string | undefined): TraceSampling {
  if (traceState === undefined || traceState === '') return SAYS_NOTHING
  const ot = memberOf(traceState, 'ot')
  const own = memberOf(traceState, 'crosscut')
  if (ot === undefined && own === undefined) return SAYS_NOTHING
  const th = /^[0-9a-f]{1,14}$/.exec(fieldOf(ot, 'th') ?? '')?.[0]
  const rv = /^[0-9a-f]{14}$/.exec(fieldOf(ot, 'rv') ?? '')?.[0]
  const factor = Number(/^\d{1,17}(?:\.\d{1,17})?$/.exec(fieldOf(own, 'w') ?? '')?.[0] ?? 1)
  return {
    ...(th === undefined ? {} : { threshold: th.padEnd(DIGITS, '0') }),
    ...(rv === undefined ? {} : { randomness: rv }),
    factor: Math.max(1, factor),
    detail: DETAILS[fieldOf(own, 'd') ?? ''] ?? 'normal',
    isWanted: fieldOf(own, 'k') === '1',
  }
}

/** The members of a new trace; '' when there is nothing to say. */
export function writeTraceState({ threshold, randomness, factor, detail, isWanted }: TraceSampling): string {
  const ot = [
    ...(threshold === undefined ? [] : [`th:${threshold.replace(/0+$/, '') || '0'}`]),
    ...(randomness === undefined ? [] : [`rv:${randomness}`]),
  ]
  const own = [
    ...(detail === 'normal' ? [] : [`d:${detail.charAt(0)}`]),
    ...(isWanted ? ['k:1'] : []),
    ...(factor > 1 ? [`w:${decimalOf(factor)}`] : []),
  ]
  return [
    ...(ot.length === 0 ? [] : [`ot=${ot.join(';')}`]),
    ...(own.length === 0 ? [] : [`crosscut=${own.join(';')}`]),
  ].join(',')
}

/** Whether spans inside a process are left out: asked for each, so nothing is parsed. */
export function isCoarse(traceState: string): boolean {
  return traceState.includes('crosscut=d:c')
}

export function isFine(traceState: string): boolean {
  return traceState.includes('crosscut=d:f')
}

/**
 * How many traces a sampled one stands for: 1/p of its threshold, times the weight beside it. A threshold
 * that this trace's randomness does not reach was not what kept it, and says nothing.
 */
export function weightOfState(traceId: string, traceState: string | undefined): number {
  const told = readTraceState(traceState)
  const { threshold } = told
  const isMeant = threshold !== undefined && randomnessOf(traceId, told) >= threshold
  return Math.min(WEIGHT_MAX, (isMeant ? 1 / probabilityOf(threshold) : 1) * told.factor)
}

/** Six digits after the point: what is lost is below what any estimate can tell. */
const decimalOf = (n: number): string => String(Number(Math.min(n, 1e15).toFixed(6)))

/** The value of the first member of that key. */
function memberOf(traceState: string, key: string): string | undefined {
  for (const member of traceState.split(',', MEMBERS_MAX)) {
    const equals = member.indexOf('=')
    if (equals > 0 && member.slice(0, equals).trim() === key) return member.slice(equals + 1).trim()
  }
  return undefined
}

/** W3C: at most 32 members; of their fields, none of ours comes later than this. */
const MEMBERS_MAX = 32

function fieldOf(value: string | undefined, key: string): string | undefined {
  return value
    ?.split(';', MEMBERS_MAX)
    .find((field) => field.startsWith(`${key}:`))
    ?.slice(key.length + 1)
}
