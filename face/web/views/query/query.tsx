// Ask the running system: an editor, what the text will do, rows while they are counted.
//
//   ?text=..   what stands in the editor         ?id=..   the query whose rows are shown
//   ?view=..   how they are shown, and what is chosen of it: settings.ts
//
// A query lives on the server: whoever opens the address sees the same rows. Leaving the page leaves it
// running until it is stopped or its time is over.

import './query.css'
import './plan.css'
import type { QueryResults } from '#protocol'
import { useEffect, useMemo, useState } from 'preact/hooks'
import {
  ApiFailure,
  installQuery,
  readQueries,
  readTracepoints,
  removeQuery,
  type QueryRow,
} from '../../base/api.ts'
import { useKeys } from '../../base/keys.ts'
import { QUERIES_REFRESH_MS, VOCABULARY_REFRESH_MS } from '../../base/limits.ts'
import { useResource } from '../../base/resource.ts'
import { address, changeQuery } from '../../base/route.ts'
import { Button, CopyButton, Select } from '../../widgets/controls.tsx'
import { Refused } from '../../widgets/notice.tsx'
import { Answer } from './answer.tsx'
import { EditorBox } from './editor-box.tsx'
import { LIBRARY_VIEWS, viewsIn } from './library.ts'
import { useLive } from './live.ts'
import { rememberQuery } from './past-queries.ts'
import { rolledUpFor, settingsOf, viewOf, VIEWS, type Settings, type View } from './settings.ts'
import { shapeOf, type Shape } from './shape.ts'
import { Side } from './side.tsx'
import { tabSeparated } from './tab-separated.ts'

const ANSWER_MS_MAX = 10_000
const LIVES = [
  { value: '600', label: 'for 10 min' },
  { value: '3600', label: 'for 1 h' },
  { value: '28800', label: 'for 8 h' },
  { value: '86400', label: 'for 24 h' },
]

export function QueryView({ query }: { readonly query: URLSearchParams }) {
  const id = query.get('id') ?? undefined
  const running = useResource('queries', (signal) => readQueries(signal), { refreshMs: QUERIES_REFRESH_MS })
  const vocabulary = useResource('tracepoints', (signal) => readTracepoints(signal), {
    refreshMs: VOCABULARY_REFRESH_MS,
  })
  const rows = running.value ?? []
  const runningText = rows.find((row) => row.id === id)?.text
  const given = query.get('text') ?? runningText ?? ''
  const [text, setText] = useState(given)
  // Back and forward, and links of the library, change the address under the editor.
  useEffect(() => setText(given), [given])
  useEffect(() => {
    document.title = 'Query · Crosscut'
  }, [])
  const { failure, ttlSeconds, setTtlSeconds, run, stop } = useRunning({
    text,
    id,
    running: namedIn(running.value ?? []).map(([name]) => name),
    reload: running.reload,
  })
  const { live, view, settings, shape, retry } = useAnswer(query, id)
  useKeys(
    Object.fromEntries(
      VIEWS.map(({ view: one }, i) => [String(i + 1), () => id !== undefined && changeQuery({ view: one })]),
    ),
  )
  const isOn = id !== undefined && !live.hasEnded
  return (
    <div class="query">
      <div class="query-main">
        <EditorBox
          given={given}
          vocabulary={vocabulary.value}
          views={viewsOf(rows)}
          onText={setText}
          onRun={run}
        />
        <div class="query-bar">
          <Button kind="primary" icon="play" title="Ctrl + Enter" onClick={run}>
            Run
          </Button>
          <Select label="How long it runs" value={ttlSeconds} options={LIVES} onChange={setTtlSeconds} />
          {isOn && (
            <Button icon="stop" onClick={() => stop(id)}>
              Stop
            </Button>
          )}
          <span class="grow" />
          {live.results !== undefined && live.results.rows.length > 0 && (
            <CopyButton get={() => tabSeparated(live.results!)} label="Copy the rows, for a spreadsheet">
              Rows
            </CopyButton>
          )}
          <CopyButton get={() => linkTo(text)} label="Copy a link to this query, its rows and this view">
            Share
          </CopyButton>
        </div>
        {failure !== undefined && (
          <Refused
            error={failure}
            hint={failure instanceof ApiFailure && failure.status === 403 ? failure.hint : ''}
          />
        )}
        <Answer
          query={query}
          id={id}
          live={live}
          view={view}
          settings={settings}
          shape={shape}
          text={text}
          runningText={runningText}
          vocabulary={vocabulary.value ?? []}
          views={viewsOf(rows)}
          onRun={run}
          onRetry={retry}
        />
      </div>
      <Side running={rows} id={id} onStop={stop} />
    </div>
  )
}

