// Counts what is still to be done before something may be told: durable rows before a segment is dropped.

import { assert } from '#base'

export class Hold {
  #count = 1
  readonly #onDone: () => void

  /** Held once, by its maker. */
  constructor(onDone: () => void) {
    this.#onDone = onDone
  }

  hold(): this {
    assert(this.#count > 0, 'what is done is not held again')
    this.#count++
    return this
  }

  release(): void {
    assert(this.#count > 0, 'each hold is released once')
    if (--this.#count === 0) this.#onDone()
  }
}
