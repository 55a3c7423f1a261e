// How long a function takes, until its promise settles if it returns one. What it returns or throws is passed
// on; a promise as one that settles alike (a handler on the original would hide its rejection from the host's
// unhandledRejection).

/** `told` gets ms, however fn ends; it must not throw. */
export function timed(fn: () => unknown, told: (ms: number) => void): unknown {
  const startMs = performance.now()
  const finish = () => told(performance.now() - startMs)
  let result
  try {
    result = fn()
  } catch (error: unknown) {
    finish()
    throw error
  }
  if (result instanceof Promise) return result.finally(finish)
  finish()
  return result
}
