// The answer to a cell of SQL: lines where it is by time, a table with bars otherwise.

import type { DatasetResult } from '#protocol'
import { LINES_MAX, NOTEBOOK_ROWS_SHOWN } from '../../base/limits.ts'
import { plural } from '../../base/format.ts'
import { Lines } from '../../widgets/lines.tsx'
import { Value, ValueTable } from '../../widgets/value-table.tsx'
import { linesOf } from './sql-lines.ts'

const NONE: ReadonlySet<string> = new Set()

export function SqlAnswer({ result }: { readonly result: DatasetResult }) {
  const lines = linesOf(result, LINES_MAX)
  if (result.rows.length === 0)
    return (
      <p class="explore-note muted" role="status">
        No row fulfils the conditions.
      </p>
    )
  if (lines.length > 0)
    return (
      <>
        {lines.map(({ measure, timesMs, lines: drawn }) => (
          <div class="notebook-lines" key={measure}>
            <Lines timesMs={timesMs} lines={drawn} measure={measure} off={NONE} />
          </div>
        ))}
      </>
    )
  return <AnswerTable result={result} />
}

function AnswerTable({ result: { columns, rows, isCut } }: { readonly result: DatasetResult }) {
  const first = columns.find(({ role }) => role === 'value')?.name
  const most = Math.max(...rows.map((row) => Number(row[first ?? ''] ?? 0)), 0)
  const shown = rows.slice(0, NOTEBOOK_ROWS_SHOWN)
  return (
    <div class="preview-scroll" tabIndex={0} role="group" aria-label="Answer, to scroll">
      <ValueTable
        label="Answer"
        columns={columns}
        rows={shown}
        valueOf={(row, { name }) => row[name]}
        cell={({ name, type }, value) => (
          <>
            {name === first && most > 0 && typeof value === 'number' && (
              <span class="cell-bar" aria-hidden="true">
                <span style={{ width: `${(value / most) * 100}%` }} />
              </span>
            )}
            <Value of={value} isTime={type === 'time'} />
          </>
        )}
      />
      {(isCut || rows.length > shown.length) && (
        <p class="explore-note muted">The first {plural(shown.length, 'row')}.</p>
      )}
    </div>
  )
}
