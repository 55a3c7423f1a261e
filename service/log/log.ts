// The write-ahead log: append resolves only when the record survives a power loss.
//
//   append --> pending --> [one group at a time: write + fdatasync] --> ack
//                                 |
//                 open segment (<= 8 MiB, <= 500 ms) --seal--> sealed --drop(id)--> gone, its keys kept in
//                 the window
//
// Group commit: while one fdatasync runs, what arrives waits and goes together with the next. A segment is
// left as soon as anything fails in it: its file is made to end, durably, where the last fdatasync succeeded,
// before anything else is written. So bytes that were never acked are never delivered beside their retry
// (fsyncgate: after EIO nothing pending can be believed). The key of a record (a content hash of the request)
// makes append idempotent within the window of recent keys. Cast: Log owns the folder; WriteSegment owns the
// open file; KeyWindow remembers. Readers (segment-reader.ts) need no lock. Source: group commit, DeWitt et
// al. 1984; "Can Applications Recover from fsync Failures?", ATC'20.

import type { Clock, Random } from '#base'
import type { Disk, DiskLock } from './disk.ts'
import { KeyWindow } from './key-window.ts'
import * as limits from './limits.ts'
import { LogError } from './log-error.ts'
import { healFolder } from './recovery.ts'
import type { LogReport } from './recovery.ts'
import { KEY_BYTES, recordBytes, segmentId } from './segment-format.ts'
import { beginSegment } from './segment-writer.ts'
import type { SegmentWriter } from './segment-writer.ts'

export type { LogReport } from './recovery.ts'
export type { LogRecord, SegmentContent } from './segment-reader.ts'

export type LogLimits = {
  readonly segmentBytesMax: number
  readonly segmentAgeMsMax: number
  readonly pendingBytesMax: number
  readonly logBytesMax: number
  readonly keysPerGeneration: number
}

export type LogOptions = {
  readonly dir: string
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly limits?: Partial<LogLimits>
}

/** A sealed segment: its content never changes again. */
export type SegmentInfo = {
  /**
   * `<number>-<salt>`: unique for ever, also when the folder was emptied, so it serves as deduplication
   * token.
   */
  readonly id: string
  readonly number: number
  readonly path: string
  /** Durable length; what lies behind it was never acked and is not to be read. */
  readonly bytes: number
  readonly recordCount: number
  readonly firstSequence: number
}

export type Appended = {
  readonly sequence: number
  /** True = a record of this key is already durable; nothing was written. */
  readonly isDuplicate: boolean
}

export type LogStats = {
  readonly records: number
  readonly bytes: number
  readonly duplicates: number
  readonly syncs: number
  /** Of fdatasync with its write. */
  readonly syncMsTotal: number
  readonly syncMsMax: number
  readonly segmentsSealed: number
  readonly segmentsLive: number
  readonly bytesLive: number
  readonly bytesPending: number
  readonly refusedFull: number
  readonly failedIo: number
}

export interface Log {
  /** What opening found and mended. */
  readonly report: LogReport
  /**
   * Resolves when durable. Owns: the record's bytes until then. Errors: LogError E_LOG_FULL, E_LOG_BUSY,
   * E_LOG_IO, ...
   */
  append(record: Uint8Array, key: Uint8Array): Promise<Appended>
  /** Sealed and not dropped, oldest first. */
  segments(): SegmentInfo[]
  onSealed(listener: (segment: SegmentInfo) => void): void
  /**
   * The consumer has it for good. Files go oldest first, so a gap in the numbers always means loss. Unknown
   * ids are ignored.
   */
  drop(id: string): Promise<void>
  /** Seals now what is open; for shutdown and tests. */
  seal(): Promise<void>
  stats(): LogStats
  /** Waits for what was accepted, seals, releases the lock. */
  close(): Promise<void>
}

type Pending = {
  readonly payload: Uint8Array
  readonly key: Uint8Array
  readonly keyText: string
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: LogError) => void
}

