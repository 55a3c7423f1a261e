// From reports to rates: logically one place, no clock, no I/O. The same reports, policies and times give the
// same answers; what it knows it has from reports, so a new one takes over within two seconds.
//
//   take(report) --> Measurements --> step(now): each policy over its own RateTable --> leases by process
//
// Several policies: the lowest rate counts, weights multiply. A dry run has a table like the others, that
// nobody obeys. A rate is split over the processes that have the point, by what passes there now; one that
// has just come gets a little, so that it can show what it needs.

import { Ring } from '#base'
import type { ControlLease, ControlSetting, MeasurementReport } from '#protocol'
import type { Policy } from '#fair'
import { DECISIONS_MAX, LEASE_MS, POLICY_ERRORS_MAX } from './limits.ts'
import { Measurements, type Reception } from './measurements.ts'
import { pictureOf, type Picture } from './picture.ts'
import { blame } from './policies/blame.ts'
import { PolicyError } from './policy-error.ts'
import { RateTable, type LatencyTarget } from './rate-table.ts'
import { reasonsOf, type Reason } from './reasons.ts'
import { splitRate } from './split-rate.ts'

export type PolicyOptions = {
  readonly params?: Readonly<Record<string, number>>
  /** Shows what it would do. */
  readonly isDryRun?: boolean
  /** Without the mends of rate-table.ts, to compare with what was published. */
  readonly isLiteral?: boolean
  /** Names of points at which alone it acts, `*` for any text. Default: all. */
  readonly points?: readonly string[]
}

export type Decision = {
  readonly atMs: number
  readonly policy: string
  readonly isDryRun: boolean
  readonly point: string
  readonly workflow: string
  /** Infinity = no limit. */
  readonly from: number
  readonly to: number
  /** Lifted = it held nobody for ten steps; removed, replaced = its policy was. */
  readonly because: 'decided' | 'lifted' | 'removed' | 'replaced'
  readonly reason: Reason
}

export type PolicyState = {
  readonly name: string
  readonly isDryRun: boolean
  /** What it threw last, while it keeps throwing; after too many times it is stopped. */
  readonly error: string | undefined
  readonly isStopped: boolean
  readonly settings: readonly ControlSetting[]
}

type Running = {
  readonly policy: Policy
  readonly options: PolicyOptions
  readonly table: RateTable
  state: unknown
  errors: number
  error: string | undefined
}

export class Controller {
  readonly measurements = new Measurements()
  #targets = new Map<string, LatencyTarget>()
  #policies = new Map<string, Running>()
  #decisions = new Ring<Decision>(DECISIONS_MAX)
  /** What the system looks like to who decides nothing. */
  readonly #view = new RateTable(this.measurements, this.#targets)
  #wallMs = 0

  /** Begins at the next step; replaces the one of this name, and all that it had set. */
  setPolicy(name: string, policy: Policy, options: PolicyOptions = {}): void {
    this.#recordReleased(name, 'replaced')
    const table = new RateTable(this.measurements, this.#targets, options)
    this.#policies.set(name, { policy, options, table, state: undefined, errors: 0, error: undefined })
  }

  /** What it had set is gone with it. */
  removePolicy(name: string): boolean {
    this.#recordReleased(name, 'removed')
    return this.#policies.delete(name)
  }

  /** undefined takes the target away. */
  setTarget(workflow: string, target: LatencyTarget | undefined): void {
    if (target === undefined) this.#targets.delete(workflow)
    else this.#targets.set(workflow, target)
  }

  /** Replaces all targets. */
  setTargets(targets: ReadonlyMap<string, LatencyTarget>): void {
    this.#targets.clear()
    for (const [workflow, target] of targets) this.#targets.set(workflow, target)
  }

  /** What is asked of all processes together. */
  get effective(): readonly ControlSetting[] {
    return this.#effective()
  }

  get targets(): ReadonlyMap<string, LatencyTarget> {
    return this.#targets
  }

  /**
   * Whose load makes this workflow slow: parts of 1 over all workflows, itself among them (policies leave it
   * out). Empty = nothing can be attributed.
   */
  blame(victim: string): Map<string, number> {
    return blame(this.#view, victim, this.#view.workflows())
  }

  /** What the policy of this name sees now; of another name, what one would see that has set nothing. */
  picture(name: string): Picture {
    return pictureOf(this.#policies.get(name)?.table ?? this.#view)
  }

  /** `nowMs`: on a clock that does not jump. */
  take(report: MeasurementReport, nowMs: number): Reception {
    return this.measurements.take(report, nowMs)
  }

  /**
   * Once a second: lets every policy decide, and says what each process shall do. `nowMs` is of the clock of
   * `take`; decisions are dated by the clock of people, which may jump.
   */
  step(nowMs: number, wallMs = nowMs): ControlLease[] {
    this.#wallMs = wallMs
    this.measurements.expire(nowMs)
    for (const [name, running] of this.#policies) this.#decide(name, running)
    return this.#leases()
  }

  /** Oldest first. */
  get decisions(): readonly Decision[] {
    return this.#decisions.toArray()
  }

  get policies(): readonly PolicyState[] {
    return [...this.#policies].map(([name, { options, table, error, errors }]) => ({
      name,
      isDryRun: options.isDryRun ?? false,
      error,
      isStopped: errors >= POLICY_ERRORS_MAX,
      settings: table.settings(),
    }))
  }

  #decide(name: string, running: Running): void {
    if (running.errors >= POLICY_ERRORS_MAX) return
    const before = ratesOf(running.table)
    try {
      running.state = running.policy.step(running.table, { ...running.options.params }, running.state)
      running.errors = 0
      running.error = undefined
    } catch (error: unknown) {
      running.errors += 1
      running.error = sentenceOf(error)
    }
    const decided = ratesOf(running.table)
    running.table.settle()
    const changes = [
      ...changesOf(before, decided, 'decided'),
      ...changesOf(decided, ratesOf(running.table), 'lifted'),
    ]
    this.#remember({ name, isDryRun: running.options.isDryRun ?? false, changes })
  }

  #recordReleased(name: string, because: 'removed' | 'replaced'): void {
    const running = this.#policies.get(name)
    if (running === undefined) return
    const changes = changesOf(ratesOf(running.table), new Map(), because)
    this.#remember({ name, isDryRun: running.options.isDryRun ?? false, changes })
  }

