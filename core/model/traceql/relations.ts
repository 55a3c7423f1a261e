// Structural operators over a trace's tree, each in one or two passes over its blocks: blocks come depth
// first, so a parent's index is below its children's.

import type { Block } from '../trace.ts'
import type { Relation } from './syntax.ts'

/** One byte a block; 1 = it belongs. */
export type Mask = Uint8Array

/** Blocks that stand in the relation to a block of `to`: `descendant` = below one, `child` = right below. */
export function related(
  relation: Relation,
  to: Mask,
  blocks: readonly Block[],
  siblingKey: (block: Block) => number | string | undefined,
): Mask {
  const found = new Uint8Array(blocks.length)
  switch (relation) {
    case 'child':
      for (const { index, parent } of blocks) found[index] = parent === -1 ? 0 : to[parent]!
      return found
    case 'descendant':
      for (const { index, parent } of blocks) found[index] = parent === -1 ? 0 : to[parent]! | found[parent]!
      return found
    case 'parent':
      for (const { index, parent } of blocks) if (parent !== -1 && to[index] === 1) found[parent] = 1
      return found
    case 'ancestor':
      for (let index = blocks.length - 1; index >= 0; index--) {
        const { parent } = blocks[index]!
        if (parent !== -1 && (to[index] === 1 || found[index] === 1)) found[parent] = 1
      }
      return found
    case 'sibling':
      return siblings(to, blocks, siblingKey)
  }
}

/** A span is no sibling of its own. */
function siblings(
  to: Mask,
  blocks: readonly Block[],
  siblingKey: (block: Block) => number | string | undefined,
): Mask {
  const counts = new Map<number | string, number>()
  for (const block of blocks) {
    const key = to[block.index] === 1 ? siblingKey(block) : undefined
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const found = new Uint8Array(blocks.length)
  for (const block of blocks) {
    const key = siblingKey(block)
    const others = key === undefined ? 0 : (counts.get(key) ?? 0) - to[block.index]!
    if (others > 0) found[block.index] = 1
  }
  return found
}

/** The relation as the other side sees it: what the left of `&>>` keeps. */
export const INVERSE: { readonly [relation in Relation]: Relation } = {
  descendant: 'ancestor',
  ancestor: 'descendant',
  child: 'parent',
  parent: 'child',
  sibling: 'sibling',
}
