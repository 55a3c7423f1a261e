// The last n things: the oldest gives way. For samples, recent errors, windows.

import { assert } from './assert.ts'

export class Ring<T> {
  readonly capacity: number
  readonly #items: T[] = []
  /** Where the next one goes once full = where the oldest stands. */
  #next = 0

  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity > 0, 'a ring holds at least one item')
    this.capacity = capacity
  }

  get length(): number {
    return this.#items.length
  }

  /** Gives the item that had to leave, if any. */
  push(item: T): T | undefined {
    if (this.#items.length < this.capacity) {
      this.#items.push(item)
      return undefined
    }
    const oldest = this.#items[this.#next]
    this.#items[this.#next] = item
    this.#next = (this.#next + 1) % this.capacity
    return oldest
  }

  /** Oldest first. */
  toArray(): T[] {
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)]
  }

  clear(): void {
    this.#items.length = 0
    this.#next = 0
  }
}
