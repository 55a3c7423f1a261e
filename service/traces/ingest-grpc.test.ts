// OTLP/gRPC over real sockets: what the exporter of OpenTelemetry and a plain gRPC client send, each refusal
// with its status, and senders that mean harm.

import assert from 'node:assert/strict'
import { connect as connectHttp2, constants } from 'node:http2'
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import { Client, compressionAlgorithms, credentials, Metadata, status } from '@grpc/grpc-js'
import type { ServiceError } from '@grpc/grpc-js'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import protobuf from 'protobufjs'
import type { Clock } from '#base'
import { seededRandom } from '#base'
import { LogError, openLog, SimulatedDisk } from '#log'
import type { LogErrorCode } from '#log'
import { BatchIngest } from './ingest-batch.ts'
import { ByteBudget } from './ingest-body.ts'
import { IngestCounters } from './ingest-counters.ts'
import { createGrpcServer } from './ingest-grpc.ts'
import { BODY_BYTES_IN_FLIGHT_MAX, GRPC_MESSAGE_BYTES_MAX } from './ingest-limits.ts'
import type { SenderAccess } from './sender-check.ts'
import { decodeSpanBlock } from './span-block.ts'
import { requestType } from './testing/otlp-oracle.ts'

const PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'

const rpc = protobuf.Root.fromJSON({
  nested: {
    Status: {
      fields: {
        code: { type: 'int32', id: 1 },
        message: { type: 'string', id: 2 },
        details: { rule: 'repeated', type: 'Any', id: 3 },
      },
    },
    Any: { fields: { typeUrl: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
    RetryInfo: { fields: { retryDelay: { type: 'Duration', id: 1 } } },
    Duration: { fields: { seconds: { type: 'int64', id: 1 }, nanos: { type: 'int32', id: 2 } } },
    Response: { fields: { partialSuccess: { type: 'Partial', id: 1 } } },
    Partial: { fields: { rejectedSpans: { type: 'int64', id: 1 }, errorMessage: { type: 'string', id: 2 } } },
  },
})

type Listener = {
  readonly port: number
  readonly counters: IngestCounters
  readonly budget: ByteBudget
  /** Blocks that were made durable. */
  readonly blocks: Uint8Array[]
}

type Options = {
  readonly access?: Partial<SenderAccess>
  readonly refusal?: LogErrorCode
  /** What becomes durable waits for this. */
  readonly until?: Promise<void>
}

async function withListener(
  body: (listener: Listener) => Promise<void>,
  options: Options = {},
): Promise<void> {
  const clock: Clock = { nowNs: () => 5n, monotonicMs: () => 0, setTimer: () => ({ cancel: () => {} }) }
  const random = seededRandom(1)
  const disk = new SimulatedDisk({ random, wait: async () => {} })
  const log = await openLog({ dir: '/log', disk, clock, random })
  const { access, refusal } = options
  const blocks: Uint8Array[] = []
  const append = async (block: Uint8Array, key: Uint8Array) => {
    await options.until
    if (refusal !== undefined) throw new LogError(refusal, 'refused')
    blocks.push(block)
    return log.append(block, key)
  }
  const ingest = new BatchIngest({ log: { append }, clock, random, yieldTurn: async () => {} })
  const counters = new IngestCounters()
  const budget = new ByteBudget(BODY_BYTES_IN_FLIGHT_MAX)
  const server = createGrpcServer(ingest, { host: '127.0.0.1', ...access }, counters, budget)
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  try {
    await body({ port, counters, budget, blocks })
  } finally {
    await server.close(0)
  }
}

type Answer = {
  readonly code: status
  readonly message?: string
  readonly details: Metadata
  readonly body?: Buffer
}
type Call = {
  readonly body: Uint8Array
  readonly path?: string
  readonly metadata?: { readonly [name: string]: string }
  readonly isGzip?: boolean
  readonly deadlineMs?: number
  readonly authority?: string
}

/** One unary call of the usual client. */
async function call(port: number, options: Call): Promise<Answer> {
  const { body, path = PATH, metadata = {}, isGzip = false, deadlineMs = 20_000, authority } = options
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    ...(isGzip ? { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip } : {}),
    ...(authority === undefined ? {} : { 'grpc.default_authority': authority }),
    'grpc.max_send_message_length': -1,
    'grpc.enable_retries': 0,
    // Each call its own connection: one that was refused shall not colour the next.
    'grpc.use_local_subchannel_pool': 1,
  })
  const sent = new Metadata()
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value)
  try {
    return await new Promise<Answer>((resolve) => {
      client.makeUnaryRequest(
        path,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes: Buffer) => bytes,
        body,
        sent,
        { deadline: Date.now() + deadlineMs },
        (error: ServiceError | null, answer?: Buffer) =>
          resolve(
            error === null
              ? { code: status.OK, details: new Metadata(), body: answer! }
              : { code: error.code, message: error.details, details: error.metadata },
          ),
      )
    })
  } finally {
    client.close()
  }
}

