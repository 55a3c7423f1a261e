// What pages may send, at the last that is taken and the first that is refused.

import assert from 'node:assert/strict'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import type { BatchFormat, BatchOutcome } from './ingest-batch.ts'
import { ByteBudget } from './ingest-body.ts'
import { IngestCounters } from './ingest-counters.ts'
import { createIngestServer } from './ingest-http.ts'
import { BODY_BYTES_IN_FLIGHT_MAX, PAGE_BODY_BYTES_MAX, PAGE_BURST_BYTES_MAX } from './ingest-limits.ts'
import { decodeOtlpJson } from './otlp-json.ts'
import { PagePosts } from './page-posts.ts'
import type { SenderAccess } from './sender-check.ts'
import { SpanBatchBuilder, type Stamp } from './span-batch-builder.ts'
import { cellAt } from './span-batch.ts'

const ORIGIN = 'https://app.example'
const PAGE: IncomingHttpHeaders = { origin: ORIGIN, 'content-type': 'application/json' }

type Taken = { readonly body: Uint8Array; readonly format: BatchFormat; readonly stamps: readonly Stamp[] }
type Asked = { readonly path?: string; readonly headers?: IncomingHttpHeaders; readonly body?: string }

/** A listener whose log is a list. */
async function listening(
  access: Partial<SenderAccess>,
  use: (
    ask: (asked: Asked) => Promise<{ status: number; text: string; headers: IncomingHttpHeaders }>,
  ) => Promise<void>,
): Promise<readonly Taken[]> {
  const taken: Taken[] = []
  const ingest = {
    async ingest(
      body: Uint8Array,
      format: BatchFormat,
      stamps: readonly Stamp[] = [],
    ): Promise<BatchOutcome> {
      taken.push({ body, format, stamps })
      return { acceptedSpans: 1, rejectedSpans: 0, message: '', isDuplicate: false }
    },
  }
  const budget = new ByteBudget(BODY_BYTES_IN_FLIGHT_MAX)
  const all = { host: '127.0.0.1', allowedOrigins: [ORIGIN], ...access }
  const server = createIngestServer(ingest, all, new IngestCounters(), budget)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    await use(
      ({ path = '/v1/traces', headers = {}, body = '{}' }) =>
        new Promise((resolve, reject) => {
          const sent = httpRequest(
            { host: '127.0.0.1', port, path, method: 'POST', agent: false, headers: { ...PAGE, ...headers } },
            (answer) => {
              let text = ''
              answer.on('data', (chunk: Buffer) => (text += String(chunk)))
              answer.on('end', () =>
                resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }),
              )
            },
          )
          sent.on('error', reject)
          sent.end(body)
        }),
    )
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return taken
}

test('where servers need a token pages need the key, and only that', async () => {
  const access = { token: 'secret', pageKey: 'public' }
  const taken = await listening(access, async (ask) => {
    for (const [path, status] of [
      ['/v1/traces', 401],
      ['/v1/traces?key=', 401],
      ['/v1/traces?key=secret', 401],
      ['/v1/traces?key=publicx', 401],
      ['/v1/traces?key=public', 200],
    ] as const)
      assert.equal((await ask({ path })).status, status, path)
    const refused = await ask({})
    assert.match(refused.text, /E_PAGE_KEY: .*DIR\/page-key/)
    assert.equal(refused.headers['access-control-allow-origin'], ORIGIN, 'the page may read why')
    // With the token of servers it is not a page's, and the key opens nothing for those.
    assert.equal((await ask({ headers: { authorization: 'Bearer secret' } })).status, 200)
    assert.equal(
      (await ask({ path: '/v1/traces?key=public', headers: { authorization: 'Bearer x' } })).status,
      401,
    )
    assert.equal(
      (await ask({ path: '/v1/traces?key=public', headers: { origin: 'https://evil.example' } })).status,
      403,
    )
  })
  assert.deepEqual(
    taken.map(({ stamps }) => stamps.length),
    [1, 0],
  )
})

test('without a key on the server none is accepted, not even the empty one', async () => {
  await listening({ token: 'secret' }, async (ask) => {
    for (const path of ['/v1/traces', '/v1/traces?key=', '/v1/traces?key=undefined'])
      assert.equal((await ask({ path })).status, 401, path)
  })
})

