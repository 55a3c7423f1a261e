// What advice may cost the host, and what is done when it is too much.
//
//   exact ──too much──► 1 hit in 4 ──► 1 in 16 ──► .. 1 in 1024 ──► disarmed, for DISARMED_MS
//     ◄──────── a quarter of the budget or less, second by second ────────┘
//
// Too much is, of one tool and of all together, more time than the budget of a window and what earlier ones
// left over (`cpu`, at once and in the middle of a window), or its part in a loop or a heap that suffers (`loop`, `heap`: the watchdog, once
// a window). It is always the dearest that gives way, step by step; the report says why.

import type { DegradedBy, PackageUse } from '#protocol'
import { ADVICE_NS_PER_SECOND_MAX, SAVED_WINDOWS, TOOL_NS_PER_SECOND_MAX } from './limits.ts'
import { ToolMeter } from './tool-meter.ts'

type Parts = {
  readonly now?: () => number
  readonly random?: () => number
  /** A tool was disarmed, perhaps in the middle of a hit. */
  readonly onDisarmed?: () => void
  /** What one tool and all together may take in a window. */
  readonly toolNsMax?: number
  readonly allNsMax?: number
}

const DEFAULTS: Required<Parts> = {
  now: () => performance.now(),
  random: Math.random,
  onDisarmed: () => {},
  toolNsMax: TOOL_NS_PER_SECOND_MAX,
  allNsMax: ADVICE_NS_PER_SECOND_MAX,
}

/** Time that may be spent: so much each window, and what was not used in the last few. Full at first. */
class Allowance {
  readonly #windowNs: number
  #leftNs: number

  constructor(windowNs: number) {
    this.#windowNs = windowNs
    this.#leftNs = windowNs * (1 + SAVED_WINDOWS)
  }

  /**
   * True: it is used up, and somebody must give way. Each further step must be earned by another window's
   * worth: the timed runs of the moment before say nothing about the step that was just made.
   */
  isUsedUpBy(ns: number): boolean {
    this.#leftNs -= ns
    if (this.#leftNs >= 0) return false
    this.#leftNs += this.#windowNs
    return true
  }

  turn(): void {
    this.#leftNs = Math.min(this.#leftNs + this.#windowNs, this.#windowNs * (1 + SAVED_WINDOWS))
  }
}

type Metered = { readonly meter: ToolMeter; readonly allowance: Allowance }

/** Owned by one agent. */
export class AdviceBudget {
  readonly #parts: Required<Parts>
  readonly #all: Allowance
  #tools = new Map<string, Metered>()
  #endedRuns = 0
  #endedNs = 0

  constructor(parts: Parts = {}) {
    this.#parts = { ...DEFAULTS, ...parts }
    this.#all = new Allowance(this.#parts.allNsMax)
  }

  /** The meters of these tools and no others; those that stay keep what they know. */
  keep(tools: readonly string[]): void {
    const before = this.#tools
    this.#tools = new Map(tools.map((tool) => [tool, before.get(tool) ?? this.#metered(tool)]))
    for (const [tool, { meter }] of before) {
      if (this.#tools.has(tool)) continue
      this.#endedRuns += meter.runs
      this.#endedNs += meter.ns
    }
  }

  meter(tool: string): ToolMeter {
    const known = this.#tools.get(tool)
    if (known !== undefined) return known.meter
    const made = this.#metered(tool)
    this.#tools.set(tool, made)
    return made.meter
  }

  get #meters(): readonly ToolMeter[] {
    return [...this.#tools.values()].map(({ meter }) => meter)
  }

  use(tool: string): PackageUse | undefined {
    return this.#tools.get(tool)?.meter.use
  }

  /** What advice is known to have taken of the loop in this window, outliers included. */
  get feltNs(): number {
    return this.#meters.reduce((sum, { feltNs }) => sum + feltNs, 0)
  }

  /** The tool that took most in this window gives way by one step. */
  degradeDearest(why: DegradedBy): void {
    const armed = this.#meters.filter(({ isDisarmed }) => !isDisarmed)
    const [dearest] = armed.toSorted((a, b) => b.feltNs - a.feltNs)
    if (dearest !== undefined) this.#degrade(dearest, why)
  }

  /** At once. */
  disarm(tool: string, why: DegradedBy): void {
    this.meter(tool).disarm(why)
    this.#parts.onDisarmed()
  }

  /** Ends a window; called once a second. True: a tool is armed again. */
  turn(): boolean {
    this.#all.turn()
    const disarmed = this.#meters.filter(({ isDisarmed }) => isDisarmed)
    for (const { meter, allowance } of this.#tools.values()) {
      meter.turn()
      allowance.turn()
    }
    return disarmed.some(({ isDisarmed }) => !isDisarmed)
  }

  get totals(): { readonly adviceNs: number; readonly adviceRuns: number; readonly isTripped: boolean } {
    const all = this.#meters
    return {
      adviceNs: Math.round(all.reduce((sum, { ns }) => sum + ns, this.#endedNs)),
      adviceRuns: all.reduce((sum, { runs }) => sum + runs, this.#endedRuns),
      isTripped: all.some(({ isDisarmed }) => isDisarmed),
    }
  }

  #metered(tool: string): Metered {
    const { now, random, toolNsMax } = this.#parts
    const allowance = new Allowance(toolNsMax)
    const charged = (meter: ToolMeter, ns: number): void => {
      const isAllUsedUp = this.#all.isUsedUpBy(ns)
      if (allowance.isUsedUpBy(ns)) this.#degrade(meter, 'cpu')
      else if (isAllUsedUp) this.degradeDearest('cpu')
    }
    return { meter: new ToolMeter(tool, { now, random, charged }), allowance }
  }

  #degrade(meter: ToolMeter, why: DegradedBy): void {
    meter.degrade(why)
    if (meter.isDisarmed) this.#parts.onDisarmed()
  }
}
