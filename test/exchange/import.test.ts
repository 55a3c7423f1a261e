// Files of spans through the API and the command line of a whole server: they become traces, what is bad is
// left out and counted, what cannot be read is refused with a code, a place and what mends it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { requestType } from '../../service/traces/testing/otlp-oracle.ts'
import { Crosscut, until } from '../system/running.ts'
import { cli, fileOf } from './system.ts'

const MIB = 1024 * 1024
const BODY_BYTES_MAX = 20 * MIB
const crosscut = new Crosscut()
before(() => crosscut.start())
after(() => crosscut.close())

type Answer = { readonly status: number; readonly body: ReturnType<typeof JSON.parse> }

async function post(
  format: string,
  file: string | Uint8Array<ArrayBuffer>,
  headers: { readonly [name: string]: string } = {},
): Promise<Answer> {
  const response = await fetch(`${crosscut.url}/api/v1/import?format=${format}`, {
    method: 'POST',
    body: file,
    headers: { authorization: `Bearer ${crosscut.token}`, ...headers },
  })
  return { status: response.status, body: JSON.parse(await response.text()) }
}

let ids = 0
const newTraceId = (): string => (++ids).toString(16).padStart(32, '0')
const START_NS = 1_764_000_000_000_000_000n

function otlp(traceId: string, service: string, spans = 1): string {
  const all = Array.from({ length: spans }, (_, i) => ({
    traceId,
    spanId: (i + 1).toString(16).padStart(16, '0'),
    ...(i === 0 ? {} : { parentSpanId: '1'.padStart(16, '0') }),
    name: `op ${i}`,
    startTimeUnixNano: String(START_NS),
    endTimeUnixNano: String(START_NS + 1_000n),
  }))
  const attributes = [{ key: 'service.name', value: { stringValue: service } }]
  return JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: all }] }] })
}

const jaeger = (traceID: string, service: string): string =>
  JSON.stringify({
    data: [
      {
        traceID,
        spans: [
          { traceID, spanID: '1', operationName: 'op 0', startTime: 1, duration: 9, processID: 'p1' },
          {
            traceID,
            spanID: '2',
            operationName: 'op 1',
            references: [{ refType: 'CHILD_OF', traceID, spanID: '1' }],
            startTime: 2,
            duration: 3,
            processID: 'p1',
          },
        ],
        processes: { p1: { serviceName: service, tags: [] } },
      },
    ],
  })

const zipkin = (traceId: string, serviceName: string): string =>
  JSON.stringify([
    { traceId, id: '1', name: 'op 0', timestamp: 1, duration: 9, localEndpoint: { serviceName } },
    { traceId, id: '2', parentId: '1', name: 'op 1', timestamp: 2, localEndpoint: { serviceName } },
  ])

async function treeOf(service: string): Promise<string[]> {
  let found: string | undefined
  await until(
    async () => {
      found = (await crosscut.traces({ service }))[0]?.traceId
      return found !== undefined
    },
    () => `no trace of ${service}`,
  )
  const { spans } = await crosscut.trace(found ?? '')
  return spans.map(({ name, depth }) => `${depth} ${name}`)
}

const FILES = {
  otlp: (id: string, service: string) => otlp(id, service, 2),
  jaeger,
  zipkin,
} as const

for (const format of ['otlp', 'jaeger', 'zipkin'] as const) {
  test(`a file of ${format} becomes a trace, by the API and by the command line; the same again stays one`, async () => {
    const body = FILES[format](newTraceId(), `api-${format}`)
    const counts = { format, acceptedSpans: 2, rejectedSpans: 0, message: '' }
    assert.deepEqual(await post(format, body), { status: 200, body: { ...counts, isDuplicate: false } })
    assert.deepEqual((await post(format, body)).body, { ...counts, isDuplicate: true })
    assert.deepEqual(await treeOf(`api-${format}`), ['0 op 0', '1 op 1'])

    const file = fileOf(crosscut, `${format}.json`, FILES[format](newTraceId(), `cli-${format}`))
    const said = await cli(crosscut, ['import', file, '--format', format])
    assert.deepEqual([said.code, said.out], [0, `imported 2 spans of ${file}\n`], said.err)
    const again = await cli(crosscut, ['import', file, '--format', format, '--json'])
    assert.deepEqual(JSON.parse(again.out), { ...counts, isDuplicate: true })
    assert.deepEqual(await treeOf(`cli-${format}`), ['0 op 0', '1 op 1'])
  })
}

