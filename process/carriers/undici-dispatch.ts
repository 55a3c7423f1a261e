// The one patch of undici: DispatcherBase.prototype.dispatch, through which every request of every Client,
// Pool and Agent passes.
//
//   caller's frame F:  agent.dispatch(opts, h)            h unknown  -> remember (h, F)
//                        pool.dispatch(opts, h)           same turn  -> nothing to do
//                          [ no free connection: queued ]
//   another's frame G: client.dispatch(opts, h)           h known    -> run in F: created there
//
// Handlers of the newer interface are wrapped anew inside undici 7 at the first dispatch, so the queue holds
// another object than the one we saw: for those the options are copied, and the copy is remembered as well.
//
// The class is reached (1) for Node's own undici through the global dispatcher, looked up when undici
// announces itself by reading that symbol; (2) for a package through `tracing:module.require:end`, Node's
// channel for finished requires; (3) through the CommonJS cache, when it was loaded before us. A bundle that
// swallowed undici is reached by none: its default dispatcher is right without, a limited one is not.
import { currentFrame, runWith } from '#context'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import { isQuiet } from './quiet.ts'
import { replaceMethod } from './replace-method.ts'
import { UndiciExchange, type Dispatched, type Origins } from './undici-exchange.ts'
import { patchRequestHandler, type Patched } from './undici-request-handler.ts'
import type { Wire } from './wire.ts'

const GLOBAL_DISPATCHERS = [
  Symbol.for('undici.globalDispatcher.2'),
  Symbol.for('undici.globalDispatcher.1'),
] as const
const REQUIRED = 'tracing:module.require:end'
const CREATE = 'undici:request:create'

type Dispatch = (this: unknown, options: unknown, handler: unknown) => unknown

export interface UndiciDispatch {
  /** The request whose dispatch is on the stack now. */
  current(): Dispatched | undefined
  uninstall(): void
}

export function installUndiciDispatch(wire: Wire, origins: Origins): UndiciDispatch {
  const patch = new DispatchPatch(wire, origins)
  const guarded =
    <A>(step: (value: A) => void) =>
    (value: A): void => {
      try {
        step(value)
      } catch (error: unknown) {
        wire.hookFailed(error)
      }
    }
  const onRequired = guarded((message: unknown) => patch.required(message))
  const onCreate = guarded((_message: unknown) => patch.globals())
  const onAnnounced = guarded(() => queueMicrotask(() => onCreate(undefined)))
  subscribe(REQUIRED, onRequired)
  // Before the listener of undici.ts: a request that is created while its class is not known yet must find
  // nobody on the stack.
  subscribe(CREATE, onCreate)
  guarded(() => {
    patch.cached()
    patch.globals()
    watchGlobals(onAnnounced)
  })(undefined)
  return {
    current: () => patch.current,
    uninstall() {
      unsubscribe(REQUIRED, onRequired)
      unsubscribe(CREATE, onCreate)
      unwatchGlobals()
      patch.undo()
    },
  }
}

class DispatchPatch {
  readonly #wire: Wire
  readonly #origins: Origins
  current: Dispatched | undefined
  readonly #byHandler = new WeakMap<object, Dispatched>()
  readonly #patched: Patched = new Map()

  constructor(wire: Wire, origins: Origins) {
    this.#wire = wire
    this.#origins = origins
  }

