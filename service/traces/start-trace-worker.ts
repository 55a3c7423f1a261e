// Starts the trace worker: the thread that takes sealed segments from the log into the store and assembles
// traces.
//
//   server/ -- startTraceWorker({ store, segments: ingest.connect() }) --> Worker (trace-worker.ts)
//
// The handle lives in the thread that starts it. When the worker dies, `exited` resolves and another is
// started with a new port from ingest: all segments not yet dropped are announced again, and the store's
// tokens make the replay harmless.

import { extname } from 'node:path'
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
import type { TailRule } from '#protocol'
import type { StoreLocation } from '#store'
import type { TailStats } from './tail-sampling.ts'
import type { Triggers } from './triggers.ts'

export type TraceWorkerOptions = {
  /** How the worker reaches the store that server/ owns: { socketPath: storeSocketPath(dir) } or { url }. */
  readonly store: StoreLocation
  /** From IngestHandle.connect(); moves to the worker. */
  readonly segments: MessagePort
  /** From FeatureWorkerHandle.connect(); moves to the worker. Without it there are no datasets. */
  readonly features?: MessagePort
  /** When traces are due; default DEFAULT_TRIGGERS. */
  readonly triggers?: Triggers
}

export type TraceWorkerStats = TailStats & {
  readonly segmentsInserted: number
  readonly spansInserted: number
  /** Sealed segments announced and not yet in the store. */
  readonly segmentsWaiting: number
  /** Summaries written, versions included. */
  readonly summariesWritten: number
  /** Summaries that the store could not compute, left out. */
  readonly summariesFailed: number
  /** Traces whose summary was computed again from the store: late spans, replays, duplicates. */
  readonly tracesReread: number
  /** Spans whose (trace id, span id) had been seen already. */
  readonly duplicateSpans: number
  /** Traces put out of memory early because it was full; their summary was written before. */
  readonly evictedTraces: number
  /** Traces with more spans than a trace may have in memory; stored whole, counted without deduplication. */
  readonly fencedTraces: number
  /** Records that could not be read: damaged, or of a newer format. */
  readonly damagedRecords: number
  readonly tracesInMemory: number
  readonly spansInMemory: number
  /** Received (by our clock) to durable in the store, the newest segment. */
  readonly lagMs: number
}

export type TraceWorkerHandle = {
  /** Which of the traces that are assembled from now on are kept; undefined = all. */
  setTail(rule: TailRule | undefined): void
  stats(): Promise<TraceWorkerStats>
  /** Finishes the segment under way, writes the summaries that are due. */
  close(): Promise<void>
  /** Resolves when the thread has ended, with what ended it if that was an error. */
  readonly exited: Promise<Error | undefined>
}

/** What the worker is asked, on its own port. */
export type TraceWorkerRequest =
  | { readonly kind: 'stats'; readonly id: number }
  | { readonly kind: 'tail'; readonly rule: TailRule | undefined }
  | { readonly kind: 'close' }
export type TraceWorkerAnswer = { readonly id: number; readonly stats: TraceWorkerStats }
export type TraceWorkerData = {
  readonly store: StoreLocation
  readonly segments: MessagePort
  readonly features?: MessagePort
  readonly triggers?: Triggers
  readonly control: MessagePort
}

export function startTraceWorker(options: TraceWorkerOptions): TraceWorkerHandle {
  const { port1, port2 } = new MessageChannel()
  const { store, segments, features, triggers } = options
  const workerData: TraceWorkerData = {
    store,
    segments,
    control: port2,
    ...(features === undefined ? {} : { features }),
    ...(triggers === undefined ? {} : { triggers }),
  }
  const entry = new URL(`./trace-worker${extname(import.meta.url)}`, import.meta.url)
  const worker = new Worker(entry, {
    workerData,
    transferList: [segments, port2, ...(features === undefined ? [] : [features])],
    name: 'traces',
    execArgv: [],
  })
  const waiting = new Map<number, (stats: TraceWorkerStats) => void>()
  let lastStats = NO_STATS
  let nextId = 1
  let isOver = false
  port1.on('message', (answer: TraceWorkerAnswer) => {
    lastStats = answer.stats
    waiting.get(answer.id)?.(answer.stats)
    waiting.delete(answer.id)
  })
  const exited = new Promise<Error | undefined>((resolve) => {
    let failure: Error | undefined
    worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error))
    })
    worker.on('exit', () => {
      isOver = true
      port1.close()
      for (const answer of waiting.values()) answer(lastStats)
      resolve(failure)
    })
  })
  const ask = (request: TraceWorkerRequest): void => port1.postMessage(request)
  return {
    exited,
    setTail: (rule) => ask({ kind: 'tail', rule }),
    stats: () =>
      isOver
        ? Promise.resolve(lastStats)
        : new Promise((resolve) => {
            const id = nextId++
            waiting.set(id, resolve)
            ask({ kind: 'stats', id })
          }),
    close: async () => {
      if (!isOver) ask({ kind: 'close' })
      await exited
    },
  }
}

const NO_STATS: TraceWorkerStats = {
  segmentsInserted: 0,
  spansInserted: 0,
  segmentsWaiting: 0,
  summariesWritten: 0,
  summariesFailed: 0,
  tracesReread: 0,
  duplicateSpans: 0,
  evictedTraces: 0,
  fencedTraces: 0,
  damagedRecords: 0,
  tracesInMemory: 0,
  spansInMemory: 0,
  lagMs: 0,
  tailKept: { policy: 0, failed: 0, slow: 0, rare: 0, chance: 0, late: 0 },
  tailDropped: 0,
  tailDeleted: 0,
}
