// Two populations, chosen: values of a column, times, or any conditions. What is different, and where the
// time went.

import { useEffect, useState } from 'preact/hooks'
import { EXPLORE_VALUES_SHOWN } from '../../base/limits.ts'
import { visibleText } from '../../base/text.ts'
import { textOf } from '../../base/value-text.ts'
import { Button, Select } from '../../widgets/controls.tsx'
import { Answered } from './answered.tsx'
import { Differences } from './differences.tsx'
import { change, useAsked, useComparison, type Given } from './explore-data.ts'
import { halves, populationWheres, valuesQuery } from './explore-query.ts'
import { FunctionTable } from './function-table.tsx'
import { columnsIn, valueIs } from './where.ts'

export function CompareView(given: Given) {
  const { dataset, explore, facts } = given
  const { a, b } = explore
  const isAsked = a.trim() !== ''
  const wheres = populationWheres(explore)
  const times = { from: facts.fromMs, to: facts.toMs }
  const asked = useComparison(dataset.name, isAsked ? { ...wheres, ...times } : undefined)
  const names = [a, b.trim() === '' ? 'everything else' : b] as const
  return (
    <div class="compare">
      <Populations {...given} />
      {isAsked ? (
        <>
          <Answered asked={asked} what="the comparison">
            {(comparison) => (
              <Differences
                comparison={comparison}
                names={names}
                where={explore.where}
                chosenBy={columnsIn(
                  `${a} ${b}`,
                  dataset.columns.map(({ name }) => name),
                )}
              />
            )}
          </Answered>
          <FunctionTable given={given} wheres={wheres} />
        </>
      ) : (
        <p class="explore-note muted">
          Choose two values of a column (two versions, two tenants), two times, or write a condition for each.
        </p>
      )}
    </div>
  )
}

function Populations({ dataset, explore, facts }: Given) {
  const [column, setColumn] = useState('')
  const columns = dataset.columns.filter(({ type }) => type === 'string' || type === 'boolean')
  const asked = useAsked(
    dataset.name,
    column === '' ? undefined : valuesQuery(explore, facts, column, EXPLORE_VALUES_SHOWN * 4),
  )
  const values = (column === '' ? [] : (asked.value?.rows ?? [])).map((row) => {
    const value = row[column]
    const scalar = value === undefined || typeof value === 'object' ? null : value
    return { value: valueIs(column, scalar), label: visibleText(textOf(scalar)) }
  })
  const options = (none: string): typeof values => [{ value: '', label: none }, ...values]
  const among = (text: string): string => (values.some(({ value }) => value === text) ? text : '')
  return (
    <div class="populations">
      <label class="choice">
        <span class="muted">By</span>
        <Select
          label="Column whose values are compared"
          value={column}
          options={[
            { value: '', label: 'column …' },
            ...columns.map(({ name }) => ({ value: name, label: visibleText(name) })),
          ]}
          onChange={setColumn}
        />
      </label>
      {values.length > 0 && (
        <>
          <Select
            label="Value of A"
            value={among(explore.a)}
            options={options('A: value …')}
            onChange={(a) => change({ a })}
          />
          <Select
            label="Value of B"
            value={among(explore.b)}
            options={options('B: everything else')}
            onChange={(b) => change({ b })}
          />
        </>
      )}
      <Button
        icon="clock"
        title="The newer half of the range against the older one"
        onClick={() => change(halves(facts))}
      >
        Newer against older
      </Button>
      <span class="populations-texts">
        <PopulationField side="a" text={explore.a} hint="version = 'v2'" />
        <PopulationField side="b" text={explore.b} hint="everything else" />
        {explore.b !== '' && explore.a !== '' && (
          <Button title="Swap A and B" onClick={() => change({ a: explore.b, b: explore.a })}>
            Swap
          </Button>
        )}
      </span>
    </div>
  )
}

function PopulationField({
  side,
  text,
  hint,
}: {
  readonly side: 'a' | 'b'
  readonly text: string
  readonly hint: string
}) {
  const [typed, setTyped] = useState(text)
  useEffect(() => setTyped(text), [text])
  const commit = (): void => change({ [side]: typed.trim() })
  return (
    <label class={`field population-field ${side}`}>
      <b>{side.toUpperCase()}</b>
      <input
        type="text"
        spellcheck={false}
        autocomplete="off"
        aria-label={`Condition of ${side.toUpperCase()}`}
        placeholder={hint}
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === 'Enter' && commit()}
      />
    </label>
  )
}
