// Wires ingest, trace worker, store and read thread, and keeps each of them alive.
//
//   ingest --sealed segments (MessagePort)--> trace worker --> store child <-- read thread <-- API
//                                                `--due traces--> feature worker --> store child
// They know nothing of each other but the ports and the store's socket. A trace worker that died gets new
// ports: ingest announces on it all that is not dropped yet. When ingest or the feature worker died,
// the trace
// worker is ended too, so that its successor is connected to theirs.

import type { IncomingMessage } from 'node:http'
import path from 'node:path'
import type { Clock } from '#base'
import type { TailRule } from '#protocol'
import { openStore, storeSocketPath, type StoreLocation, type StoreStats } from '#store'
import {
  IngestError,
  startFeatureWorker,
  startIngest,
  startTraceWorker,
  type FeatureWorkerHandle,
  type ImportCounts,
  type IngestHandle,
  type TraceWorkerHandle,
} from '#traces'
import type { Datasets } from './datasets.ts'
import { Imports } from './imports.ts'
import { featureMetrics } from './feature-metrics.ts'
import { metricsOf, type Metric } from './metrics.ts'
import { isLoopback, triggersOf, type Config } from './options.ts'
import { portBusy } from './port-holder.ts'
import { ReadThread } from './read-thread.ts'
import type { Read, Reads } from './reads.ts'
import { RequestError } from './server-error.ts'
import { Supervisor, type Part, type PartStatus } from './supervisor.ts'

/** What the rest of the server needs of the pipeline; tests of the HTTP surface give one of their own. */
export type Pipeline = {
  readonly otlp: { readonly host: string; readonly port: number; readonly grpcPort?: number }
  readonly reads: Reads
  /** undefined while it is being restarted. */
  features(): Pick<FeatureWorkerHandle, 'stats' | 'tryOut'> | undefined
  /** Resolves when durable. Errors: RequestError. */
  importFile(request: IncomingMessage, format: string): Promise<ImportCounts>
  /**
   * What is kept of the traces that came; undefined = all. In force for traces that are assembled from now
   * on.
   */
  setTail(rule: TailRule | undefined): void
  parts(): readonly PartStatus[]
  metrics(): Promise<Metric[]>
  close(): Promise<void>
}

export type PipelineOptions = {
  readonly config: Config
  readonly clock: Clock
  readonly agentToken: string
  /** Absent = pages of no origin may send. */
  readonly pageKey?: string
  readonly datasets: Datasets
  /** See `setTail`. */
  readonly tail: TailRule | undefined
}

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
  const { config } = options
  const storeDir = path.join(config.dataDir, 'store')
  const { retentionHours } = config
  const store = openStore({ dir: storeDir, ...(retentionHours === undefined ? {} : { retentionHours }) })
  // Its failure shows in /readyz and in the answers; it must not end the process as an unhandled rejection.
  let isClosing = false
  store.ready().catch((error: unknown) => {
    if (!isClosing) config.log(`the store is not ready: ${String(error)}`)
  })
  let { tail } = options
  const parts = superviseParts(options, { socketPath: storeSocketPath(storeDir) }, () => tail)
  let first: IngestPart
  try {
    first = await parts.ingest.start()
  } catch (error: unknown) {
    isClosing = true
    await store.close()
    throw error
  }
  await parts.features.start()
  await Promise.all([parts.traces.start(), parts.reader.start()])
  const reads: Reads = { read: (read: Read) => parts.reader.part?.read(read) ?? Promise.reject(restarting()) }
  const imports = new Imports(() => parts.ingest.part?.handle)
  const supervisors = [parts.ingest, parts.traces, parts.features, parts.reader]
  return {
    otlp: otlpOf(first.handle),
    reads,
    features: () => parts.features.part,
    importFile: (request, format) => imports.take(request, format),
    setTail: (rule) => {
      tail = rule
      parts.traces.part?.setTail(rule)
    },
    parts: () => [storeStatus(store.stats()), ...supervisors.map((supervisor) => supervisor.status())],
    metrics: async () => [
      ...metricsOf('ingest', (await parts.ingest.part?.handle.stats()) ?? {}, GAUGES),
      ...metricsOf('traces', (await parts.traces.part?.stats()) ?? {}, GAUGES),
      ...featureMetrics(await parts.features.part?.stats()),
      ...metricsOf('store', store.stats(), GAUGES),
      restartsOf(supervisors.map((supervisor) => supervisor.status())),
    ],
    close: async () => {
      isClosing = true
      await parts.ingest.close()
      // What the trace worker summarised last is evaluated before features end.
      await Promise.all([parts.traces.close(), parts.reader.close()])
      await parts.features.close()
      await store.close()
    },
  }
}

