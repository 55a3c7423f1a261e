// OTLP/gRPC: the same batches as over HTTP, by unary calls over HTTP/2 without TLS.
//
//   connection --first bytes--> HTTP/2? -> session -> call: :path -> content-type -> who -> deadline
//                  |                                          -> one message -> BatchIngest -> status
//                  `--> no: one sentence, closed
//
// A call that is refused is answered at once by headers that are trailers too; what it still sends is read
// and thrown away. UNAVAILABLE carries RetryInfo, so that senders keep the batch;
// RESOURCE_EXHAUSTED (too large) carries none, so that they drop it. A call past its deadline may be durable
// all the same; its retry is recognised as the same bytes. Plain node:http2: one method and two encodings do
// not need a gRPC library. Source: OTLP specification 1.9 "OTLP/gRPC"; limits: reliability 2.3 rows 11, 13,
// 15, 23.

import { constants, createServer as createHttp2Server } from 'node:http2'
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { createServer, type Socket } from 'node:net'
import type { BatchIngest } from './ingest-batch.ts'
import type { ByteBudget } from './ingest-body.ts'
import type { IngestCounters } from './ingest-counters.ts'
import * as limits from './ingest-limits.ts'
import { Refusal, refusalOf } from './ingest-refusal.ts'
import { encodeSuccess } from './ingest-response.ts'
import { frameOf, messageEncodingOf, readMessage, refusalHeaders, timeoutMsOf } from './grpc-wire.ts'
import { listen } from './listen.ts'
import { SenderCheck, type SenderAccess } from './sender-check.ts'

const METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export type GrpcServer = {
  /** Resolves to the port. Errors: EADDRINUSE, EACCES, ... */
  listen(options: { readonly host: string; readonly port: number }): Promise<number>
  /** Calls under way are answered, for as long as this; then cut. */
  close(msMax: number): Promise<void>
}

/** Not yet listening. */
export function createGrpcServer(
  ingest: Pick<BatchIngest, 'ingest'>,
  access: SenderAccess,
  counters: IngestCounters,
  budget: ByteBudget,
): GrpcServer {
  const calls = new ExportCalls(ingest, new SenderCheck(access), counters, budget)
  const sessions = new Set<ServerHttp2Session>()
  const sockets = new Set<Socket>()
  const http2 = createHttp2Server(HTTP2)
  http2.on('session', (session) => keepSession(session, sessions))
  http2.on('stream', (stream, headers) => void calls.serve(stream, headers))
  http2.on('sessionError', () => {})
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    greet(socket, http2)
  })
  server.maxConnections = limits.GRPC_CONNECTIONS_MAX
  return {
    listen: (options) => listen(server, options),
    close: async (msMax) => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const session of sessions) session.close()
      const cut = setTimeout(() => sockets.forEach((socket) => socket.destroy()), msMax)
      await closed
      clearTimeout(cut)
    },
  }
}

const HTTP2 = {
  maxSessionMemory: limits.GRPC_SESSION_MEMORY_MB,
  maxSessionInvalidFrames: limits.GRPC_BAD_FRAMES_MAX,
  maxSessionRejectedStreams: limits.GRPC_BAD_FRAMES_MAX,
  maxHeaderListPairs: limits.HEADERS_COUNT_MAX,
  streamResetBurst: limits.GRPC_RESET_BURST,
  streamResetRate: limits.GRPC_RESETS_PER_SECOND,
  settings: {
    enablePush: false,
    maxConcurrentStreams: limits.GRPC_STREAMS_MAX,
    maxHeaderListSize: limits.HEADER_BYTES_MAX,
    initialWindowSize: limits.GRPC_STREAM_WINDOW_BYTES,
  },
}

function keepSession(session: ServerHttp2Session, sessions: Set<ServerHttp2Session>): void {
  sessions.add(session)
  session.once('close', () => sessions.delete(session))
  session.on('error', () => {})
  session.setLocalWindowSize(limits.GRPC_SESSION_WINDOW_BYTES)
  session.setTimeout(limits.GRPC_IDLE_MS, () => session.close())
}

/**
 * Whoever posts OTLP/HTTP here, or speaks TLS, is told so: HTTP/2 by itself would only close the connection.
 */
function greet(socket: Socket, http2: Http2Server): void {
  socket.on('error', () => {})
  socket.setTimeout(limits.HEADERS_MS_MAX, () => socket.destroy())
  socket.once('data', (first: Buffer) => {
    socket.pause()
    socket.setTimeout(0)
    socket.removeAllListeners('timeout')
    const isHttp2 = first.subarray(0, PREFACE.length).equals(PREFACE.subarray(0, first.length))
    if (!isHttp2) return void socket.end(NO_GRPC)
    socket.unshift(first)
    http2.emit('connection', socket)
  })
}

const NO_GRPC = noGrpc(
  'E_BAD_GRPC: this port speaks OTLP/gRPC without TLS; OTLP/HTTP has a port of its own (4318)',
)

