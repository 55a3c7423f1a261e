// What is different about one population, over every column at once: ranked, with both populations side by
// side and how sure it is. A value or a range is a click away from being a condition.

import type { DatasetBin, DatasetComparison, DatasetDifference, DatasetShare } from '#protocol'
import { useState } from 'preact/hooks'
import { formatCount, plural } from '../../base/format.ts'
import { shortText, textOf } from '../../base/value-text.ts'
import { Text } from '../../widgets/text.tsx'
import { change } from './explore-data.ts'
import { certainty, shownShares } from './explore-query.ts'
import { standingOut } from './stand-out.ts'
import { between, valueIs, withCondition } from './where.ts'

/** More are opened by a click: a screen holds about so many. */
const OPEN_AT_FIRST = 9

export function Differences({
  comparison,
  names,
  where,
  chosenBy,
}: {
  readonly comparison: DatasetComparison
  /** Of the populations. */
  readonly names: readonly [a: string, b: string]
  readonly where: readonly string[]
  /** Columns that the populations were chosen by: their difference says nothing. */
  readonly chosenBy: readonly string[]
}) {
  const [isAll, setAll] = useState(false)
  const { a, b, level } = comparison
  const columns = comparison.columns.filter(({ column }) => !chosenBy.includes(column))
  if (a.rows === 0 || b.rows === 0)
    return (
      <p class="explore-note muted" role="status">
        {a.rows === 0 ? `No row is in ${names[0]}` : `No row is in ${names[1]}`}: there is nothing to compare.
      </p>
    )
  const differing = columns.filter(({ isSignificant }) => isSignificant)
  const rest = columns.length - differing.length
  const shown = isAll ? columns : differing.slice(0, OPEN_AT_FIRST)
  return (
    <div class="differences">
      <p class="differences-head">
        <Population of={a} name={names[0]} side="a" />
        <Population of={b} name={names[1]} side="b" />
        {comparison.shared.rows > 0 && (
          <span class="warn-mark">{plural(comparison.shared.rows, 'row')} in both</span>
        )}
        <span class="muted">
          {plural(columns.length, 'column')} compared; q is corrected for so many (Benjamini-Hochberg, {level}
          )
        </span>
      </p>
      {differing.length === 0 && (
        <p class="explore-note muted" role="status">
          No column differs by more than chance.
        </p>
      )}
      <ol class="difference-list" aria-label="What is different">
        {shown.map((one) => (
          <Difference key={one.column} of={one} where={where} />
        ))}
      </ol>
      {shown.length < columns.length && (
        <button type="button" class="text-button explore-note" onClick={() => setAll(true)}>
          {differing.length > shown.length
            ? `Show ${plural(differing.length - shown.length, 'more column')} that differ, and ${rest} that do not`
            : `Show ${plural(rest, 'column')} that ${rest === 1 ? 'does' : 'do'} not differ by more than chance`}
        </button>
      )}
    </div>
  )
}

function Population({
  of,
  name,
  side,
}: {
  readonly of: { readonly rows: number; readonly weight: number }
  readonly name: string
  readonly side: 'a' | 'b'
}) {
  const stands = Math.abs(of.weight - of.rows) > 0.5 ? `, for ${formatCount(Math.round(of.weight))}` : ''
  return (
    <span class={`population ${side}`}>
      <b>
        <Text of={name} />
      </b>
      <span>
        {plural(of.rows, 'row')}
        {stands}
      </span>
    </span>
  )
}

function Difference({ of, where }: { readonly of: DatasetDifference; readonly where: readonly string[] }) {
  const { column, unit, effect, q, isSignificant } = of
  return (
    <li class={`difference${isSignificant ? '' : ' chance'}`} data-column={column}>
      <header>
        <b>
          <Text of={column} />
        </b>
        {unit !== undefined && <span class="unit">{unit}</span>}
        <span class="grow" />
        <span class="effect" title="How much of the population would have to move">
          <span aria-hidden="true">
            <span style={{ width: `${Math.max(1, effect * 100)}%` }} />
          </span>
          {percent(effect)}
        </span>
        <span class="muted" title={isSignificant ? 'More than chance' : 'May well be chance'}>
          {isSignificant ? certainty(q) : `chance? ${certainty(q)}`}
        </span>
      </header>
      {of.kind === 'categories' ? (
        <Shares column={column} shares={of.values} distinct={of.distinct} where={where} />
      ) : (
        <Numbers of={of} where={where} />
      )}
    </li>
  )
}

