// Wires ingest, trace worker, store and read thread, and keeps each of them alive.
//
//   ingest --sealed segments (MessagePort)--> trace worker --> store child <-- read thread <-- API
// The four know nothing of each other but the port and the store's socket. A trace worker that died gets a
// new port: ingest announces on it all that is not dropped yet.

import path from 'node:path'
import type { Clock } from '#base'
import { openStore, storeSocketPath } from '#store'
import { startIngest, startTraceWorker, type IngestHandle, type TraceWorkerHandle } from '#traces'
import { metricsOf, type Metric } from './metrics.ts'
import { isLoopback, type Config } from './options.ts'
import { portBusy } from './port-holder.ts'
import { ReadThread } from './read-thread.ts'
import type { Read, Reads } from './reads.ts'
import { RequestError } from './server-error.ts'
import { Supervisor, type PartStatus } from './supervisor.ts'

/** What the rest of the server needs of the pipeline; tests of the HTTP surface give one of their own. */
export type Pipeline = {
  readonly otlp: { readonly host: string; readonly port: number }
  readonly reads: Reads
  parts(): readonly PartStatus[]
  metrics(): Promise<Metric[]>
  close(): Promise<void>
}

export type PipelineOptions = { readonly config: Config; readonly clock: Clock; readonly agentToken: string }

const GAUGES = new Set([
  'logBytesLive',
  'segmentsLive',
  'syncMsMax',
  'isReady',
  'childPid',
  'segmentsWaiting',
  'tracesInMemory',
  'spansInMemory',
  'lagMs',
])
/** Auto-port tries this many ports for OTLP. */
const OTLP_PORTS_MAX = 50

/** Errors: E_PORT_BUSY for the OTLP port; what the log says when its folder cannot be used. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { config, clock } = options
  const storeDir = path.join(config.dataDir, 'store')
  const store = openStore({
    dir: storeDir,
    ...(config.retentionHours === undefined ? {} : { retentionHours: config.retentionHours }),
  })
  // Its failure shows in /readyz and in the answers; it must not end the process as an unhandled rejection.
  store.ready().catch((error: unknown) => config.log(`the store is not ready: ${String(error)}`))
  let ingest: IngestHandle
  try {
    ingest = await startIngestOnPort(options)
  } catch (error: unknown) {
    await store.close()
    throw error
  }
  const location = { socketPath: storeSocketPath(storeDir) }
  const common = { clock, log: config.log }
  const traces = new Supervisor<TraceWorkerHandle>({
    ...common,
    name: 'trace worker',
    start: async () => startTraceWorker({ store: location, segments: ingest.connect() }),
  })
  const reader = new Supervisor<ReadThread>({
    ...common,
    name: 'read thread',
    start: async () => new ReadThread(location),
  })
  await Promise.all([traces.start(), reader.start()])
  const reads: Reads = { read: (read: Read) => reader.part?.read(read) ?? Promise.reject(restarting()) }
  return {
    otlp: { host: ingest.host, port: ingest.port },
    reads,
    parts: () => [storeStatus(store.stats()), traces.status(), reader.status()],
    metrics: async () => [
      ...metricsOf('ingest', await ingest.stats(), GAUGES),
      ...metricsOf('traces', (await traces.part?.stats()) ?? {}, GAUGES),
      ...metricsOf('store', store.stats(), GAUGES),
    ],
    close: async () => {
      await ingest.close()
      await Promise.all([traces.close(), reader.close()])
      await store.close()
    },
  }
}

function restarting(): RequestError {
  return new RequestError(503, 'E_STARTING', 'reading is being restarted', 'try again in a second')
}

function storeStatus({
  isReady,
  childStarts,
}: {
  readonly isReady: boolean
  readonly childStarts: number
}): PartStatus {
  return { name: 'store', state: isReady ? 'running' : 'starting', restarts: Math.max(0, childStarts - 1) }
}

async function startIngestOnPort({ config, agentToken }: PipelineOptions): Promise<IngestHandle> {
  const last = config.autoPort && config.otlpPort !== 0 ? config.otlpPort + OTLP_PORTS_MAX : config.otlpPort
  for (let port = config.otlpPort; port <= last; port++) {
    try {
      return await startIngest({
        host: config.host,
        port,
        dir: path.join(config.dataDir, 'log'),
        allowedOrigins: config.otlpOrigins,
        allowedHosts: config.allowedHosts,
        ...(isLoopback(config.host) ? {} : { token: agentToken }),
      })
    } catch (error: unknown) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    }
  }
  throw portBusy(config.otlpPort, '--otlp-port')
}
