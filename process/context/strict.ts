// Strict mode, for development: work that runs in another execution's context, with the stack that registered
// it and the stack that runs it. A leak shows where it is made, not where its effect is noticed.
//
//   request A:  bus.emit('price')  --calls-->  f     f was added by request B: all that f does is now A's
//                     ^ stack at execution     ^ stack at registration
//
// It watches `on`, `once`, ... of every EventEmitter and `addEventListener` of every EventTarget, and changes
// nothing but the wrapping of listeners. Listeners that belong to no execution (added at start) are meant to
// serve all and are not watched.
// Cost: a stack per registration; never for production. Source: Brave's StrictScopeDecorator; execution
// models, section 3.
import { EventEmitter } from 'node:events'
import type { Execution, Frame } from './frame.ts'
import { replaceMethod, wrapListenerMethods, type Around } from './listeners.ts'

export type Mismatch = {
  /** The event's name, as far as it is known. */
  readonly work: string
  readonly registeredBy: Execution
  /** undefined: it runs outside every execution, so its baggage is lost. */
  readonly ranIn: Execution | undefined
  readonly registrationStack: string
  readonly executionStack: string
}

export type MismatchListener = (mismatch: Mismatch) => void

export type StrictHost = { frame(): Frame | undefined; fault(): void }

/** Installs the watch on emitters and event targets. Gives what removes it. */
export function installStrictMode(host: StrictHost, listener: MismatchListener): () => void {
  const watch = (work: string) => watchedCall(host, listener, work)
  const restores = [
    wrapListenerMethods(EventEmitter.prototype, (_emitter, type) => watch(`listener of '${String(type)}'`)),
    watchEventTargets(watch),
  ]
  return () => {
    for (const restore of restores) restore()
  }
}

/**
 * Remembers who registers; each call through the result compares it with who runs. undefined outside every
 * execution.
 */
function watchedCall(host: StrictHost, listener: MismatchListener, work: string): Around | undefined {
  const registeredBy = host.frame()?.scope.execution
  if (registeredBy === undefined) return undefined
  const registrationStack = stackHere()
  return (called, self, args) => {
    const ranIn = host.frame()?.scope.execution
    if (ranIn !== registeredBy) {
      try {
        listener({ work, registeredBy, ranIn, registrationStack, executionStack: stackHere() })
      } catch {
        host.fault()
      }
    }
    return Reflect.apply(called, self, args)
  }
}

function stackHere(): string {
  return new Error('stack').stack?.split('\n').slice(2).join('\n') ?? ''
}

/** One wrapper per listener and target, so that adding twice adds once and removing finds it. */
function watchEventTargets(watch: (work: string) => Around | undefined): () => void {
  const wrappers = new WeakMap<object, WeakMap<Function, Function>>()
  const wrapperOf = (target: object, listener: unknown): unknown =>
    typeof listener === 'function' ? (wrappers.get(target)?.get(listener) ?? listener) : listener
  const restoreAdd = replaceMethod(
    EventTarget.prototype,
    'addEventListener',
    (native) =>
      function (this: object, type: unknown, listener: unknown, ...rest: unknown[]) {
        const isNew = typeof listener === 'function' && wrapperOf(this, listener) === listener
        const around = isNew ? watch(`listener of '${String(type)}'`) : undefined
        if (around !== undefined && typeof listener === 'function') {
          const ofTarget = wrappers.get(this) ?? new WeakMap<Function, Function>()
          const wrapper = function (this: unknown, ...args: unknown[]): unknown {
            return around(listener, this, args)
          }
          wrappers.set(this, ofTarget.set(listener, wrapper))
        }
        return Reflect.apply(native, this, [type, wrapperOf(this, listener), ...rest])
      },
  )
  const restoreRemove = replaceMethod(
    EventTarget.prototype,
    'removeEventListener',
    (native) =>
      function (this: object, type: unknown, listener: unknown, ...rest: unknown[]) {
        return Reflect.apply(native, this, [type, wrapperOf(this, listener), ...rest])
      },
  )
  return () => {
    restoreAdd()
    restoreRemove()
  }
}