test('OTLP may be lines, protobuf, compressed; a file larger than a body goes in parts', async () => {
  const lines = `\n${otlp(newTraceId(), 'lines')}\n\n${otlp(newTraceId(), 'lines')}\n`
  assert.equal((await post('otlp', lines)).body.acceptedSpans, 2)
  const span = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 1), name: 'in protobuf' }
  const request = requestType.create({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })
  const protobuf = new Uint8Array(requestType.encode(request).finish())
  assert.equal((await post('otlp', protobuf)).body.acceptedSpans, 1)
  for (const [name, compress] of [
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    const file = fileOf(crosscut, `lines.${name}`, compress(otlp(newTraceId(), name)))
    assert.equal((await cli(crosscut, ['import', file])).out, `imported 1 spans of ${file}\n`)
  }
  const line = otlp(newTraceId(), 'x'.repeat(8 * MIB))
  const many = [line, otlp(newTraceId(), 'a'), line.replace('op 0', 'op 1'), line.replace('op 0', 'op 2')]
  const { out, err } = await cli(crosscut, [
    'import',
    fileOf(crosscut, 'many.jsonl', many.join('\n')),
    '--json',
  ])
  assert.deepEqual([JSON.parse(out).acceptedSpans, err], [4, ''])
})

test('a bad span is left out, counted, and told with its place; a file of bad spans only fails', async () => {
  const body = zipkin(newTraceId(), 'partly').replace('"id":"2"', '"id":"no"')
  const message = '1 spans rejected (first: [1] has id that must be 1 to 16 hex digits, not all zero)'
  const counts = { format: 'zipkin', acceptedSpans: 1, rejectedSpans: 1, message, isDuplicate: false }
  assert.deepEqual(await post('zipkin', body), { status: 200, body: counts })
  const all = zipkin('0', 'none')
  const { code, out } = await cli(crosscut, [
    'import',
    fileOf(crosscut, 'bad.json', all),
    '--format',
    'zipkin',
  ])
  assert.deepEqual(
    [code, out.startsWith('imported 0 spans of bad.json, left out 2 (2 spans')],
    [1, true],
    out,
  )
})

const nested = (levels: number): string =>
  otlp(newTraceId(), 'deep').replace(
    '{"stringValue":"deep"}',
    '{"arrayValue":{"values":['.repeat(levels) + '{}' + ']}}'.repeat(levels),
  )

for (const [says, format, file, status, code, place, mend] of [
  ['no format', '', '{}', 400, 'E_IMPORT_FORMAT', 'missing', 'format=otlp or format=jaeger or format=zipkin'],
  ['an unknown format', 'xml', '{}', 400, 'E_IMPORT_FORMAT', "'xml'", 'format=otlp'],
  ['an empty file', 'otlp', '', 400, 'E_IMPORT_MALFORMED', 'line 1: ', '{"resourceSpans":'],
  ['a broken line', 'otlp', `${otlp('1', 's')}\n{"x":`, 400, 'E_IMPORT_MALFORMED', 'line 2: ', 'one a line'],
  ['a file of words', 'otlp', 'hello', 400, 'E_IMPORT_MALFORMED', 'at byte 0', '{"resourceSpans":'],
  ['a file cut short', 'zipkin', '[{"id":"1"}', 400, 'E_IMPORT_MALFORMED', 'line 1: ', 'version 2'],
  ['Jaeger as OTLP', 'otlp', jaeger('1', 's'), 400, 'E_IMPORT_EMPTY', 'format otlp', '--format jaeger'],
  ['OTLP as Jaeger', 'jaeger', otlp('1', 's'), 400, 'E_IMPORT_EMPTY', 'format jaeger', '--format otlp'],
  ['Zipkin as Jaeger', 'jaeger', zipkin('1', 's'), 400, 'E_IMPORT_MALFORMED', 'line 1: ', '--format zipkin'],
  ['a deep value', 'otlp', nested(33), 400, 'E_IMPORT_DEPTH', 'line 1: ', 'resourceSpans'],
  ['a deep file', 'zipkin', '['.repeat(1e6), 400, 'E_IMPORT_DEPTH', 'line 1: ', 'version 2'],
  [
    'empty objects without end',
    'otlp',
    `{"resourceSpans":[${'{},'.repeat(1e6)}{}]}`,
    413,
    'E_IMPORT_OBJECTS',
    'line 1: ',
    'resourceSpans',
  ],
] as const) {
  test(`${says} is refused with ${code}, its place and what mends it`, async () => {
    const answer = await post(format, file)
    const { error } = answer.body
    assert.deepEqual([answer.status, error.code], [status, code], error.message)
    assert.ok(error.message.includes(place), error.message)
    assert.ok(error.hint.includes(mend), error.hint)
  })
}

