// The last values of something, as a line in a cell.

const WIDTH = 120
const HEIGHT = 18

/** Oldest first; scaled to the largest. Nothing is drawn for fewer than two values. */
export function Sparkline({ values }: { readonly values: readonly number[] }) {
  if (values.length < 2) return null
  const top = Math.max(...values, Number.EPSILON)
  const step = WIDTH / (values.length - 1)
  const points = values.map(
    (value, i) => `${(i * step).toFixed(1)},${(HEIGHT - 1 - (value / top) * (HEIGHT - 3)).toFixed(1)}`,
  )
  return (
    <svg
      class="sparkline"
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={`largest ${top.toPrecision(3)}`}
    >
      <polyline points={points.join(' ')} />
    </svg>
  )
}
