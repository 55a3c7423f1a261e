// Files of Jaeger and Zipkin: what becomes of each field, which spans are left out and where they stand, and
// hostile files.

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import * as limits from './ingest-limits.ts'
import { decodeJaegerJson } from './jaeger-json.ts'
import { OtlpError, type DecodeReport } from './otlp-error.ts'
import { SpanBatchBuilder } from './span-batch-builder.ts'
import { plainSpans, type PlainSpan } from './testing/otlp-oracle.ts'
import { decodeZipkinJson } from './zipkin-json.ts'

const DECODERS = { jaeger: decodeJaegerJson, zipkin: decodeZipkinJson }
type Format = keyof typeof DECODERS
const builder = new SpanBatchBuilder(7)

function decode(format: Format, file: unknown): { spans: PlainSpan[]; report: DecodeReport; turns: number } {
  builder.reset()
  const body = file instanceof Uint8Array ? file : Buffer.from(typeof file === 'string' ? file : text(file))
  const decoding = DECODERS[format](body, builder)
  let turns = 0
  let step = decoding.next()
  for (; step.done !== true; step = decoding.next()) turns++
  return { spans: plainSpans(builder.finish(5n)), report: step.value, turns }
}

const text = (file: unknown): string => JSON.stringify(file)

function outcome(format: Format, file: unknown): string {
  try {
    const { spans, report } = decode(format, file)
    return `${spans.length} spans, ${report.rejectedSpans} rejected`
  } catch (error: unknown) {
    if (error instanceof OtlpError) return error.code
    throw error
  }
}

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const attributesOf = (span: PlainSpan | undefined): unknown => span?.['attributes']

test('a Jaeger trace: processes after spans, typed tags, logs, references, what OpenTelemetry wrote as tags', () => {
  const { spans } = decode('jaeger', {
    data: [
      {
        traceID: TRACE,
        spans: [
          {
            traceID: TRACE,
            spanID: SPAN,
            operationName: 'GET /cart',
            references: [
              { refType: 'FOLLOWS_FROM', traceID: TRACE, spanID: '11' },
              { refType: 'CHILD_OF', traceID: TRACE, spanID: '22' },
              { refType: 'CHILD_OF', traceID: 'ab', spanID: '33' },
            ],
            startTime: 1764000000000001,
            duration: 250,
            tags: [
              { key: 'span.kind', type: 'string', value: 'server' },
              { key: 'otel.status_code', type: 'string', value: 'ERROR' },
              { key: 'otel.status_description', type: 'string', value: 'no' },
              { key: 'w3c.tracestate', type: 'string', value: 'a=b' },
              { key: 'n', type: 'int64', value: 7 },
              { key: 'f', type: 'float64', value: 2 },
              { key: 'nan', type: 'float64', value: 'NaN' },
              { key: 'b', type: 'bool', value: true },
              { key: 'bin', type: 'binary', value: 'AQI=' },
              { key: 'odd', type: 'int64', value: 'seven' },
            ],
            logs: [
              {
                timestamp: 1764000000000002,
                fields: [
                  { key: 'event', type: 'string', value: 'retry' },
                  { key: 'attempt', type: 'int64', value: 2 },
                ],
              },
              { timestamp: 1764000000000003, fields: [{ key: 'message', type: 'string', value: 'x' }] },
            ],
            processID: 'p1',
            warnings: null,
          },
        ],
        processes: {
          p1: { serviceName: 'shop', tags: [{ key: 'hostname', type: 'string', value: 'A' }] },
        },
      },
    ],
    total: 0,
    errors: null,
  })
  const link = (traceId: string, spanId: string, type: string): object => ({
    traceId,
    spanId,
    traceState: '',
    flags: 0,
    dropped: 0,
    attributes: [['opentracing.ref_type', 'string', type]],
  })
  assert.deepEqual(spans, [
    {
      traceId: TRACE,
      spanId: SPAN,
      parent: '22'.padStart(16, '0'),
      name: 'GET /cart',
      traceState: 'a=b',
      start: '1764000000000001000',
      end: '1764000000000251000',
      kind: 2,
      flags: 0,
      status: [2, 'no'],
      dropped: [0, 0, 0],
      attributes: [
        ['n', 'int', '7'],
        ['f', 'double', '2'],
        ['nan', 'double', 'NaN'],
        ['b', 'bool', 'true'],
        ['bin', 'bytes', '0102'],
        ['odd', 'string', 'seven'],
      ],
      events: [
        { time: '1764000000000002000', name: 'retry', dropped: 0, attributes: [['attempt', 'int', '2']] },
        { time: '1764000000000003000', name: 'log', dropped: 0, attributes: [['message', 'string', 'x']] },
      ],
      links: [
        link(TRACE, '11'.padStart(16, '0'), 'follows_from'),
        link('ab'.padStart(32, '0'), '33'.padStart(16, '0'), 'child_of'),
      ],
      resource: {
        schemaUrl: '',
        dropped: 0,
        attributes: [
          ['service.name', 'string', 'shop'],
          ['host.name', 'string', 'A'],
        ],
      },
      scope: { name: '', version: '', schemaUrl: '', dropped: 0, attributes: [] },
    },
  ])
})

