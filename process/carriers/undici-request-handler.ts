// undici.request's own handler, patched so that an answer joins at the await of the request and not only with
// its body.
//
// The handler is an AsyncResource: it calls back in the frame of the caller, which is right for the scope and
// loses what just arrived. When the arriving frame belongs to the same execution, its baggage is added. Done
// on the class, because behind interceptors (retry, redirect) the handler that we see dispatched is another
// one.
import { currentFrame, runWith } from '#context'
import { replaceMethod } from './replace-method.ts'
import { withBaggage } from './wire.ts'

/** What was patched, and how to put it back. */
export type Patched = Map<object, () => void>

type Callback = (this: unknown, ...args: unknown[]) => unknown

/**
 * `exported` is what undici's lib/api/api-request exports: the function, with its handler class as a
 * property.
 */
export function patchRequestHandler(exported: unknown, patched: Patched): void {
  const handler: unknown =
    typeof exported === 'function' ? Reflect.get(exported, 'RequestHandler') : undefined
  const prototype: unknown = typeof handler === 'function' ? handler.prototype : undefined
  if (typeof prototype !== 'object' || prototype === null || patched.has(prototype)) return
  const original: unknown = Reflect.get(prototype, 'runInAsyncScope')
  if (typeof original !== 'function' || Object.hasOwn(prototype, 'runInAsyncScope')) return
  const runInAsyncScope = function (
    this: unknown,
    fn: Callback,
    thisArg?: unknown,
    ...args: unknown[]
  ): unknown {
    const arrived = currentFrame()
    return Reflect.apply(original, this, [
      () => {
        const own = currentFrame()
        if (arrived === undefined || own === undefined || arrived.scope.execution !== own.scope.execution)
          return Reflect.apply(fn, thisArg, args)
        return runWith(withBaggage(own, arrived.baggage), () => Reflect.apply(fn, thisArg, args))
      },
    ])
  }
  patched.set(prototype, replaceMethod(prototype, 'runInAsyncScope', runInAsyncScope))
}
