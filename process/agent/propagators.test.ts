// OTEL_PROPAGATORS is honoured: what is not named is neither read nor written.

import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import { closed, listen, startCollector, startService } from './testing/rig.ts'

const REMOTE = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`

const CASES: readonly (readonly [string, { readonly trace: boolean; readonly baggage: boolean }])[] = [
  ['tracecontext,baggage', { trace: true, baggage: true }],
  ['tracecontext', { trace: true, baggage: false }],
  ['baggage', { trace: false, baggage: true }],
]
for (const [propagators, expected] of CASES) {
  test(`with ${propagators}: the trace goes on is ${expected.trace}, baggage goes on is ${expected.baggage}`, async () => {
    const collector = await startCollector()
    let got: IncomingHttpHeaders = {}
    const last = createServer((request, response) => {
      got = request.headers
      response.end('last')
    })
    const url = await listen(last)
    const env = { OTEL_PROPAGATORS: propagators, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
    const service = await startService({ file: './relay.mjs', env })
    const headers = { 'x-next': url, traceparent: REMOTE, baggage: 'user=7' }
    assert.equal(await (await fetch(service.url, { headers })).text(), 'default,last')
    await service.stop()
    assert.equal(got.baggage, expected.baggage ? 'user=7' : undefined)
    const server = collector.spans.find((span) => span.kind === 2)
    assert.equal(server?.traceId === 'a'.repeat(32), expected.trace)
    await closed(last)
    await collector.close()
  })
}