const DEFAULT_LIMITS: LogLimits = {
  segmentBytesMax: limits.SEGMENT_BYTES_MAX,
  segmentAgeMsMax: limits.SEGMENT_AGE_MS_MAX,
  pendingBytesMax: limits.PENDING_BYTES_MAX,
  logBytesMax: limits.LOG_BYTES_MAX,
  keysPerGeneration: limits.KEYS_PER_GENERATION,
}

/** Locks the folder, mends what a crash left, seals every segment found. Errors: E_LOG_LOCKED, E_LOG_IO. */
export async function openLog(options: LogOptions): Promise<Log> {
  const { dir, disk } = options
  const lock = await makeAndLock(disk, dir)
  if (lock === undefined) throw new LogError('E_LOG_LOCKED', `the log in ${dir} is in use by another process`)
  try {
    const window = await KeyWindow.load({
      disk,
      dir,
      keysPerGeneration: options.limits?.keysPerGeneration ?? limits.KEYS_PER_GENERATION,
    })
    const healed = await healFolder(disk, dir)
    for (const key of healed.keys) window.remember(key)
    const nextSequence = healed.nextSequence ?? firstSequenceAt(options.clock)
    return new SegmentedLog(options, { lock, window, ...healed, nextSequence })
  } catch (error: unknown) {
    await lock.release()
    throw cannotOpen(dir, error)
  }
}

/**
 * Where an empty log begins: at the milliseconds since 2020. All that it gave before may have been dropped,
 * and the store holds those sequences: beginning at 1 again, a new arrival would look older than what it
 * replaces, and every new record like a replay. Records come slower than one a millisecond in the long run;
 * were they faster, or the clock set back, readers must be right all the same, only slower.
 */
function firstSequenceAt(clock: Clock): number {
  return Math.max(1, Number(clock.nowNs() / 1_000_000n) - limits.SEQUENCE_EPOCH_MS)
}

async function makeAndLock(disk: Disk, dir: string): Promise<DiskLock | undefined> {
  try {
    await disk.makeDir(dir)
    return await disk.lock(`${dir}/lock`)
  } catch (error: unknown) {
    throw cannotOpen(dir, error)
  }
}

function cannotOpen(dir: string, error: unknown): LogError {
  if (error instanceof LogError) return error
  return new LogError('E_LOG_IO', `the log in ${dir} can not be opened: ${String(error)}`, error)
}

