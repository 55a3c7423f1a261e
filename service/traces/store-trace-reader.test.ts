// Search and reading on the real store: blocks in by hand, answers out through TraceReader.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeClock } from '#log'
import { openStore, type Store } from '#store'
import { batchOf, type FixtureSpan } from './span-batch.fixture.ts'
import { spanBlock } from './span-table.ts'
import { openTraceReader } from './store-trace-reader.ts'
import { summaryBlock, summaryRows } from './summary-table.ts'
import type { TraceFilter, TraceReader } from './trace-reader.ts'

const pad = (id: string): string => id.padStart(32, '0')
const SECOND = 1_000_000_000n
const U64_MAX = 2n ** 64n - 1n
const NASTY_NAME = '<img src=x onerror=alert(1)>\u202e\u001b[31m\0 \'";--'

/** One record: spans into `spans`, summaries of their traces into `traces`, as the pipeline does. */
async function put(store: Store, sequence: number, spans: readonly FixtureSpan[]): Promise<void> {
  await store.insert('spans', spanBlock([{ sequence, batch: batchOf(spans) }]), { token: `r.${sequence}` })
  const traceIds = [...new Set(spans.map(({ traceId }) => pad(traceId)))]
  const rows = await summaryRows(
    store,
    traceIds.map((traceId) => ({ traceId, sequence, summary: undefined, movedFromNs: undefined })),
  )
  await store.insert('traces', summaryBlock(rows, Math.floor(Date.now() / 1000)), { token: `s.${sequence}` })
}

