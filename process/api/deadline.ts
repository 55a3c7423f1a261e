// Until when an answer is worth anything. A deadline goes with everything the execution causes, in this
// process
// and in others, as the time that remains; work whose time is over is not begun where it waits in line.
//
//   setDeadline(2000) --> fetch: 1,950 ms remain --> the callee's requests: 504 once it has passed
//                     \-> gate.run: E_GATE_EXPIRED        cancelSignal(): aborted then

import { host } from './host.ts'

/** Of node:http's response, as far as is used here. */
type Closing = {
  readonly writableFinished: boolean
  once(event: 'close', listener: () => void): unknown
}

/** This execution shall be over in `ms`; a nearer deadline stays. Without an agent nothing happens. */
export function setDeadline(ms: number): void {
  host()?.setDeadline?.(ms)
}

/** What is left of it: undefined = there is no deadline; below 0 = it has passed. */
export function remainingMs(): number | undefined {
  return host()?.remainingMs?.()
}

/**
 * For fetch, for gates, for whatever takes a signal: aborted when the deadline passes and, given the
 * response,
 * when who asked has gone. undefined = neither can happen.
 */
export function cancelSignal(response?: Closing): AbortSignal | undefined {
  const ofDeadline = host()?.cancelSignal?.()
  if (response === undefined) return ofDeadline
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new DOMException('who asked has gone', 'AbortError'))
  })
  return ofDeadline === undefined ? gone.signal : AbortSignal.any([gone.signal, ofDeadline])
}
