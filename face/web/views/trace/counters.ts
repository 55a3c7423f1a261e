// The numbers that a span carries, with units, grouped as one looks for them: cpu, db, cache, http ...
//
//   crosscut.counter.bytes_in = 1200 (crosscut.unit.bytes_in or COUNTER_UNITS: By)  ->  bytes: in, 1.2 kB
//   db.rows = 7                                                                     ->  db: rows, 7

import { COUNTER_UNITS, TRACE_ATTRIBUTES, type Attributes } from '#protocol'
import { formatDuration } from '../../base/format.ts'

export type Counter = { readonly group: string; readonly name: string; readonly text: string }

const NUMBER = new Intl.NumberFormat('en', { maximumSignificantDigits: 6 })

/** In the order of the attributes; what is a number only by accident (ports, status codes) is left out. */
export function countersOf(attributes: Attributes): readonly Counter[] {
  const counters: Counter[] = []
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value !== 'number' || /(?:port|status_code|pid|line)$/.test(key)) continue
    const isOurs = key.startsWith(TRACE_ATTRIBUTES.counter)
    const name = isOurs ? key.slice(TRACE_ATTRIBUTES.counter.length) : key
    const told = attributes[TRACE_ATTRIBUTES.unit + name]
    const unit = typeof told === 'string' ? told : isOurs ? COUNTER_UNITS[name] : unitIn(name)
    const group = /^[^._]+(?=[._])/.exec(name)?.[0] ?? 'counters'
    counters.push({ group, name, text: withUnit(value, unit) })
  }
  return counters
}

/** OpenTelemetry puts sizes in bytes under these names. */
function unitIn(name: string): string | undefined {
  return /(?:bytes|\.size)$/.test(name) ? 'By' : undefined
}

function withUnit(value: number, unit: string | undefined): string {
  if (unit === 'By') return bytes(value)
  const ns = unit === 'ms' ? 1e6 : unit === 's' ? 1e9 : unit === 'us' ? 1e3 : unit === 'ns' ? 1 : undefined
  if (ns !== undefined && Math.abs(value * ns) < Number.MAX_SAFE_INTEGER)
    return formatDuration(BigInt(Math.round(value * ns)))
  return `${NUMBER.format(value)}${unit === undefined || unit === '1' ? '' : ` ${unit}`}`
}

function bytes(value: number): string {
  const [divisor, unit] =
    Math.abs(value) >= 1e9
      ? [1e9, 'GB']
      : Math.abs(value) >= 1e6
        ? [1e6, 'MB']
        : Math.abs(value) >= 1e4
          ? [1e3, 'kB']
          : [1, 'B']
  return `${NUMBER.format(Number((value / Number(divisor)).toPrecision(4)))} ${unit}`
}
