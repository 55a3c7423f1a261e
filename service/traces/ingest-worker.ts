// Entry of the ingest thread: owns the OTLP listener and the log, announces sealed segments, drops what the
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
import { createIngestServer, IngestCounters } from './ingest-http.ts'
import { refusalOf } from './ingest-refusal.ts'
import type {
  ConsumerToIngest,
  IngestOptions,
  IngestStats,
  IngestToConsumer,
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
  const server = createIngestServer(ingest, options, counters)
  const consumers = new Set<MessagePort>()
  log.onSealed((segment) => consumers.forEach((port) => announce(port, segment)))

  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    const cut = setTimeout(() => server.closeAllConnections(), CLOSE_MS_MAX)
    await closed
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
  server.once('error', (error: Error) => {
    tell({ kind: 'failed', code: 'code' in error ? String(error.code) : 'E_INGEST', message: error.message })
    void log.close().then(() => parent.close())
  })
  server.listen({ host: options.host, port: options.port }, () => {
    const address = server.address()
    tell({
      kind: 'listening',
      port: typeof address === 'object' && address !== null ? address.port : options.port,
    })
  })
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