function retrySecondsOf(answer: Answer): number | undefined {
  const [details] = answer.details.get('grpc-status-details-bin')
  const told = rpc
    .lookupType('Status')
    .decode(details as Buffer)
    .toJSON()
  assert.equal(told['code'], answer.code)
  assert.equal(told['message'], answer.message)
  const [any] = told['details'] ?? []
  if (any === undefined) return undefined
  assert.equal(any.typeUrl, 'type.googleapis.com/google.rpc.RetryInfo')
  const info = rpc.lookupType('RetryInfo').decode(Buffer.from(any.value, 'base64')).toJSON()
  return Number(info['retryDelay'].seconds)
}

const spanOf = (n: number) => ({ traceId: Buffer.alloc(16, n), spanId: Buffer.alloc(8, n), name: 'a' })
const requestOf = (...spans: object[]): Uint8Array =>
  requestType.encode(requestType.fromObject({ resourceSpans: [{ scopeSpans: [{ spans }] }] })).finish()
const frame = (body: Uint8Array, flag = 0): Buffer => {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}

for (const compression of [CompressionAlgorithm.NONE, CompressionAlgorithm.GZIP]) {
  test(`spans of OpenTelemetry's own exporter arrive whole, compression ${compression}`, () =>
    withListener(async ({ port, counters, blocks }) => {
      const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}`, compression })
      const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
      const span = provider
        .getTracer('t')
        .startSpan('checkout', { attributes: { 'cart.items': 3, note: 'ü' } })
      span.addEvent('paid')
      span.end()
      await provider.forceFlush()
      await provider.shutdown()
      assert.deepEqual([counters.acceptedSpans, counters.grpcRequests, counters.refused], [1, 1, {}])
      const batch = decodeSpanBlock(blocks[0]!)
      assert.equal(batch.spanCount, 1)
      assert.ok(['checkout', 'cart.items', 'note', 'ü', 'paid'].every((text) => batchHolds(blocks[0]!, text)))
    }))
}

const batchHolds = (block: Uint8Array, text: string): boolean =>
  Buffer.from(block).includes(Buffer.from(text))

test('an empty request is a success with an empty answer', () =>
  withListener(async ({ port }) => {
    const { code, body } = await call(port, { body: new Uint8Array(0) })
    assert.deepEqual([code, body?.length], [status.OK, 0])
  }))

test('the same message again is answered OK and stored once', () =>
  withListener(async ({ port, counters }) => {
    for (const isGzip of [false, true, false])
      assert.equal((await call(port, { body: requestOf(spanOf(1)), isGzip })).code, status.OK)
    assert.deepEqual([counters.acceptedBatches, counters.duplicateBatches, counters.acceptedSpans], [1, 2, 1])
  }))

test('rejected spans are told as partial success', () =>
  withListener(async ({ port }) => {
    const { code, body } = await call(port, { body: requestOf(spanOf(1), { name: 'no ids' }) })
    assert.deepEqual(
      [code, rpc.lookupType('Response').decode(body!).toJSON()],
      [
        status.OK,
        {
          partialSuccess: { rejectedSpans: '1', errorMessage: '1 spans rejected (first: invalid trace id)' },
        },
      ],
    )
  }))

test('a message of exactly the limit is taken, one byte more is not, compressed or plain', () =>
  withListener(async ({ port }) => {
    for (const isGzip of [false, true]) {
      const padding = Buffer.alloc(GRPC_MESSAGE_BYTES_MAX)
      padding.set([0x7a, 0xfb, 0xff, 0xff, 0x01]) // unknown field 15 of the remaining 4 MiB - 5 bytes
      assert.equal((await call(port, { body: padding, isGzip })).code, status.OK)
      const more = await call(port, { body: Buffer.alloc(GRPC_MESSAGE_BYTES_MAX + 1), isGzip })
      assert.equal(more.code, status.RESOURCE_EXHAUSTED)
      assert.equal(retrySecondsOf(more), undefined)
    }
  }))

const REFUSED: readonly (readonly [name: string, code: status, options: Call])[] = [
  ['malformed protobuf', status.INVALID_ARGUMENT, { body: Buffer.from('hello') }],
  [
    'empty messages without end',
    status.RESOURCE_EXHAUSTED,
    { body: Buffer.alloc(4 * 1024 * 1024, Buffer.from([0x0a, 0])) },
  ],
  ['a gzip bomb', status.RESOURCE_EXHAUSTED, { body: Buffer.alloc(64 * 1024 * 1024), isGzip: true }],
  [
    'metrics',
    status.UNIMPLEMENTED,
    { body: new Uint8Array(0), path: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export' },
  ],
  ['a foreign authority', status.PERMISSION_DENIED, { body: new Uint8Array(0), authority: 'evil.example' }],
  [
    'a page',
    status.PERMISSION_DENIED,
    { body: new Uint8Array(0), metadata: { origin: 'https://evil.example' } },
  ],
]

/** A code, what is wrong, what mends it. */
const CODED = /^E_[A-Z_]+: [^;]+; ./

for (const [name, code, options] of REFUSED) {
  test(`${name} is answered ${status[code]}, with a code and what mends it`, () =>
    withListener(async ({ port, counters, budget }) => {
      const answer = await call(port, options)
      assert.equal(answer.code, code, answer.message)
      assert.match(answer.message ?? '', CODED)
      assert.equal(retrySecondsOf(answer), undefined)
      assert.deepEqual([Object.values(counters.refused), budget.held], [[1], 0])
      assert.equal((await call(port, { body: requestOf(spanOf(1)) })).code, status.OK)
    }))
}

for (const refusal of ['E_LOG_FULL', 'E_LOG_BUSY', 'E_LOG_IO', 'E_LOG_CLOSED'] as const) {
  test(`${refusal} is answered UNAVAILABLE with RetryInfo, never OK`, () =>
    withListener(
      async ({ port }) => {
        const answer = await call(port, { body: requestOf(spanOf(1)) })
        assert.deepEqual([answer.code, retrySecondsOf(answer)], [status.UNAVAILABLE, 2])
        assert.match(answer.message ?? '', CODED)
      },
      { refusal },
    ))
}

test('with a token set, only calls that bear it are served', () =>
  withListener(
    async ({ port }) => {
      const body = requestOf(spanOf(1))
      const codes = await Promise.all(
        ['', 'Bearer wrong', 'Basic secret', 'Bearer secret'].map(
          async (authorization) =>
            (await call(port, { body, metadata: authorization === '' ? {} : { authorization } })).code,
        ),
      )
      const no = status.UNAUTHENTICATED
      assert.deepEqual(codes, [no, no, no, status.OK])
    },
    { access: { token: 'secret' } },
  ))

test('a call past its deadline is told so, and is durable all the same', async () => {
  const durable = Promise.withResolvers<void>()
  await withListener(
    async ({ port, counters, budget }) => {
      const answer = await raw(port, async (session) => {
        const stream = session.request({ ...HEADERS, 'grpc-timeout': '20m' })
        stream.end(frame(requestOf(spanOf(1))))
        return headersOf(stream)
      })
      assert.equal(answer['grpc-status'], String(status.DEADLINE_EXCEEDED))
      durable.resolve()
      while (budget.held > 0) await turn()
      assert.deepEqual([counters.acceptedSpans, counters.refused], [1, { 408: 1 }])
    },
    { until: durable.promise },
  )
})

const HEADERS: OutgoingHttpHeaders = {
  ':method': 'POST',
  ':path': PATH,
  'content-type': 'application/grpc',
  te: 'trailers',
}
type Answered = { readonly [name: string]: unknown }

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

async function raw<T>(port: number, body: (session: ClientHttp2Session) => Promise<T>): Promise<T> {
  // Memory for messages that are still on their way while the next call begins.
  const session = connectHttp2(`http://127.0.0.1:${port}`, { maxSessionMemory: 200 })
  session.on('error', () => {})
  try {
    return await body(session)
  } finally {
    session.destroy()
  }
}

/** The headers of the answer, those that are trailers too. */
function headersOf(stream: ReturnType<ClientHttp2Session['request']>): Promise<Answered> {
  stream.resume()
  return new Promise((resolve, reject) => {
    stream.on('response', resolve)
    stream.on('error', reject)
  })
}

const request = requestOf(spanOf(1))
const RAW: readonly (readonly [
  name: string,
  code: status,
  body: Uint8Array,
  headers?: OutgoingHttpHeaders,
])[] = [
  ['no message', status.INVALID_ARGUMENT, new Uint8Array(0)],
  ['half a prefix', status.INVALID_ARGUMENT, Buffer.from([0, 0, 0])],
  ['a message cut short', status.INVALID_ARGUMENT, frame(request).subarray(0, -1)],
  ['two messages', status.INVALID_ARGUMENT, Buffer.concat([frame(request), frame(request)])],
  ['a flag that is none', status.INVALID_ARGUMENT, frame(request, 2)],
  ['a compressed message in no encoding', status.INVALID_ARGUMENT, frame(gzipSync(request), 1)],
  ['gzip that is none', status.INVALID_ARGUMENT, frame(request, 1), { 'grpc-encoding': 'gzip' }],
  ['a length of 4 GiB', status.RESOURCE_EXHAUSTED, Buffer.from([0, 255, 255, 255, 255, 1, 2])],
  ['an encoding we do not read', status.UNIMPLEMENTED, frame(request), { 'grpc-encoding': 'snappy' }],
  ['a deadline that is no time', status.INVALID_ARGUMENT, frame(request), { 'grpc-timeout': 'soon' }],
  ['a doubled slash', status.UNIMPLEMENTED, frame(request), { ':path': `/${PATH}` }],
]

for (const [name, code, body, headers] of RAW) {
  test(`${name} is answered ${status[code]}`, () =>
    withListener(async ({ port, budget }) => {
      const answer = await raw(port, async (session) => {
        const stream = session.request({ ...HEADERS, ...headers })
        stream.end(body)
        return headersOf(stream)
      })
      assert.equal(answer['grpc-status'], String(code), String(answer['grpc-message']))
      assert.equal(budget.held, 0)
    }))
}

test('a message may come in any pieces', () =>
  withListener(async ({ port, counters }) => {
    await raw(port, async (session) => {
      for (const size of [1, 4, 5, 6, 7]) {
        const stream = session.request(HEADERS)
        const whole = frame(requestOf(spanOf(size)))
        for (let at = 0; at < whole.length; at += size) {
          stream.write(whole.subarray(at, at + size))
          await new Promise((resolve) => setImmediate(resolve))
        }
        stream.end()
        const trailers = await new Promise<Answered>((resolve) => stream.resume().on('trailers', resolve))
        assert.equal(trailers['grpc-status'], '0')
      }
    })
    assert.equal(counters.acceptedSpans, 5)
  }))

test('HTTP/2 that is no gRPC is answered 415', () =>
  withListener(async ({ port }) => {
    const answer = await raw(port, (session) =>
      headersOf(session.request({ ...HEADERS, 'content-type': 'application/x-protobuf' })),
    )
    assert.equal(answer[':status'], 415)
  }))

for (const [name, hello] of [
  ['OTLP/HTTP', 'POST /v1/traces HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001'],
] as const) {
  test(`${name} on the port of gRPC is told where it is`, () =>
    withListener(async ({ port }) => {
      const socket = connect(port, '127.0.0.1')
      socket.end(hello)
      let text = ''
      for await (const chunk of socket) text += String(chunk)
      assert.match(text, /^HTTP\/1\.1 400 [^]*E_BAD_GRPC: [^]*4318/)
    }))
}

test('the preface of HTTP/2 may come a byte at a time', () =>
  withListener(async ({ port }) => {
    const socket = connect(port, '127.0.0.1')
    const hello = Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
    ])
    for (const byte of hello) {
      socket.write(Buffer.from([byte]))
      await turn()
    }
    const [first] = await new Promise<Buffer[]>((resolve) =>
      socket.once('data', (data: Buffer) => resolve([data])),
    )
    assert.equal(first![3], 4) // a frame of type SETTINGS
    socket.destroy()
  }))

