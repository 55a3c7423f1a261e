// The segment that is being written: one file, appended to in groups, each made durable before it counts.
//
// Owner: Log, which calls one method at a time. After a failed write() the file's tail is unknown: only
// leave() may follow.

import type { Disk, DiskFile } from './disk.ts'
import {
  encodeRecord,
  encodeSegmentHeader,
  FORMAT_VERSION,
  RECORDS_OFFSET,
  recordBytes,
  seedOf,
} from './segment-format.ts'
import { segmentName } from './segment-reader.ts'

export type SegmentWriter = {
  readonly number: number
  readonly salt: Uint8Array
  readonly path: string
  readonly firstSequence: number
  /** Of all durable records, in order. */
  readonly keys: readonly Uint8Array[]
  /** Length up to which an fdatasync succeeded. */
  readonly durableBytes: number
  /** Writes and syncs one group. Errors: the disk's; then nothing of the group counts. */
  write(
    group: readonly { readonly payload: Uint8Array; readonly key: Uint8Array }[],
    firstSequence: number,
  ): Promise<void>
  /** Never throws: what matters was synced before. */
  close(): Promise<void>
  /**
   * For a segment in which something failed: makes its file durably end at durableBytes, or go when it has no
   * record. Errors: the disk's; then the file may still hold bytes that were never acked, and leave() must be
   * tried again.
   */
  leave(): Promise<void>
}

/**
 * Creates the file. Its header becomes durable with the first group, the folder's entry here. Errors: the
 * disk's.
 */
export async function beginSegment(
  disk: Disk,
  dir: string,
  start: {
    readonly number: number
    readonly salt: Uint8Array
    readonly firstSequence: number
  },
): Promise<SegmentWriter> {
  const path = `${dir}/${segmentName(start.number)}`
  const file = await disk.create(path)
  try {
    const header = encodeSegmentHeader({ version: FORMAT_VERSION, ...start })
    await file.write([header], 0)
    await disk.syncDir(dir)
  } catch (error: unknown) {
    await quietly(() => file.close())
    await quietly(() => disk.remove(path))
    throw error
  }
  return new OpenSegment(disk, dir, file, path, start)
}

class OpenSegment implements SegmentWriter {
  readonly number: number
  readonly salt: Uint8Array
  readonly path: string
  readonly firstSequence: number
  readonly keys: Uint8Array[] = []
  durableBytes = RECORDS_OFFSET
  readonly #disk: Disk
  readonly #dir: string
  readonly #file: DiskFile
  readonly #seed: number

  constructor(
    disk: Disk,
    dir: string,
    file: DiskFile,
    path: string,
    start: { number: number; salt: Uint8Array; firstSequence: number },
  ) {
    this.#disk = disk
    this.#dir = dir
    this.#file = file
    this.path = path
    this.number = start.number
    this.salt = start.salt
    this.firstSequence = start.firstSequence
    this.#seed = seedOf(start.salt)
  }

  async write(
    group: readonly { payload: Uint8Array; key: Uint8Array }[],
    firstSequence: number,
  ): Promise<void> {
    const pieces: Uint8Array[] = []
    let bytes = 0
    group.forEach(({ payload, key }, indexInGroup) => {
      pieces.push(
        ...encodeRecord({ payload, key, sequence: firstSequence + indexInGroup, indexInGroup }, this.#seed),
      )
      bytes += recordBytes(payload.length)
    })
    await this.#file.write(pieces, this.durableBytes)
    await this.#file.sync()
    this.durableBytes += bytes
    for (const { key } of group) this.keys.push(key)
  }

  async close(): Promise<void> {
    await quietly(() => this.#file.close())
  }

  async leave(): Promise<void> {
    if (this.keys.length === 0) {
      await this.#disk.remove(this.path).catch(unlessMissing)
      await this.#disk.syncDir(this.#dir)
      return
    }
    const isCut = await quietly(async () => {
      await this.#file.truncate(this.durableBytes)
      await this.#file.sync()
    })
    if (!isCut)
      await copyAnew(
        this.#disk,
        this.#dir,
        this.path,
        (await this.#disk.readAll(this.path)).subarray(0, this.durableBytes),
      )
  }
}

/**
 * Puts a durable file of these bytes in place of another, in one step. Errors: the disk's; then the old one
 * is still there.
 */
export async function copyAnew(disk: Disk, dir: string, path: string, bytes: Uint8Array): Promise<void> {
  const copy = `${path}.new`
  await disk.remove(copy).catch(unlessMissing)
  const file = await disk.create(copy)
  try {
    await file.write([bytes], 0)
    await file.sync()
  } finally {
    await quietly(() => file.close())
  }
  await disk.rename(copy, path)
  await disk.syncDir(dir)
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
}

/** For clean-up after a failure that is reported already. */
async function quietly(step: () => Promise<void>): Promise<boolean> {
  try {
    await step()
    return true
  } catch {
    return false
  }
}
