// How large terms are when they stand in full. A Let and a column of a view are one term wherever they are
// named, and are written out where advice is made: ten Lets that each name the one before twice are a
// thousand parts. So what a name stands for is measured before anything walks it.

import type { Column, SourceId, Term } from './resolved.ts'

/** Parts, and how deep they nest, once written out. */
export type TermSize = { readonly nodes: number; readonly depth: number }

const LEAF: TermSize = { nodes: 1, depth: 1 }

/** Owned by one query and the views in it, whose sources have ids of their own. */
export class TermSizes {
  readonly #known = new WeakMap<Term, TermSize>()
  readonly #columns = new Map<SourceId, readonly Column[]>()

  /** What variables of a source that is a view stand for. */
  view(source: SourceId, columns: readonly Column[]): void {
    this.#columns.set(source, columns)
  }

  /** Cost: O(what was not measured before). */
  of(term: Term): TermSize {
    const known = this.#known.get(term)
    if (known !== undefined) return known
    const size = this.#measure(term)
    this.#known.set(term, size)
    return size
  }

  #measure(term: Term): TermSize {
    switch (term.kind) {
      case 'literal':
      case 'matched':
        return LEAF
      case 'var': {
        const column = this.#columns.get(term.source)?.find(({ name }) => name === term.name)
        return column === undefined ? LEAF : this.of(column.value)
      }
      case 'aggregate':
        return above([this.of(term.arg)])
      case 'call':
        return above(term.args.map((arg) => this.of(arg)))
    }
  }
}

function above(args: readonly TermSize[]): TermSize {
  return {
    nodes: args.reduce((sum, { nodes }) => sum + nodes, 1),
    depth: 1 + Math.max(0, ...args.map(({ depth }) => depth)),
  }
}
