// Searches by TraceQL on the real engine: whatever the pre-filter leaves out must not match, so every query
// finds exactly the traces that evaluation finds among all of them.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { seededRandom } from '#base'
import { nodeClock } from '#log'
import { buildTrace, evaluateTraceQuery, parseTraceQuery, type Trace } from '#model'
import { openStore, type Store } from '#store'
import { batchOf, type FixtureSpan } from './span-batch.fixture.ts'
import { spanBlock } from './span-table.ts'
import { openTraceReader } from './store-trace-reader.ts'
import { summaryBlock, summaryRows } from './summary-table.ts'
import type { TraceReader } from './trace-reader.ts'

const TRACES = 120
const SECOND = 1_000_000_000n
const TO_NS = 9_000n * SECOND
const pad = (id: string): string => id.padStart(32, '0')

/** Some hundred spans of a few services, with attributes of every type, some without their parents. */
function madeSpans(): FixtureSpan[] {
  const random = seededRandom(7)
  const pick = <T>(all: readonly T[]): T => all[random.uint32() % all.length]!
  const spans: FixtureSpan[] = []
  for (let t = 1; t <= TRACES; t++) {
    const startNs = BigInt(1000 + t * 10) * SECOND
    const count = 1 + (random.uint32() % 8)
    for (let i = 1; i <= count; i++) {
      const parent = i === 1 ? (t % 10 === 0 ? '99' : undefined) : String(1 + (random.uint32() % (i - 1)))
      const lengthNs = BigInt(random.uint32() % 100) * 1_000_000n
      spans.push({
        traceId: t.toString(16),
        spanId: i.toString(16),
        ...(parent === undefined ? {} : { parentSpanId: Number(parent).toString(16) }),
        service: pick(['shop', 'db', 'cache', 'gateway']),
        name: pick(['GET /', 'GET /cart', 'query', 'lookup']),
        kind: pick([1, 2, 3]),
        startNs: startNs + BigInt(i) * 1_000_000n,
        // Some end before they begin.
        endNs: startNs + BigInt(i) * 1_000_000n + (t % 17 === 0 ? -lengthNs : lengthNs),
        status: pick([{ code: 0 }, { code: 1 }, { code: 2, message: 'no' }, { code: 0 }]),
        resource: pick<FixtureSpan['resource']>([
          { 'host.name': 'A', zone: 1n },
          { 'host.name': 'B' },
          { 'host.name': 'B', canary: true },
        ]),
        scope: { name: pick(['http', 'sql']), version: '1' },
        attributes: {
          'http.status': pick([200n, 404n, 500n]),
          ...pick<FixtureSpan['attributes']>([
            {},
            { route: '/a' },
            { route: '/b"quoted"' },
            { route: 5n },
            { ratio: 0.5 },
            { ratio: 2n },
            { hit: true },
            { hit: false },
            { list: { array: '[{"stringValue":"x"},{"stringValue":"y"}]' } },
          ]),
        },
        ...(random.uint32() % 4 === 0
          ? { events: [{ timeNs: startNs, name: 'exception', attributes: { 'exception.type': 'E' } }] }
          : {}),
      })
    }
  }
  return spans
}

const ATOMS = [
  '',
  'true',
  'name = "query"',
  'name != "query"',
  'name =~ "GET.*"',
  'name !~ "GET.*"',
  'name =~ "(?i)QUERY|lookup"',
  'resource.service.name = "db"',
  'resource.service.name != "db"',
  'resource.service.name =~ "d.|cache"',
  '.service.name = "db"',
  'duration > 50ms',
  'duration < 5ms',
  'duration = 0s',
  'duration != 0s',
  'status = error',
  'status != unset',
  'statusMessage = "no"',
  'kind = client',
  'kind != server',
  '.http.status = 500',
  'span.http.status >= 404',
  '.http.status < 300 || .http.status = 500',
  '.route = "/a"',
  '.route != "/a"',
  '.route =~ "/b.*"',
  'span.route > "/a"',
  '.route = 5',
  '.ratio = 0.5',
  '.ratio > 0.1',
  '.ratio * 2 = 4',
  '.hit',
  '!.hit',
  '.hit = false',
  '.hit != true',
  '.list = "x"',
  '.list != "z"',
  'resource.host.name = "A"',
  '.host.name != "A"',
  'resource.zone = 1',
  'resource.zone != nil',
  '.canary',
  'resource.zone = nil',
  '.route = nil',
  'event:name = "exception"',
  'event.exception.type = "E"',
  'event.exception.type != nil',
  'event:name =~ "exc.*"',
  'instrumentation:name = "sql"',
  'trace:duration > 60ms',
  'trace:duration <= 60ms',
  'rootName = "query"',
  'rootServiceName =~ "shop|db"',
  'rootName = nil',
  'rootName != nil',
  `trace:id = "${pad('2a')}"`,
  'span:id = "0000000000000003"',
  'span:parentID = "0000000000000001"',
  'span:parentID = nil',
  'childCount > 2',
  'nestedSetParent < 0 && status = error',
]
const WHOLES = [
  '{ } | count() > 5',
  '{ status = error } | by(resource.service.name) | count() > 1',
  '{ kind = server } | avg(duration) > 40ms',
  '{ status = error } && { name = "query" }',
  '{ status = error } || { name =~ "q.*" }',
  '{ status = error } || { trace:duration > 90ms }',
  '{ kind = server } >> { status = error }',
  '{ kind = server } !>> { status = error }',
  '{ kind = server } > { kind = client }',
  '{ status = error } &<< { }',
  '{ status = error } ~ { status = error }',
  '{ .route != nil } !< { .hit != nil }',
  '({ .hit } | count() > 0) && { .ratio > 0 }',
]

