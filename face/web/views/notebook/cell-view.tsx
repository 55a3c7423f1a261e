// One cell: what is typed, and its answer. Features over a sample are evaluated in the page, over the whole
// store by the server; SQL is asked of whole datasets.

import type { Trace } from '#model'
import type { DatasetRowPer, DatasetView } from '#protocol'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiFailure } from '../../base/api.ts'
import { askSql } from '../../base/dataset-api.ts'
import { useFacets } from '../../base/facets.tsx'
import type { Preview } from '../../base/feature-preview.ts'
import { formatAgo, plural } from '../../base/format.ts'
import { NOTEBOOK_ROWS_MAX, NOTEBOOK_ROWS_SHOWN } from '../../base/limits.ts'
import { useResource, type Resource } from '../../base/resource.ts'
import { CodeBox } from '../../widgets/code-box.tsx'
import { Button, IconButton, Select } from '../../widgets/controls.tsx'
import { FeatureRows } from '../../widgets/feature-rows.tsx'
import { Loading, Refused } from '../../widgets/notice.tsx'
import { ROW_PER, type Cell } from './cells.ts'
import { ColumnPlots } from './plots.tsx'
import { SqlAnswer } from './sql-answer.tsx'
import { useWholeStore } from './whole-store.ts'

type CellProps = {
  readonly cell: Cell
  readonly at: number
  /** undefined = features are of the whole store. */
  readonly traces: Resource<readonly Trace[]> | undefined
  readonly datasets: readonly DatasetView[]
  /** What stands there and is not run yet; undefined = nothing. */
  readonly onTyped: (text: string | undefined) => void
  readonly onChange: (cell: Cell) => void
  readonly onRemove: () => void
}

export function CellView({ cell, at, traces, datasets, onTyped, onChange, onRemove }: CellProps) {
  const [typed, setText] = useState(cell.text)
  const setTyped = (text: string): void => {
    setText(text)
    onTyped(text === latest.current.cell.text ? undefined : text)
  }
  const latest = useRef({ cell, typed })
  latest.current = { cell, typed }
  useEffect(() => {
    setText(cell.text)
    onTyped(undefined)
  }, [cell.text])
  // A cell that is gone holds nothing back.
  useEffect(() => () => onTyped(undefined), [])
  const run = (): void => onChange({ ...latest.current.cell, text: latest.current.typed })
  return (
    <>
      <header class="cell-head">
        <span class="muted">
          {at + 1} {cell.kind === 'sql' ? 'SQL' : cell.kind}
        </span>
        {cell.kind === 'features' && (
          <Select
            label="What a row is"
            value={cell.rowPer}
            options={ROW_PER.map((one) => ({ value: one, label: `a row each ${one}` }))}
            onChange={(rowPer) =>
              onChange({ ...cell, text: typed, rowPer: ROW_PER.find((one) => one === rowPer) ?? 'trace' })
            }
          />
        )}
        <span class="grow" />
        {typed !== cell.text && (
          <Button kind="primary" icon="play" title="Ctrl + Enter" onClick={run}>
            {cell.kind === 'text' ? 'Keep' : 'Run'}
          </Button>
        )}
        <IconButton icon="close" label={`Remove cell ${at + 1}`} onClick={onRemove} />
      </header>
      {cell.kind === 'text' ? (
        <textarea
          class="cell-text"
          aria-label="Text"
          rows={Math.max(2, typed.split('\n').length)}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onBlur={() => {
            if (typed !== cell.text) run()
          }}
        />
      ) : (
        <Code cell={cell} datasets={datasets} onText={setTyped} onRun={run} />
      )}
      {cell.kind === 'features' && cell.text.trim() !== '' && (
        <FeatureAnswer text={cell.text} rowPer={cell.rowPer} traces={traces} />
      )}
      {cell.kind === 'sql' && cell.text.trim() !== '' && <Sql text={cell.text} />}
    </>
  )
}

