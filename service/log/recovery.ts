// What opening a log's folder finds and mends. The steps:
//
//   1. read every segment's header
//   2. scan the records; count what is lost, by sequence numbers
//   3. write anew the last segment, and any that has bytes behind its last intact record: copy, sync, rename,
//   sync the folder
//
// Step 3 because what we read may be only in the page cache: after kill -9 nobody synced it, and after a
// failed fsync the kernel calls such pages clean, so syncing them again would prove nothing. From then on the
// content of each segment is fixed.
//
// Records that were written but never acked may survive a crash. They are kept, and their keys are
// remembered, so that the sender's retry is recognised: still exactly once. Files that are not ours are left
// alone and named in the report.

import type { Disk } from './disk.ts'
import { LogError } from './log-error.ts'
import { decodeSegmentHeader, FORMAT_VERSION, segmentId } from './segment-format.ts'
import type { SegmentHeader } from './segment-format.ts'
import { listSegments, scanSegment, segmentName } from './segment-reader.ts'
import type { SegmentContent } from './segment-reader.ts'
import { copyAnew } from './segment-writer.ts'

export type LogReport = {
  readonly segments: number
  readonly records: number
  /** Acked records that can not be read any more: external damage. 0 after any crash. */
  readonly lostRecords: number
  /** Records of a last, perhaps never acked group that are damaged: the usual trace of a crash. */
  readonly tornRecords: number
  /** Bytes cut off behind intact records. */
  readonly bytesCut: number
  /**
   * Segment files of which both headers are damaged, or that are not what their name says; left where they
   * are.
   */
  readonly unreadable: readonly string[]
}

type Found = {
  readonly number: number
  readonly path: string
  readonly file: Uint8Array
  readonly header: SegmentHeader
}

export type HealedSegment = {
  readonly id: string
  readonly number: number
  readonly path: string
  readonly bytes: number
  readonly recordCount: number
  readonly firstSequence: number
}

export type HealedFolder = {
  readonly segments: readonly HealedSegment[]
  readonly keysBySegment: ReadonlyMap<string, readonly Uint8Array[]>
  /** Of all records, in order. */
  readonly keys: readonly Uint8Array[]
  readonly nextNumber: number
  /** undefined = no segment says it. */
  readonly nextSequence: number | undefined
  readonly report: LogReport
}

/** Errors: LogError E_LOG_VERSION; those of the disk. Cost: reads every segment twice, one at a time. */
export async function healFolder(disk: Disk, dir: string): Promise<HealedFolder> {
  const numbers = await listSegments(disk, dir)
  const unreadable: string[] = []
  const headers = await readHeaders(disk, dir, numbers, unreadable)
  const segments: HealedSegment[] = []
  const keysBySegment = new Map<string, readonly Uint8Array[]>()
  let nextSequence: number | undefined
  let [lostRecords, tornRecords, bytesCut] = [0, 0, 0]
  for (const [index, { number, path, header }] of headers.entries()) {
    const found = { number, path, header, file: await disk.readAll(path) }
    const endSequence = headers[index + 1]?.header.firstSequence
    const content = scanSegment(found.file, header, endSequence)
    bytesCut += Math.max(0, found.file.length - content.intactBytes)
    const isLast = index === headers.length - 1
    if (content.records.length > 0 && (isLast || content.intactBytes < found.file.length)) {
      await copyAnew(disk, dir, path, found.file.subarray(0, content.intactBytes))
    }
    lostRecords += content.lostRecords
    tornRecords += content.tornRecords
    nextSequence = (content.records.at(-1)?.sequence ?? header.firstSequence - 1) + 1
    if (content.records.length === 0) {
      await disk.remove(path)
      continue
    }
    const segment = segmentOf(found, content)
    segments.push(segment)
    keysBySegment.set(
      segment.id,
      content.records.map(({ key }) => key),
    )
  }
  const records = segments.reduce((sum, { recordCount }) => sum + recordCount, 0)
  return {
    segments,
    keysBySegment,
    keys: [...keysBySegment.values()].flat(),
    nextNumber: (numbers.at(-1) ?? 0) + 1,
    nextSequence,
    report: { segments: segments.length, records, lostRecords, tornRecords, bytesCut, unreadable },
  }
}

async function readHeaders(
  disk: Disk,
  dir: string,
  numbers: readonly number[],
  unreadable: string[],
): Promise<{ number: number; path: string; header: SegmentHeader }[]> {
  const headers: { number: number; path: string; header: SegmentHeader }[] = []
  for (const number of numbers) {
    const path = `${dir}/${segmentName(number)}`
    const header = decodeSegmentHeader(await disk.readAll(path).catch(unlessLink))
    if (header === undefined || header.number !== number) {
      unreadable.push(segmentName(number))
      continue
    }
    if (header.version > FORMAT_VERSION) {
      throw new LogError(
        'E_LOG_VERSION',
        `${path} has format ${header.version}; this program reads up to ${FORMAT_VERSION}`,
      )
    }
    headers.push({ number, path, header })
  }
  return headers
}

/** A symbolic link in our folder is not a segment: it could lead anywhere. */
function unlessLink(error: unknown): Uint8Array {
  if (error instanceof Error && 'code' in error && error.code === 'ELOOP') return new Uint8Array(0)
  throw error
}

function segmentOf({ number, path, header }: Found, content: SegmentContent): HealedSegment {
  return {
    id: segmentId(number, header.salt),
    number,
    path,
    bytes: content.intactBytes,
    recordCount: content.records.length,
    firstSequence: header.firstSequence,
  }
}