  #remember(made: {
    readonly name: string
    readonly isDryRun: boolean
    readonly changes: readonly Change[]
  }): void {
    const { name: policy, isDryRun, changes } = made
    if (changes.length === 0) return
    const atMs = this.#wallMs
    const reasonOf = reasonsOf(this.#view)
    const reasons = new Map<string, Reason>()
    for (const { id, from, to, because } of changes) {
      const [point = '', workflow = ''] = id.split('\n')
      const reason = reasons.get(workflow) ?? reasonOf(workflow)
      reasons.set(workflow, reason)
      this.#decisions.push({ atMs, policy, isDryRun, point, workflow, from, to, because, reason })
    }
  }

  #leases(): ControlLease[] {
    const leases = new Map<string, Map<string, ControlSetting>>(
      this.measurements.processes.map((process) => [process, new Map()]),
    )
    for (const setting of this.#effective())
      for (const { process, point, rate } of this.#split(setting)) {
        const settings = leases.get(process)
        if (settings !== undefined) tighten(settings, { ...setting, point, rate })
      }
    return [...leases].map(([process, settings]) => ({
      process,
      forMs: LEASE_MS,
      settings: [...settings.values()],
    }))
  }

  /** Of all policies that are obeyed. */
  #effective(): ControlSetting[] {
    const all = new Map<string, ControlSetting>()
    for (const { table, options, errors } of this.#policies.values()) {
      if (options.isDryRun === true || errors >= POLICY_ERRORS_MAX) continue
      for (const setting of table.settings()) tighten(all, setting)
    }
    return [...all.values()]
  }

  /** What is set for one instance, `point@process`, holds there alone. */
  #split({ point, workflow, rate }: ControlSetting): { process: string; point: string; rate: number }[] {
    const seen = this.measurements
    const { name, processes } = seen.placesOf(point)
    const parts = splitRate(
      rate,
      processes.map((process) => seen.throughputAt(name, workflow, process)),
    )
    return processes.map((process, i) => ({ process, point: name, rate: parts[i] ?? rate }))
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof PolicyError) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}

/** Of two settings for the same the lower rate counts, the shorter time, and the product of weights. */
function tighten(all: Map<string, ControlSetting>, setting: ControlSetting): void {
  const id = `${setting.point}\n${setting.workflow}`
  const other = all.get(id)
  if (other === undefined) {
    all.set(id, setting)
    return
  }
  const limits = [setting.limitMs, other.limitMs].filter((limit) => limit !== undefined)
  all.set(id, {
    point: setting.point,
    workflow: setting.workflow,
    rate: Math.min(setting.rate, other.rate),
    weight: setting.weight * other.weight,
    ...(limits.length > 0 ? { limitMs: Math.min(...limits) } : {}),
  })
}

type Change = {
  /** Point and workflow. */
  readonly id: string
  readonly from: number
  readonly to: number
  readonly because: Decision['because']
}

function changesOf(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  because: Decision['because'],
): Change[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((id) => {
    const from = before.get(id) ?? Number.POSITIVE_INFINITY
    const to = after.get(id) ?? Number.POSITIVE_INFINITY
    return from === to ? [] : [{ id, from, to, because }]
  })
}

function ratesOf(table: RateTable): Map<string, number> {
  return new Map(table.settings().map(({ point, workflow, rate }) => [`${point}\n${workflow}`, rate]))
}
