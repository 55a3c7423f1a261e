// Reads a segment past any damage: every intact record, in order, and an exact count of what is missing.
//
//   at a record's place:   header intact, payload intact  -> a record
//                          header intact, payload not     -> one record lost; the length still leads to the
//                          next header not intact              -> search the multiples of 8 for the next
//                          intact header
//   the sequence numbers of the next intact record (or of the next segment) say how many were lost in between
//
// The same bytes always give the same records: the consumer's insert of a whole segment can be repeated under
// one token.

import type { Disk } from './disk.ts'
import { SEGMENT_BYTES_MAX } from './limits.ts'
import {
  decodeRecordHeader,
  decodeSegmentHeader,
  isPayloadIntact,
  RECORD_HEADER_BYTES,
  recordBytes,
  RECORDS_OFFSET,
  seedOf,
} from './segment-format.ts'
import type { RecordHeader, SegmentHeader } from './segment-format.ts'

export type LogRecord = {
  readonly sequence: number
  readonly key: Uint8Array
  /** A view of the file's bytes, aligned to 8. */
  readonly payload: Uint8Array
}

export type SegmentContent = {
  readonly records: readonly LogRecord[]
  /** Records that were acked for certain, for a later fdatasync succeeded, and can not be read any more. */
  readonly lostRecords: number
  /** Damaged records of the last group: torn by a crash (then never acked), or damaged later. */
  readonly tornRecords: number
  /** Length up to the end of the last intact record. */
  readonly intactBytes: number
}

/**
 * A segment of the smallest records holds fewer; an intact CRC over an absurd sequence must still not loop
 * for ever.
 */
const MISSING_COUNTED_MAX = SEGMENT_BYTES_MAX / RECORD_HEADER_BYTES

const NAME = /^(\d{10})\.wal$/

export const segmentName = (number: number): string => `${String(number).padStart(10, '0')}.wal`

/** Numbers of the segment files in a folder, rising; other files are not ours. */
export async function listSegments(disk: Disk, dir: string): Promise<number[]> {
  const names = await disk.list(dir)
  return names
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

/**
 * The records of one segment, read up to its sealed length. Errors: those of the disk (ENOENT when it was
 * dropped).
 */
export async function readSegment(
  disk: Disk,
  segment: { readonly path: string; readonly bytes: number },
): Promise<SegmentContent> {
  const file = await disk.readAll(segment.path)
  const header = decodeSegmentHeader(file)
  if (header === undefined) return { records: [], lostRecords: 0, tornRecords: 0, intactBytes: 0 }
  return scanSegment(file.subarray(0, segment.bytes), header)
}

/**
 * Walks the records of a file. `endSequence` = the next segment's first, when there is one. Cost: one CRC
 * over each byte.
 */
export function scanSegment(file: Uint8Array, header: SegmentHeader, endSequence?: number): SegmentContent {
  const records: LogRecord[] = []
  const missing: number[] = []
  const seed = seedOf(header.salt)
  let expected = header.firstSequence
  let ackedBefore = header.firstSequence
  let damagedTail = 0
  let intactBytes = RECORDS_OFFSET
  let at = RECORDS_OFFSET
  while (at < file.length) {
    const found = decodeRecordHeader(file, at, seed)
    if (found === undefined || found.sequence < expected) {
      damagedTail = Math.max(damagedTail, 1)
      at = nextHeader(file, at + 8, seed)
      continue
    }
    if (isPayloadIntact(file, at, found, seed)) {
      for (; expected < found.sequence && missing.length < MISSING_COUNTED_MAX; expected++)
        missing.push(expected)
      expected = found.sequence + 1
      ackedBefore = Math.max(ackedBefore, found.sequence - found.indexInGroup)
      damagedTail = 0
      records.push(recordAt(file, at, found))
      intactBytes = Math.min(at + recordBytes(found.length), file.length)
    } else {
      damagedTail = found.sequence + 1 - expected
    }
    at += recordBytes(found.length)
  }
  const lostInside = missing.filter((sequence) => sequence < ackedBefore).length
  const lostAtEnd = endSequence === undefined ? 0 : Math.max(0, endSequence - expected)
  const tornAtEnd = endSequence === undefined ? damagedTail : 0
  return {
    records,
    lostRecords: lostInside + lostAtEnd,
    tornRecords: missing.length - lostInside + tornAtEnd,
    intactBytes,
  }
}

function recordAt(file: Uint8Array, at: number, header: RecordHeader): LogRecord {
  const from = at + RECORD_HEADER_BYTES
  return { sequence: header.sequence, key: header.key, payload: file.subarray(from, from + header.length) }
}

function nextHeader(file: Uint8Array, from: number, seed: number): number {
  for (let at = from; at + RECORD_HEADER_BYTES <= file.length; at += 8) {
    if (decodeRecordHeader(file, at, seed) !== undefined) return at
  }
  return file.length
}
