// The block of table `spans`, byte by byte, and the statements of the tables: formats that outlive this code.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { encodeNativeBlock } from '#store'
import { batchOf } from './span-batch.fixture.ts'
import { servicesOf, spanBlock } from './span-table.ts'

const GOLDEN = join(import.meta.dirname, 'golden', 'spans-v1.native')

const FIRST = batchOf(
  [
    {
      traceId: '0102030405060708090a0b0c0d0e0f10',
      spanId: '1112131415161718',
      service: 'front',
      name: 'GET /',
      kind: 2,
      startNs: 1_700_000_000_000_000_000n,
      endNs: 1_700_000_000_012_345_678n,
      status: { code: 2, message: 'bad' },
      traceState: 'a=b',
      flags: 257,
      dropped: [1, 2, 3],
      resource: { 'host.name': 'A' },
      scope: { name: 'lib', version: '1' },
      attributes: {
        url: '/x\n\n',
        status: 200n,
        ratio: 0.5,
        ok: true,
        raw: Uint8Array.of(0, 255),
        none: null,
      },
      events: [{ timeNs: 5n, name: 'retry', attributes: { n: 1n } }],
      links: [{ traceId: 'b', spanId: 'c', attributes: { 'crosscut.edge': 'join' } }],
    },
    { traceId: '1', spanId: '2', parentSpanId: '1112131415161718', startNs: 9n, endNs: 1n },
  ],
  1_700_000_001_000_000_000n,
)
const SECOND = batchOf(
  [
    {
      traceId: '3',
      spanId: '4',
      service: 'back',
      name: 'GET /',
      attributes: { url: '/y', long: 'v'.repeat(200) },
    },
  ],
  1_700_000_002_000_000_000n,
)

describe('the block of table spans', () => {
  it('is what version 1 says, to the byte', () => {
    const bytes = encodeNativeBlock(
      spanBlock([
        { sequence: 7, batch: FIRST },
        { sequence: 8, batch: SECOND },
      ]),
    )
    if (process.env['CROSSCUT_UPDATE_GOLDEN'] === '1') writeFileSync(GOLDEN, bytes)
    assert.equal(
      createHash('sha256').update(bytes).digest('hex'),
      createHash('sha256').update(readFileSync(GOLDEN)).digest('hex'),
    )
  })

  it('names a process without service.name as OpenTelemetry does', () => {
    assert.deepEqual(servicesOf(FIRST), ['front', 'unknown_service'])
    assert.deepEqual(servicesOf(batchOf([{ traceId: '1', spanId: '1', resource: { 'service.name': 5n } }])), [
      'unknown_service',
    ])
  })

  it('cuts the name of a service at 1,024 characters', () => {
    const named = (name: string): string[] =>
      servicesOf(batchOf([{ traceId: '1', spanId: '1', service: name }]))
    assert.deepEqual(named('s'.repeat(1024)), ['s'.repeat(1024)])
    assert.deepEqual(named('s'.repeat(1025)), ['s'.repeat(1024)])
  })

  it('is the same for spans in one batch and in many, but for the sequence', () => {
    const spans = [
      { traceId: '1', spanId: '1', name: 'a' },
      { traceId: '1', spanId: '2', name: 'b' },
      { traceId: '2', spanId: '3', name: 'a' },
    ]
    const without = (block: ReturnType<typeof spanBlock>) =>
      encodeNativeBlock({
        rowCount: block.rowCount,
        columns: block.columns.filter(({ name }) => name !== 'seq'),
      })
    assert.deepEqual(
      without(spanBlock(spans.map((span, i) => ({ sequence: i, batch: batchOf([span], 1n) })))),
      without(spanBlock([{ sequence: 1, batch: batchOf(spans, 1n) }])),
    )
  })
})