async function withReader(work: (reader: TraceReader, store: Store) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'crosscut-reader-'))
  const store = openStore({ dir })
  try {
    await store.ready()
    await work(openTraceReader(store, nodeClock), store)
  } finally {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

const FULL: FixtureSpan = {
  traceId: 'a1',
  spanId: '1',
  service: 'front',
  name: 'GET /',
  kind: 2,
  startNs: 10n * SECOND,
  endNs: 11n * SECOND,
  flags: 257,
  traceState: 'a=b',
  status: { code: 2, message: 'bad' },
  dropped: [1, 2, 3],
  resource: { 'host.name': 'A' },
  scope: { name: 'lib', version: '1' },
  attributes: {
    'http.status': 200n,
    url: '/x\n\n',
    ratio: 1.5,
    nan: NaN,
    ok: true,
    none: null,
    raw: Uint8Array.of(1, 2, 255),
    big: 2n ** 63n - 1n,
    list: { array: '[{"stringValue":"a"},{"intValue":"1"}]' },
    map: { kvlist: '[{"key":"k","value":{"boolValue":true}}]' },
  },
  events: [{ timeNs: 5n, name: 'retry', attributes: { n: 1n } }],
  links: [{ traceId: 'b', spanId: 'c', attributes: { 'crosscut.edge': 'join' } }],
}

describe('search', () => {
  const dir = mkdtempSync(join(tmpdir(), 'crosscut-reader-'))
  let store: Store
  let reader: TraceReader

  before(async () => {
    store = openStore({ dir })
    await store.ready()
    reader = openTraceReader(store, nodeClock)
    await put(store, 1, [
      FULL,
      {
        traceId: 'a1',
        spanId: '2',
        parentSpanId: '1',
        service: 'back',
        name: 'read',
        startNs: 10n * SECOND,
        endNs: 10n * SECOND + 5n,
      },
      {
        traceId: 'a2',
        spanId: '1',
        service: 'back',
        name: 'read',
        startNs: 20n * SECOND,
        endNs: 20n * SECOND + 3_000_000n,
        attributes: { url: '/y' },
      },
      {
        traceId: 'a3',
        spanId: '1',
        parentSpanId: '9',
        service: NASTY_NAME,
        name: NASTY_NAME,
        startNs: 0n,
        endNs: U64_MAX,
      },
      { traceId: 'a4', spanId: '1', service: 'odd', name: 'back', startNs: U64_MAX, endNs: 0n },
    ])
  })
  after(async () => {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const CASES: readonly [filter: TraceFilter, expected: readonly string[]][] = [
    [{}, ['a2', 'a1', 'a3', 'a4']],
    [{ service: 'back' }, ['a2', 'a1']],
    [{ service: 'front', name: 'GET /' }, ['a1']],
    [{ service: 'front', name: 'read' }, []],
    [{ name: 'read' }, ['a2', 'a1']],
    [{ service: NASTY_NAME, name: NASTY_NAME }, ['a3']],
    [{ isError: true }, ['a1']],
    [{ minMs: 4, maxMs: 2000 }, ['a1']],
    [{ maxMs: 3 }, ['a2', 'a4']],
    [{ fromNs: 10n * SECOND, toNs: 20n * SECOND }, ['a2', 'a1']],
    [{ fromNs: 10n * SECOND + 1n, toNs: U64_MAX - 1n }, ['a2']],
    [{ attributes: { url: '/y' } }, ['a2']],
    [{ attributes: { url: '/x\n\n' } }, ['a1']],
    [{ attributes: { 'http.status': '200' } }, ['a1']],
    [{ attributes: { big: '9223372036854775807' } }, ['a1']],
    [{ attributes: { ratio: '1.5' } }, ['a1']],
    [{ attributes: { ok: 'true' } }, ['a1']],
    [{ attributes: { ok: 'false' } }, []],
    [{ attributes: { 'host.name': 'A' } }, ['a1']],
    [{ attributes: { 'service.name': 'back' } }, ['a2', 'a1']],
    [{ attributes: { 'host.name': 'A', 'http.status': '200' } }, ['a1']],
    [{ service: 'back', attributes: { 'http.status': '200' } }, []],
    [{ attributes: { "x' OR 1=1 --": "') OR 1" } }, []],
  ]
  for (const [filter, expected] of CASES) {
    const name = JSON.stringify(filter, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    )
    it(`by ${name} finds [${expected.join(' ')}]`, async () => {
      assert.deepEqual(
        (await reader.search(filter)).traces.map(({ traceId }) => traceId),
        expected.map(pad),
      )
    })
  }

  it('gives back a span with everything it came with', async () => {
    const span = (await reader.trace(pad('a1'))).find(({ spanId }) => spanId.endsWith('1'))
    assert.deepEqual(span, {
      traceId: pad('a1'),
      spanId: '0000000000000001',
      traceState: 'a=b',
      flags: 257,
      name: 'GET /',
      kind: 2,
      startTimeUnixNano: 10n * SECOND,
      endTimeUnixNano: 11n * SECOND,
      status: { code: 2, message: 'bad' },
      attributes: {
        'http.status': 200,
        url: '/x\n\n',
        ratio: 1.5,
        nan: 'NaN',
        ok: true,
        none: null,
        raw: 'AQL/',
        big: '9223372036854775807',
        list: ['a', 1],
        map: { k: true },
      },
      events: [{ timeUnixNano: 5n, name: 'retry', attributes: { n: 1 }, droppedAttributesCount: 0 }],
      links: [
        {
          traceId: pad('b'),
          spanId: '000000000000000c',
          traceState: '',
          flags: 0,
          attributes: { 'crosscut.edge': 'join' },
          droppedAttributesCount: 0,
        },
      ],
      resource: { attributes: { 'service.name': 'front', 'host.name': 'A' } },
      scope: { name: 'lib', version: '1', attributes: {} },
      droppedAttributesCount: 1,
      droppedEventsCount: 2,
      droppedLinksCount: 3,
    })
  })

  it('keeps impossible times as they were sent', async () => {
    const times = async (id: string) =>
      (await reader.trace(pad(id))).map((span) => [span.startTimeUnixNano, span.endTimeUnixNano])
    assert.deepEqual([await times('a3'), await times('a4')], [[[0n, U64_MAX]], [[U64_MAX, 0n]]])
    assert.equal((await reader.summary(pad('a4')))?.durationNs, '0')
  })

  it('names a trace whose root is missing by its earliest span', async () => {
    const summary = await reader.summary(pad('a3'))
    assert.deepEqual(
      [summary?.hasRoot, summary?.rootName, summary?.rootService],
      [false, NASTY_NAME, NASTY_NAME],
    )
  })

  it('reads spans in pages and says how many there are', async () => {
    const page = await reader.spansOf(pad('a1'), { offset: 1, limit: 1 })
    assert.deepEqual([page.totalSpans, page.spans.map(({ name }) => name)], [2, ['read']])
    assert.deepEqual(await reader.spansOf(pad('a1'), { offset: 5, limit: 9 }), { totalSpans: 2, spans: [] })
  })

  it('has no answer, and no error, for ids that do not exist or are none', async () => {
    assert.deepEqual(await reader.trace(pad('dead')), [])
    assert.equal(await reader.summary(pad('dead')), undefined)
    assert.deepEqual(await reader.trace("' OR 1"), [])
    assert.deepEqual(await reader.spansOf('../x', { offset: 0, limit: 1 }), { spans: [], totalSpans: 0 })
  })

  it('lists services, operations and attribute keys', async () => {
    assert.deepEqual((await reader.services()).sort(), [NASTY_NAME, 'back', 'front', 'odd'].sort())
    assert.deepEqual(await reader.operations('front'), ['GET /'])
    assert.ok((await reader.attributeKeys()).includes('http.status'))
  })

  it('refuses cursors that are not its own', async () => {
    for (const cursor of ['', 'x', `${U64_MAX + 1n}-${pad('1')}`, "1-' OR 1"]) {
      await assert.rejects(reader.search({ cursor }), { code: 'E_BAD_CURSOR' })
    }
    await assert.rejects(reader.search({ minMs: -1 }), { code: 'E_BAD_FILTER' })
  })
})

describe('versions of a trace', () => {
  it('the last arrival of a span id stands, and is counted once', () =>
    withReader(async (reader, store) => {
      await put(store, 1, [{ traceId: 'a', spanId: '1', service: 's', name: 'first' }])
      await put(store, 2, [{ traceId: 'a', spanId: '1', service: 's', name: 'second', status: { code: 2 } }])
      await put(store, 3, [{ traceId: 'a', spanId: '1', service: 's', name: 'second', status: { code: 2 } }])
      assert.deepEqual(
        (await reader.trace(pad('a'))).map(({ name }) => name),
        ['second'],
      )
      const { traces } = await reader.search({})
      assert.deepEqual(
        traces.map(({ spanCount, errorCount, rootName }) => [spanCount, errorCount, rootName]),
        [[1, 1, 'second']],
      )
    }))

  it('a search sees the newest version only, also when an older one would fit', () =>
    withReader(async (reader, store) => {
      await put(store, 1, [{ traceId: 'a', spanId: '1', startNs: 10n, endNs: 20n }])
      await put(store, 2, [
        { traceId: 'a', spanId: '2', parentSpanId: '1', startNs: 10n, endNs: 50_000_000n },
      ])
      assert.deepEqual((await reader.search({ maxMs: 1 })).traces, [])
      assert.equal((await reader.search({ minMs: 10 })).traces.length, 1)
    }))

  it('a trace whose start moved appears once, where it starts now', () =>
    withReader(async (reader, store) => {
      await put(store, 1, [{ traceId: 'a', spanId: '2', parentSpanId: '1', startNs: 100n, endNs: 200n }])
      await put(store, 2, [
        { traceId: 'a', spanId: '1', startNs: 50n, endNs: 300n, service: 's', name: 'root' },
      ])
      await put(store, 3, [{ traceId: 'b', spanId: '1', startNs: 70n, endNs: 80n }])
      const { traces } = await reader.search({})
      assert.deepEqual(
        traces.map(({ traceId, startNs, hasRoot }) => [traceId, startNs, hasRoot]),
        [
          [pad('b'), '70', true],
          [pad('a'), '50', true],
        ],
      )
      assert.equal((await reader.summary(pad('a')))?.startNs, '50')
    }))

  it('pages stay disjoint and complete while traces keep coming', () =>
    withReader(async (reader, store) => {
      const traceAt = (n: number): FixtureSpan => ({
        traceId: (n + 1).toString(16),
        spanId: '1',
        startNs: BigInt(n) * SECOND,
        endNs: BigInt(n) * SECOND,
      })
      await put(
        store,
        1,
        Array.from({ length: 45 }, (_, n) => traceAt(n)),
      )
      const seen: string[] = []
      let cursor: string | undefined
      let arriving = 1000
      do {
        const page = await reader.search({ limit: 10, cursor })
        seen.push(...page.traces.map(({ traceId }) => traceId))
        cursor = page.nextCursor
        await put(store, arriving, [traceAt(arriving++)])
      } while (cursor !== undefined)
      assert.equal(seen.length, 45)
      assert.deepEqual(
        seen,
        Array.from({ length: 45 }, (_, n) => pad((45 - n).toString(16))),
      )
    }))

  it('traces dated far ahead come after all others, in pages and by a range of their own', () =>
    withReader(async (reader, store) => {
      const nowNs = nodeClock.nowNs()
      const starts = [
        ['1', nowNs - 2n * SECOND],
        ['2', nowNs + 30n * SECOND],
        ['3', nowNs + 3600n * SECOND],
        ['4', U64_MAX - SECOND],
        ['5', nowNs - SECOND],
      ] as const
      await put(
        store,
        1,
        starts.map(([traceId, startNs]): FixtureSpan => ({ traceId, spanId: '1', startNs, endNs: startNs })),
      )
      const all = ['2', '5', '1', '4', '3'].map(pad)
      const idsOf = async (filter: TraceFilter): Promise<string[]> =>
        (await reader.search(filter)).traces.map(({ traceId }) => traceId)
      assert.deepEqual(await idsOf({}), all)
      for (const limit of [1, 2, 3, 4]) {
        const seen: string[] = []
        let cursor: string | undefined
        do {
          const page = await reader.search({ limit, cursor })
          seen.push(...page.traces.map(({ traceId }) => traceId))
          cursor = page.nextCursor
        } while (cursor !== undefined)
        assert.deepEqual(seen, all, `in pages of ${limit}`)
      }
      assert.deepEqual(await idsOf({ toNs: nowNs }), ['5', '1'].map(pad))
      assert.deepEqual(await idsOf({ fromNs: nowNs + 600n * SECOND }), ['4', '3'].map(pad))
      assert.deepEqual(
        await idsOf({ fromNs: nowNs + 600n * SECOND, toNs: nowNs + 7200n * SECOND }),
        ['3'].map(pad),
      )
    }))

  it('traces of the same start are told apart by their id', () =>
    withReader(async (reader, store) => {
      await put(
        store,
        1,
        Array.from({ length: 7 }, (_, n): FixtureSpan => ({
          traceId: (n + 1).toString(16),
          spanId: '1',
          startNs: 5n,
        })),
      )
      const first = await reader.search({ limit: 4 })
      const second = await reader.search({ limit: 4, cursor: first.nextCursor })
      assert.deepEqual(
        [...first.traces, ...second.traces].map(({ traceId }) => traceId),
        ['7', '6', '5', '4', '3', '2', '1'].map(pad),
      )
      assert.equal(second.nextCursor, undefined)
    }))

  it('five thousand distinct names and services go in and come out', () =>
    withReader(async (reader, store) => {
      const spans = Array.from({ length: 5_000 }, (_, n): FixtureSpan => ({
        traceId: (n + 1).toString(16),
        spanId: '1',
        service: `service-${n}`,
        name: `name-${n}`,
        startNs: BigInt(n),
      }))
      await put(store, 1, spans)
      assert.equal((await reader.services()).length, 1000)
      assert.deepEqual(
        (await reader.search({ service: 'service-4777', name: 'name-4777' })).traces.map(
          ({ traceId }) => traceId,
        ),
        [pad((4778).toString(16))],
      )
    }))
})
