// The way of a segment: announced -> read -> one block into `spans` by token -> dropped from the log ->
// assembled.
//
//   queue of segments, oldest first
//     up to INSERTS_AT_ONCE under way:  read, decode, encode (this thread)  ->  insert (then durable)
//     then assembler.add(each record)
//   every TICK_MS: assembler.due() -> summaries -> `traces` -> features (another thread); then drop the
//   segments that are all in summaries and whose features are durable
//
// Exactly once: the token of a block is the segment's id and the place of the block in it, both functions of
// the file alone. Dying before the drop means that the segment is announced again: the store ignores its
// token, and the summaries of its traces are computed anew. So neither a span nor the summary that shows it
// can be lost.
//
// What can not be stored (the engine refuses it for good, a record is of a newer format) must neither stop
// the line nor be lost: its segment is copied to `refused/` beside the log, counted, and told on stderr.

import { dirname, join } from 'node:path'
import { toHex, type Clock, type Random } from '#base'
import { readSegment, type Disk, type SegmentInfo } from '#log'
import { StoreError, type Row, type Store } from '#store'
import { Assembler, type Due, type DueTrace } from './assembler.ts'
import {
  BLOCK_RECORD_BYTES_MAX,
  CLOSE_MS_MAX,
  DELETE_EVERY_MS,
  DELETE_TRACES_MAX,
  FINISHED_IDS_MAX,
  INSERTS_AT_ONCE,
  KNOWN_BEFORE_SECONDS,
  SUMMARY_RETRY_MS,
  TICK_MS,
} from './assembly-limits.ts'
import { TailSampling } from './tail-sampling.ts'
import { decodeSpanBlock } from './span-block.ts'
import { SPANS_PER_RECORD_BITS, spanBlock, type SequencedBatch } from './span-table.ts'
import type { TailRule } from '#protocol'
import type { TraceFeatures } from './trace-features.ts'
import type { TraceWorkerStats } from './start-trace-worker.ts'
import type { Triggers } from './triggers.ts'
import { summaryBlock, summaryRows } from './summary-table.ts'

export type PipelineOptions = {
  readonly store: Store
  readonly drop: (segmentId: string) => void
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  /** Where records and due traces go besides; without it there are no datasets. */
  readonly features?: Pick<TraceFeatures, 'batch' | 'due'>
  readonly triggers?: Triggers
}

/** As it lay in the log. */
type ReadRecord = SequencedBatch & { readonly payload: Uint8Array }

