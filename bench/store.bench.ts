// What does a stored span weigh, and how fast is it found again? Ten million spans of 11 attributes beside
// the same spans in the table that Jaeger publishes for ClickHouse, in the same engine.
//
//   bytes per span   ours: spans and traces, as inserts and merges left them; Jaeger's: its spans alone,
//                    merged into one part by hand, which is the best it can be
//   search           service, least duration and an attribute, the 20 newest: wall ms. `rare` = a value of
//                    about ten spans, `common` = of every seventh
//   trace by id      all its spans, as the trace page asks for them: wall ms
//
// One span in 16 came in by ingest; the others are copies of those, made in the engine, each with ids of its
// own and ten minutes older than the copy before. CROSSCUT_BENCH_SPANS sets another number.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { nodeClock } from '#log'
import { openStore, type Store } from '#store'
import { openTraceReader, type TraceFilter } from '#traces'
import { IngestServer } from './ingest-client.ts'
import { runDirectly, summarize, type BenchRow } from './measure.ts'
import { otlpRequests, SPANS_PER_REQUEST } from './otlp-generator.ts'

const SPANS = Number(process.env['CROSSCUT_BENCH_SPANS'] ?? 10_000_000)
const COPIES = 15
const COPY_AGE_NS = 600_000_000_000n
const RUNS = 15
const STATEMENT_MS_MAX = 600_000
/** More memory than the store allows a question: the peer's table is two hundred files a part. */
const LARGE = 'SETTINGS max_memory_usage = 3000000000, max_threads = 1, min_insert_block_size_rows = 100000'

