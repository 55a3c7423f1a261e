// One trace. The URL says how it is looked at and what is selected, zoomed, collapsed and searched; this view
// fetches the trace and its critical path, derives columns and rows, and hands them to the view and the
// details.

import './trace.css'
import type { CriticalPathView, TraceOutlineAnswer } from '#protocol'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { ApiFailure, findSpans, readCriticalPath, readTrace } from '../../base/api.ts'
import { useFacets } from '../../base/facets.tsx'
import { formatCount } from '../../base/format.ts'
import { useKeys } from '../../base/keys.ts'
import { SEARCH_MATCHES_MAX, TRACE_REFRESH_MS, TRACE_YOUNG_NS, URL_SETTLE_MS } from '../../base/limits.ts'
import { useResource } from '../../base/resource.ts'
import { changeQuery, navigate } from '../../base/route.ts'
import { remember, useTheme } from '../../base/theme.ts'
import { clampWindow, panWindow, zoomWindow, type TimeWindow } from '../../base/time-scale.ts'
import { Empty, ErrorNotice, Loading } from '../../widgets/notice.tsx'
import { visibleText } from '../../base/text.ts'
import { FLAG, outlineColumns, searchSpans, traceColumns, type TraceColumns } from './columns.ts'
import { CompareView } from './compare-view.tsx'
import { Details, readTab } from './details.tsx'
import { FlameView } from './flame-view.tsx'
import { lanesOf } from './lanes.ts'
import { noPath, pathShares, traceArrows, tracePath } from './overlay.ts'
import { chooseEnd, clearEnds, PathBar } from './path-bar.tsx'
import { nextSide, pathEnd, readEnds, type PathEnds, type PathSide, type PathState } from './path-ends.ts'
import { hasChildren, visibleRows } from './rows.ts'
import { SearchBox } from './search-box.tsx'
import { TraceHead } from './trace-head.tsx'
import {
  readCollapsed,
  readView,
  readWindow,
  toggleCollapsed,
  TRACE_VIEWS,
  writeWindow,
} from './trace-state.ts'
import { Waterfall } from './waterfall.tsx'

export function TraceScreen({
  traceId,
  query,
}: {
  readonly traceId: string
  readonly query: URLSearchParams
}) {
  const [isGrowing, setGrowing] = useState(false)
  const trace = useResource<TraceOutlineAnswer>(traceId, (signal, show) => readTrace(traceId, show, signal), {
    refreshMs: isGrowing ? TRACE_REFRESH_MS : undefined,
  })
  const isMissing = trace.error instanceof ApiFailure && trace.error.status === 404
  const isYoung = trace.value === undefined ? isMissing : mayGrow(trace.value)
  useEffect(() => setGrowing(isYoung), [isYoung])
  useEffect(() => {
    const name = trace.value === undefined ? undefined : factsOf(trace.value).summary.rootName
    document.title = name === undefined ? 'Trace · Crosscut' : `${visibleText(name).slice(0, 80)} · Crosscut`
  }, [trace.value])
  useKeys({
    Escape: () => {
      if (query.has('notes') || query.has('ops'))
        changeQuery({ notes: undefined, ops: undefined }, { replace: true })
      else if (query.has('span')) changeQuery({ span: undefined }, { replace: true })
      else goToList()
    },
  })
  if (trace.value === undefined) {
    if (trace.error === undefined) return <Loading what="the trace" />
    if (isMissing) {
      return (
        <Empty title="There is no such trace (yet)">
          <p class="muted">It is older than what is kept, or still on its way: this page goes on looking.</p>
          <p>
            <a class="text-button" href="/traces">
              Go to the traces
            </a>
          </p>
        </Empty>
      )
    }
    return <ErrorNotice error={trace.error} onRetry={trace.reload} />
  }
  if (factsOf(trace.value).totalSpans === 0)
    return (
      <Empty title="This trace has no spans">
        <p>
          <a class="text-button" href="/traces">
            Back to the traces
          </a>
        </p>
      </Empty>
    )
  return <Loaded answer={trace.value} query={query} />
}

function factsOf(answer: TraceOutlineAnswer) {
  return answer.kind === 'whole' ? answer.view : answer.outline
}

