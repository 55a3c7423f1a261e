// The notebooks that were saved, changed last first.
//
//   ?q=<text>   those whose name or owner has it

import './notebook.css'
import type { NotebookSummary } from '#protocol'
import { useEffect, useRef } from 'preact/hooks'
import { formatAgo, plural } from '../../base/format.ts'
import { useKeys } from '../../base/keys.ts'
import { NOTEBOOKS_REFRESH_MS } from '../../base/limits.ts'
import { readNotebooks } from '../../base/notebook-api.ts'
import { useResource } from '../../base/resource.ts'
import { changeQuery, isPlainClick, navigate, notebookAddress } from '../../base/route.ts'
import { Empty, ErrorNotice, Loading, StaleStrip } from '../../widgets/notice.tsx'
import { Text } from '../../widgets/text.tsx'

export function NotebooksView({ query }: { readonly query: URLSearchParams }) {
  const list = useResource('notebooks', (signal) => readNotebooks(signal), {
    refreshMs: NOTEBOOKS_REFRESH_MS,
  })
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    document.title = 'Notebooks · Crosscut'
  }, [])
  useKeys({ '/': () => field.current?.focus() })
  const wanted = query.get('q') ?? ''
  if (list.value === undefined)
    return list.error === undefined ? (
      <Loading what="notebooks" />
    ) : (
      <ErrorNotice error={list.error} onRetry={list.reload} />
    )
  const rows = list.value.filter((one) => isWanted(one, wanted))
  return (
    <div class="notebooks">
      {list.error !== undefined && <StaleStrip error={list.error} onRetry={list.reload} />}
      <header class="notebooks-head">
        <h1>Notebooks</h1>
        <span class="muted">Questions one below the other, kept with their names and versions.</span>
        <span class="grow" />
        {list.value.length > 0 && (
          <span class="field">
            <input
              ref={field}
              type="search"
              aria-label="Name or owner"
              placeholder="Name or owner  /"
              value={wanted}
              onInput={(event) => changeQuery({ q: event.currentTarget.value }, { replace: true })}
            />
          </span>
        )}
        <a class="button primary" href="/notebook">
          New notebook
        </a>
      </header>
      {list.value.length === 0 ? (
        <Empty title="No notebook is saved yet">
          <p class="muted">
            A notebook holds features, SQL and text; saved under a name, its link shows it to everybody.
          </p>
          <p>
            <a class="text-button" href="/notebook">
              Write the first
            </a>
          </p>
        </Empty>
      ) : rows.length === 0 ? (
        <Empty title="No notebook has that in its name">
          <p class="muted">
            <Text of={wanted} />
          </p>
        </Empty>
      ) : (
        <NotebookTable rows={rows} />
      )}
    </div>
  )
}

function isWanted({ name, owner }: NotebookSummary, wanted: string): boolean {
  return `${name}\n${owner}`.toLowerCase().includes(wanted.toLowerCase())
}

function NotebookTable({ rows }: { readonly rows: readonly NotebookSummary[] }) {
  return (
    <div class="notebooks-scroll" tabIndex={0} role="group" aria-label="Notebooks, to scroll">
      <table class="table" aria-label="Notebooks">
        <thead>
          <tr>
            <th>Name</th>
            <th>Owner</th>
            <th class="right">Version</th>
            <th>Cells</th>
            <th>Saved</th>
            <th class="grow" />
          </tr>
        </thead>
        <tbody>
          {rows.map(({ id, name, owner, version, cellCount, changedMs, changedBy }) => (
            <tr
              key={id}
              onClick={(event) => {
                const isLink = event.target instanceof Element && event.target.closest('a') !== null
                if (isPlainClick(event) && !isLink) navigate(notebookAddress(id))
              }}
            >
              <td>
                <a class="notebook-link" href={notebookAddress(id)}>
                  <Text of={name} />
                </a>
              </td>
              <td>
                <Text of={owner} />
              </td>
              <td class="right mono">{version}</td>
              <td>{plural(cellCount, 'cell')}</td>
              <td class="muted">
                {formatAgo(Date.now() - changedMs)} by <Text of={changedBy} />
              </td>
              <td class="grow" />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
