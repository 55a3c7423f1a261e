// The OTLP listener over real sockets: each rule of the specification and each hostile request with the
// answer it gets.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { request as httpRequest } from 'node:http'
import type { IncomingHttpHeaders, Server } from 'node:http'
import test from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import protobuf from 'protobufjs'
import type { Clock } from '#base'
import { seededRandom } from '#base'
import { LogError, openLog, SimulatedDisk } from '#log'
import type { LogErrorCode } from '#log'
import { BatchIngest } from './ingest-batch.ts'
import { ByteBudget } from './ingest-body.ts'
import { IngestCounters } from './ingest-counters.ts'
import { createIngestServer } from './ingest-http.ts'
import { BODY_BYTES_IN_FLIGHT_MAX, BODY_BYTES_MAX } from './ingest-limits.ts'
import type { SenderAccess } from './sender-check.ts'
import { requestType } from './testing/otlp-oracle.ts'

const responseRoot = protobuf.Root.fromJSON({
  nested: {
    Status: { fields: { code: { type: 'int32', id: 1 }, message: { type: 'string', id: 2 } } },
    Response: { fields: { partialSuccess: { type: 'Partial', id: 1 } } },
    Partial: { fields: { rejectedSpans: { type: 'int64', id: 1 }, errorMessage: { type: 'string', id: 2 } } },
  },
})

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }
type Listener = { readonly port: number; readonly counters: IngestCounters; readonly server: Server }

async function withListener(
  body: (listener: Listener) => Promise<void>,
  access: Partial<SenderAccess> = {},
  refusal?: LogErrorCode,
): Promise<void> {
  const clock: Clock = { nowNs: () => 5n, monotonicMs: () => 0, setTimer: () => ({ cancel: () => {} }) }
  const random = seededRandom(1)
  const log = await openLog({
    dir: '/log',
    disk: new SimulatedDisk({ random, wait: async () => {} }),
    clock,
    random,
  })
  const refusing = { append: () => Promise.reject(new LogError(refusal ?? 'E_LOG_FULL', 'refused')) }
  const ingest = new BatchIngest({
    log: refusal === undefined ? log : refusing,
    clock,
    random,
    yieldTurn: async () => {},
  })
  const counters = new IngestCounters()
  const budget = new ByteBudget(BODY_BYTES_IN_FLIGHT_MAX)
  const server = createIngestServer(ingest, { host: '127.0.0.1', ...access }, counters, budget)
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  )
  try {
    await body({ port, counters, server })
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

function send(
  port: number,
  options: {
    method?: string
    path?: string
    headers?: { [name: string]: string }
    body?: Uint8Array | string
  },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'POST', path = '/v1/traces', headers = {}, body = '' } = options
    const outgoing = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }
const PROTOBUF_TYPE = { 'content-type': 'application/x-protobuf' }

const spanOf = (n: number) => ({ traceId: Buffer.alloc(16, n), spanId: Buffer.alloc(8, n), name: 'a' })
const protobufBody = (...spans: object[]): Uint8Array =>
  requestType.encode(requestType.fromObject({ resourceSpans: [{ scopeSpans: [{ spans }] }] })).finish()
const jsonBody = (n: number): string =>
  JSON.stringify({
    resourceSpans: [
      {
        scopeSpans: [
          {
            spans: [
              { traceId: Buffer.alloc(16, n).toString('hex'), spanId: Buffer.alloc(8, n).toString('hex') },
            ],
          },
        ],
      },
    ],
  })

