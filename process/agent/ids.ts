// Trace and span ids (W3C: 16 and 8 bytes, lower-case hex, not all zero).
//
// Ids need to be unlikely to meet, not hard to guess. Trace ids are random (xoshiro128** seeded by the
// system): samplers of all vendors compare their low 7 bytes. Span ids come in blocks: 32 random bits and a
// scrambled counter that starts anywhere, so within a block they differ for certain, and two blocks meet with
// probability 2^-47. Cost: ~40 ns a span id. Seeded at the first id, so that loading the agent does not load
// node:crypto.

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export type Ids = { traceId(): string; spanId(): string }

export function openIds(fill: (words: Uint32Array) => void = fillFromSystem): Ids {
  let state: Uint32Array | undefined
  let half = ''
  let count = 0
  let left = 0
  const word = (): number => next((state ??= seeded(fill)))
  const random = (): string => hexOf(word())
  const spanId = (): string => {
    if (left === 0) {
      half = notZero(random)
      count = word()
      left = BLOCK_IDS
    }
    left -= 1
    const id = half + hexOf(Math.imul(count, ODD) >>> 0)
    count = (count + 1) >>> 0
    return id
  }
  return { spanId, traceId: () => random() + random() + random() + notZero(random) }
}

/** Ids that share their random half. */
const BLOCK_IDS = 65_536

/** Odd, so multiplying modulo 2^32 maps different counts to different numbers (golden ratio, Knuth 6.4). */
const ODD = 0x9e3779b1

const hexOf = (n: number): string =>
  HEX[n >>> 24] + HEX[(n >>> 16) & 255] + HEX[(n >>> 8) & 255] + HEX[n & 255]

function notZero(random: () => string): string {
  const word = random()
  return word === '00000000' ? notZero(random) : word
}

function fillFromSystem(words: Uint32Array): void {
  process.getBuiltinModule('node:crypto').randomFillSync(words)
}

function seeded(fill: (words: Uint32Array) => void): Uint32Array {
  const words = new Uint32Array(4)
  do fill(words)
  while (words.every((word) => word === 0))
  return words
}

/** Blackman and Vigna, xoshiro128** 1.1. */
function next(s: Uint32Array): number {
  const a = s[0],
    b = s[1],
    c = s[2],
    d = s[3]
  const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
  const c1 = c ^ a
  const d1 = d ^ b
  s[0] = a ^ d1
  s[1] = b ^ c1
  s[2] = c1 ^ (b << 9)
  s[3] = rotate(d1, 11)
  return result
}

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by))
