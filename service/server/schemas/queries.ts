// Schemas of routes/queries.ts.

import type { ColumnRole } from '#protocol'
import { count, flag, list, map, ns, number, object, text, type Schema } from './terms.ts'

const COLUMN_ROLES: readonly ColumnRole[] = [
  'window',
  'key',
  'count',
  'sum',
  'min',
  'max',
  'average',
  'quantile',
  'histogram',
  'distinct',
  'value',
]

const degradedBy: Schema = { enum: ['cpu', 'loop', 'heap'] }

const coverage = object({
  connected: count,
  installed: count,
  functions: count,
  missed: list(object({ tracepoint: text, reason: text, agents: count })),
  sampled: list(object({ agent: text, service: text, every: count, estimated: count, 'why?': degradedBy })),
  refused: list(object({ agent: text, service: text, error: text })),
})

const plan = object({ kind: { enum: ['baggage', 'recorded'] }, sinceMs: number, 'reason?': text })

const queryView = {
  id: text,
  'name?': text,
  text,
  columns: list(text),
  installedBy: text,
  createdMs: number,
  expiresMs: number,
  plan,
  coverage,
  total: number,
}

export const QUERIES_SCHEMAS = {
  QueryRequest: object({
    text,
    'ttlSeconds?': number,
    'name?': text,
    'dryRun?': flag,
    'plan?': { enum: ['auto', 'baggage', 'recorded'] },
    'budgetBytes?': count,
  }),
  QueryInstalled: object({ ...queryView, explanation: {}, warnings: list(text) }),
  PastRequest: object({ text, 'from?': text, 'to?': text }),
  PastResults: object({
    columns: list(text),
    rows: list({}),
    total: number,
    coverage: object({
      traces: count,
      spans: count,
      skipped: count,
      isWhole: flag,
      fromNs: ns,
      toNs: ns,
    }),
    assumed: count,
    otherRows: number,
    warnings: list(text),
  }),
  QueryList: object({ queries: list(object(queryView)) }),
  QueryRemoved: object({ id: text }),
  QueryResults: object({
    id: text,
    seq: count,
    timeMs: number,
    columns: list(text),
    roles: list({ enum: COLUMN_ROLES }),
    rows: list(map({})),
    'rollUps?': list(object({ by: list(text), rows: list(map({})) })),
    'top?': count,
    total: number,
    perSecond: object({ rows: list(map({})), total: number }),
    coverage,
    plan,
    use: object({ runs: count, ns: number, packedBytes: count }),
    drops: object({ otherRows: number, overflows: number, lost: number }),
    'isUnchanged?': flag,
  }),
} satisfies { readonly [name: string]: Schema }
