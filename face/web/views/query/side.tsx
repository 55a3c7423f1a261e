// Beside the answer: what runs (whose, how long still), the library, and what was asked here before.

import { useState } from 'preact/hooks'
import type { QueryRow } from '../../base/api.ts'
import { formatAge, formatCount } from '../../base/format.ts'
import { address } from '../../base/route.ts'
import { visibleText } from '../../base/text.ts'
import { IconButton } from '../../widgets/controls.tsx'
import { Text } from '../../widgets/text.tsx'
import { LIBRARY } from './library.ts'
import { forgetQueries, ownQueries, pastQueries } from './past-queries.ts'

export function Side({
  running,
  id,
  onStop,
}: {
  readonly running: readonly QueryRow[]
  readonly id: string | undefined
  readonly onStop: (id: string) => void
}) {
  return (
    <aside class="query-side">
      <Running rows={running} id={id} onStop={onStop} />
      <section aria-label="Library">
        <h2>Library</h2>
        <ul class="query-list">
          {LIBRARY.map(({ title, text, view }) => (
            <li key={title}>
              <a href={linkTo(view === undefined ? { text } : { text, view })} title={text}>
                {title}
              </a>
            </li>
          ))}
        </ul>
      </section>
      <Past />
    </aside>
  )
}

function Running({
  rows,
  id,
  onStop,
}: {
  readonly rows: readonly QueryRow[]
  readonly id: string | undefined
  readonly onStop: (id: string) => void
}) {
  if (rows.length === 0) return null
  const own = ownQueries()
  return (
    <section aria-label="Running queries">
      <h2>
        Running <span class="muted">{rows.length}</span>
      </h2>
      <ul class="query-list running">
        {rows.map((row) => (
          <li key={row.id} class={row.id === id ? 'selected' : ''}>
            <a
              href={linkTo({ text: row.text, id: row.id })}
              title={visibleText(row.text)}
              aria-current={row.id === id ? 'true' : undefined}
            >
              <Text of={row.name ?? briefly(row.text)} />
              <span class="muted query-standing">
                <span>{own.has(row.id) ? 'you' : <Text of={row.installedBy} />}</span>
                <span>{standing(row)}</span>
              </span>
              <TimeLeft row={row} />
            </a>
            <IconButton icon="stop" label="Stop" onClick={() => onStop(row.id)} />
          </li>
        ))}
      </ul>
    </section>
  )
}

const standing = ({ total, expiresMs }: QueryRow): string =>
  `${formatCount(total)} tuples · ${formatAge(Math.max(0, expiresMs - Date.now()))} left`

/** How much of its time is over, as a bar. */
function TimeLeft({ row: { createdMs, expiresMs } }: { readonly row: QueryRow }) {
  const share = (expiresMs - Date.now()) / Math.max(1, expiresMs - createdMs)
  const percent = Math.round(100 * Math.min(1, Math.max(0, share)))
  return (
    <span class="time-left" aria-hidden="true">
      <span style={{ width: `${percent}%` }} />
    </span>
  )
}

function Past() {
  const [past, setPast] = useState<readonly string[] | undefined>(undefined)
  const texts = past ?? pastQueries()
  if (texts.length === 0) return null
  const forget = (): void => {
    forgetQueries()
    setPast([])
  }
  return (
    <section aria-label="History">
      <h2>
        Yours
        <button type="button" class="text-button" onClick={forget}>
          Forget
        </button>
      </h2>
      <ul class="query-list">
        {texts.map((text) => (
          <li key={text}>
            <a href={linkTo({ text })} title={visibleText(text)}>
              <Text of={briefly(text)} />
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** The address of a text, with more of the view. */
export const linkTo = (query: Readonly<Record<string, string>>): string =>
  address('/query', new URLSearchParams(query))

const briefly = (text: string): string => text.trim().replace(/\s+/g, ' ').slice(0, 200)
