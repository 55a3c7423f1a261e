// The real clock and randomness of the ingest thread.

import { randomFillSync } from 'node:crypto'
import type { Clock, Random } from '#base'

/** Wall time to the ms: it says when we received a batch, and orders nothing. */
export const systemClock: Clock = {
  nowNs: () => BigInt(Date.now()) * 1_000_000n,
  monotonicMs: () => performance.now(),
  setTimer: (ms, fn) => {
    const timer = setTimeout(fn, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}

export const systemRandom: Random = {
  fill: (bytes) => void randomFillSync(bytes),
  uint32: () => randomFillSync(new Uint32Array(1))[0]!,
}
