// What advice costs the host, tool by tool, and what is done when it is too much.
//
//   exact ──over its budget──► 1 hit in 4 ──► 1 in 16 ──► .. 1 in 1024 ──► disarmed, for DISARMED_MS
//     ◄──────── a quarter of the budget or less, second by second ────────────┘
//
// A sampled hit counts as often as it stands for (the weight of its row), so counts and sums stay unbiased;
// the report says so. One run in ADVICE_SAMPLE_EVERY is timed and stands for all. A sample far above what
// this tool used to cost was a garbage collection or a descheduled thread: it is cut, so that one alone
// degrades nothing; a true rise is believed within some samples. A window is a second of reporting. All tools
// together have a budget too: above it, the dearest degrades.

import type { AdviceEnvironment, CompiledAdvice } from '#advice'
import type { PackageUse } from '#protocol'
import {
  ADVICE_NS_PER_SECOND_MAX,
  ADVICE_SAMPLE_EVERY,
  DISARMED_MS,
  MISSED_TOLD_MAX,
  SAMPLED_EVERY_MAX,
  TOOL_NS_PER_SECOND_MAX,
} from './limits.ts'

const STEP = 4
/** What a run is thought to cost before any was timed; and how a sample moves that. */
const EXPECTED_NS = 1000
const SURPRISE = 3
const INERTIA = 8

type Now = () => number
type Miss = PackageUse['missed'][number]
type Charged = (meter: ToolMeter, ns: number) => void

/** The use of one tool in this process. Owned by the budget. */
export class ToolMeter {
  readonly tool: string
  readonly #now: Now
  readonly #charged: Charged
  /** 1 = exact; 0 = disarmed. */
  every = 1
  hits = 0
  runs = 0
  ns = 0
  windowNs = 0
  /** Functions that its advice is at. */
  functions = 0
  #missed: readonly Miss[] = []
  #expectedNs = EXPECTED_NS
  #packedBytes = 0
  #packs = 0
  #disarmedMs = 0

  constructor(tool: string, now: Now, charged: Charged) {
    this.tool = tool
    this.#now = now
    this.#charged = charged
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

  spend(advice: Pick<CompiledAdvice, 'run' | 'packs'>, environment: AdviceEnvironment): void {
    if (this.every !== 1 && (this.every === 0 || this.hits++ % this.every !== 0)) return
    this.runs += 1
    if (this.runs % ADVICE_SAMPLE_EVERY !== 0) return advice.run(environment, this.every)
    const bytes = advice.packs ? environment.baggage.byteLength : 0
    const startMs = this.#now()
    try {
      advice.run(environment, this.every)
    } finally {
      const ns = this.#believed((this.#now() - startMs) * 1e6) * ADVICE_SAMPLE_EVERY
      this.ns += ns
      this.windowNs += ns
      if (advice.packs) {
        this.#packedBytes += environment.baggage.byteLength - bytes
        this.#packs += 1
      }
      this.#charged(this, ns)
    }
  }

  #believed(sampleNs: number): number {
    const ns = Math.min(sampleNs, SURPRISE * this.#expectedNs)
    this.#expectedNs += (ns - this.#expectedNs) / INERTIA
    return ns
  }

  degrade(): void {
    this.every = this.every * STEP > SAMPLED_EVERY_MAX ? 0 : this.every * STEP
    if (this.every === 0) this.#disarmedMs = this.#now()
  }

  /** Ends a window. */
  turn(): void {
    const { windowNs } = this
    this.windowNs = 0
    if (this.every === 0) {
      if (this.#now() - this.#disarmedMs >= DISARMED_MS) this.every = SAMPLED_EVERY_MAX
    } else if (this.every > 1 && windowNs * STEP <= TOOL_NS_PER_SECOND_MAX) this.every /= STEP
  }

  get use(): PackageUse {
    const { functions, runs, ns, every } = this
    // MostRecent replaces what was kept, also by less: on the whole such a pack adds nothing.
    const packed = this.#packs === 0 ? 0 : Math.max(0, Math.round(this.#packedBytes / this.#packs))
    return { functions, missed: this.#missed, runs, ns: Math.round(ns), every, packedBytes: packed }
  }
}

/** Owned by one agent. */
export class AdviceBudget {
  readonly #now: Now
  #meters = new Map<string, ToolMeter>()
  #windowNs = 0
  #allowedNs = ADVICE_NS_PER_SECOND_MAX
  #endedRuns = 0
  #endedNs = 0

  constructor(now: Now = () => performance.now()) {
    this.#now = now
  }

  /** The meters of these tools and no others; those that stay keep what they know. */
  keep(tools: readonly string[]): void {
    const before = this.#meters
    this.#meters = new Map(tools.map((tool) => [tool, before.get(tool) ?? this.#meterOf(tool)]))
    for (const [tool, { runs, ns }] of before) {
      if (this.#meters.has(tool)) continue
      this.#endedRuns += runs
      this.#endedNs += ns
    }
  }

  meter(tool: string): ToolMeter {
    const known = this.#meters.get(tool)
    if (known !== undefined) return known
    const made = this.#meterOf(tool)
    this.#meters.set(tool, made)
    return made
  }

  use(tool: string): PackageUse | undefined {
    return this.#meters.get(tool)?.use
  }

  /** Ends a window; called once a second. True: a tool was disarmed or armed again. */
  turn(): boolean {
    this.#windowNs = 0
    this.#allowedNs = ADVICE_NS_PER_SECOND_MAX
    const before = this.#disarmed()
    for (const meter of this.#meters.values()) meter.turn()
    return before !== this.#disarmed()
  }

  get totals(): { readonly adviceNs: number; readonly adviceRuns: number; readonly isTripped: boolean } {
    const all = [...this.#meters.values()]
    return {
      adviceNs: Math.round(all.reduce((sum, { ns }) => sum + ns, this.#endedNs)),
      adviceRuns: all.reduce((sum, { runs }) => sum + runs, this.#endedRuns),
      isTripped: all.some(({ isDisarmed }) => isDisarmed),
    }
  }

  #meterOf(tool: string): ToolMeter {
    let allowedNs = TOOL_NS_PER_SECOND_MAX
    return new ToolMeter(tool, this.#now, (meter, ns) => {
      this.#windowNs += ns
      // Within a window each further step must be earned by another budget's worth: the timed runs of the
      // moment before say nothing about the step that was just made.
      if (meter.windowNs <= ns) allowedNs = TOOL_NS_PER_SECOND_MAX
      if (meter.windowNs > allowedNs) {
        allowedNs += TOOL_NS_PER_SECOND_MAX
        meter.degrade()
      } else if (this.#windowNs > this.#allowedNs) {
        this.#allowedNs += ADVICE_NS_PER_SECOND_MAX
        this.#dearest()?.degrade()
      }
    })
  }

  #dearest(): ToolMeter | undefined {
    const armed = [...this.#meters.values()].filter(({ isDisarmed }) => !isDisarmed)
    return armed.toSorted((a, b) => b.windowNs - a.windowNs)[0]
  }

  #disarmed(): string {
    return [...this.#meters.values()]
      .filter(({ isDisarmed }) => isDisarmed)
      .map(({ tool }) => tool)
      .join()
  }
}
