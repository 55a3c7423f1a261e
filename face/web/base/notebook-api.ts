// The routes of /api/v1/notebooks, and rows of features over all that is stored.

import type {
  FeatureRowsRequest,
  FeatureRowsView,
  NotebookCell,
  NotebookContent,
  NotebookRequest,
  NotebookSummary,
  NotebookView,
} from '#protocol'
import { get, listed, send } from './api.ts'
import { array, hexId, nanos, number, object, oneOf, optional, string, type Reader } from './decode.ts'

const ROW_PER = ['trace', 'unit', 'block', 'point', 'edge'] as const

const summaryShape = {
  id: hexId,
  name: string,
  owner: string,
  version: number,
  createdMs: number,
  changedMs: number,
  changedBy: string,
  cellCount: number,
  bytes: number,
} as const
const summary: Reader<NotebookSummary> = object(summaryShape)

const anyCell = object({
  kind: oneOf('features', 'sql', 'text'),
  rowPer: optional(oneOf(...ROW_PER)),
  text: string,
})
const cell: Reader<NotebookCell> = (value, where) => {
  const { kind, rowPer = 'trace', text } = anyCell(value, where)
  return kind === 'features' ? { kind, rowPer, text } : { kind, text }
}
const sample: Reader<NotebookContent['sample']> = (value, where) =>
  value === 'all' ? value : number(value, where)
const view: Reader<NotebookView> = object({
  ...summaryShape,
  cells: array(cell),
  sample,
  olderVersions: array(number),
})

const ROOT = '/api/v1/notebooks'

export function readNotebooks(signal: AbortSignal): Promise<readonly NotebookSummary[]> {
  return get(ROOT, listed('notebooks', array(summary)), signal)
}

/** Without a version the newest. Errors: ApiFailure 404. */
export function readSavedNotebook(
  id: string,
  version: number | undefined,
  signal: AbortSignal,
): Promise<NotebookView> {
  const query = version === undefined ? '' : `?version=${version}`
  return get(`${ROOT}/${id}${query}`, view, signal)
}

/** Errors: ApiFailure E_NOTEBOOK_NAME, E_TOO_MANY_NOTEBOOKS, E_TOO_LARGE. */
export function createNotebook(body: NotebookRequest, signal: AbortSignal): Promise<NotebookView> {
  return send({ method: 'POST', path: ROOT, body }, view, signal)
}

/** Errors: ApiFailure E_NOTEBOOK_CHANGED when somebody was faster, E_NOTEBOOK_OWNER, E_NOTEBOOK_NAME. */
export function changeNotebook(
  id: string,
  body: NotebookRequest,
  signal: AbortSignal,
): Promise<NotebookView> {
  return send({ method: 'PUT', path: `${ROOT}/${id}`, body }, view, signal)
}

export function removeNotebook(id: string, signal: AbortSignal): Promise<unknown> {
  return send({ method: 'DELETE', path: `${ROOT}/${id}` }, (value) => value, signal)
}

const featureValue: Reader<FeatureRowsView['rows'][number]['values'][number]> = (value, where) => {
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value
  return value === null || value === undefined ? null : array(string)(value, where)
}
const featureRows: Reader<FeatureRowsView> = object({
  columns: array(
    object({
      name: string,
      type: oneOf('number', 'string', 'strings', 'boolean'),
      unit: optional(string),
    }),
  ),
  rows: array(
    object({ traceId: hexId, element: optional(string), weight: number, values: array(featureValue) }),
  ),
  rowCount: number,
  traces: number,
  matched: number,
  skipped: number,
  spans: number,
  oldestNs: optional(nanos),
  nextCursor: optional(string),
})

/** A stretch of stored traces; nextCursor goes on. Errors: ApiFailure E_FEATURES. */
export function readFeatureRows(body: FeatureRowsRequest, signal: AbortSignal): Promise<FeatureRowsView> {
  return send({ method: 'POST', path: '/api/v1/features/rows', body }, featureRows, signal)
}
