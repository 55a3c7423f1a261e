// Ask the running system: an editor, what the text will do, rows while they are counted.
//
//   ?text=..   what stands in the editor         ?id=..   the query whose rows are shown
//
// A query lives on the server: whoever opens the address sees the same rows. Leaving the page leaves it
// running until it is stopped or its time is over.

import './query.css'
import type { QueryResults } from '#protocol'
import { explain, type Explanation } from '#query'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import {
  ApiFailure,
  installQuery,
  readQueries,
  readQueryResults,
  readStreamedResults,
  readTracepoints,
  removeQuery,
  type QueryRow,
} from '../../base/api.ts'
import { formatAge, formatCount } from '../../base/format.ts'
import { useKeys } from '../../base/keys.ts'
import { QUERIES_REFRESH_MS, VOCABULARY_REFRESH_MS } from '../../base/limits.ts'
import { useResource } from '../../base/resource.ts'
import { changeQuery } from '../../base/route.ts'
import { openStream } from '../../base/stream.ts'
import { Button, CopyButton } from '../../widgets/controls.tsx'
import { Hint, Loading } from '../../widgets/notice.tsx'
import { Text } from '../../widgets/text.tsx'
import type { Editor } from './editor.ts'
import { ExplainPanel } from './explain.tsx'
import { pastQueries, rememberQuery } from './history.ts'
import { LIBRARY } from './library.ts'
import { Results, Trust } from './results.tsx'

const TTL_SECONDS = 600
const ANSWER_MS_MAX = 10_000

export function QueryView({ query }: { readonly query: URLSearchParams }) {
  const id = query.get('id') ?? undefined
  const given = query.get('text') ?? ''
  const [text, setText] = useState(given)
  const [failure, setFailure] = useState<Error>()
  const running = useResource('queries', (signal) => readQueries(signal), { refreshMs: QUERIES_REFRESH_MS })
  const live = useLiveResults(id)
  useEffect(() => {
    document.title = 'Query · Crosscut'
  }, [])
  // Back and forward, and links of the library, change the address under the editor.
  useEffect(() => setText(given), [given])

  const run = async (): Promise<void> => {
    setFailure(undefined)
    try {
      const installed = await installQuery(
        { text, ttlSeconds: TTL_SECONDS },
        AbortSignal.timeout(ANSWER_MS_MAX),
      )
      rememberQuery(text)
      changeQuery({ text, id: installed.id })
    } catch (error: unknown) {
      setFailure(error instanceof Error ? error : new Error(String(error)))
    }
    running.reload()
  }
  const stop = async (stopped: string): Promise<void> => {
    await removeQuery(stopped, AbortSignal.timeout(ANSWER_MS_MAX)).catch((error: unknown) =>
      setFailure(error instanceof Error ? error : undefined),
    )
    if (stopped === id) changeQuery({ id: undefined })
    running.reload()
  }
  const explanation = useMemo(() => explained(text), [text])
  return (
    <div class="query">
      <div class="query-main">
        <QueryEditor given={given} onText={setText} onRun={() => void run()} />
        <div class="query-bar">
          <Button kind="primary" icon="play" title="Ctrl + Enter" onClick={() => void run()}>
            Run
          </Button>
          {id !== undefined && (
            <Button icon="stop" onClick={() => void stop(id)}>
              Stop
            </Button>
          )}
          <CopyButton get={() => location.href} label="Copy a link to this query">
            Share
          </CopyButton>
          <span class="grow" />
          {live.results !== undefined && <Trust results={live.results} />}
        </div>
        {failure !== undefined && (
          <p class="query-failure" role="alert">
            <Text of={failure.message} />
            {failure instanceof ApiFailure && failure.status === 403 && failure.hint !== undefined && (
              <small>
                <Hint text={failure.hint} />
              </small>
            )}
          </p>
        )}
        <Answer id={id} live={live} hasText={text.trim() !== ''} />
      </div>
      <aside class="query-side">
        <Running rows={running.value ?? []} id={id} onStop={(stopped) => void stop(stopped)} />
        {explanation !== undefined && <ExplainPanel explanation={explanation} />}
        <Library />
      </aside>
    </div>
  )
}

type Live = { readonly results: QueryResults | undefined; readonly isLost: boolean; readonly isGone: boolean }

