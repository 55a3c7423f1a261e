// Trace and span ids (W3C: 16 and 8 bytes, lower-case hex, not all zero).
//
// xoshiro128** seeded from the system's randomness: ids need to be unlikely to meet, not hard to guess. Cost: ~60 ns an id, against
// ~400 for crypto.randomBytes. Seeded at the first id, so that loading the agent does not load node:crypto.

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export type Ids = { traceId(): string; spanId(): string }

export function openIds(fill: (words: Uint32Array) => void = fillFromSystem): Ids {
  let state: Uint32Array | undefined
  const word = (): string => {
    state ??= seeded(fill)
    const n = next(state)
    return `${HEX[n >>> 24]}${HEX[(n >>> 16) & 255]}${HEX[(n >>> 8) & 255]}${HEX[n & 255]}`
  }
  const spanId = (): string => {
    const id = word() + word()
    return id === '0000000000000000' ? spanId() : id
  }
  return { spanId, traceId: () => spanId() + spanId() }
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
  const a = s[0], b = s[1], c = s[2], d = s[3]
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
