// Where a trace begins: which policies apply, whether it is recorded, and with what weight.
//
//   root ──► policies that apply ──none──► OTEL_TRACES_SAMPLER's root sampler
//                │ each has a threshold: of its probability, or of its rate / the demand of this interval
//                │ (a rate without a token has none now)
//                ▼
//            T = the lowest;  R >= T: recorded, tracestate th:T        else: not, and nothing below it
//                │ restraints on `mark` or `tenant` are still open?
//                └──► held until the request ends; `reached` and `tenantNamed` decide again with a lower T:
//                     what was silent so far is recorded from here on, below its root
//
// Whether there is a token is known before R is looked at, so with a token p is exact. Roots that find none
// are a debt of their tenant: the next one that is kept stands for them too (`w` beside th). So the weights
// add up to the number of roots, whatever the buckets do.
//
// With no policy `isOn` is false, and the recorder's one branch is all there is.
// Source: Canopy 4.1; OpenTelemetry, "TraceState: probability sampling".

import type { CompiledAdvice } from '#advice'
import type { Baggage } from '#baggage'
import { matchesGlob } from '#base'
import {
  NEVER,
  probabilityOf,
  randomnessOf,
  readSamplingPolicy,
  SAMPLING_POLICIES_MAX,
  thresholdOf,
  writeTraceState,
  type LevelOfDetail,
  type SamplingPolicy,
  type SamplingUse,
} from '#protocol'
import type { Ledger } from './guard.ts'
import { HELD_ROOTS_MAX, SAMPLING_INTERVAL_MS, SAMPLING_TENANTS_MAX } from './limits.ts'
import type { SilentSpan } from './recorder.ts'
import { FLAG_SAMPLED, Span, WaitingSpan, type SpanContext, type SpanStart } from './span.ts'
import { TokenBucket } from './token-bucket.ts'

type Start = Omit<SpanStart, 'parent' | 'traceState'>

/** A root to be; only a request may be held until its end. */
export type Root = Start & { readonly request: Request | undefined }

/** What is read of one. */
export type Request = {
  readonly request: { readonly method?: string; readonly url?: string }
  readonly baggage: Baggage
}

/** Of this process: what restraints may be on besides the request. */
export type HeadParts = {
  readonly service: string
  readonly resource: ReadonlyMap<string, unknown>
  readonly tenantOf: (baggage: Baggage) => string | undefined
  /** Of the root sampler, for traces that no policy applies to. */
  readonly rootThreshold: string
  readonly ledger: Ledger
  readonly nowMs: () => number
  /** Of the execution that is current. */
  readonly currentTraceId: () => string | undefined
}

export class HeadSampling {
  /** Some policy may apply in this process. */
  isOn = false
  readonly #parts: HeadParts
  /** By a believed state. */
  #told: readonly ActivePolicy[] = []
  #chosen: ActivePolicy | undefined
  /** All of them. */
  #active: readonly ActivePolicy[] = []
  #global = new TokenBucket(0, 0)
  /** By name; the least recently used goes. */
  readonly #tenants = new Map<string, TokenBucket>()
  #perSecondOfTenant = 0
  /** Roots that may still be decided anew, by trace id, oldest first. */
  readonly #held = new Map<string, Held>()

  constructor(parts: HeadParts) {
    this.#parts = parts
  }