function Answer({
  id,
  live,
  hasText,
}: {
  readonly id: string | undefined
  readonly live: Live
  readonly hasText: boolean
}) {
  if (live.isGone) return <p class="query-waiting muted">This query has ended. Run it again to go on.</p>
  if (id === undefined)
    return (
      <p class="query-waiting muted">
        {hasText
          ? 'Run it: the first rows come within a second.'
          : 'Ask a question, or begin with one of the library.'}
      </p>
    )
  if (live.results === undefined) return <Loading what="rows" />
  return (
    <div class={live.isLost ? 'query-answer stale' : 'query-answer'}>
      <Results results={live.results} />
    </div>
  )
}

/** The newest results of a query, over its stream. */
function useLiveResults(id: string | undefined): Live {
  const [live, setLive] = useState<Live>({ results: undefined, isLost: false, isGone: false })
  useEffect(() => {
    setLive({ results: undefined, isLost: false, isGone: false })
    if (id === undefined) return
    const controller = new AbortController()
    // The stream cannot say "no such query": that is asked first.
    readQueryResults(id, controller.signal).catch(() =>
      setLive({ results: undefined, isLost: false, isGone: true }),
    )
    const close = openStream(`/api/v1/queries/${encodeURIComponent(id)}/results`, [], {
      onState: (state) => setLive((old) => ({ ...old, isLost: state === 'lost' })),
      onData: (text) => setLive({ results: readStreamedResults(text), isLost: false, isGone: false }),
    })
    return () => {
      controller.abort()
      close()
    }
  }, [id])
  return live
}

/** `given`: what the address says; what is typed goes out by `onText` and never comes back in. */
function QueryEditor({
  given,
  onText,
  onRun,
}: {
  readonly given: string
  readonly onText: (text: string) => void
  readonly onRun: () => void
}) {
  const host = useRef<HTMLDivElement>(null)
  const editor = useRef<Editor>(undefined)
  const latest = useRef({ onText, onRun, given })
  latest.current = { onText, onRun, given }
  const vocabulary = useResource('tracepoints', (signal) => readTracepoints(signal), {
    refreshMs: VOCABULARY_REFRESH_MS,
  })
  const around = useRef({})
  around.current = vocabulary.value === undefined ? {} : { vocabulary: vocabulary.value }
  useEffect(() => {
    let isGone = false
    void import('./editor.ts').then(({ openEditor }) => {
      if (isGone || host.current === null) return
      editor.current = openEditor(host.current, {
        text: latest.current.given,
        around: () => around.current,
        onText: (changed) => latest.current.onText(changed),
        onRun: () => latest.current.onRun(),
      })
      if (latest.current.given === '') editor.current.focus()
    })
    return () => {
      isGone = true
      editor.current?.destroy()
    }
  }, [])
  useEffect(() => editor.current?.setText(given), [given])
  useKeys({ '/': () => editor.current?.focus() })
  return <div class="query-editor" ref={host} />
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
  return (
    <section aria-label="Running queries">
      <h2>Running</h2>
      <ul class="query-list">
        {rows.map((row) => (
          <li key={row.id} class={row.id === id ? 'selected' : ''}>
            <a href={`/query?${new URLSearchParams({ text: row.text, id: row.id })}`}>
              <Text of={row.name ?? firstLine(row.text)} />
              <span class="muted">
                {formatCount(row.total)} tuples · ends in {formatAge(Math.max(0, row.expiresMs - Date.now()))}
              </span>
            </a>
            <button type="button" class="text-button" onClick={() => onStop(row.id)}>
              Stop
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Library() {
  const past = pastQueries()
  return (
    <>
      <section aria-label="Library">
        <h2>Library</h2>
        <ul class="query-list">
          {LIBRARY.map(({ title, text }) => (
            <li key={title}>
              <a href={`/query?${new URLSearchParams({ text })}`}>{title}</a>
            </li>
          ))}
        </ul>
      </section>
      {past.length > 0 && (
        <section aria-label="History">
          <h2>Yours</h2>
          <ul class="query-list">
            {past.map((text) => (
              <li key={text}>
                <a href={`/query?${new URLSearchParams({ text })}`} title={text}>
                  <Text of={text.replace(/\s+/g, ' ')} />
                </a>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  )
}

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? ''

function explained(text: string): Explanation | undefined {
  if (text.trim() === '') return undefined
  try {
    return explain(text)
  } catch {
    return undefined
  }
}
