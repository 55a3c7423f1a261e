// Features of stored traces are those of live ones: the same definitions, once there before the traces came,
// once filled from what is stored, have the same rows, to the last digit; also when the server dies.
//
//   BACKFILL_TRACES=100000 npm run -s node -- --test test/datasets/backfill.test.ts    (some minutes)

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { BackfillView, DatasetResult, DatasetView } from '#protocol'
import { Crosscut, until } from '../system/running.ts'
import { manyTraces } from './many-traces.ts'

const TRACES = Number(process.env.BACKFILL_TRACES ?? 4_000)
const WAIT_MS_MAX = 40_000 + TRACES * 10

const DEFINITIONS = {
  visits: {
    rowPer: 'trace',
    filter: 'service = "web"',
    features: `
Root | Label("name") | RecordAs("name")
Trace | Duration | In(ms) | RecordAs("duration_ms")
Blocks | Count | RecordAs("spans")
Blocks | Filter(error) | Count | RecordAs("errors")
Blocks | Label("service") | Distinct | RecordAs("services")
Points | Counter(heap) | Sum | RecordAs("heap")
Blocks | Duration | In(ms) | P90 | RecordAs("p90_ms")
Repairs | Distinct | RecordAs("repairs")
Path = CriticalPath
Path | Sections | Filter(service = "price") | Duration | Sum | In(ms) | RecordAs("price_ms")
Path | Sections | Count | RecordAs("sections")
Path | Edges | Count | RecordAs("edges_on_path")
`,
  },
  statements: {
    rowPer: 'block',
    filter: 'errors > 0',
    features: `
Rows = Blocks | Filter(db.system = "postgresql")
Row | Label("service") | RecordAs("service")
Row | Counter(rows) | RecordAs("rows")
Row | Duration | In(ms) | RecordAs("duration_ms")
Row | CriticalDuration | In(ms) | RecordAs("critical_ms")
Row | Ancestors | Count | RecordAs("depth")
`,
  },
  joins: {
    rowPer: 'edge',
    filter: '',
    features: `
Rows = Edges | Filter(kind = "join")
Row | Source | Label("service") | RecordAs("from")
Row | Target | Label("service") | RecordAs("to")
Row | Duration | In(ms) | RecordAs("ms")
`,
  },
} as const
const NAMES = ['visits', 'statements', 'joins'] as const

const crosscut = new Crosscut()
const made = manyTraces(TRACES, 20_261_129, Date.now())
before(() => crosscut.start())
after(() => crosscut.close())

async function send(bodies: Iterable<string>): Promise<void> {
  for (const body of bodies) {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${crosscut.otlpUrl}/v1/traces`, { method: 'POST', headers, body })
    assert.equal(answer.status, 200, await answer.text())
  }
}

async function define(owner: string, suffix: string): Promise<void> {
  for (const name of NAMES) {
    const body = JSON.stringify({ owner, ...DEFINITIONS[name] })
    await crosscut.api(`/datasets/${name}${suffix}`, { method: 'PUT', body })
  }
}

async function ask(name: string, question: object): Promise<DatasetResult> {
  const init = { method: 'POST', body: JSON.stringify(question) }
  return await crosscut.api<DatasetResult>(`/datasets/${name}/query`, init)
}

/** Until the traces that have a row stand for so many spans: sampled ones count once here. */
async function allLive(spans: number): Promise<void> {
  let seen = 0
  await until(
    async () => {
      const { rows } = await ask('visits', {
        select: ['count as n'],
        groupBy: ['spans', 'weight'],
        limit: 1_000,
      })
      seen = rows.reduce(
        (sum, row) => sum + (Number(row['n']) / Number(row['weight'])) * Number(row['spans']),
        0,
      )
      return seen === spans
    },
    () => `rows for ${seen} of ${spans} spans`,
    WAIT_MS_MAX,
  )
}

async function filled(name: string): Promise<BackfillView> {
  let view: BackfillView | undefined
  await until(
    async () => {
      view = await crosscut.api<BackfillView>(`/datasets/${name}/backfill`).catch(() => undefined)
      return view?.state === 'done' || view?.state === 'failed'
    },
    () => `${name}: ${JSON.stringify(view)}`,
    WAIT_MS_MAX,
  )
  assert.ok(view?.state === 'done', JSON.stringify(view))
  return view
}

/** All rows in order, by the first digits of their trace: an answer has at most 10,000. */
async function* rowsOf(name: string): AsyncGenerator<DatasetResult['rows']> {
  const { columns } = await crosscut.api<DatasetView>(`/datasets/${name}`)
  const select = ['traceId', 'element', 'timeMs', 'weight', ...columns.map((column) => column.name)]
  const prefixes = ['']
  for (let prefix = prefixes.pop(); prefix !== undefined; prefix = prefixes.pop()) {
    const where = `traceId >= '${prefix}' and traceId < '${prefix}g'`
    const answer = await ask(name, { select, where, orderBy: ['traceId', 'element'], limit: 10_000 })
    if (!answer.isCut) yield answer.rows
    else for (let i = 15; i >= 0; i--) prefixes.push(prefix + i.toString(16))
  }
}

/** How many there are, and that they are the same. */
async function compared(name: string, other: string): Promise<number> {
  let count = 0
  const theirs = rowsOf(other)
  for await (const rows of rowsOf(name)) {
    assert.deepEqual((await theirs.next()).value, rows)
    count += rows.length
  }
  return count
}

let liveRows: readonly number[] = []

test('traces come, some of them late in part: each has its row as soon as it is quiet', async (t) => {
  await define('live-team', '')
  const begin = performance.now()
  await send(made.bodies())
  await send(made.lateBodies())
  await allLive(made.spans)
  t.diagnostic(`${TRACES} traces, ${made.spans} spans live in ${seconds(begin)} s`)
})

test('a backfill of the same definitions gives the same rows, and no other', async (t) => {
  await define('other-team', '-again')
  for (const name of NAMES)
    await crosscut.api(`/datasets/${name}-again/backfill`, { method: 'POST', body: '{}' })
  const begin = performance.now()
  const views = await Promise.all(NAMES.map((name) => filled(`${name}-again`)))
  t.diagnostic(`three datasets of ${TRACES} traces backfilled in ${seconds(begin)} s`)
  for (const view of views) assert.deepEqual([view.tracesDone, view.tracesTotal], [TRACES, TRACES])
  const counts: number[] = []
  for (const name of NAMES) counts.push(await compared(name, `${name}-again`))
  liveRows = counts
  assert.equal(counts[0], TRACES)
  assert.deepEqual(
    views.map((view) => view.rows),
    counts,
  )
  for (const count of counts) assert.ok(count > TRACES / 10, String(counts))
})

test('kill -9 in the middle of a backfill: it goes on, and no row is there twice', async () => {
  await define('third-team', '-killed')
  for (const name of NAMES)
    await crosscut.api(`/datasets/${name}-killed/backfill`, { method: 'POST', body: '{}' })
  await crosscut.kill()
  await crosscut.start()
  for (const [i, name] of NAMES.entries()) {
    await filled(`${name}-killed`)
    assert.equal(await compared(name, `${name}-killed`), liveRows[i])
  }
})

const seconds = (beginMs: number): string => ((performance.now() - beginMs) / 1000).toFixed(1)