export class TracePipeline {
  readonly #store: Store
  readonly #drop: (segmentId: string) => void
  readonly #disk: Disk
  readonly #clock: Clock
  /** Announced and not dropped; the log announces a segment again to a new consumer, never to the same. */
  readonly #known = new Set<string>()
  readonly #queue: SegmentInfo[] = []
  readonly #underWay = new Set<Promise<void>>()
  /** Tokens of summaries: of this start only, for memory that wrote them is gone with it. */
  readonly #epoch: string
  #assembler: Assembler | undefined
  /** Records up to here may be in the store since before our start. */
  #replayedUpTo = 0
  #ordinal = 0
  /** In the store, but with spans that no summary shows yet: ordinal to segment. */
  readonly #unsettled = new Map<number, SegmentInfo>()
  #summaryCount = 0
  readonly #tail = new TailSampling()
  #deletedMs = 0
  #deleting: Promise<void> = Promise.resolve()
  #ticker: { cancel(): void } | undefined
  #summarising: Promise<void> = Promise.resolve()
  readonly #features: PipelineOptions['features']
  readonly #triggers: Triggers | undefined
  /** Rounds whose features are not durable yet, in order. */
  #settling: Promise<void> = Promise.resolve()
  #isSummarising = false
  #isClosed = false
  #counts = {
    segmentsInserted: 0,
    spansInserted: 0,
    summariesWritten: 0,
    summariesFailed: 0,
    tracesReread: 0,
    damagedRecords: 0,
    lagMs: 0,
  }

  constructor(options: PipelineOptions) {
    this.#store = options.store
    this.#drop = options.drop
    this.#disk = options.disk
    this.#clock = options.clock
    this.#features = options.features
    this.#triggers = options.triggers
    const epoch = new Uint8Array(8)
    options.random.fill(epoch)
    this.#epoch = toHex(epoch)
  }

  /** Waits for the store, learns what it has, then works. Errors: those of the store. */
  async start(): Promise<void> {
    await this.#store.ready()
    this.#replayedUpTo = await newestSequence(this.#store)
    this.#assembler = new Assembler(await knownBefore(this.#store), this.#triggers)
    if (this.#isClosed) return
    this.#tickLater()
    this.#pump()
  }

  announce(segment: SegmentInfo): void {
    if (this.#known.has(segment.id) || this.#isClosed) return
    this.#known.add(segment.id)
    this.#queue.push(segment)
    this.#pump()
  }

  setTail(rule: TailRule | undefined): void {
    this.#tail.become(rule)
  }

  stats(): TraceWorkerStats {
    const memory = this.#assembler?.stats() ?? {
      duplicateSpans: 0,
      evictedTraces: 0,
      fencedTraces: 0,
      tracesInMemory: 0,
      spansInMemory: 0,
    }
    return {
      ...this.#counts,
      ...memory,
      ...this.#tail.stats(),
      segmentsWaiting: this.#queue.length + this.#underWay.size,
    }
  }

  /** Ends with what is under way; segments still waiting stay in the log. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#ticker?.cancel()
    // A store that does not come back must not hold up the end: what is not in it stays in the log.
    const late = this.#wait(CLOSE_MS_MAX)
    await Promise.race([this.#finish(), late.over])
    late.cancel()
  }

  async #finish(): Promise<void> {
    await Promise.all(this.#underWay)
    await this.#summarising
    await this.#deleting
    if (this.#assembler === undefined) return
    await this.#summarise(this.#assembler.flush(this.#clock.monotonicMs()), true)
    await this.#settling
  }

  #pump(): void {
    while (this.#assembler?.hasRoom() === true && !this.#isClosed && this.#underWay.size < INSERTS_AT_ONCE) {
      const segment = this.#queue.shift()
      if (segment === undefined) return
      const work = this.#take(segment, this.#assembler).catch((error: unknown) =>
        this.#passOver(segment, error),
      )
      this.#underWay.add(work)
      void work.then(() => {
        this.#underWay.delete(work)
        this.#pump()
      })
    }
  }

  async #take(segment: SegmentInfo, assembler: Assembler): Promise<void> {
    const batches = await this.#read(segment)
    let place = 0
    for (const block of blocksOf(batches)) {
      await this.#store.insert('spans', spanBlock(block), { token: `${segment.id}.${place++}` })
      for (const { batch } of block) this.#counts.spansInserted += batch.spanCount
    }
    this.#counts.segmentsInserted++
    const ordinal = this.#ordinal++
    this.#unsettled.set(ordinal, segment)
    for (const { batch, sequence, payload } of batches) {
      this.#features?.batch(payload)
      const arrival = { sequence, ordinal, isReplay: sequence <= this.#replayedUpTo }
      assembler.add(batch, arrival, this.#clock.monotonicMs())
    }
    const newest = batches.at(-1)
    if (newest !== undefined)
      this.#counts.lagMs = Number((this.#clock.nowNs() - newest.batch.receivedNs) / 1_000_000n)
  }

  async #read(segment: SegmentInfo): Promise<ReadRecord[]> {
    const content = await readSegment(this.#disk, segment)
    this.#counts.damagedRecords += content.lostRecords + content.tornRecords
    const batches: ReadRecord[] = []
    let isKept = false
    for (const record of content.records) {
      try {
        const { sequence, payload } = record
        batches.push({ sequence, batch: decodeSpanBlock(payload), payload })
      } catch (error: unknown) {
        // Its CRC was right, so it was written so: a format of a newer version, or a fault of ours.
        this.#counts.damagedRecords++
        if (!isKept) await keepRefused(this.#disk, segment, error)
        isKept = true
      }
    }
    return batches.filter(({ batch }) => batch.spanCount > 0)
  }

  async #passOver(segment: SegmentInfo, error: unknown): Promise<void> {
    if (this.#isClosed && error instanceof StoreError && error.code === 'E_STORE_CLOSED') return
    this.#counts.damagedRecords += segment.recordCount
    try {
      await keepRefused(this.#disk, segment, error)
      this.#drop(segment.id)
      this.#known.delete(segment.id)
    } catch (failure: unknown) {
      // No room for the copy: the log keeps it, and it is tried again at the next start.
      process.stderr.write(`crosscut: segment ${segment.id} could not be put aside: ${String(failure)}\n`)
    }
  }

  #tickLater(): void {
    this.#ticker = this.#clock.setTimer(TICK_MS, () => {
      this.#tickLater()
      this.#tick()
    })
  }

  #tick(): void {
    if (this.#isSummarising || this.#assembler === undefined) return
    this.#summarising = this.#summarise(this.#assembler.due(this.#clock.monotonicMs()), false)
    this.#pump()
    if (this.#clock.monotonicMs() - this.#deletedMs < DELETE_EVERY_MS) return
    this.#deletedMs = this.#clock.monotonicMs()
    this.#deleting = this.#deleting.then(() => this.#deleteDropped())
  }

  /** What fails is tried again with the next. */
  async #deleteDropped(): Promise<void> {
    const ids = this.#tail.due(this.#clock.monotonicMs(), DELETE_TRACES_MAX)
    if (ids.length === 0 || this.#isClosed) return
    try {
      await this.#store.command(DELETE, { params: { ids } })
      this.#tail.deleted(ids)
    } catch (error: unknown) {
      if (!this.#isClosed) process.stderr.write(`crosscut: dropped traces wait: ${String(error)}\n`)
    }
  }

  #wait(ms: number): { readonly over: Promise<void>; cancel(): void } {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#clock.setTimer(ms, resolve)
    return { over: promise, cancel: () => timer.cancel() }
  }

  async #summarise(due: Due, isLast: boolean): Promise<void> {
    this.#isSummarising = true
    // Segments that are added while we write belong to a later round.
    const settledBefore = Math.min(due.settledBefore, this.#ordinal)
    try {
      if (due.traces.length > 0) await this.#writeAll(due.traces)
      if (this.#features === undefined) this.#settle(settledBefore)
      else this.#settleWith(this.#features.due(this.#tail.kept(due.traces), isLast), settledBefore)
    } catch (error: unknown) {
      if (!this.#isClosed) throw error
    } finally {
      this.#isSummarising = false
    }
  }

  /**
   * Without its summary a trace is not found, so this goes on while the store is away; the log keeps the
   * segments meanwhile. A summary that fails by itself (a runaway trace that takes too long to read) is found
   * by halving, counted and left out.
   */
  async #writeAll(traces: readonly DueTrace[]): Promise<void> {
    for (;;) {
      try {
        return await this.#write(traces)
      } catch (error: unknown) {
        const code = error instanceof StoreError ? error.code : 'E_STORE_QUERY'
        if (code === 'E_STORE_CLOSED') throw error
        if (code !== 'E_STORE_UNAVAILABLE') return await this.#writeHalves(traces, error)
        if (this.#isClosed) throw error
        await this.#wait(SUMMARY_RETRY_MS).over
      }
    }
  }

  async #writeHalves(traces: readonly DueTrace[], error: unknown): Promise<void> {
    const [first] = traces
    if (traces.length === 1 && first !== undefined) {
      this.#counts.summariesFailed++
      process.stderr.write(`crosscut: no summary of trace ${first.traceId}: ${String(error)}\n`)
      return
    }
    const half = traces.length >> 1
    await this.#writeAll(traces.slice(0, half))
    await this.#writeAll(traces.slice(half))
  }

  /** Features are slower than summaries: the next rounds do not wait for them, only the drop does. */
  #settleWith(features: Promise<void>, before: number): void {
    this.#settling = Promise.all([this.#settling, features]).then(() => this.#settle(before))
  }

  #settle(before: number): void {
    for (const [ordinal, segment] of this.#unsettled) {
      if (ordinal >= before) return
      this.#unsettled.delete(ordinal)
      this.#known.delete(segment.id)
      this.#drop(segment.id)
    }
  }

  async #write(due: readonly DueTrace[]): Promise<void> {
    const all = await summaryRows(this.#store, due)
    const rows = this.#tail.isIdle ? all : this.#tail.keep(all, this.#clock.monotonicMs())
    this.#counts.tracesReread += due.reduce((n, { summary }) => (summary === undefined ? n + 1 : n), 0)
    if (rows.length === 0) return
    const token = `${this.#epoch}.${this.#summaryCount++}`
    await this.#store.insert('traces', summaryBlock(rows, Number(this.#clock.nowNs() / 1_000_000_000n)), {
      token,
    })
    this.#counts.summariesWritten += rows.length
  }
}

