// What sampled traces stand for, in lists, in the heatmap and in the service graph, on the real store: a
// population that was sampled at its head or at its tail is estimated as the full one is counted.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { seededRandom } from '#base'
import { nodeClock } from '#log'
import { buildTrace, weightOf, type LooseOtlpSpan } from '#model'
import { thresholdOf, writeTraceState } from '#protocol'
import { openStore, type Store } from '#store'
import { Assembler, type Due } from './assembler.ts'
import { batchOf, type FixtureSpan } from './span-batch.fixture.ts'
import { spanBlock } from './span-table.ts'
import { openTraceReader } from './store-trace-reader.ts'
import { summaryBlock, summaryRows } from './summary-table.ts'
import type { TraceReader } from './trace-reader.ts'

const MS = 1_000_000n
const HOUR = 3_600_000n * MS
const T0 = 1_780_000_000_000n * MS
const TRACES = 4_000
const PROBABILITY = 0.2

const dir = mkdtempSync(join(tmpdir(), 'crosscut-weights-'))
let store: Store
let reader: TraceReader
let sequence = 0

before(async () => {
  store = openStore({ dir })
  await store.ready()
  reader = openTraceReader(store, nodeClock)
})
after(async () => {
  await store.close()
  rmSync(dir, { recursive: true, force: true })
})

/** Stored and summarised; the tail rule lets each stand for so many. */
async function arrive(spans: readonly FixtureSpan[], tailWeight = 1, isReread = true): Promise<void> {
  const batch = batchOf(spans)
  await store.insert('spans', spanBlock([{ sequence: ++sequence, batch }]), { token: `w.${sequence}` })
  const due = isReread ? rereadOf(spans) : assembled(batch)
  const rows = (await summaryRows(store, due.traces)).map((row) => ({ ...row, weight: tailWeight }))
  await store.insert('traces', summaryBlock(rows, Math.floor(Date.now() / 1000)), { token: `v.${sequence}` })
}

function rereadOf(spans: readonly FixtureSpan[]): Pick<Due, 'traces'> {
  const ids = [...new Set(spans.map(({ traceId }) => traceId))]
  return { traces: ids.map((traceId) => ({ traceId, sequence, summary: undefined, movedFromNs: undefined })) }
}

function assembled(batch: ReturnType<typeof batchOf>): Due {
  const assembler = new Assembler([])
  assembler.add(batch, { sequence, ordinal: 1, isReplay: false }, 0)
  return assembler.flush(0)
}

const id16 = (n: number): string => n.toString(16).padStart(16, '0')
const id32 = (n: number): string => n.toString(16).padStart(18, '0') + 'f'.repeat(14)

describe('a summary stands for what the model says of the whole trace', () => {
  const page = { spanId: id16(1), service: 'page', name: 'GET /' }
  const call = { spanId: id16(2), parentSpanId: id16(1), service: 'web', name: 'GET /' }
  const inner = { spanId: id16(3), parentSpanId: id16(2), service: 'db', name: 'SELECT' }
  const quarter = { traceState: 'ot=th:c' }
  const asked = { traceState: 'vendor=x, crosscut=d:f;k:1;w:2,ot=th:8' }
  for (const [what, spans, tail, weight] of [
    ['no sampling', [page, call], 1, 1],
    ['the head', [{ ...page, ...quarter }, call], 1, 4],
    ['head and tail', [{ ...page, ...quarter }, call], 10, 40],
    ['a child alone', [page, { ...call, ...quarter }], 1, 1],
    ['a child that a policy asked for', [page, { ...call, ...asked }], 1, 4],
    ['the root missing', [{ ...call, ...quarter }, inner], 1, 4],
    ['the root missing, and a later span that says something', [call, { ...inner, ...quarter }], 1, 4],
    [
      'the root missing, and one that a policy asked for',
      [
        { ...call, ...quarter },
        { ...inner, ...asked },
      ],
      1,
      4,
    ],
  ] as const)
    for (const isReread of [true, false])
      test(`${what}, ${isReread ? 'from the store' : 'from memory'}`, async () => {
        const traceId = id32(sequence + 1)
        const timed = spans.map((span, i) => ({
          ...span,
          traceId,
          startNs: T0 - HOUR + BigInt(i),
          endNs: T0 - HOUR + MS,
        }))
        await arrive(timed, tail, isReread)
        const loose = timed.map(({ startNs, endNs, service, ...span }): LooseOtlpSpan => ({
          ...span,
          startTimeUnixNano: String(startNs),
          endTimeUnixNano: String(endNs),
          resource: { 'service.name': service },
        }))
        assert.equal(weightOf(buildTrace(loose), tail), weight)
        const { traces } = await reader.search({ fromNs: T0 - HOUR, toNs: T0, limit: 100 })
        assert.equal(traces.find((one) => one.traceId === traceId)?.weight ?? 1, weight)
        assert.equal((await reader.summary(traceId))?.weight ?? 1, weight)
      })
})