const otlpOf = ({ host, port, grpcPort }: IngestHandle): Pipeline['otlp'] => ({
  host,
  port,
  ...(grpcPort === undefined ? {} : { grpcPort }),
})

type IngestPart = Part & { readonly handle: IngestHandle }

type Parts = {
  readonly ingest: Supervisor<IngestPart>
  readonly traces: Supervisor<TraceWorkerHandle>
  readonly features: Supervisor<FeatureWorkerHandle>
  readonly reader: Supervisor<ReadThread>
}

function superviseParts(
  options: PipelineOptions,
  store: StoreLocation,
  tail: () => TailRule | undefined,
): Parts {
  const common = { clock: options.clock, log: options.config.log }
  let ports: Ports | undefined
  const ingest = new Supervisor<IngestPart>({
    ...common,
    name: 'ingest',
    start: async () => {
      const isAgain = ports !== undefined
      const handle = await startIngestOnPorts(options, ports)
      ports = handle
      // The trace worker listens to the one that died: its successor will ask the new one for what is
      // waiting.
      if (isAgain) void traces.part?.close()
      return { handle, exited: handle.exited.then(() => undefined), close: () => handle.close() }
    },
  })
  const traces = new Supervisor<TraceWorkerHandle>({
    ...common,
    name: 'trace worker',
    start: async () => {
      const segments = ingest.part?.handle.connect()
      const port = features.part?.connect()
      if (segments === undefined || port === undefined)
        throw new Error(`${segments === undefined ? 'ingest' : 'the feature worker'} is not running`)
      const handle = startTraceWorker({
        store,
        segments,
        features: port,
        triggers: triggersOf(options.config),
      })
      handle.setTail(tail())
      return handle
    },
  })
  const suspects: number[] = []
  let isFirstWorker = true
  const features = new Supervisor<FeatureWorkerHandle>({
    ...common,
    name: 'feature worker',
    start: async () => {
      const { datasets } = options
      const handle = startFeatureWorker({ store, suspects, onBackfill: (job) => datasets.tookStep(job) })
      datasets.connect(handle)
      void handle.exited.then(() => {
        const suspect = handle.suspect()
        if (suspect !== undefined) suspects.push(suspect)
      })
      if (!isFirstWorker) void traces.part?.close()
      isFirstWorker = false
      return handle
    },
  })
  const reader = new Supervisor<ReadThread>({
    ...common,
    name: 'read thread',
    start: async () => new ReadThread(store),
  })
  return { ingest, traces, features, reader }
}

function restartsOf(statuses: readonly PartStatus[]): Metric {
  const samples = statuses.map(({ name, restarts }) => ({ labels: { part: name }, value: restarts }))
  return { name: 'crosscut_part_restarts_total', help: 'Restarts of a part.', type: 'counter', samples }
}

function restarting(): RequestError {
  return new RequestError(503, 'E_STARTING', 'reading is being restarted', 'try again in a second')
}

function storeStatus({ isReady, hasFailed, childStarts, trouble }: StoreStats): PartStatus {
  return {
    name: 'store',
    state: isReady ? 'running' : hasFailed ? 'failed' : 'starting',
    restarts: Math.max(0, childStarts - 1),
    ...(trouble === undefined ? {} : { lastError: trouble }),
  }
}

type Ports = { readonly port: number; readonly grpcPort?: number }

/**
 * `again` = the ports it had before: agents know them, so no others will do. With auto-port each of the two
 * goes up by itself.
 */
async function startIngestOnPorts(options: PipelineOptions, again: Ports | undefined): Promise<IngestHandle> {
  const { config, agentToken, pageKey } = options
  const wanted = { http: again?.port ?? config.otlpPort, grpc: again?.grpcPort ?? config.otlpGrpcPort }
  const tried = { ...wanted }
  const isAuto = config.autoPort && again === undefined
  for (;;) {
    try {
      return await startIngest({
        host: config.host,
        port: tried.http,
        grpcPort: tried.grpc,
        dir: path.join(config.dataDir, 'log'),
        allowedOrigins: config.otlpOrigins,
        allowedHosts: config.allowedHosts,
        ...(pageKey === undefined ? {} : { pageKey }),
        ...(config.countryHeader === undefined ? {} : { countryHeader: config.countryHeader }),
        ...(isLoopback(config.host) ? {} : { token: agentToken }),
      })
    } catch (error: unknown) {
      if (!(error instanceof IngestError && error.code === 'EADDRINUSE')) throw error
      const which = error.listener ?? 'http'
      if (!isAuto || tried[which] >= wanted[which] + OTLP_PORTS_MAX)
        throw portBusy(wanted[which], PORT_FLAGS[which])
      tried[which]++
    }
  }
}

const PORT_FLAGS = { http: '--otlp-port', grpc: '--otlp-grpc-port' }
