// Integers of 1 to 9 bytes whose unsigned byte order is their numeric order; so a merge that only compares
// bytes keeps the smallest (or, in the reverse forms, the largest) of two values without knowing what they
// are.
//
//   unsigned, n bytes:   1 1 .. 1 0 | 7n bits, big endian     n-1 ones: bytes that follow; n = 9: FF + 8
//   reverse unsigned:    the complement of every byte
//   signed, v >= 0:      a 1 in front, then as above with one bit of payload less
//   signed, v <  0:      the complement of the signed form of -v-1
//   reverse signed:      the signed form of -(v+1)
//
// Shortest form is written; longer forms are read. Values up to 2^53 take a path without bigint.
// Source: baggage contexts (EuroSys'18) section 5; the reference's table is the test.

export type LexKind = 'unsigned' | 'reverseUnsigned' | 'signed' | 'reverseSigned'

export const LEXVARINT_BYTES_MAX = 9
const UINT64 = (1n << 64n) - 1n

/** Bytes of the unsigned form: one for each 7 bits, nine beyond 56. */
function unsignedSize(value: number | bigint): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  if (value < 0x1000_0000) return 4
  if (value < 0x8_0000_0000) return 5
  if (value < 0x400_0000_0000) return 6
  if (value < 0x2_0000_0000_0000) return 7
  return value < 0x100_0000_0000_0000n ? 8 : 9
}

/**
 * Writes 0 <= value < 2^64 (a number only up to 2^53) at `at`; gives the position after it. `flip` = 0xFF
 * complements.
 */
export function writeLexUnsigned(out: Uint8Array, at: number, value: number | bigint, flip = 0): number {
  const size = unsignedSize(value)
  const ones = size > 8 ? 0xff : (0xff << (9 - size)) & 0xff
  writeBigEndian(out, at, size, value, flip)
  out[at] = out[at] ^ ones
  return at + size
}

/** The low `size` bytes of a non-negative value; bytes above it are zero. */
function writeBigEndian(
  out: Uint8Array,
  at: number,
  size: number,
  value: number | bigint,
  flip: number,
): void {
  if (typeof value === 'bigint') {
    let rest = value
    for (let i = at + size - 1; i >= at; i--) {
      out[i] = Number(rest & 0xffn) ^ flip
      rest >>= 8n
    }
    return
  }
  let rest = value
  for (let i = at + size - 1; i >= at; i--) {
    out[i] = (rest % 256) ^ flip
    rest = Math.floor(rest / 256)
  }
}

/** Writes -2^63 <= value < 2^63 at `at`; gives the position after it. */
export function writeLexSigned(out: Uint8Array, at: number, value: number | bigint): number {
  const isNegative = value < 0
  // Of v and -v-1 exactly one is >= 0; its form is written, complemented for the negative one.
  const magnitude = !isNegative ? value : typeof value === 'bigint' ? -value - 1n : -value - 1
  const flip = isNegative ? 0xff : 0
  const size = unsignedSize(
    typeof magnitude === 'bigint'
      ? magnitude * 2n
      : magnitude < 2 ** 52
        ? magnitude * 2
        : BigInt(magnitude) * 2n,
  )
  if (size <= 7) {
    writeBigEndian(out, at, size, magnitude, flip)
    // The sign bit, then size-1 ones, then a zero.
    out[at] = out[at] ^ ((0xff << (8 - size)) & 0xff)
    return at + size
  }
  // Eight and nine bytes: FF, then the zero (or the last one) is the top bit of the second byte.
  writeBigEndian(out, at, size, magnitude, flip)
  out[at] = out[at] ^ 0xff
  if (size === 9) out[at + 1] = out[at + 1] ^ 0x80
  return at + size
}

/** Length that the first bytes announce, before the end is checked. */
export function lexUnsignedSize(first: number): number {
  return first === 0xff ? 9 : Math.clz32(~(first << 24)) + 1
}

