// Starts the feature worker: the thread that evaluates features and writes datasets. Features are
// asked of users, so they run apart from everything else, and one that hangs is ended with its thread.
//
//   server/ -- startFeatureWorker({ store }) --> Worker (feature-worker.ts)
//   startTraceWorker({ features: handle.connect() })   traces come over that port, settled messages back
//
// The handle lives in the thread that starts it. When the worker dies, `exited` resolves; a new one
// and a new trace worker are started, and the log tells again of what was not settled.

import { extname } from 'node:path'
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
import type { StoreLocation } from '#store'
import type { BackfillJob } from './datasets/backfills.ts'
import type { StoredDataset } from './datasets/definition.ts'
import type { FeatureAnswer, FeatureRequest, FeatureWorkerData } from './datasets/feature-messages.ts'
import type { FeatureStats } from './datasets/feature-pipeline.ts'
import { FEATURE_HEAP_MB_MAX, PING_MS, SILENCE_MS_MAX } from './datasets/limits.ts'
import type { Trial } from './datasets/trials.ts'

export type FeatureWorkerOptions = {
  readonly store: StoreLocation
  readonly suspects: readonly number[]
  readonly onBackfill: (job: BackfillJob) => void
}

export type FeatureWorkerHandle = {
  /** A port for the trace worker; the one before is closed. */
  connect(): MessagePort
  setDatasets(datasets: readonly StoredDataset[], dropped: readonly number[]): void
  backfill(job: BackfillJob): void
  cancelBackfill(id: string): void
  /** Errors: FeatureWorkerError. */
  tryOut(dataset: StoredDataset): Promise<Trial>
  /** undefined while it does not answer. */
  stats(): Promise<FeatureStats | undefined>
  /** The table of the dataset in which it hung when it was ended. */
  readonly suspect: () => number | undefined
  close(): Promise<void>
  readonly exited: Promise<Error | undefined>
}

export class FeatureWorkerError extends Error {
  override readonly name = 'FeatureWorkerError'
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

type Waiting = { resolve(answer: FeatureAnswer): void; reject(error: FeatureWorkerError): void }

export function startFeatureWorker(options: FeatureWorkerOptions): FeatureWorkerHandle {
  const evaluating = new SharedArrayBuffer(4)
  const workerData: FeatureWorkerData = { store: options.store, suspects: options.suspects, evaluating }
  const entry = new URL(`./feature-worker${extname(import.meta.url)}`, import.meta.url)
  const worker = new Worker(entry, {
    workerData,
    name: 'features',
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: FEATURE_HEAP_MB_MAX },
  })
  const waiting = new Map<number, Waiting>()
  let nextId = 1
  let isOver = false
  let heardMs = performance.now()
  let suspect: number | undefined
  let failure: Error | undefined
  const tell = (request: FeatureRequest, transfer: readonly MessagePort[] = []): void => {
    if (!isOver) worker.postMessage(request, [...transfer])
  }
  const ask = (make: (id: number) => FeatureRequest): Promise<FeatureAnswer> => {
    const gone = new FeatureWorkerError('E_STARTING', 'features are being restarted')
    if (isOver) return Promise.reject(gone)
    const id = nextId++
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      tell(make(id))
    })
  }
  worker.on('message', (answer: FeatureAnswer) => {
    heardMs = performance.now()
    if (answer.kind === 'backfill') return options.onBackfill(answer.job)
    const waiter = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (answer.kind === 'failed') waiter?.reject(new FeatureWorkerError(answer.code, answer.message))
    else waiter?.resolve(answer)
  })
  worker.on('error', (error: unknown) => {
    failure = error instanceof Error ? error : new Error(String(error))
  })
  const stats = async (): Promise<FeatureStats | undefined> => {
    const answer = await ask((id) => ({ kind: 'stats', id })).catch(() => undefined)
    return answer?.kind === 'stats' ? answer.stats : undefined
  }
  // Its event loop answers between slices of some ms; silence means that it hangs in somebody's features.
  const watch = setInterval(() => {
    if (performance.now() - heardMs < SILENCE_MS_MAX) return void stats()
    suspect = Atomics.load(new Int32Array(evaluating), 0) || undefined
    failure = new Error(
      `features hung${suspect === undefined ? '' : ` in those of table dataset_${suspect}`}`,
    )
    void worker.terminate()
  }, PING_MS)
  watch.unref()
  const exited = new Promise<Error | undefined>((resolve) => {
    worker.on('exit', () => {
      isOver = true
      clearInterval(watch)
      for (const { reject } of waiting.values())
        reject(new FeatureWorkerError('E_STARTING', 'features are being restarted'))
      waiting.clear()
      resolve(failure)
    })
  })
  return {
    exited,
    stats,
    suspect: () => suspect,
    connect: () => {
      const { port1, port2 } = new MessageChannel()
      tell({ kind: 'connect', port: port2 }, [port2])
      return port1
    },
    setDatasets: (datasets, dropped) => tell({ kind: 'datasets', datasets, dropped }),
    backfill: (job) => tell({ kind: 'backfill', job }),
    cancelBackfill: (id) => tell({ kind: 'cancel', id }),
    tryOut: async (dataset) => {
      const answer = await ask((id) => ({ kind: 'try', id, dataset }))
      if (answer.kind === 'tried') return answer.trial
      throw new FeatureWorkerError('E_STARTING', 'features are being restarted')
    },
    close: async () => {
      tell({ kind: 'close' })
      await exited
    },
  }
}