function Shares({
  column,
  shares,
  distinct,
  where,
}: {
  readonly column: string
  readonly shares: readonly DatasetShare[]
  readonly distinct: number
  readonly where: readonly string[]
}) {
  const shown = shownShares(shares)
  const most = Math.max(...shown.flatMap(({ a, b }) => [a, b]), 1e-9)
  return (
    <ul class="shares">
      {shown.map(({ value, a, b }) => {
        const bars = (
          <>
            <span class="share-name">{value === undefined ? 'all others' : <Text of={textOf(value)} />}</span>
            <span class="share-bars" aria-hidden="true">
              <span class="a" style={{ width: `${(a / most) * 100}%` }} />
              <span class="b" style={{ width: `${(b / most) * 100}%` }} />
            </span>
            <span class="mono share-numbers">
              {percent(a)} <span class="muted">{percent(b)}</span>
            </span>
          </>
        )
        return (
          <li key={value === undefined ? 'rest' : JSON.stringify(value)}>
            {value === undefined ? (
              <span class="share">{bars}</span>
            ) : (
              <button
                type="button"
                class="share"
                title="Only these"
                onClick={() =>
                  change({ where: withCondition(where, valueIs(column, value)), region: undefined })
                }
              >
                {bars}
              </button>
            )}
          </li>
        )
      })}
      {distinct > shown.length && <li class="muted">of {plural(distinct, 'value')}</li>}
    </ul>
  )
}

function Numbers({
  of,
  where,
}: {
  readonly of: Extract<DatasetDifference, { readonly kind: 'numbers' }>
  readonly where: readonly string[]
}) {
  const { column, a, b, bins } = of
  const range = standingOut(bins)
  const filter = (low: number, high: number): void =>
    change({
      where: between(column, low, high).reduce<readonly string[]>(withCondition, where),
      region: undefined,
    })
  const isMissing = a.missing > 0 || b.missing > 0
  return (
    <div class="numbers">
      <Bins bins={bins} onChoose={(bin) => filter(bin.from, bin.to)} />
      <dl>
        <Pair name="p50" a={a.p50} b={b.p50} />
        <Pair name="p95" a={a.p95} b={b.p95} />
        <Pair name="mean" a={a.mean} b={b.mean} />
        {isMissing && (
          <div>
            <dt>missing</dt>
            <dd>{percent(a.missing)}</dd>
            <dd class="muted">{percent(b.missing)}</dd>
          </div>
        )}
      </dl>
      {range !== undefined && (
        <button
          type="button"
          class="text-button"
          title="Only rows where it is more frequent"
          onClick={() => filter(range.from, range.to)}
        >
          Only {rangeText(range)}
        </button>
      )}
    </div>
  )
}

function rangeText({ from, to }: { readonly from: number; readonly to: number }): string {
  if (!Number.isFinite(from)) return `below ${shortText(to)}`
  return Number.isFinite(to) ? `${shortText(from)} to ${shortText(to)}` : `from ${shortText(from)}`
}

function Pair({
  name,
  a,
  b,
}: {
  readonly name: string
  readonly a: number | null
  readonly b: number | null
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{a === null ? '–' : shortText(a)}</dd>
      <dd class="muted">{b === null ? '–' : shortText(b)}</dd>
    </div>
  )
}

const BIN_WIDTH = 7
const BINS_HEIGHT = 44

/** Bins have the width of a bar whatever their range: they hold about equally many values. */
function Bins({
  bins,
  onChoose,
}: {
  readonly bins: readonly DatasetBin[]
  readonly onChoose: (bin: DatasetBin) => void
}) {
  const most = Math.max(...bins.flatMap(({ a, b }) => [a, b]), 1e-9)
  const height = (share: number): number => (share / most) * BINS_HEIGHT
  return (
    <svg
      class="bins"
      viewBox={`0 0 ${Math.max(1, bins.length) * BIN_WIDTH} ${BINS_HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label="How the number is spread in both"
    >
      {bins.map((bin, i) => (
        <g key={bin.from} onClick={() => onChoose(bin)}>
          <title>{`${rangeText(bin)}: ${percent(bin.a)} and ${percent(bin.b)}`}</title>
          <rect class="hit" x={i * BIN_WIDTH} y={0} width={BIN_WIDTH} height={BINS_HEIGHT} />
          <rect
            class="b"
            x={i * BIN_WIDTH + 0.5}
            y={BINS_HEIGHT - height(bin.b)}
            width={BIN_WIDTH - 1}
            height={height(bin.b)}
          />
          <rect
            class="a"
            x={i * BIN_WIDTH + 1.5}
            y={BINS_HEIGHT - height(bin.a)}
            width={BIN_WIDTH - 3}
            height={height(bin.a)}
          />
        </g>
      ))}
    </svg>
  )
}

/** 0.4 %, 12 %, 100 %. */
export function percent(share: number): string {
  const value = share * 100
  return `${value === 0 || value >= 9.95 ? value.toFixed(0) : value >= 0.1 ? value.toFixed(1) : '<0.1'} %`
}
