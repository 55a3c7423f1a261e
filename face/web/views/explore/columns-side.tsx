// The columns of a dataset, and of the one that stands open what is in it: its most frequent values, or how
// its numbers are spread.

import type { DatasetColumn } from '#protocol'
import { useState } from 'preact/hooks'
import { formatCount } from '../../base/format.ts'
import { changeQuery } from '../../base/route.ts'
import { shortText } from '../../base/value-text.ts'
import { Text } from '../../widgets/text.tsx'
import { Answered } from './answered.tsx'
import { change, useAsked, type Given } from './explore-data.ts'
import { spreadQuery, valuesQuery, type Facts } from './explore-query.ts'
import { CellValue } from './value-cell.tsx'

const MARKS: Readonly<Record<DatasetColumn['type'], string>> = {
  number: '#',
  string: 'T',
  strings: '{}',
  boolean: '?',
}

/** So many are found by the eye; more by typing. */
const SEARCH_FROM = 12

/** Without facts (they are on their way, or a condition is refused) there are the names alone. */
export function ColumnsSide({
  dataset,
  explore,
  facts,
}: Pick<Given, 'dataset' | 'explore'> & { readonly facts: Facts | undefined }) {
  const [wanted, setWanted] = useState('')
  const columns = dataset.columns.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()))
  return (
    <aside class="explore-side" aria-label="Columns">
      {dataset.columns.length >= SEARCH_FROM && (
        <label class="field">
          <input
            type="text"
            placeholder={`Find one of ${dataset.columns.length} columns`}
            aria-label="Find a column"
            value={wanted}
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        </label>
      )}
      <ul>
        {columns.map((column) => {
          const isOpen = column.name === explore.open
          return (
            <li key={column.name} class={isOpen ? 'open' : ''}>
              <button
                type="button"
                class="column-name"
                aria-expanded={isOpen}
                onClick={() => changeQuery({ col: isOpen ? undefined : column.name }, { replace: true })}
              >
                <span class="column-mark" title={column.type} aria-hidden="true">
                  {MARKS[column.type]}
                </span>
                <Text of={column.name} />
                {column.unit !== undefined && <span class="unit">{column.unit}</span>}
              </button>
              {isOpen && facts !== undefined && (
                <Open dataset={dataset} explore={explore} facts={facts} column={column} />
              )}
            </li>
          )
        })}
      </ul>
    </aside>
  )
}

function Open({ dataset, explore, facts, column }: Given & { readonly column: DatasetColumn }) {
  const { name, type } = column
  const isNumber = type === 'number'
  const asked = useAsked(
    dataset.name,
    isNumber ? spreadQuery(explore, facts, name) : valuesQuery(explore, facts, name),
  )
  const { by, show } = explore
  return (
    <div class="column-open">
      <p class="column-actions">
        {isNumber ? (
          <>
            <button type="button" class="text-button" onClick={() => change({ of: name, view: 'heat' })}>
              Heatmap
            </button>
            <button
              type="button"
              class="text-button"
              onClick={() => change({ show: [...new Set([...show, `p95(${name})`])], view: 'lines' })}
            >
              Over time
            </button>
          </>
        ) : (
          !by.includes(name) && (
            <button type="button" class="text-button" onClick={() => change({ by: [...by, name] })}>
              Group by
            </button>
          )
        )}
      </p>
      <Answered asked={asked} what="values">
        {(result) =>
          isNumber ? (
            <dl class="spread">
              {['min', 'p50', 'p95', 'p99', 'max', 'avg'].map((fn) => {
                const value = result.rows[0]?.[`_${fn}`]
                return (
                  <div key={fn}>
                    <dt>{fn}</dt>
                    <dd class="mono">{typeof value === 'number' ? shortText(value) : '–'}</dd>
                  </div>
                )
              })}
            </dl>
          ) : (
            <ul class="column-values">
              {result.rows.map((row) => (
                <li key={JSON.stringify(row[name])}>
                  <span
                    class="column-share"
                    style={{ width: `${(Number(row['_n']) / Math.max(1, facts.weight)) * 100}%` }}
                    aria-hidden="true"
                  />
                  <CellValue column={name} value={row[name]} where={explore.where} />
                  <span class="muted mono">{formatCount(Math.round(Number(row['_n'])))}</span>
                </li>
              ))}
              {result.isCut && <li class="muted">and rarer ones</li>}
            </ul>
          )
        }
      </Answered>
    </div>
  )
}
