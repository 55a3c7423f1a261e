// The smallest useful tool: requests that carry a header are tagged where they enter, and every process
// they reach tags its span and logs at the level asked for. Schema and advice only; there is no policy.
//
//   x-debug: 1 ──► edge: SET tag, level in baggage ──► each process: UNPACK, TAG span, LOGLEVEL
//
// Source: X-Trace's per-request logging level; DESIGN "a tool is schema + advice + policy".

import type { ToolPackage } from '#protocol'

export type TagRequestsOptions = {
  /** Lower case; requests with this header at this value are tagged. */
  readonly header: string
  readonly value: string
  readonly tag: string
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error'
}

/**
 * `schema` is the text of schema.bdl: a tool is read where files may be read, and is data everywhere else.
 */
export function tagRequests(schema: string, options: TagRequestsOptions, version: number): ToolPackage {
  const slot = `header.${options.header}`
  return {
    name: 'tag-requests',
    version,
    schema,
    parameters: { tag: options.tag, level: options.level },
    advice: [
      {
        tracepoint: 'http.server.request.start',
        instructions: [
          { op: 'observe', vars: [slot] },
          { op: 'filter', where: { call: 'eq', args: [{ slot }, options.value] } },
          { op: 'let', slot: 'tag', value: { parameter: 'tag' } },
          { op: 'let', slot: 'level', value: { parameter: 'level' } },
          { op: 'set', bag: 'TagRequests', field: 'tag', slot: 'tag' },
          { op: 'set', bag: 'TagRequests', field: 'level', slot: 'level' },
        ],
      },
      {
        tracepoint: 'http.server.request.start',
        instructions: [
          { op: 'unpack', bag: 'TagRequests', field: 'tag', slot: 'tag' },
          { op: 'unpack', bag: 'TagRequests', field: 'level', slot: 'level' },
          { op: 'act', act: 'tag', key: 'crosscut.tag', slot: 'tag' },
          { op: 'act', act: 'logLevel', slot: 'level' },
        ],
      },
    ],
  }
}
