// An even draw of rows of bounded size: those whose hash is smallest. The hash is of which row it is, so the
// same rows are drawn every time, whoever draws, and two draws of disjoint rows merge into one of both.
//
// Source: bottom-k sampling (Cohen and Kaplan, PODC'07); the mixing steps are MurmurHash3's finalizer.

export type RowPlace = { readonly traceId: string; readonly element?: string | undefined }

export class RowSample<R extends RowPlace> {
  readonly #rowsMax: number
  #held: { readonly hash: number; readonly row: R }[] = []
  /** No row above it can be in the draw. */
  #hashMax = Infinity

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
  }

  /** Cost: O(1), and a sort of 2n rows for every n that stay. */
  add(row: R): void {
    const hash = hashOf(row)
    if (hash >= this.#hashMax) return
    this.#held.push({ hash, row })
    if (this.#held.length >= 2 * this.#rowsMax) this.#cut()
  }

  /** By hash: in no order that means something. */
  rows(): readonly R[] {
    this.#cut()
    return this.#held.map(({ row }) => row)
  }

  #cut(): void {
    if (this.#held.length <= this.#rowsMax) return
    this.#held.sort((a, b) => a.hash - b.hash)
    this.#held = this.#held.slice(0, this.#rowsMax)
    this.#hashMax = this.#held.at(-1)?.hash ?? Infinity
  }
}

/** 0 .. 2^53: two rows in a billion share one. */
function hashOf({ traceId, element = '' }: RowPlace): number {
  let low = 0x811c9dc5
  let high = 0xcbf29ce4
  const text = `${traceId} ${element}`
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b)
  }
  return (mixed(high) >>> 11) * 0x1_0000_0000 + mixed(low ^ high)
}

function mixed(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