export async function bench(): Promise<BenchRow[]> {
  const dir = mkdtempSync(path.join(tmpdir(), 'crosscut-bench-store-'))
  try {
    await ingest(dir)
    const store = openStore({ dir: path.join(dir, 'store') })
    try {
      await store.ready()
      return await measure(store)
    } finally {
      await store.close()
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function ingest(dir: string): Promise<void> {
  const requests = Math.ceil(SPANS / (COPIES + 1) / SPANS_PER_REQUEST)
  const generator = otlpRequests(16, { startMs: Date.now() - 300_000 })
  const server = await IngestServer.start(dir)
  try {
    await server.send(
      (function* () {
        for (let i = 0; i < requests; i++) yield generator.next()
      })(),
    )
    await server.drain(requests * SPANS_PER_REQUEST)
    await server.close()
  } finally {
    await server.kill()
  }
}

async function measure(store: Store): Promise<BenchRow[]> {
  await copy(store)
  const ids = await textsOf(
    store,
    `SELECT lower(hex(trace_id)) FROM traces ORDER BY cityHash64(trace_id) LIMIT ${RUNS + 1}`,
  )
  const users = await textsOf(
    store,
    `SELECT attr_string['enduser.id'] FROM spans ORDER BY cityHash64(span_id) LIMIT ${RUNS + 1}`,
  )
  const routes = await textsOf(store, `SELECT DISTINCT attr_string['http.route'] FROM spans LIMIT 7`)
  const reader = openTraceReader(store, nodeClock)
  const rare = users.map((user): Question => ({ minMs: 10, attributes: { 'enduser.id': user } }))
  const common = users.map((_, i): Question => {
    return { minMs: 10 + i, attributes: { 'http.route': routes[i % routes.length] ?? '' } }
  })
  const ask = (one: Question) => reader.search({ service: 'gateway', limit: 20, ...one })
  const ours = {
    bytes: await bytesOf(store, ['spans', 'traces']),
    rare: await timed(rare, ask),
    common: await timed(common, ask),
    byId: await timed(ids, (id) => reader.trace(id)),
  }
  await fillJaeger(store)
  const askPeer = (one: Question) => store.query(jaegerSearch(one))
  const peer = {
    bytes: await bytesOf(store, [JAEGER]),
    rare: await timed(rare, askPeer),
    common: await timed(common, askPeer),
    byId: await timed(ids, (id) => store.query(`SELECT * FROM ${JAEGER} WHERE trace_id = '${id}'`)),
  }
  const spans = await countOf(store, 'spans')
  if ((await countOf(store, JAEGER)) !== spans) throw new Error('the two tables hold different spans')
  return [
    row('bytes per span', 'spans and traces', 'bytes', [ours.bytes / spans], [peer.bytes / spans]),
    row('search', 'service, duration, rare attribute', 'ms', ours.rare, peer.rare),
    row('search', 'service, duration, common attribute', 'ms', ours.common, peer.common),
    row('trace by id', `of ${(spans / 1e6).toFixed(1)} M spans`, 'ms', ours.byId, peer.byId),
  ]
}

type Question = Required<Pick<TraceFilter, 'minMs' | 'attributes'>>

async function copy(store: Store): Promise<void> {
  const [first] = await store.query('SELECT min(start_ns) AS first FROM spans')
  const since = String(first?.['first'])
  for (let n = 1; n <= COPIES; n++) {
    const made = (id: string, bytes: number) =>
      `toFixedString(substring(MD5(concat(${id}, '${n}')), 1, ${bytes}), ${bytes})`
    const isRoot = `parent_span_id = toFixedString(unhex('${'0'.repeat(16)}'), 8)`
    const older = `start_ns - ${BigInt(n) * COPY_AGE_NS}`
    await statement(
      store,
      `INSERT INTO spans SELECT * REPLACE (
        ${made('trace_id', 16)} AS trace_id, ${made('span_id', 8)} AS span_id, ${older} AS start_ns,
        if(${isRoot}, parent_span_id, ${made('parent_span_id', 8)}) AS parent_span_id
      ) FROM (SELECT * FROM spans WHERE start_ns >= ${since}) ${LARGE}`,
    )
    await statement(
      store,
      `INSERT INTO traces SELECT * REPLACE (${made('trace_id', 16)} AS trace_id, ${older} AS start_ns)
      FROM (SELECT * FROM traces FINAL WHERE start_ns >= ${since})`,
    )
  }
}

// --- the peer: Jaeger's table, from its own description (internal/storage/v2/clickhouse, Apache-2.0)

const JAEGER = 'jaeger_spans'
const KINDS = { bool: 'Bool', double: 'Float64', int: 'Int64', str: 'String', complex: 'String' }

function jaegerTable(): string {
  const attributes = (prefix: string) =>
    Object.entries(KINDS).map(
      ([kind, type]) => `${prefix}${kind}_attributes Nested (key String, value ${type})`,
    )
  const texts = (...names: string[]) => names.map((name) => `${name} String`)
  const bloom = (column: string, i: number) => `INDEX bloom_${i} ${column} TYPE bloom_filter GRANULARITY 1`
  const minmax = (column: string) => `INDEX minmax_${column} ${column} TYPE minmax GRANULARITY 1`
  const columns = [
    ...texts('id', 'trace_id', 'trace_state', 'parent_span_id', 'name', 'kind'),
    'start_time DateTime64 (9)',
    ...texts('status_code', 'status_message'),
    'duration Int64',
    ...attributes(''),
    `events Nested (name String, timestamp DateTime64 (9), ${attributes('').join(', ')})`,
    `links Nested (trace_id String, span_id String, trace_state String, ${attributes('').join(', ')})`,
    ...texts('service_name'),
    ...attributes('resource_'),
    ...texts('scope_name', 'scope_version'),
    ...attributes('scope_'),
    ...['trace_id', 'str_attributes.key', 'str_attributes.value'].map(bloom),
    ...['resource_str_attributes.key', 'resource_str_attributes.value'].map((name, i) => bloom(name, 3 + i)),
    ...['start_time', 'duration'].map(minmax),
  ]
  return `CREATE TABLE ${JAEGER} (${columns.join(', ')}) ENGINE = MergeTree
    PARTITION BY toDate(start_time) ORDER BY (service_name, name, toDateTime(start_time))`
}

async function fillJaeger(store: Store): Promise<void> {
  await statement(store, jaegerTable())
  const ofMap = (kind: string, map: string) => [
    `mapKeys(${map}) AS \`${kind}_attributes.key\``,
    `mapValues(${map}) AS \`${kind}_attributes.value\``,
  ]
  const resource = `JSONExtractKeysAndValues(resource, 'attributes', 'String')`
  const enumText = (column: string, names: readonly string[]) =>
    `arrayElement([${names.map((name) => `'${name}'`).join(', ')}], ${column} + 1)`
  const values = [
    'lower(hex(span_id)) AS id',
    'lower(hex(s.trace_id)) AS trace_id',
    's.trace_state AS trace_state',
    `if(hex(parent_span_id) = '${'0'.repeat(16)}', '', lower(hex(parent_span_id))) AS parent_span_id`,
    's.name AS name',
    `${enumText('s.kind', ['', 'internal', 'server', 'client', 'producer', 'consumer'])} AS kind`,
    'fromUnixTimestamp64Nano(toInt64(start_ns)) AS start_time',
    `${enumText('s.status_code', ['Unset', 'Ok', 'Error'])} AS status_code`,
    's.status_message AS status_message',
    'toInt64(duration_ns) AS duration',
    ...ofMap('str', 'attr_string'),
    ...ofMap('int', 'attr_int'),
    ...ofMap('double', 'attr_double'),
    'service AS service_name',
    `arrayMap(pair -> pair.1, ${resource}) AS \`resource_str_attributes.key\``,
    `arrayMap(pair -> pair.2, ${resource}) AS \`resource_str_attributes.value\``,
    `JSONExtractString(scope, 'name') AS scope_name`,
    `JSONExtractString(scope, 'version') AS scope_version`,
  ]
  const names = values.map((value) => value.slice(value.lastIndexOf(' AS ') + 4)).join(', ')
  await statement(
    store,
    `INSERT INTO ${JAEGER} (${names}) SELECT ${values.join(', ')} FROM spans AS s ${LARGE}`,
  )
  await statement(store, `OPTIMIZE TABLE ${JAEGER} FINAL`)
}

function jaegerSearch({ minMs, attributes }: Question): string {
  const conditions = Object.entries(attributes).map(
    ([key, value]) =>
      `has(str_attributes.value, '${value}') AND
      arrayExists((key, value) -> key = '${key}' AND value = '${value}',
        str_attributes.key, str_attributes.value)`,
  )
  return `SELECT trace_id, max(start_time) AS newest FROM ${JAEGER}
    WHERE service_name = 'gateway' AND duration >= ${minMs * 1e6} AND ${conditions.join(' AND ')}
    GROUP BY trace_id ORDER BY newest DESC LIMIT 20`
}

// --- asking

async function timed<T>(questions: readonly T[], ask: (one: T) => Promise<unknown>): Promise<number[]> {
  const wallMs: number[] = []
  for (const one of questions) {
    const beganMs = performance.now()
    await ask(one)
    wallMs.push(performance.now() - beganMs)
  }
  // The first one reads what every search reads.
  return wallMs.slice(1)
}

const statement = (store: Store, sql: string): Promise<void> =>
  store.command(sql, { timeoutMs: STATEMENT_MS_MAX })

async function textsOf(store: Store, sql: string): Promise<string[]> {
  return (await store.query(sql)).map((found) => String(Object.values(found)[0]))
}

async function countOf(store: Store, table: string): Promise<number> {
  return Number((await textsOf(store, `SELECT count() FROM ${table}`))[0])
}

async function bytesOf(store: Store, tables: readonly string[]): Promise<number> {
  const [found] = await store.query(
    'SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND table IN {tables:Array(String)}',
    { params: { tables } },
  )
  return Number(found?.['bytes'])
}

function row(
  metric: string,
  subject: string,
  unit: string,
  values: readonly number[],
  peers: readonly number[],
): BenchRow {
  return { bench: 'store', metric, subject, unit, peer: "Jaeger's table", ...summarize(values, peers) }
}

await runDirectly(import.meta.url, bench)
