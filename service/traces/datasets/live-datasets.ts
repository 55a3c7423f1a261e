// Datasets in force, by name and by owner: compiled once a version, evaluated, and what each has cost. Those
// of feature files are evaluated elsewhere (../feature-files); here is who passes, and what came of it.
//
// Owner: the feature pipeline. A version that is replaced while a trace waits for it gives way to the
// newer one when its turn comes.

import { FeatureBudget, type FeatureProgram, type FeatureRow, type PreparedTrace } from '#model'
import type { CompiledDataset } from './compile-dataset.ts'
import type { StoredDataset } from './definition.ts'
import { ALL_OWNERS } from './delayed-queue.ts'
import { ROWS_PER_TRACE_MAX } from './limits.ts'
import type { FileOutcome, FileProgram } from '../feature-files/messages.ts'
import type { Item } from './trace-items.ts'

export type EvaluationPorts = {
  /** CPU time of this thread. */
  readonly cpuMs: () => number
  /** Errors: DatasetError. */
  readonly compile: (dataset: StoredDataset) => CompiledDataset
  /** Tells the table of the dataset that is evaluated from now on; 0 = none. */
  readonly evaluating?: (tableId: number) => void
}

/** Of a dataset, since the worker started. */
export type DatasetUse = {
  traces: number
  rows: number
  cpuMs: number
  /** Traces that have no row because their features failed, and the last of them. */
  failures: number
  lastFailure?: { readonly message: string; readonly traceId: string }
  /** Features that are null: over the budget, not a finite number; texts cut; rows left out. */
  overBudget: number
  notFinite: number
  cut: number
  rowsLeftOut: number
}
const NO_USE: DatasetUse = {
  traces: 0,
  rows: 0,
  cpuMs: 0,
  failures: 0,
  overBudget: 0,
  notFinite: 0,
  cut: 0,
  rowsLeftOut: 0,
}

export type LiveDataset = CompiledDataset & {
  readonly dataset: StoredDataset
  readonly use: DatasetUse
}

export class LiveDatasets {
  readonly #ports: EvaluationPorts
  #byName: ReadonlyMap<string, LiveDataset> = new Map()
  #byOwner: ReadonlyMap<string, readonly LiveDataset[]> = new Map()

  constructor(ports: EvaluationPorts) {
    this.#ports = ports
  }

  /** In force for the next trace. */
  set(datasets: readonly StoredDataset[]): void {
    this.#byName = new Map(datasets.flatMap((dataset) => this.#compiled(dataset)))
    this.#byOwner = Map.groupBy(this.#byName.values(), ({ dataset }) => dataset.owner)
  }

  #compiled(dataset: StoredDataset): [string, LiveDataset][] {
    const known = this.#byName.get(dataset.name)
    const isSame = known?.dataset.tableId === dataset.tableId
    if (isSame && known.dataset.version === dataset.version) return [[dataset.name, known]]
    try {
      const use = isSame ? known.use : { ...NO_USE }
      return [[dataset.name, { ...this.#ports.compile(dataset), dataset, use }]]
    } catch (error: unknown) {
      // It was compiled before it was stored, by an earlier release perhaps: the others go on.
      process.stderr.write(`crosscut: dataset ${dataset.name} does not compile: ${String(error)}\n`)
      return []
    }
  }

  get size(): number {
    return this.#byName.size
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  owners(): Iterable<string> {
    return this.#byOwner.keys()
  }

  get ownerCount(): number {
    return this.#byOwner.size
  }

  stored(): readonly StoredDataset[] {
    return [...this.#byName.values()].map(({ dataset }) => dataset)
  }

  use(): ReadonlyMap<string, DatasetUse> {
    return new Map([...this.#byName].map(([name, { use }]) => [name, use]))
  }

  /** Who is to look at it, with which of its datasets. */
  targets({ only }: Pick<Item, 'only'>): readonly (readonly [string, readonly LiveDataset[]])[] {
    if (only === undefined) return [...this.#byOwner]
    if ('owner' in only) {
      if (only.owner === ALL_OWNERS) return [...this.#byOwner]
      const own = this.#byOwner.get(only.owner)
      return own === undefined ? [] : [[only.owner, own]]
    }
    const live = this.#byName.get(only.dataset)
    return live === undefined ? [] : [[live.dataset.owner, [live]]]
  }

  /** The version in force; itself, when its dataset is no more. */
  inForce(live: LiveDataset): LiveDataset {
    const current = this.#byName.get(live.dataset.name)
    return current?.dataset.tableId === live.dataset.tableId ? current : live
  }

  /** What its pipelines make of a trace; cost and losses are counted. */
  evaluate(live: LiveDataset, program: FeatureProgram, trace: PreparedTrace): readonly FeatureRow[] {
    const { filter, use } = live
    const budget = new FeatureBudget()
    const evaluate = () => (filter(trace, budget) ? program.evaluate(trace, budget) : undefined)
    const rows = this.#timed(live, trace, evaluate)
    if (rows !== undefined) use.traces++
    use.overBudget += budget.overBudget
    const kept = rows?.slice(0, ROWS_PER_TRACE_MAX) ?? []
    const { notFinite, cut } = budget
    const rowsLeftOut = budget.rowsLeftOut + (rows?.length ?? 0) - kept.length
    return count(use, { rows: kept, notFinite, cut, rowsLeftOut })
  }

  /** Whether a feature file is to look at the trace. */
  passes(live: LiveDataset, trace: PreparedTrace): boolean {
    const isPassed = this.#timed(live, trace, () => live.filter(trace, new FeatureBudget())) ?? false
    if (isPassed) live.use.traces++
    return isPassed
  }

  /** What a feature file made of a trace; undefined = it failed, and rows of an earlier reading stay. */
  took({ use }: LiveDataset, traceId: string, outcome: FileOutcome): readonly FeatureRow[] | undefined {
    use.cpuMs += outcome.cpuMs
    if (outcome.kind === 'rows') return count(use, outcome)
    use.failures++
    use.lastFailure = { message: outcome.message, traceId }
    return undefined
  }

  /** undefined = it failed. The language is total, so it is a fault of ours: it must not stop the others. */
  #timed<T>({ dataset, use }: LiveDataset, { index }: PreparedTrace, work: () => T): T | undefined {
    const beganMs = this.#ports.cpuMs()
    this.#ports.evaluating?.(dataset.tableId)
    try {
      return work()
    } catch (error: unknown) {
      use.failures++
      use.lastFailure = { message: String(error), traceId: index.trace.traceId }
      return undefined
    } finally {
      this.#ports.evaluating?.(0)
      use.cpuMs += this.#ports.cpuMs() - beganMs
    }
  }
}

/** A dataset of a feature file as its process knows it. */
export const fileProgramOf = ({
  tableId,
  version,
  file = '',
  features,
  rowPer,
  columns,
}: StoredDataset): FileProgram => ({
  key: `${tableId}.${version}`,
  name: file,
  source: features,
  rowPer,
  columns: columns.map(({ field: _field, ...column }) => column),
})

type Made = Pick<DatasetUse, 'notFinite' | 'cut' | 'rowsLeftOut'> & { readonly rows: readonly FeatureRow[] }

function count(use: DatasetUse, { rows, notFinite, cut, rowsLeftOut }: Made): readonly FeatureRow[] {
  use.rows += rows.length
  use.notFinite += notFinite
  use.cut += cut
  use.rowsLeftOut += rowsLeftOut
  return rows
}