test('protobuf and JSON are accepted and answered in kind, plain and in each encoding', () =>
  withListener(async ({ port, counters }) => {
    const encodings = {
      identity: (body: Uint8Array) => body,
      gzip: gzipSync,
      deflate: deflateSync,
      zstd: zstdCompressSync,
    }
    let n = 1
    for (const [name, encode] of Object.entries(encodings)) {
      const headers = { 'content-encoding': name }
      const binary = await send(port, {
        headers: { ...PROTOBUF_TYPE, ...headers },
        body: encode(protobufBody(spanOf(n++))),
      })
      assert.deepEqual(
        [binary.status, binary.headers['content-type'], binary.body.length],
        [200, 'application/x-protobuf', 0],
      )
      const json = await send(port, {
        headers: { ...JSON_TYPE, ...headers },
        body: encode(Buffer.from(jsonBody(n++))),
      })
      assert.deepEqual(
        [json.status, json.headers['content-type'], json.body.toString()],
        [200, 'application/json', '{}'],
      )
    }
    assert.deepEqual([counters.acceptedSpans, counters.acceptedBatches, counters.duplicateBatches], [8, 8, 0])
  }))

test('the same body again is answered 200 and stored once', () =>
  withListener(async ({ port, counters }) => {
    for (let i = 0; i < 3; i++)
      assert.equal((await send(port, { headers: PROTOBUF_TYPE, body: protobufBody(spanOf(1)) })).status, 200)
    assert.deepEqual([counters.acceptedBatches, counters.duplicateBatches, counters.acceptedSpans], [1, 2, 1])
  }))

test('an empty request is a success', () =>
  withListener(async ({ port }) => {
    assert.equal((await send(port, { headers: PROTOBUF_TYPE })).status, 200)
    assert.equal((await send(port, { headers: JSON_TYPE, body: '{}' })).status, 200)
  }))

test('what the exporter of OpenTelemetry sends is accepted', () =>
  withListener(async ({ port, counters }) => {
    const body = ProtobufTraceSerializer.serializeRequest([])
    assert.equal((await send(port, { headers: PROTOBUF_TYPE, body: body! })).status, 200)
    assert.deepEqual(counters.refused, {})
  }))

test('rejected spans are told as partial success, in both encodings', () =>
  withListener(async ({ port }) => {
    const binary = await send(port, {
      headers: PROTOBUF_TYPE,
      body: protobufBody(spanOf(1), { name: 'no ids' }, { name: 'nor here' }),
    })
    const decoded = responseRoot.lookupType('Response').decode(binary.body).toJSON()
    assert.deepEqual(
      [binary.status, decoded],
      [
        200,
        {
          partialSuccess: { rejectedSpans: '2', errorMessage: '2 spans rejected (first: invalid trace id)' },
        },
      ],
    )
    const json = await send(port, {
      headers: JSON_TYPE,
      body: '{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}',
    })
    assert.deepEqual(JSON.parse(json.body.toString()), {
      partialSuccess: {
        rejectedSpans: '1',
        errorMessage: '1 spans rejected (first: invalid trace id in the span at byte 43)',
      },
    })
  }))

const zeros = (megabytes: number): Buffer => Buffer.alloc(megabytes * 1024 * 1024)
const truncated = gzipSync(protobufBody(spanOf(1))).subarray(0, 20)

/** A whole span, and damage behind it: nothing of such a body may be kept. */
const spoiled = Buffer.concat([protobufBody(spanOf(2)), Buffer.from([0x0a, 0xff])])

