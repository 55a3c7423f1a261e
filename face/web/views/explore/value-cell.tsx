// A value of a dataset that leads somewhere: a click asks for the rows that have it, the mark beside it for
// those that have not. Values are anybody's text and stay text.

import type { DatasetScalar } from '#protocol'
import { numberText, textOf } from '../../base/value-text.ts'
import { visibleText } from '../../base/text.ts'
import { Text } from '../../widgets/text.tsx'
import { TimeText } from '../../widgets/value-table.tsx'
import { change } from './explore-data.ts'
import type { Cell } from './explore-query.ts'
import { valueIs, valueIsNot, withCondition } from './where.ts'

/** `where`: the conditions there are. */
export function ValueButton({
  column,
  value,
  where,
}: {
  readonly column: string
  readonly value: DatasetScalar | null
  readonly where: readonly string[]
}) {
  const text = textOf(value)
  const add = (condition: string): void =>
    change({ where: withCondition(where, condition), region: undefined })
  return (
    <span class="value-cell">
      <button
        type="button"
        class={value === null ? 'muted' : ''}
        title="Only these"
        onClick={() => add(valueIs(column, value))}
      >
        <Text of={text} />
      </button>
      <button
        type="button"
        class="value-not"
        title="All but these"
        aria-label={visibleText(`All but ${column} ${text}`)}
        onClick={() => add(valueIsNot(column, value))}
      >
        ≠
      </button>
    </span>
  )
}

/** A set is its members, each of which can be asked for. */
export function CellValue({
  column,
  value,
  where,
}: {
  readonly column: string
  readonly value: Cell | undefined
  readonly where: readonly string[]
}) {
  if (column === 'timeMs' && typeof value === 'number') return <TimeText ms={value} />
  if (typeof value === 'number') return <span class="mono">{numberText(value)}</span>
  if (isSet(value))
    return (
      <>
        {value.map((member) => (
          <ValueButton key={member} column={column} value={member} where={where} />
        ))}
      </>
    )
  return <ValueButton column={column} value={value ?? null} where={where} />
}

const isSet = (value: Cell | undefined): value is readonly string[] => Array.isArray(value)
