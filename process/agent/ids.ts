// Trace and span ids (W3C: 16 and 8 bytes, lower-case hex, not all zero).
//
// Ids need to be unlikely to meet, not hard to guess. Trace ids are random (xoshiro128** seeded by the
// system): samplers of all vendors compare their low 7 bytes. Span ids come in blocks: 32 random bits and a
// scrambled counter that starts anywhere, so within a block they differ for certain, and two blocks meet with
// probability 2^-47. Digits are made for POOL_IDS ids at a time and cut out of one flat text: an id glued
// together from pieces would be a rope that each later reader has to flatten. Seeded at the first id, so that
// loading the agent does not load node:crypto.

export type Ids = { traceId(): string; spanId(): string }

export function openIds(fill: (words: Uint32Array) => void = fillFromSystem): Ids {
  let state: Uint32Array | undefined
  let half = 0
  let count = 0
  let left = 0
  const word = (): number => next((state ??= seeded(fill)))
  const block = (): number => {
    if (left === 0) {
      half = notZero(word)
      count = word()
      left = BLOCK_IDS
    }
    left -= 1
    count = (count + 1) >>> 0
    return half
  }
  return {
    spanId: pool(16, (put) => {
      put(block())
      put(Math.imul(count, ODD) >>> 0)
    }),
    traceId: pool(32, (put) => {
      put(word())
      put(word())
      put(word())
      put(notZero(word))
    }),
  }
}

const POOL_IDS = 32
/** Looked up, not reckoned: a branch on a random digit is foreseen wrongly every third time. */
const DIGITS = Buffer.from('0123456789abcdef', 'latin1')

/** Ids of `digits` digits, written word by word by `make`. */
function pool(digits: number, make: (put: (word: number) => void) => void): () => string {
  const bytes = Buffer.alloc(digits * POOL_IDS)
  let text = ''
  let at = 0
  let written = 0
  const put = (word: number): void => {
    for (let shift = 28; shift >= 0; shift -= 4) bytes[written++] = DIGITS[(word >>> shift) & 15]
  }
  return () => {
    if (at === text.length) {
      written = 0
      for (let i = 0; i < POOL_IDS; i += 1) make(put)
      text = bytes.toString('latin1', 0, written)
      at = 0
    }
    at += digits
    return text.slice(at - digits, at)
  }
}

/** Ids that share their random half. */
const BLOCK_IDS = 65_536

/** Odd, so multiplying modulo 2^32 maps different counts to different numbers (golden ratio, Knuth 6.4). */
const ODD = 0x9e3779b1

function notZero(word: () => number): number {
  return word() || notZero(word)
}

export function fillFromSystem(words: Uint8Array | Uint32Array): void {
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
