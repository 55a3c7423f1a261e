// Sampling policies and the tail rule, as operators set them: kept in sampling.json, told to agents with the
// desired state, ended at their time.
//
//   set, remove, end ──► sampling.json (synced) ──► new version of desired state ──► agents
//   report (seen so far) ──► demand of each agent ──► shares of the rates ──► told anew, same version
//   tail rule ──► trace worker
//
// Demand is measured, never stored: after a restart agents have equal shares until they have reported twice.

import {
  readSamplingPolicy,
  readTailRule,
  SAMPLING_POLICIES_MAX,
  type AgentReport,
  type SamplingPolicy,
  type SamplingPolicyView,
  type SamplingState,
  type TailRule,
} from '#protocol'
import type { Agents } from './agents.ts'
import { readIfThere, replaceFile } from './files.ts'
import {
  SAMPLED_PER_SECOND,
  SAMPLED_PER_SECOND_OF_TENANT,
  SAMPLING_DEMAND_MS_MIN,
  SAMPLING_TICK_MS,
  SHARES_EVERY_TICKS,
} from './limits.ts'
import { RequestError, ServerError } from './server-error.ts'
import { isMoved, sharesOf } from './shares.ts'

type SavedPolicy = SamplingPolicy & { readonly setBy: string; readonly setMs: number }
type Saved = { readonly policies: readonly SavedPolicy[]; readonly tail: TailRule | undefined }

type Parts = {
  readonly file: string
  readonly agents: Agents
  readonly nowMs: () => number
  /** What agents shall do is another: `isNew` = a new version, else only shares moved. */
  readonly onChange: (isNew: boolean) => void
  readonly onTail: (rule: TailRule | undefined) => void
}

/** By policy, as last reported by one agent. */
type Seen = { readonly seen: number; readonly timeMs: number; readonly perSecond: number }

/** Of all rate policies together, beside the names of policies. */
const ALL = ''

/** Owned by the server; `close` ends its timer. */
export class Sampling {
  readonly #parts: Parts
  readonly #timer: NodeJS.Timeout
  #saved: Saved
  readonly #demand = new Map<string, Map<string, Seen>>()
  /** By policy, then by agent. */
  #shares: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map()
  #ticks = 0

  /** Errors: E_DATA_DAMAGED. */
  constructor(parts: Parts) {
    this.#parts = parts
    this.#saved = readSaved(parts.file)
    this.#timer = setInterval(() => this.tick(), SAMPLING_TICK_MS)
    this.#timer.unref()
  }

  get tail(): TailRule | undefined {
    return this.#saved.tail
  }

