// Groups as a table: what is shown of each, sorted by any of it; a value asks for its rows, an example is a
// trace.

import type { DatasetResult } from '#protocol'
import { EXPLORE_GROUPS_MAX } from '../../base/limits.ts'
import { changeQuery } from '../../base/route.ts'
import { numberText } from '../../base/value-text.ts'
import { Icon } from '../../widgets/icon.tsx'
import { Text } from '../../widgets/text.tsx'
import { TraceLink } from '../../widgets/trace-link.tsx'
import { Answered } from './answered.tsx'
import { useAsked, type Given } from './explore-data.ts'
import { groupName, groupsQuery } from './explore-query.ts'
import type { Explore } from './explore-state.ts'
import { CellValue } from './value-cell.tsx'

export function GroupsTable({ dataset, explore, facts }: Given) {
  const asked = useAsked(dataset.name, groupsQuery(explore, facts))
  return (
    <Answered asked={asked} what="groups">
      {(result) => <Groups result={result} explore={explore} />}
    </Answered>
  )
}

function Groups({ result, explore }: { readonly result: DatasetResult; readonly explore: Explore }) {
  const { by, show, where } = explore
  const sort = explore.sort ?? `-${show[0]}`
  const unitOf = (place: number): string =>
    result.columns.find(({ name }) => name === `_${place}`)?.unit ?? ''
  const most = Math.max(...result.rows.map((row) => Number(row['_0'] ?? 0)), 0)
  return (
    <div class="explore-scroll" tabIndex={0} role="group" aria-label="Groups, to scroll">
      <table class="table explore-table" aria-label="Groups">
        <thead>
          <tr>
            {by.map((name) => (
              <Heading key={name} name={name} unit="" sort={sort} />
            ))}
            {show.map((text, place) => (
              <Heading key={text} name={text} unit={unitOf(place)} sort={sort} isNumber />
            ))}
            <th>Example</th>
            <th class="grow" />
          </tr>
        </thead>
        <tbody>
          {result.rows.map((row) => (
            <tr key={groupName(row, by)}>
              {by.map((name) => (
                <td key={name}>
                  <CellValue column={name} value={row[name]} where={where} />
                </td>
              ))}
              {show.map((text, place) => {
                const value = row[`_${place}`]
                const isBar = place === 0 && by.length > 0 && typeof value === 'number' && most > 0
                return (
                  <td key={text} class="right mono">
                    {isBar && (
                      <span class="cell-bar" aria-hidden="true">
                        <span style={{ width: `${(value / most) * 100}%` }} />
                      </span>
                    )}
                    <span class="amount">{typeof value === 'number' ? numberText(value) : '–'}</span>
                  </td>
                )
              })}
              <td>
                <TraceLink traceId={row['_example']} />
              </td>
              <td class="grow" />
            </tr>
          ))}
        </tbody>
      </table>
      {result.rows.length === 0 && <p class="explore-note muted">No row fulfils the conditions.</p>}
      {result.isCut && (
        <p class="explore-note muted">The first {EXPLORE_GROUPS_MAX} groups: a condition shows others.</p>
      )}
      {by.length === 0 && result.rows.length > 0 && (
        <p class="explore-note muted">Choose a column in “Group by” to take this apart.</p>
      )}
    </div>
  )
}

function Heading({
  name,
  unit,
  sort,
  isNumber = false,
}: {
  readonly name: string
  readonly unit: string
  readonly sort: string
  readonly isNumber?: boolean
}) {
  const isDown = sort === `-${name}`
  const isUp = sort === name
  const next = isDown || (!isNumber && !isUp) ? name : `-${name}`
  return (
    <th class={isNumber ? 'right' : ''} aria-sort={isDown ? 'descending' : isUp ? 'ascending' : 'none'}>
      <button
        type="button"
        class={`sort${isDown ? ' descending' : isUp ? ' ascending' : ''}`}
        onClick={() => changeQuery({ sort: next }, { replace: true })}
      >
        <Text of={name} />
        {unit !== '' && <span class="unit">{unit}</span>}
        {(isDown || isUp) && <Icon name="down" size={11} />}
      </button>
    </th>
  )
}
