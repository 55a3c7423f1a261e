// From due traces to rows on the real store: in time, late, too many, of owners that cost too much,
// after a death.
// CPU time is a number that programs of the test move, so that fairness is exact.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { seededRandom } from '#base'
import { nodeClock } from '#log'
import type { FeatureValue, Trace } from '#model'
import type { DatasetColumn } from '#protocol'
import { openStore, type Store } from '#store'
import { batchOf, type FixtureSpan } from '../span-batch.fixture.ts'
import { encodeSpanBlock } from '../span-block.ts'
import { spanBlock } from '../span-table.ts'
import { SpanRowReader, SPAN_COLUMNS } from '../read-rows.ts'
import { summaryBlock, summaryRows } from '../summary-table.ts'
import type { BackfillJob } from './backfills.ts'
import type { CompiledDataset } from './compile-dataset.ts'
import { changeDataset, createDataset, sourceOf, tableOf, type StoredDataset } from './definition.ts'
import { FeaturePipeline, type FeaturePorts } from './feature-pipeline.ts'
import { FEATURE_SPANS_MAX, QUARANTINE_MS_MAX } from './limits.ts'
import { runQuery } from './run-query.ts'
import { TraceCache } from './trace-cache.ts'
import { tryOn } from './trials.ts'

const SECOND = 1_000_000_000n
const BASE_NS = BigInt(Date.now() - 600_000) * 1_000_000n
const hex = (n: number): string => n.toString(16).padStart(32, '0')

type Program = {
  readonly columns: readonly DatasetColumn[]
  readonly rows: (trace: Trace) => { element?: string; values: FeatureValue[] }[]
}

/** A row a trace: how many blocks. */
const BLOCKS: Program = {
  columns: [{ name: 'blocks', type: 'number' }],
  rows: (trace) => [{ values: [trace.blocks.length] }],
}
/** A row a block that failed. */
const ERRORS: Program = {
  columns: [{ name: 'name', type: 'string' }],
  rows: (trace) =>
    trace.blocks
      .filter(({ span }) => span.status.code === 2)
      .map(({ spanId, name }) => ({ element: spanId, values: [name] })),
}

class Bench {
  readonly store: Store
  readonly settled: number[] = []
  readonly backfills: BackfillJob[] = []
  readonly programs = new Map<string, Program>()
  cpuMs = 0
  /** What programs of the test took, beside what really passed. */
  #spentMs = 0
  pipeline: FeaturePipeline
  #sequence = 0
  #due = 0

  constructor(store: Store) {
    this.store = store
    this.pipeline = this.make()
  }

  /** suspects: tables in which the worker before hung. */
  make(suspects: readonly number[] = []): FeaturePipeline {
    this.pipeline = new FeaturePipeline({ ...this.ports(), suspects })
    return this.pipeline
  }

  ports(): FeaturePorts {
    return {
      store: this.store,
      clock: { ...nodeClock, monotonicMs: () => performance.now() + this.#spentMs },
      random: seededRandom(Math.floor(performance.now() * 1000)),
      cpuMs: () => (this.cpuMs += 0.001),
      compile: ({ features }) => this.#compile(features),
      settled: (id) => this.settled.push(id),
      backfilled: (job) => this.backfills.push(job),
    }
  }

  spend(ms: number): void {
    this.cpuMs += ms
    this.#spentMs += ms
  }

  #compile(name: string): CompiledDataset {
    const program = this.programs.get(name)
    assert.ok(program !== undefined)
    return {
      filter: () => true,
      program: {
        columns: program.columns as never,
        evaluate: (trace) => program.rows('index' in trace ? trace.index.trace : trace),
      },
    }
  }

  dataset(tableId: number, name: string, owner: string, program: Program): StoredDataset {
    this.programs.set(name, program)
    return createDataset({
      name,
      tableId,
      isBuiltIn: false,
      definition: { owner, filter: '', features: name, rowPer: 'trace' },
      columns: program.columns,
      atMs: 1,
      by: 'test',
    })
  }

