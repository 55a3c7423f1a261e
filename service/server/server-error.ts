// Failures of the server that somebody can do something about, and the one form in which the API says them.

import type { ApiError } from '#protocol'

export type ServerErrorCode =
  | 'E_CONFIG'
  | 'E_PORT_BUSY'
  | 'E_DATA_LOCKED'
  | 'E_DATA_DAMAGED'
  | 'E_DATA_FULL'
  | 'E_DATA_ACCESS'

/** Starting failed. The message says what to do. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  readonly code: ServerErrorCode
  constructor(code: ServerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A request that is answered with an error. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly status: number
  readonly code: string
  /** What the sender can do about it. */
  readonly hint: string
  constructor(status: number, code: string, message: string, hint: string) {
    super(message)
    this.status = status
    this.code = code
    this.hint = hint
  }
}

export function errorBody({ code, message, hint }: ApiError['error']): ApiError {
  return { error: { code, message, hint } }
}
