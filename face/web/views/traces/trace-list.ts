// The rows of the list: one search by filter, kept fresh by the live stream, older pages by cursor.
//
//   search (by key) --+
//   stream -> waiting +--> by trace id, newest version wins --> newest first --> at most LIST_ROWS_MAX
//   older pages ------+
//
// Paused, or for a moment held: the stream goes on filling `waiting`, and the rows stand still until it is
// let in. The address keeps when it was paused, and the search then asks for what had begun by that time.

import type { TraceSummary } from '#protocol'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { readStreamed, searchTraces } from '../../base/api.ts'
import {
  AHEAD_MS_MAX,
  LIST_PAGE_ROWS,
  LIST_ROWS_MAX,
  LIVE_HOLD_MS,
  LIVE_REDRAW_MS,
} from '../../base/limits.ts'
import { useResource } from '../../base/resource.ts'
import { openStream, type StreamState } from '../../base/stream.ts'
import { filterRequest, writeFilter, type TraceFilter } from '../../base/trace-filter.ts'

/** With a working stream the search is only a check; without, it is the only source. */
const REFRESH_STREAMING_MS = 20_000
const REFRESH_POLLING_MS = 3_000

export type TraceList = {
  readonly rows: readonly TraceSummary[]
  /** Nothing has been answered yet for any filter. */
  readonly isFirst: boolean
  /** The rows belong to the filter before. */
  readonly isStale: boolean
  readonly error: Error | undefined
  readonly stream: StreamState | 'off'
  /** Arrived while paused. */
  readonly waitingCount: number
  readonly hasOlder: boolean
  readonly loadOlder: () => void
  readonly reload: () => void
  /** The rows stand still for a moment: the pointer is on its way to one. */
  readonly hold: () => void
}

type Older = {
  readonly key: string
  readonly rows: readonly TraceSummary[]
  readonly cursor: string | undefined
}

export function useTraceList(filter: TraceFilter, pausedMs: number | undefined): TraceList {
  const isPaused = pausedMs !== undefined
  const key = keyOf(filter)
  const isPast = filter.range.kind === 'between'
  const { arrived, waitingCount, stream, hold } = useArrivals(filter, key, { isPaused, isOff: isPast })
  const refreshMs =
    isPaused || isPast ? undefined : stream === 'open' ? REFRESH_STREAMING_MS : REFRESH_POLLING_MS
  const search = useResource(key, (signal) => searchTraces(pageOf(filter, pausedMs), signal), {
    refreshMs,
  })
  const [older, setOlder] = useState<Older>({ key, rows: [], cursor: undefined })

  const cursor = older.key === key && older.rows.length > 0 ? older.cursor : search.value?.nextCursor
  const loadOlder = (): void => {
    if (cursor === undefined) return
    searchTraces(pageOf(filter, pausedMs, cursor), new AbortController().signal).then(
      (page) =>
        setOlder((old) => ({
          key,
          rows: [...(old.key === key ? old.rows : []), ...page.traces],
          cursor: page.nextCursor,
        })),
      search.reload,
    )
  }
  const rows = useMemo(
    () =>
      merge(
        search.value?.traces ?? [],
        older.key === key ? older.rows : [],
        search.valueKey === key ? arrived : [],
      ),
    [search.value, search.valueKey, older, arrived, key],
  )
  return {
    rows,
    stream,
    waitingCount,
    loadOlder,
    hold,
    reload: search.reload,
    error: search.error,
    isFirst: search.value === undefined,
    isStale: search.value !== undefined && search.valueKey !== key,
    hasOlder: cursor !== undefined && rows.length < LIST_ROWS_MAX,
  }
}

function keyOf(filter: TraceFilter): string {
  const query = new URLSearchParams()
  writeFilter(query, filter)
  return query.toString()
}