  /** Stored, summarised, and told to the pipeline as the trace worker does; resolves when settled. */
  async arrive(
    spans: readonly FixtureSpan[],
    options: { isAgain?: boolean; isCached?: boolean; isWaited?: boolean; weight?: number } = {},
  ): Promise<void> {
    const { isAgain = false, isCached = true, isWaited = true, weight = 1 } = options
    const sequence = ++this.#sequence
    const batch = batchOf(spans)
    await this.store.insert('spans', spanBlock([{ sequence, batch }]), { token: `f.${sequence}` })
    const counts = Map.groupBy(spans, ({ traceId }) => traceId.padStart(32, '0'))
    const due = [...counts.keys()].map((traceId) => ({
      traceId,
      sequence,
      summary: undefined,
      movedFromNs: undefined,
    }))
    const rows = (await summaryRows(this.store, due)).map((row) => ({ ...row, weight }))
    await this.store.insert('traces', summaryBlock(rows, Math.floor(Date.now() / 1000)), {
      token: `g.${sequence}`,
    })
    if (isCached) this.pipeline.batch(encodeSpanBlock(batch))
    const id = this.#due++
    this.pipeline.due(
      id,
      [...counts].map(([traceId, own]) => ({
        traceId,
        spanCount: isAgain ? undefined : own.length,
        isAgain,
        tailWeight: weight,
      })),
    )
    if (isWaited) await until(`message ${id} settled`, () => this.settled.includes(id))
  }

  async rows(dataset: StoredDataset): Promise<(string | number)[][]> {
    const select = ['traceId', 'element', ...dataset.columns.map(({ name }) => name)]
    const { rows } = await runQuery(this.store, sourceOf(dataset), {
      select,
      orderBy: ['traceId', 'element'],
      limit: 10_000,
    })
    return rows.map((row) => select.map((name) => row[name] as string | number))
  }
}

