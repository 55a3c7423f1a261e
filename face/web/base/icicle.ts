// A tree of amounts as blocks: each as wide as its part of the whole, its children below it.

export type IcicleNode = {
  /** Index of a node before it; -1 = a root. */
  readonly parent: number
  /** With everything below it. */
  readonly amount: bigint
}

/** x and width as parts of the whole, 0..1. */
export type IcicleBlock = {
  readonly node: number
  readonly x: number
  readonly width: number
  readonly row: number
}

/**
 * Blocks below one node (-1: all roots). Children share their parent's width by their amounts, largest first;
 * where they are more than it is (calls side by side), they share all of it. Blocks narrower than `least` are
 * left out, with what is below them. Cost: O(nodes log nodes).
 */
export function icicleBlocks(
  nodes: readonly IcicleNode[],
  top: number,
  least: number,
): readonly IcicleBlock[] {
  const children: number[][] = nodes.map(() => [])
  const roots: number[] = []
  nodes.forEach(({ parent }, at) => (parent < 0 ? roots : children[parent]!).push(at))
  const byAmount = (a: number, b: number): number =>
    nodes[a]!.amount < nodes[b]!.amount ? 1 : nodes[a]!.amount > nodes[b]!.amount ? -1 : a - b
  const blocks: IcicleBlock[] = []
  const open: IcicleBlock[] = []
  const share = (list: number[], { x, width, row }: Omit<IcicleBlock, 'node'>, amount: bigint): void => {
    const sum = list.reduce((all, child) => all + nodes[child]!.amount, 0n)
    const whole = Number(sum > amount ? sum : amount) || 1
    let at = x
    for (const child of list.sort(byAmount)) {
      const part = (Number(nodes[child]!.amount) / whole) * width
      if (part >= least) open.push({ node: child, x: at, width: part, row })
      at += part
    }
  }
  if (top < 0) share(roots, { x: 0, width: 1, row: 0 }, 0n)
  else open.push({ node: top, x: 0, width: 1, row: 0 })
  for (let block = open.pop(); block !== undefined; block = open.pop()) {
    blocks.push(block)
    share(children[block.node]!, { ...block, row: block.row + 1 }, nodes[block.node]!.amount)
  }
  return blocks
}

/** The way from a root down to a node. */
export function icicleWay(nodes: readonly IcicleNode[], node: number): number[] {
  const way: number[] = []
  for (let at = node; at >= 0; at = nodes[at]!.parent) way.unshift(at)
  return way
}
