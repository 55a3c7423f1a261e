// Units of literals: `5ms` is a number of nanoseconds, `4KiB` a number of bytes.

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  /** The micro sign, and the Greek letter that it is normalised to. */
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  min: 60e9,
  h: 3600e9,
  d: 86_400e9,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  '%': 0.01,
}

export const UNIT_NAMES: readonly string[] = Object.keys(UNITS)
const TIME_UNITS: ReadonlySet<string> = new Set(['ns', 'us', 'µs', 'μs', 'ms', 's', 'min', 'h', 'd'])

/** ns or bytes; '' = a plain number. undefined for a unit that there is not. */
export function unitFactor(unit: string): number | undefined {
  if (unit === '') return 1
  return Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined
}

export const isTimeUnit = (unit: string): boolean => TIME_UNITS.has(unit)
