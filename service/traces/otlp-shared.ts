// Rules that both encodings of OTLP share: what is cut, what is dropped, how a nested value is written.

import { BYTES_PER_OBJECT_MIN, OBJECTS_BASE_MAX } from './ingest-limits.ts'

/** A nested AnyValue before it becomes text. Slow path: only arrays and lists of key-values take it. */
export type NestedValue =
  | { readonly kind: 'empty' }
  | { readonly kind: 'string' | 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'array'; readonly values: readonly NestedValue[] }
  | { readonly kind: 'kvlist'; readonly values: readonly NestedEntry[] }

export type NestedEntry = { readonly key: Uint8Array; readonly value: NestedValue }

const utf8 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')

/** The OTLP/JSON form of a value; lossless. Cost: depth is bounded by whoever made the value. */
export function jsonOfValue(value: NestedValue): string {
  switch (value.kind) {
    case 'empty':
      return '{}'
    case 'string':
      return `{"stringValue":${JSON.stringify(utf8(value.bytes))}}`
    case 'bytes':
      return `{"bytesValue":"${Buffer.from(value.bytes).toString('base64')}"}`
    case 'bool':
      return `{"boolValue":${value.value}}`
    case 'int':
      return `{"intValue":"${value.value}"}`
    case 'double':
      return `{"doubleValue":${jsonOfDouble(value.value)}}`
    case 'array':
      return `{"arrayValue":{"values":${jsonOfArray(value.values)}}}`
    case 'kvlist':
      return `{"kvlistValue":{"values":${jsonOfEntries(value.values)}}}`
  }
}

export const jsonOfArray = (values: readonly NestedValue[]): string =>
  `[${values.map(jsonOfValue).join(',')}]`

export const jsonOfEntries = (entries: readonly NestedEntry[]): string =>
  `[${entries.map(jsonOfEntry).join(',')}]`

const jsonOfEntry = ({ key, value }: NestedEntry): string =>
  `{"key":${JSON.stringify(utf8(key))},"value":${jsonOfValue(value)}}`

/** proto3 JSON: NaN and the infinities are strings; -0 keeps its sign. */
function jsonOfDouble(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`
  return Object.is(value, -0) ? '-0.0' : String(value)
}

/**
 * The end of text that must take at most `bytesMax`: moved back so that no character of UTF-8 is cut in two.
 */
export function cutText(bytes: Uint8Array, from: number, to: number, bytesMax: number): number {
  if (to - from <= bytesMax) return to
  let end = from + bytesMax
  for (let back = 0; back < 3 && (bytes[end]! & 0xc0) === 0x80; back++) end--
  return end
}

/** How many messages a body of this size may hold. */
export const objectsMax = (bodyBytes: number): number =>
  OBJECTS_BASE_MAX + Math.floor(bodyBytes / BYTES_PER_OBJECT_MIN)

export const KIND_MAX = 5
export const STATUS_CODE_MAX = 2

/** The sum of what the sender dropped and what we dropped, held within 32 bits. */
export const addCounts = (sent: number, ours: number): number => Math.min(sent + ours, 0xffff_ffff)
