// A dataset as it is kept: what the user wrote, its version, and where each column is in its table.
//
//   columns of the new version -> same name and type as before (or retired)? its field : a new field
//   columns that are gone      -> retired: their values stay in the table until it has too many
//
// Fields are f0, f1, ...: a name of a user is never a name in the engine, and a column whose type
// changes is
// another column. Rows of earlier versions have no value in a new column until they are backfilled.

import type { DatasetColumn, DatasetDefinition } from '#protocol'
import { COLUMNS_MAX, HISTORY_MAX, RETIRED_COLUMNS_MAX } from './limits.ts'
import { DatasetError } from './query-error.ts'
import { Columns, OWN_COLUMNS } from './query-tree.ts'
import type { DatasetSource } from './run-query.ts'

export type PlacedColumn = DatasetColumn & { readonly field: string }

export type StoredDataset = DatasetDefinition & {
  readonly name: string
  readonly version: number
  readonly isBuiltIn: boolean
  /** Number of its table; never used again. */
  readonly tableId: number
  readonly columns: readonly PlacedColumn[]
  readonly retired: readonly PlacedColumn[]
  readonly nextField: number
  readonly changedMs: number
  readonly changedBy: string
  readonly history: readonly { readonly version: number; readonly changedMs: number; readonly by: string }[]
}

export const tableOf = ({ tableId }: Pick<StoredDataset, 'tableId'>): string => `dataset_${tableId}`

export function sourceOf(dataset: StoredDataset): DatasetSource {
  const columns = new Columns(dataset.columns.map((column) => ({ ...column, isOwn: false })))
  return { table: tableOf(dataset), columns, version: dataset.version }
}

export type Change = {
  readonly definition: DatasetDefinition
  readonly columns: readonly DatasetColumn[]
  readonly atMs: number
  readonly by: string
}

/** Errors: E_DATASET_DEFINITION. */
export function createDataset(
  given: Change & { readonly name: string; readonly tableId: number; readonly isBuiltIn: boolean },
): StoredDataset {
  const { name, tableId, isBuiltIn } = given
  const empty = { columns: [], retired: [], nextField: 0 }
  return {
    ...given.definition,
    name,
    tableId,
    isBuiltIn,
    version: 1,
    ...place(empty, given.columns),
    changedMs: given.atMs,
    changedBy: given.by,
    history: [],
  }
}

/** The next version; the same one when nothing of it changes. Errors: E_DATASET_DEFINITION. */
export function changeDataset(before: StoredDataset, change: Change): StoredDataset {
  const { definition } = change
  if (isSame(before, definition)) return before
  const { owner, filter, features, file, rowPer } = definition
  const gone = { version: before.version, changedMs: before.changedMs, by: before.changedBy }
  const { file: _file, retentionHours: _hours, maxBytes: _bytes, ...rest } = before
  return {
    ...rest,
    owner,
    filter,
    features,
    rowPer,
    ...(file === undefined ? {} : { file }),
    ...(definition.retentionHours === undefined ? {} : { retentionHours: definition.retentionHours }),
    ...(definition.maxBytes === undefined ? {} : { maxBytes: definition.maxBytes }),
    version: before.version + 1,
    ...place(before, change.columns),
    changedMs: change.atMs,
    changedBy: change.by,
    history: [gone, ...before.history].slice(0, HISTORY_MAX),
  }
}

const MEMBERS = ['owner', 'filter', 'features', 'file', 'rowPer', 'retentionHours', 'maxBytes'] as const

function isSame(before: DatasetDefinition, after: DatasetDefinition): boolean {
  return MEMBERS.every((member) => before[member] === after[member])
}

type Places = Pick<StoredDataset, 'columns' | 'retired' | 'nextField'>

function place(before: Places, wanted: readonly DatasetColumn[]): Places {
  checkColumns(wanted)
  const known = [...before.columns, ...before.retired]
  let { nextField } = before
  const columns = wanted.map(({ name, type, unit }): PlacedColumn => {
    const old = known.find((column) => column.name === name && column.type === type)
    const field = old?.field ?? `f${nextField++}`
    return { name, type, ...(unit === undefined ? {} : { unit }), field }
  })
  const used = new Set(columns.map(({ field }) => field))
  const retired = known.filter(({ field }) => !used.has(field)).slice(0, RETIRED_COLUMNS_MAX)
  return { columns, retired, nextField }
}

function checkColumns(columns: readonly DatasetColumn[]): void {
  if (columns.length > COLUMNS_MAX)
    throw new DatasetError(
      'E_DATASET_DEFINITION',
      `${columns.length} columns; a dataset has at most ${COLUMNS_MAX}`,
      'make two datasets of it',
    )
  const own = columns.find(({ name }) => name === 'time' || OWN_COLUMNS.some((one) => one.name === name))
  if (own !== undefined)
    throw new DatasetError(
      'E_DATASET_DEFINITION',
      `${own.name} is a column that every dataset has`,
      `RecordAs("${own.name}_of_it")`,
    )
}