/** A difference of long lists takes minutes to print: the first one is enough. */
function same(actual: readonly unknown[], expected: readonly unknown[]): void {
  assert.equal(actual.length, expected.length)
  actual.forEach((one, i) => assert.deepEqual(one, expected[i]))
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 30_000
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within 30 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const span = (traceId: number, spanId: number, more: Partial<FixtureSpan> = {}): FixtureSpan => ({
  traceId: hex(traceId),
  spanId: spanId.toString(16),
  ...(spanId === 1 ? {} : { parentSpanId: '1' }),
  service: 'shop',
  name: `op ${spanId}`,
  startNs: BASE_NS + BigInt(traceId) * SECOND,
  endNs: BASE_NS + BigInt(traceId) * SECOND + SECOND,
  ...more,
})

describe('features of traces', () => {
  const dir = mkdtempSync(join(tmpdir(), 'crosscut-features-'))
  let store: Store
  let bench: Bench

  before(async () => {
    store = openStore({ dir })
    await store.ready()
    bench = new Bench(store)
    await bench.pipeline.start()
  })
  after(async () => {
    await bench.pipeline.close()
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('spans from memory are those that the store gives back', async () => {
    const spans: FixtureSpan[] = [
      span(900, 1, {
        traceState: 'ot=th:8',
        status: { code: 2, message: 'bad' },
        flags: 257,
        dropped: [1, 2, 3],
        resource: { 'host.name': 'A', pid: 4n },
        scope: { name: 'lib', version: '1', attributes: { a: true } },
        attributes: {
          text: "'\n\0\u202e",
          whole: 200n,
          big: 2n ** 63n - 1n,
          ratio: 1.5,
          zero: -0,
          nan: NaN,
          inf: -Infinity,
          yes: true,
          none: null,
          raw: Uint8Array.of(1, 2, 255),
          list: { array: '[{"stringValue":"a"},{"intValue":"1"}]' },
          map: { kvlist: '[{"key":"k","value":{"boolValue":true}}]' },
          __proto__x: 'own',
        },
        events: [{ timeNs: 5n, name: 'retry', attributes: { n: 1n, d: NaN, l: { array: '[]' } } }],
        links: [{ traceId: 'b', spanId: 'c', attributes: { 'crosscut.edge': 'join' } }],
      }),
      span(900, 2),
    ]
    const ascii = [
      span(900, 3, { attributes: { '': '', a: 'x', least: -(2n ** 63n) } }),
      span(900, 4, {
        attributes: Object.fromEntries(
          [31n, 32n, 52n, 53n, 62n]
            .flatMap((bits) => [
              2n ** bits - 1n,
              2n ** bits,
              1n - 2n ** bits,
              -(2n ** bits),
              -1n - 2n ** bits,
            ])
            .map((value) => [`${value}`, value]),
        ),
      }),
    ]
    const cache = new TraceCache()
    for (const [at, some] of [spans, ascii].entries()) {
      const batch = batchOf(some)
      cache.add(encodeSpanBlock(batch))
      await store.insert('spans', spanBlock([{ sequence: 900 + at, batch }]), { token: `same.${at}` })
    }
    const reader = new SpanRowReader()
    const rows = await store.query(
      `SELECT ${SPAN_COLUMNS} FROM spans WHERE trace_id = toFixedString(unhex({id:String}), 16) ORDER BY span_id`,
      { params: { id: hex(900) } },
    )
    assert.deepEqual(
      cache.spans(hex(900), 4),
      rows.map((row) => reader.span(row)),
    )
    assert.equal(cache.spans(hex(900), 5), undefined)
    assert.equal(cache.spans(hex(901), 1), undefined)
  })

  it('a small cache forgets whole traces, never parts', () => {
    const first = encodeSpanBlock(batchOf([span(1, 1), span(2, 1)]))
    const cache = new TraceCache(first.length * 4)
    cache.add(first)
    assert.equal(cache.spans(hex(1), 1)?.length, 1)
    for (let i = 0; i < 5; i++) cache.add(encodeSpanBlock(batchOf([span(2, 2 + i), span(10 + i, 1)])))
    assert.equal(cache.spans(hex(1), 1), undefined)
    assert.equal(cache.spans(hex(2), 6), undefined)
    assert.equal(cache.spans(hex(14), 1)?.length, 1)
    assert.ok(cache.bytes <= first.length * 4)
  })

  it('rows weigh what head and tail say, from memory and from the store alike', async () => {
    const weighed = bench.dataset(40, 'weighed', 'team', BLOCKS)
    bench.pipeline.setDatasets([weighed], [])
    await bench.arrive([span(800, 1, { traceState: 'crosscut=w:2.5' })], { weight: 4 })
    await bench.arrive([span(801, 1)], { weight: 4, isCached: false })
    await bench.arrive([span(802, 1)])
    const rows = await store.query(`SELECT weight FROM ${tableOf(weighed)} ORDER BY trace_id`)
    assert.deepEqual(
      rows.map((row) => row['weight']),
      [10, 4, 1],
    )
  })

  it('live: rows are there when the message is settled; late spans replace them, rows of elements go', async () => {
    const blocks = bench.dataset(1, 'blocks', 'team', BLOCKS)
    const errors = bench.dataset(2, 'errors', 'team', ERRORS)
    bench.pipeline.setDatasets([blocks, errors], [])
    const failed = { status: { code: 2 } }
    await bench.arrive([span(1, 1), span(1, 2, failed), span(2, 1)])
    assert.deepEqual(await bench.rows(blocks), [
      [hex(1), '', 2],
      [hex(2), '', 1],
    ])
    assert.deepEqual(await bench.rows(errors), [[hex(1), '0000000000000002', 'op 2']])
    // The span is corrected, another comes late and before the begin: the rows move to another minute.
    const earlier = { startNs: BASE_NS - 120n * SECOND }
    await bench.arrive([span(1, 2), span(1, 3, { ...failed, ...earlier })], { isAgain: true })
    assert.deepEqual(await bench.rows(blocks), [
      [hex(1), '', 3],
      [hex(2), '', 1],
    ])
    assert.deepEqual(await bench.rows(errors), [[hex(1), '0000000000000003', 'op 3']])
    // The same after a restart, which remembers nothing.
    await bench.pipeline.close()
    await bench.make().start()
    bench.pipeline.setDatasets([blocks, errors], [])
    await bench.arrive([span(1, 3), span(1, 4, { startNs: BASE_NS - 300n * SECOND })], { isAgain: true })
    assert.deepEqual(await bench.rows(blocks), [
      [hex(1), '', 4],
      [hex(2), '', 1],
    ])
    assert.deepEqual(await bench.rows(errors), [])
  })

  it('a trace that outgrows its features has no rows any more; one of just as many as may be has', async () => {
    const blocks = bench.dataset(30, 'outgrown', 'team', BLOCKS)
    bench.pipeline.setDatasets([blocks], [])
    const from = (traceId: number, first: number, last: number) =>
      Array.from({ length: last - first + 1 }, (_, i) => span(traceId, first + i))
    await bench.arrive([span(31, 1), span(32, 1)])
    assert.deepEqual(await bench.rows(blocks), [
      [hex(31), '', 1],
      [hex(32), '', 1],
    ])
    await bench.arrive(from(31, 2, FEATURE_SPANS_MAX), { isAgain: true })
    assert.deepEqual(await bench.rows(blocks), [
      [hex(31), '', FEATURE_SPANS_MAX],
      [hex(32), '', 1],
    ])
    await bench.arrive([span(31, FEATURE_SPANS_MAX + 1)], { isAgain: true })
    assert.deepEqual(await bench.rows(blocks), [[hex(32), '', 1]])
    // The same behind a restart, which remembers nothing.
    await bench.pipeline.close()
    await bench.make().start()
    bench.pipeline.setDatasets([blocks], [])
    await bench.arrive(from(32, 2, FEATURE_SPANS_MAX + 1), { isAgain: true })
    assert.deepEqual(await bench.rows(blocks), [])
  })

  it('a new version is in force for the next trace; what does not come in time is read from the store', async () => {
    const first = bench.dataset(3, 'changing', 'team', BLOCKS)
    bench.pipeline.setDatasets([first], [])
    await bench.arrive([span(11, 1)])
    bench.programs.set('changed', {
      columns: [...BLOCKS.columns, { name: 'service', type: 'string' }],
      rows: ({ blocks }) => [{ values: [blocks.length, blocks[0]?.service ?? null] }],
    })
    const change = { columns: bench.programs.get('changed')!.columns, atMs: 2, by: 'test' }
    const definition = { owner: 'team', filter: '', features: 'changed', rowPer: 'trace' as const }
    const second = changeDataset(first, { ...change, definition })
    bench.pipeline.setDatasets([second], [])
    await bench.arrive([span(12, 1), span(12, 2)], { isCached: false })
    assert.deepEqual(await bench.rows(second), [
      [hex(11), '', 1, null],
      [hex(12), '', 2, 'shop'],
    ] as never)
  })

  it('who costs too much harms only its own rows; they come later, when there is time', async () => {
    const cheap = bench.dataset(4, 'cheap', 'cheap', BLOCKS)
    const dear = bench.dataset(5, 'dear', 'dear', {
      ...BLOCKS,
      rows: (trace) => {
        bench.spend(8)
        return BLOCKS.rows(trace)
      },
    })
    bench.pipeline.setDatasets([cheap, dear], [])
    const before = bench.pipeline.stats()
    const many = Array.from({ length: 300 }, (_, i) => span(1000 + i, 1))
    await bench.arrive(many)
    assert.equal((await bench.rows(cheap)).length, 300)
    const after = bench.pipeline.stats()
    assert.ok(after.tracesDelayed > before.tracesDelayed, 'some of the dear ones were delayed')
    assert.equal(after.owners.get('cheap')?.refused, 0)
    await until('all worked off', async () => (await bench.rows(dear)).length === 300)
    await until('the queue is empty', () => bench.pipeline.stats().delayedWaiting === 0)
    assert.equal(after.owners.get('dear')?.quarantines, 0)
  })

  it('who blows the budget again and again rests, and is told', async () => {
    const loops = bench.dataset(6, 'loops', 'wild', {
      ...BLOCKS,
      rows: (trace) => {
        bench.spend(200)
        return BLOCKS.rows(trace)
      },
    })
    const cheap = bench.dataset(7, 'cheap', 'cheap', BLOCKS)
    bench.pipeline.setDatasets([cheap, loops], [])
    for (let round = 0; round < 4; round++)
      await bench.arrive(Array.from({ length: 10 }, (_, i) => span(2000 + round * 10 + i, 1)))
    assert.equal((await bench.rows(cheap)).length, 40)
    const wild = bench.pipeline.stats().owners.get('wild')
    assert.ok(wild?.quarantinedUntilMs !== undefined && wild.quarantines === 1)
    assert.equal(wild.overBudget, 20)
    const left = bench.pipeline.stats().delayedWaiting
    assert.ok(left >= 20)
    // What waits is durable: another worker, that knows of no quarantine, works it off.
    bench.programs.set('loops', BLOCKS)
    await bench.pipeline.close()
    await bench.make().start()
    assert.equal(bench.pipeline.stats().delayedWaiting, left)
    bench.pipeline.setDatasets([cheap, loops], [])
    await until('worked off', async () => (await bench.rows(loops)).length === 40)
  })

  it('whose features hung the worker before rests for an hour from the start; others have their rows', async () => {
    const hung = bench.dataset(11, 'hung', 'suspect', BLOCKS)
    const other = bench.dataset(12, 'other', 'other', BLOCKS)
    await bench.pipeline.close()
    await bench.make([11]).start()
    bench.pipeline.setDatasets([hung, other], [])
    const resting = () => bench.pipeline.stats().owners.get('suspect')?.quarantinedUntilMs
    const untilMs = resting() ?? 0
    assert.ok(Math.abs(untilMs - Date.now() - QUARANTINE_MS_MAX) < 10_000, String(untilMs))
    await bench.arrive([span(3001, 1), span(3002, 1)])
    assert.equal((await bench.rows(other)).length, 2)
    assert.deepEqual(await rowsIfThere(hung), [])
    // It was suspected once: another version does not begin its rest anew, and after it all is worked off.
    bench.pipeline.setDatasets([{ ...hung, version: 2 }, other], [])
    assert.equal(bench.pipeline.stats().owners.get('suspect')?.quarantines, 1)
    bench.spend(QUARANTINE_MS_MAX)
    await until('worked off', async () => (await rowsIfThere(hung)).length === 2)
    assert.equal(resting(), undefined)
  })

  /** A table is made with its first row. */
  async function rowsIfThere(dataset: StoredDataset): Promise<(string | number)[][]> {
    const [there] = await store.query('SELECT count() AS n FROM system.tables WHERE name = {table:String}', {
      params: { table: tableOf(dataset) },
    })
    return Number(there?.['n']) === 0 ? [] : bench.rows(dataset)
  }

  it('a backfill gives the rows of live extraction, goes on where it was, and can be cancelled', async () => {
    const live = bench.dataset(8, 'live', 'team', ERRORS)
    bench.pipeline.setDatasets([live], [])
    const failed = { status: { code: 2 } }
    // Over seven hours, each of which is a step of its own.
    const spans = Array.from({ length: 700 }, (_, i) => {
      const startNs = BASE_NS + BigInt(5000 + 36 * i) * SECOND
      const times = { startNs, endNs: startNs + SECOND }
      return i % 3 === 0
        ? [span(5000 + i, 1, times), span(5000 + i, 2, { ...failed, ...times })]
        : [span(5000 + i, 1, { ...failed, ...times })]
    }).flat()
    await bench.arrive(spans)
    const expected = await bench.rows(live)
    assert.equal(expected.length, 700)
    const again = bench.dataset(9, 'again', 'team', ERRORS)
    bench.pipeline.setDatasets([live, again], [])
    const from = BASE_NS + 5000n * SECOND
    const job: BackfillJob = {
      id: 'job',
      dataset: 'again',
      version: 1,
      fromNs: String(from),
      toNs: String(from + 100_000n * SECOND),
      fromMs: 0,
      toMs: 0,
      state: 'waiting',
      tracesDone: 0,
      tracesTotal: 0,
      rows: 0,
      startedMs: 0,
      by: 'test',
    }
    bench.pipeline.backfill(job)
    await until('done', () => bench.backfills.at(-1)?.state === 'done')
    const last = bench.backfills.at(-1)
    assert.deepEqual([last?.tracesDone, last?.tracesTotal, last?.rows], [700, 700, 700])
    same(await bench.rows(again), expected)
    const progress = bench.backfills.map(({ tracesDone }) => tracesDone)
    assert.deepEqual(
      progress,
      progress.toSorted((a, b) => a - b),
    )
    // Told again with a cursor that it passed: it goes on behind it, and no row is twice.
    const middle = bench.backfills.find(({ cursor, state }) => cursor !== undefined && state === 'running')
    assert.ok(middle?.cursor !== undefined)
    bench.pipeline.backfill({ ...middle, id: 'again' })
    await until('done again', () =>
      bench.backfills.some(({ id, state }) => id === 'again' && state === 'done'),
    )
    same(await bench.rows(again), expected)
    bench.pipeline.backfill({ ...job, id: 'cancelled' })
    bench.pipeline.cancelBackfill('cancelled')
    await until('cancelled', () => bench.backfills.at(-1)?.state === 'cancelled')
  })

  it('while an owner rests, its backfill waits; those of others, and the delayed queue, go on', async () => {
    const loops = bench.dataset(13, 'resting', 'restless', {
      ...BLOCKS,
      rows: (trace) => {
        bench.spend(200)
        return BLOCKS.rows(trace)
      },
    })
    const calm = bench.dataset(14, 'calm', 'calm', BLOCKS)
    bench.pipeline.setDatasets([loops, calm], [])
    const [first, job] = [bench.backfills.length, bench.backfills[0]]
    assert.ok(job !== undefined)
    const again = { ...job, state: 'waiting', cursor: undefined, tracesDone: 0, rows: 0 } as const
    bench.pipeline.backfill({ ...again, id: 'of-resting', dataset: 'resting' })
    await until('it rests', () => bench.pipeline.stats().owners.get('restless')?.quarantines === 1)
    bench.pipeline.backfill({ ...again, id: 'of-calm', dataset: 'calm' })
    const isDone = (name: string) =>
      bench.backfills.slice(first).some(({ id, state }) => id === name && state === 'done')
    await until('the other is done', () => isDone('of-calm'))
    assert.equal((await bench.rows(calm)).length, 700)
    assert.ok(!isDone('of-resting'))
    assert.ok((await rowsIfThere(loops)).length < 700)
    // When it may work again, it goes on where it was.
    bench.programs.set('resting', BLOCKS)
    bench.pipeline.setDatasets([{ ...loops, version: 2 }, calm], [])
    bench.spend(QUARANTINE_MS_MAX)
    await until('all of it', () => isDone('of-resting'))
    await until('and what it was refused', async () => (await bench.rows(loops)).length === 700)
  })

  it('a dataset that is removed takes its table along', async () => {
    bench.pipeline.setDatasets([], [8, 9])
    await until('dropped', async () => {
      const rows = await store.query(
        "SELECT name FROM system.tables WHERE name IN ('dataset_8', 'dataset_9', 'dataset_7')",
      )
      return rows.length === 1
    })
    await bench.arrive([span(9999, 1)])
  })

  it('a definition is tried on stored traces without writing', async () => {
    const dataset = bench.dataset(10, 'live', 'team', ERRORS)
    const trial = await tryOn(bench.ports(), dataset, [hex(5000), hex(5001)])
    assert.deepEqual([trial.traces, trial.matched, trial.rows, trial.overBudget], [2, 2, 2, 0])
  })
})
