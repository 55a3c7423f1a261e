// Entry of the read thread: traces are read from the store, modelled and made JSON here, away from the main
// event loop.

import { parentPort, workerData } from 'node:worker_threads'
import { nodeClock } from '#log'
import { openStore, type StoreLocation } from '#store'
import { openTraceReader } from '#traces'
import { TraceReads, type Read } from './reads.ts'

export type ReadRequest = { readonly id: number; readonly read: Read }
export type ReadAnswer =
  | { readonly id: number; readonly bytes: Uint8Array | undefined }
  | { readonly id: number; readonly error: { readonly code: string; readonly message: string } }

const { store: location }: { store: StoreLocation } = workerData
const store = openStore(location)
const reads = new TraceReads(openTraceReader(store, nodeClock), () => nodeClock.monotonicMs())

parentPort?.on('message', (request: ReadRequest) => {
  void answer(request)
})

async function answer({ id, read }: ReadRequest): Promise<void> {
  try {
    const bytes = await reads.read(read)
    const made: ReadAnswer = { id, bytes }
    parentPort?.postMessage(made)
  } catch (error: unknown) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_READ'
    const made: ReadAnswer = {
      id,
      error: { code, message: error instanceof Error ? error.message : String(error) },
    }
    parentPort?.postMessage(made)
  }
}