  /**
   * Replaces all policies by those of a believed state; one that stays as it is keeps its counts. What
   * cannot be understood is left out and counted.
   */
  become(sampling: unknown): void {
    const told = stateOf(sampling)
    const isFirst = this.#told.length === 0
    const nowMs = this.#parts.nowMs()
    const before = new Map(this.#told.map((one) => [one.text, one]))
    this.#told = told.policies.slice(0, SAMPLING_POLICIES_MAX).flatMap((json) => {
      const read = readSamplingPolicy(json)
      if ('wrong' in read) {
        this.#parts.ledger.count('sampling-policy-refused')
        return []
      }
      const { policy } = read
      if (!policy.restraints.every((one) => isMetHere(one, this.#parts))) return []
      const text = JSON.stringify(policy)
      const active = before.get(text) ?? new ActivePolicy(policy, text, nowMs)
      active.become(shareOf(told.shares[policy.name]), nowMs)
      return [active]
    })
    const share = shareOf(told.share)
    if (isFirst) this.#global = new TokenBucket(told.perSecond * share, nowMs)
    else this.#global.become(told.perSecond * share, nowMs)
    this.#perSecondOfTenant = told.perSecondOfTenant * share
    for (const bucket of this.#tenants.values()) bucket.become(this.#perSecondOfTenant, nowMs)
    this.#activate()
  }

  /** Some tool may choose a trace at any point of its request: roots are held until their end. */
  setChoosing(isChoosing: boolean): void {
    if (isChoosing === (this.#chosen !== undefined)) return
    this.#chosen = isChoosing ? new ActivePolicy(CHOSEN, '', this.#parts.nowMs()) : undefined
    this.#activate()
  }

  #activate(): void {
    this.#active = this.#chosen === undefined ? this.#told : [...this.#told, this.#chosen]
    this.isOn = this.#active.length > 0
    if (!this.isOn) this.#held.clear()
  }

  get isHolding(): boolean {
    return this.#held.size > 0
  }

  /** Advice for the tracepoints that policies name as marks. */
  get marks(): readonly CompiledAdvice[] {
    const names = new Set(this.#told.flatMap(({ marks }) => marks))
    return [...names].map((tracepoint) => ({
      tool: 'sampling',
      tracepoint,
      vars: [],
      cost: 1,
      packs: false,
      acts: [],
      run: (_, weight = 1) => this.#reached(tracepoint, weight),
    }))
  }

  use(): readonly SamplingUse[] {
    return this.#told.map(({ policy, seen, kept, refused }) => ({
      policy: policy.name,
      seen,
      kept,
      refused,
    }))
  }

  /** Decides about a root. */
  begin({ request, ...start }: Root): Span | SilentSpan {
    const nowMs = this.#parts.nowMs()
    const facts = request === undefined ? undefined : this.#factsOf(request)
    const applying: ActivePolicy[] = []
    const open: Open[] = []
    for (const active of this.#active) {
      if (active.isOver(nowMs) || !active.isAsked(facts)) continue
      const missing = active.missing(facts)
      if (missing.length === 0) applying.push(active)
      else if (facts !== undefined) open.push({ active, missing })
    }
    const of = { randomness: randomnessOf(start.traceId), tenant: facts?.tenant ?? '', nowMs, weight: 1 }
    const decision =
      applying.length === 0
        ? { ...UNDECIDED, threshold: this.#parts.rootThreshold }
        : this.#decide(applying, UNDECIDED, of)
    const root = begun(start, {
      decision,
      isSampled: of.randomness >= decision.threshold,
      mayWait: open.length > 0,
    })
    if (root instanceof Span || root instanceof WaitingSpan) {
      if (open.length > 0) this.#hold({ root, decision, open, randomness: of.randomness, tenant: of.tenant })
    }
    return root
  }

  /** Decides about a root that somebody else will record: what is known now is all that counts. */
  reserve(given: Pick<Root, 'traceId' | 'spanId' | 'request'>): SpanContext {
    const { traceId, spanId } = given
    const root = this.begin({ ...given, name: '', kind: 0, scope: NOBODY, startMs: 0 })
    if (root instanceof Span || root instanceof WaitingSpan) this.ended(root)
    return { traceId, spanId, traceFlags: root.traceFlags, traceState: root.traceState }
  }

  #factsOf({ request, baggage }: Request): Facts {
    const url = request.url ?? '/'
    const question = url.indexOf('?')
    return {
      method: request.method ?? '',
      path: question < 0 ? url : url.slice(0, question),
      tenant: this.#parts.tenantOf(baggage),
    }
  }

  /** The root is at its end: gives what of it is recorded. */
  ended(root: Span | WaitingSpan): Span | undefined {
    if (this.#held.get(root.traceId)?.root === root) this.#held.delete(root.traceId)
    return root instanceof Span ? root : root.recorded
  }

  /** The request that is current belongs to this tenant. */
  tenantNamed(tenant: string): void {
    const held = this.#heldHere()
    if (held === undefined) return
    held.tenant = tenant
    this.#meet(held, (one) => one.attribute === 'tenant' && one.isMet(tenant), 1)
  }

  /** A hit of a tool, which stands for `weight` of them, wants the trace of this span. */
  choose(span: SpanContext | undefined, weight: number): void {
    const held = span === undefined ? undefined : this.#held.get(span.traceId)
    if (held !== undefined) this.#meet(held, (one) => one.attribute === 'mark' && one.value === '', weight)
    else if (span === undefined || (span.traceFlags & FLAG_SAMPLED) === 0)
      this.#parts.ledger.count('sample-not-at-root')
  }

  #reached(mark: string, weight: number): void {
    const held = this.#heldHere()
    if (held !== undefined) this.#meet(held, (one) => one.attribute === 'mark' && one.value === mark, weight)
  }

  #heldHere(): Held | undefined {
    const traceId = this.#held.size === 0 ? undefined : this.#parts.currentTraceId()
    return traceId === undefined ? undefined : this.#held.get(traceId)
  }

  /** Some open restraints are met now: policies that have none left apply. */
  #meet(held: Held, isMet: (one: Restraint) => boolean, weight: number): void {
    const { randomness, tenant, decision } = held
    // Of hits that stand for others most are not seen: what was decided before holds for all of them.
    if (weight > 1 && decision.threshold !== NEVER) return
    const nowMs = this.#parts.nowMs()
    const left = held.open.map(({ active, missing }) => ({
      active,
      missing: missing.filter((one) => !isMet(one)),
    }))
    held.open = left.filter(({ missing }) => missing.length > 0)
    const applying = left.filter(({ active, missing }) => missing.length === 0 && !active.isOver(nowMs))
    if (held.open.length === 0) this.#held.delete(held.root.traceId)
    if (applying.length === 0) return
    const policies = applying.map(({ active }) => active)
    held.decision = this.#decide(policies, decision, { randomness, tenant, nowMs, weight })
    if (randomness >= held.decision.threshold) record(held)
  }