const REFUSED: readonly (readonly [
  name: string,
  status: number,
  rpcCode: number,
  options: Parameters<typeof send>[1],
])[] = [
  ['malformed protobuf', 400, 3, { headers: PROTOBUF_TYPE, body: 'hello' }],
  ['malformed JSON', 400, 3, { headers: JSON_TYPE, body: '{"resourceSpans":' }],
  ['a span and damage behind it', 400, 3, { headers: PROTOBUF_TYPE, body: spoiled }],
  ['a span and damage behind it, JSON', 400, 3, { headers: JSON_TYPE, body: `${jsonBody(2)}]` }],
  ['gzip that is none', 400, 3, { headers: { ...PROTOBUF_TYPE, 'content-encoding': 'gzip' }, body: 'hello' }],
  ['gzip cut short', 400, 3, { headers: { ...PROTOBUF_TYPE, 'content-encoding': 'gzip' }, body: truncated }],
  [
    'gzip in gzip',
    400,
    3,
    {
      headers: { ...PROTOBUF_TYPE, 'content-encoding': 'gzip' },
      body: gzipSync(gzipSync(protobufBody(spanOf(1)))),
    },
  ],
  [
    'a gzip bomb',
    413,
    8,
    { headers: { ...PROTOBUF_TYPE, 'content-encoding': 'gzip' }, body: gzipSync(zeros(256)) },
  ],
  [
    'a zstd bomb',
    413,
    8,
    { headers: { ...PROTOBUF_TYPE, 'content-encoding': 'zstd' }, body: zstdCompressSync(zeros(128)) },
  ],
  ['a body over the limit', 413, 8, { headers: PROTOBUF_TYPE, body: Buffer.alloc(BODY_BYTES_MAX + 1) }],
  [
    'empty messages without end',
    413,
    8,
    { headers: PROTOBUF_TYPE, body: Buffer.alloc(8 * 1024 * 1024, Buffer.from([0x0a, 0])) },
  ],
  ['two encodings', 415, 3, { headers: { ...PROTOBUF_TYPE, 'content-encoding': 'gzip, gzip' }, body: '' }],
  [
    'brotli',
    415,
    3,
    { headers: { ...PROTOBUF_TYPE, 'content-encoding': 'br' }, body: brotliCompressSync(zeros(1)) },
  ],
  ['a form', 415, 3, { headers: { 'content-type': 'text/plain' }, body: jsonBody(1) }],
  ['no content type', 415, 3, { body: jsonBody(1) }],
  ['GET', 405, 12, { method: 'GET', headers: JSON_TYPE }],
  ['another path', 404, 5, { path: '/v1/metrics', headers: JSON_TYPE, body: '{}' }],
  ['a doubled slash', 404, 5, { path: '//v1/traces', headers: JSON_TYPE, body: '{}' }],
  ['dots in the path', 404, 5, { path: '/x/../v1/traces', headers: JSON_TYPE, body: '{}' }],
  ['a foreign Host', 403, 7, { headers: { ...JSON_TYPE, host: 'evil.example' }, body: '{}' }],
  ['a foreign Origin', 403, 7, { headers: { ...JSON_TYPE, origin: 'https://evil.example' }, body: '{}' }],
]

/** A code, what is wrong, what mends it. */
const CODED = /^E_[A-Z_]+: [^;]+; ./

for (const [name, status, rpcCode, options] of REFUSED) {
  test(`${name} is answered ${status} with google.rpc.Status ${rpcCode}, a code and what mends it`, () =>
    withListener(async ({ port, counters }) => {
      const { body, headers, status: actual } = await send(port, options)
      assert.equal(actual, status, body.toString())
      const isProtobuf = headers['content-type'] === 'application/x-protobuf'
      const decoded = isProtobuf
        ? responseRoot.lookupType('Status').decode(body).toJSON()
        : JSON.parse(body.toString())
      assert.equal(decoded['code'], rpcCode)
      assert.match(decoded['message'], CODED)
      assert.equal(headers['access-control-allow-origin'], undefined)
      assert.deepEqual(counters.refused, { [status]: 1 })
      assert.equal((await send(port, { headers: PROTOBUF_TYPE, body: protobufBody(spanOf(1)) })).status, 200)
      assert.deepEqual([counters.acceptedBatches, counters.acceptedSpans], [1, 1])
    }))
}

test('a body of exactly the limit is read', () =>
  withListener(async ({ port }) => {
    const padding = Buffer.alloc(BODY_BYTES_MAX)
    padding.set([0x7a, 0xfb, 0xff, 0xff, 0x09]) // unknown field 15 of the remaining 20 MiB - 5 bytes
    assert.equal((await send(port, { headers: PROTOBUF_TYPE, body: padding })).status, 200)
  }))