describe('a sampled population beside the full one', () => {
  type Timed = FixtureSpan & { readonly startNs: bigint; readonly endNs: bigint }
  type Made = { readonly traceId: string; readonly spans: readonly Timed[] }
  const random = seededRandom(7)
  const bytes = new Uint8Array(8)
  const randomness = (): string => {
    random.fill(bytes)
    return Buffer.from(bytes.subarray(0, 7)).toString('hex')
  }
  /** One in ten fails; slow ones are rarer than fast ones. */
  const population: readonly Made[] = Array.from({ length: TRACES }, (_, i): Made => {
    const traceId = i.toString(16).padStart(18, '0') + randomness()
    const ms = BigInt(5 + (i % 100 === 0 ? 900 : 0) + (i % 40))
    const startNs = T0 + BigInt(i) * 800n * MS
    const common = { traceId, kind: 2, startNs, status: { code: i % 10 === 0 ? 2 : 0 } }
    const spans = [
      { ...common, spanId: id16(1), service: 'web', name: 'GET /', endNs: startNs + ms * MS },
      {
        ...common,
        ...{ spanId: id16(2), parentSpanId: id16(1), service: 'db', name: 'SELECT' },
        endNs: startNs + (ms - 2n) * MS,
      },
    ]
    return { traceId, spans }
  })
  const threshold = thresholdOf(PROBABILITY)
  const state = writeTraceState({ threshold, factor: 1, detail: 'normal', isWanted: false })
  const full = { fromNs: T0, toNs: T0 + HOUR - 1n }
  const sampled = { fromNs: T0 + HOUR, toNs: T0 + 2n * HOUR - 1n }
  /** What one sigma of an estimated count is, of so many. */
  const sigma = (count: number): number => Math.sqrt((count * (1 - PROBABILITY)) / PROBABILITY)

  before(async () => {
    await arrive(population.flatMap(({ spans }) => spans))
    const kept = population.filter(({ traceId }) => traceId.slice(-14) >= threshold)
    assert.ok(kept.length < TRACES / 3)
    const again = kept.flatMap(({ traceId, spans }) =>
      spans.map((span) => ({
        ...span,
        traceId: `a${traceId.slice(1)}`,
        traceState: state,
        startNs: span.startNs + HOUR,
        endNs: span.endNs + HOUR,
      })),
    )
    await arrive(again)
  })

  function near(estimate: number, count: number, what: string): void {
    const within = 4 * sigma(count)
    assert.ok(Math.abs(estimate - count) <= within, `${what}: ${estimate} of ${count} +- ${within}`)
    assert.ok(within < count, `${what}: an estimate of nothing would pass`)
  }

  test('the heatmap has as many in each band, and as many that failed', async () => {
    const [counted, estimated] = await Promise.all([
      reader.heat({}, { ...full, columns: 1 }),
      reader.heat({}, { ...sampled, columns: 1 }),
    ])
    assert.deepEqual(
      [counted.traces, counted.cells.reduce((sum, { count }) => sum + count, 0)],
      [TRACES, TRACES],
    )
    assert.ok(estimated.traces < TRACES / 3, 'traces are those that are there')
    const bands = (heat: typeof counted, what: 'count' | 'errors'): ReadonlyMap<number, number> =>
      new Map(heat.cells.map((cell) => [cell.band, cell[what]]))
    for (const what of ['count', 'errors'] as const) {
      const there = bands(estimated, what)
      for (const [band, count] of bands(counted, what))
        if (count > 100) near(there.get(band) ?? 0, count, `${what} in band ${band}`)
      near(
        [...there.values()].reduce((a, b) => a + b, 0),
        what === 'count' ? TRACES : TRACES / 10,
        what,
      )
    }
  })

  test('the service graph has as many calls, as many failures, and the same latencies', async () => {
    const [counted, estimated] = await Promise.all([reader.serviceGraph(full), reader.serviceGraph(sampled)])
    const call = (graph: typeof counted) => graph.edges.find(({ kind }) => kind === 'call')
    const [all, some] = [call(counted), call(estimated)]
    assert.deepEqual([all?.from, all?.to, all?.count, all?.errors], ['web', 'db', TRACES, TRACES / 10])
    near(some?.count ?? 0, TRACES, 'calls')
    near(some?.errors ?? 0, TRACES / 10, 'failures')
    const web = (graph: typeof counted) => graph.services.find(({ name }) => name === 'web')
    assert.equal(web(counted)?.serverSpans, TRACES)
    near(web(estimated)?.serverSpans ?? 0, TRACES, 'requests')
    for (const [a, b] of [
      [all?.p95Ns, some?.p95Ns],
      [web(counted)?.p50Ns, web(estimated)?.p50Ns],
    ])
      assert.ok(Math.abs(Number(a) / Number(b) - 1) < 0.1, `${a} ns, ${b} ns`)
    assert.ok(estimated.spans < (2 * TRACES) / 3, 'spans are those that are there')
  })

  test('strata of different weights do not pull quantiles to where more was kept', async () => {
    // A thousand fast ones stand for one each in ten that were kept; a hundred slow ones were all kept.
    const from = T0 + 3n * HOUR
    const of = (count: number, first: number, ms: bigint) =>
      Array.from({ length: count }, (_, i): FixtureSpan => {
        const startNs = from + BigInt(i) * MS
        const traceId = id32(1_000_000 + first + i)
        return {
          traceId,
          spanId: id16(1),
          kind: 2,
          service: 'mixed',
          name: 'x',
          startNs,
          endNs: startNs + ms * MS,
        }
      })
    await arrive(of(100, 0, 10n), 10)
    await arrive(of(100, 500, 500n))
    const { services } = await reader.serviceGraph({ fromNs: from, toNs: from + HOUR })
    const mixed = services.find(({ name }) => name === 'mixed')
    assert.deepEqual(
      [mixed?.serverSpans, mixed?.p50Ns, mixed?.p95Ns],
      [1_100, String(10n * MS), String(500n * MS)],
    )
    const heat = await reader.heat({ service: 'mixed' }, { fromNs: from, toNs: from + HOUR, columns: 1 })
    assert.deepEqual(
      heat.cells.map(({ count }) => count),
      [1_000, 100],
    )
  })
})
