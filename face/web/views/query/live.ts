// The results of a query as they come: the newest, and what they were since the page is open.

import type { QueryResults } from '#protocol'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiFailure, readQueryResults, readStreamedResults } from '../../base/api.ts'
import { openStream } from '../../base/stream.ts'
import { withSnapshot, type Snapshot } from './snapshots.ts'

export type Live = {
  readonly results: QueryResults | undefined
  readonly past: readonly Snapshot[]
  /** The stream is broken: what is shown is old. */
  readonly isLost: boolean
  /** It was stopped, or its time is over. What is shown are its last rows. */
  readonly hasEnded: boolean
  /** Nothing can be shown. */
  readonly error: Error | undefined
}

const NOTHING: Live = { results: undefined, past: [], isLost: false, hasEnded: false, error: undefined }

/** `by`: columns whose totals the server is to merge. Another `by` keeps what is on the screen. */
export function useLive(
  id: string | undefined,
  by: readonly string[],
): Live & { readonly retry: () => void } {
  const [live, setLive] = useState(NOTHING)
  const [round, setRound] = useState(0)
  const shown = useRef(id)
  const search = new URLSearchParams(by.map((column) => ['by', column])).toString()
  if (shown.current !== id) {
    shown.current = id
    setLive(NOTHING)
  }
  useEffect(() => {
    if (id === undefined) return
    const controller = new AbortController()
    const path = `/api/v1/queries/${encodeURIComponent(id)}/results`
    const take = (results: QueryResults): void =>
      setLive(({ past }) => ({
        results,
        past: withSnapshot(past, results),
        isLost: false,
        hasEnded: false,
        error: undefined,
      }))
    // A stream cannot say why there is none: that is asked, at first and whenever it breaks.
    const ask = (): void =>
      void readQueryResults(id, controller.signal).catch((error: unknown) => {
        if (controller.signal.aborted) return
        if (error instanceof ApiFailure && error.status === 404) {
          close()
          setLive((old) => ({ ...old, isLost: false, hasEnded: true }))
        } else
          setLive((old) => ({ ...old, error: error instanceof Error ? error : new Error(String(error)) }))
      })
    const close = openStream(search === '' ? path : `${path}?${search}`, [], {
      onState: (state) => {
        if (state !== 'lost') return
        setLive((old) => ({ ...old, isLost: true }))
        ask()
      },
      onData: (text) => take(readStreamedResults(text)),
    })
    ask()
    return () => {
      controller.abort()
      close()
    }
  }, [id, search, round])
  return { ...live, retry: () => setRound((old) => old + 1) }
}
