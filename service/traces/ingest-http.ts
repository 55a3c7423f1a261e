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
import { createServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { BatchIngest, OtlpFormat } from './ingest-batch.ts'
import { ByteBudget, encodingOf, readBody } from './ingest-body.ts'
import type { Encoding } from './ingest-body.ts'
import * as limits from './ingest-limits.ts'
import { Refusal, refusalOf, sentenceOf } from './ingest-refusal.ts'
import { CONTENT_TYPES, encodeStatus, encodeSuccess } from './ingest-response.ts'

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
    if (pathOf(request.url) !== PATH) throw REFUSALS.path()
    if (request.method === 'OPTIONS' && request.headers.origin !== undefined) return PREFLIGHT
    if (request.method !== 'POST') throw REFUSALS.method()
    this.#checkToken(request.headers.authorization)
    if (format === undefined) throw REFUSALS.type()
    const encoding = encodingOf(request.headers['content-encoding'])
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
    if (host === undefined) throw REFUSALS.noHost()
    if (!this.#isAllowedHost(host)) throw REFUSALS.host(host)
    const { origin } = request.headers
    if (origin !== undefined && !this.#isAllowedOrigin(origin)) throw REFUSALS.origin(origin)
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
    if (!timingSafeEqual(sha256(sent), this.#tokenHash)) throw REFUSALS.token()
  }

  #refuse(error: unknown, format: OtlpFormat): Answer {
    const refusal = refusalOf(error)
    const { status, headers } = refusal
    this.#counters.refused[status] = (this.#counters.refused[status] ?? 0) + 1
    const retry: { readonly [name: string]: string } =
      status === 503 ? { 'retry-after': String(limits.RETRY_AFTER_SECONDS) } : {}
    const body = encodeStatus(format, status, sentenceOf(refusal))
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

/** A request that is no HTTP, or too slow, or too large in its head. */
function refuseConnection(error: Error, socket: Socket): void {
  const code = 'code' in error ? error.code : undefined
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const refusal =
    code === 'HPE_HEADER_OVERFLOW'
      ? REFUSALS.head()
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? REFUSALS.slow()
        : REFUSALS.noHttp()
  const body = encodeStatus('json', refusal.status, sentenceOf(refusal))
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    'connection: close',
    `content-type: ${CONTENT_TYPES.json}`,
    `content-length: ${body.length}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${Buffer.from(body).toString()}`)
}

const REFUSALS = {
  path: () =>
    new Refusal(404, {
      code: 'E_NOT_FOUND',
      message: `there is only ${PATH} here`,
      hint: `send traces to ${PATH}; OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is taken as it is`,
    }),
  method: () =>
    new Refusal(
      405,
      { code: 'E_METHOD', message: 'this is not how spans are sent', hint: 'use POST' },
      { allow: 'POST, OPTIONS' },
    ),
  type: () =>
    new Refusal(415, {
      code: 'E_MEDIA_TYPE',
      message: 'the body is of a type that is not read here',
      hint: 'Content-Type must be application/x-protobuf or application/json',
    }),
  noHost: () =>
    new Refusal(400, {
      code: 'E_BAD_HOST',
      message: 'the Host header is missing or malformed',
      hint: 'send Host: NAME:PORT',
    }),
  host: (host: string) =>
    new Refusal(403, {
      code: 'E_BAD_HOST',
      message: `requests for host ${host} are not served here`,
      hint: 'start the server with --allow-host NAME',
    }),
  origin: (origin: string) =>
    new Refusal(403, {
      code: 'E_BAD_ORIGIN',
      message: `origin ${origin} may not post here`,
      hint: 'start the server with --allow-origin URL',
    }),
  token: () =>
    new Refusal(
      401,
      {
        code: 'E_UNAUTHORIZED',
        message: 'a bearer token is required',
        hint: 'OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN, the one in DIR/agent-token',
      },
      { 'www-authenticate': 'Bearer' },
    ),
  head: () =>
    new Refusal(431, {
      code: 'E_HEADERS_LARGE',
      message: `the headers are larger than ${limits.HEADER_BYTES_MAX} bytes`,
      hint: 'send fewer or shorter headers',
    }),
  slow: () =>
    new Refusal(408, {
      code: 'E_BODY_SLOW',
      message: `the request was not here after ${limits.REQUEST_MS_MAX / 1000} s`,
      hint: 'send smaller batches, or compress them',
    }),
  noHttp: () =>
    new Refusal(400, {
      code: 'E_BAD_HTTP',
      message: 'this is not HTTP/1.1',
      hint: 'gRPC and TLS are not spoken here',
    }),
}
