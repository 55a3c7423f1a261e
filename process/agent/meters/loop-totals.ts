// Reads what the system counts of this thread: CPU time, busy time of its loop, events, pauses for garbage.
//
// Everything is a total, so a reading that is missed loses nothing.

import type { LoopTotals } from './event-loop.ts'

/** Owns an observer of collections until it is closed. */
export class LoopClock {
  readonly #performance = process.getBuiltinModule('node:perf_hooks').performance
  readonly #observer: PerformanceObserverOf
  readonly #startedBusyMs: number
  #gcMs = 0
  #gcCount = 0

  constructor() {
    const { PerformanceObserver } = process.getBuiltinModule('node:perf_hooks')
    this.#observer = new PerformanceObserver((list) => this.#collected(list))
    this.#observer.observe({ entryTypes: ['gc'] })
    this.#startedBusyMs = this.#performance.eventLoopUtilization().active
  }

  read(): LoopTotals {
    return {
      cpuMs: threadCpuMs(),
      busyMs: this.#performance.eventLoopUtilization().active - this.#startedBusyMs,
      events: eventsOf(this.#performance.nodeTiming),
      gcMs: this.#gcMs,
      gcCount: this.#gcCount,
    }
  }

  close(): void {
    this.#observer.disconnect()
  }

  #collected(list: { getEntries(): readonly { readonly duration: number }[] }): void {
    for (const { duration } of list.getEntries()) {
      this.#gcMs += duration
      this.#gcCount += 1
    }
  }
}

type PerformanceObserverOf = InstanceType<typeof import('node:perf_hooks').PerformanceObserver>

/** Node counts them since 22.8, in every loop. */
function eventsOf(timing: object): number {
  const metrics: unknown = Reflect.get(timing, 'uvMetricsInfo')
  const events: unknown = typeof metrics === 'object' && metrics !== null ? Reflect.get(metrics, 'events') : 0
  return typeof events === 'number' ? events : 0
}

/** User and system. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
