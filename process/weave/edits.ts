// Insertions and removals in a text, told in the order of a walk over its tree.
//
// At one place, what was told first stands first: a walk that tells the beginning of a function before its
// children and its end after them nests rightly, also where an outer and an inner one begin at one place.

type Edit = { readonly at: number; readonly remove: number; readonly text: string }

/** Owned by one walk. */
export class Edits {
  readonly #edits: Edit[] = []

  insert(at: number, text: string): void {
    this.#edits.push({ at, remove: 0, text })
  }

  /** Before all that was told of this place. */
  insertFirst(at: number, text: string): void {
    this.#edits.unshift({ at, remove: 0, text })
  }

  replace(at: number, remove: number, text: string): void {
    this.#edits.push({ at, remove, text })
  }

  applyTo(source: string): string {
    const sorted = this.#edits.toSorted((a, b) => a.at - b.at)
    const pieces: string[] = []
    let from = 0
    for (const { at, remove, text } of sorted) {
      pieces.push(source.slice(from, at), text)
      from = at + remove
    }
    pieces.push(source.slice(from))
    return pieces.join('')
  }
}
