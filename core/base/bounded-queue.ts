// At most n things in order. Full is a named policy and is counted, never a surprise.

import { assert } from './assert.ts'

/** reject: the new one is not taken. dropOldest: the first in line leaves. */
export type FullPolicy = 'reject' | 'dropOldest'

export class BoundedQueue<T> {
  readonly capacity: number
  readonly policy: FullPolicy
  #items: (T | undefined)[]
  #head = 0
  #length = 0
  #dropped = 0

  constructor(options: { readonly capacity: number; readonly policy: FullPolicy }) {
    assert(Number.isInteger(options.capacity) && options.capacity > 0, 'a queue holds at least one item')
    this.capacity = options.capacity
    this.policy = options.policy
    this.#items = new Array<T | undefined>(options.capacity)
  }

  get length(): number {
    return this.#length
  }

  /** Items lost to the policy since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** False when the item was refused. */
  push(item: T): boolean {
    if (this.#length === this.capacity) {
      this.#dropped++
      if (this.policy === 'reject') return false
      this.#take()
    }
    this.#items[(this.#head + this.#length) % this.capacity] = item
    this.#length++
    return true
  }

  shift(): T | undefined {
    return this.#length === 0 ? undefined : this.#take()
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#items[this.#head]
  }

  /** Up to `count` items, first in line first. */
  drain(count = this.capacity): T[] {
    const taken: T[] = []
    while (taken.length < count && this.#length > 0) {
      const item = this.#take()
      if (item !== undefined) taken.push(item)
    }
    return taken
  }

  #take(): T | undefined {
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head = (this.#head + 1) % this.capacity
    this.#length--
    return item
  }
}
