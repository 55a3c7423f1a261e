// What the trace worker tells the feature worker.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import type { ToFeatures } from './datasets/feature-messages.ts'
import { TraceFeatures } from './trace-features.ts'

test('a record that is a part of a segment is told without the rest of the segment', async () => {
  const { port1, port2 } = new MessageChannel()
  const features = new TraceFeatures(port1)
  const segment = new Uint8Array(1024 * 1024).fill(7)
  const told = once(port2, 'message') as Promise<[ToFeatures]>
  features.batch(segment.subarray(4096, 4096 + 512))
  const [message] = await told
  features.close()
  assert.ok(message.kind === 'batch')
  assert.deepEqual(message.payload, new Uint8Array(512).fill(7))
  assert.equal(message.payload.buffer.byteLength, 512)
  assert.equal(segment.byteLength, 1024 * 1024, 'the segment stays with who reads it')
})
