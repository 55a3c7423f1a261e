// Wires the agent together and takes it apart again. What is here is order, not logic.
//
//   settings ──► off?  nothing at all
//            └─► context ── carriers(observer) ── recorder ── queue ── exporter
//                otel bridge, host api, tracepoints
//                control connection, exit hooks
//
// The first two lines live while enabled: the kill switch of the control plane takes them off and puts them
// on again. The last lives until the process ends.

import { isMainThread } from 'node:worker_threads'
import { matchesTracepoint, type CompiledAdvice, type Value } from '#advice'
import {
  carrierSettingsFromEnv,
  fleetKeyFromEnv,
  installCarriers,
  type Carriers,
  type ClientExchange,
} from '#carriers'
import {
  currentFrame,
  onBarrier,
  runWith,
  startContext,
  stopContext,
  tidyJoins,
  type BarrierEdge,
} from '#context'
import { HOST_API_SLOT, type AgentHello, type AgentReport, type PackageStatus } from '#protocol'
import { Weave } from '#weave'
import { activeSpan, openSpan } from './active.ts'
import { openWorkflow } from './bags.ts'
import { SpanQueue } from './batch.ts'
import { AdviceBudget } from './budget.ts'
import { openWallClock, type WallClock } from './clock.ts'
import type { Control } from './control.ts'
import { installExit } from './exit.ts'
import { openExporter, type Exporter } from './exporter.ts'
import { guarded, Ledger } from './guard.ts'
import { openHostApi } from './host-api.ts'
import { HeadSampling } from './head-sampling.ts'
import { openHttpSpans, type HttpSpans } from './http-spans.ts'
import { fillFromSystem, openIds } from './ids.ts'
import { REPORT_EVERY_MS } from './limits.ts'
import { LoopBeat } from './loop-beat.ts'
import { Meters } from './meters/meters.ts'
import { installOtelBridge } from './otel-bridge.ts'
import { ControlPoints } from './points/control-points.ts'
import { Deadlines } from './points/execution.ts'
import { Steering } from './points/steering.ts'
import type { ToolStops } from './points/stops.ts'
import { Toolbox } from './packages.ts'
import { openPageParents } from './page-parent.ts'
import { openRecorder } from './recorder.ts'
import { AGENT_VERSION, readResource, type Resource } from './resource.ts'
import { openSampler, rootThreshold, rootTraceState } from './sampler.ts'
import { openServerCounters } from './server-counters.ts'
import type { ControlSettings, Settings } from './settings.ts'
import { Span } from './span.ts'
import { openSpans, type Spans } from './spans-api.ts'
import { openStamps } from './stamps.ts'
import { keepTickShape } from './tick-shape.ts'
import { Tracepoints, type Surroundings } from './tracepoints.ts'
import { openRedaction } from './redaction.ts'
import { tidyTrail } from './trail.ts'
import { namingTenants } from './tenant-rule.ts'
import { WorkflowMeter } from './workflow-meter.ts'
import { believe, believeOrder, type Believed, type TrustedState } from './trust.ts'
import { blameFor, LoopAndHeap } from './watchdog.ts'

const OWNER = 'agent'

/** OTEL_PROPAGATORS without `baggage`: none is taken in, none goes out. */
const NO_BAGGAGE = { trust: 'none', egress: 'none' } as const

export type Agent = {
  /** Sends what there is; settles when it is settled or after `ms`. Never rejects. */
  flush(ms: number): Promise<void>
  report(): AgentReport
  /** Looks at modules that were loaded before, too: of ES modules, those with these URLs. Never rejects. */
  adopt(urls: readonly string[]): Promise<void>
  stop(): void
}

const NOTHING_WANTED = { disabled: false, packages: [], sampling: undefined }

const inert: Agent = Object.freeze({
  flush: async () => {},
  report: emptyReport,
  adopt: async () => {},
  stop: () => {},
})

/** Starts the agent of this process. Never throws: an agent that cannot start leaves the host alone. */
export function startAgent(settings: Settings): Agent {
  if (settings.isDisabled) return inert
  try {
    return new RunningAgent(settings)
  } catch {
    return inert
  }
}