test('whole numbers beyond 2^53 in a Jaeger file keep their digits', () => {
  const span = `{"traceID":"1","spanID":"2","tags":[{"key":"id","type":"int64","value":9007199254740993}]}`
  const { spans } = decode('jaeger', `{"data":[{"spans":[${span}]}]}`)
  assert.deepEqual(attributesOf(spans[0]), [['id', 'int', '9007199254740993']])
})

test('a Zipkin span: endpoints, tags, annotations, an error; a list of traces reads as a list of spans', () => {
  const span = {
    traceId: '8448eb211c80319c',
    id: SPAN,
    kind: 'CLIENT',
    name: 'get',
    timestamp: 1764000000000001,
    duration: 10,
    localEndpoint: { serviceName: 'shop', ipv4: '10.0.0.1', port: 80 },
    remoteEndpoint: { serviceName: 'stock', ipv6: '::1' },
    annotations: [{ timestamp: 1764000000000002, value: 'wire send' }],
    tags: { 'http.path': '/cart', error: 'refused', ['__proto__']: 'x' },
  }
  const [read] = decode('zipkin', [span]).spans
  assert.deepEqual(read, {
    traceId: '8448eb211c80319c'.padStart(32, '0'),
    spanId: SPAN,
    parent: '',
    name: 'get',
    traceState: '',
    start: '1764000000000001000',
    end: '1764000000000011000',
    kind: 3,
    flags: 0,
    status: [2, 'refused'],
    dropped: [0, 0, 0],
    attributes: [
      ['http.path', 'string', '/cart'],
      ['error', 'string', 'refused'],
      ['__proto__', 'string', 'x'],
      ['network.local.address', 'string', '10.0.0.1'],
      ['network.local.port', 'int', '80'],
      ['network.peer.address', 'string', '::1'],
      ['peer.service', 'string', 'stock'],
    ],
    events: [{ time: '1764000000000002000', name: 'wire send', dropped: 0, attributes: [] }],
    links: [],
    resource: { schemaUrl: '', dropped: 0, attributes: [['service.name', 'string', 'shop']] },
    scope: { name: '', version: '', schemaUrl: '', dropped: 0, attributes: [] },
  })
  assert.deepEqual(decode('zipkin', [[span], [{ ...span, id: '1' }]]).spans[0], read)
})

test('a span id that a Zipkin client and server share becomes two spans, and the server keeps its children', () => {
  const at = (serviceName: string): object => ({ serviceName })
  const file = [
    { traceId: TRACE, id: 'c', parentId: 'b', name: 'in server', localEndpoint: at('stock') },
    { traceId: TRACE, id: 'b', name: 'call', kind: 'CLIENT', localEndpoint: at('shop') },
    { traceId: TRACE, id: 'b', name: 'serve', kind: 'SERVER', shared: true, localEndpoint: at('stock') },
    { traceId: TRACE, id: 'd', parentId: 'b', name: 'in client', localEndpoint: at('shop') },
  ]
  const spans = new Map(decode('zipkin', file).spans.map((span) => [span['name'], span]))
  const parentOf = (name: string): unknown =>
    [...spans.values()].find(({ spanId }) => spanId === spans.get(name)?.['parent'])?.['name']
  assert.deepEqual(['in server', 'serve', 'in client', 'call'].map(parentOf), [
    'serve',
    'call',
    'call',
    undefined,
  ])
  assert.deepEqual(new Map(decode('zipkin', file).spans.map((span) => [span['name'], span])), spans)
})

