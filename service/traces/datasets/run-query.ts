// Asks the store what a tree says and shapes the answer. Two statements: facts (how many rows, of what
// weight,
// from when to when), then the question itself, computed as the facts allow.

import type { DatasetQuery, DatasetResult, DatasetResultColumn, DatasetScalar } from '#protocol'
import type { Cell, Row, Store } from '#store'
import { EXACT_ROWS_MAX, INTERVALS_MAX, QUERY_MS_MAX, SERIES_ROWS_MAX } from './limits.ts'
import { DatasetError } from './query-error.ts'
import { factsStatement, groupsStatement, rowsStatement, type Facts, type Statement } from './query-sql.ts'
import {
  readQuery,
  type Aggregate,
  type Columns,
  type GroupTree,
  type QueryTree,
  type TableColumn,
  type TimeRange,
  type WhereTree,
} from './query-tree.ts'

/** Where the rows of a dataset are, and what its columns are there. */
export type DatasetSource = {
  readonly table: string
  readonly columns: Columns
  readonly version: number
}

type Asked = { readonly store: Store; readonly signal: AbortSignal | undefined }

/** Errors: DatasetError; those of the store. */
export async function runQuery(
  store: Store,
  source: DatasetSource,
  query: DatasetQuery,
  signal?: AbortSignal,
): Promise<DatasetResult> {
  const tree = readQuery(query, source.columns)
  const asked = { store, signal }
  const { facts, firstNs, lastNs } = await factsOf(asked, source.table, tree)
  const matched = { rows: facts.rows, weight: facts.weight }
  const common = { matched, isApproximate: !facts.isExact, version: source.version }
  if (tree.kind === 'rows') {
    const rows = await ask(asked, rowsStatement(source.table, tree))
    const shaped = rows.slice(0, tree.limit).map((row) => shape(row, 'r', tree.columns))
    const columns = tree.columns.map((column) => resultColumn(column, 'group'))
    return { ...common, columns, rows: shaped, isCut: rows.length > tree.limit }
  }
  if (tree.everyNs !== undefined) checkIntervals(tree, { firstNs, lastNs })
  const isEmpty = facts.rows === 0 && (tree.groupBy.length > 0 || tree.everyNs !== undefined)
  const rows = isEmpty ? [] : await ask(asked, groupsStatement(source.table, tree, facts))
  const isSeries = tree.everyNs !== undefined
  return {
    ...common,
    columns: resultColumns(tree),
    rows: (isSeries ? rows : rows.slice(0, tree.limit)).map((row) => groupRow(row, tree)),
    isCut: !isSeries && rows.length > tree.limit,
  }
}

export async function factsOf(
  asked: Asked,
  table: string,
  tree: TimeRange & { readonly where: WhereTree },
): Promise<{ readonly facts: Facts; readonly firstNs: bigint; readonly lastNs: bigint }> {
  const [row = {}] = await ask(asked, factsStatement(table, tree))
  const rows = Number(row['n'] ?? 0)
  const lightest = Number(row['lightest'] ?? 1)
  const isUniform = rows === 0 || lightest === Number(row['heaviest'])
  return {
    facts: {
      rows,
      weight: Number(row['total'] ?? 0),
      uniformWeight: rows === 0 ? 1 : isUniform ? lightest : undefined,
      isExact: rows <= EXACT_ROWS_MAX,
    },
    firstNs: BigInt(String(row['first'] ?? 0)),
    lastNs: BigInt(String(row['last'] ?? 0)),
  }
}

export function ask({ store, signal }: Asked, { sql, params }: Statement): Promise<Row[]> {
  return store.query(sql, { params, timeoutMs: QUERY_MS_MAX, ...(signal === undefined ? {} : { signal }) })
}

function checkIntervals(
  { everyNs = 1n, groupBy, limit }: Extract<QueryTree, { readonly kind: 'groups' }>,
  { firstNs, lastNs }: { readonly firstNs: bigint; readonly lastNs: bigint },
): void {
  const intervals = Number((lastNs - firstNs) / everyNs) + 1
  const most = Math.min(INTERVALS_MAX, groupBy.length === 0 ? Infinity : SERIES_ROWS_MAX / limit)
  if (intervals <= most) return
  const seconds = Math.ceil(Number(lastNs - firstNs) / 1e9 / most)
  throw new DatasetError(
    'E_DATASET_TOO_MUCH',
    `${intervals} intervals${groupBy.length === 0 ? '' : ` of ${limit} series`} are too many to draw`,
    `everySeconds: ${seconds} or more, a shorter time, or fewer series by limit`,
  )
}

type Groups = Extract<QueryTree, { readonly kind: 'groups' }>

function resultColumns(tree: Groups): DatasetResultColumn[] {
  return [
    ...(tree.everyNs === undefined ? [] : [{ name: 'time', role: 'time', type: 'time' } as const]),
    ...tree.groupBy.map((group) => ({
      ...resultColumn(group.column, 'group'),
      name: group.name,
      ...(group.column.type === 'strings' ? { type: 'string' as const } : {}),
    })),
    ...tree.select.map(({ name, aggregate }): DatasetResultColumn => ({
      name,
      role: 'value',
      type: aggregate.fn === 'example' ? 'string' : 'number',
      ...unitOf(aggregate),
    })),
  ]
}

function unitOf(aggregate: Aggregate): { readonly unit?: string } {
  const isCount = aggregate.fn === 'present' || aggregate.fn === 'distinct'
  if (isCount || !('column' in aggregate) || aggregate.column.unit === undefined) return {}
  return { unit: aggregate.column.unit }
}

function resultColumn(column: TableColumn, role: 'group' | 'value'): DatasetResultColumn {
  const { name, type, unit } = column
  return { name, role, type, ...(unit === undefined ? {} : { unit }) }
}

type ResultRow = DatasetResult['rows'][number]

function groupRow(row: Row, tree: Groups): ResultRow {
  const pairs: [string, ResultRow[string]][] = []
  if (tree.everyNs !== undefined)
    pairs.push(['time', Number((BigInt(String(row['t'])) * tree.everyNs) / 1_000_000n)])
  tree.groupBy.forEach(({ name, column }: GroupTree, index) => {
    pairs.push([name, scalarOf(row[`g${index}`], column.type === 'strings' ? 'string' : column.type)])
  })
  tree.select.forEach(({ name, aggregate }, index) => {
    pairs.push([name, scalarOf(row[`a${index}`], aggregate.fn === 'example' ? 'string' : 'number')])
  })
  return Object.fromEntries(pairs)
}

function shape(row: Row, prefix: string, columns: readonly TableColumn[]): ResultRow {
  return Object.fromEntries(
    columns.map((column, index): [string, ResultRow[string]] => {
      const cell = row[`${prefix}${index}`]
      return [
        column.name,
        column.type === 'strings'
          ? Array.isArray(cell)
            ? cell.map(String)
            : []
          : scalarOf(cell, column.type),
      ]
    }),
  )
}

export function scalarOf(cell: Cell | undefined, type: TableColumn['type']): DatasetScalar | null {
  if (cell === null || cell === undefined) return null
  if (type === 'number') return Number(cell)
  return type === 'boolean' ? Number(cell) === 1 : String(cell)
}
