// The server's side of a bench, as a process of its own so that its CPU can be counted: ingest,
// trace worker, store.
//
//   ingest-client.ts --fork--> this: { port } ... 'drain' -> { spans, bytes, cpuUs, ... } ... 'close'

import { readFileSync } from 'node:fs'
import { openStore, storeSocketPath } from '#store'
import { startIngest, startTraceWorker } from '#traces'

const dir = process.argv[2]
if (dir === undefined || process.send === undefined) throw new Error('started by ingest-client.ts only')
const tell = (message: unknown): void => void process.send?.(message)

const store = openStore({ dir: `${dir}/store` })
await store.ready()
const ingest = await startIngest({ host: '127.0.0.1', port: 0, dir: `${dir}/log` })
const traces = startTraceWorker({
  store: { socketPath: storeSocketPath(`${dir}/store`) },
  segments: ingest.connect(),
})

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

const startCpu = cpuSeconds()
let rssMax = { own: 0, store: 0 }
const sampler = setInterval(() => {
  const now = rssMiB()
  rssMax = { own: Math.max(rssMax.own, now.own), store: Math.max(rssMax.store, now.store) }
}, 100)

process.on('message', (message: { kind: 'drain'; spans: number } | { kind: 'close' }) => {
  if (message.kind === 'close') void close()
  else void drain(message.spans)
})

async function drain(spans: number): Promise<void> {
  await drained(spans)
  tell({ kind: 'drained', cpuSeconds: cpuSeconds() - startCpu, rssMax })
}

/** Closing the trace worker writes every summary that is due: its CPU belongs to the spans. */
async function close(): Promise<void> {
  clearInterval(sampler)
  await traces.close()
  tell({ kind: 'closed', cpuSeconds: cpuSeconds() - startCpu, bytes: await bytesOnDisk() })
  await ingest.close()
  await store.close()
  process.disconnect()
}

tell({ kind: 'listening', port: ingest.port })
