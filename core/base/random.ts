// Randomness as a port: crypto in production, a seeded generator in simulation.

export interface Random {
  /** Fills all of `bytes`. */
  fill(bytes: Uint8Array): void
  /** 0 .. 2^32 - 1. */
  uint32(): number
}

/**
 * A seeded generator for tests and simulation: same seed, same bytes. Never for ids that leave the process.
 * Source: mulberry32 (T. Ettinger, public domain).
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    uint32,
    fill: (bytes) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = uint32()
    },
  }
}
