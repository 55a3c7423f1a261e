// How fast are questions to a dataset? One and ten million rows of sixty columns (thirty numbers, thirty
// texts of two to a thousand values), written through the path that the feature worker uses, on the store
// child of the server.
//
//   p99 by minute     runQuery: percentile of one column over 100 minutes      target 80 ms on 2 cores
//   compare           runCompare: one population against the rest, 30 columns  target 500 ms
//   write             rows a CPU-second, encoding here and inserting there together
//
// Targets are those of one million rows, ten times as long of ten million. Wall time is what a user waits,
// and it is what the targets mean; the child's CPU time beside it tells a busy machine from a slow query.
// CROSSCUT_BENCH_ROWS=1000000 asks for that number alone: ten million take some minutes.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { seededRandom } from '#base'
import type { FeatureValue } from '#model'
import type { DatasetColumn } from '#protocol'
import { openStore, type Store } from '#store'
import { runCompare } from '../service/traces/datasets/compare.ts'
import { datasetBlock, ensureTable, type DatasetRow } from '../service/traces/datasets/dataset-table.ts'
import {
  createDataset,
  sourceOf,
  tableOf,
  type StoredDataset,
} from '../service/traces/datasets/definition.ts'
import { runQuery } from '../service/traces/datasets/run-query.ts'
import { runDirectly, summarize, type BenchRow } from './measure.ts'

const SIZES = (process.env['CROSSCUT_BENCH_ROWS'] ?? '1000000,10000000').split(',').map(Number)
const ROWS_PER_INSERT = 25_000
const MINUTES = 100
const RUNS = 11
const NUMBERS = 30
const TEXTS = 30

const columns: readonly DatasetColumn[] = [
  ...Array.from({ length: NUMBERS }, (_, i): DatasetColumn => ({ name: `number_${i}`, type: 'number' })),
  ...Array.from({ length: TEXTS }, (_, i): DatasetColumn => ({ name: `text_${i}`, type: 'string' })),
]

export async function bench(): Promise<BenchRow[]> {
  const dir = mkdtempSync(path.join(tmpdir(), 'crosscut-bench-datasets-'))
  const store = openStore({ dir })
  try {
    await store.ready()
    const rows: BenchRow[] = []
    for (const [i, rowCount] of SIZES.entries()) rows.push(...(await measured(store, i + 1, rowCount)))
    return rows
  } finally {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function measured(store: Store, tableId: number, rowCount: number): Promise<BenchRow[]> {
  const dataset = createDataset({
    name: 'bench',
    tableId,
    isBuiltIn: false,
    definition: { owner: 'bench', filter: '', features: '', rowPer: 'trace' },
    columns,
    atMs: 0,
    by: 'bench',
  })
  const write = await fill(store, dataset, rowCount)
  const source = sourceOf(dataset)
  const byMinute = await timed(store, () =>
    runQuery(store, source, { select: ['p99(number_0)'], everySeconds: 60 }),
  )
  const compared = [...columns.slice(0, 15), ...columns.slice(NUMBERS, NUMBERS + 15)].map(({ name }) => name)
  const compare = await timed(store, () =>
    runCompare(store, source, { a: 'number_1 > 50', columns: compared }),
  )
  await store.command(`DROP TABLE ${tableOf(dataset)}`)
  return [...write, ...rowsOf('p99 by minute', byMinute), ...rowsOf('compare 30 columns', compare)].map(
    (one) => ({ ...one, subject: `${one.subject}, ${rowCount / 1e6} M rows` }),
  )
}

/** Exponential, whole and uniform numbers, some missing; texts of 2 to 1000 values. */
async function fill(store: Store, dataset: StoredDataset, rowCount: number): Promise<BenchRow[]> {
  await ensureTable(store, dataset)
  const random = uniform(42)
  const nowSeconds = Math.floor(Date.now() / 1000)
  const startNs = BigInt(nowSeconds - 7_200) * 1_000_000_000n
  const stepNs = BigInt(Math.floor((MINUTES * 60e9) / rowCount))
  let cpuMs = 0
  for (let from = 0; from < rowCount; from += ROWS_PER_INSERT) {
    const rows = Array.from({ length: Math.min(ROWS_PER_INSERT, rowCount - from) }, (_, i): DatasetRow => ({
      traceId: (from + i + 1).toString(16).padStart(32, '0'),
      element: '',
      startNs: startNs + BigInt(from + i) * stepNs,
      version: 1n,
      isDeleted: false,
      weight: 1,
      values: valuesOf(random),
    }))
    const before = cpuOf(store) + ownCpuMs()
    await store.insert(tableOf(dataset), datasetBlock(dataset, rows, nowSeconds), { token: `bench.${from}` })
    cpuMs += cpuOf(store) + ownCpuMs() - before
  }
  const [parts] = await store.query(
    'SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND table = {table:String}',
    { params: { table: tableOf(dataset) } },
  )
  return [
    row('write', 'encode, insert, merge', 'rows/CPU-s', [rowCount / (cpuMs / 1000)]),
    row('bytes per row', `${columns.length} columns`, 'bytes', [Number(parts?.['bytes']) / rowCount]),
  ]
}

function valuesOf(random: () => number): FeatureValue[] {
  const values: FeatureValue[] = []
  for (let i = 0; i < NUMBERS; i++) {
    const kind = i % 3
    if (kind === 0) values.push(random() < 0.02 ? null : -20 * Math.log(1 - random()))
    else values.push(kind === 1 ? Math.floor(random() * 100) : random() * 1000)
  }
  for (let i = 0; i < TEXTS; i++) values.push(`v${Math.floor(random() * (i === 0 ? 1000 : 2 + 3 * i))}`)
  return values
}

type Timed = { readonly wallMs: readonly number[]; readonly cpuMs: readonly number[] }

async function timed(store: Store, ask: () => Promise<unknown>): Promise<Timed> {
  const wallMs: number[] = []
  const cpuMs: number[] = []
  // The first one reads the files.
  for (let run = 0; run <= RUNS; run++) {
    const beganMs = performance.now()
    const beganCpuMs = cpuOf(store)
    await ask()
    if (run === 0) continue
    wallMs.push(performance.now() - beganMs)
    cpuMs.push(cpuOf(store) - beganCpuMs)
  }
  return { wallMs, cpuMs }
}

function rowsOf(subject: string, { wallMs, cpuMs }: Timed): BenchRow[] {
  return [row('wall', subject, 'ms', wallMs), row('store CPU', subject, 'ms', cpuMs)]
}

function row(metric: string, subject: string, unit: string, values: readonly number[]): BenchRow {
  const { value, runs, spread } = summarize(values)
  const none = { peer: null, peerValue: null, ratio: null }
  return {
    bench: 'datasets',
    metric,
    subject,
    value,
    unit,
    ...none,
    runs,
    spread,
  }
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** User and system time of the store child, in ticks of 10 ms; 0 where there is no /proc. */
function cpuOf(store: Store): number {
  const { childPid } = store.stats()
  try {
    const fields = readFileSync(`/proc/${childPid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return 0
  }
}

function uniform(seed: number): () => number {
  const source = seededRandom(seed)
  return () => source.uint32() / 2 ** 32
}

await runDirectly(import.meta.url, bench)