function noGrpc(sentence: string): string {
  const body = JSON.stringify({ code: 3, message: sentence })
  const head = `connection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`
  return `HTTP/1.1 400 Bad Request\r\n${head}\r\n\r\n${body}`
}

class ExportCalls {
  readonly #ingest: Pick<BatchIngest, 'ingest'>
  readonly #check: SenderCheck
  readonly #counters: IngestCounters
  readonly #budget: ByteBudget

  constructor(
    ingest: Pick<BatchIngest, 'ingest'>,
    check: SenderCheck,
    counters: IngestCounters,
    budget: ByteBudget,
  ) {
    this.#ingest = ingest
    this.#check = check
    this.#counters = counters
    this.#budget = budget
  }

  /** Never rejects. */
  async serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    this.#counters.requests++
    this.#counters.grpcRequests++
    stream.on('error', () => {})
    if (!isGrpc(headers)) return this.#refuseForeign(stream)
    try {
      const deadline = deadlineOf(headers)
      const answer = await deadline.orLate(this.#export(stream, headers))
      if (isOpen(stream)) succeed(stream, answer)
    } catch (error: unknown) {
      const refusal = refusalOf(error)
      this.#counters.refuse(refusal.status)
      refuse(stream, refusal)
    }
  }

  /** The answer's message. Errors: Refusal, OtlpError, LogError. */
  async #export(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<Uint8Array> {
    this.#check.sender(headers[':authority'] ?? headers.host, headers.origin)
    if (headers[':path'] !== METHOD) throw noSuchMethod()
    this.#check.token(headers.authorization)
    const encoding = messageEncodingOf(textOf(headers['grpc-encoding']))
    let held = 0
    const hold = (bytes: number): boolean => {
      const isGranted = this.#budget.take(bytes)
      if (isGranted) held += bytes
      return isGranted
    }
    try {
      const { bytes, wireBytes } = await readMessage(stream, encoding, hold)
      const outcome = await this.#ingest.ingest(bytes, 'protobuf')
      this.#counters.accept(outcome, { wireBytes, decodedBytes: bytes.length })
      return encodeSuccess('protobuf', outcome)
    } finally {
      this.#budget.give(held)
    }
  }

  /** HTTP/2 that is no gRPC. */
  #refuseForeign(stream: ServerHttp2Stream): void {
    this.#counters.refuse(415)
    stream.respond({ ':status': 415 }, { endStream: true })
    drain(stream)
  }
}

function isGrpc(headers: IncomingHttpHeaders): boolean {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
  return headers[':method'] === 'POST' && (type === 'application/grpc' || type === 'application/grpc+proto')
}

const textOf = (header: string | readonly string[] | undefined): string | undefined =>
  typeof header === 'string' ? header : header?.[0]

/** The sender's deadline, and ours. Errors: Refusal 400. */
function deadlineOf(headers: IncomingHttpHeaders): { orLate<T>(work: Promise<T>): Promise<T> } {
  const ms = Math.min(
    timeoutMsOf(textOf(headers['grpc-timeout'])) ?? limits.REQUEST_MS_MAX,
    limits.REQUEST_MS_MAX,
  )
  return {
    orLate: async (work) => {
      const late = Promise.withResolvers<never>()
      const timer = setTimeout(() => late.reject(tooLate()), Math.ceil(ms))
      try {
        return await Promise.race([work, late.promise])
      } finally {
        clearTimeout(timer)
        // Its end is awaited by nobody once it is late.
        work.catch(() => {})
      }
    },
  }
}

const tooLate = (): Refusal =>
  new Refusal(408, {
    code: 'E_DEADLINE',
    message: 'the deadline of the call has passed',
    hint: 'send it again, with a longer grpc-timeout or in smaller batches',
  })

const noSuchMethod = (): Refusal =>
  new Refusal(404, {
    code: 'E_NOT_FOUND',
    message: 'there is no such method here',
    hint: `there is only ${METHOD}: traces, no metrics and no logs`,
  })

const isOpen = (stream: ServerHttp2Stream): boolean => !stream.destroyed && !stream.closed

function succeed(stream: ServerHttp2Stream, message: Uint8Array): void {
  const headers = {
    ':status': 200,
    'content-type': 'application/grpc',
    'grpc-accept-encoding': 'identity,gzip',
  }
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.respond(headers, { waitForTrailers: true })
  stream.end(frameOf(message))
}

function refuse(stream: ServerHttp2Stream, refusal: Refusal): void {
  if (!isOpen(stream)) return
  if (!stream.headersSent) stream.respond(refusalHeaders(refusal), { endStream: true })
  // Whoever is late has gone, or is slow on purpose: not a byte more.
  if (refusal.status === 408) stream.close(constants.NGHTTP2_CANCEL)
  else drain(stream)
}

/**
 * Reads what the sender still sends and throws it away. Closing the stream would be cheaper, but some clients
 * lose an answer that has a reset right behind it.
 */
function drain(stream: ServerHttp2Stream): void {
  stream.resume()
  const cut = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), limits.REQUEST_MS_MAX)
  stream.once('close', () => clearTimeout(cut))
}
