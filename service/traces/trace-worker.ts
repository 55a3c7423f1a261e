// Entry of the trace worker thread: wires ports and pipeline; see start-trace-worker.ts and
// trace-pipeline.ts.

import { workerData } from 'node:worker_threads'
import { nodeClock, nodeDisk, nodeRandom } from '#log'
import { openStore } from '#store'
import type { ConsumerToIngest, IngestToConsumer } from './ingest.ts'
import type { TraceWorkerAnswer, TraceWorkerData, TraceWorkerRequest } from './start-trace-worker.ts'
import { TraceFeatures } from './trace-features.ts'
import { TracePipeline } from './trace-pipeline.ts'

async function main(data: TraceWorkerData): Promise<void> {
  const store = openStore(data.store)
  const drop = (segmentId: string): void => {
    const message: ConsumerToIngest = { kind: 'drop', segmentId }
    data.segments.postMessage(message)
  }
  const features = data.features === undefined ? undefined : new TraceFeatures(data.features)
  const pipeline = new TracePipeline({
    store,
    drop,
    disk: nodeDisk,
    clock: nodeClock,
    random: nodeRandom,
    ...(data.triggers === undefined ? {} : { triggers: data.triggers }),
    ...(features === undefined ? {} : { features }),
  })
  data.segments.on('message', (message: IngestToConsumer) => pipeline.announce(message.segment))
  data.control.on('message', (request: TraceWorkerRequest) => {
    if (request.kind === 'close') return void close()
    if (request.kind === 'tail') return pipeline.setTail(request.rule)
    const answer: TraceWorkerAnswer = { id: request.id, stats: pipeline.stats() }
    data.control.postMessage(answer)
  })
  const close = async (): Promise<void> => {
    await pipeline.close()
    await store.close()
    data.segments.close()
    features?.close()
    data.control.close()
  }
  await pipeline.start()
}

// A rejected start ends the thread with its error, which the handle reports as `exited`.
await main(workerData)