  /** `before`: what was decided already, which no policy takes back. */
  #decide(
    applying: readonly ActivePolicy[],
    before: Decision,
    of: {
      readonly randomness: string
      readonly tenant: string
      readonly nowMs: number
      readonly weight: number
    },
  ): Decision {
    const { randomness, tenant, nowMs, weight } = of
    const bucket = applying.some(({ isRate }) => isRate) ? this.#bucketOf(tenant, nowMs) : undefined
    const hasToken = (bucket?.has(nowMs) ?? true) && this.#global.has(nowMs)
    const able: ActivePolicy[] = []
    for (const active of applying) if (active.isAble(nowMs, hasToken)) able.push(active)
    const lowest = able.reduce((low, { threshold }) => (threshold < low ? threshold : low), before.threshold)
    const takers = able.filter(({ threshold }) => randomness >= threshold)
    if (lowest === NEVER) applying.find(({ isRate }) => isRate)?.owe(tenant, weight)
    if (takers.some(({ isRate }) => isRate)) {
      this.#global.take()
      bucket?.take()
    }
    return {
      threshold: lowest,
      weight: Math.max(before.weight, weight),
      owed: takers.reduce((sum, active) => sum + active.take(tenant), before.owed),
      detail: takers.reduce((level, { policy }) => finer(level, policy.levelOfDetail), before.detail),
      isWanted: before.isWanted || takers.length > 0,
    }
  }

  /** Traces of no tenant are limited by their policy alone. */
  #bucketOf(tenant: string, nowMs: number): TokenBucket | undefined {
    if (tenant === '') return undefined
    const bucket = this.#tenants.get(tenant) ?? new TokenBucket(this.#perSecondOfTenant, nowMs)
    this.#tenants.delete(tenant)
    this.#tenants.set(tenant, bucket)
    if (this.#tenants.size > SAMPLING_TENANTS_MAX) forgetOldest(this.#tenants)
    return bucket
  }

  #hold(held: Held): void {
    this.#held.set(held.root.traceId, held)
    if (this.#held.size <= HELD_ROOTS_MAX) return
    forgetOldest(this.#held)
    this.#parts.ledger.count('sampling-root-forgotten')
  }
}

type Facts = { readonly method: string; readonly path: string; readonly tenant: string | undefined }

