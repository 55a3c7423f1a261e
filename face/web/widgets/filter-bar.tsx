// What is asked, as chips, and a field to ask more. Enter adds; Backspace in an empty field takes the last
// chip back.

import type { TraceFilter, TimeRange } from '../base/trace-filter.ts'
import { typeFilter } from '../base/trace-filter.ts'
import { formatClock } from '../base/format.ts'
import { navigate, traceAddress } from '../base/route.ts'
import type { Facets } from '../base/api.ts'
import { useRef, useState } from 'preact/hooks'
import { Select } from './controls.tsx'
import { Icon } from './icon.tsx'
import { Text } from './text.tsx'

type Chip = {
  readonly id: string
  readonly key: string
  readonly relation: string
  readonly value: string
  readonly without: TraceFilter
}

/** The conditions of a filter, each with the filter that lacks it. */
export function chips(filter: TraceFilter): readonly Chip[] {
  const out: Chip[] = []
  const chip = (key: string, relation: string, value: string, without: TraceFilter): void => {
    out.push({ id: `${key}${relation}${value}`, key, relation, value, without })
  }
  if (filter.service !== undefined) chip('service', '=', filter.service, { ...filter, service: undefined })
  if (filter.name !== undefined) chip('name', '=', filter.name, { ...filter, name: undefined })
  if (filter.minMs !== undefined) chip('duration', '≥', `${filter.minMs} ms`, { ...filter, minMs: undefined })
  if (filter.maxMs !== undefined) chip('duration', '≤', `${filter.maxMs} ms`, { ...filter, maxMs: undefined })
  for (const [key, value] of filter.attributes) {
    chip(key, '=', value, {
      ...filter,
      attributes: filter.attributes.filter((pair) => pair[0] !== key || pair[1] !== value),
    })
  }
  if (filter.range.kind === 'between') {
    const { fromNs, toNs } = filter.range
    chip('time', '', `${formatClock(fromNs)} – ${formatClock(toNs)}`, { ...filter, range: { kind: 'all' } })
  }
  return out
}

const RANGES: readonly { readonly label: string; readonly minutes: number }[] = [
  { label: 'Last 5 minutes', minutes: 5 },
  { label: 'Last 15 minutes', minutes: 15 },
  { label: 'Last hour', minutes: 60 },
  { label: 'Last 6 hours', minutes: 360 },
  { label: 'Last 24 hours', minutes: 1440 },
  { label: 'Last 7 days', minutes: 10_080 },
]

