// Data by key. The last good value stays while the next is on its way (stale), and only the newest question
// may answer: a change of key aborts what was asked before, and an answer that comes all the same is dropped.

import { useEffect, useRef, useState } from 'preact/hooks'

export type Resource<T> = {
  readonly value: T | undefined
  /** The key that value belongs to; differs from the asked key while stale. */
  readonly valueKey: string | undefined
  readonly isLoading: boolean
  readonly error: Error | undefined
  readonly reload: () => void
}

/** load(signal, show): show(partial) puts a first part on the screen before the whole has come. */
export type Load<T> = (signal: AbortSignal, show: (partial: T) => void) => Promise<T>

type State<T> = Omit<Resource<T>, 'reload'>

/** options.refreshMs asks again by itself, and after an error as well. A key of undefined asks nothing. */
export function useResource<T>(
  key: string | undefined,
  load: Load<T>,
  options: { readonly refreshMs?: number } = {},
): Resource<T> {
  const [state, setState] = useState<State<T>>({
    value: undefined,
    valueKey: undefined,
    isLoading: key !== undefined,
    error: undefined,
  })
  const [round, setRound] = useState(0)
  const latest = useRef(load)
  latest.current = load
  const { refreshMs } = options

  useEffect(() => {
    if (key === undefined) return
    const controller = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async (): Promise<void> => {
      setState((old) => ({ ...old, isLoading: true }))
      const show = (value: T): void => {
        if (!controller.signal.aborted) setState({ value, valueKey: key, isLoading: true, error: undefined })
      }
      try {
        const value = await latest.current(controller.signal, show)
        if (!controller.signal.aborted) setState({ value, valueKey: key, isLoading: false, error: undefined })
      } catch (cause: unknown) {
        const error = cause instanceof Error ? cause : new Error(String(cause))
        if (!controller.signal.aborted) setState((old) => ({ ...old, isLoading: false, error }))
      }
      if (refreshMs !== undefined && !controller.signal.aborted)
        timer = setTimeout(() => void ask(), refreshMs)
    }
    void ask()
    return () => {
      controller.abort()
      clearTimeout(timer)
    }
  }, [key, round, refreshMs])

  return { ...state, reload: () => setRound((old) => old + 1) }
}