/** What acts of tools are to roots: a mark without a name, which no advice of a policy is at. */
const CHOSEN: SamplingPolicy = {
  name: '',
  owner: '',
  strategy: { kind: 'probability', probability: 1 },
  restraints: [{ attribute: 'mark', test: 'equals', value: '' }],
  levelOfDetail: 'normal',
}

const NOBODY = { name: '', version: '' }

type Decision = {
  readonly threshold: string
  /** Hits of a mark that the one seen stands for. */
  readonly weight: number
  /** Whole traces of the same tenant that this one stands for besides. */
  readonly owed: number
  /** undefined = no policy chose this trace. */
  readonly detail: LevelOfDetail | undefined
  readonly isWanted: boolean
}

const UNDECIDED: Decision = { threshold: NEVER, weight: 1, owed: 0, detail: undefined, isWanted: false }

type Restraint = {
  readonly attribute: string
  readonly value: string
  readonly isMet: (text: string) => boolean
}
type Open = { readonly active: ActivePolicy; readonly missing: readonly Restraint[] }

type Held = {
  readonly root: Span | WaitingSpan
  readonly randomness: string
  decision: Decision
  open: readonly Open[]
  tenant: string
}

function begun(
  start: Start,
  how: { readonly decision: Decision; readonly isSampled: boolean; readonly mayWait: boolean },
): Span | SilentSpan {
  if (how.isSampled) return new Span({ ...start, parent: undefined, traceState: stateText(how.decision) })
  if (how.mayWait) return new WaitingSpan(start)
  return { traceId: start.traceId, spanId: start.spanId, traceFlags: 0, isSilent: true }
}

/** Spans that end later tell the new decision; the root's counts. */
function record({ root, decision }: Held): void {
  const span =
    root instanceof Span ? root : (root.recorded ??= new Span({ ...root.start, parent: undefined }))
  span.traceState = stateText(decision)
}

/** Weight = 1/p + owed: th says 1/p, and `w` the rest, as a factor. */
function stateText({ threshold, weight, owed, detail, isWanted }: Decision): string {
  if (!isWanted && threshold === KEEPS_ALL) return ''
  const factor = weight + probabilityOf(threshold) * owed
  return writeTraceState({ threshold, factor, detail: detail ?? 'normal', isWanted })
}

const KEEPS_ALL = thresholdOf(1)

const LEVELS: readonly LevelOfDetail[] = ['coarse', 'normal', 'fine']
const finer = (a: LevelOfDetail | undefined, b: LevelOfDetail): LevelOfDetail =>
  a !== undefined && LEVELS.indexOf(a) > LEVELS.indexOf(b) ? a : b

/** A policy at work in this process. */
class ActivePolicy {
  readonly policy: SamplingPolicy
  readonly text: string
  readonly isRate: boolean
  seen = 0
  kept = 0
  refused = 0
  /** Of this interval. */
  threshold: string
  readonly #perSecond: number
  readonly #bucket: TokenBucket
  readonly #request: readonly Restraint[]
  readonly #later: readonly Restraint[]
  /** Whole traces by tenant that found no token. */
  readonly #debts = new Map<string, number>()
  #sharePerSecond = 0
  #intervalMs: number
  #seenBefore = 0
  /** Roots a second; NaN until one interval is over. */
  #demand = Number.NaN

  constructor(policy: SamplingPolicy, json: string, nowMs: number) {
    const { strategy } = policy
    this.policy = policy
    this.text = json
    this.isRate = strategy.kind === 'rate'
    this.#perSecond = strategy.kind === 'rate' ? strategy.perSecond : 0
    this.threshold = strategy.kind === 'rate' ? KEEPS_ALL : thresholdOf(strategy.probability)
    this.#bucket = new TokenBucket(this.#perSecond, nowMs)
    this.#intervalMs = nowMs
    const restraints = policy.restraints.map(({ attribute, test, value }) => ({
      attribute,
      value,
      isMet: (text: string) => (test === 'glob' ? matchesGlob(text, value) : text === value),
    }))
    this.#request = restraints.filter(({ attribute }) => attribute.startsWith('http.'))
    this.#later = restraints.filter(({ attribute }) => attribute === 'mark' || attribute === 'tenant')
  }

