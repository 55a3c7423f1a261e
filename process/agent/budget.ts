// What advice may cost the host, and what is done when it is too much.
//
//   exact ──too much──► 1 hit in 4 ──► 1 in 16 ──► .. 1 in 1024 ──► disarmed, for DISARMED_MS
//     ◄──────── a quarter of the budget or less, second by second ────────┘
//
// Too much is, of one tool and of all together, more time in a window than the budget (`cpu`, at once and in
// the middle of a window), or its part in a loop or a heap that suffers (`loop`, `heap`: the watchdog, once
// a window). It is always the dearest that gives way, step by step; the report says why.

import type { DegradedBy, PackageUse } from '#protocol'
import { Allowance } from './allowance.ts'
import { BUDGET, SAVED_WINDOWS_MAX, WINDOW_NS } from './limits.ts'
import { ToolMeter } from './tool-meter.ts'

type Parts = {
  readonly now?: () => number
  /** CPU time of this thread, ms. */
  readonly cpuMs?: () => number
  readonly random?: () => number
  /** A tool was disarmed, perhaps in the middle of a hit. */
  readonly onDisarmed?: () => void
  /** Of one core, for one tool; for all together, twice that. */
  readonly budget?: number
  /** Windows whose budget can be saved for a burst. */
  readonly savedWindows?: number
}

const DEFAULTS: Required<Parts> = {
  now: () => performance.now(),
  cpuMs: threadCpuMs,
  random: Math.random,
  onDisarmed: () => {},
  budget: BUDGET,
  savedWindows: SAVED_WINDOWS_MAX,
}

/** Before Node 23.9, of the whole process. */
function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage?.() ?? process.cpuUsage()
  return (user + system) / 1000
}

/** Owned by one agent. */
export class AdviceBudget {
  readonly #parts: Required<Parts>
  #meters = new Map<string, ToolMeter>()
  #windowNs = 0
  readonly #allowance: Allowance
  #endedRuns = 0
  #endedNs = 0

  constructor(parts: Parts = {}) {
    this.#parts = { ...DEFAULTS, ...parts }
    const { budget, savedWindows } = this.#parts
    const allNsMax = 2 * budget * WINDOW_NS
    this.#allowance = new Allowance(allNsMax, allNsMax * savedWindows)
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

  /** What advice is known to have taken of the loop in this window, outliers included. */
  get feltNs(): number {
    return [...this.#meters.values()].reduce((sum, { feltNs }) => sum + feltNs, 0)
  }

  /** The tool that took most in this window gives way by one step. */
  degradeDearest(why: DegradedBy): void {
    const armed = [...this.#meters.values()].filter(({ isDisarmed }) => !isDisarmed)
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
    this.#allowance.turn(this.#windowNs)
    this.#windowNs = 0
    const disarmed = [...this.#meters.values()].filter(({ isDisarmed }) => isDisarmed)
    for (const meter of this.#meters.values()) meter.turn()
    return disarmed.some(({ isDisarmed }) => !isDisarmed)
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
    const { now, cpuMs, random, budget, savedWindows } = this.#parts
    const toolNsMax = budget * WINDOW_NS
    const allowance = new Allowance(toolNsMax, toolNsMax * savedWindows)
    const charged = (meter: ToolMeter, ns: number): void => {
      this.#windowNs += ns
      // Within a window each further step must be earned by another budget's worth: the timed runs of the
      // moment before say nothing about the step that was just made.
      if (allowance.isOver(meter.windowNs)) {
        allowance.raise()
        this.#degrade(meter, 'cpu')
      } else if (this.#allowance.isOver(this.#windowNs)) {
        this.#allowance.raise()
        this.degradeDearest('cpu')
      }
    }
    return new ToolMeter(tool, { now, cpuMs, random, toolNsMax, charged, turned: (ns) => allowance.turn(ns) })
  }

  #degrade(meter: ToolMeter, why: DegradedBy): void {
    meter.degrade(why)
    if (meter.isDisarmed) this.#parts.onDisarmed()
  }
}
