// The real clock behind the port.

import type { Clock } from '#base'

export const nodeClock: Clock = {
  nowNs: () => BigInt(Date.now()) * 1_000_000n,
  monotonicMs: () => performance.now(),
  setTimer: (ms, fn) => {
    const timer = setTimeout(fn, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}
