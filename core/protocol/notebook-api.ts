// Notebooks that are kept on the server: /api/v1/notebooks; and rows of features over stored traces, which
// their cells ask for: POST /api/v1/features/rows. Texts are whatever somebody typed: never markup.

import type { DatasetColumn, DatasetRowPer } from './dataset-api.ts'

export type NotebookCell =
  | { readonly kind: 'features'; readonly rowPer: DatasetRowPer; readonly text: string }
  | { readonly kind: 'sql' | 'text'; readonly text: string }

/** What somebody writes. sample: the newest so many traces; 'all' = the whole store. */
export type NotebookContent = {
  readonly cells: readonly NotebookCell[]
  readonly sample: number | 'all'
}

export type NotebookRequest = NotebookContent & {
  readonly name: string
  /** The version that was changed; not the newest any more = 409 E_NOTEBOOK_CHANGED, nothing is written. */
  readonly version?: number
}

/** A row of the list. */
export type NotebookSummary = {
  readonly id: string
  readonly name: string
  /** Who made it: only they (and an admin) change or delete it. */
  readonly owner: string
  /** Counts from 1. */
  readonly version: number
  readonly createdMs: number
  readonly changedMs: number
  /** Who saved the newest version; in a view, the version that is shown. */
  readonly changedBy: string
  readonly cellCount: number
  readonly bytes: number
}

export type NotebookView = NotebookSummary &
  NotebookContent & {
    /** Older versions that can still be read with ?version=, oldest first. */
    readonly olderVersions: readonly number[]
  }

export type FeatureRowsRequest = {
  readonly features: string
  readonly filter?: string
  readonly rowPer?: DatasetRowPer
  /** Start of the traces: ns since the epoch; default everything that is stored. */
  readonly from?: string
  readonly to?: string
  /** nextCursor of the answer before. */
  readonly cursor?: string
}

/** Rows of some traces, newest first; go on with nextCursor until there is none. */
export type FeatureRowsView = {
  readonly columns: readonly DatasetColumn[]
  readonly rows: readonly {
    readonly traceId: string
    readonly element?: string
    /** How many traces this one stands for. */
    readonly weight: number
    readonly values: readonly (number | string | boolean | readonly string[] | null)[]
  }[]
  /** Rows that there are; more than rows.length = an even draw of them (by hash, the same every time). */
  readonly rowCount: number
  /** Traces that were looked at; that the filter let through; that are too large to be looked at. */
  readonly traces: number
  readonly matched: number
  readonly skipped: number
  readonly spans: number
  /** Start of the oldest of them. */
  readonly oldestNs?: string
  readonly nextCursor?: string
}
