// Entry of the read thread: traces are read from the store, modelled and made JSON here, away from the main
// event loop.

import { parentPort, workerData } from 'node:worker_threads'
import { nodeClock } from '#log'
import { openStore, type StoreLocation } from '#store'
import { DatasetError, openTraceReader, openVocabulary } from '#traces'
import { CompatReads } from './compat/compat-reads.ts'
import { readDataset } from './dataset-reads.ts'
import { TraceReads, type Read } from './reads.ts'

export type ReadRequest = { readonly id: number; readonly read: Read }
export type ReadAnswer =
  | { readonly id: number; readonly bytes: Uint8Array | undefined }
  | { readonly id: number; readonly error: ReadFailure }
export type ReadFailure = { readonly code: string; readonly message: string; readonly hint?: string }

const { store: location }: { store: StoreLocation } = workerData
const store = openStore(location)
const reader = openTraceReader(store, nodeClock)
const compat = new CompatReads(reader, openVocabulary(store))
const reads = new TraceReads(reader, () => nodeClock.monotonicMs(), compat)

parentPort?.on('message', (request: ReadRequest) => {
  void answer(request)
})

async function answer({ id, read }: ReadRequest): Promise<void> {
  try {
    const isOfDataset = read.kind === 'dataset-query' || read.kind === 'dataset-compare'
    const bytes = isOfDataset ? await readDataset(store, read) : await reads.read(read)
    const made: ReadAnswer = { id, bytes }
    parentPort?.postMessage(made)
  } catch (error: unknown) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_READ'
    const hint = error instanceof DatasetError ? { hint: error.hint } : {}
    const made: ReadAnswer = {
      id,
      error: { code, message: messageOf(error), ...hint },
    }
    parentPort?.postMessage(made)
  }
}

/** With its place, where it is one in a text. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const span = error instanceof DatasetError ? error.diagnostics[0]?.span : undefined
  return span === undefined ? error.message : `${span.line}:${span.column}: ${error.message}`
}
