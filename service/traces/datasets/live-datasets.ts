// Datasets in force, by name and by owner: compiled once a version, evaluated, and what each has cost.
//
// Owner: the feature pipeline. A version that is replaced while a trace waits for it gives way to the
// newer one when its turn comes.

import { FeatureBudget, type FeatureRow, type PreparedTrace } from '#model'
import type { CompiledDataset } from './compile-dataset.ts'
import type { StoredDataset } from './definition.ts'
import { ALL_OWNERS } from './delayed-queue.ts'
import { ROWS_PER_TRACE_MAX } from './limits.ts'
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
  failures: number
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
  #failures = 0

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

  get failures(): number {
    return this.#failures
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

  /** What the version in force makes of a trace; cost and losses are counted. */
  evaluate(
    asked: LiveDataset,
    trace: PreparedTrace,
  ): { readonly dataset: StoredDataset; readonly rows: readonly FeatureRow[] } {
    const live = this.#inForce(asked)
    const { dataset, use } = live
    const beganMs = this.#ports.cpuMs()
    const rows = this.#rowsOf(live, trace)
    use.rows += rows.length
    use.cpuMs += this.#ports.cpuMs() - beganMs
    return { dataset, rows }
  }

  #inForce(live: LiveDataset): LiveDataset {
    const current = this.#byName.get(live.dataset.name)
    return current?.dataset.tableId === live.dataset.tableId ? current : live
  }

  #rowsOf({ dataset, program, filter, use }: LiveDataset, trace: PreparedTrace): readonly FeatureRow[] {
    const budget = new FeatureBudget()
    let rows: readonly FeatureRow[] = []
    this.#ports.evaluating?.(dataset.tableId)
    try {
      if (filter(trace, budget)) {
        use.traces++
        rows = program.evaluate(trace, budget)
      }
    } catch (error: unknown) {
      // The language is total, so this is a fault of ours: one trace of one dataset must not
      // stop the others.
      use.failures++
      if (this.#failures++ === 0)
        process.stderr.write(`crosscut: features of ${dataset.name} failed: ${String(error)}\n`)
    }
    this.#ports.evaluating?.(0)
    use.overBudget += budget.overBudget
    use.notFinite += budget.notFinite
    use.cut += budget.cut
    use.rowsLeftOut += budget.rowsLeftOut + Math.max(0, rows.length - ROWS_PER_TRACE_MAX)
    return rows.slice(0, ROWS_PER_TRACE_MAX)
  }
}
