// Numbers as people read them. Durations keep three significant digits: enough to compare, short enough for a
// column.

const MICRO = 1_000n
const MILLI = 1_000_000n
const SECOND = 1_000_000_000n
const MINUTE = 60n * SECOND
const HOUR = 60n * MINUTE
const DAY = 24n * HOUR

/**
 * '850 ns', '12.3 µs', '4.56 ms', '1.23 s', '2 m 03 s', '1 h 02 m', '3 d 04 h'. Negative durations keep their
 * sign.
 */
export function formatDuration(ns: bigint): string {
  if (ns < 0n) return `\u2212${formatDuration(-ns)}`
  if (ns < MICRO) return `${ns} ns`
  if (ns < MILLI) return `${significant(Number(ns) / 1e3)} µs`
  if (ns < SECOND) return `${significant(Number(ns) / 1e6)} ms`
  if (ns < MINUTE) return `${significant(Number(ns) / 1e9)} s`
  if (ns < HOUR) return pair(ns / MINUTE, 'm', (ns % MINUTE) / SECOND, 's')
  if (ns < DAY) return pair(ns / HOUR, 'h', (ns % HOUR) / MINUTE, 'm')
  return pair(ns / DAY, 'd', (ns % DAY) / HOUR, 'h')
}

/** Three significant digits, never rounded up to a fourth digit before the point: 999.7 stays 999. */
function significant(value: number): string {
  if (value >= 100) return String(Math.floor(value))
  if (value >= 10) return (Math.floor(value * 10) / 10).toFixed(1)
  return (Math.floor(value * 100) / 100).toFixed(2)
}

function pair(big: bigint, bigUnit: string, small: bigint, smallUnit: string): string {
  return `${big} ${bigUnit} ${String(small).padStart(2, '0')} ${smallUnit}`
}

/** 950, 12.3k, 4.56M. */
export function formatCount(count: number): string {
  // Estimates of sampled traces are seldom whole.
  if (count < 10_000) return String(Math.round(count * 10) / 10)
  if (count < 1_000_000) return `${significant(count / 1e3)}k`
  return `${significant(count / 1e6)}M`
}

/** '1 span', '2 spans', '3 processes'. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** '512 B', '12.3 kB', '250 MB'. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  if (bytes < 1e6) return `${significant(bytes / 1e3)} kB`
  return bytes < 1e9 ? `${significant(bytes / 1e6)} MB` : `${significant(bytes / 1e9)} GB`
}

/** Wall time of the reader's zone: '14:03:21.482'. */
export function formatClock(ns: bigint): string {
  const at = new Date(Number(ns / MILLI))
  const two = (part: number): string => String(part).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`
}

/** Mark of a time axis, as fine as its step: '14:03:21.482', '14:03:21', '14:03'; the day at midnight. */
export function formatMark(ns: bigint, stepMs: number): string {
  const clock = formatClock(ns)
  if (stepMs < 1_000) return clock
  if (clock === '00:00:00.000') return formatDay(ns)
  return clock.slice(0, stepMs < 60_000 ? 8 : 5)
}

/** '24 Nov 2026' in the reader's language. */
export function formatDay(ns: bigint): string {
  return new Date(Number(ns / MILLI)).toLocaleDateString(undefined, {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
  })
}

/** How long ago: 'now', '12 s', '3 m', '5 h', '2 d'. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 1) return 'now'
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`
}

/** 'just now', '12 s ago', '3 m ago'. */
export function formatAgo(ms: number): string {
  return ms < 1000 ? 'just now' : `${formatAge(ms)} ago`
}