/**
 * Of the last day, where a dropped trace has its spans: the hours before are not looked through. A mask is
 * written beside each part that has some; merges take the rows out.
 */
const DELETE = `DELETE FROM spans WHERE ingest_hour >= toStartOfHour(now() - INTERVAL 1 DAY)
  AND trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))`

/**
 * Puts a copy of the segment aside, durable with its folder before the original may go. It is named by the
 * segment's id: numbers come again when the log was emptied. Errors: those of the disk.
 */
async function keepRefused(disk: Disk, segment: SegmentInfo, reason: unknown): Promise<void> {
  const logDir = dirname(segment.path)
  const dir = join(logDir, 'refused')
  const copy = join(dir, `${segment.id}.wal`)
  await disk.makeDir(dir)
  await disk.syncDir(logDir)
  // Half a copy, of a start before.
  await disk.remove(copy).catch(() => undefined)
  const file = await disk.create(copy)
  try {
    await file.write([await disk.readAll(segment.path)], 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.syncDir(dir)
  process.stderr.write(`crosscut: segment ${segment.id} can not be stored, see ${copy}: ${String(reason)}\n`)
}

/** Consecutive records that go in one insert; the cut depends on the records only. */
function* blocksOf(batches: readonly SequencedBatch[]): Generator<SequencedBatch[]> {
  let block: SequencedBatch[] = []
  let bytes = 0
  for (const one of batches) {
    const size = one.batch.strings.bytes.length + one.batch.spanCount * 200
    if (block.length > 0 && bytes + size > BLOCK_RECORD_BYTES_MAX) {
      yield block
      block = []
      bytes = 0
    }
    block.push(one)
    bytes += size
  }
  if (block.length > 0) yield block
}

/** Raw ids (latin1 text) of the traces that a worker before us may have had in memory. */
async function knownBefore(store: Store): Promise<string[]> {
  const rows: Row[] = await store.query(
    `SELECT DISTINCT lower(hex(trace_id)) AS id FROM spans
    WHERE ingest_time >= (SELECT max(ingest_time) FROM spans) - {seconds:UInt32} LIMIT {limit:UInt32}`,
    { params: { seconds: KNOWN_BEFORE_SECONDS, limit: FINISHED_IDS_MAX } },
  )
  return rows.map(({ id }) => Buffer.from(String(id), 'hex').toString('latin1'))
}

async function newestSequence(store: Store): Promise<number> {
  const rows = await store.query('SELECT bitShiftRight(max(seq), {bits:UInt8}) AS sequence FROM spans', {
    params: { bits: SPANS_PER_RECORD_BITS },
  })
  return Number(rows[0]?.['sequence'] ?? 0)
}
