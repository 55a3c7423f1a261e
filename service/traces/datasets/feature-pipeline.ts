// From traces that are due to rows: the work of the feature worker.
//
//   batch ---> cache -----.
//   due -----> incoming --+--> model (once a trace) --> fair queues, one job an owner --> rows --> tables
//              |  not in memory, late, replayed: read from the store --^     | full, or resting
//   delayed <--'-- too many                                                  '--> delayed, worked off idly
//   backfill --> pages of ids --> read from the store --^   (patient: waits for room, never delayed)
//
// Invariants
// - A due message is answered when all that it named is durable: rows in tables, or ids in the delayed
//   queue. Until then the log keeps the segments; so a death costs work, never rows.
// - A burst waits, up to a second; then building goes on whatever features cost: after each model every
//   owner gets a share of what it took, full queues overflow into the delayed one, and a dear owner's debt
//   is its own.
// - Live, delayed and backfilled traces go through the same evaluation.
// Source: Canopy 4.2.

import { toHex, type Clock, type Random } from '#base'
import {
  buildTrace,
  FeatureBudget,
  prepareTrace,
  weightOf,
  type FeatureRow,
  type OtlpSpan,
  type PreparedTrace,
  type Trace,
} from '#model'
import { enforceSize, StoreError, type Store } from '#store'
import type { CompiledDataset } from './compile-dataset.ts'
import { Backfill, type BackfillJob, type BackfillPage } from './backfills.ts'
import { tableOf, type StoredDataset } from './definition.ts'
import { ALL_OWNERS, DelayedQueue } from './delayed-queue.ts'
import { FairQueues, type OwnerUse } from './fair-queues.ts'
import { Hold } from './hold.ts'
import * as limits from './limits.ts'
import { RowWriter } from './row-writer.ts'
import { readTraces } from './stored-traces.ts'
import { TraceCache } from './trace-cache.ts'

export type DueForFeatures = {
  readonly traceId: string
  /** undefined = memory does not know: read it from the store. */
  readonly spanCount: number | undefined
  readonly isAgain: boolean
  /** What the tail rule lets it stand for. */
  readonly tailWeight: number
}

export type FeaturePorts = {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  /** CPU time of this thread. */
  readonly cpuMs: () => number
  /** Errors: DatasetError. */
  readonly compile: (dataset: StoredDataset) => CompiledDataset
  /** All of a due message is durable. */
  readonly settled: (id: number) => void
  readonly backfilled: (job: BackfillJob) => void
  /** Tells the table of the dataset that is evaluated from now on; 0 = none. */
  readonly evaluating?: (tableId: number) => void
  /** Tables of datasets in which a worker before hung: their owners rest. */
  readonly suspects?: readonly number[]
}

type Live = CompiledDataset & {
  readonly dataset: StoredDataset
  use: Use
}