test('a shared Zipkin span whose client told nothing keeps its id, its parent and its children', () => {
  const shared = { traceId: TRACE, kind: 'SERVER', shared: true }
  const { spans } = decode('zipkin', [
    { ...shared, id: 'a', name: 'routing', localEndpoint: { serviceName: 'routing' } },
    { traceId: TRACE, id: 'b', parentId: 'a', name: 'call', kind: 'CLIENT' },
    { ...shared, id: 'c', parentId: 'a', name: 'serve', localEndpoint: { serviceName: 'api' } },
  ])
  const a = 'a'.padStart(16, '0')
  assert.deepEqual(
    spans.map(({ name, spanId, parent }) => [name, spanId, parent]),
    [
      ['routing', a, ''],
      ['call', 'b'.padStart(16, '0'), a],
      ['serve', 'c'.padStart(16, '0'), a],
    ],
  )
})

const jaeger = (...spans: unknown[]): object => ({ data: [{ spans }] })
const good = { traceID: '1', spanID: '2' }

for (const [format, file, reason] of [
  ['jaeger', jaeger(good, { spanID: '2' }), 'data[0].spans[1] has traceID that must be 1 to 32 hex digits'],
  ['jaeger', jaeger(good, { ...good, spanID: '00' }), 'spans[1] has spanID'],
  ['jaeger', jaeger(good, { ...good, spanID: 'x' }), 'spans[1] has spanID'],
  ['jaeger', jaeger(good, { ...good, startTime: -1 }), 'startTime that must be microseconds, not negative'],
  ['jaeger', jaeger(good, { ...good, tags: {} }), 'has tags that must be a list'],
  ['jaeger', jaeger(good, { ...good, tags: [7] }), 'has tags[0] that must be an object'],
  ['jaeger', jaeger(good, { ...good, references: [{ traceID: 'x' }] }), 'references[0].traceID'],
  ['jaeger', jaeger(good, 7), 'data[0].spans[1] must be an object'],
  ['zipkin', [{ traceId: '1', id: '2' }, { id: '2' }], '[1] has traceId'],
  ['zipkin', [[{ traceId: '1', id: '2' }, null]], '[0][1] must be an object'],
  [
    'zipkin',
    [
      { traceId: '1', id: '2' },
      { traceId: '1', id: '3', binaryAnnotations: [] },
    ],
    'of Zipkin v1',
  ],
] as const) {
  test(`a bad span is left out alone, and told by its place: ${reason}`, () => {
    assert.equal(outcome(format, file), '1 spans, 1 rejected')
    const { message } = decode(format, file).report
    assert.ok(message.includes(reason), message)
  })
}

for (const [says, format, file, code] of [
  ['nothing', 'jaeger', '', 'E_OTLP_MALFORMED'],
  ['a list where an object stands', 'jaeger', '[]', 'E_OTLP_MALFORMED'],
  ['an object where a list stands', 'zipkin', '{"data":[]}', 'E_OTLP_MALFORMED'],
  ['a list cut short', 'zipkin', '[{"traceId":"1","id":"2"}', 'E_OTLP_MALFORMED'],
  ['two documents', 'jaeger', '{"data":[]}{"data":[]}', 'E_OTLP_MALFORMED'],
  ['a process that is none', 'jaeger', '{"data":[{"processes":{"p1":7}}]}', 'E_OTLP_MALFORMED'],
  ['a million levels', 'zipkin', '['.repeat(1_000_000), 'E_OTLP_DEPTH'],
  ['a deep value', 'zipkin', `[{"a":${'['.repeat(200)}${']'.repeat(200)}}]`, 'E_OTLP_DEPTH'],
] as const) {
  test(`${says} (${format}) is refused whole with ${code}`, () => assert.equal(outcome(format, file), code))
}

test('a span of FOREIGN_SPAN_BYTES_MAX is read; one byte more is left out alone', () => {
  const span = (bytes: number): string => {
    const head = '{"traceId":"1","id":"2","x":"'
    return `${head}${'x'.repeat(bytes - head.length - 2)}"}`
  }
  const max = limits.FOREIGN_SPAN_BYTES_MAX
  assert.equal(outcome('zipkin', `[${span(max)}]`), '1 spans, 0 rejected')
  assert.equal(outcome('zipkin', `[${span(max + 1)},${span(100)}]`), '1 spans, 1 rejected')
})