  get policies(): readonly SamplingPolicyView[] {
    const reports = this.#parts.agents.views().flatMap(({ report }) => report?.sampling ?? [])
    return this.#live().map((policy) => {
      const uses = reports.filter((use) => use.policy === policy.name)
      const sum = (pick: 'seen' | 'kept' | 'refused'): number =>
        uses.reduce((total, use) => total + use[pick], 0)
      const use = { agents: uses.length, seen: sum('seen'), kept: sum('kept'), refused: sum('refused') }
      return { ...policy, use }
    })
  }

  /** Errors: 409 when there are too many. */
  checkRoom(name: string): void {
    const others = this.#live().filter((policy) => policy.name !== name)
    if (others.length < SAMPLING_POLICIES_MAX) return
    throw new RequestError(
      409,
      'E_TOO_MANY_POLICIES',
      `there are ${SAMPLING_POLICIES_MAX} sampling policies`,
      'remove one',
    )
  }

  /** Call `checkRoom` before. */
  set(policy: SamplingPolicy, by: string): void {
    const saved = { ...policy, setBy: by, setMs: this.#parts.nowMs() }
    const others = this.#live().filter(({ name }) => name !== policy.name)
    this.#change([...others, saved])
  }

  /** False = there was none. */
  remove(name: string): boolean {
    const left = this.#live().filter((policy) => policy.name !== name)
    if (left.length === this.#live().length) return false
    this.#change(left)
    return true
  }

  setTail(tail: TailRule | undefined): void {
    this.#save({ ...this.#saved, tail })
    this.#parts.onTail(tail)
  }

  /** undefined = there are no policies. */
  stateFor(agent: string): SamplingState | undefined {
    const policies = this.#live()
    if (policies.length === 0) return undefined
    const rates = policies.filter(({ strategy }) => strategy.kind === 'rate')
    return {
      policies: policies.map(wanted),
      shares: Object.fromEntries(rates.map(({ name }) => [name, this.#shareOf(name, agent)])),
      share: this.#shareOf(ALL, agent),
      perSecond: SAMPLED_PER_SECOND,
      perSecondOfTenant: SAMPLED_PER_SECOND_OF_TENANT,
    }
  }

  /** Reports come in order; one that is repeated says nothing new. */
  take({ agent, timeMs, sampling = [] }: AgentReport): void {
    if (sampling.length === 0) return void this.#demand.delete(agent)
    const before = this.#demand.get(agent)
    const now = new Map<string, Seen>()
    const rates = new Set(
      this.#live().flatMap(({ name, strategy }) => (strategy.kind === 'rate' ? name : [])),
    )
    const uses = sampling.flatMap(({ policy, seen }) => (rates.has(policy) ? { name: policy, seen } : []))
    const all = { name: ALL, seen: uses.reduce((sum, { seen }) => sum + seen, 0) }
    for (const { name, seen } of [...uses, all]) now.set(name, seenNow(before?.get(name), seen, timeMs))
    this.#demand.set(agent, now)
  }

  /** Ends what is over; every few ticks shares follow demand. */
  tick(): void {
    const live = this.#live()
    if (live.length < this.#saved.policies.length) this.#change(live)
    this.#ticks += 1
    if (this.#ticks % SHARES_EVERY_TICKS !== 0) return
    const before = this.#shares
    this.#shares = this.#sharesNow()
    const none = new Map<string, number>()
    if ([...this.#shares].some(([name, shares]) => isMoved(before.get(name) ?? none, shares)))
      this.#parts.onChange(false)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #live(): readonly SavedPolicy[] {
    const nowMs = this.#parts.nowMs()
    return this.#saved.policies.filter(({ endsMs }) => endsMs === undefined || nowMs < endsMs)
  }

  #sharesNow(): Map<string, Map<string, number>> {
    const rates = this.#live().filter(({ strategy }) => strategy.kind === 'rate')
    if (rates.length === 0) return new Map()
    const connected = this.#connected()
    for (const agent of this.#demand.keys()) if (!connected.has(agent)) this.#demand.delete(agent)
    const demandsOf = (name: string): Map<string, number> =>
      new Map(
        [...connected].flatMap((agent): [string, number][] => {
          const seen = this.#demand.get(agent)?.get(name)
          return seen === undefined ? [] : [[agent, seen.perSecond]]
        }),
      )
    return new Map([ALL, ...rates.map(({ name }) => name)].map((name) => [name, sharesOf(demandsOf(name))]))
  }

  /** An agent whose demand is not known yet has an equal part; the next telling brings all into line. */
  #shareOf(name: string, agent: string): number {
    const known = this.#shares.get(name)?.get(agent)
    return known ?? 1 / Math.max(1, this.#connected().size)
  }

  #connected(): Set<string> {
    const views = this.#parts.agents.views().filter(({ isConnected }) => isConnected)
    return new Set(views.map(({ agent }) => agent))
  }

  #change(policies: readonly SavedPolicy[]): void {
    this.#save({ ...this.#saved, policies })
    this.#parts.onChange(true)
  }

  #save(next: Saved): void {
    replaceFile(this.#parts.file, JSON.stringify(next, null, 2))
    this.#saved = next
  }
}

/** As agents are told it: who set it and when is the server's. */
function wanted(saved: SavedPolicy): SamplingPolicy {
  const { name, owner, strategy, restraints, levelOfDetail, endsMs } = saved
  return { name, owner, strategy, restraints, levelOfDetail, ...(endsMs === undefined ? {} : { endsMs }) }
}

function seenNow(before: Seen | undefined, seen: number, timeMs: number): Seen {
  // It got the policy anew, or its clock was set: counts begin again.
  if (before === undefined || seen < before.seen || timeMs < before.timeMs)
    return { seen, timeMs, perSecond: 0 }
  const ms = timeMs - before.timeMs
  if (ms < SAMPLING_DEMAND_MS_MIN) return before
  return { seen, timeMs, perSecond: ((seen - before.seen) * 1000) / ms }
}

/**
 * Refuses to start on a damaged file: a policy that is forgotten silently is a promise broken to its owner.
 */
function readSaved(file: string): Saved {
  const text = readIfThere(file)
  if (text === undefined) return { policies: [], tail: undefined }
  try {
    const { policies, tail } = Object(JSON.parse(text))
    return { policies: policies.map(savedPolicy), tail: tail === undefined ? undefined : savedTail(tail) }
  } catch (cause: unknown) {
    throw new ServerError('E_DATA_DAMAGED', `${file} holds no sampling policies; restore it from a copy`, {
      cause,
    })
  }
}

function savedPolicy(json: unknown): SavedPolicy {
  const read = readSamplingPolicy(json)
  const { setBy, setMs } = Object(json)
  if ('wrong' in read || typeof setBy !== 'string' || typeof setMs !== 'number')
    throw new Error('wrong' in read ? read.wrong : 'setBy and setMs must say who and when')
  return { ...read.policy, setBy, setMs }
}

function savedTail(json: unknown): TailRule {
  const read = readTailRule(json)
  if ('wrong' in read) throw new Error(read.wrong)
  return read.rule
}
