// A notebook that is not saved is its address: cells in their order, and which traces the features are of.
//
//   ?cell=features:Trace | Duration | ..   pipelines over a sample of stored traces, in the page
//   ?cell=features/block:..                the same with a row for each block
//   ?cell=sql:SELECT ..                    a question to a dataset, on the server, over all of it
//   ?cell=text:..                          what one wants to say
//   ?sample=100                            newest traces in the sample; all = the whole store
//   ?of=3                                  the version of the saved notebook that was changed

import type { DatasetRowPer, NotebookCell, NotebookContent } from '#protocol'
import { NOTEBOOK_CELLS_MAX } from '../../base/limits.ts'

export type Cell = NotebookCell
export type Notebook = NotebookContent

export const ROW_PER: readonly DatasetRowPer[] = ['trace', 'unit', 'block', 'point', 'edge']
export const SAMPLES = [20, 100, 300, 'all'] as const
/** As the server takes it. */
const SAMPLE_MAX = 1_000

export function readNotebook(query: URLSearchParams): Notebook {
  return {
    cells: query
      .getAll('cell')
      .slice(0, NOTEBOOK_CELLS_MAX)
      .map(readCell)
      .filter((cell) => cell !== undefined),
    sample: readSample(query.get('sample')),
  }
}

function readSample(written: string | null): Notebook['sample'] {
  if (written === 'all') return written
  const count = Number(written)
  return Number.isInteger(count) && count > 0 && count <= SAMPLE_MAX ? count : SAMPLES[0]
}

const CELL = /^(features|sql|text)(?:\/(\w+))?:(.*)$/s

function readCell(written: string): Cell | undefined {
  const [, kind, row, text = ''] = CELL.exec(written) ?? []
  if (kind === 'features') return { kind, rowPer: ROW_PER.find((one) => one === row) ?? 'trace', text }
  return kind === 'sql' || kind === 'text' ? { kind, text } : undefined
}

export function writeNotebook({ cells, sample }: Notebook): URLSearchParams {
  const query = new URLSearchParams()
  for (const cell of cells) {
    const row = cell.kind === 'features' && cell.rowPer !== 'trace' ? `/${cell.rowPer}` : ''
    query.append('cell', `${cell.kind}${row}:${cell.text}`)
  }
  if (sample !== SAMPLES[0]) query.set('sample', String(sample))
  return query
}

/** What a new notebook begins with. */
export const FIRST: readonly Cell[] = [
  {
    kind: 'features',
    rowPer: 'trace',
    text: 'Root | Label("service") | RecordAs("service")\nTrace | Duration | In(ms) | RecordAs("duration_ms")',
  },
  {
    kind: 'sql',
    text: 'SELECT count, p99(duration_ms)\nFROM requests\nGROUP BY time(1m), service\nLIMIT 5',
  },
]

export const EMPTY: Readonly<Record<Cell['kind'], Cell>> = {
  features: { kind: 'features', rowPer: 'trace', text: '' },
  sql: { kind: 'sql', text: '' },
  text: { kind: 'text', text: '' },
}

export function isSame(a: Notebook, b: Notebook): boolean {
  return String(writeNotebook(a)) === String(writeNotebook(b))
}
