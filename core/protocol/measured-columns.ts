// Columns of a report as they travel: text in the report's JSON, of the numbers' own bytes.
//
//   [ 12.1, 0.3 ]  --> float64, little-endian: 16 bytes --> base64url: 22 characters
//
// Sums of times have all their digits: as decimal text a number took 17 characters where it takes 11, and
// reading and writing it was most of a report's cost.

import { decodeBase64Url, encodeBase64Url } from '#base'
import type { Measured, WorkflowColumn } from './measurements.ts'

const FLOAT_BYTES = 8

export function packColumn(column: WorkflowColumn): string {
  const view = new DataView(new ArrayBuffer(FLOAT_BYTES * column.length))
  for (let i = 0; i < column.length; i++) view.setFloat64(FLOAT_BYTES * i, column[i] ?? 0, true)
  return encodeBase64Url(new Uint8Array(view.buffer))
}

/** Of this machine: then a column is a look at its bytes, and no copy number by number. */
const IS_LITTLE_ENDIAN = new Uint8Array(Float64Array.of(1).buffer)[FLOAT_BYTES - 1] === 0x3f

/**
 * undefined: it is none. What its numbers are, NaN or below 0, is looked at by who uses them.
 * `decode` may be one that is quicker for long texts, and as strict. Owns: the bytes that it gives.
 */
export function unpackColumn(
  text: string,
  decode: (text: string) => Uint8Array | undefined = decodeBase64Url,
): Float64Array | undefined {
  const bytes = decode(text)
  if (bytes === undefined || bytes.length % FLOAT_BYTES !== 0) return undefined
  const { buffer, byteOffset, length } = bytes
  if (IS_LITTLE_ENDIAN && byteOffset % FLOAT_BYTES === 0)
    return new Float64Array(buffer, byteOffset, length / FLOAT_BYTES)
  const view = new DataView(buffer, byteOffset, length)
  return Float64Array.from({ length: length / FLOAT_BYTES }, (_, i) => view.getFloat64(FLOAT_BYTES * i, true))
}

/** For JSON: every column is text. */
export function packMeasured(measured: Measured): object {
  const { resources, points, requests } = measured
  return {
    ...measured,
    resources: resources.map(packedRow),
    points: points.map(packedRow),
    ...(requests === undefined ? {} : { requests: packedRow(requests) }),
  }
}

function packedRow(row: object): object {
  const packed: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(row))
    packed[name] = Array.isArray(value) || value instanceof Float64Array ? packColumn(value) : value
  return packed
}
