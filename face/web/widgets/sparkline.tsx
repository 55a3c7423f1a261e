// The last values of something, as a line in a cell.

const HEIGHT = 18

/** Oldest first; scaled to the largest. Nothing is drawn for fewer than two values. */
export function Sparkline({
  values,
  width = 120,
}: {
  readonly values: readonly number[]
  readonly width?: number
}) {
  if (values.length < 2) return null
  const top = Math.max(...values, Number.EPSILON)
  const step = width / (values.length - 1)
  const points = values.map(
    (value, i) => `${(i * step).toFixed(1)},${(HEIGHT - 1 - (value / top) * (HEIGHT - 3)).toFixed(1)}`,
  )
  return (
    <svg
      class="sparkline"
      width={width}
      height={HEIGHT}
      role="img"
      aria-label={`largest ${top.toPrecision(3)}`}
    >
      <polyline points={points.join(' ')} />
    </svg>
  )
}
