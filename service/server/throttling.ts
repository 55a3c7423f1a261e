// The controller at work: reports of agents go in, once a second policies decide, orders go out over the
// agents' streams, signed. What shall run is kept in policies.json; everything else comes from reports again.
//
//   report.measured --take--> Controller --step, each second--> order for each agent --> its stream
//   PUT policies/{name} --> policies.json --> Controller     those of users think first (policy-files.ts)
//
// An agent hears an order while it has settings, and once more when they are gone; silence ends its lease.

import { sign } from 'node:crypto'
import { encodeBase64Url } from '#base'
import { Controller, History, POLICIES, POLICY_NOTES, PolicyError } from '#control'
import type {
  AgentReport,
  BlameView,
  ControlHistory,
  ControlLease,
  ControlOrder,
  ControlView,
  PointView,
  PolicyDefinition,
  PolicyEpisode,
  PolicyTypeView,
  PolicyView,
  ResourceView,
  SignedState,
  TenantView,
} from '#protocol'
import type { Agents } from './agents.ts'
import {
  blameOf,
  decisionView,
  episodesShown,
  finite,
  historyView,
  pointsOf,
  resourcesOf,
  tenantsOf,
} from './control-views.ts'
import type { DataDir } from './data-dir.ts'
import { readIfThere, replaceFile } from './files.ts'
import { CONTROL_STEP_MS, DECISIONS_SHOWN, POLICIES_MAX } from './limits.ts'
import { isPolicyFile, PolicyFiles } from './policy-files.ts'
import type { PolicyProcess } from './policy-process.ts'
import { RequestError, ServerError } from './server-error.ts'

type Saved = { readonly [name: string]: PolicyDefinition }
type Parts = {
  readonly dataDir: DataDir
  readonly agents: Agents
  /** For people: it may jump. */
  readonly nowMs: () => number
  /** For who is silent, and for how long: it does not. */
  readonly monotonicMs: () => number
}

export class Throttling {
  readonly #parts: Parts
  readonly #file: string
  readonly #controller = new Controller()
  readonly #history = new History()
  readonly #files: PolicyFiles
  readonly #listeners = new Map<string, Set<(order: SignedState) => void>>()
  readonly #steps: NodeJS.Timeout
  /** By agent, the order it obeyed last: a server that begins anew goes on from there. */
  readonly #obeyed = new Map<string, number>()
  #lastSentMs = 0
  #isThinking = false
  /** Agents that were told to hold somebody. */
  #holding = new Set<string>()
  #saved: Saved

