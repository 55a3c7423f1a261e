// OTLP/HTTP: who may post what, and what they are answered. The listener itself; ingest-worker.ts wires it to
// a log.
//
//   Host -> Origin -> path -> method -> token -> Content-Type -> Content-Encoding -> body -> BatchIngest ->
//   200
//
// Every refusal is a google.rpc.Status in the request's encoding. A refused body is read to its end and
// thrown away, so that the connection can go on; the request's deadline bounds that. 503 carries Retry-After:
// senders keep the batch. Source: OTLP specification 1.9; DNS rebinding and CORS: reliability 2.1, rows 23
// and 24.

import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { LogError } from '#log'
import type { BatchIngest, OtlpFormat } from './ingest-batch.ts'
import { ByteBudget, encodingOf, readBody, Refusal } from './ingest-body.ts'
import type { Encoding } from './ingest-body.ts'
import * as limits from './ingest-limits.ts'
import { CONTENT_TYPES, encodeStatus, encodeSuccess } from './ingest-response.ts'
import { OtlpError } from './otlp-error.ts'

export type IngestAccess = {
  readonly host: string
  readonly token?: string
  readonly allowedOrigins?: readonly string[]
  readonly allowedHosts?: readonly string[]
}

/** Written by the listener, read by stats(). */
export class IngestCounters {
  requests = 0
  acceptedSpans = 0
  rejectedSpans = 0
  acceptedBatches = 0
  duplicateBatches = 0
  bodyBytes = 0
  decodedBytes = 0
  readonly refused: { [status: string]: number } = {}
}

const PATH = '/v1/traces'
const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]']

type Answer = {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  readonly body: Uint8Array
}

/** Not yet listening. */
export function createIngestServer(
  ingest: Pick<BatchIngest, 'ingest'>,
  access: IngestAccess,
  counters: IngestCounters,
): Server {
  const listener = new IngestListener(ingest, access, counters)
  const server = createServer(
    {
      maxHeaderSize: limits.HEADER_BYTES_MAX,
      headersTimeout: limits.HEADERS_MS_MAX,
      requestTimeout: limits.REQUEST_MS_MAX,
      keepAliveTimeout: limits.KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1000,
      insecureHTTPParser: false,
    },
    (request, response) => void listener.serve(request, response),
  )
  server.maxHeadersCount = limits.HEADERS_COUNT_MAX
  server.maxConnections = limits.CONNECTIONS_MAX
  server.on('clientError', (error: Error, socket: Socket) => refuseConnection(error, socket))
  return server
}

class IngestListener {
  readonly #ingest: Pick<BatchIngest, 'ingest'>
  readonly #access: IngestAccess
  readonly #hosts: ReadonlySet<string>
  readonly #tokenHash: Buffer | undefined
  readonly #counters: IngestCounters
  readonly #budget = new ByteBudget(limits.BODY_BYTES_IN_FLIGHT_MAX)

