// The times of a trace's blocks as numbers, for everything that walks the whole trace: the critical path and
// the schedule. A bigint per comparison costs ten times a double, and relative to the root's begin every
// modelled time is a whole number of ns below 2^53 (RELATIVE_NS_MAX), so nothing is lost.

import type { Block, Trace } from './trace.ts'

/** One entry a block; ns after baseNs. */
export type BlockTimes = {
  readonly baseNs: bigint
  readonly start: Float64Array
  readonly end: Float64Array
  readonly parent: Int32Array
  /** 1: the block was handed over by its parent (producer to consumer), which did not wait for it. */
  readonly isHandover: Uint8Array
  /**
   * Until when its parent may have waited for it: its end, clipped to the parent's. NaN: not at all (handed
   * over, or wholly outside its clipped parent, with everything below it).
   */
  readonly awaitedUntil: Float64Array
}

/** Cost: one pass, parents before children. */
export function blockTimes({ blocks, root }: Trace): BlockTimes {
  const count = blocks.length
  const baseNs = blocks[root]?.startNs ?? 0n
  const start = new Float64Array(count)
  const end = new Float64Array(count)
  const parent = new Int32Array(count)
  const isHandover = new Uint8Array(count)
  const awaitedUntil = new Float64Array(count).fill(Number.NaN)
  // The end of a block as its ancestors let it count; NaN: it lies outside.
  const clipped = new Float64Array(count)
  for (let index = 0; index < count; index++) {
    const block = blocks[index]
    const up = block.parent
    start[index] = Number(block.startNs - baseNs)
    end[index] = Number(block.endNs - baseNs)
    parent[index] = up
    clipped[index] = end[index]
    if (up === -1) continue
    if (isHandedOver(blocks[up], block)) {
      isHandover[index] = 1
      continue
    }
    const isOutside = !(start[index] < clipped[up]) || end[index] <= start[up]
    clipped[index] = isOutside ? Number.NaN : Math.min(end[index], clipped[up])
    awaitedUntil[index] = clipped[index]
  }
  return { baseNs, start, end, parent, isHandover, awaitedUntil }
}

function isHandedOver(parent: Block, child: Block): boolean {
  return parent.kind === 'producer' && child.kind === 'consumer'
}
