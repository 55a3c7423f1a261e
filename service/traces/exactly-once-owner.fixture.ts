// A process that owns log, store and trace worker, as `crosscut up` does; its parent sends batches and kills
// it.
//
//   parent -> { append: n }      this: append batch n to the log, durable -> { acked: n }
//   parent -> { settle: true }   this: when no segment is left in the log  -> { settled: true }
//   parent -> { storePid: true } -> { storePid }

import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { nodeDisk, openLog } from '#log'
import { openStore, storeSocketPath } from '#store'
import { spansOfBatch } from './exactly-once-batches.fixture.ts'
import { batchOf } from './span-batch.fixture.ts'
import { encodeSpanBlock } from './span-block.ts'
import { startTraceWorker } from './start-trace-worker.ts'

async function main(dir: string): Promise<void> {
  const store = openStore({ dir: join(dir, 'store') })
  const log = await openLog({
    dir: join(dir, 'log'),
    disk: nodeDisk,
    clock: {
      nowNs: () => BigInt(Date.now()) * 1_000_000n,
      monotonicMs: () => performance.now(),
      setTimer: (ms, fn) => {
        const timer = setTimeout(fn, ms)
        return { cancel: () => clearTimeout(timer) }
      },
    },
    random: {
      fill: (bytes) => bytes.set(randomBytes(bytes.length)),
      uint32: () => randomBytes(4).readUInt32LE(),
    },
    limits: { segmentAgeMsMax: 60 },
  })
  const { port1, port2 } = new MessageChannel()
  for (const segment of log.segments()) port1.postMessage({ kind: 'sealed', segment })
  log.onSealed((segment) => port1.postMessage({ kind: 'sealed', segment }))
  port1.on('message', (message: { segmentId: string }) => void log.drop(message.segmentId))
  const worker = startTraceWorker({
    store: { socketPath: storeSocketPath(join(dir, 'store')) },
    segments: port2,
  })
  const settle = async (): Promise<void> => {
    await log.seal()
    while (log.segments().length > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  process.on('message', (message: { append?: number; settle?: boolean; storePid?: boolean }) => {
    const { append } = message
    if (append !== undefined) {
      const key = createHash('sha256').update(`batch ${append}`).digest().subarray(0, 16)
      log.append(encodeSpanBlock(batchOf(spansOfBatch(append))), key).then(
        () => process.send?.({ acked: append }),
        () => undefined,
      )
    }
    if (message.settle === true) void settle().then(() => process.send?.({ settled: true }))
    if (message.storePid === true) process.send?.({ storePid: store.stats().childPid ?? 0 })
  })
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  void worker.exited.then((error) => {
    if (error !== undefined) throw error
  })
  process.send?.({ started: true })
}

await main(process.argv[2] ?? '')
