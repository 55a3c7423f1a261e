// Protobuf's base-128 little-endian unsigned varint, as far as lengths and counts need it: values below 2^31.
//
//   300 = 10_0101100b  ->  1|0101100  0|0000010  =  AC 02

/** Five groups of seven bits hold 2^35; lengths stop at 2^31 - 1. */
export const VARINT_BYTES_MAX = 5
export const VARINT_VALUE_MAX = 2 ** 31 - 1

/** Bytes that `value` takes. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5
}

/** Writes `value` at `at` and gives the position after it. */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value
  while (rest >= 0x80) {
    out[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  out[at++] = rest
  return at
}

/** What stands at a position: the value and where it ends. */
export type Varint = { readonly value: number; readonly end: number }

/** undefined when cut short, longer than five bytes, or beyond 2^31 - 1. Longer than needed is accepted. */
export function readVarint(bytes: Uint8Array, at: number, end = bytes.length): Varint | undefined {
  let value = 0
  let scale = 1
  for (let i = at; i < end && i < at + VARINT_BYTES_MAX; i++) {
    const byte = bytes[i]
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value <= VARINT_VALUE_MAX ? { value, end: i + 1 } : undefined
    scale *= 128
  }
  return undefined
}