/** Spans of a trace that ended just now may be on their way; a large one is not fetched again and again. */
function mayGrow(answer: TraceOutlineAnswer): boolean {
  if (answer.kind !== 'whole') return false
  const { startNs, durationNs } = answer.view.summary
  return BigInt(Date.now()) * 1_000_000n - BigInt(startNs) - BigInt(durationNs) < TRACE_YOUNG_NS
}

function goToList(): void {
  navigate(`/traces${remember('crosscut.list', 'tab') ?? ''}`)
}

function Loaded({ answer, query }: { readonly answer: TraceOutlineAnswer; readonly query: URLSearchParams }) {
  const theme = useTheme()
  const { services } = useFacets()
  const columns = useMemo(
    () =>
      answer.kind === 'whole'
        ? traceColumns(answer.view, services)
        : outlineColumns(answer.outline, services),
    [answer, services],
  )
  const view = readView(query)
  const ends = useMemo(() => readEnds(query, columns), [query.get('from'), query.get('to'), columns])
  const { told, state: pathState } = useToldPath(columns, ends, answer.kind === 'whole')
  const path = useMemo(() => tracePath(columns, told), [columns, told])
  const hiddenPath = useMemo(() => noPath(columns), [columns])
  const shares = useMemo(() => pathShares(columns, path.sections), [columns, path])
  const allArrows = useMemo(() => traceArrows(columns), [columns])
  const collapsed = useMemo(() => readCollapsed(query, columns), [query.get('c'), query.get('d'), columns])
  const rows = useMemo(() => visibleRows(columns, collapsed), [columns, collapsed])
  const lanes = useMemo(() => (view === 'lanes' ? lanesOf(columns) : undefined), [columns, view === 'lanes'])
  const search = query.get('q') ?? ''
  const found = useFound(columns, search)
  const matches = useMemo(() => new Set(found), [found])
  const selected = columns.indexOf.get(query.get('span') ?? '') ?? -1
  const [window, setWindow] = useWindow(columns, query)
  const isPathShown = query.get('path') !== '0'
  const areArrowsShown = query.get('arrows') !== '0'

  const select = (index: number): void => {
    const spanId = columns.spanIds[index]
    if (spanId === undefined) return
    const hiddenBy = ancestorsIn(columns, collapsed, index)
    if (columns.endNs[index]! < window.startNs || columns.startNs[index]! > window.endNs)
      setWindow(centred(columns, index, window))
    changeQuery(
      {
        span: spanId,
        notes: undefined,
        ops: undefined,
        ...(hiddenBy.length > 0 ? { c: toggleCollapsed(query, hiddenBy) } : {}),
      },
      { replace: true },
    )
  }
  const toggle = (index: number): void =>
    changeQuery({ c: toggleCollapsed(query, [columns.spanIds[index]!]) }, { replace: true })
  const endHere = (side: PathSide, at: 'begin' | 'end'): void => {
    if (selected >= 0) chooseEnd(side, pathEnd(columns, selected, at))
  }
  const stepRow = (by: number): void => {
    const row = selected < 0 ? (by > 0 ? 0 : rows.spanOf.length - 1) : rows.rowOf[selected]! + by
    select(rows.spanOf[Math.max(0, Math.min(rows.spanOf.length - 1, row))]!)
  }
  const stepTo = (indices: Iterable<number>, by: 1 | -1): void => {
    const next = nextOf([...indices], selected, by)
    if (next !== undefined) select(next)
  }
  const zoom = (factor: number): void =>
    setWindow(zoomWindow(window, columns.bounds, factor, (window.startNs + window.endNs) / 2n))
  const pan = (by: bigint): void =>
    setWindow(panWindow(window, columns.bounds, ((window.endNs - window.startNs) * by) / 8n))
  const zoomToSelected = (): void => {
    if (selected >= 0) setWindow(around(columns, selected))
  }
  const expand = (isOpen: boolean): void => {
    if (selected < 0) return
    if (hasChildren(columns, selected) && collapsed.has(selected) === isOpen) toggle(selected)
    else if (isOpen) {
      if (hasChildren(columns, selected)) select(selected + 1)
    } else if (columns.parent[selected]! >= 0) select(columns.parent[selected]!)
  }
  useKeys({
    j: () => stepRow(1),
    ArrowDown: () => stepRow(1),
    k: () => stepRow(-1),
    ArrowUp: () => stepRow(-1),
    h: () => expand(false),
    ArrowLeft: () => expand(false),
    l: () => expand(true),
    ArrowRight: () => expand(true),
    PageDown: () => stepRow(20),
    PageUp: () => stepRow(-20),
    Home: () => stepRow(-rows.spanOf.length),
    End: () => stepRow(rows.spanOf.length),
    Enter: () => {
      if (selected < 0) stepRow(1)
    },
    w: () => zoom(0.7),
    '+': () => zoom(0.7),
    s: () => zoom(1 / 0.7),
    '-': () => zoom(1 / 0.7),
    a: () => pan(-1n),
    d: () => pan(1n),
    f: zoomToSelected,
    0: () => setWindow(columns.bounds),
    e: () => stepTo(errorsOf(columns), 1),
    n: () => stepTo(found, 1),
    N: () => stepTo(found, -1),
    ...Object.fromEntries(
      TRACE_VIEWS.map(({ name }, at) => [
        String(at + 1),
        () => changeQuery({ view: name === 'waterfall' ? undefined : name }),
      ]),
    ),
    c: () => changeQuery({ path: isPathShown ? '0' : undefined }, { replace: true }),
    v: () => endHere('from', 'begin'),
    V: () => endHere('from', 'end'),
    b: () => endHere('to', 'end'),
    B: () => endHere('to', 'begin'),
    x: clearEnds,
    r: () => changeQuery({ arrows: areArrowsShown ? '0' : undefined }, { replace: true }),
    '/': () => document.querySelector<HTMLInputElement>('[data-role=search]')?.focus(),
  })
  return (
    <div class="trace">
      <TraceHead
        columns={columns}
        view={view}
        shares={shares}
        path={path}
        theme={theme}
        isPathShown={isPathShown}
        areArrowsShown={areArrowsShown}
        arrowCount={allArrows.length}
        areNotesShown={query.get('notes') === '1'}
        areOperationsShown={query.get('ops') === '1'}
        onBack={goToList}
        onSelect={select}
      />
      {isPathShown && <PathBar columns={columns} ends={ends} state={pathState} onSelect={select} />}
      {!columns.isWhole && (
        <div class="strip" role="status">
          <progress /> {formatCount(columns.count)} spans as they came; clocks and causes are being worked out
        </div>
      )}
      <div class="trace-body">
        {view === 'flame' ? (
          <FlameView
            columns={columns}
            path={path}
            top={query.get('top') ?? undefined}
            selected={selected}
            onSelect={select}
          />
        ) : view === 'compare' ? (
          <CompareView columns={columns} withId={readOther(query)} onSelect={select} />
        ) : (
          <Waterfall
            columns={columns}
            rows={rows}
            lanes={lanes}
            window={window}
            selected={selected}
            collapsed={collapsed}
            matches={matches}
            path={isPathShown ? path : hiddenPath}
            arrows={areArrowsShown ? allArrows : []}
            ends={isPathShown ? ends : NO_ENDS}
            onEnd={(end) => chooseEnd(nextSide(ends), end)}
            onWindow={setWindow}
            onSelect={select}
            onToggle={toggle}
          >
            <SearchBox
              text={search}
              found={found}
              selected={selected}
              onStep={(by) => stepTo(found, by)}
              isCollapsed={query.has('d')}
              onCollapse={() =>
                changeQuery({ d: query.has('d') ? undefined : '1', c: undefined }, { replace: true })
              }
            />
          </Waterfall>
        )}
        {selected >= 0 && (
          <Details
            columns={columns}
            index={selected}
            path={path}
            ends={ends}
            theme={theme}
            tab={readTab(query)}
            onSelect={select}
            onZoom={zoomToSelected}
            onClose={() => changeQuery({ span: undefined }, { replace: true })}
          />
        )}
      </div>
    </div>
  )
}

