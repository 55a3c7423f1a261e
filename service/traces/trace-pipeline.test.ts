// What the pipeline does when the store refuses: a store that fails on purpose, a real segment file.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { seededRandom } from '#base'
import { nodeDisk, openLog, type SegmentInfo, nodeClock } from '#log'
import { encodeNativeBlock, StoreError, type Row, type Store } from '#store'
import { batchOf, type FixtureSpan } from './span-batch.fixture.ts'
import { encodeSpanBlock } from './span-block.ts'
import { TracePipeline } from './trace-pipeline.ts'

type Insert = { readonly table: string; readonly rows: number; readonly token: string }

/** Answers nothing to queries and remembers inserts; each hook may throw. */
class FailingStore implements Store {
  readonly inserts: Insert[] = []
  readonly #onInsert: (insert: Insert) => void
  readonly #onQuery: (traceIds: readonly string[]) => void

  constructor(hooks: {
    onInsert?: (insert: Insert) => void
    onQuery?: (traceIds: readonly string[]) => void
  }) {
    this.#onInsert = hooks.onInsert ?? (() => undefined)
    this.#onQuery = hooks.onQuery ?? (() => undefined)
  }

  ready(): Promise<void> {
    return Promise.resolve()
  }

  async insert(
    table: string,
    block: Parameters<Store['insert']>[1],
    { token }: { token: string },
  ): Promise<void> {
    encodeNativeBlock(block)
    const insert = { table, rows: block.rowCount, token }
    this.#onInsert(insert)
    this.inserts.push(insert)
  }

  async query(sql: string, options: Parameters<Store['query']>[1] = {}): Promise<Row[]> {
    const ids = options.params?.['ids']
    if (!Array.isArray(ids)) return []
    const traceIds = ids.map(String)
    this.#onQuery(traceIds)
    if (!sql.includes('first_ns')) return []
    return traceIds.map((id) => ({ id, first_ns: '1', last_ns: '2', spans: '1', errors: '0', roots: '0' }))
  }

  command(): Promise<void> {
    return Promise.resolve()
  }

  stats(): ReturnType<Store['stats']> {
    return { isReady: true, hasFailed: false, childStarts: 0, runawayKills: 0 }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Runs one record as one segment through a pipeline and closes it, which writes all summaries. */
async function runSegment(
  store: Store,
  record: Uint8Array,
): Promise<{
  dropped: string[]
  refused: string[]
  segment: SegmentInfo
  stats: ReturnType<TracePipeline['stats']>
}> {
  const dir = mkdtempSync(join(tmpdir(), 'crosscut-pipeline-'))
  const clock = { nowNs: () => 0n, monotonicMs: () => 0, setTimer: () => ({ cancel: () => undefined }) }
  const log = await openLog({ dir, disk: nodeDisk, clock, random: seededRandom(1) })
  try {
    await log.append(record, randomBytes(16))
    await log.seal()
    const [segment] = log.segments()
    assert.ok(segment !== undefined)
    const dropped: string[] = []
    const pipeline = new TracePipeline({
      store,
      drop: (id) => dropped.push(id),
      disk: nodeDisk,
      clock: nodeClock,
      random: seededRandom(2),
    })
    await pipeline.start()
    pipeline.announce(segment)
    await pipeline.close()
    const refused = readdirSync(dir).includes('refused') ? readdirSync(join(dir, 'refused')) : []
    return { dropped, refused, segment, stats: pipeline.stats() }
  } finally {
    await log.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

const rootless = (n: number): FixtureSpan => ({ traceId: n.toString(16), spanId: '1', parentSpanId: '9' })

describe('pipeline', () => {
  it('inserts a segment under its own name, summarises, then lets the log drop it', async () => {
    const store = new FailingStore({})
    const { dropped, refused, segment } = await runSegment(
      store,
      encodeSpanBlock(batchOf([rootless(1), rootless(2)])),
    )
    assert.deepEqual(
      store.inserts.map(({ table, rows }) => [table, rows]),
      [
        ['spans', 2],
        ['traces', 2],
      ],
    )
    assert.equal(store.inserts[0]?.token, `${segment.id}.0`)
    assert.deepEqual(dropped, [segment.id])
    assert.deepEqual(refused, [])
  })

  it('puts a segment aside that the store refuses for good, and goes on', async () => {
    const store = new FailingStore({
      onInsert: ({ table }) => {
        if (table === 'spans') throw new StoreError('E_STORE_QUERY', 'refused by the test')
      },
    })
    const { dropped, refused, segment, stats } = await runSegment(
      store,
      encodeSpanBlock(batchOf([rootless(1)])),
    )
    assert.deepEqual(dropped, [segment.id])
    assert.deepEqual(refused, [`${segment.id}.wal`])
    assert.equal(stats.damagedRecords, 1)
  })

  it('puts a segment aside that holds a record it can not read', async () => {
    const { dropped, refused, segment, stats } = await runSegment(
      new FailingStore({}),
      Buffer.from('not a span block'),
    )
    assert.deepEqual(dropped, [segment.id])
    assert.deepEqual(refused, [`${segment.id}.wal`])
    assert.equal(stats.damagedRecords, 1)
  })

  it('leaves out one summary that can not be computed, and writes all others', async () => {
    const bad = '7'.padStart(32, '0')
    const store = new FailingStore({
      onQuery: (ids) => {
        if (ids.includes(bad)) throw new StoreError('E_STORE_TIMEOUT', 'too long, says the test')
      },
    })
    const spans = Array.from({ length: 20 }, (_, n) => rootless(n + 1))
    const { dropped, segment, stats } = await runSegment(store, encodeSpanBlock(batchOf(spans)))
    assert.equal(stats.summariesFailed, 1)
    assert.equal(stats.summariesWritten, 19)
    assert.deepEqual(dropped, [segment.id])
  })

  it('keeps a segment in the log when its summaries were not written', async () => {
    const store = new FailingStore({
      onInsert: ({ table }) => {
        if (table === 'traces') throw new StoreError('E_STORE_CLOSED', 'closed by the test')
      },
    })
    const { dropped, refused } = await runSegment(store, encodeSpanBlock(batchOf([rootless(1)])))
    assert.deepEqual([dropped, refused], [[], []])
  })
})
