// Parsing at the edge: JSON of strangers into exact types, with a sentence about the first thing that is
// wrong.
//
//   const hello = object({ agent: text(64), pid: integer })   // a Parser<{ agent: string; pid: number }>
// Unknown members are ignored: a newer sender may say more.

import { RequestError } from './server-error.ts'

export type Parser<T> = (value: unknown, where: string) => T
type Parsed<P> = P extends Parser<infer T> ? T : never

export const text =
  (lengthMax: number): Parser<string> =>
  (value, where) => {
    if (typeof value !== 'string') throw wrong(where, 'must be text')
    if (value.length > lengthMax) throw wrong(where, `is longer than ${lengthMax} characters`)
    return value
  }

export const number: Parser<number> = (value, where) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong(where, 'must be a number')
  return value
}

export const integer: Parser<number> = (value, where) => {
  const read = number(value, where)
  if (!Number.isSafeInteger(read) || read < 0) throw wrong(where, 'must be a whole number, not negative')
  return read
}

export const flag: Parser<boolean> = (value, where) => {
  if (typeof value !== 'boolean') throw wrong(where, 'must be true or false')
  return value
}

/** A time as text: ns since the epoch (17 digits and more), ms (fewer), or ISO 8601; else undefined. */
export function timeOf(value: string): bigint | undefined {
  if (/^\d{17,19}$/.test(value)) return BigInt(value)
  if (/^\d{1,16}$/.test(value)) return BigInt(value) * 1_000_000n
  const ms = Date.parse(value)
  return Number.isFinite(ms) && ms >= 0 ? BigInt(ms) * 1_000_000n : undefined
}

/** In ns since the epoch. */
export const time: Parser<bigint> = (value, where) => {
  const read = typeof value === 'string' ? timeOf(value) : undefined
  if (read === undefined) throw wrong(where, 'must be a time: ns or ms since the epoch as text, or ISO 8601')
  return read
}

export const list =
  <T>(item: Parser<T>, countMax: number): Parser<readonly T[]> =>
  (value, where) => {
    if (!Array.isArray(value)) throw wrong(where, 'must be a list')
    if (value.length > countMax) throw wrong(where, `has more than ${countMax} entries`)
    return value.map((entry, index) => item(entry, `${where}[${index}]`))
  }

export const oneOf =
  <T extends string>(...words: readonly T[]): Parser<T> =>
  (value, where) => {
    const found = words.find((word) => word === value)
    if (found === undefined) throw wrong(where, `must be one of ${words.join(', ')}`)
    return found
  }

export const pair =
  <T>(item: Parser<T>): Parser<readonly [T, T]> =>
  (value, where) => {
    if (!Array.isArray(value) || value.length !== 2) throw wrong(where, 'must be a list of two')
    return [item(value[0], `${where}[0]`), item(value[1], `${where}[1]`)]
  }

export const record =
  <T>(item: Parser<T>, countMax: number): Parser<{ readonly [key: string]: T }> =>
  (value, where) => {
    const entries = Object.entries(plain(value, where))
    if (entries.length > countMax) throw wrong(where, `has more than ${countMax} members`)
    const made: { [key: string]: T } = Object.create(null)
    for (const [key, entry] of entries) made[key] = item(entry, `${where}.${key.slice(0, 80)}`)
    return made
  }

export const optional =
  <T>(item: Parser<T>): Parser<T | undefined> =>
  (value, where) =>
    value === undefined || value === null ? undefined : item(value, where)

export function object<S extends { readonly [name: string]: Parser<unknown> }>(
  shape: S,
): Parser<{ readonly [K in keyof S]: Parsed<S[K]> }> {
  return (value, where) => {
    const members = plain(value, where)
    const made: { [name: string]: unknown } = {}
    for (const [name, parser] of Object.entries(shape)) {
      const read = parser(
        Object.hasOwn(members, name) ? members[name] : undefined,
        where === '' ? name : `${where}.${name}`,
      )
      if (read !== undefined) made[name] = read
    }
    // Each member was just made by the parser of its name.
    return made as { readonly [K in keyof S]: Parsed<S[K]> }
  }
}

export const either =
  <T>(...parsers: readonly Parser<T>[]): Parser<T> =>
  (value, where) => {
    for (const parser of parsers.slice(0, -1)) {
      try {
        return parser(value, where)
      } catch {
        continue
      }
    }
    const last = parsers.at(-1)
    if (last === undefined) throw wrong(where, 'is not possible')
    return last(value, where)
  }

function plain(value: unknown, where: string): { readonly [name: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(where, 'must be an object')
  return value as { readonly [name: string]: unknown }
}

const SHAPES = 'GET /openapi.json has the shape of every body'

export function wrong(where: string, what: string): RequestError {
  return new RequestError(400, 'E_BAD_REQUEST', `${where === '' ? 'the body' : where} ${what}`, SHAPES)
}
