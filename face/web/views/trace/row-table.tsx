// The rows on the screen as a table, for those who cannot see a canvas, and for tests. It follows the canvas
// when scrolling has come to rest, so that it costs nothing while it moves.

import { useEffect, useState } from 'preact/hooks'
import { formatDuration } from '../../base/format.ts'
import { visibleText } from '../../base/text.ts'
import { FLAG, hintOf, nameOf, serviceOf, type TraceColumns } from './columns.ts'
import { isOnPath, type TracePath } from './overlay.ts'
import type { PathEnds } from './path-ends.ts'
import { hasChildren, type Rows } from './rows.ts'

const REST_MS = 80

export function RowTable({
  columns,
  rows,
  first,
  last,
  selected,
  collapsed,
  path,
  ends,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly rows: Rows
  readonly first: number
  readonly last: number
  readonly selected: number
  readonly collapsed: ReadonlySet<number>
  readonly path: TracePath
  readonly ends: PathEnds
  readonly onSelect: (index: number) => void
}) {
  const [range, setRange] = useState({ first, last })
  useEffect(() => {
    const timer = setTimeout(() => setRange({ first, last }), REST_MS)
    return () => clearTimeout(timer)
  }, [first, last])
  const indices = Array.from(
    rows.spanOf.subarray(range.first, Math.min(range.last, rows.spanOf.length - 1) + 1),
  )
  return (
    <table
      class="hidden-visually"
      role="treegrid"
      aria-label="Spans on the screen"
      aria-rowcount={rows.spanOf.length}
      data-role="rows"
    >
      <thead>
        <tr>
          <th>Service</th>
          <th>Name</th>
          <th>Start</th>
          <th>Duration</th>
          <th>Notes</th>
        </tr>
      </thead>
      <tbody>
        {indices.map((index, row) => (
          <tr
            key={index}
            id={`row-${index}`}
            aria-rowindex={range.first + row + 1}
            aria-level={columns.depth[index]! + 1}
            aria-selected={index === selected}
            aria-expanded={hasChildren(columns, index) ? !collapsed.has(index) : undefined}
            data-span={columns.spanIds[index]}
            onClick={() => onSelect(index)}
          >
            <td>{visibleText(serviceOf(columns, index))}</td>
            <td>{visibleText(`${nameOf(columns, index)} ${hintOf(columns, index)}`.trim())}</td>
            <td>{formatDuration(columns.startNs[index]! - columns.bounds.startNs)}</td>
            <td>{formatDuration(columns.endNs[index]! - columns.startNs[index]!)}</td>
            <td>{notes(columns.flags[index]!, isOnPath(path, index), endsAt(ends, index))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function endsAt({ from, to }: PathEnds, index: number): string {
  const words = [from?.span === index ? 'path from here' : '', to?.span === index ? 'path to here' : '']
  return words.filter((word) => word !== '').join(', ')
}

function notes(flags: number, isOnPath: boolean, ends: string): string {
  const words = [
    (flags & FLAG.error) !== 0 ? 'error' : '',
    (flags & FLAG.shifted) !== 0 ? 'clock aligned' : '',
    (flags & FLAG.repaired) !== 0 ? 'repaired' : '',
    isOnPath ? 'critical path' : '',
    ends,
  ]
  return words.filter((word) => word !== '').join(', ')
}
