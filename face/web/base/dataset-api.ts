// The routes of /api/v1/datasets that the app reads and writes.

import type {
  BackfillView,
  DatasetColumn,
  DatasetCompare,
  DatasetComparison,
  DatasetDefinition,
  DatasetDifference,
  DatasetQuery,
  DatasetResult,
  DatasetScalar,
  DatasetShare,
  DatasetView,
} from '#protocol'
import { get, listed, send } from './api.ts'
import { array, boolean, number, object, oneOf, optional, record, string, type Reader } from './decode.ts'

const COLUMN_TYPES = ['number', 'string', 'strings', 'boolean'] as const
const rowPer = oneOf('trace', 'unit', 'block', 'point', 'edge')
const column: Reader<DatasetColumn> = object({
  name: string,
  type: oneOf(...COLUMN_TYPES),
  unit: optional(string),
})
const backfill: Reader<BackfillView> = object({
  dataset: string,
  version: number,
  fromMs: number,
  toMs: number,
  state: oneOf('waiting', 'running', 'done', 'cancelled', 'failed'),
  tracesDone: number,
  tracesTotal: number,
  rows: number,
  startedMs: number,
  by: string,
  error: optional(string),
})
const diagnostic: Reader<NonNullable<DatasetView['warnings']>[number]> = object({
  severity: oneOf('error', 'warning'),
  span: object({ start: number, end: number, line: number, column: number }),
  message: string,
  note: optional(string),
  suggestion: optional(string),
})
const dataset: Reader<DatasetView> = object({
  name: string,
  owner: string,
  filter: string,
  features: string,
  file: optional(string),
  rowPer,
  retentionHours: optional(number),
  maxBytes: optional(number),
  version: number,
  columns: array(column),
  isBuiltIn: boolean,
  changedMs: number,
  changedBy: string,
  history: array(object({ version: number, changedMs: number, by: string })),
  use: optional(
    object({
      traces: number,
      rows: number,
      cpuMs: number,
      failures: number,
      lastFailure: optional(object({ message: string, traceId: string })),
      quarantinedUntilMs: optional(number),
    }),
  ),
  backfill: optional(backfill),
  warnings: optional(array(diagnostic)),
})

const scalar: Reader<DatasetScalar | null> = (value, where) => {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return value === null || value === undefined ? null : string(value, where)
}
/** Left out = the values that are not listed. */
const shareValue: Reader<DatasetScalar | null | undefined> = (value, where) =>
  value === undefined ? undefined : scalar(value, where)
const cell: Reader<DatasetScalar | readonly string[] | null> = (value, where) =>
  Array.isArray(value) ? array(string)(value, where) : scalar(value, where)

const result: Reader<DatasetResult> = object({
  columns: array(
    object({
      name: string,
      role: oneOf('time', 'group', 'value'),
      type: oneOf(...COLUMN_TYPES, 'time'),
      unit: optional(string),
    }),
  ),
  rows: array(record(cell)),
  matched: object({ rows: number, weight: number }),
  isCut: boolean,
  isApproximate: boolean,
  version: number,
})

const share: Reader<DatasetShare> = object({
  value: shareValue,
  a: number,
  b: number,
  delta: number,
  q: number,
})
const maybeNumber: Reader<number | null> = (value, where) =>
  value === null || value === undefined ? null : number(value, where)
const numbers = object({ mean: maybeNumber, p50: maybeNumber, p95: maybeNumber, missing: number })
const differenceHead = object({
  column: string,
  type: oneOf(...COLUMN_TYPES),
  unit: optional(string),
  effect: number,
  p: number,
  q: number,
  isSignificant: boolean,
})
const kind = object({ kind: oneOf('categories', 'numbers') })
const categories = object({ values: array(share), distinct: number })
/** Ends of the last bins may be beyond what JSON can say. */
const bins = object({
  a: numbers,
  b: numbers,
  bins: array(object({ from: maybeNumber, to: maybeNumber, a: number, b: number })),
})
const difference: Reader<DatasetDifference> = (value, where) => {
  const head = differenceHead(value, where)
  if (kind(value, where).kind === 'categories')
    return { ...head, kind: 'categories', ...categories(value, where) }
  const read = bins(value, where)
  const edges = read.bins.map((bin) => ({ ...bin, from: bin.from ?? -Infinity, to: bin.to ?? Infinity }))
  return { ...head, kind: 'numbers', ...read, bins: edges }
}
const population = object({ rows: number, weight: number })
const comparison: Reader<DatasetComparison> = object({
  a: population,
  b: population,
  shared: population,
  correction: oneOf('benjamini-hochberg'),
  level: number,
  columns: array(difference),
  version: number,
})

const ROOT = '/api/v1/datasets'
const pathOf = (name: string, rest = ''): string => `${ROOT}/${encodeURIComponent(name)}${rest}`

export function readDatasets(signal: AbortSignal): Promise<readonly DatasetView[]> {
  return get(ROOT, listed('datasets', array(dataset)), signal)
}

export function readDataset(name: string, signal: AbortSignal): Promise<DatasetView> {
  return get(pathOf(name), dataset, signal)
}

/** How a definition did on stored traces before it took effect. */
const trial = object({ traces: number, matched: number, rows: number, overBudget: number, cpuMs: number })
const tried = object({ trial: optional(trial) })
export type SavedDataset = DatasetView & ReturnType<typeof tried>
const savedDataset: Reader<SavedDataset> = (value, where) => ({
  ...dataset(value, where),
  ...tried(value, where),
})

/** Errors: ApiFailure E_DATASET_DEFINITION, _FEATURES, _FILTER, _FILE with the mend. */
export function saveDataset(
  name: string,
  body: DatasetDefinition,
  signal: AbortSignal,
): Promise<SavedDataset> {
  return send({ method: 'PUT', path: pathOf(name), body }, savedDataset, signal)
}

export function removeDataset(name: string, signal: AbortSignal): Promise<unknown> {
  return send({ method: 'DELETE', path: pathOf(name) }, (value) => value, signal)
}

export function askDataset(name: string, body: DatasetQuery, signal: AbortSignal): Promise<DatasetResult> {
  return send({ method: 'POST', path: pathOf(name, '/query'), body }, result, signal)
}

export function compareDataset(
  name: string,
  body: DatasetCompare,
  signal: AbortSignal,
): Promise<DatasetComparison> {
  return send({ method: 'POST', path: pathOf(name, '/compare'), body }, comparison, signal)
}

export function backfillDataset(
  name: string,
  body: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<BackfillView> {
  return send({ method: 'POST', path: pathOf(name, '/backfill'), body }, backfill, signal)
}

export function cancelBackfill(name: string, signal: AbortSignal): Promise<BackfillView> {
  return send({ method: 'DELETE', path: pathOf(name, '/backfill') }, backfill, signal)
}

/** A question as SQL over one dataset. Errors: ApiFailure E_DATASET_QUERY with the mend. */
export function askSql(text: string, signal: AbortSignal): Promise<DatasetResult> {
  return send({ method: 'POST', path: '/api/v1/sql', body: { text } }, result, signal)
}
