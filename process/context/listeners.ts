// Wrapping event listeners as they are added, so that nobody who adds, lists or removes them can tell.
//
//   emitter.on('data', f)      adds   bound, with bound.listener = f: EventEmitter's convention for `once`
//   emitter.off('data', f)     finds  bound by its .listener, and so does listenerCount('data', f)
//   emitter.listeners('data')  gives  f
//   emitter.once('data', f)    adds   a wrapper that removes itself
//
// Only rawListeners() shows the wrapper, as it does for `once`.

import type { EventEmitter } from 'node:events'

type EventType = string | symbol

/** What a call of a wrapped listener passes through: it is to call `listener` on `self` with `args`. */
export type Around = (listener: Function, self: unknown, args: unknown[]) => unknown
/**
 * Decides at registration: what each call of this listener passes through, or undefined to leave it alone.
 */
export type AroundListener = (emitter: object, type: unknown) => Around | undefined
type Adding = 'on' | 'addListener' | 'prependListener'
type AddingOnce = 'once' | 'prependOnceListener'

const adding: readonly Adding[] = ['on', 'addListener', 'prependListener']
const addingOnce: readonly { once: AddingOnce; via: Adding }[] = [
  { once: 'once', via: 'on' },
  { once: 'prependOnceListener', via: 'prependListener' },
]

/**
 * Puts own methods on a prototype of emitters. Gives what restores it, where nobody has replaced ours
 * meanwhile.
 */
export function wrapListenerMethods(prototype: object, around: AroundListener): () => void {
  let isInstalled = true
  const aroundFor = (emitter: object, type: unknown, listener: unknown): Around | undefined => {
    if (!isInstalled || typeof listener !== 'function') return undefined
    const passing = around(emitter, type)
    return passing === undefined || isWrapped(listener) ? undefined : passing
  }
  const restores: (() => void)[] = []
  for (const name of adding) {
    restores.push(
      replaceMethod(
        prototype,
        name,
        (native) =>
          function (this: EventEmitter, type: EventType, listener: unknown) {
            const passing = aroundFor(this, type, listener)
            if (passing === undefined || typeof listener !== 'function')
              return native.call(this, type, listener)
            return native.call(this, type, bound(listener, passing))
          },
      ),
    )
  }
  for (const { once, via } of addingOnce) {
    restores.push(
      replaceMethod(
        prototype,
        once,
        (native) =>
          function (this: EventEmitter, type: EventType, listener: unknown) {
            const passing = aroundFor(this, type, listener)
            if (passing === undefined || typeof listener !== 'function')
              return native.call(this, type, listener)
            return this[via](type, boundOnce(this, type, listener, passing))
          },
      ),
    )
  }
  return () => {
    isInstalled = false
    for (const restore of restores) restore()
  }
}

/** A `once` wrapper of Node or of ours, whose inner listener was judged already. */
function isWrapped(listener: Function): boolean {
  return 'listener' in listener && listener.listener !== undefined
}

type Bound = ((this: unknown, ...args: unknown[]) => unknown) & { listener: Function }

// Plain functions without name and length of the listener's: defining these costs a microsecond, and nobody
// asks a listener.
function bound(listener: Function, passing: Around): Bound {
  function wrapper(this: unknown, ...args: unknown[]): unknown {
    return passing(listener, this, args)
  }
  wrapper.listener = listener
  return wrapper
}

function boundOnce(emitter: EventEmitter, type: EventType, listener: Function, passing: Around): Bound {
  let hasFired = false
  function wrapper(this: unknown, ...args: unknown[]): unknown {
    if (hasFired) return undefined
    hasFired = true
    emitter.removeListener(type, wrapper)
    return passing(listener, this, args)
  }
  wrapper.listener = listener
  return wrapper
}

/** Defines prototype[name] = make(what was found there); the result restores own or inherited as it was. */
export function replaceMethod(
  prototype: object,
  name: string,
  make: (native: Function) => Function,
  isEnumerable = true,
): () => void {
  const before = Object.getOwnPropertyDescriptor(prototype, name)
  const native: unknown = Reflect.get(prototype, name)
  if (typeof native !== 'function') return () => {}
  const value = make(native)
  Object.defineProperty(value, 'name', { value: native.name, configurable: true })
  const enumerable = before?.enumerable ?? isEnumerable
  if (!Reflect.defineProperty(prototype, name, { value, writable: true, configurable: true, enumerable }))
    return () => {}
  return () => {
    if (Object.getOwnPropertyDescriptor(prototype, name)?.value !== value) return
    if (before === undefined) Reflect.deleteProperty(prototype, name)
    else Object.defineProperty(prototype, name, before)
  }
}
