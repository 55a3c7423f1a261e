// Where the current frame lives: one AsyncLocalStorage, entered and left by hand.
//
//   get()        the frame of this point, undefined outside every execution
//   enter(f)     from here on, until the callback that Node called us from returns
//   run(f, fn)   inside fn only; what fn entered is left again
//   resumed(t,f) from inside a promise hook: promise t's continuation shall see f
//
// AsyncLocalStorage.run is not used: it skips the restoring when the frame is already current, so an `enter`
// inside would leak out. Node 22 keeps the frame on the promise itself (async_hooks), Node 24 on beside V8's
// continuation; with the first, whoever enables an async hook later also reorders the hooks, so there the
// promise's slot is read and written directly and the order does not matter (with enterWith in the wrong
// order 3 of 15 probes passed instead of 15).
import { AsyncLocalStorage, executionAsyncResource } from 'node:async_hooks'
import type { Frame } from './frame.ts'

export class FrameStore {
  readonly #storage = new AsyncLocalStorage<Frame | undefined>()
  /** async_hooks' slot on a resource; undefined where AsyncContextFrame carries the frame. */
  #slot: symbol | undefined
  #isDisabled = false
  /** Told of each frame that is entered, or left for another one. undefined: nobody wants to know. */
  onSwitch: ((frame: Frame | undefined) => void) | undefined = undefined

  get(): Frame | undefined {
    return this.#storage.getStore()
  }

  /** Runs that were under way when all was stopped still leave: that must not switch the storage on again. */
  enter(frame: Frame | undefined): void {
    if (this.#isDisabled) return
    this.#storage.enterWith(frame)
    if (this.onSwitch !== undefined) this.onSwitch(frame)
  }

  run<R>(frame: Frame | undefined, fn: () => R): R {
    const outer = this.get()
    if (outer !== frame) this.enter(frame)
    try {
      return fn()
    } finally {
      if (this.get() !== outer) this.enter(outer)
    }
  }

  /**
   * To be called once, where a frame is current, before the hooks are installed. The slot is found by its
   * value: its name differs between versions, and on Node 24 without AsyncContextFrame it is private.
   */
  locate(): void {
    const resource = executionAsyncResource()
    const frame = this.get()
    if (frame === undefined) return
    this.#slot = Object.getOwnPropertySymbols(resource).find((slot) => Reflect.get(resource, slot) === frame)
  }

  /** Inside the `before` hook of a promise: the frame captured when the continuation was registered. */
  capturedBy(promise: object): Frame | undefined {
    return this.#slot === undefined ? this.get() : Reflect.get(promise, this.#slot)
  }

  /** Inside the `before` hook of a promise: what its continuation shall see instead. */
  resumeWith(promise: object, frame: Frame): void {
    if (this.#slot === undefined) this.enter(frame)
    else Reflect.set(promise, this.#slot, frame)
  }

  /** For good: another start makes another store. */
  disable(): void {
    this.#isDisabled = true
    this.#storage.disable()
  }
}
