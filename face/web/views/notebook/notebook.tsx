// A notebook: questions one below the other, each with its answer and pictures. One that is saved has an id
// and versions on the server; changes that are not saved stand in the address (cells.ts), so that they can be
// sent to a colleague too. What the address cannot hold is kept in the page until it is saved.
//
//   /notebook?cell=..                  never saved
//   /notebooks/ID                      as it was saved      ?version=2  as it was
//   /notebooks/ID?of=3&cell=..         changed since version 3

import './notebook.css'
import type { NotebookView as Saved } from '#protocol'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { readDatasets } from '../../base/dataset-api.ts'
import { plural } from '../../base/format.ts'
import { NOTEBOOK_ADDRESS_CHARS_MAX, NOTEBOOK_CELLS_MAX, NOTEBOOKS_REFRESH_MS } from '../../base/limits.ts'
import { readSavedNotebook } from '../../base/notebook-api.ts'
import { useResource } from '../../base/resource.ts'
import { address, navigate, notebookAddress } from '../../base/route.ts'
import { visibleText } from '../../base/text.ts'
import { Button, CopyButton, Select } from '../../widgets/controls.tsx'
import { ErrorNotice, Loading } from '../../widgets/notice.tsx'
import { CellView } from './cell-view.tsx'
import { EMPTY, FIRST, isSame, readNotebook, SAMPLES, writeNotebook, type Notebook } from './cells.ts'
import { SaveBar, type OnServer } from './save-bar.tsx'

type ViewProps = { readonly id: string | undefined; readonly query: URLSearchParams }

export function NotebookView({ id, query }: ViewProps) {
  return id === undefined ? <Page query={query} /> : <SavedView id={id} query={query} />
}

function SavedView({ id, query }: { readonly id: string; readonly query: URLSearchParams }) {
  const version = /^\d{1,9}$/.exec(query.get('version') ?? '')?.[0]
  const newest = useResource(id, (signal) => readSavedNotebook(id, undefined, signal), {
    refreshMs: NOTEBOOKS_REFRESH_MS,
  })
  const old = useResource(version, (signal) => readSavedNotebook(id, Number(version), signal))
  // What somebody reads does not change under their eyes: a newer version is told of, and shown when asked.
  const [shown, setShown] = useState<Saved>()
  useEffect(() => {
    if (shown === undefined && newest.value !== undefined) setShown(newest.value)
  }, [newest.value, shown])
  const asked = version === undefined ? shown : old.valueKey === version ? old.value : undefined
  const error = version === undefined ? newest.error : (old.error ?? newest.error)
  if (asked === undefined || newest.value === undefined)
    return error === undefined ? (
      <Loading what="the notebook" />
    ) : (
      <ErrorNotice error={error} onRetry={version === undefined ? newest.reload : old.reload} />
    )
  const known = newest.value.version < (shown?.version ?? 0) ? shown! : newest.value
  return (
    <Page
      query={query}
      saved={{ shown: asked, newest: known, isOld: version !== undefined && asked.version < known.version }}
      onSaved={(next) => {
        setShown(next)
        newest.reload()
      }}
      onStale={newest.reload}
    />
  )
}

type PageProps = {
  readonly query: URLSearchParams
  readonly saved?: OnServer
  readonly onSaved?: (next: Saved) => void
  readonly onStale?: () => void
}

