// The exporter against real HTTP: what each answer of a collector means, and that every span is accounted
// for.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http, { type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { cert, key } from '../carriers/testing-certificate.ts'
import { SpanQueue } from './batch.ts'
import { openWallClock } from './clock.ts'
import { openExporter, type Exporter } from './exporter.ts'
import { Ledger } from './guard.ts'
import { RESPONSE_BYTES_MAX } from './limits.ts'
import { readSettings } from './settings.ts'
import { Span } from './span.ts'
import { closed, listen, startCollector } from './testing/rig.ts'

function open(
  endpoint: string,
  more: Record<string, string> = {},
  delayMs = 10,
): { queue: SpanQueue; ledger: Ledger; exporter: Exporter; end(spans: number): void } {
  const ledger = new Ledger()
  const { exporter: settings } = readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...more })
  const queue = new SpanQueue({
    resource: new Map(),
    clock: openWallClock(),
    ledger,
    limits: { spansMax: 512, queueMax: 2048 },
  })
  const exporter = openExporter({ queue, ledger, settings, delayMs, detached: (fn) => fn() })
  const end = (spans: number) => {
    for (let i = 0; i < spans; i += 1) {
      const span = new Span({
        name: 'a',
        kind: 1,
        traceId: 'a'.repeat(32),
        spanId: 'b'.repeat(16),
        parent: undefined,
        scope: { name: 's', version: '' },
        startMs: 1,
      })
      span.endMs = 2
      queue.add(span)
    }
    exporter.wake()
  }
  return { queue, ledger, exporter, end }
}

