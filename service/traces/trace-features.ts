// The trace worker's end of the port to the feature worker: records in the order of the log, traces
// that are due, and a promise that is kept when their features are durable.

import type { MessagePort } from 'node:worker_threads'
import type { DueTrace } from './assembler.ts'
import type { FromFeatures, ToFeatures } from './datasets/feature-messages.ts'

/** With what the tail rule lets it stand for. */
export type WeighedTrace = DueTrace & { readonly tailWeight: number }

export class TraceFeatures {
  readonly #port: MessagePort
  readonly #waiting = new Map<number, () => void>()
  #next = 0

  constructor(port: MessagePort) {
    this.#port = port
    port.on('message', ({ id }: FromFeatures) => {
      this.#waiting.get(id)?.()
      this.#waiting.delete(id)
    })
  }

  /** A part of a whole segment in memory: what is told is a copy of its own, else all of the segment is. */
  batch(payload: Uint8Array): void {
    const own = payload.slice()
    this.#tell({ kind: 'batch', payload: own }, [own.buffer])
  }

  /** Rows of these traces, or their places in the delayed queue, are durable. Never rejects. */
  due(traces: readonly WeighedTrace[], isLast: boolean): Promise<void> {
    if (traces.length === 0) return Promise.resolve()
    const id = this.#next++
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.set(id, resolve)
    const told = traces.map(({ traceId, summary, isAgain, tailWeight }) => ({
      traceId,
      tailWeight,
      spanCount: summary?.spanCount,
      isAgain: isAgain === true || summary === undefined,
    }))
    this.#tell({ kind: 'due', id, traces: told, isLast })
    return promise
  }

  close(): void {
    this.#port.close()
  }

  #tell(message: ToFeatures, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, [...transfer])
  }
}