class RunningAgent implements Agent {
  readonly #settings: Settings
  readonly #ledger = new Ledger()
  readonly #clock: WallClock = openWallClock()
  readonly #budget: AdviceBudget
  readonly #toolbox = new Toolbox(fillFromSystem)
  readonly #workflow = openWorkflow()
  readonly #resource: Resource
  readonly #tracepoints: Tracepoints
  readonly #weave: Weave | undefined
  readonly #queue: SpanQueue
  readonly #exporter: Exporter
  readonly #spans: Spans
  readonly #head: HeadSampling
  readonly #recorder
  readonly #identity = openIds()
  readonly #agentId: string
  readonly #epoch: string
  readonly #startedMs = Date.now()
  readonly #loopBeat = new LoopBeat()
  readonly #meters: Meters
  readonly #meter: WorkflowMeter
  readonly #deadlines = new Deadlines((fn) => this.#detached(fn))
  readonly #points: ControlPoints
  readonly #steering: Steering
  readonly #tickShape = keepTickShape()
  readonly #removeExit: () => void
  readonly #onOffSignal = guarded(this.#ledger, 'off signal', undefined, () => this.#switch())
  #control: Control | undefined
  #carriers: Carriers | undefined
  #httpSpans: HttpSpans | undefined
  #removals: (() => void)[] = []
  #believed: Believed
  #wanted: Pick<TrustedState, 'disabled' | 'packages' | 'sampling'> = NOTHING_WANTED
  #isOff = false
  #isStopped = false
  #expiry: NodeJS.Timeout | undefined
  #beats: NodeJS.Timeout | undefined
  #vitals: LoopAndHeap | undefined
  #blame: ReturnType<typeof blameFor>
  #reports = 0
  #toolStops: ToolStops | undefined
  #toolStopsAre: 'unasked' | 'loading' | 'settled' = 'unasked'

