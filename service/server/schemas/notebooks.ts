// Schemas of routes/notebooks.ts.

import {
  count,
  datasetColumn,
  id16,
  id32,
  instant,
  list,
  ns,
  number,
  object,
  text,
  type Schema,
} from './terms.ts'

const rowPer: Schema = { enum: ['trace', 'unit', 'block', 'point', 'edge'] }

const notebookContent = {
  cells: list(object({ kind: { enum: ['features', 'sql', 'text'] }, 'rowPer?': rowPer, text })),
  sample: { description: "newest traces that features are of, or 'all'" },
}

const notebookSummary = {
  id: id16,
  name: text,
  owner: text,
  version: count,
  createdMs: number,
  changedMs: number,
  changedBy: text,
  cellCount: count,
  bytes: count,
}

export const NOTEBOOKS_SCHEMAS = {
  NotebookRequest: object({ name: text, ...notebookContent, 'version?': count }),
  NotebookView: object({ ...notebookSummary, ...notebookContent, olderVersions: list(count) }),
  NotebookList: object({ notebooks: list(object(notebookSummary)) }),
  NotebookRemoved: object({ id: id16 }),
  FeatureRowsRequest: object({
    features: text,
    'filter?': text,
    'rowPer?': rowPer,
    'from?': instant,
    'to?': instant,
    'cursor?': text,
  }),
  FeatureRowsView: object({
    columns: list(object(datasetColumn)),
    rows: list(object({ traceId: id32, 'element?': text, weight: number, values: list({}) })),
    rowCount: count,
    traces: count,
    matched: count,
    skipped: count,
    spans: count,
    'oldestNs?': ns,
    'nextCursor?': text,
  }),
} satisfies { readonly [name: string]: Schema }