const NO_ENDS: PathEnds = {}

/**
 * The path as the server tells it: of a small trace always, of a large one, whose columns bring their own,
 * between chosen points only.
 */
function useToldPath(
  columns: TraceColumns,
  { from, to }: PathEnds,
  isSmall: boolean,
): { readonly told: CriticalPathView | undefined; readonly state: PathState } {
  const { traceId } = columns.trace
  const isChosen = from !== undefined || to !== undefined
  // A trace that grows has another path.
  const key = isSmall || isChosen ? [traceId, columns.count, from?.text, to?.text].join(' ') : undefined
  const asked = useResource(key, (signal) =>
    readCriticalPath(traceId, { from: from?.text, to: to?.text }, signal),
  )
  if (key === undefined) return { told: undefined, state: 'found' }
  const isAnswered = asked.valueKey === key
  const isEmpty = asked.value?.sections.length === 0
  return {
    // Between chosen points an older answer would be of others.
    told: isAnswered || !isChosen ? asked.value : NO_PATH,
    state: isAnswered ? (isEmpty ? 'none' : 'found') : asked.error === undefined ? 'asked' : 'failed',
  }
}

const NO_PATH: CriticalPathView = { sections: [], exclusiveNs: {} }

/** The other trace of a comparison. */
function readOther(query: URLSearchParams): string | undefined {
  const id = query.get('with') ?? ''
  return /^[0-9a-f]{32}$/.test(id) ? id : undefined
}

