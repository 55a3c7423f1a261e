// What other systems' own exporters write is a file that import takes, as it is.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { Crosscut, until } from '../system/running.ts'
import { cli, fileOf } from './system.ts'

const crosscut = new Crosscut()
before(() => crosscut.start())
after(() => crosscut.close())

/** The first body that the program sends, until it ends. */
async function bodyOf(program: string, environment: (port: number) => NodeJS.ProcessEnv): Promise<Buffer> {
  const bodies: Promise<Buffer>[] = []
  const collector = createServer((request: IncomingMessage, response) => {
    const body = buffer(request)
    bodies.push(body)
    void body.then(() => response.writeHead(202).end())
  }).listen(0, '127.0.0.1')
  try {
    await once(collector, 'listening')
    const { port } = collector.address() as AddressInfo
    const child = spawn(process.execPath, [path.join(import.meta.dirname, program)], {
      env: { ...process.env, ...environment(port) },
      stdio: 'inherit',
    })
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
    const [first] = bodies
    assert.ok(first !== undefined, 'it sends')
    return await first
  } finally {
    collector.closeAllConnections()
    collector.close()
  }
}

test("a file of OpenTelemetry's exporter for Zipkin becomes the trace that was made", async () => {
  const body = await bodyOf('zipkin-exporter.mjs', (port) => ({
    OTEL_SERVICE_NAME: 'zipkin-shop',
    OTEL_TRACES_EXPORTER: 'zipkin',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_EXPORTER_ZIPKIN_ENDPOINT: `http://127.0.0.1:${port}/api/v2/spans`,
  }))
  const file = fileOf(crosscut, 'spans.json', body)
  const { code, err } = await cli(crosscut, ['import', file, '--format', 'zipkin'])
  assert.equal(code, 0, err)
  let traceId: string | undefined
  await until(
    async () => {
      const { traces } = await crosscut.api<{ traces: { traceId: string }[] }>('/traces?service=zipkin-shop')
      traceId = traces[0]?.traceId
      return traceId !== undefined
    },
    () => 'the trace is in the list',
  )
  type Span = {
    readonly [member: string]: unknown
    readonly attributes: Record<string, unknown>
    readonly events: readonly { readonly name: string }[]
  }
  const { spans } = await crosscut.api<{ spans: Span[] }>(`/traces/${traceId}`)
  assert.deepEqual(
    spans.map(({ name, kind, service, status, depth }) => [name, kind, service, status, depth]),
    [
      ['GET /cart', 'server', 'zipkin-shop', { code: 'unset' }, 0],
      ['SELECT items', 'client', 'zipkin-shop', { code: 'error', message: 'timeout' }, 1],
    ],
  )
  assert.equal(spans[0]?.attributes['http.route'], '/cart')
  assert.deepEqual(
    spans[1]?.events.map(({ name }) => name),
    ['retry'],
  )
})
