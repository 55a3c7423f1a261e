// kill -9 of a real server process (ingest, log, trace worker, store child) while a client sends: in the end
// every acked span is in the store exactly once, and no span is there twice.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { seededRandom } from '#base'
import { openStore } from '#store'

const ROUNDS = 4
const SPANS_PER_BATCH = 10

const SERVER = path.join(import.meta.dirname, 'whole-server.ts')

async function startServer(dir: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [SERVER, dir], { stdio: ['pipe', 'pipe', 'inherit'] })
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ended with ${code} before it listened`)
  })
  const [chunk]: unknown[] = await Promise.race([once(child.stdout!, 'data'), died])
  died.catch(() => {})
  return { child, port: Number(String(chunk)) }
}

function bodyOf(batch: number): string {
  const spans = Array.from({ length: SPANS_PER_BATCH }, (_, i) => ({
    traceId: (batch + 1).toString(16).padStart(32, '0'),
    spanId: (i + 1).toString(16).padStart(16, '0'),
    name: 'work',
    startTimeUnixNano: `${Date.now()}000000`,
    endTimeUnixNano: `${Date.now()}500000`,
  }))
  return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })
}

async function post(port: number, body: string): Promise<boolean> {
  try {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`http://127.0.0.1:${port}/v1/traces`, { method: 'POST', headers, body })
    await response.arrayBuffer()
    return response.status === 200
  } catch {
    return false
  }
}

async function storedSpans(dir: string): Promise<Map<number, number>> {
  const store = openStore({ dir: `${dir}/store` })
  try {
    await store.ready()
    const rows = await store.query(
      'SELECT hex(trace_id) AS trace, count() AS spans FROM spans GROUP BY trace',
    )
    return new Map(rows.map((row) => [Number.parseInt(String(row['trace']), 16) - 1, Number(row['spans'])]))
  } finally {
    await store.close()
  }
}

test('kill -9 of the whole server loses no acked span and doubles none, as the store tells', async () => {
  const random = seededRandom(7)
  const dir = await mkdtemp(path.join(tmpdir(), 'crosscut-kill-store-'))
  const acked = new Set<number>()
  // A batch keeps its bytes from its first attempt to its last, as in an exporter.
  const bodies = new Map<number, string>()
  const unanswered: number[] = []
  let nextBatch = 0
  const sendOne = async (port: number): Promise<void> => {
    const batch = unanswered.pop() ?? nextBatch++
    const body = bodies.get(batch) ?? bodyOf(batch)
    bodies.set(batch, body)
    if (await post(port, body)) acked.add(batch)
    else unanswered.push(batch)
  }
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const { child, port } = await startServer(dir)
      let isAlive = true
      const sender = async (): Promise<void> => {
        while (isAlive) await sendOne(port)
      }
      const senders = [sender(), sender(), sender()]
      await new Promise((resolve) => setTimeout(resolve, 200 + (random.uint32() % 1200)))
      isAlive = false
      child.kill('SIGKILL')
      await Promise.all([once(child, 'exit'), ...senders])
    }
    const { child, port } = await startServer(dir)
    while (unanswered.length > 0) await sendOne(port)
    child.stdin!.write('finish')
    assert.deepEqual(await once(child, 'exit'), [0, null])
    const stored = await storedSpans(dir)
    assert.ok(acked.size > ROUNDS * 10, `${acked.size} batches acked`)
    for (const batch of acked) assert.equal(stored.get(batch), SPANS_PER_BATCH, `batch ${batch}`)
    for (const [batch, spans] of stored) assert.equal(spans, SPANS_PER_BATCH, `batch ${batch}`)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
