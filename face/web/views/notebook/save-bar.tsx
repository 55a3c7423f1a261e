// The name of a notebook and what can be done with it as a whole: save, rename, copy, delete, go to an older
// version; and what two people who change one at a time are told.

import type { NotebookView as Saved } from '#protocol'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiFailure } from '../../base/api.ts'
import { formatAgo, plural } from '../../base/format.ts'
import { SETTING_MS_MAX } from '../../base/limits.ts'
import { changeNotebook, createNotebook, removeNotebook } from '../../base/notebook-api.ts'
import { navigate, notebookAddress } from '../../base/route.ts'
import { Button, Select } from '../../widgets/controls.tsx'
import { Refused } from '../../widgets/notice.tsx'
import { Text } from '../../widgets/text.tsx'
import type { Notebook } from './cells.ts'

/** A notebook on the server, as the page knows it. */
export type OnServer = {
  /** What the page began from. */
  readonly shown: Saved
  readonly newest: Saved
  /** Somebody asked for an older version. */
  readonly isOld: boolean
}

type Doing = 'nothing' | 'naming' | 'renaming' | 'copying' | 'deleting'

export function SaveBar({
  saved,
  base,
  isChanged,
  isHeld,
  content,
  onSaved,
  onStale,
}: {
  readonly saved?: OnServer
  /** The version that changes were made from. */
  readonly base: number | undefined
  readonly isChanged: boolean
  readonly isHeld: boolean
  readonly content: () => Notebook
  readonly onSaved: (next: Saved) => void
  /** The server has a newer version than the page knows. */
  readonly onStale: () => void
}) {
  const [doing, setDoing] = useState<Doing>('nothing')
  const [failure, setFailure] = useState<Error>()
  const [isWaiting, setWaiting] = useState(false)
  const attempt = async (act: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    setWaiting(true)
    setFailure(undefined)
    try {
      await act(AbortSignal.timeout(SETTING_MS_MAX))
      setDoing('nothing')
    } catch (cause: unknown) {
      if (cause instanceof ApiFailure && cause.code === 'E_NOTEBOOK_CHANGED') onStale()
      else setFailure(cause instanceof Error ? cause : new Error(String(cause)))
    } finally {
      setWaiting(false)
    }
  }
  const bodyOf = ({ cells, sample }: Notebook): Notebook => ({ cells, sample })
  const put = (of: { readonly name?: string; readonly version: number; readonly body: Notebook }): void =>
    void attempt(async (signal) => {
      const { id, name } = saved!.newest
      const body = { ...bodyOf(of.body), name: of.name ?? name, version: of.version }
      const next = await changeNotebook(id, body, signal)
      onSaved(next)
      navigate(notebookAddress(id), { replace: true })
    })
  const create = (name: string): void =>
    void attempt(async (signal) => {
      const next = await createNotebook({ ...bodyOf(content()), name }, signal)
      onSaved(next)
      navigate(notebookAddress(next.id), { replace: saved === undefined })
    })
  /** Only the name: changes stay what they are, and are of the new version. */
  const rename = (name: string): void =>
    void attempt(async (signal) => {
      const { id, version } = saved!.shown
      const next = await changeNotebook(id, { ...bodyOf(saved!.shown), name, version }, signal)
      onSaved(next)
      const query = new URLSearchParams(location.search)
      if (query.has('of')) query.set('of', String(next.version))
      navigate(`${notebookAddress(id)}${query.size === 0 ? '' : `?${query}`}`, { replace: true })
    })
  const remove = (): void =>
    void attempt(async (signal) => {
      await removeNotebook(saved!.newest.id, signal)
      navigate('/notebooks')
    })
  const isBehind =
    saved !== undefined &&
    !saved.isOld &&
    saved.newest.version > (isChanged ? (base ?? 0) : saved.shown.version)
  const canSave = isChanged && !isBehind && saved?.isOld !== true
  const save = (): void => {
    if (saved === undefined) setDoing('naming')
    else if (canSave && !isWaiting) put({ version: base ?? saved.shown.version, body: content() })
  }
  useSaveKey(save)
  return (
    <>
      <span class="notebook-name">
        <a class="muted" href="/notebooks">
          Notebooks
        </a>
        <span class="muted" aria-hidden="true">
          /
        </span>
        {doing === 'naming' || doing === 'renaming' || doing === 'copying' ? (
          <NameForm
            key={doing}
            name={doing === 'renaming' ? saved!.shown.name : doing === 'copying' ? copyName(saved!) : ''}
            verb={doing === 'renaming' ? 'Rename' : doing === 'copying' ? 'Save the copy' : 'Save'}
            isWaiting={isWaiting}
            onName={doing === 'renaming' ? rename : create}
            onCancel={() => {
              setDoing('nothing')
              setFailure(undefined)
            }}
          />
        ) : (
          <h1>{saved === undefined ? 'New notebook' : <Text of={saved.shown.name} />}</h1>
        )}
        {saved !== undefined && <Versions saved={saved} />}
        {isChanged && saved?.isOld !== true && (
          <span class="unsaved" role="status">
            {isHeld ? 'changes only in this page: save them' : 'not saved'}
          </span>
        )}
        <span class="grow" />
        {doing === 'nothing' && (
          <span class="row">
            {(saved === undefined || canSave) && (
              <Button kind="primary" title="Ctrl + S" isDisabled={isWaiting} onClick={save}>
                {saved === undefined ? 'Save…' : 'Save'}
              </Button>
            )}
            {saved !== undefined && isChanged && !saved.isOld && (
              <Button
                title="Back to what is saved"
                onClick={() => {
                  onSaved(saved.shown)
                  navigate(notebookAddress(saved.shown.id))
                }}
              >
                Discard
              </Button>
            )}
            {saved !== undefined && (
              <>
                {!saved.isOld && <Button onClick={() => setDoing('renaming')}>Rename…</Button>}
                <Button onClick={() => setDoing('copying')}>Save a copy…</Button>
                <Button onClick={() => setDoing('deleting')}>Delete…</Button>
              </>
            )}
          </span>
        )}
      </span>
      {failure !== undefined && <Refused error={failure} />}
      {doing === 'deleting' && saved !== undefined && (
        <p class="notebook-strip error" role="alert">
          <span>
            Delete this notebook with {plural(saved.newest.olderVersions.length + 1, 'version')}? Links to it
            will lead nowhere.
          </span>
          <Button isDisabled={isWaiting} onClick={remove}>
            Delete it
          </Button>
          <Button onClick={() => setDoing('nothing')}>Keep it</Button>
        </p>
      )}
      {saved?.isOld === true && (
        <p class="notebook-strip" role="status">
          <span>
            This is version {saved.shown.version} of {saved.newest.version}, saved{' '}
            {formatAgo(Date.now() - saved.shown.changedMs)} by <Text of={saved.shown.changedBy} />.
          </span>
          <a class="button plain" href={notebookAddress(saved.newest.id)}>
            Show the newest
          </a>
          <Button
            isDisabled={isWaiting}
            onClick={() => put({ version: saved.newest.version, body: content() })}
          >
            Make it the newest
          </Button>
        </p>
      )}
      {isBehind && (
        <p class="notebook-strip warn" role="alert">
          <span>
            Version {saved.newest.version} was saved {formatAgo(Date.now() - saved.newest.changedMs)} by{' '}
            <Text of={saved.newest.changedBy} />
            {isChanged ? `; your changes were made from version ${base}.` : '.'}
          </span>
          {isChanged ? (
            <>
              <a class="button plain" href={notebookAddress(saved.newest.id)} target="_blank" rel="noopener">
                Look at theirs
              </a>
              <Button onClick={() => setDoing('copying')}>Save mine as a copy…</Button>
              <Button
                isDisabled={isWaiting}
                title="Theirs stays an older version"
                onClick={() => put({ version: saved.newest.version, body: content() })}
              >
                Replace theirs with mine
              </Button>
            </>
          ) : (
            <Button kind="primary" onClick={() => onSaved(saved.newest)}>
              Show it
            </Button>
          )}
        </p>
      )}
    </>
  )
}

