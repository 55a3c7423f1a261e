// The conditions of a search for traces, as flags: shared by `traces` and `export`.

import { UsageError, type Args, type Flag } from '../verb.ts'

export const FILTER_FLAGS = {
  q: { value: 'TRACEQL', says: 'a query of spans and how they hang together' },
  service: { value: 'NAME', says: 'a service that took part' },
  name: { value: 'NAME', says: 'name of a span' },
  'min-ms': { value: 'N', says: 'at least this long' },
  'max-ms': { value: 'N', says: 'at most this long' },
  attr: { value: 'KEY=VALUE', isMany: true, says: 'an attribute of the span or its resource' },
  error: { says: 'with an error only' },
  from: { value: 'TIME', says: 'earliest start: ISO 8601, ms or ns since the epoch' },
  to: { value: 'TIME', says: 'latest start' },
} as const satisfies { readonly [name: string]: Flag }

const PARAMETERS = {
  q: 'q',
  service: 'service',
  name: 'name',
  'min-ms': 'minMs',
  'max-ms': 'maxMs',
  from: 'from',
  to: 'to',
}

/** Of GET /api/v1/traces. Errors: usage. */
export function filterQuery(args: Args): URLSearchParams {
  const query = new URLSearchParams()
  for (const [flag, name] of Object.entries(PARAMETERS)) {
    const value = args.text(flag)
    if (value !== undefined) query.set(name, value)
  }
  if (args.has('error')) query.set('error', 'true')
  for (const pair of args.all('attr')) {
    const equals = pair.indexOf('=')
    if (equals < 1) throw new UsageError(`--attr needs KEY=VALUE, not '${pair}'`)
    query.append(`attr.${pair.slice(0, equals)}`, pair.slice(equals + 1))
  }
  return query
}