test('pages send plain JSON of a stated, bounded length', async () => {
  await listening({}, async (ask) => {
    assert.equal((await ask({ headers: { 'content-type': 'application/x-protobuf' } })).status, 415)
    assert.equal((await ask({ headers: { 'content-encoding': 'gzip' } })).status, 415)
    assert.equal((await ask({ headers: { 'transfer-encoding': 'chunked' } })).status, 413)
    assert.equal((await ask({ body: ' '.repeat(PAGE_BODY_BYTES_MAX) })).status, 200)
    const large = await ask({ body: ' '.repeat(PAGE_BODY_BYTES_MAX + 1) })
    assert.deepEqual([large.status, /E_TOO_LARGE/.test(large.text)], [413, true])
  })
})

test('all pages together have a rate; when it is used up they are told to wait, and it comes back', () => {
  let nowMs = 0
  const posts = new PagePosts({ host: 'x' }, () => nowMs)
  const request = (bytes: number) =>
    ({ url: '/v1/traces', headers: { ...PAGE, 'content-length': String(bytes) } }) as never
  const admit = () => posts.admit(request(PAGE_BODY_BYTES_MAX), 'json')
  for (let sent = 0; sent + PAGE_BODY_BYTES_MAX <= PAGE_BURST_BYTES_MAX; sent += PAGE_BODY_BYTES_MAX) admit()
  assert.throws(admit, { status: 429, code: 'E_PAGES_BUSY' })
  nowMs += 1000
  admit()
  nowMs += 3_600_000
  for (let sent = 0; sent + PAGE_BODY_BYTES_MAX <= PAGE_BURST_BYTES_MAX; sent += PAGE_BODY_BYTES_MAX) admit()
  assert.throws(admit, { status: 429 })
})

test('the country is what the configured header says, if that is a country', async () => {
  const taken = await listening({ countryHeader: 'CF-IPCountry' }, async (ask) => {
    for (const country of ['de', 'Germany', '']) await ask({ headers: { 'cf-ipcountry': country } })
  })
  const unset = await listening({}, async (ask) => void (await ask({ headers: { 'cf-ipcountry': 'DE' } })))
  const origin = ['crosscut.page.origin', ORIGIN]
  assert.deepEqual(
    [...taken, ...unset].map(({ stamps }) => stamps),
    [[origin, ['geo.country.iso_code', 'DE']], [origin], [origin], [origin]],
  )
})

test('a stamp stands over whatever the page said under its name, on each of its resources', () => {
  const text = (value: string) => ({ stringValue: value })
  const many = Array.from({ length: 130 }, (_, i) => ({ key: `k${i}`, value: text('v') }))
  const spans = [{ traceId: '1'.repeat(32), spanId: '2'.repeat(16), name: 'a' }]
  const resourceOf = (attributes: unknown) => ({ resource: { attributes }, scopeSpans: [{ spans }] })
  const claims = [
    { key: 'crosscut.page.origin', value: text('https://bank.example') },
    { key: 'crosscut.page.origin', value: { intValue: '5' } },
    { key: 'service.name', value: text('gateway') },
  ]
  const body = JSON.stringify({
    resourceSpans: [resourceOf(claims), resourceOf(many), { scopeSpans: [{ spans }] }],
  }).replace('"crosscut.page.origin"', '"\\u0063rosscut.page.origin"')
  const builder = new SpanBatchBuilder(1)
  builder.stampResources([['crosscut.page.origin', ORIGIN]])
  for (const decoding = decodeOtlpJson(Buffer.from(body), builder); decoding.next().done !== true;);
  const { resources, strings } = builder.finish(0n)
  const { offsets, keys } = resources.attributes
  assert.equal(resources.count, 3)
  for (let row = 0; row < 3; row++) {
    const said: unknown[] = []
    for (let j = offsets[row] ?? 0; j < (offsets[row + 1] ?? 0); j++)
      if (strings.text(keys[j] ?? 0) === 'crosscut.page.origin')
        said.push(cellAt(resources.attributes, strings, j))
    assert.deepEqual([...new Set(said)], [ORIGIN])
  }
  builder.reset()
  for (const decoding = decodeOtlpJson(Buffer.from(body), builder); decoding.next().done !== true;);
  assert.notEqual(builder.finish(0n).resources.attributes.keys.length, 0)
  assert.deepEqual(builder.resources.stamps, [])
})