function Page({ query, saved, onSaved = () => undefined, onStale = () => undefined }: PageProps) {
  const { content, isChanged, isHeld, base, write, forget } = useContent(query, saved)
  const { cells, sample } = content
  const [hasTyped, setHasTyped] = useState(false)
  const typed = useRef(new Map<number, string>())
  const isWhole = sample === 'all'
  const traces = useResource(isWhole ? undefined : String(sample), async (signal) =>
    (await import('../../base/feature-preview.ts')).sampleTraces(signal, undefined, Number(sample)),
  )
  const datasets = useResource('datasets', (signal) => readDatasets(signal))
  const name = saved?.shown.name
  useEffect(() => {
    document.title = `${name === undefined ? 'Notebook' : visibleText(name)} · Crosscut`
  }, [name])
  useLeaveGuard(isHeld || hasTyped)
  /** With what stands in cells that were not run. */
  const whole = (): Notebook => ({
    sample,
    cells: cells.map((cell, at) => ({ ...cell, text: typed.current.get(at) ?? cell.text })),
  })
  return (
    <div class="notebook">
      <header class="notebook-head">
        <SaveBar
          {...(saved === undefined ? {} : { saved })}
          base={base}
          isChanged={isChanged || hasTyped}
          isHeld={isHeld}
          content={whole}
          onSaved={(next) => {
            typed.current.clear()
            setHasTyped(false)
            forget()
            onSaved(next)
          }}
          onStale={onStale}
        />
        <span class="notebook-tools">
          <span class="muted">
            {isWhole
              ? 'features and SQL over all that is stored'
              : traces.value === undefined
                ? (traces.error?.message ?? 'reading traces…')
                : `features over ${plural(traces.value.length, 'trace')}, SQL over whole datasets`}
          </span>
          <Select
            label="Sample"
            value={String(sample)}
            options={samplesWith(sample).map((count) => ({
              value: String(count),
              label: count === 'all' ? 'all traces' : `the newest ${count} traces`,
            }))}
            onChange={(count) => write({ cells, sample: count === 'all' ? count : Number(count) })}
          />
          {!isWhole && (
            <Button title="Read the newest traces again" onClick={traces.reload}>
              Newer traces
            </Button>
          )}
          {!(isHeld && saved === undefined) && (
            <CopyButton
              get={() => location.origin + sharedAddress(content, isHeld, saved)}
              label={
                isHeld
                  ? 'Copy a link to what is saved: the changes are too long for an address'
                  : 'Copy a link to this notebook'
              }
            >
              Share
            </CopyButton>
          )}
        </span>
      </header>
      <ol class="cells">
        {cells.map((cell, at) => (
          <li key={at} class={`cell ${cell.kind}`}>
            <CellView
              cell={cell}
              at={at}
              traces={isWhole ? undefined : traces}
              datasets={datasets.value ?? []}
              onTyped={(text) => {
                if (text === undefined) typed.current.delete(at)
                else typed.current.set(at, text)
                setHasTyped(typed.current.size > 0)
              }}
              onChange={(next) => write({ sample, cells: cells.with(at, next) }, { replace: true })}
              onRemove={() => write({ sample, cells: cells.filter((_, place) => place !== at) })}
            />
          </li>
        ))}
      </ol>
      {cells.length < NOTEBOOK_CELLS_MAX && (
        <p class="notebook-add">
          {(['features', 'sql', 'text'] as const).map((kind) => (
            <Button key={kind} onClick={() => write({ sample, cells: [...cells, EMPTY[kind]] })}>
              + {kind === 'sql' ? 'SQL' : kind}
            </Button>
          ))}
        </p>
      )}
    </div>
  )
}

/** A new notebook is its cells, also before any was changed. */
function sharedAddress(content: Notebook, isHeld: boolean, saved: OnServer | undefined): string {
  if (saved === undefined) return address('/notebook', writeNotebook(content))
  return isHeld ? notebookAddress(saved.shown.id) : currentAddress()
}

const currentAddress = (): string => location.pathname + location.search

/** One that was saved by the API may have another size. */
const samplesWith = (sample: Notebook['sample']): readonly Notebook['sample'][] =>
  SAMPLES.some((one) => one === sample) ? SAMPLES : [sample, ...SAMPLES]

/** What the notebook says now, and where changes go. */
function useContent(query: URLSearchParams, saved: OnServer | undefined) {
  const [held, setHeld] = useState<{ readonly at: string; readonly content: Notebook }>()
  const written = useMemo(() => readNotebook(query), [query])
  const hasChanges = saved === undefined ? query.has('cell') || query.has('sample') : query.has('of')
  const fresh: Notebook = saved?.shown ?? { cells: FIRST, sample: written.sample }
  const isHeld = held !== undefined && held.at === currentAddress()
  // A new notebook whose sample was chosen first still begins with the first cells.
  const isNew = saved === undefined && !query.has('cell')
  const content = isHeld ? held.content : hasChanges && !isNew ? written : fresh
  const base = isHeld || hasChanges ? Number(query.get('of') ?? saved?.shown.version) : saved?.shown.version
  const write = (next: Notebook, options: { readonly replace?: boolean } = {}): void => {
    if (saved !== undefined && !saved.isOld && isSame(next, saved.shown)) {
      setHeld(undefined)
      return navigate(notebookAddress(saved.shown.id), options)
    }
    const changed = writeNotebook(next)
    if (saved !== undefined) changed.set('of', String(hasChanges ? base : saved.shown.version))
    const to = address(saved === undefined ? '/notebook' : notebookAddress(saved.shown.id), changed)
    if (to.length > NOTEBOOK_ADDRESS_CHARS_MAX) return setHeld({ at: currentAddress(), content: next })
    setHeld(undefined)
    navigate(to, options)
  }
  const isChanged = isHeld || hasChanges
  return { content, isChanged, isHeld, base, write, forget: () => setHeld(undefined) }
}

/** The browser asks before what is nowhere else is lost. */
function useLeaveGuard(isOn: boolean): void {
  useEffect(() => {
    if (!isOn) return
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [isOn])
}
