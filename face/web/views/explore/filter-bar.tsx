// Which rows: conditions as chips, a field for one more in the dataset's condition language, and the range of
// time. Enter adds; Backspace in an empty field takes the last one back.

import type { DatasetView } from '#protocol'
import { useRef, useState } from 'preact/hooks'
import { formatClock, formatDay } from '../../base/format.ts'
import { visibleText } from '../../base/text.ts'
import { Select } from '../../widgets/controls.tsx'
import { Icon } from '../../widgets/icon.tsx'
import { Text } from '../../widgets/text.tsx'
import { msToNs } from '../../widgets/time-axis.ts'
import { change } from './explore-data.ts'
import { LAST_MINUTES_DEFAULT, OWN_COLUMNS, type Explore, type Range } from './explore-state.ts'
import { offersFor } from './offers.ts'
import { condition, withCondition } from './where.ts'

const RANGES = [
  { value: '5', label: 'Last 5 minutes' },
  { value: '15', label: 'Last 15 minutes' },
  { value: '60', label: 'Last hour' },
  { value: '360', label: 'Last 6 hours' },
  { value: '1440', label: 'Last 24 hours' },
  { value: '10080', label: 'Last 7 days' },
  { value: 'all', label: 'All there is' },
] as const

export function FilterBar({
  dataset,
  explore,
}: {
  readonly dataset: DatasetView
  readonly explore: Explore
}) {
  const { where, range } = explore
  const [typed, setTyped] = useState('')
  const [chosen, setChosen] = useState(-1)
  const [isOpen, setOpen] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const offers = isOpen ? offersFor(typed, [...dataset.columns, ...OWN_COLUMNS]) : []
  const set = (next: readonly string[]): void => change({ where: next, region: undefined })
  const commit = (): void => {
    if (typed.trim() === '') return
    set(withCondition(where, typed.trim()))
    setTyped('')
    setChosen(-1)
  }
  const take = (text: string): void => {
    setTyped(text)
    setChosen(-1)
    field.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const offer = offers[chosen]
    if (event.key === 'Enter') {
      if (offer === undefined) commit()
      else take(offer.text)
    } else if (event.key === 'Tab' && offers.length > 0 && typed !== '') take((offer ?? offers[0]!).text)
    else if (event.key === 'ArrowDown') setChosen(Math.min(chosen + 1, offers.length - 1))
    else if (event.key === 'ArrowUp') setChosen(Math.max(chosen - 1, -1))
    else if (event.key === 'Backspace' && typed === '' && where.length > 0) set(where.slice(0, -1))
    else if (event.key === 'Escape') {
      setOpen(false)
      field.current?.blur()
    } else return
    event.preventDefault()
  }
  return (
    <div class="explore-filter" role="search">
      <div class="field filter-field" onClick={() => field.current?.focus()}>
        <Icon name="filter" />
        {where.map((text) => (
          <span class="chip" key={text}>
            <span class="chip-value">
              <Text of={text} />
            </span>
            <button
              type="button"
              aria-label={visibleText(`Remove ${text}`)}
              onClick={() => set(where.filter((one) => one !== text))}
            >
              <Icon name="close" size={10} />
            </button>
          </span>
        ))}
        <input
          ref={field}
          data-role="search"
          type="text"
          spellcheck={false}
          autocomplete="off"
          role="combobox"
          aria-expanded={offers.length > 0}
          aria-label="Condition on the rows"
          placeholder={where.length === 0 ? hintOf(dataset, explore) : 'and …'}
          value={typed}
          onInput={(event) => {
            setTyped(event.currentTarget.value)
            setChosen(-1)
            setOpen(true)
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKeyDown}
        />
        {offers.length > 0 && (
          <ul class="offers" role="listbox">
            {offers.map((offer, i) => (
              <li
                key={offer.text}
                role="option"
                aria-selected={i === chosen}
                onPointerDown={(event) => {
                  event.preventDefault()
                  take(offer.text)
                }}
              >
                <code>
                  <Text of={offer.label} />
                </code>
                <span class="muted">{offer.says}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
      <RangeChoice range={range} />
    </div>
  )
}

/** A condition that this dataset can answer. */
function hintOf({ columns }: DatasetView, { of }: Explore): string {
  const text = columns.find(({ type, name }) => type === 'string' && !name.includes('`'))?.name
  const parts = [
    ...(text === undefined ? [] : [condition(text, '=', '…')]),
    ...(of === undefined || of.includes('`') ? [] : [condition(of, '>', 100)]),
  ]
  return parts.length === 0 ? 'Which rows' : parts.join(' and ')
}

function RangeChoice({ range }: { readonly range: Range }) {
  if (range.kind === 'between') {
    const [from, to] = [msToNs(range.fromMs), msToNs(range.toMs)]
    const isOneDay = formatDay(from) === formatDay(to)
    const text = isOneDay
      ? `${formatClock(from)} – ${formatClock(to)}`
      : `${formatDay(from)} ${formatClock(from)} – ${formatDay(to)} ${formatClock(to)}`
    return (
      <span class="chip range" title={formatDay(from)}>
        <Icon name="clock" size={12} />
        <span class="chip-value">{text}</span>
        <button
          type="button"
          aria-label="Follow the time again"
          onClick={() =>
            change({ range: { kind: 'last', minutes: LAST_MINUTES_DEFAULT }, region: undefined })
          }
        >
          <Icon name="close" size={10} />
        </button>
      </span>
    )
  }
  const value = range.kind === 'all' ? 'all' : String(range.minutes)
  const isListed = RANGES.some((one) => one.value === value)
  return (
    <Select
      label="Time"
      value={value}
      options={isListed ? RANGES : [...RANGES, { value, label: `Last ${value} minutes` }]}
      onChange={(next) =>
        change({
          range: next === 'all' ? { kind: 'all' } : { kind: 'last', minutes: Number(next) },
          region: undefined,
        })
      }
    />
  )
}
