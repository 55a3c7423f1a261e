// What stands below the editor: the plan before a query runs, afterwards its rows as the chosen view.

import { explain, QueryError, type Explanation } from '#query'
import type { QueryResults } from '#protocol'
import { useMemo } from 'preact/hooks'
import type { Tracepoint } from '../../base/api.ts'
import { plural } from '../../base/format.ts'
import { changeQuery } from '../../base/route.ts'
import { Button } from '../../widgets/controls.tsx'
import { ErrorNotice, Loading } from '../../widgets/notice.tsx'
import { Tabs } from '../../widgets/tabs.tsx'
import { Text } from '../../widgets/text.tsx'
import { HeatView } from './heat-view.tsx'
import { LinesView } from './lines-view.tsx'
import { LIBRARY } from './library.ts'
import type { Live } from './live.ts'
import { PivotView } from './pivot-view.tsx'
import { Plan } from './plan.tsx'
import { VIEWS, type Settings, type View } from './settings.ts'
import type { Shape } from './shape.ts'
import { linkTo } from './side.tsx'
import { Table } from './table.tsx'
import { Doubts, Trust } from './trust.tsx'

export function Answer({
  query,
  id,
  live,
  view,
  settings,
  shape,
  text,
  runningText,
  vocabulary,
  views,
  onRun,
  onRetry,
}: {
  readonly query: URLSearchParams
  readonly id: string | undefined
  readonly live: Live
  readonly view: View
  readonly settings: Settings
  readonly shape: Shape | undefined
  /** In the editor. */
  readonly text: string
  /** Whose rows are shown, as far as it is known. */
  readonly runningText: string | undefined
  readonly vocabulary: readonly Tracepoint[]
  readonly views: Readonly<Record<string, string>>
  readonly onRun: () => void
  readonly onRetry: () => void
}) {
  const isOther = runningText !== undefined && runningText.trim() !== text.trim()
  return (
    <section class="query-answer" aria-label="Answer">
      <div class="query-tabs">
        <Tabs
          label="Views of the answer"
          tabs={VIEWS.map(({ view: one, label }, i) => {
            const isOpen = id !== undefined || one === 'plan'
            const title = isOpen ? `${label} (${i + 1})` : 'There are rows once it runs'
            return { id: one, label, title, isOpen }
          })}
          chosen={view}
          onChoose={(to) => changeQuery({ view: to })}
        />
        <span class="grow" />
        {live.results !== undefined && <Trust results={live.results} />}
      </div>
      {id !== undefined && <Strip live={live} isOther={isOther && view !== 'plan'} onRun={onRun} />}
      {live.results !== undefined && <Doubts results={live.results} />}
      {view === 'plan' ? (
        <PlanOf
          text={text}
          views={views}
          vocabulary={vocabulary}
          live={isOther ? undefined : live}
          isAsWritten={query.get('plan') === 'written'}
        />
      ) : (
        <Rows live={live} view={view} settings={settings} shape={shape} query={query} onRetry={onRetry} />
      )}
    </section>
  )
}

function Strip({
  live,
  isOther,
  onRun,
}: {
  readonly live: Live
  readonly isOther: boolean
  readonly onRun: () => void
}) {
  if (live.hasEnded)
    return (
      <div class="strip warn" role="status">
        <span>
          This query has ended{live.results === undefined ? '.' : '; these are the last rows that came.'}
        </span>
        <Button icon="play" onClick={onRun}>
          Run it again
        </Button>
      </div>
    )
  if (live.isLost && live.results !== undefined)
    return (
      <div class="strip warn" role="status">
        The connection is lost: these rows are old. Trying again by itself.
      </div>
    )
  if (!isOther) return null
  return (
    <div class="strip" role="status">
      <span>The text has changed since: these are the rows of what runs.</span>
      <button type="button" class="text-button" onClick={onRun}>
        Run the new one
      </button>
    </div>
  )
}

