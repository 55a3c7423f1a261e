// Dataset definitions and their backfills: kept in datasets.json, told to the feature worker after
// each change.
//
//   put ── compile ──► next version ──► datasets.json ──► feature worker: in force for the next trace
//   backfill ──► job in datasets.json ──► feature worker ──► progress ──► datasets.json, once a second
//
// Tables are numbered by time, so a number never comes again; those of removed datasets are remembered
// until
// nobody can ask for them. Definitions that come with the server are written like any other, and
// follow it until
// somebody replaces or removes them.

import { randomBytes } from 'node:crypto'
import type { BackfillView, DatasetColumn, DatasetDefinition, DatasetView } from '#protocol'
import {
  BUILT_IN_DATASETS,
  BUILT_IN_OWNER,
  changeDataset,
  columnsOfFile,
  compileDataset,
  compilePipelines,
  createDataset,
  DatasetError,
  FeatureFileError,
  readFeatureFile,
  datasetLimits as limits,
  type BackfillJob,
  type FeatureStats,
  type StoredDataset,
} from '#traces'
import { readIfThere, replaceFile } from './files.ts'
import { RequestError, ServerError } from './server-error.ts'

/** What the feature worker is told. */
export type FeaturePort = {
  setDatasets(datasets: readonly StoredDataset[], dropped: readonly number[]): void
  backfill(job: BackfillJob): void
  cancelBackfill(id: string): void
}

type Saved = {
  readonly format: 1
  readonly datasets: readonly StoredDataset[]
  readonly dropped: readonly number[]
  /** Names of ours that somebody removed. */
  readonly removedBuiltIns: readonly string[]
  readonly backfills: readonly BackfillJob[]
}

type Parts = {
  readonly file: string
  /** The operator's TypeScript feature files. */
  readonly featuresDir: string
  readonly nowMs: () => number
}

/** Tables of removed datasets that are told to every worker. */
const DROPPED_MAX = 1_000

export class Datasets {
  readonly #parts: Parts
  readonly #datasets: Map<string, StoredDataset>
  readonly #backfills: Map<string, BackfillJob>
  #dropped: readonly number[]
  #removedBuiltIns: ReadonlySet<string>
  #port: FeaturePort | undefined
  #saveTimer: NodeJS.Timeout | undefined