test('times that are no times are clamped or refused, never a crash', () => {
  const read = (startTime: string): string =>
    outcome('jaeger', `{"data":[{"spans":[{"traceID":"1","spanID":"2","startTime":${startTime}}]}]}`)
  for (const time of ['0', '18446744073709551615', '1e300', '1.5', '99999999999999999999999'])
    assert.equal(read(time), '1 spans, 0 rejected', time)
  for (const time of ['-1', '1e999', '"1"']) assert.equal(read(time), '0 spans, 1 rejected', time)
})

test('a span of a file has the limits of OTLP, what is more is dropped or cut, and counted', () => {
  const tags = Array.from({ length: 200 }, (_, i) => ({ key: `k${i}`, value: 'v' }))
  const logs = Array.from({ length: 130 }, () => ({ timestamp: 1, fields: [] }))
  const { spans, report } = decode('jaeger', jaeger({ ...good, operationName: 'n'.repeat(2000), tags, logs }))
  const [span] = spans
  assert.deepEqual(
    [span?.['dropped'], String(span?.['name']).length],
    [[200 - limits.ATTRIBUTES_PER_ROW_MAX, 130 - limits.EVENTS_PER_SPAN_MAX, 0], limits.NAME_BYTES_MAX],
  )
  assert.match(report.message, /72 attributes .*dropped; 2 events .*dropped; 1 values .*cut/)
})

test('text of strangers is kept as it is, but for halves of characters', () => {
  const names = ['\u0000', '\u001b[31m', '\u202e', '</script>', '__proto__']
  const file = names.map((name, i) => ({ traceId: '1', id: `${i + 1}`, name, tags: { [name]: name } }))
  const read = decode('zipkin', file).spans
  assert.deepEqual(
    read.map(({ name }) => name),
    names,
  )
  for (const [i, name] of names.entries()) assert.deepEqual(attributesOf(read[i]), [[name, 'string', name]])
  const [half] = decode('zipkin', '[{"traceId":"1","id":"2","name":"\\ud800x"}]').spans
  assert.equal(half?.['name'], '\ufffdx')
  const bytes = Buffer.concat([
    Buffer.from('[{"traceId":"1","id":"2","name":"'),
    Buffer.of(0xff),
    Buffer.from('"}]'),
  ])
  assert.equal(decode('zipkin', bytes).spans[0]?.['name'], '\ufffd')
})

test('a large file is read in turns, its spans all there', () => {
  const spans = Array.from({ length: 20_000 }, (_, i) => ({
    traceID: '1',
    spanID: (i + 1).toString(16),
    operationName: `op ${i}`,
    processID: `p${i % 3}`,
    tags: [{ key: 'i', type: 'int64', value: i }],
  }))
  const processes = { p0: { serviceName: 'a' }, p1: { serviceName: 'b' }, p2: { serviceName: 'c' } }
  const read = decode('jaeger', { data: [{ spans, processes }] })
  assert.deepEqual(
    [read.spans.length, new Set(read.spans.map(({ name }) => name)).size, read.turns > 8],
    [20_000, 20_000, true],
  )
  for (const { name, resource } of read.spans)
    assert.deepEqual(
      (resource as { attributes: unknown }).attributes,
      [['service.name', 'string', 'abc'[Number(String(name).slice(3)) % 3]]],
      String(name),
    )
})

test('mutated files never throw anything but an OtlpError', () => {
  const files = {
    jaeger: text({
      data: [
        {
          spans: [{ ...good, tags: [{ key: 'k', type: 'int64', value: 1 }], logs: [{ fields: [] }] }],
          processes: { p1: { serviceName: 's', tags: [] } },
        },
      ],
    }),
    zipkin: text([{ traceId: '1', id: '2', tags: { a: 'b' }, annotations: [{ timestamp: 1, value: 'v' }] }]),
  }
  fc.assert(
    fc.property(
      fc.constantFrom<Format>('jaeger', 'zipkin'),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(),
      (format, changes, cut) => {
        const body = Buffer.from(files[format])
        for (const [at, byte] of changes) body[at % body.length] = byte
        outcome(format, body.subarray(0, cut % 3 === 0 ? cut % body.length : body.length))
      },
    ),
    { numRuns: 3000 },
  )
})