/** Of a dataset, since the worker started. */
type Use = {
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
const NO_USE: Use = {
  traces: 0,
  rows: 0,
  cpuMs: 0,
  failures: 0,
  overBudget: 0,
  notFinite: 0,
  cut: 0,
  rowsLeftOut: 0,
}

/** A trace on its way. */
type Item = {
  readonly traceId: string
  readonly isAgain: boolean
  readonly hold: Hold
  /** undefined = all of them. */
  readonly only?: { readonly owner: string } | { readonly dataset: string }
  /** Waits for room in its owner's queue; else it is delayed. */
  readonly isPatient: boolean
  readonly onRows?: (rows: number) => void
}
type Incoming = Item & {
  readonly spanCount: number | undefined
  readonly tailWeight: number
  readonly sinceMs: number
}
type Ready = Item & {
  readonly spans: OtlpSpan[]
  readonly version: bigint
  readonly tailWeight: number
}

export type FeatureStats = {
  readonly tracesDue: number
  readonly tracesBuilt: number
  readonly tracesFromMemory: number
  readonly tracesFromStore: number
  readonly tracesTooLarge: number
  readonly tracesGone: number
  readonly tracesDelayed: number
  readonly tracesWorkedOff: number
  readonly tracesDropped: number
  readonly evaluationFailures: number
  readonly readFailures: number
  readonly rowsWritten: number
  readonly rowsTakenBack: number
  readonly rowsFailed: number
  readonly rowsBuffered: number
  readonly incomingWaiting: number
  readonly delayedWaiting: number
  readonly cacheBytes: number
  readonly buildCpuMs: number
  /** Due to durable, the newest message. */
  readonly lagMs: number
  readonly owners: ReadonlyMap<string, OwnerUse>
  readonly datasets: ReadonlyMap<string, Use>
}

/** How many times the CPU of a build may go into features while late traces wait (Canopy: 55 to 25). */
const EXTRACT_PER_BUILD = 4

export class FeaturePipeline {
  readonly #ports: FeaturePorts
  readonly #writer: RowWriter
  readonly #delayed: DelayedQueue
  readonly #queues: FairQueues
  readonly #cache = new TraceCache()
  #live = new Map<string, Live>()
  #byOwner = new Map<string, Live[]>()
  #dropped: readonly number[] = []
  readonly #incoming: Incoming[] = []
  readonly #unread: Item[] = []
  readonly #ready: Ready[] = []
  readonly #patient: Ready[] = []
  readonly #backfills = new Map<string, Backfill>()
  #isReading = false
  #isTaking = false
  #isPaging = false
  #readSize = limits.READ_TRACES_MAX
  #nextReadMs = 0
  #nextDelayedMs = 0
  #nextRetentionMs = 0
  #version = 0n
  #isClosed = false
  /** Nobody waits for company any more: rows are written as they come. */
  #isHurried = false
  #wake: (() => void) | undefined
  #looping: Promise<void> = Promise.resolve()
  readonly #suspects: Set<number>
  #counts = {
    tracesDue: 0,
    tracesBuilt: 0,
    tracesFromMemory: 0,
    tracesFromStore: 0,
    tracesTooLarge: 0,
    tracesGone: 0,
    evaluationFailures: 0,
    readFailures: 0,
    buildCpuMs: 0,
    lagMs: 0,
  }

  constructor(ports: FeaturePorts) {
    this.#ports = ports
    this.#suspects = new Set(ports.suspects)
    const bytes = new Uint8Array(8)
    ports.random.fill(bytes)
    const epoch = toHex(bytes)
    this.#writer = new RowWriter(ports.store, ports.clock, epoch)
    this.#delayed = new DelayedQueue(ports.store, ports.clock, epoch)
    this.#queues = new FairQueues({ cpuMs: ports.cpuMs, nowMs: () => ports.clock.monotonicMs() })
  }

  /** Waits for the store, then works. Errors: those of the store. */
  async start(): Promise<void> {
    await this.#ports.store.ready()
    await this.#delayed.start()
    this.#looping = this.#loop()
  }

  /** In force for the next trace. dropped: tables of datasets that are no more. */
  setDatasets(datasets: readonly StoredDataset[], dropped: readonly number[]): void {
    const before = this.#live
    this.#live = new Map(datasets.flatMap((dataset) => this.#liveOf(dataset, before.get(dataset.name))))
    this.#byOwner = Map.groupBy(this.#live.values(), ({ dataset }) => dataset.owner)
    this.#queues.keep(new Set(this.#byOwner.keys()))
    for (const { dataset } of this.#live.values())
      if (this.#suspects.delete(dataset.tableId)) this.#queues.quarantine(dataset.owner)
    this.#dropped = dropped
    this.#writer.drop(new Set(dropped))
    for (const backfill of this.#backfills.values())
      if (!this.#live.has(backfill.dataset)) backfill.end('cancelled', 'the dataset was removed')
    this.#nextRetentionMs = 0
    this.#rouse()
  }

  #liveOf(dataset: StoredDataset, known: Live | undefined): [string, Live][] {
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

  batch(payload: Uint8Array): void {
    if (this.#live.size > 0) this.#cache.add(payload)
  }

  due(id: number, traces: readonly DueForFeatures[], isLast = false): void {
    const beganMs = this.#ports.clock.monotonicMs()
    const hold = new Hold(() => {
      this.#counts.lagMs = this.#ports.clock.monotonicMs() - beganMs
      this.#ports.settled(id)
    })
    this.#counts.tracesDue += traces.length
    for (const { traceId, spanCount, isAgain, tailWeight } of this.#live.size === 0 ? [] : traces) {
      if (this.#incoming.length >= limits.INCOMING_MAX) {
        this.#delayed.add({ owner: ALL_OWNERS, traceId }, hold)
        continue
      }
      this.#incoming.push({
        traceId,
        spanCount,
        isAgain,
        tailWeight,
        hold: hold.hold(),
        isPatient: false,
        sinceMs: beganMs,
      })
    }
    hold.release()
    this.#isHurried ||= isLast
    this.#rouse()
  }

  /** Begins or goes on. */
  backfill(job: BackfillJob): void {
    if (this.#backfills.has(job.id)) return
    const backfill = new Backfill(this.#ports.store, job, this.#ports.backfilled)
    this.#backfills.set(job.id, backfill)
    this.#rouse()
  }

  cancelBackfill(id: string): void {
    this.#backfills.get(id)?.end('cancelled')
  }

  /** What a definition makes of the newest traces; nothing is written. Errors: those of the store. */
  async tryOut(dataset: StoredDataset): Promise<Trial> {
    const rows = await this.#ports.store.query(
      `SELECT lower(hex(trace_id)) AS id FROM traces WHERE is_deleted = 0 AND span_count <= {spans:UInt32}
      ORDER BY start_ns DESC LIMIT 1 BY trace_id LIMIT {most:UInt32}`,
      { params: { most: limits.CANARY_TRACES, spans: limits.FEATURE_SPANS_MAX } },
    )
    return this.evaluate(
      dataset,
      rows.map(({ id }) => String(id)),
    )
  }

  /** The same of these traces. */
  async evaluate(dataset: StoredDataset, traceIds: readonly string[]): Promise<Trial> {
    const { spans } = await readTraces(this.#ports.store, traceIds)
    const { program, filter } = this.#ports.compile(dataset)
    const trial = { traces: 0, matched: 0, rows: 0, overBudget: 0, cpuMs: 0, cpuMsMax: 0 }
    for (const one of spans.values()) {
      const trace = prepareTrace(buildTrace(one))
      const budget = new FeatureBudget()
      const beganMs = this.#ports.cpuMs()
      trial.traces++
      this.#ports.evaluating?.(dataset.tableId)
      if (filter(trace, budget)) {
        trial.matched++
        trial.rows += program.evaluate(trace, budget).length
      }
      this.#ports.evaluating?.(0)
      trial.overBudget += budget.overBudget
      const spentMs = this.#ports.cpuMs() - beganMs
      trial.cpuMs += spentMs
      trial.cpuMsMax = Math.max(trial.cpuMsMax, spentMs)
    }
    return trial
  }

  stats(): FeatureStats {
    const { delayed, workedOff, dropped } = this.#delayed.counts
    const { rowsWritten, rowsTakenBack, rowsFailed } = this.#writer.counts
    return {
      ...this.#counts,
      tracesDelayed: delayed,
      tracesWorkedOff: workedOff,
      tracesDropped: dropped,
      rowsWritten,
      rowsTakenBack,
      rowsFailed,
      rowsBuffered: this.#writer.bufferedRows,
      incomingWaiting: this.#incoming.length + this.#unread.length + this.#ready.length,
      delayedWaiting: this.#delayed.waiting,
      cacheBytes: this.#cache.bytes,
      owners: this.#ownerUse(),
      datasets: new Map([...this.#live].map(([name, { use }]) => [name, use])),
    }
  }

  /** Until when somebody rests by the clock on the wall. */
  #ownerUse(): ReadonlyMap<string, OwnerUse> {
    const { clock } = this.#ports
    const offsetMs = Number(clock.nowNs() / 1_000_000n) - clock.monotonicMs()
    return new Map(
      [...this.#queues.use()].map(([owner, { quarantinedUntilMs: until, ...use }]) => [
        owner,
        { ...use, ...(until === undefined ? {} : { quarantinedUntilMs: Math.round(until + offsetMs) }) },
      ]),
    )
  }

  /** Writes what is evaluated; what is not stays in the log and in the delayed queue. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#rouse()
    const late = this.#pause(limits.CLOSE_MS_MAX)
    await Promise.race([this.#finish(), late])
  }

  async #finish(): Promise<void> {
    await this.#looping
    await Promise.all([this.#writer.drain(), this.#delayed.drain()])
  }

  // --- the loop

  async #loop(): Promise<void> {
    while (!this.#isClosed) {
      const hasWorked = this.#slice()
      const isAtRest = this.#isHurried && !hasWorked
      this.#writer.flushDue(isAtRest)
      this.#delayed.flushDue(isAtRest)
      this.#readSome()
      this.#fillIdleTime()
      this.#lookAtSizes()
      if (!hasWorked) await this.#rest()
      // Also after a rest: who rouses at once must not keep messages out.
      await nextTurn()
    }
  }

  /** Works for SLICE_MS; false = there was nothing to do. */
  #slice(): boolean {
    const { cpuMs } = this.#ports
    const endMs = cpuMs() + limits.SLICE_MS
    let hasWorked = false
    while (this.#writer.hasRoom && cpuMs() < endMs) {
      const beganMs = cpuMs()
      const hasBuilt = this.#mayBuild() && this.#buildNext()
      const spentMs = cpuMs() - beganMs
      if (hasBuilt) this.#counts.buildCpuMs += spentMs
      if (!hasBuilt && this.#queues.isIdle) return hasWorked
      hasWorked = true
      if (!this.#isLate()) this.#queues.runFor(hasBuilt ? 0.001 : limits.SLICE_MS)
      else {
        const share = (EXTRACT_PER_BUILD * spentMs) / this.#byOwner.size
        this.#queues.runRound(Math.max(share, limits.SHARE_MS_MIN))
      }
    }
    return hasWorked
  }

  /** The trace that waits longest has waited long enough for others' features. */
  #isLate(): boolean {
    const [first] = this.#incoming
    return first !== undefined && this.#ports.clock.monotonicMs() - first.sinceMs >= limits.LATE_MS
  }

  #mayBuild(): boolean {
    if (this.#isLate()) return true
    for (const owner of this.#byOwner.keys()) if (this.#queues.isFull(owner)) return false
    return true
  }

  /** The model of one trace into its owners' queues. False = none is waiting that could go on. */
  #buildNext(): boolean {
    const incoming = this.#incoming.shift()
    if (incoming !== undefined) {
      const spans =
        incoming.spanCount === undefined ? undefined : this.#cache.spans(incoming.traceId, incoming.spanCount)
      if (spans === undefined) this.#toRead(incoming)
      else {
        this.#counts.tracesFromMemory++
        this.#offer({ ...incoming, spans, version: this.#nextVersion() })
      }
      return true
    }
    const ready = this.#ready.shift() ?? this.#takePatient()
    if (ready === undefined) return false
    this.#offer(ready)
    return true
  }

  #toRead(item: Item): void {
    if (item.isPatient || this.#unread.length < limits.UNREAD_MAX) return void this.#unread.push(item)
    this.#delayed.add({ owner: ALL_OWNERS, traceId: item.traceId }, item.hold)
    item.hold.release()
  }

  /** Of those that wait for room, the first whose owners have some. */
  #takePatient(): Ready | undefined {
    const place = this.#patient.findIndex((one) =>
      this.#targets(one).every(([owner]) => this.#queues.hasRoom(owner)),
    )
    return place < 0 ? undefined : this.#patient.splice(place, 1)[0]
  }

  #targets({ only }: Item): (readonly [string, readonly Live[]])[] {
    if (only === undefined) return [...this.#byOwner]
    if ('owner' in only) {
      if (only.owner === ALL_OWNERS) return [...this.#byOwner]
      const own = this.#byOwner.get(only.owner)
      return own === undefined ? [] : [[only.owner, own]]
    }
    const live = this.#live.get(only.dataset)
    return live === undefined ? [] : [[live.dataset.owner, [live]]]
  }

  #offer(ready: Ready): void {
    const { spans, hold, traceId, isPatient } = ready
    if (spans.length > limits.FEATURE_SPANS_MAX) {
      this.#counts.tracesTooLarge++
      return hold.release()
    }
    const targets = this.#targets(ready)
    if (isPatient && !targets.every(([owner]) => this.#queues.hasRoom(owner)))
      return void this.#patient.push(ready)
    const trace = buildTrace(spans)
    const prepared = prepareTrace(trace)
    this.#counts.tracesBuilt++
    const budgetMs = limits.JOB_MS_MAX + limits.JOB_MS_PER_SPAN * spans.length
    for (const [owner, datasets] of targets) {
      hold.hold()
      const run = (): void => {
        for (const live of datasets) this.#evaluateOne(live, { trace, prepared }, ready)
        hold.release()
      }
      if (this.#queues.offer(owner, { budgetMs, run }) === 'queued') continue
      this.#delayed.add({ owner, traceId }, hold)
      hold.release()
    }
    hold.release()
  }

  #evaluateOne(
    live: Live,
    given: { readonly trace: Trace; readonly prepared: PreparedTrace },
    ready: Ready,
  ): void {
    const { dataset, use } = live
    // Replaced while it waited: the newer version is in force.
    const current = this.#live.get(dataset.name)
    if (current !== undefined && current !== live && current.dataset.tableId === dataset.tableId)
      return this.#evaluateOne(current, given, ready)
    const beganMs = this.#ports.cpuMs()
    const rows = this.#rowsOf(live, given.prepared)
    use.rows += rows.length
    use.cpuMs += this.#ports.cpuMs() - beganMs
    ready.onRows?.(rows.length)
    this.#writer.add(
      dataset,
      {
        traceId: ready.traceId,
        startNs: startOf(given.trace),
        weight: weightOf(given.trace, ready.tailWeight),
        version: ready.version,
        isAgain: ready.isAgain,
        rows: withElements(rows),
      },
      ready.hold,
    )
  }

  #rowsOf({ dataset, program, filter, use }: Live, trace: PreparedTrace): readonly FeatureRow[] {
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
      if (this.#counts.evaluationFailures++ === 0)
        process.stderr.write(`crosscut: features of ${dataset.name} failed: ${String(error)}\n`)
    }
    this.#ports.evaluating?.(0)
    use.overBudget += budget.overBudget
    use.notFinite += budget.notFinite
    use.cut += budget.cut
    use.rowsLeftOut += budget.rowsLeftOut + Math.max(0, rows.length - limits.ROWS_PER_TRACE_MAX)
    return rows.slice(0, limits.ROWS_PER_TRACE_MAX)
  }

  // --- from the store

  #readSome(): void {
    const nowMs = this.#ports.clock.monotonicMs()
    const isFull = this.#ready.length + this.#patient.length >= limits.READ_TRACES_MAX * 4
    if (this.#isReading || this.#unread.length === 0 || nowMs < this.#nextReadMs || isFull) return
    this.#isReading = true
    // Late spans come a few at a time: one read takes all that came meanwhile.
    this.#nextReadMs = nowMs + READ_EVERY_MS
    const items = this.#unread.splice(0, this.#readSize)
    const version = this.#nextVersion()
    void this.#read(items, version).finally(() => {
      this.#isReading = false
      this.#rouse()
    })
  }

  async #read(items: readonly Item[], version: bigint): Promise<void> {
    try {
      const ids = [...new Set(items.map(({ traceId }) => traceId))]
      const { spans, tooLarge, weights } = await readTraces(this.#ports.store, ids)
      for (const item of items) {
        const found = spans.get(item.traceId)
        const tailWeight = weights.get(item.traceId) ?? 1
        if (found !== undefined) this.#ready.push({ ...item, spans: found, version, tailWeight })
        else {
          this.#counts[tooLarge.has(item.traceId) ? 'tracesTooLarge' : 'tracesGone']++
          item.hold.release()
        }
      }
      this.#counts.tracesFromStore += items.length
      this.#readSize = Math.min(limits.READ_TRACES_MAX, this.#readSize * 2)
    } catch (error: unknown) {
      this.#readAgain(items, error)
    }
  }

  /** Fewer at a time; one that fails alone is given up, as the summary of such a trace is. */
  #readAgain(items: readonly Item[], error: unknown): void {
    const code = error instanceof StoreError ? error.code : 'E_STORE_QUERY'
    this.#counts.readFailures++
    if (code === 'E_STORE_CLOSED') return
    if (code !== 'E_STORE_UNAVAILABLE' && items.length === 1) {
      process.stderr.write(`crosscut: no features of trace ${items[0]?.traceId}: ${String(error)}\n`)
      return items[0]?.hold.release()
    }
    if (code !== 'E_STORE_UNAVAILABLE') this.#readSize = Math.max(1, items.length >> 2)
    this.#unread.unshift(...items)
    this.#nextReadMs = this.#ports.clock.monotonicMs() + limits.STORE_RETRY_MS
  }

  /** The delayed queue, then backfills, while live traces do not wait. */
  #fillIdleTime(): void {
    const isBusy = this.#incoming.length > 0 || this.#unread.length > 0 || this.#ready.length > 0
    const isFull = this.#patient.length >= limits.READ_TRACES_MAX
    if (isBusy || isFull || !this.#writer.hasRoom) return
    this.#takeDelayed()
    if (this.#isPaging) return
    for (const [id, backfill] of this.#backfills) {
      if (backfill.isOver) this.#backfills.delete(id)
      else if (backfill.hasMore && backfill.pagesUnderWay < limits.BACKFILL_PAGES_UNDER_WAY_MAX)
        return this.#page(backfill)
    }
  }

  #takeDelayed(): void {
    const nowMs = this.#ports.clock.monotonicMs()
    if (this.#isTaking || this.#delayed.waiting === 0 || nowMs < this.#nextDelayedMs) return
    this.#isTaking = true
    this.#nextDelayedMs = nowMs + limits.DELAYED_CHECK_MS
    const take = async (): Promise<void> => {
      for (const delayed of await this.#delayed.take(this.#queues.quarantined())) {
        const hold = new Hold(() => this.#delayed.done(delayed))
        const only = { owner: delayed.owner }
        this.#unread.push({ traceId: delayed.traceId, isAgain: true, hold, only, isPatient: true })
      }
    }
    void take()
      // The store is away: it is asked again.
      .catch(() => undefined)
      .finally(() => {
        this.#isTaking = false
        this.#rouse()
      })
  }

  #page(backfill: Backfill): void {
    this.#isPaging = true
    const work = async (): Promise<void> => {
      const page = await backfill.next()
      if (page !== undefined) this.#takePage(backfill, page)
    }
    void work()
      .catch((error: unknown) => {
        const code = error instanceof StoreError ? error.code : 'E_STORE_QUERY'
        if (code === 'E_STORE_QUERY' || code === 'E_STORE_TIMEOUT') backfill.end('failed', String(error))
      })
      .finally(() => {
        this.#isPaging = false
        this.#rouse()
      })
  }

  #takePage(backfill: Backfill, { ids, done }: BackfillPage): void {
    let rows = 0
    const onRows = (count: number): void => {
      rows += count
    }
    const hold = new Hold(() => done(rows))
    const only = { dataset: backfill.dataset }
    for (const traceId of ids)
      this.#unread.push({ traceId, isAgain: true, hold: hold.hold(), only, isPatient: true, onRows })
    hold.release()
  }

  // --- tables

  /**
   * Every minute, and after a change: tables that are no more go, tables that are too large lose their
   * oldest.
   */
  #lookAtSizes(): void {
    const nowMs = this.#ports.clock.monotonicMs()
    if (nowMs < this.#nextRetentionMs) return
    this.#nextRetentionMs = nowMs + limits.RETENTION_CHECK_MS
    // What fails is tried again in a minute.
    void this.#keepSizes([...this.#live.values()].map(({ dataset }) => dataset)).catch(() => undefined)
  }

  async #keepSizes(datasets: readonly StoredDataset[]): Promise<void> {
    const { store } = this.#ports
    const rows = await store.query(`SELECT name FROM system.tables
      WHERE database = currentDatabase() AND name LIKE 'dataset\\_%'`)
    const there = new Set(rows.map(({ name }) => String(name)))
    for (const tableId of this.#dropped) {
      const table = tableOf({ tableId })
      if (there.has(table)) await store.command(`DROP TABLE IF EXISTS ${table}`)
    }
    const engine = {
      query: (sql: string, params?: { readonly [name: string]: number | string | readonly string[] }) =>
        store.query(sql, { params }),
      command: (sql: string, params?: { readonly [name: string]: number | string | readonly string[] }) =>
        store.command(sql, { params }),
    }
    for (const dataset of datasets)
      if (there.has(tableOf(dataset)))
        await enforceSize(engine, dataset.maxBytes ?? limits.DATASET_BYTES_DEFAULT, [tableOf(dataset)])
  }

  // --- time

  /** Grows, whatever the clock does: a later reading is a later version. */
  #nextVersion(): bigint {
    const nowNs = this.#ports.clock.nowNs()
    this.#version = nowNs > this.#version ? nowNs : this.#version + 1n
    return this.#version
  }

  #rouse(): void {
    this.#wake?.()
  }

  #rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#ports.clock.setTimer(REST_MS, resolve)
    this.#wake = () => {
      timer.cancel()
      resolve()
    }
    return promise.finally(() => {
      this.#wake = undefined
    })
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ports.clock.setTimer(ms, resolve)
    return promise
  }
}

export type Trial = {
  readonly traces: number
  readonly matched: number
  readonly rows: number
  readonly overBudget: number
  readonly cpuMs: number
  readonly cpuMsMax: number
}

/** Between looks at timers while no message comes. */
const REST_MS = 50
/** Between reads of late traces. */
const READ_EVERY_MS = 100

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Rows of one span (its events, edges into it) are told apart by a number after its id. */
function withElements(rows: readonly FeatureRow[]): { element: string; values: FeatureRow['values'] }[] {
  const seen = new Map<string, number>()
  return rows.map(({ element = '', values }) => {
    const times = (seen.get(element) ?? 0) + 1
    seen.set(element, times)
    return { element: times === 1 ? element : `${element}#${times}`, values }
  })
}

/** Of the earliest block, as aligned: the earliest span of the summary. */
function startOf({ blocks }: Trace): bigint {
  let earliest = blocks[0]?.startNs ?? 0n
  for (const { startNs } of blocks) if (startNs < earliest) earliest = startNs
  return earliest < 0n ? 0n : earliest
}
