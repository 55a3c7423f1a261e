// Rows that features give on a sample of traces, each with its trace.

import type { Preview } from '../base/feature-preview.ts'
import { TraceLink } from './trace-link.tsx'
import { ValueTable } from './value-table.tsx'

type Row = Preview['rows'][number]

const LEADS = [
  { title: 'Trace', of: ({ traceId, element }: Row) => <TraceLink traceId={traceId} element={element} /> },
]

export function FeatureRows({ preview: { columns, rows, sampled } }: { readonly preview: Preview }) {
  if (rows.length === 0)
    return (
      <p class="explore-note muted" role="status">
        {sampled === 0 ? 'No trace is stored yet.' : 'No row: the filter lets none of these traces through.'}
      </p>
    )
  return (
    <div class="preview-scroll" tabIndex={0} role="group" aria-label="First rows, to scroll">
      <ValueTable
        label="First rows"
        columns={columns}
        rows={rows}
        valueOf={({ values }, _column, place) => values[place]}
        leads={LEADS}
      />
    </div>
  )
}