  get marks(): readonly string[] {
    return this.#later.flatMap(({ attribute, value }) => (attribute === 'mark' ? [value] : []))
  }

  become(share: number, nowMs: number): void {
    this.#sharePerSecond = this.#perSecond * share
    this.#bucket.become(this.#sharePerSecond, nowMs)
  }

  isOver(nowMs: number): boolean {
    return this.policy.endsMs !== undefined && nowMs >= this.policy.endsMs
  }

  /** As far as the request says. */
  isAsked(facts: Facts | undefined): boolean {
    if (this.#request.length === 0) return true
    if (facts === undefined) return false
    return this.#request.every((one) => one.isMet(one.attribute === 'http.route' ? facts.path : facts.method))
  }

  /** What is not met yet. */
  missing(facts: Facts | undefined): readonly Restraint[] {
    if (this.#later.length === 0) return this.#later
    const tenant = facts?.tenant
    return this.#later.filter((one) => one.attribute === 'mark' || tenant === undefined || !one.isMet(tenant))
  }

  /** A root that it applies to is here: may it be taken? Before anybody looks at its randomness. */
  isAble(nowMs: number, hasToken: boolean): boolean {
    if (this.isRate) this.#turn(nowMs)
    this.seen += 1
    if (!this.isRate || (hasToken && this.#bucket.has(nowMs))) return true
    this.refused += 1
    return false
  }

  /** Gives what this one stands for besides. */
  take(tenant: string): number {
    this.kept += 1
    if (!this.isRate) return 0
    this.#bucket.take()
    const owed = this.#debts.get(tenant) ?? 0
    this.#debts.delete(tenant)
    return owed
  }

  owe(tenant: string, weight: number): void {
    this.#debts.set(tenant, (this.#debts.get(tenant) ?? 0) + weight)
    if (this.#debts.size > SAMPLING_TENANTS_MAX) forgetOldest(this.#debts)
  }

  /** p of an interval comes from the demand before it, and stays as it is until the next. */
  #turn(nowMs: number): void {
    const ms = nowMs - this.#intervalMs
    if (ms < SAMPLING_INTERVAL_MS) return
    const now = ((this.seen - this.#seenBefore) * 1000) / ms
    this.#demand = Number.isNaN(this.#demand) ? now : this.#demand + DEMAND_WEIGHT * (now - this.#demand)
    this.#intervalMs = nowMs
    this.#seenBefore = this.seen
    this.threshold = thresholdOf(this.#sharePerSecond / Math.max(this.#demand, this.#sharePerSecond))
  }
}

/** Of the newest interval: half of a step is followed at once, nearly all of it after four. */
const DEMAND_WEIGHT = 0.5

function forgetOldest(map: Map<string, unknown>): void {
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}

/** Restraints on what is the same for all that this process does. */
function isMetHere(
  { attribute, test, value }: SamplingPolicy['restraints'][number],
  { service, resource }: HeadParts,
): boolean {
  const here =
    attribute === 'service.name'
      ? service
      : attribute.startsWith('resource.')
        ? resource.get(attribute.slice('resource.'.length))
        : undefined
  if (here === undefined) return !attribute.startsWith('resource.')
  return test === 'glob' ? matchesGlob(String(here), value) : String(here) === value
}

type Told = {
  readonly policies: readonly unknown[]
  readonly shares: { readonly [policy: string]: unknown }
  readonly share: unknown
  readonly perSecond: number
  readonly perSecondOfTenant: number
}

function stateOf(sampling: unknown): Told {
  const held: { readonly [member: string]: unknown } = { ...Object(sampling) }
  return {
    policies: Array.isArray(held['policies']) ? held['policies'] : [],
    shares: { ...Object(held['shares']) },
    share: held['share'],
    perSecond: rateOf(held['perSecond']),
    perSecondOfTenant: rateOf(held['perSecondOfTenant']),
  }
}

const isPlain = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const rateOf = (value: unknown): number => (isPlain(value) && value >= 0 ? value : 0)
const shareOf = (value: unknown): number => (isPlain(value) && value >= 0 && value <= 1 ? value : 1)
