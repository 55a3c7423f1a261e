// What went wrong between the agent and its collector.

/** Errors: code E_EXPORT, with the answer's status where there was one. */
export class ExportError extends Error {
  readonly code = 'E_EXPORT'

  static ofStatus(status: number): ExportError {
    return new ExportError(`the collector answered ${status}`)
  }
}