function Code({
  cell,
  datasets,
  onText,
  onRun,
}: {
  readonly cell: Cell
  readonly datasets: readonly DatasetView[]
  readonly onText: (text: string) => void
  readonly onRun: () => void
}) {
  const { attributeKeys } = useFacets()
  const around = useRef({ cell, datasets, attributeKeys })
  around.current = { cell, datasets, attributeKeys }
  const rowPer = (): DatasetRowPer =>
    around.current.cell.kind === 'features' ? around.current.cell.rowPer : 'trace'
  const load = async () =>
    cell.kind === 'sql'
      ? (await import('./sql-language.ts')).sqlLanguage(() => around.current.datasets)
      : (await import('../../widgets/feature-language.ts')).featureLanguage(() => ({
          rowPer: rowPer(),
          attributes: around.current.attributeKeys,
        }))
  return (
    <div class="cell-code">
      <CodeBox key={cell.kind} given={cell.text} load={load} onText={onText} onRun={onRun} />
    </div>
  )
}

type FeatureText = { readonly text: string; readonly rowPer: DatasetRowPer }

function FeatureAnswer({
  traces,
  ...asked
}: FeatureText & { readonly traces: Resource<readonly Trace[]> | undefined }) {
  return traces === undefined ? (
    <OfWholeStore key={`${asked.rowPer} ${asked.text}`} {...asked} />
  ) : (
    <OfSample {...asked} traces={traces} />
  )
}

function OfSample({ text, rowPer, traces }: FeatureText & { readonly traces: Resource<readonly Trace[]> }) {
  const key = traces.value === undefined ? undefined : `${rowPer} ${text}`
  const [preview, setPreview] = useState<Preview | 'wrong' | undefined>(undefined)
  useEffect(() => {
    if (key === undefined || traces.value === undefined) return
    let isGone = false
    const models = traces.value
    void import('../../base/feature-preview.ts').then(({ previewOf }) => {
      if (!isGone)
        setPreview(previewOf({ features: text, filter: '', rowPer }, models, NOTEBOOK_ROWS_MAX) ?? 'wrong')
    })
    return () => {
      isGone = true
    }
  }, [key, traces.value])
  if (key === undefined) return null
  if (preview === undefined) return <Loading what="rows" />
  return preview === 'wrong' ? <DoesNotStand /> : <FeatureColumns preview={preview} />
}

function OfWholeStore({ text, rowPer }: FeatureText) {
  const { preview, progress, isDone, error, stop } = useWholeStore(text, rowPer)
  if (error instanceof ApiFailure && error.code === 'E_FEATURES') return <DoesNotStand />
  const { rows, traces, skipped, weight, oldestMs } = progress
  return (
    <>
      <p class="explore-note muted whole-store" role="status">
        <span>
          {plural(rows, 'row')} of {plural(traces, 'trace')}
          {weight > 1.005 * traces && ` that stand for ${plural(Math.round(weight), 'trace')}`}
          {oldestMs !== undefined && `, back to ${formatAgo(Date.now() - oldestMs)}`}
          {rows > NOTEBOOK_ROWS_MAX && `; an even draw of ${plural(NOTEBOOK_ROWS_MAX, 'row')} is shown`}
          {skipped > 0 && `; ${plural(skipped, 'trace')} too large`}
        </span>
        {!isDone && (
          <>
            <span class="pulse" />
            <Button icon="stop" onClick={stop}>
              Stop
            </Button>
          </>
        )}
      </p>
      {error !== undefined && <Refused error={error} />}
      {preview !== undefined && <FeatureColumns preview={preview} />}
    </>
  )
}

const DoesNotStand = () => (
  <p class="explore-note muted" role="status">
    The text does not stand yet: the marks in it say why.
  </p>
)

function FeatureColumns({ preview }: { readonly preview: Preview }) {
  return (
    <>
      {preview.rows.length > 0 && <ColumnPlots preview={preview} />}
      <FeatureRows preview={{ ...preview, rows: preview.rows.slice(0, NOTEBOOK_ROWS_SHOWN) }} />
    </>
  )
}

function Sql({ text }: { readonly text: string }) {
  const asked = useResource(text, (signal) => askSql(text, signal))
  const { value, valueKey, error } = asked
  return (
    <>
      {error !== undefined && <Refused error={error} />}
      {value === undefined ? (
        error === undefined && <Loading what="the answer" />
      ) : (
        <div class={valueKey === text ? '' : 'stale'}>
          <SqlAnswer result={value} />
        </div>
      )}
    </>
  )
}
