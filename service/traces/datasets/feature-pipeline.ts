// From traces that are due to rows: the work of the feature worker.
//
//   batch ---> cache -----.
//   due -----> incoming --+--> model (once a trace) --> fair queues, a job an owner --> rows --> tables
//              |  not in memory, late, replayed: late-traces, from the store --^    | full, or resting
//   delayed <--'-- too many                                                 '--> delayed, worked off idly
//   feature files: fair queues of their own, whose jobs go on in the processes of their owners
//   backfills, delayed --> ids --> late-traces of their own --^   (patient: wait for room)
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
import { buildTrace, prepareTrace, weightOf, type FeatureRow, type Trace } from '#model'
import type { Store } from '#store'
import type { EndReason } from '../feature-files/messages.ts'
import type { BackfillJob } from './backfills.ts'
import type { StoredDataset } from './definition.ts'
import { ALL_OWNERS, DelayedQueue } from './delayed-queue.ts'
import type { OwnerUse } from './fair-queues.ts'
import { Hold } from './hold.ts'
import { IdleWork } from './idle-work.ts'
import { LateTraces } from './late-traces.ts'
import * as limits from './limits.ts'
import { LiveDatasets, type DatasetUse, type EvaluationPorts } from './live-datasets.ts'
import { OwnerQueues, type Given } from './owner-queues.ts'
import { RowWriter } from './row-writer.ts'
import { keepSizes } from './table-sizes.ts'
import { TraceCache } from './trace-cache.ts'
import type { DueForFeatures, Incoming, Item, Ready } from './trace-items.ts'
import { tryOut, type Trial } from './trials.ts'

export type FeaturePorts = EvaluationPorts & {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  /** All of a due message is durable. */
  readonly settled: (id: number) => void
  readonly backfilled: (job: BackfillJob) => void
  /** Tables of datasets in which a worker before hung: their owners rest. */
  readonly suspects?: readonly number[]
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
  /** Threads of feature files that were ended, by why. */
  readonly filesEnded: Readonly<Record<EndReason, number>>
  readonly owners: ReadonlyMap<string, OwnerUse>
  readonly datasets: ReadonlyMap<string, DatasetUse>
}

/** How many times the CPU of a build may go into features while late traces wait (Canopy: 55 to 25). */
const EXTRACT_PER_BUILD = 4
/** Between looks at timers while no message comes. */
const REST_MS = 50

export class FeaturePipeline {
  readonly #ports: FeaturePorts
  readonly #live: LiveDatasets
  readonly #writer: RowWriter
  readonly #delayed: DelayedQueue
  readonly #queues: OwnerQueues
  readonly #late: LateTraces
  readonly #patient: LateTraces
  readonly #idle: IdleWork
  readonly #cache = new TraceCache()
  #dropped: readonly number[] = []
  readonly #incoming: Incoming[] = []
  #nextRetentionMs = 0
  #version = 0n
  #isClosed = false
  /** Nobody waits for company any more: rows are written as they come. */
  #isHurried = false
  #wake: (() => void) | undefined
  #looping: Promise<void> = Promise.resolve()
  readonly #suspects: Set<number>
  #counts = { tracesDue: 0, tracesBuilt: 0, tracesFromMemory: 0, tracesTooLarge: 0, buildCpuMs: 0, lagMs: 0 }

