// Wall time of spans, in ns, without a BigInt on the way.
//
// A span remembers performance.now() (monotonic, ms with fractions); only when it is encoded both ends are
// moved by the same anchor to wall time. So a clock that is set during a span cannot make it negative.
// 64-bit ns are made from the seconds (two 32-bit halves, cached, for they change once a second) plus the
// ns within: 15 ns instead of the ~200 of a BigInt.

/**
 * The wall clock may run this far from the anchor before the anchor follows it (NTP slews stay below, a set
 * clock does not).
 */
const DRIFT_MS_MAX = 50

const NS_PER_SECOND = 1_000_000_000

export type WallClock = {
  /** Monotonic ms since the process started. */
  now(): number
  /** Checks the anchor against the wall clock; called now and then. */
  settle(): void
  /** Writes the wall time of a monotonic instant as little-endian 64-bit ns. */
  write(monotonicMs: number, into: DataView, offset: number): void
  /** The same as a bigint, where speed does not matter. */
  toNs(monotonicMs: number): bigint
  /** Monotonic ms of a wall time in ms; for start times that an application gives. */
  fromWallMs(wallMs: number): number
}

export function openWallClock(wallNow: () => number = Date.now): WallClock {
  // Taken once: on globalThis it is a getter, asked at each read of the name.
  const { performance } = globalThis
  let anchorMs = performance.timeOrigin
  let cachedSeconds = -1
  let low = 0
  let high = 0

  const settle = () => {
    const drift = wallNow() - (anchorMs + performance.now())
    if (Math.abs(drift) > DRIFT_MS_MAX) anchorMs += drift
  }
  // Two functions of numbers, not one that returns a pair: an object a span end would be garbage.
  const secondsOf = (monotonicMs: number): number => Math.floor(Math.max(0, anchorMs + monotonicMs) / 1000)
  const nanosOf = (monotonicMs: number, seconds: number): number => {
    // The whole ms of the anchor and of the instant are split apart first: their sum as one double would
    // cut the fraction to 244 ns.
    const anchorWhole = Math.floor(anchorMs)
    const rest = anchorWhole - seconds * 1000 + monotonicMs + (anchorMs - anchorWhole)
    return Math.min(NS_PER_SECOND - 1, Math.max(0, Math.round(rest * 1e6)))
  }
  const cache = (seconds: number) => {
    const ns = BigInt(seconds) * BigInt(NS_PER_SECOND)
    cachedSeconds = seconds
    low = Number(ns & 0xffff_ffffn)
    high = Number(ns >> 32n)
  }
  settle()
  return {
    now: () => performance.now(),
    settle,
    write(monotonicMs, into, offset) {
      const seconds = secondsOf(monotonicMs)
      const nanos = nanosOf(monotonicMs, seconds)
      if (seconds !== cachedSeconds) cache(seconds)
      const sum = low + nanos
      into.setUint32(offset, sum >>> 0, true)
      into.setUint32(offset + 4, high + (sum > 0xffff_ffff ? 1 : 0), true)
    },
    toNs(monotonicMs) {
      const seconds = secondsOf(monotonicMs)
      const nanos = nanosOf(monotonicMs, seconds)
      return BigInt(seconds) * BigInt(NS_PER_SECOND) + BigInt(nanos)
    },
    fromWallMs: (wallMs) => wallMs - anchorMs,
  }
}
