// The server's side of a bench, as a process of its own so that its CPU can be counted: ingest,
// trace worker, store; where it is given datasets, the feature worker too.
//
//   ingest-client.ts --fork--> this: { port } ... 'drain' -> { cpuSeconds, rssMax } ... 'rows' ... 'close'

import { readFileSync } from 'node:fs'
import type { DatasetDefinition } from '#protocol'
import { openStore, storeSocketPath } from '#store'
import {
  compilePipelines,
  createDataset,
  ensureTable,
  startFeatureWorker,
  startIngest,
  startTraceWorker,
  type FeatureStats,
  type StoredDataset,
} from '#traces'

const [, , dir, definitions = '[]'] = process.argv
if (dir === undefined || process.send === undefined) throw new Error('started by ingest-client.ts only')
const tell = (message: unknown): void => void process.send?.(message)

const store = openStore({ dir: `${dir}/store` })
await store.ready()
const ingest = await startIngest({ host: '127.0.0.1', port: 0, dir: `${dir}/log` })
const location = { socketPath: storeSocketPath(`${dir}/store`) }
const datasets = (JSON.parse(definitions) as DatasetDefinition[]).map(stored)
const features =
  datasets.length === 0
    ? undefined
    : startFeatureWorker({ store: location, suspects: [], onBackfill: () => undefined })
features?.setDatasets(datasets, [])
for (const dataset of datasets) await ensureTable(store, dataset)
const traces = startTraceWorker({
  store: location,
  segments: ingest.connect(),
  ...(features === undefined ? {} : { features: features.connect() }),
})

function stored(definition: DatasetDefinition, at: number): StoredDataset {
  const { columns } = compilePipelines(definition)
  const change = { definition, columns, atMs: 0, by: 'bench' }
  return createDataset({ ...change, name: `bench-${at}`, tableId: at + 1, isBuiltIn: false })
}

/** Ticks of 10 ms; our threads and the store child together. */
function cpuSeconds(): number {
  const { childPid } = store.stats()
  const [user = 0, system = 0] = readFileSync(`/proc/${childPid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11, 13)
    .map(Number)
  const own = process.cpuUsage()
  return (own.user + own.system) / 1e6 + (user + system) / 100
}

function rssMiB(): { own: number; store: number } {
  const status = readFileSync(`/proc/${store.stats().childPid}/status`, 'utf8')
  return {
    own: process.memoryUsage.rss() / 2 ** 20,
    store: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024,
  }
}

/** Until every accepted span is in the store and ingest is quiet. */
async function drained(spans: number): Promise<void> {
  for (;;) {
    const stats = await traces.stats()
    if (stats.spansInserted >= spans && stats.segmentsWaiting === 0) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function bytesOnDisk(): Promise<number> {
  const rows = await store.query(
    'SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = currentDatabase()',
  )
  return Number(rows[0]?.['bytes'] ?? 0)
}

/** Which of these traces have a row in the first dataset. */
async function rowsOf(ids: readonly string[]): Promise<string[]> {
  const rows = await store.query(
    `SELECT DISTINCT lower(hex(trace_id)) AS id FROM dataset_1
    WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))`,
    { params: { ids } },
  )
  return rows.map(({ id }) => String(id))
}

/** Nothing waits for its features any more, also not in the delayed queue. */
async function featuresDone(): Promise<FeatureStats | undefined> {
  for (;;) {
    const stats = await features?.stats()
    if (stats === undefined || isQuiet(stats)) return stats
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const isQuiet = ({ incomingWaiting, delayedWaiting, rowsBuffered, owners }: FeatureStats): boolean =>
  incomingWaiting + delayedWaiting + rowsBuffered === 0 &&
  [...owners.values()].every(({ waiting }) => waiting === 0)

const startCpu = cpuSeconds()
const rss: { readonly own: number; readonly store: number }[] = []
const sampler = setInterval(() => rss.push(rssMiB()), 100)

const highest = (samples: typeof rss): { own: number; store: number } => ({
  own: samples.reduce((most, { own }) => Math.max(most, own), 0),
  store: samples.reduce((most, { store: child }) => Math.max(most, child), 0),
})

type Asked =
  | { readonly kind: 'drain'; readonly spans: number }
  | { readonly kind: 'rows'; readonly ids: readonly string[] }
  | { readonly kind: 'close' }

process.on('message', (message: Asked) => {
  if (message.kind === 'close') void close()
  else if (message.kind === 'drain') void drain(message.spans)
  else void rowsOf(message.ids).then((ids) => tell({ kind: 'rows', ids }))
})

async function drain(spans: number): Promise<void> {
  await drained(spans)
  const [early, late] = [rss.slice(0, rss.length / 2), rss.slice(rss.length / 2)].map(highest)
  const cpuSecondsSoFar = cpuSeconds() - startCpu
  tell({ kind: 'drained', cpuSeconds: cpuSecondsSoFar, rssMax: highest(rss), rssGrowth: { early, late } })
}

/** Closing the trace worker writes every summary that is due: its CPU belongs to the spans. */
async function close(): Promise<void> {
  clearInterval(sampler)
  await traces.close()
  const stats = await featuresDone()
  const { tracesBuilt = 0, tracesFromMemory = 0, rowsWritten = 0 } = stats ?? {}
  const rows = { tracesBuilt, tracesFromMemory, rowsWritten }
  tell({ kind: 'closed', cpuSeconds: cpuSeconds() - startCpu, bytes: await bytesOnDisk(), ...rows })
  await features?.close()
  await ingest.close()
  await store.close()
  process.disconnect()
}

tell({ kind: 'listening', port: ingest.port })
