// The datasets of the case studies: what a visit of the demo's page is, and what of Suggestions is on the
// path until its top is displayed.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { DatasetComparison, DatasetResult } from '#protocol'
import { ROOT } from '../../scripts/toolchain.mjs'
import type { Crosscut } from '../system/running.ts'

/** What a page is, as the tutorial defines it. */
const PAGES =
  /pages\.features <<'END'\n([\s\S]*?)\n *END/.exec(
    readFileSync(path.join(ROOT, 'docs', 'tutorial-regression.md'), 'utf8'),
  )?.[1] ?? ''

/** A row each. */
const SUGGESTIONS = `
Begin = ExecUnits | Filter(name = "Client") | Points | First
DisplayDone = ExecUnits | Filter(name = "Client") | Points | Filter(marker = "display_done") | First
Rows = CriticalPath(Begin -> DisplayDone) | Blocks | Filter(name ~ "*Suggestions")
Root | Label("service.version") | RecordAs("release")
Root | Label("experiment") | RecordAs("experiment")
Row | Label("service") | RecordAs("service")
Row | Label("name") | RecordAs("name")
Row | Parent | Label("name") | RecordAs("below")
Row | CriticalDuration(Begin -> DisplayDone) | In(ms) | RecordAs("critical_ms")
`

export async function defineDatasets(crosscut: Crosscut): Promise<void> {
  const common = { owner: 'web', filter: 'name = "page /page"' }
  const put = (name: string, more: object): Promise<unknown> =>
    crosscut.api(`/datasets/${name}`, { method: 'PUT', body: JSON.stringify({ ...common, ...more }) })
  await put('pages', { features: PAGES, rowPer: 'trace' })
  await put('suggestions', { features: SUGGESTIONS, rowPer: 'block' })
}

export async function ask(
  crosscut: Crosscut,
  dataset: string,
  question: object,
): Promise<DatasetResult['rows']> {
  const init = { method: 'POST', body: JSON.stringify(question) }
  return (await crosscut.api<DatasetResult>(`/datasets/${dataset}/query`, init)).rows
}

/** Columns that differ significantly between two populations of visits. */
export async function differing(crosscut: Crosscut, a: string, b: string): Promise<string[]> {
  const init = { method: 'POST', body: JSON.stringify({ a, b }) }
  const { columns } = await crosscut.api<DatasetComparison>('/datasets/pages/compare', init)
  return columns.filter(({ isSignificant }) => isSignificant).map(({ column }) => column)
}
