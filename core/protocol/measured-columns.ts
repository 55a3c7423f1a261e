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

/** undefined: it is none. What its numbers are, NaN or below 0, is looked at by who uses them. */
export function unpackColumn(text: string): Float64Array | undefined {
  const bytes = decodeBase64Url(text)
  if (bytes === undefined || bytes.length % FLOAT_BYTES !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Float64Array.from({ length: bytes.length / FLOAT_BYTES }, (_, i) =>
    view.getFloat64(FLOAT_BYTES * i, true),
  )
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
