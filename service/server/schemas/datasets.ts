// Schemas of routes/datasets.ts.

import {
  count,
  datasetColumn,
  flag,
  id32,
  instant,
  list,
  map,
  number,
  object,
  ref,
  text,
  type Schema,
} from './terms.ts'

const scalar: Schema = { type: ['string', 'number', 'boolean'] }

const where: Schema = {
  description:
    "a text (service = 'gateway' and duration_ms > 100), or { and: [..] }, { or: [..] }, { not: .. }, { column, op, value }",
  type: ['string', 'object'],
}

const datasetDefinition = {
  owner: text,
  'filter?': text,
  'features?': text,
  'file?': {
    ...text,
    description: "a TypeScript file in the server's folder of features, instead of features",
  },
  'rowPer?': { enum: ['trace', 'element', 'unit', 'block', 'point', 'edge'] },
  'retentionHours?': count,
  'maxBytes?': count,
}

const backfill = object({
  dataset: text,
  version: count,
  fromMs: number,
  toMs: number,
  state: { enum: ['waiting', 'running', 'done', 'cancelled', 'failed'] },
  tracesDone: count,
  tracesTotal: count,
  rows: count,
  startedMs: number,
  by: text,
  'error?': text,
})

const trial = object({
  traces: count,
  matched: count,
  rows: count,
  overBudget: count,
  cpuMs: number,
  cpuMsMax: number,
})

const population = object({ rows: count, weight: number })

const numbers = object({
  mean: { type: ['number', 'null'] },
  p50: { type: ['number', 'null'] },
  p95: { type: ['number', 'null'] },
  missing: number,
})

export const DATASETS_SCHEMAS = {
  DatasetDefinition: object({ ...datasetDefinition, 'dryRun?': flag, 'force?': flag }),
  DatasetView: object({
    ...datasetDefinition,
    name: text,
    version: count,
    columns: list(object(datasetColumn)),
    isBuiltIn: flag,
    changedMs: number,
    changedBy: text,
    history: list(object({ version: count, changedMs: number, by: text })),
    'use?': object({
      traces: count,
      rows: count,
      cpuMs: number,
      failures: count,
      'lastFailure?': object({ message: text, traceId: id32 }),
      'quarantinedUntilMs?': number,
    }),
    'backfill?': ref('BackfillView'),
    'trial?': trial,
  }),
  DatasetList: object({ datasets: list(ref('DatasetView')) }),
  DatasetRemoved: object({ name: text }),
  SqlStatement: object({ text, 'from?': text, 'to?': text }),
  DatasetQuery: object({
    select: list(text),
    'groupBy?': list(text),
    'where?': where,
    'from?': instant,
    'to?': instant,
    'everySeconds?': number,
    'orderBy?': list(text),
    'limit?': count,
  }),
  DatasetResult: object({
    columns: list(
      object({
        ...datasetColumn,
        role: { enum: ['time', 'group', 'value'] },
        type: { enum: ['number', 'string', 'strings', 'boolean', 'time'] },
      }),
    ),
    rows: list(map({})),
    matched: population,
    isCut: flag,
    isApproximate: flag,
    version: count,
  }),
  DatasetCompare: object({
    a: where,
    'b?': where,
    'from?': instant,
    'to?': instant,
    'columns?': list(text),
  }),
  DatasetComparison: object({
    a: population,
    b: population,
    shared: population,
    correction: { enum: ['benjamini-hochberg'] },
    level: number,
    columns: list(
      object({
        column: text,
        type: datasetColumn.type,
        'unit?': text,
        effect: number,
        p: number,
        q: number,
        isSignificant: flag,
        kind: { enum: ['categories', 'numbers'] },
        'values?': list(object({ 'value?': scalar, a: number, b: number, delta: number, q: number })),
        'distinct?': count,
        'a?': numbers,
        'b?': numbers,
        'bins?': list(object({ from: number, to: number, a: number, b: number })),
      }),
    ),
    version: count,
  }),
  BackfillRequest: object({ 'from?': instant, 'to?': instant }),
  BackfillView: backfill,
} satisfies { readonly [name: string]: Schema }
