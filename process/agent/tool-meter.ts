// What the advice of one tool costs this process, and which hits still run.
//
//   hit ── takes? ──no──► passed by, at HIT_NS
//            └──yes──► run, one in `period` timed ──► charged to the budget, which may degrade it
//
// A sampled hit counts as often as it stands for (the weight of its row), so counts and sums stay unbiased.
// Which hits are taken is drawn anew for each: with a fixed step, two advices of a tool that take turns would
// never both, or always both, be taken.
//
// A timed run stands for its period. One far above what this tool used to cost is most often a garbage
// collection or a descheduled thread: it is cut, so that one alone degrades nothing, but every run is timed
// until they are as expected again. So a rise is believed within some runs, not some hundreds. What is cut
// was felt by the host all the same: `feltNs` has it, for the watchdog.

import type { AdviceEnvironment, CompiledAdvice } from '#advice'
import type { DegradedBy, PackageUse } from '#protocol'
import {
  ADVICE_SAMPLE_EVERY,
  DEAR_NS,
  DISARMED_MS,
  HIT_NS,
  MISSED_TOLD_MAX,
  PASSED_CHARGED_EVERY,
  SAMPLED_EVERY_MAX,
} from './limits.ts'

const STEP = 4
/** What a run is thought to cost before any was timed; and how a sample moves that. */
const EXPECTED_NS = 1000
const SURPRISE = 3
const SURPRISED_INERTIA = 2
const INERTIA = 8
/** What CPU time can tell from a thread that was put to sleep; what a run that was not asked is taken for. */
const LONG_MS = 1
/**
 * Behind a run that was long: of a shorter one CPU time tells no more. Asked at each run, the CPU clock (a
 * system call) took more than a short advice.
 */
const DOUBTED_RUNS = 8

type Miss = PackageUse['missed'][number]

export type MeterPorts = {
  readonly now: () => number
  /** CPU time of this thread, ms, to some ms. */
  readonly cpuMs: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** What it may take in a window. */
  readonly toolNsMax: number
  /** So much was spent. */
  readonly charged: (meter: ToolMeter, ns: number) => void
  /** A window is over, in which so much was. */
  readonly turned: (ns: number) => void
}

/** The use of one tool in this process. Owned by the budget. */
export class ToolMeter {
  readonly tool: string
  readonly #ports: MeterPorts
  /** 1 = exact; 0 = disarmed. */
  every = 1
  why: DegradedBy | undefined
  runs = 0
  /** Hits that others stood for. */
  estimated = 0
  ns = 0
  /** In this window: charged, and known to have been felt. */
  windowNs = 0
  feltNs = 0
  /** Functions that its advice is at. */
  functions = 0
  #missed: readonly Miss[] = []
  /** Hits until one is taken; hits passed by. */
  #gap = 0
  #passed = 0
  #expectedNs = EXPECTED_NS
  #period = 1
  #untimed = 1
  /** Timed runs to come whose CPU time is asked for too. */
  #doubts = 0
  #packedBytes = 0
  #packs = 0
  #disarmedMs = 0

  constructor(tool: string, ports: MeterPorts) {
    this.tool = tool
    this.#ports = ports
  }

  get isDisarmed(): boolean {
    return this.every === 0
  }

  /** Its advice is about to be put where it belongs. */
  placedAnew(): void {
    this.functions = 0
    this.#missed = []
  }

