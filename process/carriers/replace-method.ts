// Putting a method on an object or prototype of the host, so that it can be taken off again.

/** Replaces or adds a method; the function given back restores it unless somebody wrapped ours meanwhile. */
export function replaceMethod(prototype: object, name: string | symbol, ours: Function): () => void {
  const before = Object.getOwnPropertyDescriptor(prototype, name)
  Object.defineProperty(prototype, name, {
    value: ours,
    writable: true,
    configurable: true,
    enumerable: false,
  })
  return () => {
    if (Object.getOwnPropertyDescriptor(prototype, name)?.value !== ours) return
    if (before === undefined) Reflect.deleteProperty(prototype, name)
    else Object.defineProperty(prototype, name, before)
  }
}
