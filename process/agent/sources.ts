// Tracepoints that Node itself feeds: channels of node:diagnostics_channel, garbage collections, the delay of
// the event loop. Subscribed while some advice is at them, and not a moment longer.
//
//   channel:NAME            a message is published: its own values, by steps (request.method)
//   node.gc                 a collection has ended: kind, durationMs
//   node.eventloop.delay    once a second: p50Ms, p99Ms, maxMs
//
// A message is the host's object: nothing of it runs when it is read (host-values.ts).

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { PerformanceEntry } from 'node:perf_hooks'
import { valueIn } from './host-values.ts'
import { LOOP_BEAT_MS } from './limits.ts'

/** Runs the advice at a tracepoint; `own` gives its variables. */
export type Hit = (name: string, own: (variable: string) => unknown) => void

const CHANNEL = 'channel:'
const GC = 'node.gc'
const DELAY = 'node.eventloop.delay'
const DELAY_EVERY_MS = 1000

export const SOURCE_TRACEPOINTS = [
  { name: GC, vars: ['kind', 'durationMs'] },
  { name: DELAY, vars: ['p50Ms', 'p99Ms', 'maxMs'] },
] as const

/** Owned by one agent. */
export class Sources {
  readonly #hit: Hit
  #running = new Map<string, () => void>()

  constructor(hit: Hit) {
    this.#hit = hit
  }

  /** Exact names that advice is at; those that are no source are passed over. */
  want(names: Iterable<string>): void {
    const before = this.#running
    this.#running = new Map()
    for (const name of names) {
      if (this.#running.has(name)) continue
      const stop = before.get(name) ?? this.#start(name)
      if (stop !== undefined) this.#running.set(name, stop)
    }
    for (const [name, stop] of before) if (!this.#running.has(name)) stop()
  }

  #start(name: string): (() => void) | undefined {
    if (name.startsWith(CHANNEL)) return this.#listen(name)
    if (name === GC) return this.#watchCollections()
    return name === DELAY ? this.#watchDelay() : undefined
  }

  #listen(name: string): () => void {
    const channel = name.slice(CHANNEL.length)
    const onMessage = (message: unknown): void => this.#hit(name, (variable) => valueIn(message, variable))
    subscribe(channel, onMessage)
    return () => void unsubscribe(channel, onMessage)
  }

  #watchCollections(): () => void {
    const { PerformanceObserver } = process.getBuiltinModule('node:perf_hooks')
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) this.#hit(GC, (variable) => collectionValue(entry, variable))
    })
    observer.observe({ entryTypes: ['gc'] })
    return () => observer.disconnect()
  }

  #watchDelay(): () => void {
    const { monitorEventLoopDelay } = process.getBuiltinModule('node:perf_hooks')
    const histogram = monitorEventLoopDelay({ resolution: LOOP_BEAT_MS })
    histogram.enable()
    const ms = (ns: number): number => Math.max(0, ns / 1e6 - LOOP_BEAT_MS)
    const timer = setInterval(() => {
      const values = new Map([
        ['p50Ms', ms(histogram.percentile(50))],
        ['p99Ms', ms(histogram.percentile(99))],
        ['maxMs', ms(histogram.max)],
      ])
      histogram.reset()
      this.#hit(DELAY, (variable) => values.get(variable))
    }, DELAY_EVERY_MS).unref()
    return () => {
      clearInterval(timer)
      histogram.disable()
    }
  }
}

/** Names of the kinds of collection, by V8's numbers. */
const KINDS: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [1, 'minor'],
  [4, 'major'],
  [8, 'incremental'],
  [16, 'weak callbacks'],
])

function collectionValue(entry: PerformanceEntry, variable: string): unknown {
  if (variable === 'durationMs') return entry.duration
  if (variable !== 'kind') return undefined
  const detail: unknown = Reflect.get(entry, 'detail')
  return typeof detail === 'object' && detail !== null && 'kind' in detail
    ? (KINDS.get(detail.kind) ?? 'other')
    : 'other'
}
