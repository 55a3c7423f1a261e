// Hybrid logical clock: wall time that never contradicts causality. 64 bits: 48 of ms, 16 that count events
// within one.
//
//   next(now, seen) = max(now, seen + 1)      whoever has seen a stamp writes a later one
//
// Source: Kulkarni et al., "Logical physical clocks" (OPODIS'14).

import { UINT64_MAX } from './integers.ts'

const LOGICAL_BITS = 16n
const NS_PER_MS = 1_000_000n

/**
 * `seen` = the latest stamp that happened before; undefined when none did. At the end of time it stays there:
 * values decide then.
 */
export function nextStamp(nowNs: bigint, seen: bigint | undefined): bigint {
  const wall = nowNs <= 0n ? 0n : BigInt.asUintN(64, (nowNs / NS_PER_MS) << LOGICAL_BITS)
  if (seen === undefined || wall > seen) return wall
  return seen < UINT64_MAX ? seen + 1n : seen
}
