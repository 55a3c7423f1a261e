// The way of a segment: announced -> read -> one block into `spans` by token -> dropped from the log ->
// assembled.
//
//   queue of segments, oldest first
//     up to INSERTS_AT_ONCE under way:  read, decode, encode (this thread)  ->  insert (then durable)
//     then assembler.add(each record)
//   every TICK_MS: assembler.due() -> summaries -> `traces`; then drop the segments that are all in summaries
//
// Exactly once: the token of a block is the segment's id and the place of the block in it, both functions of
// the file alone. Dying before the drop means that the segment is announced again: the store ignores its
// token, and the summaries of its traces are computed anew. So neither a span nor the summary that shows it
// can be lost.
//
// What can not be stored (the engine refuses it for good, a record is of a newer format) must neither stop
// the line nor be lost: its segment is copied to `refused/` beside the log, counted, and told on stderr.

import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { nodeDisk, readSegment, type SegmentInfo } from '#log'
import { StoreError, type Row, type Store } from '#store'
import { Assembler, type Due, type DueTrace } from './assembler.ts'
import {
  BLOCK_RECORD_BYTES_MAX,
  CLOSE_MS_MAX,
  FINISHED_IDS_MAX,
  INSERTS_AT_ONCE,
  KNOWN_BEFORE_SECONDS,
  SUMMARY_RETRY_MS,
  TICK_MS,
} from './assembly-limits.ts'
import { decodeSpanBlock } from './span-block.ts'
import { SPANS_PER_RECORD_BITS, spanBlock, type SequencedBatch } from './span-table.ts'
import type { TraceWorkerStats } from './start-trace-worker.ts'
import { summaryBlock, summaryRows } from './summary-table.ts'

export type PipelineOptions = { readonly store: Store; readonly drop: (segmentId: string) => void }

export class TracePipeline {
  readonly #store: Store
  readonly #drop: (segmentId: string) => void
  /** Announced and not dropped; the log announces a segment again to a new consumer, never to the same. */
  readonly #known = new Set<string>()
  readonly #queue: SegmentInfo[] = []
  readonly #underWay = new Set<Promise<void>>()
  readonly #epoch = randomBytes(8).toString('hex')
  #assembler: Assembler | undefined
  /** Records up to here may be in the store since before our start. */
  #replayedUpTo = 0
  #ordinal = 0
  /** In the store, but with spans that no summary shows yet: ordinal to segment. */
  readonly #unsettled = new Map<number, SegmentInfo>()
  #summaryCount = 0
  #ticker: NodeJS.Timeout | undefined
  #summarising: Promise<void> = Promise.resolve()
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
  }

  /** Waits for the store, learns what it has, then works. Errors: those of the store. */
  async start(): Promise<void> {
    await this.#store.ready()
    this.#replayedUpTo = await newestSequence(this.#store)
    this.#assembler = new Assembler(await knownBefore(this.#store))
    if (this.#isClosed) return
    this.#ticker = setInterval(() => this.#tick(), TICK_MS)
    this.#pump()
  }

  announce(segment: SegmentInfo): void {
    if (this.#known.has(segment.id) || this.#isClosed) return
    this.#known.add(segment.id)
    this.#queue.push(segment)
    this.#pump()
  }

  stats(): TraceWorkerStats {
    const memory = this.#assembler?.stats() ?? {
      duplicateSpans: 0,
      evictedTraces: 0,
      fencedTraces: 0,
      tracesInMemory: 0,
      spansInMemory: 0,
    }
    return { ...this.#counts, ...memory, segmentsWaiting: this.#queue.length + this.#underWay.size }
  }

  /** Ends with what is under way; segments still waiting stay in the log. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#ticker)
    // A store that does not come back must not hold up the end: what is not in it stays in the log.
    await Promise.race([this.#finish(), new Promise((resolve) => setTimeout(resolve, CLOSE_MS_MAX).unref())])
  }

  async #finish(): Promise<void> {
    await Promise.all(this.#underWay)
    await this.#summarising
    if (this.#assembler !== undefined) await this.#summarise(this.#assembler.flush(performance.now()))
  }

  #pump(): void {
    while (this.#assembler !== undefined && !this.#isClosed && this.#underWay.size < INSERTS_AT_ONCE) {
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
    for (const { batch, sequence } of batches) {
      assembler.add(batch, { sequence, ordinal, isReplay: sequence <= this.#replayedUpTo }, performance.now())
    }
    const newest = batches.at(-1)
    if (newest !== undefined) this.#counts.lagMs = Date.now() - Number(newest.batch.receivedNs / 1_000_000n)
  }

  async #read(segment: SegmentInfo): Promise<SequencedBatch[]> {
    const content = await readSegment(nodeDisk, segment)
    this.#counts.damagedRecords += content.lostRecords + content.tornRecords
    const batches: SequencedBatch[] = []
    let isKept = false
    for (const record of content.records) {
      try {
        batches.push({ sequence: record.sequence, batch: decodeSpanBlock(record.payload) })
      } catch (error: unknown) {
        // Its CRC was right, so it was written so: a format of a newer version, or a fault of ours.
        this.#counts.damagedRecords++
        if (!isKept) await keepRefused(segment, error)
        isKept = true
      }
    }
    return batches.filter(({ batch }) => batch.spanCount > 0)
  }

  async #passOver(segment: SegmentInfo, error: unknown): Promise<void> {
    if (this.#isClosed && error instanceof StoreError && error.code === 'E_STORE_CLOSED') return
    this.#counts.damagedRecords += segment.recordCount
    try {
      await keepRefused(segment, error)
      this.#drop(segment.id)
      this.#known.delete(segment.id)
    } catch (failure: unknown) {
      // No room for the copy: the log keeps it, and it is tried again at the next start.
      process.stderr.write(`crosscut: segment ${segment.id} could not be put aside: ${String(failure)}\n`)
    }
  }

  #tick(): void {
    if (this.#isSummarising || this.#assembler === undefined) return
    this.#summarising = this.#summarise(this.#assembler.due(performance.now()))
  }

  async #summarise(due: Due): Promise<void> {
    this.#isSummarising = true
    // Segments that are added while we write belong to a later round.
    const settledBefore = Math.min(due.settledBefore, this.#ordinal)
    try {
      if (due.traces.length > 0) await this.#writeAll(due.traces)
      this.#settle(settledBefore)
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
        await new Promise((resolve) => setTimeout(resolve, SUMMARY_RETRY_MS))
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

  #settle(before: number): void {
    for (const [ordinal, segment] of this.#unsettled) {
      if (ordinal >= before) return
      this.#unsettled.delete(ordinal)
      this.#known.delete(segment.id)
      this.#drop(segment.id)
    }
  }

  async #write(due: readonly DueTrace[]): Promise<void> {
    const rows = await summaryRows(this.#store, due)
    this.#counts.tracesReread += due.reduce((n, { summary }) => (summary === undefined ? n + 1 : n), 0)
    if (rows.length === 0) return
    const token = `${this.#epoch}.${this.#summaryCount++}`
    await this.#store.insert('traces', summaryBlock(rows, Math.floor(Date.now() / 1000)), { token })
    this.#counts.summariesWritten += rows.length
  }
}

/** Puts a copy of the segment aside, durable before the original may go. Errors: those of the disk. */
async function keepRefused(segment: SegmentInfo, reason: unknown): Promise<void> {
  const dir = join(dirname(segment.path), 'refused')
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const copy = join(dir, basename(segment.path))
  await copyFile(segment.path, copy)
  const file = await open(copy, 'r+')
  await file.datasync().finally(() => file.close())
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
