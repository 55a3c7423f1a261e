// A stream of server-sent events that comes back by itself. EventSource retries a broken connection but gives
// up on an HTTP error (a restarting server answers 503), so closed streams are opened again with growing
// waits.

import { STREAM_RETRY_MS_MAX, STREAM_RETRY_MS_MIN } from './limits.ts'

export type StreamState = 'connecting' | 'open' | 'lost'

export type Listener = {
  readonly onState: (state: StreamState) => void
  readonly onData: (text: string) => void
}

/** Opens the stream; the result closes it. Named events in `names` count like unnamed ones. */
export function openStream(url: string, names: readonly string[], listener: Listener): () => void {
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let waitMs = STREAM_RETRY_MS_MIN
  const connect = (): void => {
    source = new EventSource(url)
    source.onopen = () => {
      waitMs = STREAM_RETRY_MS_MIN
      listener.onState('open')
    }
    source.onerror = () => {
      listener.onState('lost')
      if (source?.readyState !== EventSource.CLOSED) return
      timer = setTimeout(connect, waitMs)
      waitMs = Math.min(waitMs * 2, STREAM_RETRY_MS_MAX)
    }
    const onMessage = (event: MessageEvent<unknown>): void => {
      if (typeof event.data === 'string') listener.onData(event.data)
    }
    for (const name of ['message', ...names]) source.addEventListener(name, onMessage)
  }
  listener.onState('connecting')
  connect()
  return () => {
    source?.close()
    clearTimeout(timer)
  }
}
