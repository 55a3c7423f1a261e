// Wrapping event listeners as they are added, so that nobody who adds, lists or removes them can tell.
//
//   emitter.on('data', f)      adds   bound, with bound.listener = f      EventEmitter's own convention for `once`:
//   emitter.off('data', f)     finds  bound by its .listener              off, listeners() and listenerCount(type, f)
//   emitter.listeners('data')  gives  f                                   look through it
//   emitter.once('data', f)    adds   a wrapper that removes itself
//
// Only rawListeners() shows the wrapper, as it does for `once`.
import { wrapCalls } from './bind.ts'

type Around = (call: () => unknown) => unknown
/** Decides at registration: what each call of this listener passes through, or undefined to leave it alone. */
export type AroundListener = (emitter: object, type: unknown) => Around | undefined
type Adding = 'on' | 'addListener' | 'prependListener'
type AddingOnce = 'once' | 'prependOnceListener'

const adding: readonly Adding[] = ['on', 'addListener', 'prependListener']
const addingOnce: readonly { once: AddingOnce; via: Adding }[] = [
  { once: 'once', via: 'on' },
  { once: 'prependOnceListener', via: 'prependListener' },
]

/** Puts own methods on a prototype of emitters. Gives what restores it, where nobody has replaced ours meanwhile. */
export function wrapListenerMethods(prototype: object, around: AroundListener): () => void {
  let isInstalled = true
  const aroundFor = (emitter: object, type: unknown, listener: unknown): Around | undefined =>
    isInstalled && typeof listener === 'function' && !isWrapped(listener) ? around(emitter, type) : undefined
  const restores: (() => void)[] = []
  for (const name of adding) {
    restores.push(replaceMethod(prototype, name, (native) => function (this: object, type: unknown, listener: unknown) {
      const passing = aroundFor(this, type, listener)
      const added = passing === undefined || typeof listener !== 'function' ? listener : bound(listener, passing)
      return Reflect.apply(native, this, [type, added])
    }))
  }
  for (const { once, via } of addingOnce) {
    restores.push(replaceMethod(prototype, once, (native) => function (this: object, type: unknown, listener: unknown) {
      const passing = aroundFor(this, type, listener)
      if (passing === undefined || typeof listener !== 'function') return Reflect.apply(native, this, [type, listener])
      return call(this, via, [type, boundOnce(this, type, listener, passing)])
    }))
  }
  return () => {
    isInstalled = false
    for (const restore of restores) restore()
  }
}

/** A `once` wrapper of Node or of ours, whose inner listener was judged already. */
function isWrapped(listener: Function): boolean {
  return Reflect.get(listener, 'listener') !== undefined
}

function bound(listener: Function, passing: Around): Function {
  return Object.assign(wrapCalls(listener, passing), { listener })
}

function boundOnce(emitter: object, type: unknown, listener: Function, passing: Around): Function {
  let hasFired = false
  const once = Object.assign(wrapCalls(listener, (run) => {
    if (hasFired) return undefined
    hasFired = true
    call(emitter, 'removeListener', [type, once])
    return passing(run)
  }), { listener })
  return once
}

function call(target: object, method: string, args: unknown[]): unknown {
  const fn: unknown = Reflect.get(target, method)
  return typeof fn === 'function' ? Reflect.apply(fn, target, args) : undefined
}

/** Defines prototype[name] = make(what was found there); the result restores own or inherited as it was. */
export function replaceMethod(
  prototype: object, name: string, make: (native: Function) => Function, isEnumerable = true,
): () => void {
  const before = Object.getOwnPropertyDescriptor(prototype, name)
  const native: unknown = Reflect.get(prototype, name)
  if (typeof native !== 'function') return () => {}
  const value = make(native)
  Object.defineProperty(value, 'name', { value: native.name, configurable: true })
  const enumerable = before?.enumerable ?? isEnumerable
  if (!Reflect.defineProperty(prototype, name, { value, writable: true, configurable: true, enumerable })) return () => {}
  return () => {
    if (Object.getOwnPropertyDescriptor(prototype, name)?.value !== value) return
    if (before === undefined) Reflect.deleteProperty(prototype, name)
    else Object.defineProperty(prototype, name, before)
  }
}
