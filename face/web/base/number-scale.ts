// Values to the marks of an axis.

/** Multiples of 1, 2 or 5 times a power of ten from 0 to at least `most`, about `count` of them. */
export function valueTicks(most: number, count: number): readonly number[] {
  if (!(most > 0) || !Number.isFinite(most)) return [0, 1]
  const step = stepAtLeast(most / Math.max(1, count))
  const steps = Math.ceil(most / step - 1e-9)
  return Array.from({ length: steps + 1 }, (_, i) => Number((i * step).toPrecision(12)))
}

function stepAtLeast(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted))
  const step = [1, 2, 5, 10].find((times) => times * power >= wanted * (1 - 1e-9)) ?? 10
  return step * power
}