function pageOf(filter: TraceFilter, pausedMs: number | undefined, cursor?: string): URLSearchParams {
  const query = filterRequest(filter, Date.now(), pausedMs)
  query.set('limit', String(LIST_PAGE_ROWS))
  if (cursor !== undefined) query.set('cursor', cursor)
  return query
}

/**
 * Later lists win over earlier ones: a summary grows while spans arrive. Newest first, but for what claims to
 * begin in the future, as the server orders them.
 */
export function merge(...lists: readonly (readonly TraceSummary[])[]): readonly TraceSummary[] {
  const byId = new Map<string, TraceSummary>()
  for (const list of lists)
    for (const row of list) {
      const known = byId.get(row.traceId)
      if (known === undefined || row.spanCount >= known.spanCount) byId.set(row.traceId, row)
    }
  const aheadNs = BigInt(Date.now() + AHEAD_MS_MAX) * 1_000_000n
  const startOf = new Map([...byId].map(([traceId, row]) => [traceId, BigInt(row.startNs)]))
  const newer = (a: TraceSummary, b: TraceSummary): number => {
    const [startA, startB] = [startOf.get(a.traceId)!, startOf.get(b.traceId)!]
    if (startA > aheadNs !== startB > aheadNs) return startA > aheadNs ? 1 : -1
    const difference = startB - startA
    return difference > 0n ? 1 : difference < 0n ? -1 : a.traceId < b.traceId ? -1 : 1
  }
  return [...byId.values()].sort(newer).slice(0, LIST_ROWS_MAX)
}

type Arrivals = {
  readonly arrived: readonly TraceSummary[]
  readonly waitingCount: number
  readonly stream: StreamState | 'off'
  readonly hold: () => void
}

/** What the stream brought for this filter, let in at a calm pace. */
function useArrivals(
  filter: TraceFilter,
  key: string,
  { isPaused, isOff }: { readonly isPaused: boolean; readonly isOff: boolean },
): Arrivals {
  const [arrived, setArrived] = useState<{ readonly key: string; readonly rows: readonly TraceSummary[] }>({
    key,
    rows: [],
  })
  const [stream, setStream] = useState<StreamState>('connecting')
  const [waitingCount, setWaitingCount] = useState(0)
  const waiting = useRef<TraceSummary[]>([])
  const paused = useRef(isPaused)
  paused.current = isPaused
  const heldUntilMs = useRef(0)
  const hold = useCallback(() => {
    heldUntilMs.current = performance.now() + LIVE_HOLD_MS
  }, [])

  useEffect(() => {
    waiting.current = []
    setWaitingCount(0)
    if (isOff) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const letIn = (): void => {
      timer = undefined
      const fresh = waiting.current
      if (paused.current) {
        setWaitingCount(new Set(fresh.map((row) => row.traceId)).size)
        return
      }
      const heldMs = heldUntilMs.current - performance.now()
      if (heldMs > 0) {
        timer = setTimeout(letIn, heldMs)
        return
      }
      waiting.current = []
      setWaitingCount(0)
      setArrived((old) => ({ key, rows: merge(old.key === key ? old.rows : [], fresh) }))
    }
    const onData = (text: string): void => {
      waiting.current = waiting.current.concat(readStreamed(text)).slice(-LIST_ROWS_MAX)
      timer ??= setTimeout(letIn, LIVE_REDRAW_MS)
    }
    const close = openStream(
      `/api/v1/traces?${filterRequest(filter, Date.now())}`,
      ['traces', 'trace', 'summary'],
      { onState: setStream, onData },
    )
    return () => {
      close()
      clearTimeout(timer)
    }
  }, [key, isOff])

  useEffect(() => {
    if (isPaused || waiting.current.length === 0) return
    const fresh = waiting.current
    waiting.current = []
    setWaitingCount(0)
    setArrived((old) => ({ key, rows: merge(old.key === key ? old.rows : [], fresh) }))
  }, [isPaused])

  return {
    arrived: arrived.key === key ? arrived.rows : [],
    waitingCount,
    stream: isOff ? 'off' : stream,
    hold,
  }
}
