// What flows through a pipeline: one or many of an item, and for numbers a unit. Every expression has a type
// before anything runs; what can never be meant is refused with what would be.

/** `any`: an attribute, whose type only the trace knows; it is compared by what it is compared with. */
export type Item =
  | 'trace'
  | 'unit'
  | 'block'
  | 'point'
  | 'edge'
  | 'section'
  | 'path'
  | 'number'
  | 'string'
  | 'boolean'
  | 'any'

export type Type = { readonly item: Item; readonly isMany: boolean; readonly unit?: string }

export const one = (item: Item, unit?: string): Type => ({
  item,
  isMany: false,
  ...(unit === undefined ? {} : { unit }),
})
export const many = (item: Item, unit?: string): Type => ({ ...one(item, unit), isMany: true })
export const sameShape = (shape: Type, item: Item, unit?: string): Type => ({
  ...one(item, unit),
  isMany: shape.isMany,
})

const PLURALS: Readonly<Partial<Record<Item, string>>> = { any: 'attributes' }
const SINGULARS: Readonly<Partial<Record<Item, string>>> = { any: 'attribute', string: 'text' }

/** `many blocks`, `one number (ns)`. */
export function printType({ item, isMany, unit }: Type): string {
  const noun = SINGULARS[item] ?? item
  const text = isMany ? `many ${PLURALS[item] ?? `${noun}s`}` : `one ${noun}`
  return unit === undefined ? text : `${text} (${unit})`
}

export const isElement = (item: Item): boolean =>
  item !== 'number' && item !== 'string' && item !== 'boolean' && item !== 'any'

const TIME: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  min: 60e9,
  h: 3600e9,
  d: 86_400e9,
}
const SIZE: Readonly<Record<string, number>> = {
  By: 1,
  kBy: 1e3,
  MBy: 1e6,
  GBy: 1e9,
  TBy: 1e12,
  KiBy: 2 ** 10,
  MiBy: 2 ** 20,
  GiBy: 2 ** 30,
  TiBy: 2 ** 40,
}

/** Units are UCUM's, as in OpenTelemetry (`By`, `ms`); `MB` and `µs` are understood too. */
export function unitNamed(written: string): string {
  if (written === 'µs') return 'us'
  return /^(?:[kMGT]|[KMGT]i)?B$/.test(written) ? `${written}y` : written
}

export const UNITS: readonly string[] = [...Object.keys(TIME), ...Object.keys(SIZE)]

/**
 * Numbers of one unit in another; undefined: they measure different things. Multiplied first and divided
 * then, so that whole ms of whole ns are whole.
 */
export function conversion(from: string, to: string): ((value: number) => number) | undefined {
  if (from === to) return (value) => value
  for (const table of [TIME, SIZE]) {
    if (!Object.hasOwn(table, from) || !Object.hasOwn(table, to)) continue
    const [times, by] = [table[from], table[to]]
    return (value) => (value * times) / by
  }
  return undefined
}
