// Values of answers as people read them: in cells, on axes, as names.

/** A value as the name of something. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return '(none)'
  if (value === '') return '(empty)'
  if (typeof value === 'string') return value
  return typeof value === 'number' ? numberText(value) : JSON.stringify(value)
}

/** Every digit of a whole number, five of a fraction. */
export function numberText(value: number): string {
  return Number.isInteger(value)
    ? value.toLocaleString('en-US')
    : Number(value.toPrecision(5)).toLocaleString('en-US', { maximumFractionDigits: 4 })
}

/** Short, for a cell or an axis: 0.012, 1.25, 87.3, 1,204, 38.4k, 2.1M. */
export function shortText(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e4) {
    const [scale, unit] = size >= 1e9 ? [1e9, 'G'] : size >= 1e6 ? [1e6, 'M'] : [1e3, 'k']
    return `${Number((value / scale).toPrecision(3))}${unit}`
  }
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

/** Names as people order them: numbers by size, `dn2` before `dn10`. */
export const compareNames = new Intl.Collator('en', { numeric: true }).compare
