// The main thread's end of the read thread: questions out, JSON bytes back; what is under way when the thread
// dies is answered with 503, and the supervisor starts another.

import { Worker } from 'node:worker_threads'
import type { StoreLocation } from '#store'
import { READ_MS_MAX } from './limits.ts'
import type { Read, Reads } from './reads.ts'
import type { ReadAnswer, ReadFailure, ReadRequest } from './read-worker.ts'
import { RequestError } from './server-error.ts'

type Waiting = {
  resolve(bytes: Uint8Array | undefined): void
  reject(error: RequestError): void
  readonly timer: NodeJS.Timeout
}

/** Heap of the thread: a model of 1M spans with attributes needs about 2 GB. */
const HEAP_MB_MAX = 3_072

export class ReadThread implements Reads {
  readonly exited: Promise<Error | undefined>
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #isOver = false

  constructor(store: StoreLocation) {
    this.#worker = new Worker(new URL('./read-worker.ts', import.meta.url), {
      workerData: { store },
      name: 'reads',
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    })
    this.#worker.on('message', (answer: ReadAnswer) => this.#settle(answer))
    let failure: Error | undefined
    this.#worker.on('error', (error: unknown) => {
      failure = error instanceof Error ? error : new Error(String(error))
    })
    this.exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#isOver = true
        for (const id of [...this.#waiting.keys()])
          this.#settle({ id, error: { code: 'E_STARTING', message: 'the reader ended' } })
        resolve(failure)
      })
    })
  }

  read(read: Read): Promise<Uint8Array | undefined> {
    if (this.#isOver)
      return Promise.reject(
        new RequestError(503, 'E_STARTING', 'reading is being restarted', 'try again in a second'),
      )
    const request: ReadRequest = { id: this.#nextId++, read }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#settle({ id: request.id, error: { code: 'E_READ_SLOW', message: 'took too long' } }),
        READ_MS_MAX + 1_000,
      )
      timer.unref()
      this.#waiting.set(request.id, { resolve, reject, timer })
      this.#worker.postMessage(request)
    })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #settle(answer: ReadAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    clearTimeout(waiting?.timer)
    if ('error' in answer) waiting?.reject(failureOf(answer.error))
    else waiting?.resolve(answer.bytes)
  }
}

function failureOf({ code, message, hint }: ReadFailure): RequestError {
  if (hint !== undefined) return new RequestError(400, code, message, hint)
  if (code === 'E_BAD_CURSOR') return new RequestError(400, code, message, 'leave cursor out to begin again')
  if (code === 'E_BAD_FILTER') return new RequestError(400, code, message, 'docs/reference/traceql.md')
  if (code === 'E_READ_SLOW' || code === 'E_STORE_TIMEOUT')
    return new RequestError(504, code, message, 'narrow the search')
  if (code === 'E_STARTING' || code === 'E_STORE_UNAVAILABLE' || code === 'E_STORE_CLOSED') {
    return new RequestError(
      503,
      code,
      message,
      'the store is starting: try again in a second; crosscut doctor says what keeps it',
    )
  }
  return new RequestError(500, code, message, 'report it with the log of the server')
}