  /** A module was required: is it one of undici's? Cost: two string comparisons a require. */
  required(message: unknown): void {
    if (
      typeof message !== 'object' ||
      message === null ||
      !('id' in message) ||
      typeof message.id !== 'string'
    )
      return
    if (message.id.endsWith('dispatcher-base') && 'result' in message) this.#patchClass(message.result)
    else if (message.id.endsWith('api-request') && 'result' in message)
      patchRequestHandler(message.result, this.#patched)
  }

  cached(): void {
    const cache = createRequire(import.meta.url).cache
    for (const path of Object.keys(cache)) {
      if (path.endsWith('dispatcher-base.js')) this.#patchClass(cache[path]?.exports)
      else if (path.endsWith('api-request.js')) patchRequestHandler(cache[path]?.exports, this.#patched)
    }
  }

  globals(): void {
    for (const key of GLOBAL_DISPATCHERS) {
      const descriptor = Object.getOwnPropertyDescriptor(globalThis, key)
      if (typeof descriptor?.value === 'object' && descriptor.value !== null)
        this.#patchPrototype(baseOf(descriptor.value))
    }
  }

  #patchClass(exported: unknown): void {
    if (typeof exported === 'function' && typeof exported.prototype === 'object')
      this.#patchPrototype(exported.prototype)
  }

  #patchPrototype(prototype: object | undefined): void {
    if (prototype === undefined || this.#patched.has(prototype) || !Object.hasOwn(prototype, 'dispatch'))
      return
    const original: unknown = Reflect.get(prototype, 'dispatch')
    if (!isDispatch(original)) return
    const dispatchInFrame = this.#wrap(original)
    const ours: Dispatch = function dispatch(options, handler) {
      return dispatchInFrame(this, options, handler)
    }
    this.#patched.set(prototype, replaceMethod(prototype, 'dispatch', ours))
  }

  #wrap(original: Dispatch): (self: unknown, options: unknown, handler: unknown) => unknown {
    return (self, options, handler) => {
      if (!isObject(handler) || !isObject(options)) return Reflect.apply(original, self, [options, handler])
      const outer = this.current
      const known = this.#byHandler.get(handler) ?? this.#byHandler.get(options)
      const dispatched = known ?? outer ?? this.#dispatched(handler)
      let given = options
      if (known === undefined) {
        this.#byHandler.set(handler, dispatched)
        if (outer === undefined && 'onRequestStart' in handler)
          this.#byHandler.set((given = { ...options }), dispatched)
      }
      const go = (with_: object): unknown => {
        const before = this.current
        this.current = dispatched
        try {
          if (currentFrame() === dispatched.frame) return Reflect.apply(original, self, [with_, handler])
          return runWith(dispatched.frame, () => Reflect.apply(original, self, [with_, handler]))
        } finally {
          this.current = before
        }
      }
      // Only the caller's own dispatch is asked for: what queues, retries and redirects make of it has gone.
      const depart = known === undefined && outer === undefined ? this.#wire.holds.undici : undefined
      if (depart === undefined || dispatched.isQuiet) return go(given)
      const know = (options: object) => void this.#byHandler.set(options, dispatched)
      const begin = (text: string) => {
        const origin = this.#origins.of(text)
        return new UndiciExchange(this.#wire, given, { origin, dispatched, isAsked: true })
      }
      return depart({ begin, self, dispatched, options: given, know, go })
    }
  }

  #dispatched(handler: object): Dispatched {
    const atMs = this.#wire.stamp()
    return { handler, frame: currentFrame(), isQuiet: isQuiet(), atMs, begun: undefined }
  }

  undo(): void {
    for (const putBack of this.#patched.values()) putBack()
    this.#patched.clear()
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isDispatch(value: unknown): value is Dispatch {
  return typeof value === 'function'
}

/**
 * The prototype below the abstract Dispatcher: the last but one of those that have a dispatch of their own.
 */
function baseOf(dispatcher: object): object | undefined {
  const owners: object[] = []
  for (
    let at: object | null = Object.getPrototypeOf(dispatcher);
    at !== null;
    at = Object.getPrototypeOf(at)
  ) {
    if (Object.hasOwn(at, 'dispatch')) owners.push(at)
  }
  return owners.at(-2)
}

/**
 * undici reads its global symbol once while it loads and defines it right after, as a value: until then a
 * getter stands there, which hears the reading and is replaced by the defining.
 */
function watchGlobals(onAnnounced: (value: undefined) => void): void {
  for (const key of GLOBAL_DISPATCHERS) {
    if (Object.hasOwn(globalThis, key)) continue
    Object.defineProperty(globalThis, key, {
      configurable: true,
      enumerable: false,
      get() {
        onAnnounced(undefined)
        return undefined
      },
      set(value: unknown) {
        Object.defineProperty(globalThis, key, {
          value,
          writable: true,
          configurable: true,
          enumerable: false,
        })
      },
    })
  }
}

function unwatchGlobals(): void {
  for (const key of GLOBAL_DISPATCHERS) {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, key)
    if (descriptor?.get !== undefined && descriptor.configurable === true)
      Reflect.deleteProperty(globalThis, key)
  }
}
