// So much a window, and what was not used of it saved up to a bound: a burst may take that, a habit may not.

/** Owned by whoever spends. Amounts are ns. */
export class Allowance {
  readonly #perWindow: number
  readonly #savedMax: number
  #saved: number
  #allowed: number

  /** Begins with all that can be saved: the first runs of anything are its dearest. */
  constructor(perWindow: number, savedMax: number) {
    this.#perWindow = perWindow
    this.#savedMax = savedMax
    this.#saved = savedMax
    this.#allowed = perWindow + savedMax
  }

  isOver(spent: number): boolean {
    return spent > this.#allowed
  }

  /** Another window's worth, in the middle of one. */
  raise(): void {
    this.#allowed += this.#perWindow
  }

  turn(spent: number): void {
    this.#saved = Math.min(this.#savedMax, Math.max(0, this.#saved + this.#perWindow - spent))
    this.#allowed = this.#perWindow + this.#saved
  }
}
