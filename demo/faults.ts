// The faults that can be switched on, by name, and a seeded random number for everything that must repeat.

export const FAULTS = [
  'replica-selection',
  'slow-disk',
  'lock-convoy',
  'noisy-tenant',
  'clock-skew',
  'lost-context',
  'early-flush',
  'causal-order',
  'cable-cut',
  'missing-index',
] as const
export type Fault = (typeof FAULTS)[number]

/** slow-disk: the disk of this host answers so much later, as one does that is about to die (limplock). */
export const SLOW_DISK = { host: 'A', ms: 25 } as const
/** lock-convoy: a rename keeps the namespace lock while it waits so long for something else. */
export const CONVOY_MS = 20
/** noisy-tenant: this tenant asks with so many clients at once, each again as soon as it was answered. */
export const NOISY = { tenant: 'reports', clients: 48 } as const

/** cable-cut: whatever goes to this country takes so much longer, as in the winter of 2016 (Canopy 5.4). */
export const CABLE_CUT = { country: 'IN', ms: 150 } as const

/** missing-index: blocks are looked for in a table of so many rows, of a file that nobody asks for. */
export const UNINDEXED_ROWS = 1_000_000

/** Uniform in [0, 1), repeatable by its seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Fisher-Yates, in place. */
export function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const held = items[i] as T
    items[i] = items[j] as T
    items[j] = held
  }
  return items
}
