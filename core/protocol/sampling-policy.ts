// Which traces are wanted, by whom, and for how long: data that the server keeps and agents act on.
//
//   { owner, strategy: a probability or a rate, restraints, levelOfDetail, endsMs }
//
// Policies are consulted where a trace begins. A policy applies to the traces that meet all its restraints;
// of several that apply, the most generous decides (each owner gets what it asked for). A restraint on
// `mark` is met when the request reaches that tracepoint, one on `tenant` when its tenant is known: until
// then the request waits undecided. Source: Canopy (SOSP'17) 4.1: owner, strategy, restraints, lifetime,
// level of detail.

import type { LevelOfDetail } from './trace-state.ts'

export type SamplingStrategy =
  | {
      readonly kind: 'probability'
      /** 0..1 of the traces it applies to. */
      readonly probability: number
    }
  | {
      readonly kind: 'rate'
      /** Traces a second that it may take, in all processes together. */
      readonly perSecond: number
    }

export type SamplingRestraint = {
  /**
   * `http.route` (of the request's path: the route is not known yet), `http.request.method`, `service.name`,
   * `tenant`, `mark`, or `resource.KEY` for any attribute of the resource.
   */
  readonly attribute: string
  /** Exactly this, or a glob: `*` is any run of characters, `?` one. */
  readonly test: 'equals' | 'glob'
  readonly value: string
}

export type SamplingPolicy = {
  readonly name: string
  readonly owner: string
  readonly strategy: SamplingStrategy
  readonly restraints: readonly SamplingRestraint[]
  readonly levelOfDetail: LevelOfDetail
  /** ms since the epoch; absent = until it is removed. */
  readonly endsMs?: number
}

/** Of the desired state: what this one agent shall do. */
export type SamplingState = {
  readonly policies: readonly SamplingPolicy[]
  /** Of a policy's rate, this agent's part; absent = 1. */
  readonly shares: { readonly [policy: string]: number }
  /** Of the limits below, this agent's part. */
  readonly share: number
  /** For policies of rates, in all processes together. */
  readonly perSecond: number
  readonly perSecondOfTenant: number
}

/** What an agent did by one policy, totals since it got it. */
export type SamplingUse = {
  readonly policy: string
  /** Traces that it applied to. */
  readonly seen: number
  readonly kept: number
  /** Found no token. */
  readonly refused: number
}

/** A fleet has some teams with some questions each; 256 of 1 kB fit the desired state (1 MiB). */
export const SAMPLING_POLICIES_MAX = 256
export const RESTRAINTS_MAX = 8
/** Names and values: as long as a route may be. */
export const SAMPLING_TEXT_MAX = 256
/** A rate that no system reaches; keeps arithmetic exact. */
export const PER_SECOND_MAX = 1_000_000

const NAME = /^[\w.-]{1,64}$/
const ATTRIBUTES: ReadonlySet<string> = new Set([
  'http.route',
  'http.request.method',
  'service.name',
  'tenant',
  'mark',
])
const LEVELS: readonly LevelOfDetail[] = ['coarse', 'normal', 'fine']

/** Reads a policy from JSON; what is wrong, as a sentence. */
export function readSamplingPolicy(
  json: unknown,
): { readonly policy: SamplingPolicy } | { readonly wrong: string } {
  try {
    return { policy: policyOf(json) }
  } catch (error: unknown) {
    if (error instanceof Wrong) return { wrong: error.message }
    throw error
  }
}

class Wrong extends Error {}

function policyOf(json: unknown): SamplingPolicy {
  const {
    name,
    owner,
    strategy,
    restraints = [],
    levelOfDetail = 'normal',
    endsMs,
  } = objectOf(json, 'a policy')
  if (typeof name !== 'string' || !NAME.test(name)) throw new Wrong('name must be 1..64 of A-Z a-z 0-9 _ . -')
  if (!Array.isArray(restraints) || restraints.length > RESTRAINTS_MAX)
    throw new Wrong(`restraints must be a list of at most ${RESTRAINTS_MAX}`)
  const level = LEVELS.find((one) => one === levelOfDetail)
  if (level === undefined) throw new Wrong(`levelOfDetail must be one of ${LEVELS.join(', ')}`)
  if (endsMs !== undefined && !(typeof endsMs === 'number' && Number.isSafeInteger(endsMs) && endsMs >= 0))
    throw new Wrong('endsMs must be a time, ms since the epoch')
  return {
    name,
    owner: textOf(owner, 'owner'),
    strategy: strategyOf(strategy),
    restraints: restraints.map(restraintOf),
    levelOfDetail: level,
    ...(endsMs === undefined ? {} : { endsMs }),
  }
}

function strategyOf(json: unknown): SamplingStrategy {
  const { probability, ratePerSecond, kind, perSecond = ratePerSecond } = objectOf(json, 'strategy')
  if (probability !== undefined && perSecond === undefined && kind !== 'rate') {
    if (!isWithin(probability, 1)) throw new Wrong('strategy.probability must be a number from 0 to 1')
    return { kind: 'probability', probability }
  }
  if (perSecond !== undefined && probability === undefined && kind !== 'probability') {
    if (!isWithin(perSecond, PER_SECOND_MAX) || perSecond === 0)
      throw new Wrong(`strategy.ratePerSecond must be a number above 0, at most ${PER_SECOND_MAX}`)
    return { kind: 'rate', perSecond }
  }
  throw new Wrong('strategy must hold either probability or ratePerSecond')
}

function restraintOf(json: unknown): SamplingRestraint {
  const held = objectOf(json, 'a restraint')
  const attribute = textOf(held['attribute'], 'attribute of a restraint')
  if (!ATTRIBUTES.has(attribute) && !/^resource\../.test(attribute))
    throw new Wrong(`a restraint is on ${[...ATTRIBUTES].join(', ')} or resource.KEY`)
  const { equals, glob, test, value } = held
  if (test === 'equals' || test === 'glob')
    return { attribute, test, value: textOf(value, 'value of a restraint') }
  if ((equals === undefined) === (glob === undefined))
    throw new Wrong('a restraint has either equals or glob')
  return equals === undefined
    ? { attribute, test: 'glob', value: textOf(glob, 'glob of a restraint') }
    : { attribute, test: 'equals', value: textOf(equals, 'equals of a restraint') }
}

function isWithin(value: unknown, max: number): value is number {
  return typeof value === 'number' && value >= 0 && value <= max
}

function textOf(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= SAMPLING_TEXT_MAX) return value
  throw new Wrong(`${what} must be text of 1..${SAMPLING_TEXT_MAX} characters`)
}

function objectOf(value: unknown, what: string): { readonly [member: string]: unknown } {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new Wrong(`${what} must be an object`)
}