  /** Errors: ServerError E_DATA_DAMAGED. */
  constructor(parts: Parts) {
    this.#parts = parts
    this.#file = `${parts.dataDir.dir}/policies.json`
    this.#files = new PolicyFiles(parts.dataDir.dir)
    this.#saved = readSaved(this.#file)
    for (const [name, definition] of Object.entries(this.#saved)) this.#run(name, definition)
    this.#steps = setInterval(() => void this.#step(), CONTROL_STEP_MS)
    this.#steps.unref()
  }

  take({ agent, seq, measured }: AgentReport): void {
    if (measured === undefined) return
    if (measured.obeyed !== undefined && measured.obeyed > 0) this.#obeyed.set(agent, measured.obeyed)
    this.#controller.take({ ...measured, process: agent, sequence: seq }, this.#parts.monotonicMs())
  }

  /** Called with each order for this agent; the result ends it. */
  listen(agent: string, fn: (order: SignedState) => void): () => void {
    const all = this.#listeners.get(agent) ?? new Set()
    this.#listeners.set(agent, all)
    all.add(fn)
    return () => {
      all.delete(fn)
      if (all.size === 0) this.#listeners.delete(agent)
    }
  }

  /** Errors: RequestError E_UNKNOWN_POLICY, E_TOO_MANY_POLICIES; E_POLICY_..., what is wrong with a file. */
  async put(name: string, definition: PolicyDefinition): Promise<void> {
    const child = await this.#tryOut(name, definition)
    if (!Object.hasOwn(this.#saved, name) && Object.keys(this.#saved).length >= POLICIES_MAX) {
      child?.close()
      throw new RequestError(409, 'E_TOO_MANY_POLICIES', `at most ${POLICIES_MAX} policies`, 'remove one')
    }
    this.#save({ ...this.#saved, [name]: definition })
    this.#run(name, definition, child)
    this.#setTargets()
  }

  /** False = there was none. */
  remove(name: string): boolean {
    if (!Object.hasOwn(this.#saved, name)) return false
    this.#save(Object.fromEntries(Object.entries(this.#saved).filter(([other]) => other !== name)))
    this.#controller.removePolicy(name)
    this.#files.stop(name)
    this.#setTargets()
    return true
  }

  policies(): PolicyView[] {
    const states = this.#controller.policies
    const decisions = this.#controller.decisions
    return Object.entries(this.#saved).map(([name, definition]) => {
      const state = states.find((one) => one.name === name)
      return {
        name,
        ...definition,
        ...(state?.error === undefined ? {} : { error: state.error }),
        isStopped: state?.isStopped ?? false,
        settings: (state?.settings ?? []).map(({ point, workflow, rate, weight, limitMs }) => ({
          point,
          tenant: workflow,
          ...finite('rate', rate),
          weight,
          ...finite('limitMs', limitMs),
        })),
        decisions: decisions
          .filter(({ policy }) => policy === name)
          .slice(-DECISIONS_SHOWN)
          .map(decisionView),
      }
    })
  }

  tenants(): TenantView[] {
    return tenantsOf(this.#controller)
  }

  resources(): ResourceView[] {
    return resourcesOf(this.#controller, this.#services())
  }

  points(): PointView[] {
    return pointsOf(this.#controller)
  }

  blame(): BlameView[] {
    return blameOf(this.#controller)
  }

  episodes(of: {
    readonly policy?: string | undefined
    readonly tenant?: string | undefined
  }): PolicyEpisode[] {
    return episodesShown(this.#controller.decisions, of)
  }

  /** What can be set. */
  types(): PolicyTypeView[] {
    const ours = Object.entries(POLICY_NOTES).map(([policy, { does, needsTargets, params }]) => ({
      policy,
      does,
      needsTargets,
      params: Object.entries(params).map(([name, { value, says }]) => ({ name, value, says })),
    }))
    return [...ours, ...this.#files.types()]
  }

  view(): ControlView {
    return {
      timeMs: this.#parts.nowMs(),
      tenants: this.tenants(),
      resources: this.resources(),
      points: this.points(),
      policies: this.policies(),
      blame: this.blame(),
      episodes: this.episodes({}),
    }
  }

  history(): ControlHistory {
    return historyView(this.#history.past)
  }

  close(): void {
    clearInterval(this.#steps)
    this.#files.close()
    this.#listeners.clear()
  }

  #services(): Map<string, string> {
    return new Map(this.#parts.agents.views().map(({ agent, service }) => [agent, service]))
  }

  async #step(): Promise<void> {
    if (this.#isThinking) return
    this.#isThinking = true
    await this.#files.think((name) => this.#controller.picture(name))
    this.#isThinking = false
    this.#decide()
    for (const { name, isStopped } of this.#controller.policies) if (isStopped) this.#files.stop(name)
  }

  #decide(): void {
    const holding = new Set<string>()
    for (const agent of this.#obeyed.keys())
      if (!this.#controller.measurements.has(agent)) this.#obeyed.delete(agent)
    const nowMs = this.#parts.nowMs()
    const leases = this.#controller.step(this.#parts.monotonicMs(), nowMs)
    this.#history.note(this.#controller.measurements, nowMs, new Set(this.#controller.targets.keys()))
    for (const lease of leases) {
      if (lease.settings.length > 0) holding.add(lease.process)
      if (lease.settings.length > 0 || this.#holding.has(lease.process)) this.#tell(lease)
    }
    this.#holding = holding
  }

  #tell({ process, forMs, settings }: ControlLease): void {
    const listeners = this.#listeners.get(process)
    if (listeners === undefined) return
    // No limit is not said, for JSON has no Infinity: what an order does not name is held by nobody.
    const said = settings.flatMap((setting) => {
      const { rate, ...others } = setting
      if (rate < Number.POSITIVE_INFINITY) return [setting]
      return others.weight !== 1 || others.limitMs !== undefined ? [others] : []
    })
    const sentMs = this.#nextSentMs(process)
    const order: ControlOrder = { control: 1, agent: process, sentMs, forMs, settings: said }
    const payload = Buffer.from(JSON.stringify(order))
    const signed = {
      payload: encodeBase64Url(payload),
      signature: encodeBase64Url(sign(null, payload, this.#parts.dataDir.signingKey)),
      publicKey: this.#parts.dataDir.publicKey,
    }
    for (const listener of listeners) listener(signed)
  }

  /**
   * Larger than any before, of ours or of a server before us; of a clock that does not jump while we run.
   * What an agent says it obeyed only counts for that agent.
   */
  #nextSentMs(agent: string): number {
    const nowMs = Math.round(performance.timeOrigin + performance.now())
    this.#lastSentMs = Math.max(nowMs, this.#lastSentMs + 1)
    return Math.max(this.#lastSentMs, (this.#obeyed.get(agent) ?? 0) + 1)
  }

  /** Before it replaces one that works. undefined = it is built in. */
  async #tryOut(name: string, { policy, params = {} }: PolicyDefinition): Promise<PolicyProcess | undefined> {
    if (Object.hasOwn(POLICIES, policy)) return undefined
    if (!this.#files.has(policy)) {
      const all = this.types().map((type) => type.policy)
      const hint = `there are ${all.join(', ')}; your own are files in DIR/policies: docs/guides/policies.md`
      throw new RequestError(400, 'E_UNKNOWN_POLICY', `there is no policy '${policy}'`, hint)
    }
    try {
      return await this.#files.tryOut(policy, this.#controller.picture(name), params)
    } catch (error: unknown) {
      if (!(error instanceof PolicyError)) throw error
      const hint = 'mend the file and set it again: docs/guides/policies.md'
      throw new RequestError(400, error.code, `${policy}: ${error.message}`, hint)
    }
  }

  #run(
    name: string,
    { policy, params = {}, points = [], dryRun = false }: PolicyDefinition,
    child?: PolicyProcess,
  ): void {
    this.#files.stop(name)
    const own = () => this.#files.start(name, policy, { params, ...(child && { child }) })
    const found = POLICIES[policy] ?? (isPolicyFile(policy) ? own() : undefined)
    if (found === undefined) return
    const isLiteral = policy.endsWith('-literal')
    this.#controller.setPolicy(name, found, { params, points, isDryRun: dryRun, isLiteral })
    this.#setTargets()
  }

  /** Of all policies together: the tightest for each tenant. */
  #setTargets(): void {
    const all = new Map<string, { seconds: number; statistic: 'mean' | 'p99' }>()
    for (const { targets = {} } of Object.values(this.#saved))
      for (const [tenant, { latencyMs, statistic = 'mean' }] of Object.entries(targets)) {
        const seconds = latencyMs / 1000
        if (seconds < (all.get(tenant)?.seconds ?? Number.POSITIVE_INFINITY))
          all.set(tenant, { seconds, statistic })
      }
    this.#controller.setTargets(all)
  }

  #save(saved: Saved): void {
    replaceFile(this.#file, `${JSON.stringify(saved, null, 1)}\n`)
    this.#saved = saved
  }
}

/** Written by us alone, whole: anything else was damaged, and running other policies than asked is worse. */
function readSaved(file: string): Saved {
  const text = readIfThere(file)
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch (cause: unknown) {
    throw new ServerError(
      'E_DATA_DAMAGED',
      `${file} is not JSON; restore it, or remove it to run no policy`,
      {
        cause,
      },
    )
  }
  throw new ServerError('E_DATA_DAMAGED', `${file} holds no policies; restore it, or remove it to run none`)
}
