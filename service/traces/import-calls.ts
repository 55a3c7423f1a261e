// Imports that another thread asked of the ingest thread, and has not been told the end of.
//
//   server/ -- call(body, format) --> ask --> ingest-worker.ts: importFile --> settle(answer)
//
// Owner: the handle of ingest. When the thread ends, whoever waits is refused: the file may be there or not,
// and to send it again is right in both cases.

import type { ImportCounts, ImportFormat } from './import-file.ts'
import { Refusal, type RefusalStatus, type RefusalText } from './ingest-refusal.ts'

export type ImportQuestion = {
  readonly kind: 'import'
  readonly id: number
  readonly body: Uint8Array<ArrayBuffer>
  readonly format: ImportFormat
}

export type ImportAnswer =
  | { readonly kind: 'imported'; readonly id: number; readonly counts: ImportCounts }
  | {
      readonly kind: 'refused'
      readonly id: number
      readonly status: RefusalStatus
      readonly why: RefusalText
    }

export class ImportCalls {
  readonly #ask: (question: ImportQuestion) => void
  readonly #waiting = new Map<number, PromiseWithResolvers<ImportCounts>>()
  #nextId = 1
  #isOver = false

  constructor(ask: (question: ImportQuestion) => void) {
    this.#ask = ask
  }

  /** Errors: Refusal. Cost: a copy of the body, whose memory may be shared with other chunks of a socket. */
  call(body: Uint8Array, format: ImportFormat): Promise<ImportCounts> {
    if (this.#isOver) return Promise.reject(ended())
    const waiting = Promise.withResolvers<ImportCounts>()
    const id = this.#nextId++
    this.#waiting.set(id, waiting)
    this.#ask({ kind: 'import', id, body: new Uint8Array(body), format })
    return waiting.promise
  }

  settle(answer: ImportAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (answer.kind === 'imported') waiting?.resolve(answer.counts)
    else waiting?.reject(new Refusal(answer.status, answer.why))
  }

  end(): void {
    this.#isOver = true
    for (const { reject } of this.#waiting.values()) reject(ended())
    this.#waiting.clear()
  }
}

function ended(): Refusal {
  return new Refusal(503, {
    code: 'E_STARTING',
    message: 'the part that takes spans is being restarted',
    hint: 'import the file again in a second: what is there already is not stored twice',
  })
}