const settled = async (queue: SpanQueue): Promise<void> => {
  while (!queue.isEmpty) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('spans arrive in batches over one connection, with the headers and the path of the settings', async () => {
  const collector = await startCollector()
  const { queue, end } = open(`${collector.url}/base`, { OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b' })
  end(1000)
  await settled(queue)
  assert.deepEqual(queue.counts, { emitted: 1000, sent: 1000, dropped: 0, queued: 0 })
  assert.equal(collector.spans.length, 1000)
  const [first] = collector.requests
  assert.equal(first?.url, '/base/v1/traces')
  assert.equal(first?.headers['api-key'], 'a b')
  assert.equal(first?.headers['content-type'], 'application/x-protobuf')
  await collector.close()
})

test('only a full batch leaves before the delay is over; a flush sends the rest', async () => {
  const collector = await startCollector()
  const { queue, exporter, end } = open(collector.url, {}, 60_000)
  end(511)
  end(1)
  end(600)
  while (queue.counts.queued > 88) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.deepEqual([collector.requests.length, collector.spans.length], [2, 1024])
  await exporter.flush(10_000)
  assert.deepEqual(queue.counts, { emitted: 1112, sent: 1112, dropped: 0, queued: 0 })
  assert.equal(collector.requests.length, 3)
  await collector.close()
})

test('compressed spans are announced as gzip and are smaller', async () => {
  const collector = await startCollector((request, response) => response.writeHead(200).end())
  const { queue, end } = open(collector.url, { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' })
  end(100)
  await settled(queue)
  assert.equal(collector.requests[0]?.headers['content-encoding'], 'gzip')
  assert.ok((collector.requests[0]?.bytes ?? Infinity) < 500)
  await collector.close()
})

const ANSWERS: readonly {
  readonly name: string
  readonly statuses: readonly number[]
  readonly sent: number
  readonly requests: number
  readonly reason?: string
}[] = [
  { name: '503, then 200', statuses: [503, 200], sent: 3, requests: 2 },
  { name: '429, 502, then 204', statuses: [429, 502, 204], sent: 3, requests: 3 },
  { name: '400', statuses: [400], sent: 0, requests: 1, reason: 'export-refused' },
  { name: '413', statuses: [413], sent: 0, requests: 1, reason: 'export-refused' },
  {
    name: 'a redirect, which is not followed',
    statuses: [307],
    sent: 0,
    requests: 1,
    reason: 'export-refused',
  },
]
for (const { name, statuses, sent, requests, reason } of ANSWERS) {
  test(`${name}: ${sent} of 3 sent in ${requests} requests`, async () => {
    const collector = await startCollector((_request, response, count) =>
      response.writeHead(statuses[count - 1] ?? 500, { location: '/elsewhere' }).end(),
    )
    const { queue, ledger, end } = open(collector.url)
    end(3)
    await settled(queue)
    assert.deepEqual(queue.counts, { emitted: 3, sent, dropped: 3 - sent, queued: 0 })
    assert.deepEqual({ ...ledger.drops }, reason === undefined ? {} : { [reason]: 3 })
    assert.equal(collector.requests.length, requests)
    await collector.close()
  })
}

test('a partial success counts the rejected spans, and is not sent again', async () => {
  const collector = await startCollector((_request, response) =>
    response.writeHead(200).end(Buffer.from([0x0a, 2, 0x08, 2])),
  )
  const { queue, ledger, end } = open(collector.url)
  end(5)
  await settled(queue)
  assert.deepEqual(queue.counts, { emitted: 5, sent: 3, dropped: 2, queued: 0 })
  assert.equal(ledger.drops['collector-rejected'], 2)
  await collector.close()
})

test('an endless answer is cut at its limit', async () => {
  let written = 0
  const server = createServer((request, response) => {
    request.resume()
    // A turn of the loop each, in which the other end may read: buffers of a machine may be large.
    const more = () => {
      if (response.destroyed || written >= RESPONSE_BYTES_MAX * 200) return
      written += 65_536
      if (response.write(Buffer.alloc(65_536))) setImmediate(more)
      else response.once('drain', more)
    }
    request.on('end', more)
    response.on('error', () => {})
  })
  const { queue, exporter, ledger, end } = open(await listen(server))
  end(1)
  await exporter.flush(300)
  await settled(queue)
  assert.equal(queue.counts.dropped, 1)
  assert.ok(written < RESPONSE_BYTES_MAX * 200)
  assert.equal(ledger.lastFailure?.code, 'E_EXPORT')
  await closed(server)
})

test('a flush of a dead collector gives up at once, and drops what it could not send, counted', async () => {
  const { queue, exporter, ledger, end } = open('http://127.0.0.1:9')
  end(2)
  await exporter.flush(300)
  assert.deepEqual(queue.counts, { emitted: 2, sent: 0, dropped: 2, queued: 0 })
  assert.equal(ledger.drops['export-failed'], 2)
})

test('a collector behind TLS is checked by the file, and by the name it is called', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'crosscut-'))
  const file = path.join(folder, 'ca.pem')
  await writeFile(file, cert)
  const server = https.createServer({ key, cert }, (request, response) => {
    request.resume().on('end', () => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  for (const [host, sent] of [
    ['localhost', 3],
    ['127.0.0.1', 0],
  ] as const) {
    const { queue, exporter, end } = open(`https://${host}:${port}`, { OTEL_EXPORTER_OTLP_CERTIFICATE: file })
    end(3)
    await exporter.flush(2000)
    await settled(queue)
    assert.equal(queue.counts.sent, sent, host)
  }
  server.close()
  await rm(folder, { recursive: true })
})

test('an address in brackets, credentials in the URL, and headers that no line can hold', async () => {
  const seen: IncomingHttpHeaders[] = []
  const server = http.createServer((request, response) => {
    seen.push(request.headers)
    request.resume().on('end', () => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve))
  const address = server.address()
  const url = `http://me:p%40ss@[::1]:${typeof address === 'object' ? address?.port : ''}`
  const good = open(url, { OTEL_EXPORTER_OTLP_HEADERS: 'Content-Length=7,x=1' })
  good.end(1)
  await settled(good.queue)
  assert.equal(good.queue.counts.sent, 1)
  assert.equal(seen[0]?.authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`)
  assert.equal(seen[0]?.['x'], '1')
  const bad = open(url, { OTEL_EXPORTER_OTLP_HEADERS: 'x=a%0D%0Ab: c' })
  bad.end(1)
  await bad.exporter.flush(300)
  await settled(bad.queue)
  assert.deepEqual(bad.queue.counts, { emitted: 1, sent: 0, dropped: 1, queued: 0 })
  assert.equal(seen.length, 1)
  server.close()
  server.closeAllConnections()
})
