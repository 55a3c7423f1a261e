// Wires ingest, trace worker, store and read thread, and keeps each of them alive.
//
//   ingest --sealed segments (MessagePort)--> trace worker --> store child <-- read thread <-- API
// The four know nothing of each other but the port and the store's socket. A trace worker that died gets a
// new port: ingest announces on it all that is not dropped yet.

import type { IncomingMessage } from 'node:http'
import path from 'node:path'
import type { Clock } from '#base'
import { openStore, storeSocketPath, type StoreLocation, type StoreStats } from '#store'
import {
  startIngest,
  startTraceWorker,
  type ImportCounts,
  type IngestHandle,
  type TraceWorkerHandle,
} from '#traces'
import { Imports } from './imports.ts'
import { metricsOf, type Metric } from './metrics.ts'
import { isLoopback, type Config } from './options.ts'
import { portBusy } from './port-holder.ts'
import { ReadThread } from './read-thread.ts'
import type { Read, Reads } from './reads.ts'
import { RequestError } from './server-error.ts'
import { Supervisor, type Part, type PartStatus } from './supervisor.ts'

/** What the rest of the server needs of the pipeline; tests of the HTTP surface give one of their own. */
export type Pipeline = {
  readonly otlp: { readonly host: string; readonly port: number }
  readonly reads: Reads
  /** Resolves when durable. Errors: RequestError. */
  importFile(request: IncomingMessage, format: string): Promise<ImportCounts>
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
  const { config } = options
  const storeDir = path.join(config.dataDir, 'store')
  const { retentionHours } = config
  const store = openStore({ dir: storeDir, ...(retentionHours === undefined ? {} : { retentionHours }) })
  // Its failure shows in /readyz and in the answers; it must not end the process as an unhandled rejection.
  let isClosing = false
  store.ready().catch((error: unknown) => {
    if (!isClosing) config.log(`the store is not ready: ${String(error)}`)
  })
  const parts = superviseParts(options, { socketPath: storeSocketPath(storeDir) })
  let first: IngestPart
  try {
    first = await parts.ingest.start()
  } catch (error: unknown) {
    isClosing = true
    await store.close()
    throw error
  }
  await Promise.all([parts.traces.start(), parts.reader.start()])
  const reads: Reads = { read: (read: Read) => parts.reader.part?.read(read) ?? Promise.reject(restarting()) }
  const imports = new Imports(() => parts.ingest.part?.handle)
  const supervisors = [parts.ingest, parts.traces, parts.reader]
  return {
    otlp: { host: first.handle.host, port: first.handle.port },
    reads,
    importFile: (request, format) => imports.take(request, format),
    parts: () => [storeStatus(store.stats()), ...supervisors.map((supervisor) => supervisor.status())],
    metrics: async () => [
      ...metricsOf('ingest', (await parts.ingest.part?.handle.stats()) ?? {}, GAUGES),
      ...metricsOf('traces', (await parts.traces.part?.stats()) ?? {}, GAUGES),
      ...metricsOf('store', store.stats(), GAUGES),
      restartsOf(supervisors.map((supervisor) => supervisor.status())),
    ],
    close: async () => {
      isClosing = true
      await parts.ingest.close()
      await Promise.all([parts.traces.close(), parts.reader.close()])
      await store.close()
    },
  }
}

type IngestPart = Part & { readonly handle: IngestHandle }

type Parts = {
  readonly ingest: Supervisor<IngestPart>
  readonly traces: Supervisor<TraceWorkerHandle>
  readonly reader: Supervisor<ReadThread>
}

function superviseParts(options: PipelineOptions, store: StoreLocation): Parts {
  const common = { clock: options.clock, log: options.config.log }
  let port: number | undefined
  const ingest = new Supervisor<IngestPart>({
    ...common,
    name: 'ingest',
    start: async () => {
      const isAgain = port !== undefined
      const handle = await startIngestOnPort(options, port)
      port = handle.port
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
      if (segments === undefined) throw new Error('ingest is not running')
      return startTraceWorker({ store, segments })
    },
  })
  const reader = new Supervisor<ReadThread>({
    ...common,
    name: 'read thread',
    start: async () => new ReadThread(store),
  })
  return { ingest, traces, reader }
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

/** `again` = the port it had before: agents know that one, so it is the only one that will do. */
async function startIngestOnPort(options: PipelineOptions, again: number | undefined): Promise<IngestHandle> {
  const { config, agentToken } = options
  const wanted = again ?? config.otlpPort
  const last = config.autoPort && wanted !== 0 && again === undefined ? wanted + OTLP_PORTS_MAX : wanted
  for (let port = wanted; port <= last; port++) {
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
  throw portBusy(wanted, '--otlp-port')
}
