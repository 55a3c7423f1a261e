// Bytes of a segment file. docs/formats/wal.md draws the boxes; golden/ holds a file of each version.
//
//   +-----------+-----------+----------+----------+----
//   | header 32 | header 32 | record   | record   | ...      records start at multiples of 8
//   +-----------+-----------+----------+----------+----
//   record = 48 bytes of header + payload + zeros up to a multiple of 8
//
// The header stands twice, so that one damaged sector-sized hole or bit never costs a whole segment. All CRCs
// are seeded by the segment's random salt: bytes inside a payload (chosen by a sender) can not pass for a
// record when a damaged length makes the reader search for the next one. CRC-32 (ISO-HDLC) because zlib has
// it in machine code: 4.8 GB/s here; CRC-32C in JavaScript would cost more than decoding does.

import { crc32 } from 'node:zlib'
import { toHex } from '#base'
import { RECORD_BYTES_MAX } from './limits.ts'

export const FORMAT_VERSION = 1
export const SEGMENT_HEADER_BYTES = 32
/** Records begin behind the two copies of the header. */
export const RECORDS_OFFSET = 2 * SEGMENT_HEADER_BYTES
export const RECORD_HEADER_BYTES = 48
export const KEY_BYTES = 16
const SALT_BYTES = 8

const SEGMENT_MAGIC = 0x4c574343 // 'CCWL'
const RECORD_MAGIC = 0x43455243 // 'CREC'

export type SegmentHeader = {
  readonly version: number
  /** 8 random bytes. */
  readonly salt: Uint8Array
  readonly number: number
  /** Sequence of the segment's first record. */
  readonly firstSequence: number
}

export type RecordHeader = {
  readonly length: number
  readonly sequence: number
  /**
   * How many records of the same fdatasync come before it: all records before those were durable when it was
   * written.
   */
  readonly indexInGroup: number
  readonly payloadCrc: number
  readonly key: Uint8Array
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export const paddedBytes = (bytes: number): number => (bytes + 7) & ~7

/** What one record takes in the file. */
export const recordBytes = (payloadBytes: number): number => RECORD_HEADER_BYTES + paddedBytes(payloadBytes)

export const segmentId = (number: number, salt: Uint8Array): string => `${number}-${toHex(salt)}`

/** The value that every CRC of a segment begins with. */
export const seedOf = (salt: Uint8Array): number => crc32(salt)

/** Both copies. */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(RECORDS_OFFSET)
  const view = viewOf(bytes)
  view.setUint32(0, SEGMENT_MAGIC, true)
  view.setUint16(4, header.version, true)
  bytes.set(header.salt, 8)
  view.setBigUint64(16, BigInt(header.firstSequence), true)
  view.setUint32(24, header.number, true)
  view.setUint32(28, crc32(bytes.subarray(0, 28)), true)
  bytes.copyWithin(SEGMENT_HEADER_BYTES, 0, SEGMENT_HEADER_BYTES)
  return bytes
}

/** undefined = both copies are damaged or it is no segment. */
export function decodeSegmentHeader(file: Uint8Array): SegmentHeader | undefined {
  for (const at of [0, SEGMENT_HEADER_BYTES]) {
    if (file.length < at + SEGMENT_HEADER_BYTES) return undefined
    const bytes = file.subarray(at, at + SEGMENT_HEADER_BYTES)
    const view = viewOf(bytes)
    if (
      view.getUint32(0, true) !== SEGMENT_MAGIC ||
      view.getUint32(28, true) !== crc32(bytes.subarray(0, 28))
    )
      continue
    return {
      version: view.getUint16(4, true),
      salt: bytes.slice(8, 8 + SALT_BYTES),
      firstSequence: Number(view.getBigUint64(16, true)),
      number: view.getUint32(24, true),
    }
  }
  return undefined
}

/** The pieces to write for one record: header, payload (not copied), padding. */
export function encodeRecord(
  record: {
    readonly payload: Uint8Array
    readonly key: Uint8Array
    readonly sequence: number
    readonly indexInGroup: number
  },
  seed: number,
): Uint8Array[] {
  const { payload, key, sequence, indexInGroup } = record
  const header = new Uint8Array(RECORD_HEADER_BYTES)
  const view = viewOf(header)
  view.setUint32(4, RECORD_MAGIC, true)
  view.setUint32(8, payload.length, true)
  view.setUint32(12, crc32(payload, seed), true)
  view.setBigUint64(16, BigInt(sequence), true)
  view.setUint32(24, indexInGroup, true)
  header.set(key, 32)
  view.setUint32(0, crc32(header.subarray(4), seed), true)
  const padding = paddedBytes(payload.length) - payload.length
  return padding === 0 ? [header, payload] : [header, payload, new Uint8Array(padding)]
}

/** undefined = no intact header of this segment at `at`. The payload may still be damaged or cut. */
export function decodeRecordHeader(file: Uint8Array, at: number, seed: number): RecordHeader | undefined {
  if (at + RECORD_HEADER_BYTES > file.length) return undefined
  const view = new DataView(file.buffer, file.byteOffset + at, RECORD_HEADER_BYTES)
  if (view.getUint32(4, true) !== RECORD_MAGIC) return undefined
  const header = file.subarray(at, at + RECORD_HEADER_BYTES)
  if (view.getUint32(0, true) !== crc32(header.subarray(4), seed)) return undefined
  const length = view.getUint32(8, true)
  if (length > RECORD_BYTES_MAX) return undefined
  return {
    length,
    sequence: Number(view.getBigUint64(16, true)),
    indexInGroup: view.getUint32(24, true),
    payloadCrc: view.getUint32(12, true),
    key: header.slice(32, 32 + KEY_BYTES),
  }
}

/** Is the payload behind this header whole and as written? */
export function isPayloadIntact(file: Uint8Array, at: number, header: RecordHeader, seed: number): boolean {
  const from = at + RECORD_HEADER_BYTES
  if (from + header.length > file.length) return false
  return crc32(file.subarray(from, from + header.length), seed) === header.payloadCrc
}
