// From unknown JSON to exact types. A reader takes a value and where it stands and gives the type or throws;
// nothing is cast.
//
//   const readPoint = object({ x: number, label: optional(string) })
//   readPoint(JSON.parse(text), 'point')

export class DecodeError extends Error {
  readonly code = 'E_UNEXPECTED_ANSWER'
}

export type Reader<T> = (value: unknown, where: string) => T

function wrong(where: string, wanted: string): never {
  throw new DecodeError(`the server's answer has no ${wanted} at ${where}`)
}

export const string: Reader<string> = (value, where) =>
  typeof value === 'string' ? value : wrong(where, 'string')
export const number: Reader<number> = (value, where) =>
  typeof value === 'number' ? value : wrong(where, 'number')
export const boolean: Reader<boolean> = (value, where) =>
  typeof value === 'boolean' ? value : wrong(where, 'boolean')

/**
 * Nanoseconds as the API writes them: a decimal string. It stays a string here; BigInt() of it cannot throw.
 */
export const nanos: Reader<string> = (value, where) =>
  typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? value : wrong(where, 'decimal string')

/** Trace and span ids: lower-case hex. They go into addresses, so nothing else passes. */
export const hexId: Reader<string> = (value, where) =>
  typeof value === 'string' && /^[0-9a-f]{1,32}$/.test(value) ? value : wrong(where, 'hex id')

export function optional<T>(read: Reader<T>): Reader<T | undefined> {
  return (value, where) => (value === undefined || value === null ? undefined : read(value, where))
}

export function oneOf<const T extends string>(...names: readonly T[]): Reader<T> {
  return (value, where) => names.find((name) => name === value) ?? wrong(where, names.join(' | '))
}

export function array<T>(read: Reader<T>): Reader<readonly T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) return wrong(where, 'list')
    return value.map((item: unknown, index) => read(item, `${where}[${index}]`))
  }
}

/**
 * Any JSON object with values of one kind. The copy has no prototype, so `__proto__` is a key like any other.
 */
export function record<T>(read: Reader<T>): Reader<{ readonly [key: string]: T }> {
  return (value, where) => {
    if (!isObject(value)) return wrong(where, 'object')
    const out: { [key: string]: T } = Object.create(null)
    for (const key of Object.keys(value)) out[key] = read(value[key], where)
    return out
  }
}

type Shape = { readonly [key: string]: Reader<unknown> }
type Shaped<S extends Shape> = { readonly [K in keyof S]: S[K] extends Reader<infer T> ? T : never }

/** An object with at least these members; others are ignored, so that the server may grow. */
export function object<const S extends Shape>(shape: S): Reader<Shaped<S>> {
  const keys = Object.keys(shape)
  return (value, where) => {
    if (!isObject(value)) return wrong(where, 'object')
    const out: { [key: string]: unknown } = {}
    for (const key of keys) out[key] = shape[key]!(value[key], `${where}.${key}`)
    return out as Shaped<S> // the loop has read exactly the members of the shape
  }
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