for (const [says, headers, file, status, code] of [
  ['a gzip bomb', { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(64 * MIB)), 413, 'E_TOO_LARGE'],
  [
    'a zstd bomb',
    { 'content-encoding': 'zstd' },
    zstdCompressSync(Buffer.alloc(64 * MIB)),
    413,
    'E_TOO_LARGE',
  ],
  ['gzip cut short', { 'content-encoding': 'gzip' }, gzipSync('{}').subarray(0, 9), 400, 'E_BODY_ENCODING'],
  ['an unknown encoding', { 'content-encoding': 'br' }, Buffer.from('x'), 415, 'E_ENCODING'],
  ['gzip twice', { 'content-encoding': 'gzip, gzip' }, Buffer.from('x'), 415, 'E_ENCODING'],
] as const) {
  test(`${says} is refused with ${code}`, async () => {
    const answer = await post('otlp', new Uint8Array(file), headers)
    const { error } = answer.body
    assert.deepEqual([answer.status, error.code, typeof error.hint], [status, code, 'string'])
  })
}

test('a file of exactly the limit is taken; one byte more is refused, by the API and before it is sent', async () => {
  const padded = (bytes: number): Uint8Array<ArrayBuffer> => {
    const body = new Uint8Array(bytes).fill(0x20)
    body.set(Buffer.from(zipkin(newTraceId(), 'limit')))
    return body
  }
  assert.equal((await post('zipkin', padded(BODY_BYTES_MAX))).body.acceptedSpans, 2)
  const { status, body } = await post('zipkin', padded(BODY_BYTES_MAX + 1))
  assert.deepEqual([status, body.error.code], [413, 'E_TOO_LARGE'])
  const file = fileOf(crosscut, 'large.json', padded(BODY_BYTES_MAX + 1))
  const { code, err } = await cli(crosscut, ['import', file, '--format', 'zipkin'])
  assert.deepEqual([code, /\(E_TOO_LARGE\)\n {2}export fewer traces at a time/.test(err)], [1, true], err)
})

test('the command line says a file that is not there, a format that is none, and what the server refused', async () => {
  assert.match(
    (await cli(crosscut, ['import', 'nowhere.json'])).err,
    /cannot read .*nowhere\.json \(E_NO_FILE\)\n {2}give/,
  )
  const usage = await cli(crosscut, ['import', 'x.json', '--format', 'xml'])
  assert.deepEqual([usage.code, /knows otlp, jaeger, zipkin/.test(usage.err)], [2, true])
  const refused = await cli(crosscut, ['import', fileOf(crosscut, 'list.json', '[]'), '--format', 'jaeger'])
  assert.match(
    refused.err,
    /line 1: .* \(at byte 0\) \(E_IMPORT_MALFORMED\)\n {2}it looks like zipkin: try --format zipkin/,
  )
})

test('nobody imports without the token of the operator', async () => {
  for (const authorization of ['', 'Bearer wrong']) {
    const { status, body } = await post('otlp', otlp(newTraceId(), 'stranger'), { authorization })
    assert.deepEqual([status, body.error.code], [401, 'E_UNAUTHORIZED'])
  }
})

test('what was imported survives a kill -9 that follows the answer', async () => {
  assert.equal((await post('jaeger', jaeger(newTraceId(), 'durable'))).body.acceptedSpans, 2)
  await crosscut.kill()
  await crosscut.start()
  assert.deepEqual(await treeOf('durable'), ['0 op 0', '1 op 1'])
})
