// The segment that is being written: one file, appended to in groups, each made durable before it counts.
//
// Owner: Log, which calls one method at a time. After a failed write() the file's tail is unknown: only cutToDurable(),
// close() and remove() may follow.

import type { Disk, DiskFile } from './disk.ts'
import { encodeRecord, encodeSegmentHeader, FORMAT_VERSION, RECORDS_OFFSET, recordBytes, seedOf } from './segment-format.ts'
import { segmentName } from './segment-reader.ts'

export type PreviousSegment = { readonly number: number; readonly bytes: number }

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
  write(group: readonly { readonly payload: Uint8Array; readonly key: Uint8Array }[], firstSequence: number): Promise<void>
  /** True = the file durably ends at durableBytes. Never throws. */
  cutToDurable(): Promise<boolean>
  /** Never throws: what matters was synced before. */
  close(): Promise<void>
  /** For a segment without records; leaves the file where the disk refuses, recovery knows an empty segment. */
  remove(): Promise<void>
}

/** Creates the file. Its header becomes durable with the first group, the folder's entry here. Errors: the disk's. */
export async function beginSegment(disk: Disk, dir: string, start: {
  readonly number: number; readonly salt: Uint8Array; readonly firstSequence: number; readonly previous: PreviousSegment
}): Promise<SegmentWriter> {
  const path = `${dir}/${segmentName(start.number)}`
  const file = await disk.create(path)
  try {
    const header = encodeSegmentHeader({
      version: FORMAT_VERSION, salt: start.salt, number: start.number, firstSequence: start.firstSequence,
      previousNumber: start.previous.number, previousBytes: start.previous.bytes,
    })
    await file.write([header], 0)
    await disk.syncDir(dir)
  } catch (error: unknown) {
    await quietly(() => file.close())
    await quietly(() => disk.remove(path))
    throw error
  }
  return new OpenSegment(disk, file, path, start)
}

class OpenSegment implements SegmentWriter {
  readonly number: number
  readonly salt: Uint8Array
  readonly path: string
  readonly firstSequence: number
  readonly keys: Uint8Array[] = []
  durableBytes = RECORDS_OFFSET
  readonly #disk: Disk
  readonly #file: DiskFile
  readonly #seed: number

  constructor(disk: Disk, file: DiskFile, path: string, start: { number: number; salt: Uint8Array; firstSequence: number }) {
    this.#disk = disk
    this.#file = file
    this.path = path
    this.number = start.number
    this.salt = start.salt
    this.firstSequence = start.firstSequence
    this.#seed = seedOf(start.salt)
  }

  async write(group: readonly { payload: Uint8Array; key: Uint8Array }[], firstSequence: number): Promise<void> {
    const pieces: Uint8Array[] = []
    let bytes = 0
    group.forEach(({ payload, key }, indexInGroup) => {
      pieces.push(...encodeRecord({ payload, key, sequence: firstSequence + indexInGroup, indexInGroup }, this.#seed))
      bytes += recordBytes(payload.length)
    })
    await this.#file.write(pieces, this.durableBytes)
    await this.#file.sync()
    this.durableBytes += bytes
    for (const { key } of group) this.keys.push(key)
  }

  async cutToDurable(): Promise<boolean> {
    return quietly(async () => {
      await this.#file.truncate(this.durableBytes)
      await this.#file.sync()
    })
  }

  async close(): Promise<void> {
    await quietly(() => this.#file.close())
  }

  async remove(): Promise<void> {
    await quietly(() => this.#disk.remove(this.path))
  }
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
