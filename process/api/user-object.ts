// Methods of an object of the user's own, replaced on that object and nowhere else: other pools of the same
// class stay as they are.

export type Method = (...args: unknown[]) => unknown

export function isMethod(target: object, name: string): boolean {
  return typeof Reflect.get(target, name) === 'function'
}

/** Errors: TypeError when there is none. */
export function methodOf(target: object, name: string): Method {
  const method: unknown = Reflect.get(target, name)
  if (typeof method !== 'function') throw new TypeError(`it has no method ${name}`)
  return (...args) => Reflect.apply(method, target, args)
}

/** `make` gets the method as it was, bound to its object. */
export function replace(target: object, name: string, make: (before: Method) => Method): void {
  Reflect.set(target, name, make(methodOf(target, name)))
}