function lexSignedSize(first: number, second: number): number {
  const flipped = first >= 0x80 ? first : first ^ 0xff
  if (flipped < 0xff) return Math.clz32(~(flipped << 24))
  return ((first >= 0x80 ? second : second ^ 0xff) & 0x80) === 0 ? 8 : 9
}

export type LexVarint = { readonly value: bigint; readonly end: number }

/** undefined when cut short. Longer forms than needed are accepted. */
export function readLexUnsigned(
  bytes: Uint8Array,
  at: number,
  end = bytes.length,
  flip = 0,
): LexVarint | undefined {
  if (at >= end) return undefined
  const first = bytes[at] ^ flip
  const size = lexUnsignedSize(first)
  if (at + size > end) return undefined
  const head = size >= 8 ? 0 : first & (0xff >> size)
  return { value: bigEndian(bytes, at, size, head, flip), end: at + size }
}

/** undefined when cut short. */
export function readLexSigned(bytes: Uint8Array, at: number, end = bytes.length): LexVarint | undefined {
  if (at >= end) return undefined
  const first = bytes[at]
  const flip = first >= 0x80 ? 0 : 0xff
  const size = lexSignedSize(first, bytes[at + 1])
  if (at + size > end) return undefined
  const head = size >= 7 ? 0 : (first ^ flip) & (0xff >> (size + 1))
  let magnitude = bigEndian(bytes, at, size, head, flip)
  if (size === 9) magnitude &= UINT64 >> 1n
  return { value: flip === 0 ? magnitude : -magnitude - 1n, end: at + size }
}

/** Big-endian value of `size` bytes, the first replaced by `head`. */
function bigEndian(bytes: Uint8Array, at: number, size: number, head: number, flip: number): bigint {
  let high = head
  let i = at + 1
  const end = at + size
  for (const middle = Math.min(end, at + 5); i < middle; i++) high = high * 256 + (bytes[i] ^ flip)
  if (i === end) return BigInt(high)
  let low = 0
  const lowBits = BigInt((end - i) * 8)
  for (; i < end; i++) low = low * 256 + (bytes[i] ^ flip)
  return (BigInt(high) << lowBits) | BigInt(low)
}

/**
 * The value as a number, or undefined when cut short or at 2^53 and beyond; the position after it is
 * `at + lexUnsignedSize(bytes[at] ^ flip)`. Allocates nothing.
 */
export function readLexUnsignedNumber(
  bytes: Uint8Array,
  at: number,
  end: number,
  flip = 0,
): number | undefined {
  if (at >= end) return undefined
  const first = bytes[at] ^ flip
  const size = lexUnsignedSize(first)
  if (at + size > end) return undefined
  let value = size >= 8 ? 0 : first & (0xff >> size)
  for (let i = at + 1; i < at + size; i++) value = value * 256 + (bytes[i] ^ flip)
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined
}

/** One value in a byte array of its own. */
export function encodeLexVarint(kind: LexKind, value: bigint): Uint8Array {
  const out = new Uint8Array(LEXVARINT_BYTES_MAX)
  return out.slice(0, writeKind(out, kind, value))
}

function writeKind(out: Uint8Array, kind: LexKind, value: bigint): number {
  if (kind === 'unsigned') return writeLexUnsigned(out, 0, value)
  if (kind === 'reverseUnsigned') return writeLexUnsigned(out, 0, value, 0xff)
  return writeLexSigned(out, 0, kind === 'signed' ? value : -(value + 1n))
}

/** undefined unless `bytes` is exactly one value. */
export function decodeLexVarint(kind: LexKind, bytes: Uint8Array): bigint | undefined {
  const isSigned = kind === 'signed' || kind === 'reverseSigned'
  const read = isSigned
    ? readLexSigned(bytes, 0)
    : readLexUnsigned(bytes, 0, bytes.length, kind === 'unsigned' ? 0 : 0xff)
  if (read === undefined || read.end !== bytes.length) return undefined
  return kind === 'reverseSigned' ? -read.value - 1n : read.value
}