  constructor(settings: Settings) {
    this.#settings = settings
    this.#budget = new AdviceBudget({
      budget: settings.budget,
      onDisarmed: () => this.#tracepoints.refresh(),
    })
    this.#meters = new Meters({
      epoch: this.#startedMs,
      reads: this.#workflow,
      detached: (fn) => this.#detached(fn),
      isWanted: settings.control !== undefined,
      linkMbits: settings.linkMbits,
    })
    this.#meter = new WorkflowMeter({ meters: this.#meters })
    this.#points = new ControlPoints({
      meter: this.#meter,
      detached: (fn) => this.#detached(fn),
      count: (reason) => this.#ledger.count(reason),
      onChange: () => this.#steering.refresh(),
    })
    this.#agentId = this.#identity.traceId().slice(16)
    this.#epoch = this.#identity.traceId().slice(16)
    this.#resource = readResource(settings)
    this.#steering = this.#openSteering()
    this.#weave = this.#openWeave()
    this.#tracepoints = new Tracepoints({
      code: this.#weave,
      budget: this.#budget,
      ledger: this.#ledger,
      surroundings: this.#surroundings(),
    })
    const { queueMax, spansMax, delayMs } = settings.batch
    this.#queue = new SpanQueue({
      resource: this.#resource,
      clock: this.#clock,
      ledger: this.#ledger,
      limits: { spansMax, queueMax },
    })
    this.#exporter = openExporter({
      queue: this.#queue,
      ledger: this.#ledger,
      settings: settings.exporter,
      delayMs,
      detached: (fn) => this.#detached(fn),
    })
    this.#head = this.#openHead()
    this.#recorder = openRecorder({
      clock: this.#clock,
      ids: this.#identity,
      sampler: openSampler(settings.sampler),
      rootState: rootTraceState(settings.sampler),
      head: this.#head,
      onEnd: guarded(this.#ledger, 'record', undefined, (span) => {
        this.#queue.add(span)
        this.#exporter.wake()
      }),
    })
    this.#spans = openSpans(this.#recorder, this.#tracepoints)
    this.#enable()
    this.#removeExit = installExit({
      exporter: this.#exporter,
      farewell: async (ms) => this.#control?.farewell(ms),
      isMainThread,
    })
    if (settings.offSignal !== undefined && isMainThread) process.on(settings.offSignal, this.#onOffSignal)
    if (settings.control !== undefined) void this.#dial(settings.control)
    for (const name of settings.misread) this.#ledger.count(`misread ${name}`)
    if (settings.silencedBy !== undefined) this.#ledger.count(`silenced by ${settings.silencedBy}`)
  }

  flush(ms: number): Promise<void> {
    return this.#exporter.flush(ms)
  }

  async adopt(urls: readonly string[]): Promise<void> {
    try {
      await this.#weave?.adopt(urls)
    } catch (error: unknown) {
      this.#ledger.fail('adopt', error)
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#toolStopsAre = 'settled'
    this.#control?.stop()
    clearTimeout(this.#expiry)
    clearInterval(this.#beats)
    if (this.#settings.offSignal !== undefined)
      process.removeListener(this.#settings.offSignal, this.#onOffSignal)
    this.#vitals?.close()
    this.#disable()
    this.#removeExit()
    this.#weave?.close()
    this.#tickShape.record = undefined
  }

  report(): AgentReport {
    this.#reports += 1
    this.#clock.settle()
    const { emitted, sent, dropped, queued } = this.#queue.counts
    const last = this.#ledger.lastFailure
    return {
      agent: this.#agentId,
      epoch: this.#epoch,
      seq: this.#reports,
      timeMs: Date.now(),
      stateVersion: this.#believed?.version ?? 0,
      packages: this.#toolbox.statuses.map((status) => this.#statusOf(status)),
      woven: this.#tracepoints.woven,
      measured: { ...this.#meter.report(), obeyed: this.#points.obeyed },
      results: this.#toolbox.results(),
      sampling: this.#head.use(),
      spans: { emitted, sent, dropped, queued },
      drops: { ...this.#carriedDrops(), ...this.#ledger.drops },
      budget: this.#budget.totals,
      eventLoopDelayMsP99: this.#vitals?.lateMsP99 ?? 0,
      rssBytes: process.memoryUsage.rss(),
      ...(last === undefined ? {} : { lastError: last }),
    }
  }

  #statusOf(status: PackageStatus): PackageStatus {
    const held = this.#toolStops?.heldBy(status.name) ?? 0
    // `use` first: behind name and version it would change the shape that scopes of spans have, and V8 drop
    // what it has compiled for them.
    return { use: this.#budget.use(status.name), ...status, ...(held === 0 ? {} : { held }) }
  }

  /** Only where somebody can ask: without a server no advice ever comes. */
  #openWeave(): Weave | undefined {
    const { control, weave } = this.#settings
    if (control === undefined || (weave.length === 1 && weave[0] === 'none')) return undefined
    return new Weave({
      patterns: weave,
      matches: matchesTracepoint,
      nonce: this.#identity.traceId(),
      onUnwoven: (reason) => this.#ledger.count(`unwoven-${reason}`),
    })
  }

  #enable(): void {
    const { settings, ledger, spans, clock, tracepoints } = this.#parts()
    const { limits, isTracing } = settings
    startContext(OWNER)
    const httpSpans = openHttpSpans({
      recorder: this.#recorder,
      clock,
      tracepoints,
      isTracing,
      isPropagating: settings.propagators.includes('tracecontext'),
      pages: settings.isForPages && isTracing ? openPageParents(this.#recorder) : undefined,
      counters: openServerCounters({
        names: settings.counters,
        beat: this.#loopBeat,
        detached: (fn) => this.#detached(fn),
      }),
    })
    this.#carriers = installCarriers({
      ...carrierSettingsFromEnv(process.env),
      ...(settings.propagators.includes('baggage') ? {} : NO_BAGGAGE),
      observer: httpSpans.observer,
      steering: namingTenants(settings.tenantRule, this.#workflow, this.#steering.observer),
      metering: this.#meters.enable((tenant, latencyMs) => this.#meter.finished(tenant, latencyMs)),
      onFault: (error) => ledger.fail('carriers', error),
    })
    this.#httpSpans = httpSpans
    this.#steering.refresh()
    const quietly = guarded(ledger, 'otel span', undefined, (fn: () => void) => fn())
    this.#removals = [
      () => this.#carriers?.uninstall(),
      tidyJoins(tidyTrail),
      onBarrier(guarded(ledger, 'barrier', undefined, (edge) => this.#meet(edge))),
      installOtelBridge({
        host: { spans, clock, limits, quietly },
        ledger,
        isTracing,
        resource: this.#resource,
      }),
      () => Reflect.deleteProperty(globalThis, HOST_API_SLOT),
      () => this.#meters.disable(),
      () => this.#loopBeat.stop(),
      () => stopContext(OWNER),
    ]
    Reflect.set(
      globalThis,
      HOST_API_SLOT,
      openHostApi({
        spans,
        tracepoints,
        workflow: this.#workflow,
        ledger,
        isTracing,
        limits,
        onTenant: (id) => {
          this.#head.tenantNamed(id)
          this.#meters.named()
        },
        meter: this.#meter,
        points: this.#points,
        deadlines: this.#deadlines,
      }),
    )
  }

  /**
   * The kill switch: the process is as if we had never been loaded, but for the control connection that can
   * undo it.
   */
  #disable(): void {
    for (const remove of this.#removals.splice(0)) remove()
    this.#carriers = undefined
    this.#points.release()
    this.#steering.release()
  }

  #parts() {
    return {
      settings: this.#settings,
      ledger: this.#ledger,
      spans: this.#spans,
      clock: this.#clock,
      tracepoints: this.#tracepoints,
    }
  }

  #openSteering(): Steering {
    return new Steering({
      service: String(this.#resource.get('service.name') ?? 'unknown_service'),
      points: this.#points,
      stops: () => this.#tracepoints,
      toolStops: () => this.#toolStops,
      failed: (error) => this.#ledger.fail('turns', error),
      deadlines: this.#deadlines,
      meter: this.#meter,
      isMetered: this.#settings.control !== undefined,
      tenantOf: (baggage) => this.#workflow.tenant(baggage) ?? '',
      detached: (fn) => this.#detached(fn),
      carriers: () => this.#carriers,
    })
  }

  #openHead(): HeadSampling {
    const resource = this.#resource
    return new HeadSampling({
      service: String(resource.get('service.name') ?? ''),
      resource,
      tenantOf: (baggage) => this.#workflow.tenant(baggage),
      rootThreshold: rootThreshold(this.#settings.sampler),
      ledger: this.#ledger,
      nowMs: Date.now,
      currentTraceId: () => activeSpan(currentFrame()?.scope)?.traceId,
    })
  }

  #surroundings(): Surroundings {
    const resource = this.#resource
    const text = (key: string): string => String(resource.get(key) ?? '')
    const clock = this.#clock
    const nowNs = (): bigint => clock.toNs(clock.now())
    const key = once(() => fleetKeyFromEnv(process.env))
    return {
      identity: new Map<string, Value>([
        ['host', text('host.name')],
        ['service', text('service.name')],
        ['procName', text('service.name')],
        ['procId', process.pid],
      ]),
      nowNs,
      stamp: openStamps(nowNs, fillFromSystem),
      tenant: (baggage) => this.#workflow.tenant(baggage),
      isSecret: openRedaction(this.#settings.redact),
      isAuthentic: (value, mac) => key()?.verify(`${value}.${mac}`) !== undefined,
      overflowed: (tool) => this.#toolbox.overflowed(tool),
      toolStops: () => this.#toolStops,
      choose: (span, weight) => this.#head.choose(span, weight),
    }
  }

  /** Two executions met and did not join: the waiting one's span gets an arrow from the other's. */
  #meet({ from, to }: BarrierEdge): void {
    const span = openSpan(to.scope)
    // The source may have ended meanwhile: its own continuation runs before the one that waits elsewhere.
    const source = activeSpan(from.scope)
    if (span === undefined || !(source instanceof Span) || span === source) return
    const nowMs = this.#clock.now()
    const isKnown = span.links?.some((link) => link.spanId === source.spanId && link.edge === 'barrier')
    if (isKnown !== true) {
      span.addLink(
        {
          traceId: source.traceId,
          spanId: source.spanId,
          edge: 'barrier',
          edgeFromMs: nowMs,
          edgeToMs: nowMs,
        },
        this.#settings.limits.links,
      )
    }
  }

  #detached<R>(fn: () => R): R {
    return runWith(undefined, () => (this.#carriers === undefined ? fn() : this.#carriers.quietly(fn)))
  }

  /** Loaded where somebody is to be dialled. */
  async #dial(settings: ControlSettings): Promise<void> {
    const beat = guarded(this.#ledger, 'beat', undefined, () => this.#beat())
    this.#beats = this.#detached(() => setInterval(beat, REPORT_EVERY_MS).unref())
    try {
      const { openControl } = await import('./control.ts')
      if (this.#isStopped) return
      this.#control = openControl({
        settings,
        ledger: this.#ledger,
        detached: (fn) => this.#detached(fn),
        hello: () => this.#hello(),
        report: () => this.report(),
        onState: guarded(this.#ledger, 'state', undefined, (data) => this.#obey(data, settings.fingerprint)),
        onStream: () => this.#points.streamBegan(),
        onOrder: guarded(this.#ledger, 'order', undefined, (data) =>
          this.#throttle(data, settings.fingerprint),
        ),
      })
    } catch (error: unknown) {
      this.#ledger.fail('control', error)
    }
  }

  /** A state that is not believed changes nothing: what was believed before stays until it expires. */
  #obey(data: string, fingerprint: string): void {
    const nowMs = Date.now()
    try {
      const state = believe(data, { fingerprint, believed: this.#believed, nowMs })
      const isNew = state.version !== this.#believed?.version
      this.#believed = { fleet: state.fleet, version: state.version }
      this.#keepUntil(state.expiresMs - nowMs)
      const isHeld = this.#toolbox.statuses.length > 0 || this.#head.isOn
      if (!isNew && isHeld) return this.#sample(state.sampling)
      this.#wanted = state
      this.#become()
    } catch (error: unknown) {
      this.#ledger.count('state-refused')
      this.#ledger.note('state', error)
    }
  }

  /** An order that is not believed changes nothing: the one before ends with its lease. */
  #throttle(data: string, fingerprint: string): void {
    if (this.#carriers === undefined) return
    try {
      const order = believeOrder(data, { fingerprint, agent: this.#agentId })
      const judgement = this.#points.obey(order)
      if (judgement !== 'taken') this.#ledger.count(`order-${judgement}`)
    } catch (error: unknown) {
      this.#ledger.count('order-refused')
      this.#ledger.note('order', error)
    }
  }

  #become(): void {
    const isDisabled = this.#wanted.disabled || this.#isOff
    if (!isDisabled && this.#toolStopsAre !== 'settled' && mayStop(this.#wanted.packages))
      return this.#loadStops()
    this.#sample(isDisabled ? undefined : this.#wanted.sampling)
    this.#install(this.#toolbox.become(isDisabled ? [] : this.#wanted.packages))
    if (isDisabled) this.#disable()
    else if (this.#carriers === undefined) this.#enable()
  }

  /** What was before stays until they are there. */
  #loadStops(): void {
    if (this.#toolStopsAre === 'loading') return
    this.#toolStopsAre = 'loading'
    const parts = {
      detached: <R>(fn: () => R): R => this.#detached(fn),
      count: (reason: string) => this.#ledger.count(reason),
      releaseOf: (tool: string) => this.#toolbox.releaseOf(tool),
      tell: ({ handle }: ClientExchange, key: string, value: string) => {
        if (handle instanceof Span) handle.set(key, value, Infinity)
      },
    }
    const settled = guarded(this.#ledger, 'state', undefined, () => {
      if (this.#toolStopsAre !== 'loading') return
      this.#toolStopsAre = 'settled'
      this.#become()
    })
    Promise.all([import('./points/stops.ts'), this.#carriers?.prepareHolds()])
      .then(([{ ToolStops }]) => (this.#toolStops = new ToolStops(parts)))
      .catch((error: unknown) => this.#ledger.fail('stops', error))
      .then(settled)
  }

  /** Somebody at this machine wants us out of the way, or back. */
  #switch(): void {
    this.#isOff = !this.#isOff
    this.#ledger.count(`switched-${this.#isOff ? 'off' : 'on'}-by-signal`)
    this.#become()
  }

  /** A process that decides without a parent decides alone: there no policy has a say. */
  #sample(sampling: unknown): void {
    if (this.#settings.sampler.isParentBased) this.#head.become(sampling)
  }

  #install(advice: readonly CompiledAdvice[]): void {
    const isChoosing = advice.some(({ acts }) => acts.includes('sample'))
    this.#head.setChoosing(isChoosing && this.#settings.sampler.isParentBased)
    this.#tracepoints.install([...advice, ...this.#head.marks])
    this.#httpSpans?.refresh()
    this.#steering.refresh()
  }

  /** After the expiry the empty state holds; a disabled agent stays disabled, which is the safe side. */
  #keepUntil(ms: number): void {
    clearTimeout(this.#expiry)
    const LONGEST_TIMER_MS = 2 ** 31 - 1
    this.#expiry = this.#detached(() =>
      setTimeout(
        () => {
          this.#ledger.count('state-expired')
          this.#wanted = { ...this.#wanted, packages: [], sampling: undefined }
          this.#sample(undefined)
          this.#install(this.#toolbox.become([]))
        },
        Math.min(ms, LONGEST_TIMER_MS),
      ).unref(),
    )
  }

  #hello(): AgentHello {
    const resource = Object.fromEntries([...this.#resource].map(([key, value]) => [key, String(value)]))
    return {
      agent: this.#agentId,
      service: resource['service.name'] ?? 'unknown_service',
      pid: process.pid,
      host: resource['host.name'] ?? '',
      nodeVersion: process.versions.node,
      agentVersion: AGENT_VERSION,
      startedMs: this.#startedMs,
      resource,
      tracepoints: this.#tracepoints.vocabulary(),
    }
  }

  #carriedDrops(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.#carriers?.counts ?? {}).filter(([, count]) => count > 0))
  }

  /** A window of the budget is over. */
  #beat(): void {
    this.#vitals ??= new LoopAndHeap((beats) => this.#meters.wait.saw(beats))
    const share = { feltNs: this.#budget.feltNs, heldBytes: this.#toolbox.heldBytes }
    const blame = blameFor(this.#vitals.read(), share)
    // Once may be a machine that was busy with others in the middle of a timed run.
    const isAgain = blame === this.#blame
    this.#blame = blame
    if (blame === 'heap') this.#budget.disarm(this.#toolbox.releaseLargest(), blame)
    else if (blame !== undefined && isAgain) this.#budget.degradeDearest(blame)
    if (this.#budget.turn()) this.#tracepoints.refresh()
  }
}

/** By their text: whether these are packages at all is found out when they are installed. */
const mayStop = (packages: readonly unknown[]): boolean =>
  /"act":"(delay|reject|fault|hold|route)"/.test(JSON.stringify(packages))

/** Made at the first call: a key loads node:crypto. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}

function emptyReport(): AgentReport {
  return {
    agent: '',
    epoch: '',
    seq: 0,
    timeMs: 0,
    stateVersion: 0,
    packages: [],
    spans: { emitted: 0, sent: 0, dropped: 0, queued: 0 },
    drops: {},
    budget: { adviceNs: 0, adviceRuns: 0, isTripped: false },
    eventLoopDelayMsP99: 0,
    rssBytes: 0,
  }
}