  /** It could not be put there. */
  miss(tracepoint: string, reason: string): void {
    if (this.#missed.length < MISSED_TOLD_MAX) this.#missed = [...this.#missed, { tracepoint, reason }]
  }

  /** Does the hit that is here now run? */
  takes(): boolean {
    if (this.every === 1) return true
    if (this.every === 0) return false
    if (this.#gap > 0) {
      this.#gap -= 1
      this.#passed += 1
      if (this.#passed % PASSED_CHARGED_EVERY === 0) this.#charge(PASSED_CHARGED_EVERY * HIT_NS)
      return false
    }
    this.#gap = this.#nextGap()
    return true
  }

  /** Independent draws with chance 1/every, by their distance. */
  #nextGap(): number {
    return Math.floor(Math.log(1 - this.#ports.random()) / Math.log(1 - 1 / this.every))
  }

  run(advice: Pick<CompiledAdvice, 'run' | 'packs'>, environment: AdviceEnvironment): void {
    this.runs += 1
    this.estimated += this.every - 1
    if (--this.#untimed > 0) return advice.run(environment, this.every)
    const { now, cpuMs } = this.#ports
    const bytes = advice.packs ? environment.baggage.byteLength : 0
    const cpuStartMs = this.#doubts > 0 ? cpuMs() : Infinity
    const startMs = now()
    try {
      advice.run(environment, this.every)
    } finally {
      const ms = now() - startMs
      this.#timed((ms > LONG_MS ? Math.min(ms, this.#workedMs(cpuStartMs)) : ms) * 1e6)
      this.#doubts = ms > LONG_MS ? DOUBTED_RUNS : Math.max(0, this.#doubts - 1)
      if (advice.packs) {
        this.#packedBytes += environment.baggage.byteLength - bytes
        this.#packs += 1
      }
    }
  }

  /** Longer than the thread worked, it slept: the machine was busy with others. */
  #workedMs(cpuStartMs: number): number {
    return cpuStartMs === Infinity ? LONG_MS : this.#ports.cpuMs() - cpuStartMs
  }

  #timed(sampleNs: number): void {
    const ns = Math.min(sampleNs, SURPRISE * this.#expectedNs)
    const isSurprise = ns < sampleNs
    this.#expectedNs += (ns - this.#expectedNs) / (isSurprise ? SURPRISED_INERTIA : INERTIA)
    this.feltNs += sampleNs - ns
    const stoodFor = this.#period
    this.#period = isSurprise || this.#expectedNs > DEAR_NS ? 1 : ADVICE_SAMPLE_EVERY
    this.#untimed = this.#period
    this.#charge((ns + HIT_NS) * stoodFor)
  }

  #charge(ns: number): void {
    this.ns += ns
    this.windowNs += ns
    this.feltNs += ns
    this.#ports.charged(this, ns)
  }

  degrade(why: DegradedBy): void {
    if (this.every * STEP > SAMPLED_EVERY_MAX) return this.disarm(why)
    this.why = why
    this.#become(this.every * STEP)
  }

  disarm(why: DegradedBy): void {
    this.why = why
    this.#become(0)
    this.#disarmedMs = this.#ports.now()
  }

  #become(every: number): void {
    this.every = every
    this.#gap = every > 1 ? this.#nextGap() : 0
  }

  /** Ends a window. */
  turn(): void {
    const { windowNs } = this
    this.#ports.turned(windowNs)
    this.windowNs = 0
    this.feltNs = 0
    if (this.isDisarmed) {
      if (this.#ports.now() - this.#disarmedMs >= DISARMED_MS) this.#become(SAMPLED_EVERY_MAX)
    } else if (this.every > 1 && windowNs * STEP <= this.#ports.toolNsMax) this.#become(this.every / STEP)
    if (this.every === 1) this.why = undefined
  }

  get use(): PackageUse {
    const { functions, runs, estimated, ns, every, why } = this
    // MostRecent replaces what was kept, also by less: on the whole such a pack adds nothing.
    const packed = this.#packs === 0 ? 0 : Math.max(0, Math.round(this.#packedBytes / this.#packs))
    const degraded = why === undefined ? {} : { why }
    return {
      functions,
      missed: this.#missed,
      runs,
      estimated,
      ns: Math.round(ns),
      every,
      ...degraded,
      packedBytes: packed,
    }
  }
}

/** Those of this advice that run at the hit that is here now; the list itself when all do. */
export function taken<A extends { readonly meter: ToolMeter }>(woven: readonly A[]): readonly A[] {
  for (let i = 0; i < woven.length; i++)
    if (woven[i].meter.every !== 1) return woven.filter(({ meter }) => meter.takes())
  return woven
}