type RowsProps = {
  readonly live: Live
  readonly view: View
  readonly settings: Settings
  readonly shape: Shape | undefined
  readonly query: URLSearchParams
  readonly onRetry: () => void
}

function Rows({ live, view, settings, shape, query, onRetry }: RowsProps) {
  const { results, past } = live
  if (results === undefined || shape === undefined) {
    if (live.hasEnded) return null
    if (live.error !== undefined) return <ErrorNotice error={live.error} onRetry={onRetry} />
    return <Loading what="rows" />
  }
  if (results.rows.length === 0) return <Waiting results={results} hasEnded={live.hasEnded} />
  const given = { results, past, shape, settings }
  return (
    <div class={live.isLost ? 'query-view stale' : 'query-view'}>
      {view === 'pivot' ? (
        <PivotView {...given} />
      ) : view === 'lines' ? (
        <LinesView {...given} />
      ) : view === 'heat' ? (
        <HeatView {...given} />
      ) : (
        <Table results={results} past={past} shape={shape} sort={query.get('by') ?? undefined} />
      )}
    </div>
  )
}

function Waiting({
  results: { coverage },
  hasEnded,
}: {
  readonly results: QueryResults
  readonly hasEnded: boolean
}) {
  if (hasEnded) return <p class="query-waiting muted">No event had matched.</p>
  return (
    <p class="query-waiting muted" role="status">
      {coverage.connected === 0
        ? 'No process with our agent is connected.'
        : coverage.installed === 0
          ? 'No process has it yet.'
          : `Installed in ${plural(coverage.installed, 'process', 'processes')}; no event has matched so far.`}
    </p>
  )
}

function PlanOf({
  text,
  views,
  vocabulary,
  live,
  isAsWritten,
}: {
  readonly text: string
  readonly views: Readonly<Record<string, string>>
  readonly vocabulary: readonly Tracepoint[]
  /** Of this text. */
  readonly live: Live | undefined
  readonly isAsWritten: boolean
}) {
  const explained = useMemo(() => explanationOf(text, views), [text, JSON.stringify(views)])
  if (text.trim() === '') return <Begin />
  if (!('explanation' in explained))
    return (
      <div class="query-waiting muted">
        <p>The picture comes when the text is whole. What is wrong with it still:</p>
        <ul class="query-mistakes">
          {explained.mistakes.map((mistake, i) => (
            <li key={i}>
              <Text of={mistake} />
            </li>
          ))}
        </ul>
      </div>
    )
  const { results, past = [] } = live ?? {}
  return (
    <Plan
      explanation={explained.explanation}
      vocabulary={vocabulary}
      running={results === undefined || live?.hasEnded === true ? undefined : { results, past }}
      isAsWritten={isAsWritten}
    />
  )
}

/** Nothing is asked yet: the library, as texts to begin with. */
function Begin() {
  return (
    <div class="query-begin">
      <h2>Ask the running system</h2>
      <p class="muted">
        Write a question above, or begin with one of these. What it will do is drawn here before it runs;
        nothing is restarted, and stopping it leaves nothing behind.
      </p>
      <ul>
        {LIBRARY.map(({ title, text, view }) => (
          <li key={title}>
            <a href={linkTo(view === undefined ? { text } : { text, view })}>
              <b>{title}</b>
              <pre>{text}</pre>
            </a>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** Shown: the rest comes when these are mended. */
const MISTAKES_MAX = 8

function explanationOf(
  text: string,
  views: Readonly<Record<string, string>>,
): { readonly explanation: Explanation } | { readonly mistakes: readonly string[] } {
  if (text.trim() === '') return { mistakes: [] }
  try {
    return { explanation: explain(text, { views }) }
  } catch (error: unknown) {
    if (!(error instanceof QueryError)) throw error
    const mistakes = error.diagnostics.map(({ message, suggestion }) =>
      suggestion === undefined ? message : `${message}; try: ${suggestion}`,
    )
    return { mistakes: mistakes.slice(0, MISTAKES_MAX) }
  }
}