/** Installing and stopping, and what went wrong at it. */
function useRunning({
  text,
  id,
  running,
  reload,
}: {
  readonly text: string
  /** Names of the queries that run. */
  readonly running: readonly string[]
  readonly id: string | undefined
  readonly reload: () => void
}) {
  const [failure, setFailure] = useState<Error>()
  const [ttlSeconds, setTtlSeconds] = useState(LIVES[0]!.value)
  const install = async (): Promise<void> => {
    setFailure(undefined)
    try {
      const body = { text, ttlSeconds: Number(ttlSeconds) }
      for (const name of viewsIn(text).filter((one) => !running.includes(one)))
        await installQuery({ ...body, text: LIBRARY_VIEWS[name]!, name }, AbortSignal.timeout(ANSWER_MS_MAX))
      const installed = await installQuery(body, AbortSignal.timeout(ANSWER_MS_MAX))
      rememberQuery({ id: installed.id, text })
      const isPlan = new URLSearchParams(location.search).get('view') === 'plan'
      changeQuery({ text, id: installed.id, ...(isPlan ? { view: undefined } : {}) })
    } catch (error: unknown) {
      setFailure(error instanceof Error ? error : new Error(String(error)))
    }
    reload()
  }
  const remove = async (stopped: string): Promise<void> => {
    await removeQuery(stopped, AbortSignal.timeout(ANSWER_MS_MAX)).catch((error: unknown) =>
      setFailure(error instanceof Error ? error : undefined),
    )
    if (stopped === id) changeQuery({ id: undefined })
    reload()
  }
  return {
    failure,
    ttlSeconds,
    setTtlSeconds,
    run: () => void install(),
    stop: (stopped: string) => void remove(stopped),
  }
}

const NO_COLUMNS: Pick<QueryResults, 'columns' | 'roles'> = { columns: [], roles: [] }

/**
 * The rows, and how the address wants to see them. Which totals are asked for depends on the columns, which
 * come with the first answer: the stream is opened again then.
 */
function useAnswer(query: URLSearchParams, id: string | undefined) {
  const view: View = viewOf(query, id !== undefined)
  const [columns, setColumns] = useState(NO_COLUMNS)
  const shape = useMemo(() => shapeOf(columns), [JSON.stringify(columns)])
  const settings: Settings = settingsOf(query, shape, view)
  const { retry, ...live } = useLive(id, rolledUpFor(view, settings))
  const { results } = live
  useEffect(() => {
    setColumns(results === undefined ? NO_COLUMNS : { columns: results.columns, roles: results.roles })
  }, [results?.id, JSON.stringify(results?.columns)])
  const known: Shape | undefined = results === undefined ? undefined : shape
  return { live, view, settings, shape: known, retry }
}

/** Named queries, as other texts read them. */
const namedIn = (rows: readonly QueryRow[]): readonly [string, string][] =>
  rows.flatMap(({ name, text }) => (name === undefined ? [] : [[name, text]]))

/** Those of the library begin to run with the query that joins them. */
const viewsOf = (rows: readonly QueryRow[]): Readonly<Record<string, string>> => ({
  ...LIBRARY_VIEWS,
  ...Object.fromEntries(namedIn(rows)),
})

/** What is in the editor counts, also before it runs. */
function linkTo(text: string): string {
  const query = new URLSearchParams(location.search)
  if (text.trim() !== '') query.set('text', text)
  return location.origin + address('/query', query)
}
