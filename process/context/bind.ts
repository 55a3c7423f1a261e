// Functions wrapped so that each call passes through us, unnoticed by whoever calls or inspects them.

/**
 * A function like fn whose calls go through `around`. Keeps name, length and `new`; properties of fn are not
 * copied.
 * Owns: fn, and whatever `around` holds, for as long as the result lives.
 */
export function wrapCalls<F extends Function>(fn: F, around: (call: () => unknown) => unknown): F {
  const bound = function (this: unknown, ...args: unknown[]): unknown {
    const target = new.target
    if (target === undefined) return around(() => Reflect.apply(fn, this, args))
    return around(() => Reflect.construct(fn, args, target === bound ? fn : target))
  }
  Object.defineProperties(bound, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
  })
  return sameType(bound)
}

/** The one assertion here: a wrapper that forwards `this`, arguments and result is used as what it wraps. */
function sameType<F extends Function>(wrapper: Function): F {
  return wrapper as F
}
