// A binary heap whose members know their place in it, so that one in the middle can leave or change in
// O(log n). Order: key, then `order` (the order of tenants), so that ties are decided and a run can be
// repeated.
//
//        keys    1            a node is in at most one heap at a time
//              3   2          position: index in `nodes`, -1 outside
//             7 4 5

export type HeapNode<T> = {
  key: number
  readonly order: number
  readonly owner: T
  position: number
}

export function heapNode<T>(owner: T, order: number): HeapNode<T> {
  return { key: 0, order, owner, position: -1 }
}

/** Does a come before b? */
export function isBefore<T>(a: HeapNode<T>, b: HeapNode<T>): boolean {
  return a.key < b.key || (a.key === b.key && a.order < b.order)
}

export class MinHeap<T> {
  readonly #nodes: HeapNode<T>[] = []

  get size(): number {
    return this.#nodes.length
  }

  peek(): HeapNode<T> | undefined {
    return this.#nodes[0]
  }

  push(node: HeapNode<T>, key: number): void {
    node.key = key
    this.#nodes.push(node)
    this.#rise(node, this.#nodes.length - 1)
  }

  pop(): HeapNode<T> | undefined {
    const first = this.#nodes[0]
    if (first !== undefined) this.remove(first)
    return first
  }

  /** The node must be in this heap. */
  remove(node: HeapNode<T>): void {
    const at = node.position
    node.position = -1
    const last = this.#nodes.pop()
    if (last === undefined || last === node) return
    this.#rise(last, at)
    if (last.position === at) this.#sink(last, at)
  }

  #rise(node: HeapNode<T>, from: number): void {
    let at = from
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = this.#nodes[parentAt] as HeapNode<T>
      if (!isBefore(node, parent)) break
      this.#put(parent, at)
      at = parentAt
    }
    this.#put(node, at)
  }

  #sink(node: HeapNode<T>, from: number): void {
    let at = from
    for (;;) {
      const leftAt = 2 * at + 1
      const left = this.#nodes[leftAt]
      if (left === undefined) break
      const right = this.#nodes[leftAt + 1]
      const isRight = right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (!isBefore(child, node)) break
      this.#put(child, at)
      at = isRight ? leftAt + 1 : leftAt
    }
    this.#put(node, at)
  }

  #put(node: HeapNode<T>, at: number): void {
    this.#nodes[at] = node
    node.position = at
  }
}
