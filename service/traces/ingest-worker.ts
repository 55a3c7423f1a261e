// Entry of the ingest thread: owns the OTLP listeners and the log, announces sealed segments, drops what the
// consumer has.
//
//   parent  --connect(port)--> every sealed segment is announced on the port, then each one as it is sealed
//           --stats(id)------> IngestStats
//           --import(id)-----> counts, once durable, or why not
//           --close----------> stops listening, answers what is under way, seals, exits

import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { nodeClock, nodeDisk, nodeRandom, openLog } from '#log'
import type { Log, SegmentInfo } from '#log'
import type { ImportAnswer, ImportQuestion } from './import-calls.ts'
import { importFile } from './import-file.ts'
import { BatchIngest } from './ingest-batch.ts'
import { ByteBudget } from './ingest-body.ts'
import { IngestCounters } from './ingest-counters.ts'
import { createGrpcServer } from './ingest-grpc.ts'
import { listen } from './listen.ts'
import { createIngestServer } from './ingest-http.ts'
import { BODY_BYTES_IN_FLIGHT_MAX } from './ingest-limits.ts'
import { refusalOf } from './ingest-refusal.ts'
import type {
  ConsumerToIngest,
  IngestOptions,
  IngestStats,
  IngestToConsumer,
  Listener,
  ParentToWorker,
  WorkerToParent,
} from './ingest.ts'

/**
 * Connections that are still busy when we close get so long; then they are cut, and their senders try again
 * elsewhere.
 */
const CLOSE_MS_MAX = 3000

async function main(parent: MessagePort, options: IngestOptions): Promise<void> {
  const tell = (message: WorkerToParent): void => parent.postMessage(message)
  const log = await openLog({ dir: options.dir, disk: nodeDisk, clock: nodeClock, random: nodeRandom })
  const counters = new IngestCounters()
  const ingest = new BatchIngest({
    log,
    clock: nodeClock,
    random: nodeRandom,
    yieldTurn: () => nextTurn(),
  })
  // One for both: it bounds what this thread holds.
  const budget = new ByteBudget(BODY_BYTES_IN_FLIGHT_MAX)
  const server = createIngestServer(ingest, options, counters, budget)
  const grpc = createGrpcServer(ingest, options, counters, budget)
  let isGrpcListening = false
  const consumers = new Set<MessagePort>()
  log.onSealed((segment) => consumers.forEach((port) => announce(port, segment)))

  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    const cut = setTimeout(() => server.closeAllConnections(), CLOSE_MS_MAX)
    await Promise.all([closed, isGrpcListening ? grpc.close(CLOSE_MS_MAX) : undefined])
    clearTimeout(cut)
    await log.close()
    for (const port of consumers) port.close()
    parent.close()
  }
  parent.on('message', (message: ParentToWorker) => {
    switch (message.kind) {
      case 'connect':
        return connect(log, message.port, consumers)
      case 'stats':
        return tell({ kind: 'stats', id: message.id, stats: statsOf(log, counters) })
      case 'import':
        return void answerImport(message, ingest, counters).then(tell)
      case 'close':
        return void close()
    }
  })
  const fail = async (error: unknown, listener: Listener): Promise<void> => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_INGEST'
    tell({ kind: 'failed', code, message: String(error), listener })
    server.close()
    await log.close()
    parent.close()
  }
  const { host, grpcPort } = options
  let port: number
  try {
    port = await listen(server, options)
  } catch (error: unknown) {
    return fail(error, 'http')
  }
  if (grpcPort === undefined) return tell({ kind: 'listening', port })
  try {
    const listening = await grpc.listen({ host, port: grpcPort })
    isGrpcListening = true
    tell({ kind: 'listening', port, grpcPort: listening })
  } catch (error: unknown) {
    await fail(error, 'grpc')
  }
}

function announce(port: MessagePort, segment: SegmentInfo): void {
  const message: IngestToConsumer = { kind: 'sealed', segment }
  port.postMessage(message)
}

function connect(log: Log, port: MessagePort, consumers: Set<MessagePort>): void {
  consumers.add(port)
  port.on('message', (message: ConsumerToIngest) => {
    // A failed drop is tried again with the next one; until then the segment only takes space.
    log.drop(message.segmentId).catch(() => {})
  })
  port.on('close', () => consumers.delete(port))
  for (const segment of log.segments()) announce(port, segment)
}

/** Never rejects. */
async function answerImport(
  { id, body, format }: ImportQuestion,
  ingest: BatchIngest,
  counters: IngestCounters,
): Promise<ImportAnswer> {
  counters.requests++
  const sizes = { wireBytes: body.length, decodedBytes: body.length }
  try {
    const counts = await importFile(ingest, body, format)
    counters.accept(counts, sizes)
    return { kind: 'imported', id, counts }
  } catch (error: unknown) {
    const { status, code, message, hint } = refusalOf(error)
    counters.refuse(status)
    return { kind: 'refused', id, status, why: { code, message, hint } }
  }
}

function statsOf(log: Log, counters: IngestCounters): IngestStats {
  const stats = log.stats()
  const {
    requests,
    grpcRequests,
    acceptedSpans,
    rejectedSpans,
    acceptedBatches,
    duplicateBatches,
    bodyBytes,
    decodedBytes,
    refused,
  } = counters
  return {
    requests,
    grpcRequests,
    acceptedSpans,
    rejectedSpans,
    acceptedBatches,
    duplicateBatches,
    bodyBytes,
    decodedBytes,
    refused: { ...refused },
    logBytes: stats.bytes,
    logBytesLive: stats.bytesLive,
    segmentsSealed: stats.segmentsSealed,
    segmentsLive: stats.segmentsLive,
    syncs: stats.syncs,
    syncMsTotal: stats.syncMsTotal,
    syncMsMax: stats.syncMsMax,
    lostRecords: log.report.lostRecords,
    tornRecords: log.report.tornRecords,
  }
}

if (parentPort === null) throw new Error('ingest-worker.ts runs as a worker thread: see ingest.ts')
const parent = parentPort
main(parent, workerData).catch((error: unknown) => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_INGEST'
  const message: WorkerToParent = { kind: 'failed', code, message: String(error) }
  parent.postMessage(message)
  parent.close()
})
