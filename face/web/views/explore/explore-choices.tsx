// What is computed, and by what it is grouped: chips that can be taken away, and selects that add one.

import type { DatasetColumn } from '#protocol'
import { useState } from 'preact/hooks'
import { EXPLORE_GROUP_BY_MAX, EXPLORE_SHOWN_MAX } from '../../base/limits.ts'
import { visibleText } from '../../base/text.ts'
import { Button, Select } from '../../widgets/controls.tsx'
import { Icon } from '../../widgets/icon.tsx'
import { Text } from '../../widgets/text.tsx'
import { change } from './explore-data.ts'
import type { Explore } from './explore-state.ts'

const FUNCTIONS = ['count', 'p50', 'p90', 'p95', 'p99', 'avg', 'min', 'max', 'sum', 'distinct'] as const

export function GroupChoice({
  explore,
  columns,
}: {
  readonly explore: Explore
  readonly columns: readonly DatasetColumn[]
}) {
  const { by } = explore
  const more = columns.filter(({ name }) => !by.includes(name))
  return (
    <span class="choice" role="group" aria-label="Group by">
      <span class="muted">Group by</span>
      <Chips of={by} onRemove={(name) => change({ by: by.filter((one) => one !== name) })} />
      {by.length < EXPLORE_GROUP_BY_MAX && more.length > 0 && (
        <Select
          label="Add a column to group by"
          value=""
          options={[{ value: '', label: by.length === 0 ? 'nothing' : '+' }, ...more.map(columnOption)]}
          onChange={(name) => name !== '' && change({ by: [...by, name] })}
        />
      )}
    </span>
  )
}

const columnOption = ({ name }: DatasetColumn): { value: string; label: string } => ({
  value: name,
  label: visibleText(name),
})

export function ShowChoice({
  explore,
  columns,
}: {
  readonly explore: Explore
  readonly columns: readonly DatasetColumn[]
}) {
  const { show, of } = explore
  const [fn, setFn] = useState<string>('avg')
  const [chosen, setChosen] = useState<string | undefined>(undefined)
  const fitting = columns.filter(({ type }) => fn === 'distinct' || type === 'number' || type === 'boolean')
  const column = fitting.find(({ name }) => name === (chosen ?? of))?.name ?? fitting[0]?.name
  const text = fn === 'count' ? 'count' : `${fn}(${column})`
  const isNew =
    !show.includes(text) && show.length < EXPLORE_SHOWN_MAX && (fn === 'count' || column !== undefined)
  return (
    <span class="choice" role="group" aria-label="Show">
      <span class="muted">Show</span>
      <Chips
        of={show}
        onRemove={
          show.length > 1 ? (one) => change({ show: show.filter((other) => other !== one) }) : undefined
        }
      />
      <Select
        label="What is computed"
        value={fn}
        options={FUNCTIONS.map((one) => ({ value: one, label: one }))}
        onChange={setFn}
      />
      {fn !== 'count' && column !== undefined && (
        <Select
          label="Of which column"
          value={column}
          options={fitting.map(columnOption)}
          onChange={setChosen}
        />
      )}
      {isNew && (
        <Button title={visibleText(`Show ${text} too`)} onClick={() => change({ show: [...show, text] })}>
          Add
        </Button>
      )}
    </span>
  )
}

function Chips({
  of,
  onRemove,
}: {
  readonly of: readonly string[]
  readonly onRemove: ((one: string) => void) | undefined
}) {
  return (
    <>
      {of.map((one) => (
        <span class="chip" key={one}>
          <span class="chip-value">
            <Text of={one} />
          </span>
          {onRemove !== undefined && (
            <button type="button" aria-label={visibleText(`Remove ${one}`)} onClick={() => onRemove(one)}>
              <Icon name="close" size={10} />
            </button>
          )}
        </span>
      ))}
    </>
  )
}
