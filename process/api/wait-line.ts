// The line of those who wait for a lock: first in, first out, with an exit for whoever gives up.
//
// Owned by one lock. `head` moves on instead of shifting the array; given-up places stay as holes until the
// head passes them, so both joining and leaving cost O(1).

export type Waiter = { readonly grant: () => void; isGone: boolean }

/** Shapes: waiting may hold holes (isGone); size counts those who still wait. */
export class WaitLine {
  #places: Waiter[] = []
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  join(grant: () => void): Waiter {
    const waiter: Waiter = { grant, isGone: false }
    this.#places.push(waiter)
    this.#size += 1
    return waiter
  }

  leave(waiter: Waiter): void {
    if (waiter.isGone) return
    waiter.isGone = true
    this.#size -= 1
  }

  /** The longest waiting, taken out of the line. */
  next(): Waiter | undefined {
    while (this.#head < this.#places.length) {
      const waiter = this.#places[this.#head]
      this.#head += 1
      this.#compact()
      if (waiter === undefined || waiter.isGone) continue
      this.leave(waiter)
      return waiter
    }
    return undefined
  }

  #compact(): void {
    if (this.#head * 2 < this.#places.length && this.#head < 1024) return
    this.#places = this.#places.slice(this.#head)
    this.#head = 0
  }
}

/** Waits in line until granted. Errors: the signal's reason, when it aborts first. */
export function waitIn(line: WaitLine, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      line.leave(waiter)
      reject(signal?.reason)
    }
    const waiter = line.join(() => {
      signal?.removeEventListener('abort', giveUp)
      resolve()
    })
    signal?.addEventListener('abort', giveUp, { once: true })
  })
}