export function FilterBar({
  filter,
  facets,
  onChange,
}: {
  readonly filter: TraceFilter
  readonly facets: Facets
  readonly onChange: (filter: TraceFilter) => void
}) {
  const [typed, setTyped] = useState('')
  const [chosen, setChosen] = useState(-1)
  const [isOpen, setOpen] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const shown = chips(filter)
  const offers = isOpen ? suggestions(typed, facets) : []

  const commit = (text: string): void => {
    setTyped('')
    setChosen(-1)
    if (/^[0-9a-f]{32}$/i.test(text.trim())) navigate(traceAddress(text.trim().toLowerCase()))
    else if (text.trim() !== '') onChange(typeFilter(filter, text))
  }
  const take = (offer: Suggestion): void => {
    if (offer.isWhole) commit(offer.text)
    else {
      setTyped(offer.text)
      setChosen(-1)
    }
    field.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const offer = offers[chosen]
    if (event.key === 'Enter') {
      event.preventDefault()
      if (offer === undefined) commit(typed)
      else take(offer)
    } else if (event.key === 'Tab' && offers.length > 0 && typed !== '') {
      event.preventDefault()
      take(offer ?? offers[0]!)
    } else if (event.key === 'ArrowDown') {
      event.preventDefault()
      setChosen(Math.min(chosen + 1, offers.length - 1))
    } else if (event.key === 'ArrowUp') {
      event.preventDefault()
      setChosen(Math.max(chosen - 1, -1))
    } else if (event.key === 'Escape') {
      setOpen(false)
      field.current?.blur()
    } else if (event.key === 'Backspace' && typed === '' && shown.length > 0)
      onChange(shown[shown.length - 1]!.without)
  }
  return (
    <div class="filter-bar" role="search">
      <div class="field filter-field" onClick={() => field.current?.focus()}>
        <Icon name="search" />
        {shown.map((chip) => (
          <span class="chip" key={chip.id}>
            <span class="chip-key">
              <Text of={chip.key} />
            </span>
            <span class="chip-relation">{chip.relation}</span>
            <span class="chip-value">
              <Text of={chip.value} />
            </span>
            <button
              type="button"
              aria-label={`Remove ${chip.key} ${chip.relation} ${chip.value}`}
              onClick={() => onChange(chip.without)}
            >
              <Icon name="close" size={10} />
            </button>
          </span>
        ))}
        <input
          ref={field}
          type="text"
          value={typed}
          spellcheck={false}
          autocomplete="off"
          aria-label="Filter traces"
          data-role="search"
          placeholder={
            shown.length === 0
              ? 'Filter: service=gateway   >100ms   http.route=/checkout   error   or a trace id'
              : 'add a condition'
          }
          role="combobox"
          aria-expanded={offers.length > 0}
          aria-controls="filter-offers"
          onInput={(event) => {
            setTyped(event.currentTarget.value)
            setOpen(true)
            setChosen(-1)
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKeyDown}
        />
        {shown.length === 0 && typed === '' && <kbd>/</kbd>}
        {offers.length > 0 && (
          <ul class="offers" id="filter-offers" role="listbox">
            {offers.map((offer, index) => (
              <li
                key={offer.text}
                role="option"
                aria-selected={index === chosen}
                onMouseDown={(event) => {
                  event.preventDefault()
                  take(offer)
                }}
              >
                <code>
                  <Text of={offer.text} />
                </code>
                <span class="muted">{offer.what}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
      <button
        type="button"
        class={`button plain errors${filter.isError ? ' on' : ''}`}
        aria-pressed={filter.isError === true}
        title="Only traces with errors (x)"
        onClick={() => onChange({ ...filter, isError: filter.isError ? undefined : true })}
      >
        <Icon name="error" size={13} />
        Errors
      </button>
      <RangePicker range={filter.range} onChange={(range) => onChange({ ...filter, range })} />
    </div>
  )
}

function RangePicker({
  range,
  onChange,
}: {
  readonly range: TimeRange
  readonly onChange: (range: TimeRange) => void
}) {
  const value = range.kind === 'last' ? String(range.minutes) : range.kind
  const isKnown = range.kind !== 'last' || RANGES.some((known) => known.minutes === range.minutes)
  const options = [
    { value: 'all', label: 'All time' },
    ...(range.kind === 'between' ? [{ value, label: 'Chosen range' }] : []),
    ...(isKnown ? [] : [{ value, label: `Last ${value} minutes` }]),
    ...RANGES.map(({ minutes, label }) => ({ value: String(minutes), label })),
  ]
  return (
    <Select
      label="Time range"
      value={value}
      options={options}
      onChange={(chosen) =>
        onChange(chosen === 'all' ? { kind: 'all' } : { kind: 'last', minutes: Number(chosen) })
      }
    />
  )
}

type Suggestion = { readonly text: string; readonly what: string; readonly isWhole: boolean }

const FORMS: readonly Suggestion[] = [
  { text: 'service=', what: 'a service took part', isWhole: false },
  { text: 'name=', what: 'a span has this name', isWhole: false },
  { text: '>100ms', what: 'takes longer', isWhole: true },
  { text: '<1s', what: 'takes at most', isWhole: true },
  { text: 'error', what: 'a span failed', isWhole: true },
  { text: 'http.route=', what: 'or any attribute = value', isWhole: false },
]

/** Forms to begin with; services once `service=` is typed; services and attribute keys by their beginning. */
export function suggestions(typed: string, { services, attributeKeys }: Facets): readonly Suggestion[] {
  const text = typed.trimStart().toLowerCase()
  const isService = text.startsWith('service=')
  const wanted = isService ? text.slice('service='.length) : text
  const named = beginning(services, wanted).map((name) => ({
    text: `service=${/\s/.test(name) ? `"${name}"` : name}`,
    what: 'service',
    isWhole: true,
  }))
  if (isService) return named
  if (text === '') return FORMS
  const keys = beginning(attributeKeys, text).map((key) => ({
    text: `${key}=`,
    what: 'attribute',
    isWhole: false,
  }))
  return [...FORMS.filter((form) => form.text.startsWith(text)), ...named, ...keys].slice(0, 10)
}

function beginning(names: readonly string[], text: string): readonly string[] {
  return names.filter((name) => name.toLowerCase().startsWith(text)).slice(0, 8)
}