/** What is here is searched at once; attributes of a large trace by the server, which adds to it. */
function useFound(columns: TraceColumns, search: string): Int32Array {
  const here = useMemo(() => searchSpans(columns, search, SEARCH_MATCHES_MAX), [columns, search])
  const isLarge = columns.spanAt(0) === undefined && columns.count > 0
  const key = isLarge && search.trim() !== '' ? `${columns.trace.traceId} ${search.trim()}` : undefined
  const told = useResource(key, (signal) => findSpans(columns.trace.traceId, search.trim(), signal))
  return useMemo(() => {
    if (key === undefined || told.valueKey !== key) return here
    const all = new Set(here)
    for (const spanId of told.value ?? []) {
      const index = columns.indexOf.get(spanId)
      if (index !== undefined) all.add(index)
    }
    return Int32Array.from(all).sort()
  }, [here, told.value, told.valueKey, key, columns])
}

/**
 * The window: at once on the screen, in the URL when it has come to rest (browsers limit how often history
 * may change). A window that comes by the URL (back button, a link) wins over the one on the screen.
 */
function useWindow(
  columns: TraceColumns,
  query: URLSearchParams,
): readonly [TimeWindow, (window: TimeWindow) => void] {
  const inUrl = query.get('z')
  const [draft, setDraft] = useState<
    { readonly from: string | null; readonly window: TimeWindow } | undefined
  >(undefined)
  const window =
    draft !== undefined && draft.from === inUrl ? draft.window : readWindow(inUrl, columns.bounds)
  useEffect(() => {
    if (draft === undefined || draft.from !== inUrl) return
    const timer = setTimeout(() => {
      const z = writeWindow(draft.window, columns.bounds)
      setDraft({ from: z ?? null, window: draft.window })
      changeQuery({ z }, { replace: true })
    }, URL_SETTLE_MS)
    return () => clearTimeout(timer)
  }, [draft])
  return [window, (next) => setDraft({ from: inUrl, window: clampWindow(next, columns.bounds) })]
}

/** The span with a quarter of its length on each side. */
function around(columns: TraceColumns, index: number): TimeWindow {
  const startNs = columns.startNs[index]!
  const endNs = columns.endNs[index]!
  const room = (endNs - startNs) / 4n + 1n
  return clampWindow({ startNs: startNs - room, endNs: endNs + room }, columns.bounds)
}

/** A window as wide as before with the middle of a span in its middle. */
function centred(columns: TraceColumns, index: number, window: TimeWindow): TimeWindow {
  const middleNs = (columns.startNs[index]! + columns.endNs[index]!) / 2n
  return panWindow(window, columns.bounds, middleNs - (window.startNs + window.endNs) / 2n)
}

function ancestorsIn(columns: TraceColumns, collapsed: ReadonlySet<number>, index: number): string[] {
  const out: string[] = []
  for (let above = columns.parent[index]!; above >= 0; above = columns.parent[above]!)
    if (collapsed.has(above)) out.push(columns.spanIds[above]!)
  return out
}

function* errorsOf(columns: TraceColumns): Iterable<number> {
  for (let index = 0; index < columns.flags.length; index++)
    if ((columns.flags[index]! & FLAG.error) !== 0) yield index
}

/** The next index after (or before) the present one, round the end. */
function nextOf(indices: readonly number[], present: number, by: 1 | -1): number | undefined {
  if (by > 0) return indices.find((index) => index > present) ?? indices[0]
  return indices.findLast((index) => index < present) ?? indices[indices.length - 1]
}
