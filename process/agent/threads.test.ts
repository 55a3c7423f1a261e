// A worker thread has an agent of its own; what it does hangs below the request that sent it to work.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ended, launch, startCollector } from './testing/rig.ts'

test('a request, the message to a worker, the fetch of the worker and what it reaches are one trace', async () => {
  const collector = await startCollector()
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
  const end = await ended(launch({ file: './threads.mjs', env }))
  assert.deepEqual([end.code, end.stdout, end.stderr], [0, 'inner\n', ''])
  const outer = collector.spans.find((span) => span.kind === 2 && span.attributes['url.path'] === '/outer')
  const inner = collector.spans.find((span) => span.kind === 2 && span.attributes['url.path'] === '/inner')
  assert.ok(outer && inner)
  assert.equal(inner.traceId, outer.traceId)
  await collector.close()
})
