// Programmer errors. Never for a user's input: that gets a typed error with a code, or Diagnostic[].

export class AssertionError extends Error {
  readonly code = 'E_ASSERT'
  override readonly name = 'AssertionError'
}

/** Throws unless `condition` holds; `what` says what must hold, as a sentence. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionError(what)
}

/** For the default branch of a total switch: a new kind fails to compile here. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`)
}
