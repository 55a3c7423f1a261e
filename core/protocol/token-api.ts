// What the API of tokens takes and answers: verbs that a token may hold, and tokens without their secrets.

/** Each is granted by itself, and includes no other; `admin` includes all. */
export const VERBS = [
  /** Traces, agents, tracepoints, tools, queries and their results. */
  'read',
  /** Live queries: counts, durations, status, and what a process is. */
  'query:install',
  /** Arguments, results, locals, headers, attributes: in queries and in tools. */
  'query:capture-values',
  'tool:deploy',
  /** Which traces are recorded; not what of them the server deletes. */
  'sampling:set',
  /** No route asks for it yet: for tools that throttle. */
  'policy:throttle',
  'admin',
] as const

export type Verb = (typeof VERBS)[number]

export type TokenView = {
  readonly id: string
  readonly name: string
  /** `read`, `query:install@shop/**,http.*`: a verb, then the tracepoints where; none = everywhere. */
  readonly may: readonly string[]
  readonly createdMs: number
  readonly expiresMs: number
}

/** The one time that the secret is told. */
export type TokenCreated = TokenView & { readonly secret: string }