const copyName = ({ shown }: OnServer): string => `${shown.name} (copy)`

function Versions({ saved: { shown, newest, isOld } }: { readonly saved: OnServer }) {
  const all = [newest.version, ...newest.olderVersions.toReversed()]
  const told = `saved ${formatAgo(Date.now() - shown.changedMs)} by `
  return (
    <>
      {all.length > 1 && (
        <Select
          label="Version"
          value={String(isOld ? shown.version : newest.version)}
          options={all.map((version) => ({ value: String(version), label: `version ${version}` }))}
          onChange={(version) =>
            navigate(
              Number(version) === newest.version
                ? notebookAddress(newest.id)
                : `${notebookAddress(newest.id)}?version=${version}`,
            )
          }
        />
      )}
      <span class="muted">
        {told}
        <Text of={shown.changedBy} />
      </span>
    </>
  )
}

function NameForm({
  name,
  verb,
  isWaiting,
  onName,
  onCancel,
}: {
  readonly name: string
  readonly verb: string
  readonly isWaiting: boolean
  readonly onName: (name: string) => void
  readonly onCancel: () => void
}) {
  const [typed, setTyped] = useState(name)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    field.current?.focus()
    field.current?.select()
  }, [])
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault()
        if (typed.trim() !== '' && !isWaiting) onName(typed.trim())
      }}
    >
      <span class="field">
        <input
          ref={field}
          aria-label="Name of the notebook"
          placeholder="Name of the notebook"
          maxLength={120}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') onCancel()
          }}
        />
      </span>
      <button type="submit" class="button primary" disabled={isWaiting || typed.trim() === ''}>
        {verb}
      </button>
      <Button onClick={onCancel}>Cancel</Button>
    </form>
  )
}

/** Ctrl + S, wherever the cursor is. */
function useSaveKey(save: () => void): void {
  const latest = useRef(save)
  latest.current = save
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 's' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return
      event.preventDefault()
      latest.current()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
}
