// Features over everything that is stored: the server evaluates stretches of traces, newest first, and the
// page adds them up until there is no more or somebody stops. Of many rows an even draw is kept.

import type { DatasetRowPer, FeatureRowsView } from '#protocol'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Preview } from '../../base/feature-preview.ts'
import { NOTEBOOK_ROWS_MAX } from '../../base/limits.ts'
import { readFeatureRows } from '../../base/notebook-api.ts'

export type Progress = {
  readonly rows: number
  readonly traces: number
  readonly skipped: number
  /** What the traces of the rows stand for. */
  readonly weight: number
  readonly oldestMs: number | undefined
}
type State = {
  readonly preview: Preview | undefined
  readonly progress: Progress
  readonly isDone: boolean
  readonly error: Error | undefined
}

const NOTHING: Progress = { rows: 0, traces: 0, skipped: 0, weight: 0, oldestMs: undefined }

/** Asked once for a text: whoever changes it takes another component (key). */
export function useWholeStore(text: string, rowPer: DatasetRowPer): State & { readonly stop: () => void } {
  const [state, setState] = useState<State>({
    preview: undefined,
    progress: NOTHING,
    isDone: false,
    error: undefined,
  })
  const controller = useRef<AbortController>(undefined)
  useEffect(() => {
    const { signal } = (controller.current = new AbortController())
    void readAll({ text, rowPer, signal }, (next) => setState((old) => ({ ...old, ...next }))).then(
      () => setState((old) => ({ ...old, isDone: true })),
      (cause: unknown) => {
        const error = cause instanceof Error ? cause : new Error(String(cause))
        setState((old) => ({ ...old, isDone: true, error: signal.aborted ? undefined : error }))
      },
    )
    return () => controller.current?.abort()
  }, [])
  return { ...state, stop: () => controller.current?.abort() }
}

type Ask = { readonly text: string; readonly rowPer: DatasetRowPer; readonly signal: AbortSignal }

async function readAll(
  { text, rowPer, signal }: Ask,
  show: (next: Pick<State, 'preview' | 'progress'>) => void,
): Promise<void> {
  // The model is large, and no page needs it before somebody asks for features.
  const { RowSample } = await import('../../base/feature-preview.ts')
  const draw = new RowSample<FeatureRowsView['rows'][number]>(NOTEBOOK_ROWS_MAX)
  let progress = NOTHING
  for (let cursor: string | undefined; ;) {
    const ask = { features: text, rowPer, ...(cursor === undefined ? {} : { cursor }) }
    const stretch = await readFeatureRows(ask, signal)
    const { columns, rows, rowCount, traces, skipped, oldestNs, nextCursor } = stretch
    for (const row of rows) draw.add(row)
    progress = {
      rows: progress.rows + rowCount,
      traces: progress.traces + traces,
      skipped: progress.skipped + skipped,
      weight: progress.weight + traces * meanWeight(rows),
      oldestMs: oldestNs === undefined ? progress.oldestMs : Number(BigInt(oldestNs) / 1_000_000n),
    }
    const kept = draw.rows().map((row) => ({ ...row, element: row.element }))
    show({
      progress,
      preview: {
        columns,
        rows: kept,
        traces: progress.traces,
        sampled: progress.traces,
        rowCount: progress.rows,
      },
    })
    if (nextCursor === undefined) return
    cursor = nextCursor
  }
}

/** Of the traces that the rows are of: each counts once. */
function meanWeight(rows: FeatureRowsView['rows']): number {
  const weights = [...new Map(rows.map(({ traceId, weight }) => [traceId, weight])).values()]
  return weights.length === 0 ? 1 : weights.reduce((sum, weight) => sum + weight, 0) / weights.length
}
