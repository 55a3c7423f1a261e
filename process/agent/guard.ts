// The boundary between us and the host: what fails here is counted, never thrown.
//
// Every function of ours that the host (or Node on its behalf) calls is wrapped once by `guarded`. The last
// failure is kept for the report, so that a bug of ours is seen by operators and not by users.

/** Where, what and when, for the report; the message is cut, for it may quote the host's data. */
export type Failure = {
  readonly where: string
  readonly code: string
  readonly message: string
  readonly timeMs: number
}

const MESSAGE_LENGTH_MAX = 200

/** Counters by reason and the last failure. Owned by one agent. */
export class Ledger {
  readonly drops: Record<string, number> = Object.create(null)
  lastFailure: Failure | undefined

  count(reason: string, by = 1): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + by
  }

  fail(where: string, error: unknown): void {
    this.count('internal-error')
    this.note(where, error)
  }

  /** Remembers without counting: errors of the network that are counted elsewhere. Never throws. */
  note(where: string, error: unknown): void {
    try {
      this.lastFailure = { where, code: codeOf(error), message: messageOf(error), timeMs: Date.now() }
    } catch {
      // A thrown value whose own getters throw: where it came from is all that can be told.
      this.lastFailure = { where, code: 'E_UNREADABLE', message: '', timeMs: Date.now() }
    }
  }
}

/**
 * The same function, but it never throws: it answers `fallback` instead.
 * Cost: one call and a try, 2-3 ns when all is well.
 */
export function guarded<A extends readonly unknown[], R>(
  ledger: Ledger,
  where: string,
  fallback: R,
  fn: (...args: A) => R,
): (...args: A) => R {
  return (...args) => {
    try {
      return fn(...args)
    } catch (error: unknown) {
      ledger.fail(where, error)
      return fallback
    }
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.name : 'E_UNKNOWN'
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_LENGTH_MAX)
}