  constructor(ingest: Pick<BatchIngest, 'ingest'>, access: IngestAccess, counters: IngestCounters) {
    this.#ingest = ingest
    this.#access = access
    this.#counters = counters
    this.#hosts = new Set(
      [...LOOPBACK_HOSTS, access.host, ...(access.allowedHosts ?? [])].map((host) => host.toLowerCase()),
    )
    this.#tokenHash = access.token === undefined ? undefined : sha256(access.token)
  }

  /** Never rejects. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#counters.requests++
    const format = formatOf(request.headers['content-type'])
    const answer = await this.#answer(request, format).catch((error: unknown) =>
      this.#refuse(error, format ?? 'json'),
    )
    if (!request.readableEnded) request.resume()
    const origin = request.headers.origin
    const cors =
      origin !== undefined && this.#isAllowedOrigin(origin)
        ? { 'access-control-allow-origin': origin, vary: 'Origin' }
        : {}
    response.writeHead(answer.status, {
      ...cors,
      ...answer.headers,
      'content-length': String(answer.body.length),
    })
    response.end(answer.body)
  }

  async #answer(request: IncomingMessage, format: OtlpFormat | undefined): Promise<Answer> {
    this.#checkSender(request)
    if (pathOf(request.url) !== PATH) throw new Refusal(404, `there is only ${PATH} here`)
    if (request.method === 'OPTIONS' && request.headers.origin !== undefined) return PREFLIGHT
    if (request.method !== 'POST') throw new Refusal(405, 'use POST', { allow: 'POST, OPTIONS' })
    this.#checkToken(request.headers.authorization)
    if (format === undefined)
      throw new Refusal(415, 'Content-Type must be application/x-protobuf or application/json')
    const encoding = encodingOf(request.headers['content-encoding'])
    if (encoding === undefined) {
      throw new Refusal(415, 'Content-Encoding must be gzip, deflate, zstd or none', {
        'accept-encoding': 'gzip, deflate, zstd',
      })
    }
    return this.#accept(request, format, encoding)
  }

  async #accept(request: IncomingMessage, format: OtlpFormat, encoding: Encoding): Promise<Answer> {
    let held = 0
    const hold = (bytes: number): boolean => {
      const isGranted = this.#budget.take(bytes)
      if (isGranted) held += bytes
      return isGranted
    }
    try {
      const { bytes, wireBytes } = await readBody(request, encoding, hold)
      const outcome = await this.#ingest.ingest(bytes, format)
      this.#count(outcome, wireBytes, bytes.length)
      return {
        status: 200,
        headers: { 'content-type': CONTENT_TYPES[format] },
        body: encodeSuccess(format, outcome),
      }
    } finally {
      this.#budget.give(held)
    }
  }

  #count(
    outcome: {
      readonly acceptedSpans: number
      readonly rejectedSpans: number
      readonly isDuplicate: boolean
    },
    wireBytes: number,
    decodedBytes: number,
  ): void {
    const counters = this.#counters
    counters.bodyBytes += wireBytes
    counters.decodedBytes += decodedBytes
    counters.rejectedSpans += outcome.rejectedSpans
    if (outcome.isDuplicate) {
      counters.duplicateBatches++
      return
    }
    counters.acceptedBatches++
    counters.acceptedSpans += outcome.acceptedSpans
  }

  #checkSender(request: IncomingMessage): void {
    const host = hostOf(request.headers.host)
    if (host === undefined) throw new Refusal(400, 'the Host header is missing or malformed')
    if (!this.#isAllowedHost(host)) throw new Refusal(403, `requests for host ${host} are not served here`)
    const { origin } = request.headers
    if (origin !== undefined && !this.#isAllowedOrigin(origin))
      throw new Refusal(403, `origin ${origin} may not post here`)
  }

  /**
   * Bound to every address we can not know our names, but a name that resolves to us still must be listed:
   * only literals pass.
   */
  #isAllowedHost(host: string): boolean {
    if (this.#hosts.has(host)) return true
    const isUnspecified = this.#access.host === '0.0.0.0' || this.#access.host === '::'
    return isUnspecified && /^(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\])$/.test(host)
  }

  #isAllowedOrigin(origin: string): boolean {
    return this.#access.allowedOrigins?.includes(origin) === true
  }

  #checkToken(authorization: string | undefined): void {
    if (this.#tokenHash === undefined) return
    const sent = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
    if (!timingSafeEqual(sha256(sent), this.#tokenHash)) {
      throw new Refusal(401, 'a bearer token is required', { 'www-authenticate': 'Bearer' })
    }
  }

  #refuse(error: unknown, format: OtlpFormat): Answer {
    const refusal = toRefusal(error)
    const { status, headers } = refusal
    this.#counters.refused[status] = (this.#counters.refused[status] ?? 0) + 1
    const retry: { readonly [name: string]: string } =
      status === 503 ? { 'retry-after': String(limits.RETRY_AFTER_SECONDS) } : {}
    const body = encodeStatus(format, status, refusal.message)
    return { status, headers: { ...retry, ...headers, 'content-type': CONTENT_TYPES[format] }, body }
  }
}

const PREFLIGHT: Answer = {
  status: 204,
  headers: {
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'content-type, content-encoding, authorization',
    'access-control-max-age': '600',
  },
  body: new Uint8Array(0),
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** undefined = a type we do not read. Parameters like charset do not matter. */
function formatOf(contentType: string | undefined): OtlpFormat | undefined {
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (type === 'application/x-protobuf') return 'protobuf'
  return type === 'application/json' ? 'json' : undefined
}

/**
 * The path of the origin or absolute form; nothing is normalised: a path that is not exactly ours is not
 * ours.
 */
function pathOf(url: string | undefined): string {
  const path = (url ?? '').replace(/^https?:\/\/[^/?#]*/i, '')
  return path.split('?', 1)[0]!
}

/** The name without its port, in lower case. */
function hostOf(header: string | undefined): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?$/.exec((header ?? '').toLowerCase())?.[1]
}

/** What the log refuses may be tried again: 503. A fault of ours is told as one, without its inside. */
function toRefusal(error: unknown): {
  status: number
  headers: { readonly [name: string]: string }
  message: string
} {
  if (error instanceof Refusal) return error
  if (error instanceof OtlpError) {
    return {
      status: error.code === 'E_OTLP_OBJECTS' ? 413 : 400,
      headers: {},
      message: `${error.code}: ${error.message}`,
    }
  }
  if (error instanceof LogError) {
    if (error.code === 'E_LOG_RECORD_SIZE') return { status: 413, headers: {}, message: error.message }
    return { status: 503, headers: {}, message: `${error.code}: ${error.message}` }
  }
  return { status: 500, headers: {}, message: 'the request could not be handled' }
}

/** A request that is no HTTP, or too slow, or too large in its head. */
function refuseConnection(error: Error, socket: Socket): void {
  const code = 'code' in error ? error.code : undefined
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const status =
    code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}
