// Entry of the feature worker thread: wires ports and pipeline; see start-feature-worker.ts and
// datasets/feature-pipeline.ts.

import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { nodeClock, nodeRandom } from '#log'
import { openStore } from '#store'
import { compileDataset } from './datasets/compile-dataset.ts'
import type {
  FeatureAnswer,
  FeatureRequest,
  FeatureWorkerData,
  FromFeatures,
  ToFeatures,
} from './datasets/feature-messages.ts'
import { FeaturePipeline } from './datasets/feature-pipeline.ts'

async function main(data: FeatureWorkerData): Promise<void> {
  const store = openStore(data.store)
  const evaluating = new Int32Array(data.evaluating)
  const tell = (answer: FeatureAnswer): void => parentPort?.postMessage(answer)
  let traces: MessagePort | undefined
  const pipeline = new FeaturePipeline({
    store,
    clock: nodeClock,
    random: nodeRandom,
    cpuMs,
    compile: compileDataset,
    evaluating: (tableId) => void Atomics.store(evaluating, 0, tableId),
    settled: (id) => {
      const message: FromFeatures = { kind: 'settled', id }
      traces?.postMessage(message)
    },
    backfilled: (job) => tell({ kind: 'backfill', job }),
    suspects: data.suspects,
  })
  const connect = (port: MessagePort): void => {
    // A new trace worker: the log tells it again of all that the one before was not told is settled.
    traces?.close()
    traces = port
    port.on('message', (message: ToFeatures) => {
      if (message.kind === 'batch') pipeline.batch(message.payload)
      else pipeline.due(message.id, message.traces, message.isLast)
    })
  }
  const answer = async (id: number, make: () => Promise<FeatureAnswer>): Promise<void> => {
    try {
      tell(await make())
    } catch (error: unknown) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_FEATURES'
      tell({ kind: 'failed', id, code, message: error instanceof Error ? error.message : String(error) })
    }
  }
  const close = async (): Promise<void> => {
    await pipeline.close()
    await store.close()
    traces?.close()
    parentPort?.close()
  }
  parentPort?.on('message', (request: FeatureRequest) => {
    switch (request.kind) {
      case 'connect':
        return connect(request.port)
      case 'datasets':
        return pipeline.setDatasets(request.datasets, request.dropped)
      case 'backfill':
        return pipeline.backfill(request.job)
      case 'cancel':
        return pipeline.cancelBackfill(request.id)
      case 'stats':
        return tell({ kind: 'stats', id: request.id, stats: pipeline.stats() })
      case 'try':
        return void answer(request.id, async () => ({
          kind: 'tried',
          id: request.id,
          trial: await pipeline.tryOut(request.dataset),
        }))
      case 'close':
        return void close()
    }
  })
  await pipeline.start()
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

// A rejected start ends the thread with its error, which the handle reports as `exited`.
await main(workerData)
