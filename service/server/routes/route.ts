// One route of the API: what it takes and answers, who may, and who handles it.
//
// access: public = anybody who reaches the port; agent = an agent's token; else the verb that the caller must
// have been granted (the operator has all of them). Handlers ask besides for the tracepoints of a package.

import type { Handler } from '../exchange.ts'
import type { Right } from '../grants.ts'
import type { SchemaName } from '../schemas.ts'

export type Access = 'public' | Right
export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

export type RouteDoc = {
  readonly method: Method
  /** Segments in braces are parameters. */
  readonly path: string
  readonly access: Access
  readonly summary: string
  /** Name -> what it is. */
  readonly query?: { readonly [name: string]: string }
  readonly body?: SchemaName
  readonly answer: SchemaName | 'text' | 'html'
  /** Also answers text/event-stream. */
  readonly isStream?: boolean
}

export type Route = RouteDoc & { readonly handler: Handler }
