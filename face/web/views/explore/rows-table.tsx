// Single rows, newest first: each leads to its trace, each value to the rows that share it.

import type { DatasetResult } from '#protocol'
import { EXPLORE_COLUMNS_SHOWN, EXPLORE_ROWS_MAX } from '../../base/limits.ts'
import { plural } from '../../base/format.ts'
import { TraceLink } from '../../widgets/trace-link.tsx'
import { TimeText, ValueTable } from '../../widgets/value-table.tsx'
import { Answered } from './answered.tsx'
import { useAsked, type Given } from './explore-data.ts'
import { rowsQuery } from './explore-query.ts'
import { CellValue } from './value-cell.tsx'

export function RowsTable({ dataset, explore, facts }: Given) {
  const asked = useAsked(dataset.name, rowsQuery(explore, facts, dataset.columns))
  const left = dataset.columns.length - EXPLORE_COLUMNS_SHOWN
  return (
    <Answered asked={asked} what="rows">
      {(result) => (
        <div class="explore-scroll" tabIndex={0} role="group" aria-label="Rows, to scroll">
          <DatasetRows result={result} where={explore.where} />
          {result.rows.length === 0 && <p class="explore-note muted">No row fulfils the conditions.</p>}
          {result.isCut && <p class="explore-note muted">The newest {EXPLORE_ROWS_MAX} rows.</p>}
          {left > 0 && <p class="explore-note muted">{plural(left, 'more column')} beside.</p>}
        </div>
      )}
    </Answered>
  )
}

const NOT_VALUES: ReadonlySet<string> = new Set(['timeMs', 'traceId', 'element'])

type Row = DatasetResult['rows'][number]

const LEADS = [
  { title: 'Trace began', of: (row: Row) => <TimeText ms={Number(row['timeMs'])} /> },
  {
    title: 'Trace',
    of: (row: Row) => <TraceLink traceId={row['traceId']} element={row['element']} />,
  },
]

/** `timeMs`, `traceId` and `element` lead; the others as they come. */
function DatasetRows({
  result,
  where,
}: {
  readonly result: DatasetResult
  readonly where: readonly string[]
}) {
  return (
    <ValueTable
      label="Rows"
      columns={result.columns.filter(({ name }) => !NOT_VALUES.has(name))}
      rows={result.rows}
      valueOf={(row, { name }) => row[name]}
      leads={LEADS}
      cell={({ name }, value) => <CellValue column={name} value={value} where={where} />}
    />
  )
}
