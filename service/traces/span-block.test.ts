// Span blocks: what is encoded is decoded, damage is refused, the format of version 1 stays readable.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { decodeOtlpJson } from './otlp-json.ts'
import { plainSpans } from './testing/otlp-oracle.ts'
import { SpanBatchBuilder } from './span-batch-builder.ts'
import type { SpanBatch } from './span-batch.ts'
import { decodeSpanBlock, encodeSpanBlock, SpanBlockError } from './span-block.ts'

const SAMPLE = JSON.stringify({
  resourceSpans: [
    {
      resource: {
        attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }],
        droppedAttributesCount: 1,
      },
      schemaUrl: 'https://schema',
      scopeSpans: [
        {
          scope: { name: 'http', version: '1.2', attributes: [{ key: 'b', value: { boolValue: true } }] },
          spans: [
            {
              traceId: '0af7651916cd43dd8448eb211c80319c',
              spanId: 'b7ad6b7169203331',
              name: 'GET /',
              kind: 2,
              flags: 257,
              traceState: 'a=1',
              startTimeUnixNano: '1764000000000000000',
              endTimeUnixNano: '1764000000005000000',
              status: { code: 2, message: 'no' },
              attributes: [
                { key: 'i', value: { intValue: '-5' } },
                { key: 'd', value: { doubleValue: 0.5 } },
                { key: 'x', value: { bytesValue: 'AP8=' } },
                { key: 'l', value: { arrayValue: { values: [{ stringValue: '\u00e9' }] } } },
                { key: 'e', value: {} },
              ],
              events: [
                {
                  timeUnixNano: '1764000000001000000',
                  name: 'retry',
                  attributes: [{ key: 'n', value: { intValue: 1 } }],
                },
              ],
              links: [{ traceId: '0af7651916cd43dd8448eb211c80319d', spanId: 'b7ad6b7169203332', flags: 1 }],
            },
            {
              traceId: '0af7651916cd43dd8448eb211c80319c',
              spanId: 'b7ad6b7169203333',
              parentSpanId: 'b7ad6b7169203331',
              name: 'child',
            },
          ],
        },
      ],
    },
  ],
})

function sample(): SpanBatch {
  const builder = new SpanBatchBuilder(1)
  for (const decoding = decodeOtlpJson(Buffer.from(SAMPLE), builder); decoding.next().done !== true;);
  return builder.finish(1_764_000_000_123_000_000n)
}

test('decoding gives what was encoded, from aligned and unaligned bytes', () => {
  const block = encodeSpanBlock(sample())
  assert.equal(block.length % 8, 0)
  const shifted = new Uint8Array(block.length + 3)
  shifted.set(block, 3)
  for (const bytes of [block, shifted.subarray(3)]) {
    const batch = decodeSpanBlock(bytes)
    assert.deepEqual(plainSpans(batch), plainSpans(sample()))
    assert.equal(batch.receivedNs, 1_764_000_000_123_000_000n)
  }
})

test('decoding aligned bytes copies nothing', () => {
  const block = encodeSpanBlock(sample())
  assert.equal(decodeSpanBlock(block).traceIds.buffer, block.buffer)
})

test('an empty batch is a block too', () => {
  const builder = new SpanBatchBuilder(1)
  assert.equal(decodeSpanBlock(encodeSpanBlock(builder.finish(0n))).spanCount, 0)
})

test('every cut and every flipped bit gives a batch that can be read, or E_SPAN_BLOCK', () => {
  const block = encodeSpanBlock(sample())
  const check = (bytes: Uint8Array): void => {
    try {
      plainSpans(decodeSpanBlock(bytes))
    } catch (error: unknown) {
      assert.ok(error instanceof SpanBlockError, String(error))
    }
  }
  for (let length = 0; length < block.length; length++)
    assert.throws(() => decodeSpanBlock(block.slice(0, length)), SpanBlockError)
  for (let bit = 0; bit < block.length * 8; bit++) {
    const damaged = block.slice()
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    check(damaged)
  }
})

test('the golden block of version 1 is read as ever, and written as ever', async () => {
  const path = join(import.meta.dirname, 'golden', 'span-block-v1.bin')
  if (process.env['CROSSCUT_WRITE_GOLDEN'] !== undefined) await writeFile(path, encodeSpanBlock(sample()))
  const golden = new Uint8Array(await readFile(path))
  assert.deepEqual(plainSpans(decodeSpanBlock(golden)), plainSpans(sample()))
  assert.deepEqual(encodeSpanBlock(sample()), golden)
})
