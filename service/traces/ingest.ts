// Starts ingest: worker threads that own the OTLP listeners and the log, and the ports by which a consumer
// learns of sealed segments. The handle lives in the thread that starts it (server/).
//
//   startIngest -> Worker (ingest-worker.ts) --IngestToConsumer--> trace worker
//                                            <--ConsumerToIngest--

import { extname } from 'node:path'
import { MessageChannel, Worker } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { SegmentInfo } from '#log'
import { ImportCalls, type ImportAnswer, type ImportQuestion } from './import-calls.ts'
import type { ImportCounts, ImportFormat } from './import-file.ts'

export type IngestOptions = {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** OTLP/gRPC; 0 = any free port, absent = none. */
  readonly grpcPort?: number
  /** Folder of the log; created. */
  readonly dir: string
  /** When given, requests need `Authorization: Bearer <token>`. Required beyond loopback. */
  readonly token?: string
  /** Exact browser origins that may post, `*` never. Default none. */
  readonly allowedOrigins?: readonly string[]
  /** Host names that requests may be addressed to, beside loopback names and `host`. */
  readonly allowedHosts?: readonly string[]
  /** What pages show where others show the token; public. */
  readonly pageKey?: string
  /** A header in which a proxy tells the country of who opened a page. */
  readonly countryHeader?: string
}

export type IngestStats = {
  readonly requests: number
  /** Of these, over gRPC. */
  readonly grpcRequests: number
  readonly acceptedSpans: number
  readonly rejectedSpans: number
  readonly acceptedBatches: number
  readonly duplicateBatches: number
  readonly bodyBytes: number
  /** Body bytes after decompression. */
  readonly decodedBytes: number
  readonly logBytes: number
  readonly logBytesLive: number
  readonly segmentsSealed: number
  readonly segmentsLive: number
  readonly syncs: number
  readonly syncMsTotal: number
  readonly syncMsMax: number
  /** Refused requests by HTTP status. */
  readonly refused: { readonly [status: string]: number }
  /** What opening the log found: acked records lost by damage, records torn by a crash. */
  readonly lostRecords: number
  readonly tornRecords: number
}

export type IngestHandle = {
  readonly host: string
  readonly port: number
  /** Absent = not asked for. */
  readonly grpcPort?: number
  /**
   * A port for one consumer: transfer it to the trace worker. All sealed segments not yet dropped are
   * announced on it first.
   */
  connect(): MessagePort
  stats(): Promise<IngestStats>
  /** Resolves when durable. Errors: Refusal. */
  importFile(body: Uint8Array, format: ImportFormat): Promise<ImportCounts>
  /** Resolves after requests under way were answered and the log is sealed. */
  close(): Promise<void>
  /** Resolves when the thread has ended, however it did. */
  readonly exited: Promise<void>
}

/**
 * From ingest to the consumer. Read it with `readSegment(nodeDisk, segment)` of #log and
 * decodeSpanBlock(record.payload).
 */
export type IngestToConsumer = { readonly kind: 'sealed'; readonly segment: SegmentInfo }

/** From the consumer: it has the segment for good. */
export type ConsumerToIngest = { readonly kind: 'drop'; readonly segmentId: string }

export type ParentToWorker =
  | { readonly kind: 'connect'; readonly port: MessagePort }
  | { readonly kind: 'stats'; readonly id: number }
  | { readonly kind: 'close' }
  | ImportQuestion

export type WorkerToParent =
  | { readonly kind: 'listening'; readonly port: number; readonly grpcPort?: number }
  | { readonly kind: 'stats'; readonly id: number; readonly stats: IngestStats }
  | ImportAnswer
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly listener?: Listener }

export type Listener = 'http' | 'grpc'

/** Why ingest could not start: EADDRINUSE, EACCES, E_LOG_LOCKED, E_LOG_VERSION, E_LOG_IO, ... */
export class IngestError extends Error {
  readonly code: string
  /** Whose port could not be had. */
  readonly listener: Listener | undefined

  constructor(code: string, message: string, listener?: Listener) {
    super(message)
    this.name = 'IngestError'
    this.code = code
    this.listener = listener
  }
}

/** Resolves when the listener accepts connections. Errors: IngestError. */
export async function startIngest(options: IngestOptions): Promise<IngestHandle> {
  const entry = new URL(`./ingest-worker${extname(import.meta.url)}`, import.meta.url)
  // No flags of the process: --import of an agent, for example, is meant for the application.
  const worker = new Worker(entry, { workerData: options, name: 'ingest', execArgv: [] })
  const waiting = new Map<number, (stats: IngestStats) => void>()
  let lastStats: IngestStats | undefined
  let nextId = 1
  let isOver = false
  const ask = (message: ParentToWorker, transfer: readonly (MessagePort | ArrayBuffer)[] = []): void =>
    worker.postMessage(message, [...transfer])
  const imports = new ImportCalls((question) => ask(question, [question.body.buffer]))
  const exited = new Promise<void>((resolve) =>
    worker.once('exit', () => {
      isOver = true
      for (const answer of waiting.values()) answer(lastStats ?? NO_STATS)
      imports.end()
      resolve()
    }),
  )
  worker.on('message', (message: WorkerToParent) => {
    if (message.kind === 'imported' || message.kind === 'refused') imports.settle(message)
    if (message.kind !== 'stats') return
    lastStats = message.stats
    waiting.get(message.id)?.(message.stats)
    waiting.delete(message.id)
  })
  const { port, grpcPort } = await listening(worker)
  return {
    host: options.host,
    port,
    ...(grpcPort === undefined ? {} : { grpcPort }),
    connect: () => {
      const { port1, port2 } = new MessageChannel()
      ask({ kind: 'connect', port: port2 }, [port2])
      return port1
    },
    stats: () =>
      isOver
        ? Promise.resolve(lastStats ?? NO_STATS)
        : new Promise((resolve) => {
            const id = nextId++
            waiting.set(id, resolve)
            ask({ kind: 'stats', id })
          }),
    importFile: (body, format) => imports.call(body, format),
    close: async () => {
      if (!isOver) ask({ kind: 'close' })
      await exited
    },
    exited,
  }
}

const NO_STATS: IngestStats = {
  requests: 0,
  grpcRequests: 0,
  acceptedSpans: 0,
  rejectedSpans: 0,
  acceptedBatches: 0,
  duplicateBatches: 0,
  bodyBytes: 0,
  decodedBytes: 0,
  logBytes: 0,
  logBytesLive: 0,
  segmentsSealed: 0,
  segmentsLive: 0,
  syncs: 0,
  syncMsTotal: 0,
  syncMsMax: 0,
  refused: {},
  lostRecords: 0,
  tornRecords: 0,
}

type Ports = { readonly port: number; readonly grpcPort?: number }

function listening(worker: Worker): Promise<Ports> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: WorkerToParent) => {
      if (message.kind === 'listening') resolve(message)
      if (message.kind === 'failed') reject(new IngestError(message.code, message.message, message.listener))
    })
    worker.once('error', (error: unknown) => reject(new IngestError('E_INGEST', String(error))))
    worker.once('exit', () =>
      reject(new IngestError('E_INGEST', 'the ingest thread ended before it listened')),
    )
  })
}
