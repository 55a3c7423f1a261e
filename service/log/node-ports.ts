// The real clock and randomness behind the ports, for every thread of the server.

import { randomFillSync } from 'node:crypto'
import type { Clock, Random } from '#base'

/** Wall time to the ms: it says when something was received, and orders nothing. */
export const nodeClock: Clock = {
  nowNs: () => BigInt(Date.now()) * 1_000_000n,
  monotonicMs: () => performance.now(),
  setTimer: (ms, fn) => {
    const timer = setTimeout(fn, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}

export const nodeRandom: Random = {
  fill: (bytes) => void randomFillSync(bytes),
  uint32: () => randomFillSync(new Uint32Array(1))[0]!,
}
