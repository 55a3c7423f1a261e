// The server's parts that a span passes, in a process that a test may kill: ingest, log, trace worker, store
// child. Says its port on stdout; a byte on stdin makes it wait until everything is in the store, and end.

import { openStore, storeSocketPath } from '#store'
import { startIngest, startTraceWorker } from '#traces'

const dir = process.argv[2]
if (dir === undefined) throw new Error('usage: whole-server.ts FOLDER')

const store = openStore({ dir: `${dir}/store` })
await store.ready()
const ingest = await startIngest({ host: '127.0.0.1', port: 0, dir: `${dir}/log` })
const traces = startTraceWorker({
  store: { socketPath: storeSocketPath(`${dir}/store`) },
  segments: ingest.connect(),
})
process.stdout.write(String(ingest.port))

process.stdin.once('data', () => void finish())

async function finish(): Promise<void> {
  while ((await ingest.stats()).logBytesLive > 0) await new Promise((resolve) => setTimeout(resolve, 50))
  await ingest.close()
  await traces.close()
  await store.close()
  process.exit(0)
}
