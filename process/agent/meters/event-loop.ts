// The event loop as three resources: the CPU under it, the queue before it, and the collector that stops it.
//
//   cpu    load = CPU time of the thread          slowdown = busy time of the loop / CPU time    (F t / f)
//   loop   load = time of its callbacks           slowdown = (wait + callback) / callback        (a queue)
//   gc     load = pauses                          slowdown = busy time / (busy time - pauses)
//
// How much in all is read from the system, exactly: thread CPU time, the loop's own count of its idle time,
// the observed pauses. Whose it is comes from segments (segments.ts), looked at for a part of the time, at
// random, as much of it as the budget allows. So sampling never moves a total; it only moves shares, and what
// was seen too little waits for the next report.
//
//   period 500 ms  |......[== open ==]......|   next duty = budget / (looks x their price / CPU time)
//
// Pauses are divided as CPU is: who allocates is not known without a sampling heap profiler. Approximate.

import type { Columns } from './columns.ts'
import {
  CPU_BUDGET,
  CPU_DUTY_MIN,
  CPU_LOOK_NS,
  CPU_PERIOD_MS,
  CPU_SEEN_MS_MIN,
  CPU_WAIT_MS_MAX,
} from './limits.ts'
import type { LoopWait } from './loop-wait.ts'
import { Segments } from './segments.ts'
import type { Usage } from './usage.ts'

/** Read from the system, in ms since this thread began. */
export type LoopTotals = {
  readonly cpuMs: number
  /** Not waiting for events. */
  readonly busyMs: number
  /** Events that its queue gave out. */
  readonly events: number
  readonly gcMs: number
  readonly gcCount: number
}

type Parts = {
  readonly usage: Usage
  readonly wait: LoopWait
  readonly totals: () => LoopTotals
  /** Calls outside every execution. */
  readonly detached: <R>(fn: () => R) => R
  readonly nowMs: () => number
  readonly random: () => number
}