describe('a search by TraceQL on the engine', () => {
  const dir = mkdtempSync(join(tmpdir(), 'crosscut-traceql-'))
  let store: Store
  let reader: TraceReader
  const all = new Map<string, Trace>()

  before(async () => {
    store = openStore({ dir })
    await store.ready()
    reader = openTraceReader(store, nodeClock)
    const spans = madeSpans()
    await store.insert('spans', spanBlock([{ sequence: 1, batch: batchOf(spans) }]), { token: 'a' })
    const ids = [...new Set(spans.map(({ traceId }) => pad(traceId)))]
    const rows = await summaryRows(
      store,
      ids.map((traceId) => ({ traceId, sequence: 1, summary: undefined, movedFromNs: undefined })),
    )
    await store.insert('traces', summaryBlock(rows, Math.floor(Date.now() / 1000)), { token: 'b' })
    for (const id of ids) all.set(id, buildTrace(await reader.trace(id)))
  })
  after(async () => {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const expectedOf = (q: string): string[] => {
    const { query } = parseTraceQuery(q)
    assert.ok(query !== undefined, q)
    return [...all]
      .filter(([, trace]) => evaluateTraceQuery(query, trace).spansets.length > 0)
      .map(([id]) => id)
      .toSorted()
  }
  const foundBy = async (q: string): Promise<string[]> =>
    (await reader.search({ q, toNs: TO_NS, limit: 1000 })).traces.map(({ traceId }) => traceId).toSorted()

  it('finds exactly what matches, for every kind of condition', async () => {
    for (const atom of ATOMS) {
      const q = `{ ${atom} }`
      assert.deepEqual(await foundBy(q), expectedOf(q), q)
    }
  })

  it('finds exactly what matches, for every kind of query', async () => {
    for (const q of WHOLES) assert.deepEqual(await foundBy(q), expectedOf(q), q)
  })

  it('finds exactly what matches, for conditions joined at random', async () => {
    const random = seededRandom(3)
    const pick = (): string => ATOMS[1 + (random.uint32() % (ATOMS.length - 1))]!
    for (let i = 0; i < 25; i++) {
      const op = random.uint32() % 2 === 0 ? '&&' : '||'
      const q = `{ (${pick()}) ${op} (${pick()}) } ${['>>', '&&', '!>', '||'][i % 4]} { ${pick()} }`
      assert.deepEqual(await foundBy(q), expectedOf(q), q)
    }
  })

  it('holds beside the other conditions of a search', async () => {
    const q = '{ status = error }'
    const toNs = 1600n * SECOND
    const { traces } = await reader.search({ q, service: 'db', toNs, limit: 1000 })
    const expected = expectedOf(q).filter((id) => {
      const { blocks } = all.get(id)!
      return blocks.some(({ service }) => service === 'db') && blocks[0]!.startNs <= toNs
    })
    assert.deepEqual(traces.map(({ traceId }) => traceId).toSorted(), expected)
    assert.ok(expected.length > 0)
  })

  it('pages through, newest first, none twice', async () => {
    const found: string[] = []
    let cursor: string | undefined
    do {
      const page = await reader.search({
        q: '{ kind = server }',
        limit: 7,
        ...(cursor === undefined ? {} : { cursor }),
      })
      found.push(...page.traces.map(({ traceId }) => traceId))
      cursor = page.nextCursor
    } while (cursor !== undefined)
    assert.deepEqual(found, expectedOf('{ kind = server }').toReversed())
  })

  it('tells what matched in each trace', async () => {
    const { traces, inspectedSpans, isCut } = await reader.match({
      q: '{ status = error } | select(span.http.status)',
      limit: 3,
    })
    assert.deepEqual([traces.length, isCut, inspectedSpans > 3], [3, false, true])
    for (const { match } of traces)
      for (const { blocks } of match.spansets)
        for (const block of blocks) {
          assert.equal(block.span.status.code, 2)
          assert.deepEqual(
            match.show(block).map(({ text }) => text),
            ['status', 'span.http.status'],
          )
        }
  })

  it('refuses what is no query, with what is wrong', async () => {
    await assert.rejects(reader.search({ q: '{ nme = 1 }' }), {
      code: 'E_BAD_FILTER',
      message: /no field of a span/,
    })
  })

  it('takes text of strangers as text', async () => {
    for (const text of [`'; DROP TABLE spans; --`, `{q0:String}`, '\\u0000', '"', '%'.repeat(300)]) {
      const literal = JSON.stringify(text)
      for (const q of [`{ name = ${literal} }`, `{ ."${'k'}" = ${literal} }`, `{ resource.x = ${literal} }`])
        assert.deepEqual(await foundBy(q), [], q)
    }
  })
})