class SegmentedLog implements Log {
  readonly report: LogReport
  readonly #options: LogOptions
  readonly #limits: LogLimits
  readonly #lock: DiskLock
  readonly #window: KeyWindow
  readonly #sealed: SegmentInfo[]
  readonly #keysOf: Map<string, readonly Uint8Array[]>
  readonly #droppedIds = new Set<string>()
  readonly #listeners: ((segment: SegmentInfo) => void)[] = []
  readonly #inFlight = new Map<string, Promise<Appended>>()
  #pending: Pending[] = []
  #bytesPending = 0
  #bytesSealed = 0
  #writer: SegmentWriter | undefined
  /** A segment in which something failed and that could not be left yet: nothing is written before it is. */
  #broken: SegmentWriter | undefined
  #nextNumber: number
  #nextSequence: number
  /** The one chain of everything that touches the disk. */
  #work: Promise<void> = Promise.resolve()
  #isFlushing = false
  #isClosed = false
  #sealTimer: { cancel(): void } | undefined
  readonly #counts = {
    records: 0,
    bytes: 0,
    duplicates: 0,
    syncs: 0,
    syncMsTotal: 0,
    syncMsMax: 0,
    segmentsSealed: 0,
    refusedFull: 0,
    failedIo: 0,
  }

  constructor(
    options: LogOptions,
    found: {
      lock: DiskLock
      window: KeyWindow
      segments: readonly SegmentInfo[]
      keysBySegment: ReadonlyMap<string, readonly Uint8Array[]>
      nextNumber: number
      nextSequence: number
      report: LogReport
    },
  ) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#lock = found.lock
    this.#window = found.window
    this.#sealed = [...found.segments]
    this.#bytesSealed = this.#sealed.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#keysOf = new Map(found.keysBySegment)
    this.#nextNumber = found.nextNumber
    this.#nextSequence = found.nextSequence
    this.report = found.report
  }

  append(record: Uint8Array, key: Uint8Array): Promise<Appended> {
    if (key.length !== KEY_BYTES) throw new RangeError(`a key must have ${KEY_BYTES} bytes`)
    const keyText = KeyWindow.textOf(key)
    const known = this.#inFlight.get(keyText)
    if (known !== undefined) return known.then(({ sequence }) => this.#duplicate(sequence))
    if (this.#window.has(keyText)) return Promise.resolve(this.#duplicate(0))
    const refusal = this.#refusal(record)
    if (refusal !== undefined) return Promise.reject(refusal)
    const appended = new Promise<Appended>((resolve, reject) => {
      this.#pending.push({ payload: record, key, keyText, resolve, reject })
    })
    this.#bytesPending += recordBytes(record.length)
    this.#inFlight.set(keyText, appended)
    this.#flush()
    return appended
  }

  segments(): SegmentInfo[] {
    return this.#sealed.filter(({ id }) => !this.#droppedIds.has(id))
  }

  onSealed(listener: (segment: SegmentInfo) => void): void {
    this.#listeners.push(listener)
  }

  drop(id: string): Promise<void> {
    if (this.#isClosed) return Promise.reject(new LogError('E_LOG_CLOSED', 'the log is closed'))
    this.#droppedIds.add(id)
    return this.#enqueue(() => this.#removeDropped())
  }

  seal(): Promise<void> {
    return this.#enqueue(() => this.#sealWriter())
  }

  stats(): LogStats {
    return {
      ...this.#counts,
      segmentsLive: this.#sealed.length,
      bytesLive: this.#bytesLive(),
      bytesPending: this.#bytesPending,
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#enqueue(() => this.#sealWriter())
    await this.#window.close()
    await this.#lock.release()
  }

  #duplicate(sequence: number): Appended {
    this.#counts.duplicates++
    return { sequence, isDuplicate: true }
  }

  #refusal(record: Uint8Array): LogError | undefined {
    if (this.#isClosed) return new LogError('E_LOG_CLOSED', 'the log is closed')
    const bytes = recordBytes(record.length)
    if (record.length > limits.RECORD_BYTES_MAX) {
      return new LogError(
        'E_LOG_RECORD_SIZE',
        `a record of ${record.length} bytes is over the limit of ${limits.RECORD_BYTES_MAX}`,
      )
    }
    if (this.#bytesLive() + this.#bytesPending + bytes > this.#limits.logBytesMax) {
      this.#counts.refusedFull++
      return new LogError('E_LOG_FULL', `the log holds its limit of ${this.#limits.logBytesMax} bytes`)
    }
    if (this.#pending.length > 0 && this.#bytesPending + bytes > this.#limits.pendingBytesMax) {
      return new LogError('E_LOG_BUSY', `${this.#bytesPending} bytes are waiting for the disk`)
    }
    return undefined
  }

  #bytesLive(): number {
    return this.#bytesSealed + (this.#writer?.durableBytes ?? 0)
  }

  #enqueue(step: () => Promise<void>): Promise<void> {
    const done = this.#work.then(step)
    this.#work = done.catch(() => {})
    return done
  }

  #flush(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    void this.#enqueue(async () => {
      while (this.#pending.length > 0) await this.#commit(this.#takeGroup())
      this.#isFlushing = false
    })
  }

  #takeGroup(): Pending[] {
    let bytes = 0
    let count = 0
    while (
      count < this.#pending.length &&
      (count === 0 || bytes + this.#pending[count]!.payload.length <= limits.GROUP_BYTES_MAX)
    ) {
      bytes += this.#pending[count]!.payload.length
      count++
    }
    return this.#pending.splice(0, count)
  }

  /** Writes one group and answers each of its callers. Never throws. */
  async #commit(group: readonly Pending[]): Promise<void> {
    const { clock } = this.#options
    const startMs = clock.monotonicMs()
    try {
      await this.#leaveBroken()
      this.#writer ??= await this.#begin()
      await this.#writer.write(group, this.#nextSequence)
    } catch (error: unknown) {
      this.#counts.failedIo++
      this.#broken ??= this.#writer
      await this.#leaveBroken().catch(() => {})
      const failure = this.#toLogError(error)
      for (const one of group) this.#settle(one, () => one.reject(failure))
      return
    }
    this.#countSync(clock.monotonicMs() - startMs)
    for (const one of group) {
      const sequence = this.#nextSequence++
      this.#window.remember(one.key)
      this.#counts.records++
      this.#counts.bytes += one.payload.length
      this.#settle(one, () => one.resolve({ sequence, isDuplicate: false }))
    }
    if (this.#writer.durableBytes >= this.#limits.segmentBytesMax) await this.#sealWriter()
  }

  #settle(one: Pending, answer: () => void): void {
    this.#bytesPending -= recordBytes(one.payload.length)
    this.#inFlight.delete(one.keyText)
    answer()
  }

  #countSync(ms: number): void {
    this.#counts.syncs++
    this.#counts.syncMsTotal += ms
    this.#counts.syncMsMax = Math.max(this.#counts.syncMsMax, ms)
  }

  async #begin(): Promise<SegmentWriter> {
    const { dir, disk, random, clock } = this.#options
    const salt = new Uint8Array(8)
    random.fill(salt)
    const number = this.#nextNumber++
    const writer = await beginSegment(disk, dir, { number, salt, firstSequence: this.#nextSequence })
    this.#sealTimer = clock.setTimer(
      this.#limits.segmentAgeMsMax,
      () => void this.#enqueue(() => this.#sealWriter(writer)),
    )
    return writer
  }

  /**
   * Seals what was durable in the broken segment, once its file ends there. Errors: the disk's; then it stays
   * broken.
   */
  async #leaveBroken(): Promise<void> {
    const broken = this.#broken
    if (broken === undefined) return
    await broken.leave()
    this.#broken = undefined
    await this.#sealWriter(broken)
  }

  /** Sealing a broken segment waits until it could be left. */
  async #sealWriter(expected: SegmentWriter | undefined = this.#writer): Promise<void> {
    const writer = this.#writer
    if (writer === undefined || writer !== expected || writer === this.#broken) return
    this.#writer = undefined
    this.#sealTimer?.cancel()
    if (writer.keys.length === 0) return writer.close()
    const segment = {
      id: segmentId(writer.number, writer.salt),
      number: writer.number,
      path: writer.path,
      bytes: writer.durableBytes,
      recordCount: writer.keys.length,
      firstSequence: writer.firstSequence,
    }
    this.#sealed.push(segment)
    this.#bytesSealed += segment.bytes
    this.#keysOf.set(segment.id, writer.keys)
    this.#counts.segmentsSealed++
    await writer.close()
    for (const listener of this.#listeners) listener(segment)
  }

  /** Removes dropped segments, oldest first; their keys are durable in the window before the file goes. */
  async #removeDropped(): Promise<void> {
    const { disk, dir } = this.#options
    let removed = 0
    for (
      let oldest = this.#sealed[0];
      oldest !== undefined && this.#droppedIds.has(oldest.id);
      oldest = this.#sealed[0]
    ) {
      await this.#window.persist(this.#keysOf.get(oldest.id) ?? [])
      await disk.remove(oldest.path)
      this.#sealed.shift()
      this.#bytesSealed -= oldest.bytes
      this.#keysOf.delete(oldest.id)
      this.#droppedIds.delete(oldest.id)
      removed++
    }
    if (removed > 0) await disk.syncDir(dir)
  }

  #toLogError(error: unknown): LogError {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      this.#counts.refusedFull++
      return new LogError('E_LOG_FULL', 'the disk of the log is full', error)
    }
    return new LogError('E_LOG_IO', `the disk of the log failed: ${String(error)}`, error)
  }
}
