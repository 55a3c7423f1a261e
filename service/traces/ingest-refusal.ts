// Why a request is not taken: a status, a stable code, what is wrong, and what would mend it. Every refusal
// of ingest is one of these, whether it is told as google.rpc.Status (OTLP) or as an error of the API
// (import).

import { LogError, type LogErrorCode } from '#log'
import { OtlpError, type OtlpErrorCode } from './otlp-error.ts'

export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 429 | 431 | 500 | 503

export type RefusalText = { readonly code: string; readonly message: string; readonly hint: string }

/** A request that is answered with an error status. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: RefusalStatus
  readonly code: string
  /** What the sender can do about it. */
  readonly hint: string
  readonly headers: { readonly [name: string]: string }

  constructor(
    status: RefusalStatus,
    { code, message, hint }: RefusalText,
    headers: { readonly [name: string]: string } = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.hint = hint
    this.headers = headers
  }
}

/** In one sentence, for answers that have one field for it. */
export function sentenceOf({ code, message, hint }: RefusalText): string {
  return `${code}: ${message}; ${hint}`
}

/** What the log refuses may be tried again: 503. A fault of ours is told as one, without its inside. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof OtlpError) {
    const { code, message } = error
    return new Refusal(code === 'E_OTLP_OBJECTS' ? 413 : 400, { code, message, hint: OTLP_MENDS[code] })
  }
  if (error instanceof LogError) {
    const { code, message } = error
    return new Refusal(code === 'E_LOG_RECORD_SIZE' ? 413 : 503, { code, message, hint: LOG_MENDS[code] })
  }
  const message = 'the request could not be handled'
  return new Refusal(500, { code: 'E_INTERNAL', message, hint: 'report it with the log of the server' })
}

const OTLP_MENDS: { readonly [code in OtlpErrorCode]: string } = {
  E_OTLP_MALFORMED: 'send one ExportTraceServiceRequest, in the encoding that Content-Type names',
  E_OTLP_OBJECTS: 'send smaller batches',
  E_OTLP_DEPTH: 'flatten the values of attributes before they are sent',
}

const LOG_MENDS: { readonly [code in LogErrorCode]: string } = {
  E_LOG_FULL: 'free space on the disk of the server; keep the batch and send it again',
  E_LOG_BUSY: 'keep the batch and send it again',
  E_LOG_IO: 'look after the disk of the server; keep the batch and send it again',
  E_LOG_LOCKED: 'stop the other server on this folder',
  E_LOG_RECORD_SIZE: 'send smaller batches',
  E_LOG_VERSION: 'start the newer version that wrote this folder',
  E_LOG_CLOSED: 'the server is stopping; keep the batch and send it again',
}
