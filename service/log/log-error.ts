// What can go wrong with the log that its user must tell apart. Nothing that was acked is ever concerned.

export type LogErrorCode =
  /** The disk or our own bound is full: not written; try again when segments were dropped. */
  | 'E_LOG_FULL'
  /** More is waiting for the disk than we allow: not written; try again soon. */
  | 'E_LOG_BUSY'
  /**
   * The disk failed: whether the bytes are there is unknown, so they were not acked and will not be
   * delivered.
   */
  | 'E_LOG_IO'
  /** Another process (or thread) owns this folder. */
  | 'E_LOG_LOCKED'
  /** The record is larger than a record may be. */
  | 'E_LOG_RECORD_SIZE'
  /** A segment was written by a newer version; an older one must not guess. */
  | 'E_LOG_VERSION'
  | 'E_LOG_CLOSED'

export class LogError extends Error {
  readonly code: LogErrorCode

  constructor(code: LogErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'LogError'
    this.code = code
  }
}
