// Subclasses of Promise: V8 builds the continuation of `sub.then(f)` through the species constructor and
// announces it without its parent, so the join would not know what was awaited. While hooks are installed,
// the prototype of each subclass that appears gets a `then` that tells: the result of sub.then() awaits sub.
//
// Promise.prototype itself, of this realm or of a vm context, is never touched: that would take V8's fast
// paths away from the whole process.

/* oxlint-disable unicorn/no-thenable -- a then is what is made here */
import { replaceMethod } from './listeners.ts'
import { PROMISE_SUBCLASSES_MAX } from './limits.ts'

export class Subclasses {
  readonly #seen = new WeakSet<object>()
  readonly #restores: (() => void)[] = []
  readonly #link: (continuation: object, awaited: object) => void

  constructor(link: (continuation: object, awaited: object) => void) {
    this.#link = link
  }

  /** A promise that is not a plain one came into being. */
  meet(promise: object): void {
    const prototype: unknown = Object.getPrototypeOf(promise)
    if (!isDerived(prototype) || this.#seen.has(prototype)) return
    if (this.#restores.length >= PROMISE_SUBCLASSES_MAX) return
    this.#seen.add(prototype)
    const link = this.#link
    this.#restores.push(
      replaceMethod(
        prototype,
        'then',
        (native) => {
          const { then } = {
            then(this: object, onFulfilled: unknown, onRejected: unknown): unknown {
              const continuation: unknown = Reflect.apply(native, this, [onFulfilled, onRejected])
              if (typeof continuation === 'object' && continuation !== null && continuation !== this)
                link(continuation, this)
              return continuation
            },
          }
          return then
        },
        false,
      ),
    )
  }

  release(): void {
    for (const restore of this.#restores.splice(0)) restore()
  }
}

/** Sub.prototype -> Promise.prototype -> Object.prototype -> null; an intrinsic one has a step less. */
function isDerived(prototype: unknown): prototype is object {
  if (typeof prototype !== 'object' || prototype === null) return false
  const parent: unknown = Object.getPrototypeOf(prototype)
  return typeof parent === 'object' && parent !== null && Object.getPrototypeOf(parent) !== null
}