  constructor(ports: FeaturePorts) {
    const { store, clock, random, cpuMs, backfilled } = ports
    this.#ports = ports
    this.#suspects = new Set(ports.suspects)
    const bytes = new Uint8Array(8)
    random.fill(bytes)
    const epoch = toHex(bytes)
    const rouse = (): void => this.#rouse()
    this.#live = new LiveDatasets(ports)
    this.#writer = new RowWriter(store, clock, epoch)
    this.#delayed = new DelayedQueue(store, clock, epoch)
    this.#queues = new OwnerQueues({
      clock,
      cpuMs,
      live: this.#live,
      write: (dataset, rows, given) => this.#write(dataset, rows, given),
      delay: (owner, { traceId, hold }) => this.#delayed.add({ owner, traceId }, hold),
      onBack: rouse,
    })
    const reading = {
      store,
      clock,
      nextVersion: () => this.#nextVersion(),
      onRead: rouse,
      onTooLarge: (item: Item) => this.#takeBack(item, this.#nextVersion()),
    }
    this.#late = new LateTraces({
      ...reading,
      isResting: () => false,
      readEveryMs: limits.READ_LATE_EVERY_MS,
    })
    this.#patient = new LateTraces({
      ...reading,
      isResting: (item) => this.#isResting(item),
      readEveryMs: 0,
    })
    this.#idle = new IdleWork({
      store,
      clock,
      delayed: this.#delayed,
      resting: () => this.#queues.resting(),
      isResting: (dataset) => this.#isResting({ only: { dataset } }),
      patient: this.#patient,
      backfilled,
      onChange: rouse,
    })
  }

  /** Waits for the store, then works. Errors: those of the store. */
  async start(): Promise<void> {
    await this.#ports.store.ready()
    await this.#delayed.start()
    this.#looping = this.#loop()
  }

  /** In force for the next trace. dropped: tables of datasets that are no more. */
  setDatasets(datasets: readonly StoredDataset[], dropped: readonly number[]): void {
    this.#live.set(datasets)
    this.#queues.keep(new Set(this.#live.owners()))
    for (const { tableId, owner } of this.#live.stored())
      if (this.#suspects.delete(tableId)) this.#queues.quarantine(owner)
    this.#dropped = dropped
    this.#writer.drop(new Set(dropped))
    this.#idle.keep((name) => this.#live.has(name))
    this.#nextRetentionMs = 0
    this.#rouse()
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
        sinceMs: beganMs,
      })
    }
    hold.release()
    this.#isHurried ||= isLast
    this.#rouse()
  }

  /** Begins or goes on. */
  backfill(job: BackfillJob): void {
    this.#idle.backfill(job)
  }

  cancelBackfill(id: string): void {
    this.#idle.cancel(id)
  }

  /** What a definition makes of the newest traces; nothing is written. Errors: those of the store. */
  tryOut(dataset: StoredDataset): Promise<Trial> {
    return tryOut(this.#ports, dataset)
  }

  stats(): FeatureStats {
    const { delayed, workedOff, dropped } = this.#delayed.counts
    const { rowsWritten, rowsTakenBack, rowsFailed } = this.#writer.counts
    const [late, patient] = [this.#late.counts, this.#patient.counts]
    return {
      ...this.#counts,
      tracesFromStore: late.tracesFromStore + patient.tracesFromStore,
      tracesGone: late.tracesGone + patient.tracesGone,
      readFailures: late.readFailures + patient.readFailures,
      tracesDelayed: delayed,
      tracesWorkedOff: workedOff,
      tracesDropped: dropped,
      rowsWritten,
      rowsTakenBack,
      rowsFailed,
      rowsBuffered: this.#writer.bufferedRows,
      incomingWaiting: this.#incoming.length + this.#late.waiting,
      delayedWaiting: this.#delayed.waiting,
      cacheBytes: this.#cache.bytes,
      filesEnded: this.#queues.filesEnded,
      owners: this.#ownerUse(),
      datasets: this.#live.use(),
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
    this.#queues.close()
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
      this.#late.readSome()
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
      this.#queues.startAway()
      if (!hasBuilt && this.#queues.isIdle) return hasWorked
      hasWorked = true
      if (!this.#isLate()) this.#queues.runFor(hasBuilt ? 0.001 : limits.SLICE_MS)
      else {
        const share = (EXTRACT_PER_BUILD * spentMs) / this.#live.ownerCount
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
    for (const owner of this.#live.owners()) if (this.#queues.isFull(owner)) return false
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
    const ready = this.#late.take(() => true) ?? this.#patient.take((item) => this.#hasRoom(item))
    if (ready === undefined) return false
    this.#offer(ready)
    return true
  }

  #toRead(item: Item): void {
    if (this.#late.unreadCount < limits.UNREAD_MAX) return this.#late.add(item)
    this.#delayed.add({ owner: ALL_OWNERS, traceId: item.traceId }, item.hold)
    item.hold.release()
  }

  /** All its owners rest. Of several, those that do not go on: what the others miss is delayed for them. */
  #isResting(item: Pick<Item, 'only'>): boolean {
    const targets = this.#live.targets(item)
    return targets.length > 0 && targets.every(([owner]) => this.#queues.isResting(owner))
  }

  #hasRoom(item: Item): boolean {
    const targets = this.#live.targets(item)
    return (
      targets.every(([owner]) => this.#queues.hasRoom(owner) || this.#queues.isResting(owner)) &&
      !this.#isResting(item)
    )
  }

  #offer(ready: Ready): void {
    const { spans, version, hold } = ready
    if (spans.length > limits.FEATURE_SPANS_MAX) return this.#takeBack(ready, version)
    const trace = buildTrace(spans)
    const given: Given = { trace, prepared: prepareTrace(trace), ready }
    this.#counts.tracesBuilt++
    for (const [owner, datasets] of this.#live.targets(ready)) this.#queues.offer(owner, datasets, given)
    hold.release()
  }

  /** A trace that is too large has no rows: those of its beginning, due before it had grown, go. */
  #takeBack(item: Item, version: bigint): void {
    const { traceId, isAgain, hold } = item
    const nothing = { traceId, startNs: 0n, weight: 1, version, isAgain, rows: [] }
    this.#counts.tracesTooLarge++
    for (const [, datasets] of this.#live.targets(item))
      for (const { dataset } of datasets) this.#writer.add(dataset, nothing, hold)
    hold.release()
  }

  #write(
    dataset: StoredDataset,
    rows: readonly FeatureRow[],
    { trace, ready: { traceId, tailWeight, version, isAgain, hold, onRows } }: Given,
  ): void {
    onRows?.(rows.length)
    this.#writer.add(
      dataset,
      {
        traceId,
        startNs: startOf(trace),
        weight: weightOf(trace, tailWeight),
        version,
        isAgain,
        rows: withElements(rows),
      },
      hold,
    )
  }

  // --- beside live traces

  /** While no live trace waits for its model: the next of those that can wait. */
  #fillIdleTime(): void {
    if (this.#incoming.length > 0 || !this.#writer.hasRoom) return
    this.#idle.fill()
    this.#patient.readSome()
  }

  /** Every minute, and after a change. */
  #lookAtSizes(): void {
    const nowMs = this.#ports.clock.monotonicMs()
    if (nowMs < this.#nextRetentionMs) return
    this.#nextRetentionMs = nowMs + limits.RETENTION_CHECK_MS
    // What fails is tried again in a minute.
    void keepSizes(this.#ports.store, this.#live.stored(), this.#dropped).catch(() => undefined)
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