test('calls that are refused in the middle of their message leave the connection good', () =>
  withListener(async ({ port, budget }) => {
    await raw(port, async (session) => {
      const big = Buffer.alloc(GRPC_MESSAGE_BYTES_MAX + 1)
      for (let i = 0; i < 20; i++) {
        const stream = session.request(HEADERS)
        stream.on('error', () => {})
        stream.end(frame(big))
        assert.equal((await headersOf(stream))['grpc-status'], String(status.RESOURCE_EXHAUSTED))
      }
      const good = session.request(HEADERS)
      good.end(frame(request))
      const trailers = await new Promise<Answered>((resolve) => good.resume().on('trailers', resolve))
      assert.equal(trailers['grpc-status'], '0')
    })
    assert.equal(budget.held, 0)
  }))

test('a sender that goes away in the middle leaves nothing held', () =>
  withListener(async ({ port, counters, budget }) => {
    await raw(port, async (session) => {
      session.request(HEADERS).write(frame(Buffer.alloc(100_000)).subarray(0, 50_000))
      while (budget.held === 0) await turn()
    })
    while (budget.held > 0) await turn()
    assert.deepEqual(counters.refused, { 400: 1 })
  }))

test('senders that open and cancel calls without end are cut off, others are served', () =>
  withListener(async ({ port, counters }) => {
    await raw(port, async (session) => {
      for (let i = 0; i < 5000 && !session.destroyed; i++) {
        if (session.closed) break
        const stream = session.request(HEADERS)
        stream.on('error', () => {})
        stream.close(constants.NGHTTP2_CANCEL)
        if (i % 50 === 0) await turn()
      }
      while (!session.destroyed) await turn()
    })
    assert.ok(counters.requests < 5000, String(counters.requests))
    assert.equal((await call(port, { body: request })).code, status.OK)
  }))

test('beyond the bytes in flight calls are told to come back', () =>
  withListener(async ({ port, budget }) => {
    assert.ok(budget.take(BODY_BYTES_IN_FLIGHT_MAX))
    const answer = await call(port, { body: request })
    assert.deepEqual([answer.code, retrySecondsOf(answer)], [status.UNAVAILABLE, 2])
    budget.give(BODY_BYTES_IN_FLIGHT_MAX)
    assert.equal((await call(port, { body: request })).code, status.OK)
  }))
