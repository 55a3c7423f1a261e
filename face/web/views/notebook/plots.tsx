// Small pictures of the columns of a cell: how its numbers are spread, which of its texts are frequent.

import type { Preview } from '../../base/feature-preview.ts'
import { formatCount } from '../../base/format.ts'
import { shortText } from '../../base/value-text.ts'
import { Text } from '../../widgets/text.tsx'
import { binsOf, countsOf, type Bin } from './bins.ts'

const VALUES_SHOWN = 6
const HEIGHT = 56
const BAR = 7

export function ColumnPlots({ preview: { columns, rows } }: { readonly preview: Preview }) {
  return (
    <ul class="plots" aria-label="How the columns are spread">
      {columns.map(({ name, type, unit }, place) => {
        const values = rows.map((row) => row.values[place] ?? null)
        const numbers = values.filter((value) => typeof value === 'number')
        return (
          <li key={name}>
            <b>
              <Text of={name} />
              {unit !== undefined && <span class="unit">{unit}</span>}
            </b>
            {type === 'number' ? (
              <Histogram bins={binsOf(numbers)} />
            ) : (
              <dl>
                {countsOf(values, VALUES_SHOWN).map(({ value, count }) => (
                  <div key={value}>
                    <dt>
                      <Text of={value} />
                    </dt>
                    <dd class="mono">
                      <span class="cell-bar" aria-hidden="true">
                        <span style={{ width: `${(count / Math.max(1, values.length)) * 100}%` }} />
                      </span>
                      {formatCount(count)}
                    </dd>
                  </div>
                ))}
              </dl>
            )}
          </li>
        )
      })}
    </ul>
  )
}

function Histogram({ bins }: { readonly bins: readonly Bin[] }) {
  if (bins.length === 0) return <p class="muted">no numbers</p>
  const most = Math.max(...bins.map(({ count }) => count), 1)
  const [from, to] = [bins[0]!.from, bins.at(-1)!.to]
  return (
    <figure>
      <svg
        viewBox={`0 0 ${bins.length * BAR} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`from ${shortText(from)} to ${shortText(to)}`}
      >
        {bins.map((bin, i) => {
          const height = (bin.count / most) * HEIGHT
          return (
            <rect key={bin.from} x={i * BAR + 0.5} y={HEIGHT - height} width={BAR - 1} height={height}>
              <title>{`${shortText(bin.from)} to ${shortText(bin.to)}: ${bin.count}`}</title>
            </rect>
          )
        })}
      </svg>
      <figcaption class="muted">
        <span>{shortText(from)}</span>
        <span>{shortText(to)}</span>
      </figcaption>
    </figure>
  )
}