  /** Errors: E_DATA_DAMAGED. */
  constructor(parts: Parts) {
    this.#parts = parts
    const saved = readSaved(parts.file)
    this.#datasets = new Map(saved?.datasets.map((dataset) => [dataset.name, dataset]))
    this.#backfills = new Map(saved?.backfills.map((job) => [job.dataset, job]))
    this.#dropped = saved?.dropped ?? []
    this.#removedBuiltIns = new Set(saved?.removedBuiltIns)
    if (this.#followServer()) this.#save()
  }

  /** The worker that works from now on: it is told everything. */
  connect(port: FeaturePort): void {
    this.#port = port
    this.#tell()
    for (const job of this.#backfills.values())
      if (job.state === 'running' || job.state === 'waiting') port.backfill(job)
  }

  get(name: string): StoredDataset | undefined {
    return this.#datasets.get(name)
  }

  owners(): ReadonlyMap<string, readonly string[]> {
    const byOwner = Map.groupBy(this.#datasets.values(), ({ owner }) => owner)
    return new Map([...byOwner].map(([owner, own]) => [owner, own.map(({ name }) => name)]))
  }

  /** By the number of a table. */
  ofTable(tableId: number): StoredDataset | undefined {
    return [...this.#datasets.values()].find((dataset) => dataset.tableId === tableId)
  }

  /**
   * What would be in force; nothing changes. Errors: DatasetError; 409 when there are too many.
   */
  async draft(name: string, given: DatasetDefinition, by: string): Promise<StoredDataset> {
    const { definition, columns } = await this.#compiled(given)
    const change = { definition, columns, atMs: this.#parts.nowMs(), by }
    const before = this.#datasets.get(name)
    if (before !== undefined) {
      const next = changeDataset(before, change)
      return next === before ? before : { ...next, isBuiltIn: false }
    }
    if (this.#datasets.size >= limits.DATASETS_MAX)
      throw new RequestError(
        409,
        'E_TOO_MANY_DATASETS',
        `there are ${limits.DATASETS_MAX} datasets already`,
        'remove one, or add features to one that is there',
      )
    return createDataset({ ...change, name, tableId: this.#nextTableId(), isBuiltIn: false })
  }

  /** A feature file is read here, once: what stands in the folder later changes nothing. */
  async #compiled(
    given: DatasetDefinition,
  ): Promise<{ readonly definition: DatasetDefinition; readonly columns: readonly DatasetColumn[] }> {
    const { program } = compileDataset(given)
    if (program !== undefined) return { definition: given, columns: program.columns }
    const { file: name = '', rowPer } = given
    try {
      const source = readFeatureFile(this.#parts.featuresDir, name)
      const columns = await columnsOfFile({ name, source, rowPer })
      return { definition: { ...given, features: source }, columns }
    } catch (error: unknown) {
      if (!(error instanceof FeatureFileError)) throw error
      throw new DatasetError(
        'E_DATASET_FILE',
        error.message,
        'crosscut features check FILE tries it at your desk',
      )
    }
  }

  /** Puts a draft into force. */
  put(dataset: StoredDataset): void {
    if (this.#datasets.get(dataset.name) === dataset) return
    this.#datasets.set(dataset.name, dataset)
    this.#removedBuiltIns = new Set([...this.#removedBuiltIns].filter((name) => name !== dataset.name))
    this.#save()
    this.#tell()
  }

  remove(name: string): boolean {
    const dataset = this.#datasets.get(name)
    if (dataset === undefined) return false
    this.#datasets.delete(name)
    this.#backfills.delete(name)
    this.#dropped = [...this.#dropped, dataset.tableId].slice(-DROPPED_MAX)
    if (Object.hasOwn(BUILT_IN_DATASETS, name))
      this.#removedBuiltIns = new Set([...this.#removedBuiltIns, name])
    this.#save()
    this.#tell()
    return true
  }

  /** Errors: 409 while one of this dataset runs. */
  startBackfill(given: {
    readonly name: string
    readonly version: number
    readonly fromNs: bigint
    readonly toNs: bigint
    readonly by: string
  }): BackfillView {
    const running = this.#backfills.get(given.name)
    if (running?.state === 'running' || running?.state === 'waiting')
      throw new RequestError(
        409,
        'E_BACKFILL_RUNS',
        `a backfill of ${given.name} runs: ${running.tracesDone} of ${running.tracesTotal} traces`,
        `DELETE /api/v1/datasets/${given.name}/backfill cancels it`,
      )
    const job: BackfillJob = {
      id: randomBytes(8).toString('hex'),
      dataset: given.name,
      version: given.version,
      fromNs: String(given.fromNs),
      toNs: String(given.toNs),
      fromMs: Number(given.fromNs / 1_000_000n),
      toMs: Number(given.toNs / 1_000_000n),
      state: 'waiting',
      tracesDone: 0,
      tracesTotal: 0,
      rows: 0,
      startedMs: this.#parts.nowMs(),
      by: given.by,
    }
    this.#backfills.set(given.name, job)
    this.#save()
    this.#port?.backfill(job)
    return backfillView(job)
  }

  cancelBackfill(name: string): BackfillView | undefined {
    const job = this.#backfills.get(name)
    if (job === undefined) return undefined
    if (job.state !== 'running' && job.state !== 'waiting') return backfillView(job)
    const cancelled: BackfillJob = { ...job, state: 'cancelled' }
    this.#backfills.set(name, cancelled)
    this.#save()
    this.#port?.cancelBackfill(job.id)
    return backfillView(cancelled)
  }

  backfill(name: string): BackfillView | undefined {
    const job = this.#backfills.get(name)
    return job === undefined ? undefined : backfillView(job)
  }

  /** Progress, as the worker tells it. */
  tookStep(job: BackfillJob): void {
    const known = this.#backfills.get(job.dataset)
    if (known?.id !== job.id || known.state === 'cancelled') return
    this.#backfills.set(job.dataset, job)
    if (job.state === 'running' || job.state === 'waiting') this.#saveSoon()
    else this.#save()
  }

  view(dataset: StoredDataset, stats?: FeatureStats): DatasetView {
    const { tableId: _table, nextField: _next, retired: _retired, columns, ...rest } = dataset
    const use = stats?.datasets.get(dataset.name)
    const until = stats?.owners.get(dataset.owner)?.quarantinedUntilMs
    const backfill = this.backfill(dataset.name)
    return {
      ...rest,
      columns: columns.map(({ field: _field, ...column }) => column),
      ...(use === undefined
        ? {}
        : { use: { ...use, ...(until === undefined ? {} : { quarantinedUntilMs: until }) } }),
      ...(backfill === undefined ? {} : { backfill }),
    }
  }

  list(stats?: FeatureStats): DatasetView[] {
    const names = [...this.#datasets.keys()].sort()
    return names.map((name) => this.view(this.#datasets.get(name)!, stats))
  }

  close(): void {
    if (this.#saveTimer !== undefined) this.#save()
  }

  /** Definitions of this release, where nobody has made them their own. True = something changed. */
  #followServer(): boolean {
    let isChanged = false
    for (const [name, shipped] of Object.entries(BUILT_IN_DATASETS)) {
      const known = this.#datasets.get(name)
      if (this.#removedBuiltIns.has(name) || known?.isBuiltIn === false) continue
      const definition = { ...shipped, owner: BUILT_IN_OWNER }
      const { columns } = compilePipelines(definition)
      const change = { definition, columns, atMs: this.#parts.nowMs(), by: 'server' }
      const next =
        known === undefined
          ? createDataset({ ...change, name, tableId: this.#nextTableId(), isBuiltIn: true })
          : changeDataset(known, change)
      if (next === known) continue
      this.#datasets.set(name, next)
      isChanged = true
    }
    return isChanged
  }

  #nextTableId(): number {
    const used = [...[...this.#datasets.values()].map(({ tableId }) => tableId), ...this.#dropped]
    return Math.max(Math.floor(this.#parts.nowMs() / 1000), ...used.map((id) => id + 1))
  }

  #tell(): void {
    this.#port?.setDatasets([...this.#datasets.values()], this.#dropped)
  }

  #saveSoon(): void {
    this.#saveTimer ??= setTimeout(() => this.#save(), limits.BACKFILL_SAVE_MS)
    this.#saveTimer.unref()
  }

  #save(): void {
    clearTimeout(this.#saveTimer)
    this.#saveTimer = undefined
    const saved: Saved = {
      format: 1,
      datasets: [...this.#datasets.values()],
      dropped: this.#dropped,
      removedBuiltIns: [...this.#removedBuiltIns],
      backfills: [...this.#backfills.values()],
    }
    replaceFile(this.#parts.file, `${JSON.stringify(saved, null, 1)}\n`)
  }
}

function backfillView({
  id: _id,
  fromNs: _from,
  toNs: _to,
  cursor: _cursor,
  ...view
}: BackfillJob): BackfillView {
  return view
}

function readSaved(file: string): Saved | undefined {
  const content = readIfThere(file)
  if (content === undefined) return undefined
  try {
    const value: unknown = JSON.parse(content)
    if (isSaved(value)) return value
  } catch {
    // Said below.
  }
  throw new ServerError(
    'E_DATA_DAMAGED',
    `${file} does not hold definitions of datasets; restore it, or remove it: then those of the server are made ` +
      'anew, and rows of the others are lost',
  )
}

function isSaved(value: unknown): value is Saved {
  if (typeof value !== 'object' || value === null) return false
  const { format, datasets, dropped, removedBuiltIns, backfills } = Object(value)
  const lists = [datasets, dropped, removedBuiltIns, backfills]
  return format === 1 && lists.every(Array.isArray) && datasets.every(isDataset)
}

function isDataset(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { name, owner, filter, features, rowPer, version, tableId, columns, retired } = Object(value)
  const texts = [name, owner, filter, features, rowPer]
  return (
    texts.every((text) => typeof text === 'string') &&
    Number.isSafeInteger(version) &&
    Number.isSafeInteger(tableId) &&
    Array.isArray(columns) &&
    Array.isArray(retired)
  )
}