for (const code of ['E_LOG_FULL', 'E_LOG_BUSY', 'E_LOG_IO'] as const) {
  test(`${code} is answered 503 with Retry-After, never 200`, () =>
    withListener(
      async ({ port }) => {
        const { status, headers, body } = await send(port, { headers: JSON_TYPE, body: jsonBody(1) })
        assert.deepEqual([status, headers['retry-after']], [503, '2'])
        assert.match(JSON.parse(body.toString()).message, CODED)
      },
      {},
      code,
    ))
}

test('with a token set, only requests that bear it are served', () =>
  withListener(
    async ({ port }) => {
      const body = protobufBody(spanOf(1))
      const statuses = await Promise.all(
        ['', 'Bearer wrong', 'Basic secret', 'Bearer secret'].map(
          async (authorization) =>
            (
              await send(port, {
                headers: { ...PROTOBUF_TYPE, ...(authorization === '' ? {} : { authorization }) },
                body,
              })
            ).status,
        ),
      )
      assert.deepEqual(statuses, [401, 401, 401, 200])
    },
    { token: 'secret' },
  ))

test('an allowed origin gets its CORS answers, for the preflight and the post', () =>
  withListener(
    async ({ port }) => {
      const origin = 'https://app.example'
      const preflight = await send(port, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      })
      assert.deepEqual([preflight.status, preflight.headers['access-control-allow-origin']], [204, origin])
      const post = await send(port, { headers: { ...JSON_TYPE, origin }, body: jsonBody(1) })
      assert.deepEqual([post.status, post.headers['access-control-allow-origin']], [200, origin])
    },
    { allowedOrigins: ['https://app.example'] },
  ))

const RAW: readonly (readonly [name: string, head: string, answer: RegExp])[] = [
  ['no HTTP at all', '\u0000\u0001\u0002\r\n\r\n', /^HTTP\/1\.1 400 [^]*E_BAD_HTTP: /],
  [
    'an absolute-form URI without a path',
    'GET http:// HTTP/1.1\r\nHost: localhost\r\n\r\n',
    /^HTTP\/1\.1 404 /,
  ],
  ['an empty Host', 'POST /v1/traces HTTP/1.1\r\nHost: \r\n\r\n', /^HTTP\/1\.1 400 [^]*E_BAD_HOST: /],
  [
    'headers of 20 KiB',
    `GET / HTTP/1.1\r\nHost: localhost\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`,
    /^HTTP\/1\.1 431 [^]*E_HEADERS_LARGE: /,
  ],
  [
    'two lengths',
    'POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
]

for (const [name, head, answer] of RAW) {
  test(`${name} gets an error and the listener lives on`, () =>
    withListener(async ({ port }) => {
      const socket = connect(port, '127.0.0.1')
      socket.write(head)
      const [chunk] = await new Promise<Buffer[]>((resolve, reject) => {
        socket.once('data', (data: Buffer) => resolve([data]))
        socket.once('error', reject)
      })
      assert.match(chunk!.toString(), answer)
      socket.destroy()
      assert.equal((await send(port, { headers: JSON_TYPE, body: '{}' })).status, 200)
    }))
}

test('a sender that goes away in the middle leaves nothing held', () =>
  withListener(async ({ port, counters }) => {
    const socket = connect(port, '127.0.0.1')
    socket.write(
      'POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
        'Content-Length: 100\r\n\r\n{"a"',
    )
    while (counters.requests === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    socket.destroy()
    while (Object.keys(counters.refused).length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(counters.refused, { 400: 1 })
  }))

test('the listener has deadlines for slow senders', () =>
  withListener(async ({ server }) => {
    assert.deepEqual(
      [server.headersTimeout, server.requestTimeout, server.maxHeadersCount],
      [10_000, 30_000, 100],
    )
  }))
