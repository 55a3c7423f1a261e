// OTLP/HTTP: who may post what, and what they are answered. The listener itself; ingest-worker.ts wires it to
// a log.
//
//   Host -> Origin -> path -> method -> token -> Content-Type -> Content-Encoding -> body -> BatchIngest ->
//   200
// A page that bears no token goes by page-posts.ts instead.
//
// Every refusal is a google.rpc.Status in the request's encoding. A refused body is read to its end and
// thrown away, so that the connection can go on; the request's deadline bounds that. 503 carries Retry-After:
// senders keep the batch. Source: OTLP specification 1.9; DNS rebinding and CORS: reliability 2.1, rows 23
// and 24.

import { createServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { BatchIngest, OtlpFormat } from './ingest-batch.ts'
import { withBody } from './ingest-body.ts'
import type { Body, ByteBudget } from './ingest-body.ts'
import type { IngestCounters } from './ingest-counters.ts'
import * as limits from './ingest-limits.ts'
import { Refusal, refusalOf, sentenceOf } from './ingest-refusal.ts'
import { CONTENT_TYPES, encodeStatus, encodeSuccess } from './ingest-response.ts'
import { isPagePost, PagePosts } from './page-posts.ts'
import type { Stamp } from './span-batch-builder.ts'
import { SenderCheck, type SenderAccess } from './sender-check.ts'

const PATH = '/v1/traces'

type Answer = {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  readonly body: Uint8Array
}

/** Not yet listening. */
export function createIngestServer(
  ingest: Pick<BatchIngest, 'ingest'>,
  access: SenderAccess,
  counters: IngestCounters,
  budget: ByteBudget,
): Server {
  const listener = new IngestListener(ingest, access, counters, budget)
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
  readonly #check: SenderCheck
  readonly #pages: PagePosts
  readonly #counters: IngestCounters
  readonly #budget: ByteBudget

  constructor(
    ingest: Pick<BatchIngest, 'ingest'>,
    access: SenderAccess,
    counters: IngestCounters,
    budget: ByteBudget,
  ) {
    this.#ingest = ingest
    this.#check = new SenderCheck(access)
    this.#pages = new PagePosts(access, () => performance.now())
    this.#counters = counters
    this.#budget = budget
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
      origin !== undefined && this.#check.isAllowedOrigin(origin)
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
    this.#check.sender(request.headers.host, request.headers.origin)
    if (pathOf(request.url) !== PATH) throw REFUSALS.path()
    if (request.method === 'OPTIONS' && request.headers.origin !== undefined) return PREFLIGHT
    if (request.method !== 'POST') throw REFUSALS.method()
    if (isPagePost(request.headers)) return this.#answerPage(request, format)
    this.#check.token(request.headers.authorization)
    if (format === undefined) throw REFUSALS.type()
    return withBody(request, this.#budget, (body) => this.#accept(body, format))
  }

  #answerPage(request: IncomingMessage, format: OtlpFormat | undefined): Promise<Answer> {
    this.#pages.admit(request, format)
    const stamps = this.#pages.stamps(request)
    return withBody(request, this.#budget, (body) => this.#accept(body, 'json', stamps))
  }

  async #accept(
    { bytes, wireBytes }: Body,
    format: OtlpFormat,
    stamps: readonly Stamp[] = [],
  ): Promise<Answer> {
    const outcome = await this.#ingest.ingest(bytes, format, stamps)
    this.#counters.accept(outcome, { wireBytes, decodedBytes: bytes.length })
    return {
      status: 200,
      headers: { 'content-type': CONTENT_TYPES[format] },
      body: encodeSuccess(format, outcome),
    }
  }

  #refuse(error: unknown, format: OtlpFormat): Answer {
    const refusal = refusalOf(error)
    const { status, headers } = refusal
    this.#counters.refuse(status)
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
      hint: 'gRPC has a port of its own (4317); TLS is not spoken here',
    }),
}
