// kill -9 of a real process with the real ingest thread, at seeded moments, while a client sends: after each
// restart every acked batch is in the log exactly once, and nothing is there twice.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { seededRandom } from '#base'
import { nodeDisk, openLog, readSegment, nodeClock, nodeRandom } from '#log'
import { requestType } from './testing/otlp-oracle.ts'
import { decodeSpanBlock } from './span-block.ts'

const ROUNDS = 8
const SENDERS = 4

const SERVER = `
  import { startIngest } from '${new URL('./ingest.ts', import.meta.url).href}'
  const handle = await startIngest({ host: '127.0.0.1', port: 0, dir: process.argv[1] })
  process.stdout.write(String(handle.port))`

async function startServer(dir: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SERVER, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ended with ${code} before it listened`)
  })
  const [chunk]: unknown[] = await Promise.race([once(child.stdout!, 'data'), died])
  died.catch(() => {})
  return { child, port: Number(String(chunk)) }
}

function bodyOf(batch: number): Uint8Array {
  const spanId = Buffer.alloc(8, 1)
  const spans = Array.from({ length: 20 }, (_, i) => {
    const traceId = Buffer.alloc(16, 1)
    traceId.writeUInt32BE(batch, 0)
    traceId.writeUInt32BE(i, 4)
    return { traceId, spanId, name: `span ${i} of ${batch}` }
  })
  return requestType.encode(requestType.fromObject({ resourceSpans: [{ scopeSpans: [{ spans }] }] })).finish()
}

/** One attempt; true = acked. */
async function post(port: number, body: Uint8Array): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: new Uint8Array(body),
    })
    await response.arrayBuffer()
    return response.status === 200
  } catch {
    return false
  }
}

async function countInLog(dir: string): Promise<Map<number, number>> {
  const log = await openLog({ dir, disk: nodeDisk, clock: nodeClock, random: nodeRandom })
  assert.equal(log.report.lostRecords, 0)
  const counts = new Map<number, number>()
  for (const segment of log.segments()) {
    for (const { payload } of (await readSegment(nodeDisk, segment)).records) {
      const { traceIds, spanCount } = decodeSpanBlock(payload)
      assert.equal(spanCount, 20)
      const batch = Buffer.from(traceIds).readUInt32BE(0)
      counts.set(batch, (counts.get(batch) ?? 0) + 1)
    }
  }
  await log.close()
  return counts
}

test('kill -9 loses no acked batch and doubles none', async () => {
  const random = seededRandom(20261124)
  const dir = await mkdtemp(join(tmpdir(), 'crosscut-kill-'))
  const acked = new Set<number>()
  let nextBatch = 1
  const unanswered: number[] = []
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const { child, port } = await startServer(dir)
      let isAlive = true
      const sender = async (): Promise<void> => {
        while (isAlive) {
          // What was never answered is sent again, byte for byte, as an exporter does.
          const batch = unanswered.pop() ?? nextBatch++
          if (await post(port, bodyOf(batch))) acked.add(batch)
          else unanswered.push(batch)
        }
      }
      const senders = Array.from({ length: SENDERS }, sender)
      await new Promise((resolve) => setTimeout(resolve, 30 + (random.uint32() % 300)))
      isAlive = false
      child.kill('SIGKILL')
      await Promise.all([once(child, 'exit'), ...senders])
      const counts = await countInLog(dir)
      for (const batch of acked) assert.equal(counts.get(batch), 1, `round ${round}: acked batch ${batch}`)
      for (const [batch, count] of counts) assert.equal(count, 1, `round ${round}: batch ${batch}`)
    }
    assert.ok(acked.size > ROUNDS * 5, `${acked.size} batches acked`)
  } finally {
    await rm(dir, { recursive: true })
  }
})
