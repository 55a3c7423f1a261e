// The tail rule on the real way of a segment: a log, the real store, and time that is moved on.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { seededRandom } from '#base'
import { nodeClock, nodeDisk, openLog, type Log } from '#log'
import { openStore, type Store } from '#store'
import { DELETE_EVERY_MS, DROP_AFTER_MS } from './assembly-limits.ts'
import { batchOf, type FixtureSpan } from './span-batch.fixture.ts'
import { encodeSpanBlock } from './span-block.ts'
import { openTraceReader } from './store-trace-reader.ts'
import { TracePipeline } from './trace-pipeline.ts'

const dir = mkdtempSync(join(tmpdir(), 'crosscut-tail-'))
let store: Store
let log: Log
let pipeline: TracePipeline
let aheadMs = 0
const dropped: string[] = []

before(async () => {
  store = openStore({ dir: join(dir, 'store') })
  const clock = { ...nodeClock, monotonicMs: () => performance.now() + aheadMs }
  log = await openLog({ dir: join(dir, 'log'), disk: nodeDisk, clock, random: seededRandom(1) })
  pipeline = new TracePipeline({
    store,
    drop: (id) => dropped.push(id),
    disk: nodeDisk,
    clock,
    random: seededRandom(2),
  })
  await pipeline.start()
})
after(async () => {
  await pipeline.close()
  await log.close()
  await store.close()
  rmSync(dir, { recursive: true, force: true })
})

const LOW = `${'1'.repeat(18)}00000000000001`
const HIGH = `${'2'.repeat(18)}ffffffffffffff`
const FAILED = `${'3'.repeat(18)}00000000000001`
const WANTED = `${'4'.repeat(18)}00000000000001`
const LATE = `${'5'.repeat(18)}00000000000001`

const span = (traceId: string, change: Partial<FixtureSpan> = {}): FixtureSpan => ({
  traceId,
  spanId: '1',
  startNs: 10n ** 18n,
  endNs: 10n ** 18n + 5n,
  ...change,
})

async function ingest(spans: readonly FixtureSpan[]): Promise<void> {
  await log.append(encodeSpanBlock(batchOf(spans)), randomBytes(16))
  await log.seal()
  const segment = log.segments().at(-1)
  assert.ok(segment !== undefined)
  pipeline.announce(segment)
  await until(() => dropped.includes(segment.id))
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20))
}

const count = async (sql: string): Promise<number> => Number((await store.query(sql))[0]?.['n'])
const spansOf = (id: string): Promise<number> =>
  count(`SELECT count() AS n FROM spans WHERE trace_id = toFixedString(unhex('${id}'), 16)`)

async function weights(): Promise<Record<string, number>> {
  const rows = await store.query(
    'SELECT lower(hex(trace_id)) AS id, argMax(weight, version) AS w FROM traces GROUP BY trace_id ORDER BY id',
  )
  return Object.fromEntries(rows.map(({ id, w }) => [String(id), Number(w)]))
}

test('what the rule does not keep has no summary and loses its spans; what it keeps has its weight, for good', async () => {
  await ingest([span('6'.repeat(32))])
  pipeline.setTail({ slow: false, failed: true, rareBelow: 0, probability: 0.25 })
  await ingest([
    span(LOW),
    span(HIGH),
    span(FAILED, { status: { code: 2 } }),
    span(WANTED, { traceState: 'ot=th:0,crosscut=k:1' }),
    span(LATE),
  ])
  const kept = { [HIGH]: 4, [FAILED]: 1, [WANTED]: 1, ['6'.repeat(32)]: 1 }
  assert.deepEqual(await weights(), kept)
  // Nothing is deleted while more spans may come; then they do.
  assert.equal(await spansOf(LOW), 1)
  await ingest([
    span(LATE, { spanId: '2', parentSpanId: '1', status: { code: 2 } }),
    span(HIGH, { spanId: '2', parentSpanId: '1' }),
  ])
  assert.deepEqual(await weights(), { ...kept, [LATE]: 1 })

  aheadMs += DROP_AFTER_MS + DELETE_EVERY_MS
  await until(async () => (await spansOf(LOW)) === 0)
  for (const [id, spans] of [
    [HIGH, 2],
    [FAILED, 1],
    [WANTED, 1],
    [LATE, 2],
    ['6'.repeat(32), 1],
  ] as const)
    assert.equal(await spansOf(id), spans, id)
  const { traces } = await openTraceReader(store, nodeClock).search({ limit: 100 })
  assert.deepEqual(traces.map(({ traceId }) => traceId).sort(), Object.keys({ ...kept, [LATE]: 1 }).sort())
  const { tailKept, tailDropped, tailDeleted } = pipeline.stats()
  assert.deepEqual(tailKept, { policy: 1, failed: 2, slow: 0, rare: 0, chance: 1, late: 0 })
  assert.deepEqual([tailDropped, tailDeleted], [1, 1])

  // A second span of a kept trace, long after: computed from the store again, with the weight it had.
  await ingest([span(HIGH, { spanId: '3', parentSpanId: '1' })])
  assert.equal((await weights())[HIGH], 4)
})
