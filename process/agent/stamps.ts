// Causal stamps for First and MostRecent: 8 bytes that grow with time and with causality, 8 that tell events
// of the same nanosecond apart.
//
//   ms of wall time as ns, never less than the last one + 1 | 4 bytes of this process, 4 of a counter
//
// Wall clocks of hosts differ; whoever packs behind a stamp that it can see moves its own on (`tuples.ts`),
// so the order is never against causality.
// Source: Kulkarni and others, "Logical physical clocks" (2014).

import { STAMP_BYTES } from '#advice'

/** Gives a fresh stamp at each call. Owned by one agent. */
export function openStamps(nowNs: () => bigint, fill: (bytes: Uint8Array) => void): () => Uint8Array {
  let last = 0n
  let count = 0
  /** The last stamp: the next one differs in a few bytes. */
  let bytes: Uint8Array | undefined
  let view: DataView | undefined
  return () => {
    if (bytes === undefined || view === undefined) {
      bytes = new Uint8Array(STAMP_BYTES)
      view = new DataView(bytes.buffer)
      fill(bytes.subarray(8, 12))
    }
    const now = nowNs()
    last = now > last ? now : last + 1n
    count = (count + 1) >>> 0
    view.setBigUint64(0, last)
    view.setUint32(12, count)
    return bytes.slice()
  }
}