export class EventLoopMeter {
  readonly #parts: Parts
  readonly #segments: Segments
  #timer: NodeJS.Timeout | undefined
  #duty = 1
  #told: LoopTotals
  #toldMs: number
  /** What the columns of `seen` held when they were last divided by. */
  #seenBefore: readonly Seen[] = []
  #periodCpuMs: number
  #isRunning = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.#segments = new Segments(parts.usage)
    this.#told = parts.totals()
    this.#toldMs = parts.nowMs()
    this.#periodCpuMs = this.#told.cpuMs
  }

  /** Part of the time that is looked at. */
  get duty(): number {
    return this.#duty
  }

  /** From the first tenant on: before, all is of one and nothing needs to be told apart. Again is nothing. */
  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    this.#periodCpuMs = this.#parts.totals().cpuMs
    this.#period(0)
  }

  stop(): void {
    this.#isRunning = false
    clearTimeout(this.#timer)
    this.#segments.close()
  }

  /** Divides what came since the last time; to be called before a report. */
  settle(): void {
    const { usage, totals, nowMs } = this.#parts
    if (this.#isRunning) this.#segments.settle()
    const now = totals()
    const fresh = since(now, this.#told)
    const waitedMs = nowMs() - this.#toldMs
    if (fresh.cpuMs <= 0 || waitedMs <= 0) return
    const seen = this.#seen()
    const seenMs = seen.reduce((sum, one) => sum + one.ms, 0)
    if (this.#isRunning && seenMs < CPU_SEEN_MS_MIN && waitedMs < CPU_WAIT_MS_MAX) return
    this.#told = now
    this.#toldMs = nowMs()
    const count = seen.reduce((sum, one) => sum + one.count, 0)
    const shares: Share[] =
      seenMs > 0
        ? seen.map(({ ms, count: own, sq }, place) => ({
            place,
            part: ms / seenMs,
            turns: count > 0 ? own / count : ms / seenMs,
            sqPart: sq / seenMs,
          }))
        : [{ place: this.#nobody(), part: 1, turns: 1, sqPart: 0 }]
    this.#remember()
    const cpu = usage.resource('cpu', 'cpu')
    const loop = usage.resource('loop', 'queue')
    const gc = usage.resource('gc', 'cpu')
    const meanWaitMs = this.#parts.wait.take()
    for (const share of shares) {
      if (share.part <= 0 && share.turns <= 0) continue
      if (cpu !== undefined) divideCpu(cpu, fresh, share)
      if (loop !== undefined) divideLoop(loop, { fresh, meanWaitMs }, share)
      if (gc !== undefined) divideGc(gc, fresh, share)
    }
  }

  /** `restMs`: of the one before, in which nothing is looked at. */
  #period(restMs: number): void {
    if (!this.#isRunning) return
    this.#adapt()
    const openMs = this.#duty * CPU_PERIOD_MS
    if (this.#duty >= 1) return this.#look(CPU_PERIOD_MS, 0)
    this.#segments.close()
    const beforeMs = this.#parts.random() * (CPU_PERIOD_MS - openMs)
    this.#later(restMs + beforeMs, () => this.#look(openMs, CPU_PERIOD_MS - openMs - beforeMs))
  }

  #look(ms: number, restMs: number): void {
    this.#segments.open()
    this.#later(ms, () => this.#period(restMs))
  }

  #later(ms: number, fn: () => void): void {
    this.#timer = this.#parts.detached(() => setTimeout(fn, ms).unref())
  }

  /** So much that looking takes its budget, of the CPU time that the process took meanwhile. */
  #adapt(): void {
    const { cpuMs } = this.#parts.totals()
    const spentMs = cpuMs - this.#periodCpuMs
    this.#periodCpuMs = cpuMs
    const lookedMs = (this.#segments.takeLooks() * CPU_LOOK_NS) / 1e6
    if (lookedMs <= 0 || spentMs <= 0) {
      this.#duty = Math.min(1, this.#duty * 2)
      return
    }
    // As if it had been open all the time.
    const whole = lookedMs / this.#duty / spentMs
    const wanted = Math.min(1, Math.max(CPU_DUTY_MIN, CPU_BUDGET / whole))
    // Periods differ: half way is soon enough, and does not swing.
    this.#duty = Math.min(1, (this.#duty + wanted) / 2 + (wanted === 1 ? 0.05 : 0))
  }

  #seen(): readonly Seen[] {
    const { seen } = this.#segments
    return Array.from({ length: seen.length }, (_, place) => {
      const before = this.#seenBefore[place] ?? { ms: 0, count: 0, sq: 0 }
      const now = seenAt(seen, place)
      return { ms: now.ms - before.ms, count: now.count - before.count, sq: now.sq - before.sq }
    })
  }

  #remember(): void {
    const { seen } = this.#segments
    this.#seenBefore = Array.from({ length: seen.length }, (_, place) => seenAt(seen, place))
  }

  /** Places were given anew. */
  renewed(): void {
    this.#segments.seen.clear()
    this.#seenBefore = []
  }

  #nobody(): number {
    const { nobody } = this.#parts.usage.payers
    return nobody.kind === 'one' ? nobody.place : 0
  }
}

type Seen = { readonly ms: number; readonly count: number; readonly sq: number }
/** Of one workflow: of the time, of the callbacks, and its squares for each ms of the time. */
type Share = {
  readonly place: number
  readonly part: number
  readonly turns: number
  readonly sqPart: number
}

const seenAt = (seen: Columns, place: number): Seen => ({
  ms: seen.loadOf(place),
  count: seen.countOf(place),
  sq: seen.serviceSqOf(place),
})

function since(now: LoopTotals, before: LoopTotals): LoopTotals {
  const fresh = (a: number, b: number): number => (a > b ? a - b : 0)
  return {
    cpuMs: fresh(now.cpuMs, before.cpuMs),
    busyMs: fresh(now.busyMs, before.busyMs),
    events: fresh(now.events, before.events),
    gcMs: fresh(now.gcMs, before.gcMs),
    gcCount: fresh(now.gcCount, before.gcCount),
  }
}

/** Waiting for a CPU: busy, and not running. */
function divideCpu(columns: Columns, { cpuMs, busyMs, events }: LoopTotals, share: Share): void {
  const running = busyMs > 0 ? Math.min(1, cpuMs / busyMs) : 1
  const serviceMs = cpuMs * share.part
  columns.add(share.place, {
    count: events * share.turns,
    load: serviceMs,
    waitMs: Math.max(0, busyMs - cpuMs) * share.part,
    waitSq: 0,
    serviceMs,
    serviceSq: busyMs * share.sqPart * running * running,
  })
}

/** Each callback waited as long as one that came at any time would have. */
function divideLoop(
  columns: Columns,
  { fresh, meanWaitMs }: { readonly fresh: LoopTotals; readonly meanWaitMs: number },
  share: Share,
): void {
  const count = fresh.events * share.turns
  const serviceMs = fresh.busyMs * share.part
  columns.add(share.place, {
    count,
    load: serviceMs,
    waitMs: count * meanWaitMs,
    waitSq: count * meanWaitMs * meanWaitMs,
    serviceMs,
    serviceSq: fresh.busyMs * share.sqPart,
  })
}

function divideGc(columns: Columns, { busyMs, gcMs, gcCount }: LoopTotals, share: Share): void {
  const serviceMs = Math.max(0, busyMs - gcMs) * share.part
  const waitMs = gcMs * share.part
  columns.add(share.place, {
    count: gcCount * share.part,
    load: waitMs,
    waitMs,
    waitSq: 0,
    serviceMs,
    serviceSq: 0,
  })
}
